use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_judge::{Facts, Guardrails, judge};
use countersign_model::judgement::Reason;

use crate::case::{Question, edit, parse, register, render};

/// Answers every case of every file; `UPDATE_CASES=1` writes the answers into them.
#[test]
fn every_case_is_answered_as_written() {
    let guardrails = Guardrails::shipped();
    let mut wrong = Vec::new();
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let answered = answer(&guardrails, &text);
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&path, answered).unwrap();
        } else if answered != text {
            let lines = answered.lines().zip(text.lines());
            let (number, (now, then)) =
                lines.enumerate().find(|(_, (now, then))| now != then).unwrap_or_default();
            let place = format!("{}:{}", path.display(), number + 1);
            wrong.push(format!("{place}\n  written: {then}\n  is:      {now}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_reason_has_a_case() {
    let cases: Vec<String> = files().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let words = cases.iter().flat_map(|text| text.lines());
    let seen: BTreeSet<&str> = words
        .filter(|line| line.starts_with("     "))
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    for Reason { code, .. } in Guardrails::shipped().reasons() {
        assert!(seen.contains(code.as_str()), "no case shows {code}");
    }
}

#[test]
fn every_policy_file_is_shipped() {
    let known: Vec<String> =
        Guardrails::shipped().reasons().into_iter().map(|reason| reason.code).collect();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for entry in fs::read_dir(policies).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            let text = fs::read_to_string(&path).unwrap();
            let mut codes = text.lines().filter_map(|line| {
                line.strip_prefix("@reason(\"").and_then(|rest| rest.strip_suffix("\")"))
            });
            assert!(
                codes.all(|code| known.iter().any(|known| known == code)),
                "{} is not shipped",
                path.display()
            );
        }
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "questions"))
        .collect();
    files.sort();
    assert!(files.len() > 5, "the cases are gone");
    files
}

/// The text of a file with each answer as it is now.
fn answer(guardrails: &Guardrails, text: &str) -> String {
    let base = register();
    let mut tree = base.clone();
    let mut answered = String::new();
    for line in text.lines() {
        let is_answer = line.starts_with("  =>") || line.starts_with("     ");
        if is_answer {
            continue;
        }
        answered.push_str(line);
        answered.push('\n');
        if let Some(question) = line.strip_prefix("  ask ") {
            let register = parse(&tree).unwrap_or_else(|error| panic!("{answered}{error}"));
            let facts = Facts::new(register);
            let ask = Question::parse(question);
            answered
                .push_str(&render(&ask.ask(|access, at| judge(guardrails, &facts, access, at))));
        } else if let Some(change) = line.strip_prefix("  ") {
            edit(&mut tree, change);
        } else {
            tree = base.clone();
        }
    }
    answered
}
