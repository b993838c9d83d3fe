//! Ledgers, witnesses and bundles as an auditor meets them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::program::{Folder, invictus, rows};

const LEDGER: &str = "run/ledger";

/// A folder with the ledger of a run over the first so many files of the example.
fn traced(files: usize) -> Folder {
    let folder = Folder::new("evidence");
    trace(&folder, "run", 0..files);
    folder
}

fn trace(folder: &Folder, run: &str, files: std::ops::Range<usize>) {
    let (logs, register) = invictus();
    let mut paths: Vec<String> = fs::read_dir(logs)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    paths.sort();
    let ledger = format!("{run}/ledger");
    let run = format!("{run}/{}-{}", files.start, files.end);
    let options = ["--register", &register, "--run", &run, "--ledger", &ledger];
    let logs: Vec<&str> = paths[files].iter().map(String::as_str).collect();
    folder.run(&[&["trace"], &logs[..], &options].concat()).expect(0);
}

fn key(folder: &Folder, file: &str) -> String {
    folder.read(file).trim().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A witness that serves; stopped with the test.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Folder, witness: &str) -> Self {
        let mut command = folder.command(&["witness", "serve", witness, "--listen", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let line = said.lines().map(Result::unwrap).find(|line| line.contains("http://")).unwrap();
        let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { child, address }
    }

    /// Status line and headers, and body.
    fn ask(&self, request: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn add_checkpoint(&self, body: &str) -> (String, String) {
        self.ask("POST /add-checkpoint", body)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(folder: &Folder, ledger: &str, old: &str) -> String {
    folder.run(&["witness", "request", ledger, "--old", old]).expect(0).out
}

#[test]
fn a_served_witness_cosigns_what_grows_and_the_ledger_verifies_with_it() {
    let folder = traced(4);
    let witness = folder.run(&["witness", "init", "w", "--name", "w.example"]).expect(0).out;
    let (witness, log) = (witness.trim(), key(&folder, "run/ledger/public.key"));
    let serving = Serving::start(&folder, "w");
    let body = request(&folder, LEDGER, "0");
    assert!(serving.add_checkpoint(&body).0.starts_with("HTTP/1.1 404"));
    // Taken up while it serves.
    folder.run(&["witness", "watch", "w", &log]).expect(0);
    let (head, answer) = serving.add_checkpoint(&body);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    folder.write("body", &body);
    folder.write("answer", answer);
    let keep = ["witness", "keep", LEDGER, "--request", "body", "--answer", "answer", "--witness"];
    folder.run(&[&keep[..], &[witness]].concat()).expect(0);
    let said = folder.run(&["verify", LEDGER, "--key", &log, "--witness", witness]).expect(0);
    assert!(said.out.contains("Cosigned:\n  by w.example at 20") && said.err.is_empty());

    // The run after it extends the log; the last size is asked for as the protocol has it.
    trace(&folder, "run", 4..8);
    let (head, size) = serving.add_checkpoint(&request(&folder, LEDGER, "0"));
    assert!(head.starts_with("HTTP/1.1 409") && head.contains("text/x.tlog.size"), "{head}");
    let (head, _) = serving.add_checkpoint(&request(&folder, LEDGER, size.trim()));
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let behind =
        folder.run(&["verify", LEDGER, "--witness", witness, "--format", "json"]).expect(0).json();
    assert_eq!(behind["cosigned"]["size"].to_string(), size.trim());
    assert!(behind["size"].as_u64() > behind["cosigned"]["size"].as_u64());

    assert!(serving.add_checkpoint("old 1\n").0.starts_with("HTTP/1.1 400"));
    assert!(serving.add_checkpoint(&"x".repeat(100_000)).0.starts_with("HTTP/1.1 413"));
    assert!(serving.ask("GET /00/checkpoint", "").0.starts_with("HTTP/1.1 404"));
    // Nobody else cosigns with that key meanwhile.
    folder.run(&["witness", "cosign", "w", "body"]).expect(2);
}

#[test]
fn a_log_with_two_histories_is_refused_by_its_witness_and_shown_by_both_notes() {
    let folder = traced(4);
    folder.run(&["witness", "init", "w", "--name", "w.example"]).expect(0);
    folder.run(&["witness", "watch", "w", &key(&folder, "run/ledger/public.key")]).expect(0);
    folder.write("first", request(&folder, LEDGER, "0"));
    let first = folder.run(&["witness", "cosign", "w", "first"]).expect(0).out;
    assert!(first.starts_with("— w.example "));
    // The same key goes on in two ways.
    copy(&folder.at(LEDGER), &folder.at("other/ledger"));
    let size =
        folder.run(&["verify", LEDGER, "--format", "json"]).expect(0).json()["size"].to_string();
    trace(&folder, "run", 4..8);
    trace(&folder, "other", 8..14);
    folder.write("honest", request(&folder, LEDGER, &size));
    folder.run(&["witness", "cosign", "w", "honest"]).expect(0);
    folder.write("forked", request(&folder, "other/ledger", &size));
    let refused = folder.run(&["witness", "cosign", "w", "forked"]).expect(1);
    assert!(refused.err.contains("Not cosigned"), "{}", refused.err);

    // Each verifies alone; held against the other's checkpoint, neither does.
    folder.run(&["verify", "other/ledger"]).expect(0);
    let shown = ["verify", "other/ledger", "--since", "run/ledger/checkpoint"];
    let found = folder.run(&shown).expect(1);
    let (mine, theirs) =
        (folder.read("other/ledger/checkpoint"), folder.read("run/ledger/checkpoint"));
    assert!(found.out.starts_with("TAMPERED") && found.out.contains(&mine), "{}", found.out);
    assert!(found.out.contains(&theirs), "{}", found.out);
    let found = folder.run(&[&shown[..], &["--format", "json"]].concat()).expect(1).json();
    assert_eq!(found["split_view"]["earlier"], theirs);
    assert_eq!(found["intact"], Value::Bool(false));
}

#[test]
fn a_bundle_is_checked_without_the_ledger() {
    let folder = traced(4);
    let log = key(&folder, "run/ledger/public.key");
    let bundle = folder.run(&["bundle", LEDGER, "--entry", "0-1"]).expect(0).out;
    folder.write("bundle", &bundle);
    fs::remove_dir_all(folder.at("run")).unwrap();
    let said = folder.run(&["verify", "bundle", "--key", &log]).expect(0);
    assert!(said.out.starts_with("Proven:") && said.out.contains("  entry 1: "), "{}", said.out);
    let unsure = folder.run(&["verify", "bundle"]).expect(2);
    assert!(unsure.err.contains("--key"));
    folder.write("changed", bundle.replacen("leaf Y3MBA", "leaf Y3MBB", 1));
    let refused = folder.run(&["verify", "changed", "--key", &log, "--format", "json"]).expect(1);
    assert_eq!(refused.json()["proven"], Value::Bool(false));
    folder.run(&["verify", "bundle", "--key", &log, "--since", "bundle"]).expect(2);
}

#[test]
fn after_a_rotation_the_first_key_verifies_ledger_and_bundle_and_a_policy_can_name_it() {
    let folder = traced(4);
    let log = key(&folder, "run/ledger/public.key");
    fs::copy(folder.at("run/ledger/checkpoint"), folder.at("kept")).unwrap();
    let new = folder.run(&["rotate-key", LEDGER, "--why", "leaked"]).expect(0).out;
    trace(&folder, "run", 4..8);
    let said =
        folder.run(&["verify", LEDGER, "--key", &log, "--since", "kept", "--format", "json"]);
    let keys = said.expect(0).json()["keys"].clone();
    assert_eq!(keys, serde_json::json!([log, new.trim()]));
    folder.run(&["verify", LEDGER, "--key", new.trim()]).expect(1);
    let bundle = folder.run(&["bundle", LEDGER, "--entry", "0"]).expect(0).out;
    folder.write("bundle", bundle);
    folder.run(&["verify", "bundle", "--key", &log]).expect(0);
    folder.run(&["verify", "bundle", "--key", new.trim()]).expect(1);

    folder.write("policy", format!("log {log}\nquorum none\n"));
    folder.run(&["verify", "bundle", "--policy", "policy"]).expect(0);
    folder.run(&["verify", LEDGER, "--policy", "policy"]).expect(0);
    folder.write("policy", "quorum A\n");
    let refused = folder.run(&["verify", LEDGER, "--policy", "policy"]).expect(2);
    assert!(refused.err.contains("line 1"), "{}", refused.err);
    folder.run(&["witness", "init", "w", "--name", "w.example"]).expect(0);
    let witness = key(&folder, "w/witness.pub");
    let missing = folder.run(&["verify", LEDGER, "--witness", &witness]).expect(1);
    assert!(missing.out.starts_with("NOT COSIGNED") && missing.out.contains("w.example did not"));
    folder.run(&["verify", LEDGER, "--witness", &witness, "--quorum", "2"]).expect(2);
    folder.run(&["rotate-key", LEDGER, "--why", "no code"]).expect(2);
    folder.run(&["rotate-key", "nowhere"]).expect(2);
}

#[test]
fn an_entry_is_proven_and_what_is_not_there_is_not() {
    let folder = traced(4);
    let proven = folder.run(&["prove", LEDGER, "--entry", "0", "--leaf", "leaf"]).expect(0).out;
    assert!(proven.starts_with("c2sp.org/tlog-proof@v1\nindex 0\n"));
    assert!(fs::read(folder.at("leaf")).unwrap().starts_with(b"cs\x01"));
    let log = key(&folder, "run/ledger/public.key");
    folder.write("proof", &proven);
    let said = folder.run(&["verify", "proof", "--leaf", "leaf", "--key", &log]).expect(0);
    assert!(said.out.starts_with("Proven:") && said.out.contains("entry 0: "), "{}", said.out);
    folder.run(&["verify", "proof", "--leaf", "proof", "--key", &log]).expect(1);
    folder.run(&["verify", "proof", "--key", &log]).expect(2);
    // A row, by the name that the output gives it.
    let row = rows(&folder.at("run/0-4")).swap_remove(3);
    let event = format!("{}:{}", row["source"].as_str().unwrap(), row["event"].as_str().unwrap());
    folder.run(&["prove", LEDGER, "--event", &event, "--leaf", "leaf"]).expect(0);
    assert!(fs::read(folder.at("leaf")).unwrap().starts_with(b"cs\x01\x01"));
    folder.write("bundle", folder.run(&["bundle", LEDGER, "--event", &event]).expect(0).out);
    let said = folder.run(&["verify", "bundle", "--key", &log]).expect(0);
    assert!(said.out.contains(": row of event "), "{}", said.out);
    for wrong in [
        &["prove", LEDGER, "--entry", "999999"][..],
        &["prove", LEDGER, "--row", "00"],
        &["prove", LEDGER, "--event", "aws.cloudtrail"],
        &["prove", LEDGER, "--event", "aws.cloudtrail:none"],
        &["prove", "nowhere", "--event", "aws.cloudtrail:none"],
        &["prove", LEDGER, "--row", "00000000000000000000000000000000"],
        &["prove", LEDGER],
        &["bundle", LEDGER],
        &["bundle", LEDGER, "--entry", "3-1"],
        &["bundle", LEDGER, "--entry", "0-99999999999"],
        &["witness", "init", "w", "--name", "has space"],
        &["witness", "watch", "nowhere", "no-key"],
        &["witness", "show", "nowhere"],
    ] {
        folder.run(wrong).expect(2);
    }
}
