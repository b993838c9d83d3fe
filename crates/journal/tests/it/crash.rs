//! Killed at any moment, on a disk that fails, on a disk that is full.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_journal::{Journal, JournalError, Stored};
use countersign_testkit::{Chance, Folder, is_installed, is_long, say};

use crate::child::{LIFE, start};
use crate::{all, number, open, record};

/// What was answered by one place so far: seq by number.
#[derive(Default)]
struct Seen {
    acked: BTreeMap<u64, u64>,
    kept: BTreeMap<u64, u64>,
    refused: usize,
}

impl Seen {
    /// The highest number that a line tells of.
    fn add(&mut self, lines: &[String]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let parsed = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
            match (words.first().copied(), parsed(1), parsed(2)) {
                // The test harness begins a line that the first answer may go on.
                (Some("ack"), Some(number), Some(seq)) => {
                    assert_eq!(self.acked.insert(number, seq), None);
                }
                (Some("kept"), Some(number), Some(seq)) => {
                    self.kept.insert(number, seq);
                }
                (Some("refused" | "unopened"), ..) => self.refused += 1,
                _ => (),
            }
        }
    }

    fn check(&self, folder: &Path) {
        let journal = open(folder);
        let read = all(&journal);
        let (first, next) = journal.range();
        assert_eq!(first, 0);
        assert!(read.iter().map(|stored| stored.seq).eq(0..next), "seqs have gaps");
        let mut numbers: Vec<u64> = read.iter().map(number).collect();
        numbers.sort_unstable();
        assert!(numbers.is_sorted_by(|left, right| left < right), "one is there twice");
        for (&acked, &seq) in &self.acked {
            let stored = usize::try_from(seq).ok().and_then(|seq| read.get(seq));
            assert!(stored.is_some_and(|stored| number(stored) == acked), "lost: {acked} at {seq}");
        }
        assert!(read.iter().all(is_whole));
        let reserve: Vec<Stored> = journal.read_reserve(0).map(Result::unwrap).collect();
        for (&kept, &seq) in &self.kept {
            let stored = &reserve[usize::try_from(seq).unwrap()];
            assert!(stored.is_reserve && number(stored) == kept);
        }
    }
}

fn is_whole(stored: &Stored) -> bool {
    let wanted = record(number(stored));
    stored.opening.as_ref().is_some_and(|one| (one.salt, &one.body) == (wanted.salt, &wanted.body))
}

#[test]
fn what_was_answered_survives_kills() {
    let kills = if is_long() { 2_000 } else { 100 };
    let folder = Folder::new("kills");
    let mut chance = Chance::new(51);
    let (mut answers, mut reserved) = (0, 0);
    for round in 0..kills / 25 {
        let place = folder.at(&round.to_string());
        let mut seen = Seen::default();
        for kill in 0..25 {
            let running = start(&place, kill * 1_000_000, &[]);
            // Some die while they open it.
            if chance.below(5) > 0 {
                running.wait_for_a_line();
            }
            std::thread::sleep(Duration::from_micros(chance.below(40_000)));
            seen.add(&running.kill());
            seen.check(&place);
        }
        answers += seen.acked.len();
        reserved += seen.kept.len();
    }
    assert!(answers > 100 && reserved > 0);
    say(&format!(
        "journal: {kills} kills, {answers} answers and {reserved} of the reserve, nothing lost"
    ));
}

