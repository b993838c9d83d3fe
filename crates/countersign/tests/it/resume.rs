//! A run that is killed and goes on gives what an uninterrupted one gives.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Folder, invictus, path_text};

/// Each is one run, killed so many times before it may end.
const CHAINS: usize = 5;
const KILLS: usize = 5;
/// Copies of the 2,900 real records; `COUNTERSIGN_LONG=1` takes more of everything.
const COPIES: usize = 4;

fn is_long() -> bool {
    std::env::var_os("COUNTERSIGN_LONG").is_some()
}

/// Copies of the real records under other event ids: the first as the files they came in, the
/// others in one large file of lines.
fn grow(folder: &Folder) -> u64 {
    let copies = if is_long() { 11 } else { COPIES };
    let mut records = 0;
    let mut large = String::new();
    for entry in fs::read_dir(invictus().0).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        folder.write(&format!("logs/{}", path.file_name().unwrap().to_str().unwrap()), &text);
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        for record in whole["Records"].as_array().unwrap() {
            records += copies as u64;
            for copy in 1..copies {
                let mut record = record.clone();
                for id in ["eventID", "sharedEventID"] {
                    if let Some(text) = record[id].as_str() {
                        record[id] = format!("{copy}-{text}").into();
                    }
                }
                large.push_str(&record.to_string());
                large.push('\n');
            }
        }
    }
    folder.write("logs/large.ndjson", large);
    records
}

/// What a run leaves that must not depend on how it went.
fn outcome(folder: &Folder, run: &str) -> (String, String, String) {
    let ledger = format!("{run}/ledger");
    let verified = folder.run(&["verify", &ledger, "--format", "json"]).expect(0).json();
    let size = format!("{} {} {}", verified["root"], verified["size"], verified["rows"]);
    (folder.read(&format!("{run}/rows.ndjson")), folder.read(&format!("{run}/findings.json")), size)
}

