//! One file a verb.

pub mod admin;
pub mod backup;
pub mod check;
pub mod prove;
pub mod register;
pub mod rotate;
pub mod schema;
pub mod serve;
pub mod show;
pub mod simulate;
pub mod sources;
pub mod trace;
pub mod verify;
pub mod witness;

use std::path::Path;

use anyhow::{Context, Result};
use countersign_model::register::Register;

use crate::out::{self, Exit};

/// How the person wants to be told.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub json: bool,
    pub terminal: countersign_console::Terminal,
}

/// A text that is no JSON by itself, as it is or as the one field of an object.
pub fn wrapped(field: &str, text: &str, told: Told) -> String {
    if told.json { format!("{}\n", serde_json::json!({ field: text })) } else { text.to_owned() }
}

/// A register without mistakes; else every mistake is said and there is none.
pub fn load_register(path: &Path) -> Result<Result<Register, Exit>> {
    let (register, mistakes) = countersign_register::load(path)
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
