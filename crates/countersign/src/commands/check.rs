//! `countersign check`: every mistake of a register, and what it leaves unknown.

use std::fmt::Write;

use anyhow::{Context, Result};
use countersign_console::plain;
use countersign_model::register::Register;
use countersign_register::{Gap, Mistake, gaps};
use serde_json::json;

use super::trace::{definitions, guardrails};
use super::{Told, known};
use crate::cli::CheckArgs;
use crate::out::{self, Exit};

pub fn run(args: &CheckArgs, told: Told) -> Result<Exit> {
    let known =
        known(&definitions(&args.source)?, &guardrails(&args.policy, &Register::default())?);
    let path = args.register.as_path();
    let (register, mistakes) = countersign_register::load_with(path, &known)
        .with_context(|| format!("could not read the register `{}`", path.display()))?;
    let gaps = gaps(&register);
    let text = if told.json { as_json(&mistakes, &gaps) } else { as_text(&mistakes, &gaps) };
    out::data(&text)?;
    Ok(if mistakes.is_empty() { Exit::Ok } else { Exit::Found })
}

fn as_json(mistakes: &[Mistake], gaps: &[Gap]) -> String {
    let mistake = |mistake: &Mistake| {
        json!({
            "file": mistake.file, "line": mistake.line, "column": mistake.column,
            "message": mistake.message, "fix": mistake.fix,
        })
    };
    let gap = |gap: &Gap| json!({ "noun": gap.noun, "id": gap.id, "field": gap.field, "unknown": gap.effect });
    let whole = json!({
        "mistakes": mistakes.iter().map(mistake).collect::<Vec<_>>(),
        "gaps": gaps.iter().map(gap).collect::<Vec<_>>(),
    });
    format!("{whole}\n")
}

fn as_text(mistakes: &[Mistake], gaps: &[Gap]) -> String {
    let mut text = String::new();
    for mistake in mistakes {
        let _ = writeln!(text, "{}", plain(&mistake.to_string()));
    }
    if !gaps.is_empty() {
        text.push_str("Not said, so unknown:\n");
    }
    for gap in gaps {
        let place = [gap.noun, &gap.id, gap.field].into_iter().filter(|part| !part.is_empty());
        let place = place.collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "  {}: {}", plain(&place), gap.effect);
    }
    let (wrong, unknown) = (mistakes.len(), gaps.len());
    let _ = writeln!(text, "{wrong} mistakes, {unknown} things not said.");
    text
}
