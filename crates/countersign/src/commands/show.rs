//! `countersign trace show`: the strip of one event of a run.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_console::{plain, render_terminal_strip};
use countersign_model::register::Register;
use serde_json::Value;

use super::Told;
use super::trace::{REGISTER, ROWS};
use crate::out::{self, Exit};
use crate::strip;

/// More events than this are not listed when an id is not enough.
const LISTED_MAX: usize = 10;

pub fn run(event: &str, run: &Path, told: Told) -> Result<Exit> {
    let rows = find(event, &run.join(ROWS))?;
    let row = match rows.as_slice() {
        [] => bail!(
            "no event of the run in `{}` begins with `{}`: ids stand in `{}`, or give another run with --run",
            run.display(),
            plain(event),
            run.join(ROWS).display(),
        ),
        [row] => row,
        several => {
            for row in several.iter().take(LISTED_MAX) {
                let name = format!("{}/{}", text(&row["source"]), text(&row["event"]));
                out::say(&plain(&name));
            }
            bail!("`{}` fits {} events: give more of the id", plain(event), several.len());
        }
    };
    if told.json {
        out::data(&format!("{row}\n"))?;
        return Ok(Exit::Ok);
    }
    let register = saved_register(run)?;
    out::data(&render_terminal_strip(&strip::of_row(row, &register), told.terminal))?;
    Ok(Exit::Ok)
}

/// The register as the run knew it.
pub fn saved_register(run: &Path) -> Result<Register> {
    let path = run.join(REGISTER);
    if !path.exists() {
        return Ok(Register::default());
    }
    Ok(countersign_register::load(&path)?.0)
}

/// Rows whose event id, alone or as `source/id`, is `event` or begins with it. A whole id wins.
fn find(event: &str, path: &Path) -> Result<Vec<Value>> {
    let file = File::open(path).with_context(|| {
        format!("no run is in `{}`: run `countersign trace` first", path.display())
    })?;
    let id = event
        .rsplit_once('/')
        .filter(|(source, _)| source.contains('.'))
        .map_or(event, |(_, id)| id);
    let escaped = Value::from(id).to_string();
    let needle = escaped.trim_matches('"');
    let mut found: Vec<Value> = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line?;
        // Rows are long and many; only those that can be meant are parsed.
        if !line.contains(needle) {
            continue;
        }
        let row: Value = serde_json::from_str(&line).context("the run's rows are damaged")?;
        let (source, own) = (text(&row["source"]), text(&row["event"]));
        let whole = format!("{source}/{own}");
        if own == event || whole == event {
            return Ok(vec![row]);
        }
        if own.starts_with(event) || whole.starts_with(event) {
            found.push(row);
        }
    }
    Ok(found)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}
