//! One file a verb.

pub mod admin;
pub mod apply;
pub mod backup;
pub mod check;
pub mod decisions;
pub mod items;
pub mod keys;
pub mod onboard;
pub mod policy;
pub mod proof;
pub mod prove;
pub mod register;
pub mod rotate;
pub mod schema;
pub mod serve;
pub mod session;
pub mod show;
pub mod simulate;
pub mod sources;
pub mod sponsors;
pub mod trace;
pub mod verify;
pub mod witness;

use std::path::Path;

use anyhow::{Context, Result};
use countersign_govern::catalogue;
use countersign_judge::Guardrails;
use countersign_model::register::Register;
use countersign_register::Known;
use countersign_sources::Definitions;
use serde_json::{Value as Json, json};

use crate::out::{self, Exit};

/// How the person wants to be told.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub json: bool,
    pub terminal: countersign_console::Terminal,
}

/// A text that is no JSON by itself, as it is or as the one field of an object.
pub fn wrapped(field: &str, text: &str, told: Told) -> String {
    if told.json { format!("{}\n", json!({ field: text })) } else { text.to_owned() }
}

/// What a register may name: sources and codes.
pub fn known(definitions: &Definitions, guardrails: &Guardrails) -> Known {
    let reasons = guardrails.reasons().into_iter().map(|reason| reason.code);
    let findings = catalogue::ALL.iter().map(|kind| kind.code.to_owned());
    Known {
        sources: definitions.all.iter().map(|source| source.name.to_owned()).collect(),
        codes: reasons.chain(findings).collect(),
    }
}

/// The files of a register, as a server takes them.
pub fn files_of(register: &Register) -> Vec<Json> {
    countersign_register::write_files(register)
        .into_iter()
        .map(|(name, text)| json!({"name": name, "text": text}))
        .collect()
}

/// A register without mistakes; else every mistake is said and there is none.
pub fn load_register(path: &Path, known: &Known) -> Result<Result<Register, Exit>> {
    let (register, mistakes) = countersign_register::load_with(path, known)
        .with_context(|| format!("could not read the register `{}`", path.display()))?;
    if mistakes.is_empty() {
        return Ok(Ok(register));
    }
    for mistake in &mistakes {
        out::say(&countersign_console::plain(&mistake.to_string()));
    }
    out::say(&format!("{} mistakes in the register; nothing was done", mistakes.len()));
    Ok(Err(Exit::Usage))
}