/// The keys of a ledger are drawn at random: with the same keys, the same root is due.
fn copy_keys(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_file() && !name.to_str().unwrap().starts_with("checkpoint") {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn start(folder: &Folder, run: &str, more: &[&str]) -> Child {
    let (_, register) = invictus();
    // Small commits, so that there is something to go on from.
    let arguments =
        ["trace", "logs", "--register", &register, "--run", run, "--commit-bytes", "200000"];
    let mut command = folder.command(&[&arguments, more].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn killed_at_any_moment_and_resumed_nothing_is_lost_and_nothing_is_there_twice() {
    let folder = Folder::new("kill");
    let records = grow(&folder);
    let begun = Instant::now();
    assert!(start(&folder, "whole", &[]).wait().unwrap().success());
    let length = begun.elapsed();
    let whole = outcome(&folder, "whole");
    assert_eq!(whole.0.lines().count() as u64, records);
    let chains = if is_long() { 60 } else { CHAINS };
    let mut random = 0x5eed_u64;
    let mut fraction = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as f64 / (1_u64 << 31) as f64
    };
    for chain in 0..chains {
        let run = format!("run{chain}");
        copy_keys(&folder.at("whole/ledger"), &folder.at(&run).join("ledger"));
        for _ in 0..KILLS {
            let mut child = start(&folder, &run, how_to_begin(&folder, &run));
            std::thread::sleep(length.mul_f64(fraction() * 1.1));
            let _ = child.kill();
            let _ = child.wait();
        }
        let ended = start(&folder, &run, how_to_begin(&folder, &run)).wait().unwrap();
        assert!(ended.success(), "chain {chain} ended with {ended}");
        assert_eq!(whole, outcome(&folder, &run), "chain {chain}");
        let _ = fs::remove_dir_all(folder.at(&run));
    }
}

/// What its own message says: go on if there is something to go on from, else begin. What is known
/// about keys goes to disk on the way.
fn how_to_begin(folder: &Folder, run: &str) -> &'static [&'static str] {
    let begun = folder.at(run).join("progress.ndjson").exists();
    if begun { &["--claims-bytes", "9000", "--resume"] } else { &["--claims-bytes", "9000"] }
}

#[test]
fn a_run_goes_on_only_with_the_inputs_it_began_with() {
    let folder = Folder::new("changed");
    let (logs, register) = invictus();
    let name = "218007301253_CloudTrail_us-east-1_20230710T1150Z_1vnLavRRp0ek1mP4.json";
    let text = fs::read_to_string(Path::new(&logs).join(name)).unwrap();
    folder.write("logs/a.json", &text);
    let trace = |more: &[&str]| {
        folder.run(
            &[&["trace", "logs", "--run", "run", "--no-ledger", "--register", &register], more]
                .concat(),
        )
    };
    trace(&["--resume"]).expect(2);
    trace(&[]).expect(0);
    // As a kill before the last line of the log leaves it.
    let log = folder.read("run/progress.ndjson");
    let unfinished = log.replace("{\"finished\":true}\n", "");
    assert_ne!(log, unfinished);
    folder.write("run/progress.ndjson", &unfinished);
    assert!(trace(&[]).expect(2).err.contains("--resume"));
    // As long as before, and another record.
    folder.write("logs/a.json", text.replace("eventName", "eventNama"));
    assert!(trace(&["--resume"]).expect(2).err.contains("--restart"));
    trace(&["--restart"]).expect(2);
    folder.write("logs/a.json", &text);
    folder.write("logs/b.json", &text);
    assert!(trace(&["--resume"]).expect(2).err.contains("--restart"));
    trace(&["--restart"]).expect(0);
    folder.write("run/progress.ndjson", "not what was written\n");
    trace(&["--resume"]).expect(2);
    trace(&["--restart"]).expect(0);
}

#[test]
fn standard_input_can_be_traced_and_not_resumed() {
    let folder = Folder::new("stdin");
    let (logs, register) = invictus();
    let mut all = Vec::new();
    let mut paths: Vec<_> =
        fs::read_dir(logs).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        all.extend(fs::read(path).unwrap());
    }
    let trace = ["trace", "-", "--register", &register, "--run", "run", "--no-ledger"];
    let ran = folder.run_with_input(&trace, &all).expect(0);
    assert!(ran.out.contains("2,900 records"), "{}", ran.out);
    let refused = folder.run_with_input(&[&trace[..], &["--resume"]].concat(), &all).expect(2);
    assert!(refused.err.contains("cannot be resumed"), "{}", refused.err);
}

#[test]
fn two_runs_cannot_use_one_folder() {
    let folder = Folder::new("lock");
    let (logs, _) = invictus();
    // A run that waits for its input holds its folder.
    let mut first = folder.command(&["trace", "-", "--run", "run", "--no-ledger"]);
    let mut first =
        first.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !folder.at("run/progress.ndjson").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the first run does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = folder.run(&["trace", &logs, "--run", "run", "--no-ledger"]).expect(2);
    assert!(
        second.err.contains("another run is using") && second.err.contains("--run"),
        "{}",
        second.err
    );
    let mut to = first.stdin.take().unwrap();
    to.write_all(b"{}").unwrap();
    drop(to);
    assert!(first.wait().unwrap().code().is_some());
    folder.run(&["trace", &logs, "--run", "run", "--no-ledger", "--restart"]).expect(0);
}

/// A full disk: exit 3, no half-written rows under the name of whole ones, and it goes on when
/// there is room.
#[test]
fn a_full_disk_is_said_and_survived() {
    let folder = Folder::new("full");
    let small = folder.at("small");
    fs::create_dir(&small).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", &path_text(&small)];
    let mounted = std::process::Command::new("mount").args(mount).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: only root can mount a small disk");
        return;
    }
    let _unmount = Unmount(path_text(&small));
    let (logs, register) = invictus();
    let trace = |more: &[&str]| {
        folder
            .run(&[&["trace", &logs, "--register", &register, "--run", "small/run"], more].concat())
    };
    let ran = trace(&[]).expect(3);
    assert!(ran.err.contains("No space left"), "{}", ran.err);
    assert!(ran.out.is_empty() && !folder.at("small/run/rows.ndjson").exists());
    let larger = ["-o", "remount,size=64m", &path_text(&small)];
    assert!(std::process::Command::new("mount").args(larger).status().unwrap().success());
    trace(&["--resume"]).expect(0);
    folder.run(&["verify", "small/run/ledger"]).expect(0);
    assert_eq!(folder.read("small/run/rows.ndjson").lines().count(), 2_900);
}

struct Unmount(String);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
