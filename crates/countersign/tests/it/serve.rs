//! The control plane as somebody meets it who starts it and works with it from a terminal.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::program::{Folder, Ran, path_text, repository};

/// A server that ends with its test.
pub struct Serving {
    child: Child,
    lines: Receiver<String>,
    pub address: String,
    metrics: String,
    pub code: Option<String>,
}

impl Serving {
    fn start(folder: &Folder) -> Self {
        Self::start_at(folder, "127.0.0.1:0")
    }

    fn start_at(folder: &Folder, listen: &str) -> Self {
        Self::start_with(folder, &["--listen", listen])
    }

    pub fn start_with(folder: &Folder, more: &[&str]) -> Self {
        let any = [&["--metrics", "127.0.0.1:0"], more].concat();
        let mut command = folder.command(&[&["serve", "--data", "data"], &any[..]].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            while let Some(Ok(line)) = err.next() {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut serving =
            Self { child, lines, address: String::new(), metrics: String::new(), code: None };
        while serving.address.is_empty() {
            let line = serving.line().expect("the server ended before it served");
            if let Some((_, code)) = line.split_once("--code ") {
                serving.code = Some(code.trim().to_owned());
            }
            if let Some((_, rest)) = line.split_once("Serving ") {
                serving.address = rest.split(';').next().unwrap().to_owned();
                serving.metrics = rest.split("metrics on ").nth(1).unwrap().to_owned();
            }
        }
        serving
    }

    fn line(&self) -> Option<String> {
        self.lines.recv_timeout(Duration::from_secs(60)).ok()
    }

    /// Told to stop, as an operator or a service manager does; its exit code.
    fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command line against that server, with a home of its own.
pub fn run(folder: &Folder, serving: &Serving, arguments: &[&str]) -> Ran {
    let output = folder
        .command(arguments)
        .env("XDG_CONFIG_HOME", folder.at("config"))
        .env("COUNTERSIGN_SERVER", &serving.address)
        .output()
        .unwrap();
    Ran::new(output, arguments)
}

fn example() -> String {
    path_text(&repository().join("examples/aldgate/register"))
}

#[test]
fn from_an_empty_folder_to_an_exported_register_and_an_intact_ledger() {
    let folder = Folder::new("serve");
    let serving = Serving::start(&folder);
    let code = serving.code.clone().unwrap();
    let refused = run(&folder, &serving, &["list", "grants"]).expect(2);
    assert!(refused.err.contains("countersign sign-in"), "{}", refused.err);
    run(&folder, &serving, &["sign-in", "--code", &code]).expect(0);
    let drift = run(&folder, &serving, &["apply", &example(), "--dry-run"]).expect(1);
    assert!(drift.out.contains("It would be: 200 created"), "{}", drift.out);
    run(&folder, &serving, &["apply", &example(), "--yes", "--why", "the first"]).expect(0);
    let same = run(&folder, &serving, &["apply", &example(), "--dry-run"]).expect(0);
    assert!(same.out.contains("The server is what the register says"), "{}", same.out);
    let suspended =
        run(&folder, &serving, &["act", "grants", "G-1043", "suspend", "--why", "a look"])
            .expect(0);
    assert!(suspended.out.contains("suspended"), "{}", suspended.out);
    let refused = run(&folder, &serving, &["act", "grants", "G-1043", "approve"]).expect(2);
    assert!(refused.err.contains("`resume` or `end` would"), "{}", refused.err);
    let history = run(&folder, &serving, &["history", "grants", "G-1043"]).expect(0);
    assert!(history.out.contains("grant.suspend") && history.out.contains("a look"));
    let history =
        run(&folder, &serving, &["--format", "json", "history", "grants", "G-1043"]).expect(0);
    let act = history.out.split("\"change\":\"").nth(1).unwrap().split('"').next().unwrap();
    let proof = proven(&folder, &serving, act);
    std::fs::write(folder.at("proof.json"), &proof).unwrap();
    let other = proof.replace("\\\"state\\\":\\\"suspended\\\"", "\\\"state\\\":\\\"active\\\"");
    assert_ne!(proof, other);
    std::fs::write(folder.at("other.json"), other).unwrap();
    run(&folder, &serving, &["export", "out"]).expect(0);
    folder.run(&["check", "out"]).expect(0);
    assert_eq!(serving.stop(), Some(0), "a clean stop");
    let verified = folder.run(&["verify", "data/ledger"]).expect(0);
    assert!(verified.out.starts_with("Intact"), "{}", verified.out);
    let key = std::fs::read_to_string(folder.at("data/ledger/public.key")).unwrap();
    let verified = folder.run(&["verify", "proof.json", "--key", key.trim()]).expect(0);
    assert!(verified.out.starts_with("Proven"), "{}", verified.out);
    assert!(verified.err.contains("\"state\":\"suspended\""), "{}", verified.err);
    let refused = folder.run(&["verify", "other.json", "--key", key.trim()]).expect(1);
    assert!(refused.out.contains("not the one that was committed to"), "{}", refused.out);
}

/// The proof of an act, once a checkpoint covers it.
fn proven(folder: &Folder, serving: &Serving, act: &str) -> String {
    for _ in 0..100 {
        let proof = run(folder, serving, &["proof", act]);
        if proof.err.is_empty() {
            return proof.out;
        }
        assert!(proof.err.contains("in no signed checkpoint yet"), "{}", proof.err);
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no checkpoint covers it");
}

#[test]
fn what_was_done_survives_a_kill() {
    let folder = Folder::new("serve-kill");
    let mut serving = Serving::start(&folder);
    let code = serving.code.clone().unwrap();
    run(&folder, &serving, &["sign-in", "--code", &code]).expect(0);
    run(&folder, &serving, &["apply", &example(), "--yes"]).expect(0);
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    // The session is of that address: a server elsewhere would not be shown it.
    let serving = Serving::start_at(&folder, serving.address.trim_start_matches("http://"));
    assert_eq!(serving.code, None, "the owner has signed in");
    let same = run(&folder, &serving, &["apply", &example(), "--dry-run"]);
    assert!(same.out.contains("The server is what the register says"), "{}{}", same.out, same.err);
    assert_eq!(serving.stop(), Some(0));
    folder.run(&["verify", "data/ledger"]).expect(0);
}

#[test]
fn a_folder_is_served_by_one_process() {
    let folder = Folder::new("serve-twice");
    let serving = Serving::start(&folder);
    let any = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    let second = folder.run(&[&["serve", "--data", "data"], &any[..]].concat()).expect(2);
    assert!(second.err.contains("another process serves"), "{}", second.err);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_token_travels_to_no_other_server_and_never_in_the_open() {
    let folder = Folder::new("serve-open");
    let refused = folder.run(&["whoami", "--server", "http://access.example.com"]).expect(2);
    assert!(refused.err.contains("is not https"), "{}", refused.err);
}

#[test]
fn sponsors_come_and_go_by_a_list() {
    let folder = Folder::new("serve-sponsors");
    let serving = Serving::start(&folder);
    run(&folder, &serving, &["sign-in", "--code", &serving.code.clone().unwrap()]).expect(0);
    let import = |text: &str, more: &[&str]| {
        std::fs::write(folder.at("list.csv"), text).unwrap();
        run(&folder, &serving, &[&["sponsors", "import", "list.csv"], more].concat())
    };
    let wrong = import("id,email\nann,nowhere\nann,a@b.example\n", &[]).expect(2);
    assert!(wrong.err.contains("list.csv:2: email") && wrong.err.contains("list.csv:3: `ann`"));
    let two = "id,name,email\nann,Ann,ann@example.com\nbob,Bob,\n";
    assert!(import(two, &["--dry-run"]).expect(1).out.contains("2 arrive; 0 are the same"));
    import(two, &[]).expect(0);
    assert!(import(two, &["--dry-run"]).expect(0).out.contains("what the list says: 2"));
    let one = "id,name\nann,Ann\n";
    assert!(import(one, &[]).expect(0).out.contains("what the list says: 1"));
    assert!(import(one, &["--complete"]).expect(0).out.contains("leave      bob"));
    let bob = run(&folder, &serving, &["get", "sponsors", "bob"]).expect(0);
    assert!(bob.out.contains("left") && bob.out.contains("succession_until"), "{}", bob.out);
}

/// A witness that ends with its test.
struct Witness {
    child: Child,
    url: String,
    key: String,
}

impl Witness {
    fn start(folder: &Folder) -> Self {
        let arguments = ["witness", "serve", "witness", "--listen", "127.0.0.1:0"];
        let mut command = folder.command(&arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut line = |before: &str| {
            let line = err.next().unwrap().unwrap();
            line.strip_prefix(before).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let (key, url) = (line("Witness "), line("listens on "));
        std::thread::spawn(move || err.for_each(drop));
        Self { child, url: url.trim_end_matches("/add-checkpoint").to_owned(), key }
    }

    fn argument(&self) -> String {
        format!("{}={}", self.url, self.key)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a metric has a value that is wanted.
fn wait_for(serving: &Serving, metric: &str, wanted: impl Fn(u64) -> bool) -> u64 {
    let mut seen = String::new();
    for _ in 0..200 {
        seen = ureq::get(format!("{}/metrics", serving.metrics))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap();
        let value = seen.lines().find(|line| line.starts_with(metric));
        let value = value.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        if let Some(value) = value.filter(|value| wanted(*value)) {
            return value;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{metric} did not come to it:\n{seen}");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn witnesses_cosign_what_is_served_and_refuse_what_was_put_back() {
    let folder = Folder::new("serve-witness");
    folder.run(&["witness", "init", "witness", "--name", "witness.example"]).expect(0);
    let serving = Serving::start(&folder);
    let code = serving.code.clone().unwrap();
    assert_eq!(serving.stop(), Some(0));
    let key = std::fs::read_to_string(folder.at("data/ledger/public.key")).unwrap();
    folder.run(&["witness", "watch", "witness", key.trim()]).expect(0);
    copy(&folder.at("data"), &folder.at("old"));

    let witness = Witness::start(&folder);
    let serving = Serving::start_with(
        &folder,
        &["--listen", "127.0.0.1:0", "--witness", &witness.argument()],
    );
    let code = serving.code.clone().unwrap_or(code);
    run(&folder, &serving, &["sign-in", "--code", &code]).expect(0);
    run(&folder, &serving, &["apply", &example(), "--yes"]).expect(0);
    let leaves = wait_for(&serving, "countersign_ledger_leaves ", |leaves| leaves >= 3);
    wait_for(&serving, "countersign_witness_size{witness=\"witness.example\"} ", |size| {
        size >= leaves
    });
    assert_eq!(serving.stop(), Some(0));
    folder.run(&["verify", "data/ledger", "--witness", &witness.key]).expect(0);

    // The operator puts back yesterday's copy: the witness remembers, and nothing is signed.
    std::fs::remove_dir_all(folder.at("data")).unwrap();
    copy(&folder.at("old"), &folder.at("data"));
    let before = std::fs::read(folder.at("data/ledger/checkpoint")).unwrap();
    let mut serving = Serving::start_with(
        &folder,
        &["--listen", "127.0.0.1:0", "--witness", &witness.argument()],
    );
    let mut said = String::new();
    while let Some(line) = serving.line() {
        said.push_str(&line);
    }
    assert!(said.contains("was put back to an older state"), "{said}");
    assert_ne!(serving.child.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read(folder.at("data/ledger/checkpoint")).unwrap(), before);
}
