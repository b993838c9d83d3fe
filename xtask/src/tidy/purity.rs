//! What rooms must not touch.

use super::source::{has_word, shipped};
use super::{Complaint, complain};
use crate::tree::Tree;

const PURE: [&str; 4] = ["model", "judge", "trace", "govern"];
const IMPURE_WORDS: [&str; 4] = ["SystemTime", "Instant::now", "rand", "getrandom"];
const IMPURE_MODULES: [&str; 5] = ["fs", "net", "env", "process", "thread"];
const CLOCK_AND_ENVIRONMENT: [&str; 5] =
    ["SystemTime::now", "Instant::now", "env::var", "env::var_os", "env::vars"];

pub fn pure_rooms_touch_nothing(tree: &Tree) -> Vec<Complaint> {
    let pure = |path: &str| PURE.iter().any(|room| path.starts_with(&format!("crates/{room}/")));
    let mut complaints = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| pure(path)) {
        let lines = shipped(path, text);
        for &(number, line) in &lines {
            for word in IMPURE_WORDS.into_iter().filter(|word| has_word(line, word)) {
                complaints.push(complain(
                    path,
                    number,
                    format!("a pure room may not use `{word}`; take it as a parameter"),
                ));
            }
        }
        for (number, module) in std_modules(&lines) {
            if IMPURE_MODULES.contains(&module.as_str()) {
                complaints.push(complain(
                    path,
                    number,
                    format!("a pure room may not use `std::{module}`; {}", instead_of(&module)),
                ));
            }
        }
    }
    complaints
}

pub fn only_the_binary_reads_clock_and_environment(tree: &Tree) -> Vec<Complaint> {
    // What is never shipped may wait for a server, and ask how long a test may take.
    let is_free =
        |path: &str| path.starts_with("crates/countersign/") || path.starts_with("crates/testkit/");
    let is_bound = |path: &str| path.starts_with("crates/") && !is_free(path);
    let mut complaints = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| is_bound(path)) {
        for (number, line) in shipped(path, text) {
            for word in CLOCK_AND_ENVIRONMENT.into_iter().filter(|word| has_word(line, word)) {
                complaints.push(complain(
                    path,
                    number,
                    format!("only `crates/countersign` may use `{word}`"),
                ));
            }
        }
    }
    complaints
}

pub fn the_model_cannot_be_serialised(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.starts_with("crates/model/")) {
        let is_code =
            |line: &str| !line.trim_start().starts_with(['/', '#']) || line.contains("#[");
        for (number, line) in text.lines().enumerate() {
            if line.contains("serde") && is_code(line) {
                complaints.push(complain(
                    path,
                    number,
                    "nothing in `model` can be serialised; convert at the edges",
                ));
            }
        }
    }
    complaints
}

fn instead_of(module: &str) -> &'static str {
    match module {
        "net" => "addresses are in `core::net`",
        _ => "take it as a parameter",
    }
}

/// The modules of `std` that are named: `std::fs`, and each in `std::{fs, io::{self, Read}}`.
fn std_modules(lines: &[(usize, &str)]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, (number, line)) in lines.iter().enumerate() {
        for (start, _) in line.match_indices("std::") {
            // A list of imports may go on for some lines.
            let following = lines[at + 1..].iter().flat_map(|(_, line)| line.chars().chain([' ']));
            let after = line[start + "std::".len()..].chars().chain([' ']).chain(following);
            found.extend(first_names(after).into_iter().map(|name| (*number, name)));
        }
    }
    found
}

/// `fs` of `fs::File`; `fs` and `io` of `{fs, io::{self, Read}}`.
fn first_names(text: impl Iterator<Item = char>) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut depth = 0;
    let mut is_first = true;
    for c in text {
        let is_name = c.is_alphanumeric() || c == '_';
        match c {
            _ if is_name && is_first && depth <= 1 => name.push(c),
            '{' => depth += 1,
            ',' if depth == 1 => is_first = true,
            '}' => depth -= 1,
            c if c.is_whitespace() && name.is_empty() => (),
            _ => is_first = false,
        }
        if !is_name && !name.is_empty() {
            names.push(std::mem::take(&mut name));
            is_first = c == ',' && depth == 1;
        }
        if depth == 0 && (!is_first || c == '}') {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::assert_complains;

    #[test]
    fn a_pure_room_that_reads_a_file_is_seen() {
        let rule = pure_rooms_touch_nothing;
        let path = "crates/judge/src/lib.rs";
        for (line, expected) in [
            ("use std::fs;", "crates/judge/src/lib.rs:1: a pure room may not use `std::fs`"),
            ("let a = std::env::args();", "crates/judge/src/lib.rs:1"),
            ("use std::{io::{self, Read}, net};", "crates/judge/src/lib.rs:1"),
            ("use std::{\n    fmt,\n    fs::{self, File},\n};", "crates/judge/src/lib.rs:1"),
            ("let now = SystemTime::from(x);", "crates/judge/src/lib.rs:1"),
            ("let at = Instant::now();", "crates/judge/src/lib.rs:1"),
            ("use rand::Rng;", "crates/judge/src/lib.rs:1"),
        ] {
            assert_complains(rule, &[(path, line)], &[expected]);
            assert_complains(rule, &[("crates/runs/src/lib.rs", line)], &[]);
            assert_complains(rule, &[("crates/judge/src/lib/tests.rs", line)], &[]);
        }
        let fine =
            "//! No std::fs here.\nuse std::{collections::BTreeMap, fmt};\nlet std = operand;";
        assert_complains(rule, &[(path, fine)], &[]);
    }

    #[test]
    fn a_clock_outside_the_binary_is_seen() {
        let rule = only_the_binary_reads_clock_and_environment;
        for line in ["let t = SystemTime::now();", "Instant::now()", "std::env::var(\"HOME\")"] {
            assert_complains(rule, &[("crates/runs/src/a.rs", line)], &["crates/runs/src/a.rs:1"]);
            assert_complains(rule, &[("crates/countersign/src/a.rs", line)], &[]);
            assert_complains(rule, &[("crates/runs/benches/a.rs", line)], &[]);
            assert_complains(rule, &[("crates/runs/tests/a.rs", line)], &[]);
        }
        let twice = "SystemTime::now(); env::var(\"A\")";
        assert_complains(rule, &[("crates/runs/src/a.rs", twice)], &["crates/runs", "crates/runs"]);
    }

    #[test]
    fn a_model_that_could_be_serialised_is_seen() {
        let rule = the_model_cannot_be_serialised;
        let files = [
            ("crates/model/Cargo.toml", "serde.workspace = true\n"),
            ("crates/model/src/id.rs", "//! No serde.\n#[derive(serde::Serialize)]\n"),
            ("crates/sources/src/id.rs", "use serde::Serialize;\n"),
        ];
        assert_complains(rule, &files, &["crates/model/Cargo.toml:1", "crates/model/src/id.rs:2"]);
    }
}
