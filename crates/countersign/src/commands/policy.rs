//! `countersign policy check`: whether the company's own policies can be used, before a server has
//! them.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use countersign_console::plain;
use countersign_judge::{ApplicationPolicies, Guardrails, PolicyError};
use countersign_model::register::Register;
use countersign_register::Known;
use serde_json::{Value as Json, json};

use super::{Told, files_of, load_register};
use crate::cli::{PolicyCommand, PolicyTestArgs};
use crate::client::Client;
use crate::out::{self, Exit};

pub fn run(command: &PolicyCommand, told: Told) -> Result<Exit> {
    let args = match command {
        PolicyCommand::Check(args) => args,
        PolicyCommand::Test(args) => return test(args, told),
    };
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

/// What would have changed, by the server's own record of what it was asked.
fn test(args: &PolicyTestArgs, told: Told) -> Result<Exit> {
    let back = countersign_register::duration(&args.replay)
        .with_context(|| format!("`{}` is no length of time; say `7d`", plain(&args.replay)))?;
    let since = countersign_register::time_text(crate::serve::now().plus_nanos(-back.0));
    let register = match load_register(&args.register, &Known::default())? {
        Ok(register) => register,
        Err(exit) => return Ok(exit),
    };
    let asked = json!({"files": files_of(&register), "since": since});
    let client = Client::of(&args.server)?;
    let trial = client.post("/v1/decisions/try-policies", &asked, None)?.good()?;
    if told.json {
        out::data(&format!("{trial}\n"))?;
    } else {
        out::data(&changes(&trial, &since))?;
    }
    Ok(if trial["changed"] == 0 { Exit::Ok } else { Exit::Found })
}

fn changes(trial: &Json, since: &str) -> String {
    let mut text = format!(
        "{} of {} answers since {since} would be others; {} records could not be tried.\n",
        trial["changed"], trial["tried"], trial["left_out"]
    );
    for changed in trial["shown"].as_array().into_iter().flatten() {
        let word = |name: &str| plain(changed[name].as_str().unwrap_or_default()).into_owned();
        let reasons = changed["reasons"].as_array().into_iter().flatten();
        let reasons: Vec<&str> = reasons.filter_map(Json::as_str).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {} -> {:8} {} {} {} ({})  {}",
            word("before"),
            word("after"),
            word("subject"),
            word("action"),
            word("resource"),
            word("tenant"),
            plain(&reasons.join(", "))
        );
    }
    text
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
