//! What machines read: JSON, rows by their schema, the page, the two streams, the exit codes.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::program::{Folder, invictus, rows};

#[test]
fn every_command_writes_valid_json_when_asked() {
    let folder = Folder::new("json");
    let (logs, register) = invictus();
    folder.write("bad.yaml", "compny: x\n");
    folder
        .run(&["simulate", "world", "--actions", "200", "--seed", "5", "--format", "json"])
        .expect(0)
        .json();
    let trace = |arguments: &[&str]| {
        let start = ["trace", "--format", "json"];
        folder.run(&[&start, arguments].concat())
    };
    let ran = trace(&[&logs, "--register", &register, "--run", "run"]).expect(0);
    assert_eq!(ran.json()["coverage"]["not_privileged"], 1_525);
    assert_eq!(ran.json()["sources"][0]["files"], 55);
    let world = [
        "world/logs",
        "--register",
        "world/register",
        "--truth",
        "world/truth.ndjson",
        "--run",
        "w",
    ];
    let scored = trace(&world).json();
    assert!(scored["score"]["truths"].as_u64().unwrap() > 0, "{scored}");
    let since =
        trace(&[&logs, "--run", "second", "--no-ledger", "--since", "run"]).expect(0).json();
    assert!(!since["since"]["new"].as_array().unwrap().is_empty(), "{since}");
    let event = rows(&folder.at("run"))[0]["event"].as_str().unwrap().to_owned();
    let shown =
        folder.run(&["trace", "show", &event, "--run", "run", "--format", "json"]).expect(0);
    assert_eq!(shown.json()["event"], event);
    for (arguments, code) in [
        (["check", &register].as_slice(), 0),
        (&["check", "bad.yaml"], 1),
        (&["register", "init", "--from", &logs], 0),
        (&["register", "format", &register], 0),
        (&["verify", "run/ledger"], 0),
        (&["sources"], 0),
        (&["schema", "row"], 0),
        (&["schema", "register"], 0),
        (&["schema", "definition"], 0),
        (&["schema", "truth"], 0),
        (&["completions", "bash"], 0),
    ] {
        folder.run(&[arguments, &["--format", "json"]].concat()).expect(code).json();
    }
}

#[test]
fn every_row_is_what_the_published_schema_says() {
    let folder = Folder::new("rows");
    let (logs, register) = invictus();
    let schema = folder.run(&["schema", "row"]).expect(0).json();
    let schema = jsonschema::validator_for(&schema).unwrap();
    folder.run(&["simulate", "world", "--actions", "300", "--seed", "9"]).expect(0);
    let simulated = ["world/logs", "--register", "world/register"];
    for (arguments, out) in
        [([&logs, "--register", &register], "one.ndjson"), (simulated, "two.ndjson")]
    {
        let all =
            [&["trace"], &arguments[..], &["--run", "run", "--no-ledger", "--out", out]].concat();
        folder.run(&all).expect(0);
        let text = folder.read(out);
        assert!(text.lines().count() > 100);
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let wrong: Vec<String> =
                schema.iter_errors(&row).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{wrong:?} in {line}");
        }
    }
}

/// As `docs/ledger-format.md` says it, so that anybody who has the rows can hold them against the log.
#[test]
fn the_output_in_the_ledger_is_the_digest_of_the_rows_digests() {
    let folder = Folder::new("output");
    let (logs, register) = invictus();
    folder.run(&["trace", &logs, "--register", &register, "--run", "run"]).expect(0);
    let mut digests = Vec::new();
    for line in folder.read("run/rows.ndjson").split_inclusive('\n') {
        digests.extend_from_slice(digest(&SHA256, line.as_bytes()).as_ref());
    }
    let output = digest(&SHA256, &digests);
    let entries = folder.at("run/ledger/tile/entries/000.p");
    let bundle = fs::read_dir(entries).unwrap().next().unwrap().unwrap().path();
    let bundle = fs::read(bundle).unwrap();
    assert!(bundle.windows(32).any(|bytes| bytes == output.as_ref()));
}

/// `schema register` accepts the examples' registers' canonical form only by the program's own
/// reader, so here it is held against what a draft looks like: it must have no mistake.
#[test]
fn a_drafted_register_is_a_register() {
    let folder = Folder::new("draft");
    let (logs, _) = invictus();
    let draft = folder.run(&["register", "init", "--from", &logs]).expect(0);
    folder.write("draft.yaml", &draft.out);
    let checked = folder.run(&["check", "draft.yaml", "--format", "json"]).expect(0).json();
    assert!(!checked["gaps"].as_array().unwrap().is_empty(), "sponsor and owner are gaps");
    folder
        .run(&["trace", &logs, "--register", "draft.yaml", "--run", "run", "--no-ledger"])
        .expect(0);
}

#[test]
fn the_page_is_one_file_that_may_load_nothing() {
    let folder = Folder::new("page");
    let (logs, register) = invictus();
    let arguments = [
        "trace",
        &logs,
        "--register",
        &register,
        "--run",
        "run",
        "--no-ledger",
        "--html",
        "p.html",
    ];
    folder.run(&arguments).expect(0);
    let page = folder.read("p.html");
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    for outside in [
        "<script",
        "<link rel=\"stylesheet",
        "<img",
        "src=\"http",
        "href=\"http",
        "url(http",
        "@import",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("Bert-Jan"));
}

#[test]
fn data_goes_to_standard_output_and_all_else_to_standard_error() {
    let folder = Folder::new("streams");
    let (logs, register) = invictus();
    let ran = folder.run(&["trace", &logs, "--register", &register, "--run", "run"]).expect(0);
    assert!(ran.err.contains("public key") && !ran.out.contains("A ledger was made"));
    assert!(!ran.err.contains("reading"), "nobody watches: no progress");
    assert!(!ran.out.contains('\u{1b}'), "no colour into a pipe");
    let coloured = ["--colour", "always", "trace", &logs, "--run", "run", "--no-ledger"];
    assert!(folder.run(&coloured).expect(0).out.contains("\u{1b}["));
    let failed = folder.run(&["trace", "nowhere", "--run", "run"]).expect(2);
    assert!(failed.out.is_empty() && !failed.err.is_empty());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::new("pipe");
    let (logs, _) = invictus();
    for arguments in [
        vec!["register", "init", "--from", &logs],
        vec!["schema", "register"],
        vec!["completions", "zsh"],
    ] {
        let mut child = folder
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 1]).unwrap();
        drop(out);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
    }
}

#[test]
fn exit_codes_are_those_that_are_documented() {
    let folder = Folder::new("codes");
    let (logs, register) = invictus();
    let trace = |more: &[&str]| {
        let start = ["trace", &logs, "--register", &register, "--no-ledger", "--run", "run"];
        folder.run(&[&start, more].concat())
    };
    trace(&[]).expect(0);
    trace(&["--fail-on", "high"]).expect(1);
    trace(&["--fail-on", "critical"]).expect(0);
    trace(&["--fail-on", "nonsense"]).expect(2);
    folder.run(&["trace"]).expect(2);
    folder.run(&["--help"]).expect(0);
    // A path that cannot be written is the machine's failure, or the caller's if it cannot be.
    trace(&["--out", "no/such/folder/rows.ndjson"]).expect(2);
    folder.run(&["trace", &logs, "--run", "/dev/full/run"]).expect(2);
}
