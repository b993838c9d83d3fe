//! A run's folder through crashes, second runs and changed inputs.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_runs::folder::{Begin, Commit, RunError, RunFolder};
use serde_json::json;

const SECRET: [u8; 16] = [7; 16];

fn place(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("countersign-runs-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    path
}

fn open(path: &Path, begin: Begin, inputs: &str) -> Result<RunFolder, RunError> {
    RunFolder::open(path, begin, inputs, SECRET)
}

fn commit(unit: &str, segment: u32) -> Commit {
    Commit {
        units: vec![unit.to_owned()],
        segments: vec![segment],
        account: json!({ "records": 3 }),
    }
}

#[test]
fn what_was_committed_is_there_after_any_cut_of_the_log() {
    let path = place("cut");
    let commits = [commit("a", 0), commit("b", 1), commit("c", 2)];
    {
        let run = open(&path, Begin::Fresh, "inputs").unwrap();
        for commit in &commits {
            run.commit(commit).unwrap();
        }
    }
    let log = path.join("progress.ndjson");
    let whole = fs::read(&log).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in first..=whole.len() {
        fs::write(&log, &whole[..length]).unwrap();
        let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
        let run = open(&path, Begin::Resume, "inputs").unwrap();
        assert_eq!(run.committed, commits[..lines - 1], "cut at {length}");
        assert_eq!(run.secret, SECRET);
        // What comes after the cut stands on a line of its own.
        run.commit(&commit("d", 9)).unwrap();
        drop(run);
        let again = open(&path, Begin::Resume, "inputs").unwrap();
        assert_eq!(again.committed.last(), Some(&commit("d", 9)), "cut at {length}");
        assert_eq!(again.new_segment().0, 10, "a committed segment is never written again");
    }
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_run_is_begun_resumed_and_refused_as_its_messages_say() {
    let path = place("begin");
    assert!(matches!(open(&path, Begin::Resume, "one"), Err(RunError::NothingToResume(_))));
    let held = open(&path, Begin::Fresh, "one").unwrap();
    assert!(matches!(open(&path, Begin::Restart, "one"), Err(RunError::Locked(_))));
    held.commit(&commit("a", 0)).unwrap();
    drop(held);
    assert!(matches!(open(&path, Begin::Fresh, "one"), Err(RunError::Unfinished(_))));
    assert!(matches!(open(&path, Begin::Resume, "two"), Err(RunError::OtherInputs(_))));
    let resumed = open(&path, Begin::Resume, "one").unwrap();
    assert_eq!(resumed.committed, [commit("a", 0)]);
    resumed.finish().unwrap();
    drop(resumed);
    assert!(open(&path, Begin::Fresh, "two").unwrap().committed.is_empty());
    assert!(open(&path, Begin::Restart, "three").unwrap().committed.is_empty());
    fs::write(path.join("progress.ndjson"), "\u{0}garbage\n").unwrap();
    assert!(matches!(open(&path, Begin::Resume, "three"), Err(RunError::NothingToResume(_))));
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let path = place("replace");
    let run = open(&path, Begin::Fresh, "one").unwrap();
    run.replace("findings.json", b"first").unwrap();
    fs::create_dir(path.join("findings.json.partial")).unwrap();
    assert!(run.replace("findings.json", b"second").is_err());
    assert_eq!(fs::read(path.join("findings.json")).unwrap(), b"first");
    fs::remove_dir_all(&path).unwrap();
}
