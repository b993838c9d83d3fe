//! `countersign sources`: which logs can be read.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use countersign_console::plain;
use serde_json::{Value, json};

use super::Told;
use super::trace::definitions;
use crate::out::{self, Exit};

pub fn run(own: &[PathBuf], told: Told) -> Result<Exit> {
    let definitions = definitions(own)?;
    if told.json {
        let all: Vec<Value> = definitions
            .all
            .iter()
            .map(|source| {
                json!({
                    "name": source.name, "title": source.title, "proof": source.proof.as_str(),
                    "privileged_means": source.privileged_means,
                })
            })
            .collect();
        out::data(&format!("{}\n", Value::from(all)))?;
        return Ok(Exit::Ok);
    }
    let mut text = String::new();
    for source in &definitions.all {
        let _ = writeln!(
            text,
            "{:<26} {:<9} {}",
            source.name,
            source.proof.as_str(),
            plain(&source.title)
        );
        if !source.privileged_means.is_empty() {
            let _ =
                writeln!(text, "{:<36} privileged: {}", "", plain(source.privileged_means.trim()));
        }
    }
    out::data(&text)?;
    Ok(Exit::Ok)
}
