//! Every file of `scripts/`: commands, and what they say. `UPDATE_CASES=1` rewrites what is said.
//!
//! ```text
//! # Title
//! file logs/a.json
//!   {"eventName": …}
//! $ trace logs --register {invictus}/register.yaml
//!   what goes to standard output
//! ! what goes to standard error
//! exit 0
//! @ flip run/ledger/tile/0/000
//! ```
//!
//! Paths of the repository, digests and keys are masked, since they differ from place to place.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Folder, Ran, invictus, path_text, repository};

#[test]
fn every_script_says_what_it_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut wrong = String::new();
    let mut count = 0;
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        count += 1;
        let expected = fs::read_to_string(&path).unwrap();
        let got = play(&expected);
        if got == expected {
            continue;
        }
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&path, got).unwrap();
        } else {
            wrong.push_str(&format!(
                "\n=== {}\n{}",
                path.display(),
                first_difference(&expected, &got)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nUPDATE_CASES=1 rewrites what is expected");
    assert!(count >= 8, "only {count} scripts were found");
}

fn first_difference(expected: &str, got: &str) -> String {
    let mut lines = expected.lines().zip(got.lines()).enumerate();
    match lines.find(|(_, (expected, got))| expected != got) {
        Some((at, (expected, got))) => {
            format!("line {}\nexpected {expected}\ngot      {got}", at + 1)
        }
        None => format!("{} lines became {}", expected.lines().count(), got.lines().count()),
    }
}

/// Runs a script; gives it back with what was said now.
fn play(script: &str) -> String {
    let folder = Folder::new("script");
    let mut said = String::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            said.push_str(line);
            said.push('\n');
            let arguments: Vec<String> = command.split(' ').map(fill).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            said.push_str(&tell(&folder, &folder.run(&arguments)));
            continue;
        }
        if line.starts_with("  ")
            || line.starts_with("! ")
            || line.starts_with("exit ")
            || line == "!"
        {
            // What was said before.
            continue;
        }
        said.push_str(line);
        said.push('\n');
        if let Some(name) = line.strip_prefix("file ") {
            let mut text = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
                said.push_str(line);
                said.push('\n');
                text.push_str(&line[2..]);
                text.push('\n');
            }
            folder.write(name, text);
        } else if let Some(name) = line.strip_prefix("@ flip ") {
            let path = first_file(folder.at(name));
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
        }
    }
    said
}

/// The file itself, or the first in the folder.
fn first_file(path: PathBuf) -> PathBuf {
    if !path.is_dir() {
        return path;
    }
    let mut within: Vec<PathBuf> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    within.sort();
    first_file(within.swap_remove(0))
}

fn fill(word: &str) -> String {
    word.replace("{invictus}", &path_text(Path::new(&invictus().0).parent().unwrap()))
}

fn tell(folder: &Folder, ran: &Ran) -> String {
    let mut said = String::new();
    for line in ran.out.lines() {
        said.push_str(format!("  {}", mask(line, folder)).trim_end());
        said.push('\n');
    }
    for line in ran.err.lines() {
        said.push_str(&format!("! {}\n", mask(line, folder)));
    }
    said.push_str(&format!("exit {}\n", ran.code.unwrap()));
    // An empty line of output stays part of it.
    said.lines()
        .map(|line| if line.is_empty() { "  \n".to_owned() } else { format!("{line}\n") })
        .collect()
}

fn mask(line: &str, folder: &Folder) -> String {
    let line = line.replace(&path_text(&repository()), "{repository}");
    let line = line.replace(&path_text(folder.path()), "{here}");
    // Where batches end depends on the ledger's random key.
    let by_key =
        [" entries ", " batches", "TAMPERED", "covers "].iter().any(|words| line.contains(words));
    let line = if by_key { line.replace(|c: char| c.is_ascii_digit(), "#") } else { line };
    let line = line.replace("##", "#").replace("##", "#");
    let mut masked = String::new();
    let mut rest = line.as_str();
    while !rest.is_empty() {
        let word = rest.find([' ', '"', '\'']).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(word);
        masked.push_str(mask_word(head));
        let mut tail = tail.chars();
        masked.extend(tail.next());
        rest = tail.as_str();
    }
    masked
}

fn mask_word(word: &str) -> &str {
    let bare = word.trim_end_matches(['.', ',']);
    let is_digest =
        bare.len() > 24 && bare.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'#');
    if is_digest {
        return "{digest}";
    }
    if word.starts_with("countersign.local/access+") { "{key}" } else { word }
}
