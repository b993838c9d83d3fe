//! `countersign policy check`: whether the company's own policies can be used, before a server has
//! them.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use countersign_console::plain;
use countersign_judge::{ApplicationPolicies, Guardrails, PolicyError};
use countersign_model::register::Register;
use countersign_register::Known;
use serde_json::json;

use super::Told;
use crate::cli::PolicyCommand;
use crate::out::{self, Exit};

pub fn run(command: &PolicyCommand, told: Told) -> Result<Exit> {
    let PolicyCommand::Check(args) = command;
    let mut mistakes = Vec::new();
    let mut count = 0;
    for path in &args.registers {
        count += check(path, &mut mistakes)?;
    }
    let text = if told.json {
        format!("{}\n", json!({ "policies": count, "mistakes": mistakes }))
    } else {
        let mut text = String::new();
        for mistake in &mistakes {
            let _ = writeln!(text, "{}", plain(mistake));
        }
        let _ = writeln!(text, "{} mistakes in {count} policies.", mistakes.len());
        text
    };
    out::data(&text)?;
    Ok(if mistakes.is_empty() { Exit::Ok } else { Exit::Found })
}

/// How many policies there are.
fn check(path: &Path, mistakes: &mut Vec<String>) -> Result<usize> {
    let (register, wrong) = countersign_register::load_with(path, &Known::default())
        .with_context(|| format!("could not read the register `{}`", path.display()))?;
    mistakes.extend(wrong.iter().map(ToString::to_string));
    if wrong.is_empty() {
        mistakes.extend(compiled(&register).iter().map(ToString::to_string));
    }
    Ok(register.policies.len())
}

/// Those without a schema read what guardrails read, and are checked with them.
fn compiled(register: &Register) -> Vec<PolicyError> {
    let mut errors = ApplicationPolicies::new(register.policies.iter()).err().unwrap_or_default();
    let plain = register.policies.iter().filter(|(_, policy)| policy.schema.is_none());
    for (id, policy) in plain {
        errors.extend(Guardrails::with(&[(id.to_string(), policy.cedar.clone())]).err());
    }
    errors
}