#[test]
fn what_was_answered_survives_a_disk_that_fails() {
    if !is_installed("strace") {
        let strict = std::env::var_os("COUNTERSIGN_SKIP_NOTHING").is_some();
        assert!(!strict, "strace is not installed: apt-get install strace");
        say("skipped: a journal on a disk that fails. To run it: apt-get install strace");
        return;
    }
    let rounds = if is_long() { 300 } else { 16 };
    let folder = Folder::new("faults");
    let mut chance = Chance::new(52);
    let (mut answers, mut refused, mut went_on) = (0, 0, 0);
    for round in 0..rounds {
        let place = folder.at(&(round / 4).to_string());
        let mut seen = Seen::default();
        open(&place);
        let before = open(&place).range().1;
        let calls = ["fdatasync", "pwrite64", "fdatasync,pwrite64", "write,fsync"][round % 4];
        let error = ["EIO", "ENOSPC"][round / 4 % 2];
        let on = if round % 3 == 0 { "+" } else { "" };
        let when = 6 + chance.below(60);
        let under = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={calls}"),
            "-e",
            &format!("inject={calls}:error={error}:when={when}{on}"),
        ];
        let mut running = start(&place, 1 + round as u64 * 1_000_000, &under.map(str::to_owned));
        let until = Instant::now() + 5 * LIFE;
        while running.process.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let lines = running.kill();
        let first = lines.iter().position(|line| line.starts_with("refused"));
        let last = lines.iter().rposition(|line| line.starts_with("ack"));
        if first.zip(last).is_some_and(|(first, last)| last > first + 32) {
            went_on += 1;
            assert_eq!(error, "ENOSPC", "it went on after EIO");
        }
        seen.add(&lines);
        answers += seen.acked.len();
        refused += seen.refused;
        let journal = open(&place);
        let read: Vec<_> = journal.read_from(before).map(Result::unwrap).collect();
        for (acked, seq) in &seen.acked {
            let stored = read.get(usize::try_from(seq - before).unwrap());
            assert!(stored.is_some_and(|one| number(one) == *acked), "round {round}: lost {acked}");
        }
        let numbers: std::collections::BTreeSet<u64> = read.iter().map(number).collect();
        assert_eq!(numbers.len(), read.len(), "one is there twice");
    }
    assert!(answers > 0 && refused > 0, "{answers} answers, {refused} refused");
    say(&format!(
        "journal, failing disk: {rounds} rounds, {answers} answers, {refused} refused, {went_on} went on, nothing lost"
    ));
}

/// A file system of its own that is full soon.
struct Small(Folder);

impl Small {
    fn new() -> Option<Self> {
        let folder = Folder::new("full");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "none"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        let strict = std::env::var_os("COUNTERSIGN_SKIP_NOTHING").is_some();
        assert!(!strict, "a small file system cannot be mounted: run the tests as root");
        say("skipped: a journal on a full disk. To run it: run the tests as root");
        None
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Appends until it is refused.
fn fill(journal: &Journal, written: &mut u64) -> JournalError {
    loop {
        match journal.append(&record(*written), None).wait() {
            Ok(seq) => assert_eq!(seq, *written),
            Err(error) => return error,
        }
        *written += 1;
        assert!(*written < 20_000);
    }
}

#[test]
fn on_a_full_disk_only_the_reserve_takes_records_until_there_is_space() {
    let Some(small) = Small::new() else { return };
    let place = small.0.at("journal");
    let journal = open(&place);
    std::fs::write(small.0.at("other"), vec![1; 64 << 10]).unwrap();
    let mut written = 0;
    let refused = fill(&journal, &mut written);
    assert!(refused.to_string().contains("goes on by itself"), "{refused}");
    let again = journal.append(&record(written), None).wait().unwrap_err();
    assert_eq!(again.to_string(), refused.to_string());
    assert_eq!(journal.append_reserve(&record(7)).unwrap(), 0);
    assert_eq!(all(&journal).len() as u64, written);
    drop(journal);
    // Started on a full disk.
    let journal = open(&place);
    let refused = fill(&journal, &mut written);
    assert!(refused.to_string().contains("goes on by itself"), "{refused}");
    assert_eq!(journal.append_reserve(&record(8)).unwrap(), 1);
    std::fs::remove_file(small.0.at("other")).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let seq = loop {
        match journal.append(&record(written), None).wait() {
            Ok(seq) => break seq,
            Err(_) => assert!(Instant::now() < until, "it does not go on"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(seq, written, "what was refused has no seq");
    drop(journal);
    let journal = open(&place);
    assert!(all(&journal).iter().map(number).eq(0..=written));
    assert_eq!(journal.read_reserve(0).map(Result::unwrap).map(|one| number(&one)).last(), Some(8));
}
