//! Files that end earlier than they did: what was answered is still there, or the start is refused.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_testkit::{Chance, Folder, is_long, say};

use crate::check::Seen;
use crate::child::start;
use crate::place::Place;

/// A place after a kill under load, and what was answered there.
fn killed(folder: &Path, seed: u64) -> (Place, Vec<String>) {
    let place = Place::on_sqlite(folder);
    place.found();
    let running = start(&place, seed, None, &[]);
    running.wait_for_first_answer(Duration::from_secs(20));
    std::thread::sleep(Duration::from_millis(150));
    let (lines, _) = running.kill();
    (place, lines)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

/// Cuts or zeroes the end of a file, or changes one byte of it.
fn damage(file: &Path, chance: &mut Chance) -> String {
    let mut bytes = fs::read(file).unwrap();
    let length = bytes.len();
    let from = usize::try_from(chance.below(length as u64)).unwrap();
    let what = match chance.below(3) {
        0 => {
            bytes.truncate(from);
            "cut at"
        }
        1 => {
            bytes[from..].fill(0);
            "zeroed from"
        }
        _ => {
            bytes[from] ^= 1 << chance.below(8);
            "one bit changed at"
        }
    };
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let mut options = OpenOptions::new();
    std::io::Write::write_all(&mut options.write(true).truncate(true).open(file).unwrap(), &bytes)
        .unwrap();
    format!("{name} {what} {from} of {length}")
}

#[test]
fn an_end_that_was_cut_off_is_noticed() {
    let folder = Folder::new("tails");
    let (place, answers) = killed(&folder.at("killed"), 31);
    assert!(!answers.is_empty());
    let wal = place.folder.join("state.sqlite-wal");
    assert!(wal.exists(), "a killed process leaves its log");
    let mut of_ledger = Vec::new();
    files(&place.ledger_folder(), &mut of_ledger);
    of_ledger.retain(|file| {
        let name = file.file_name().unwrap().to_string_lossy();
        name != "lock" && name != "private.key" && name != "handle.key"
    });
    of_ledger.sort();
    let mut chance = Chance::new(32);
    let rounds = if is_long() { 2_000 } else { 60 };
    let untouched = folder.at("untouched");
    copy(&place.folder, &untouched);
    let mut seen = Seen::default();
    seen.answered(answers.clone());
    seen.check(&Place::on_sqlite(&untouched)).unwrap();
    let (mut refused, mut whole) = (0, 0);
    for round in 0..rounds {
        let at = folder.at("damaged");
        let _ = fs::remove_dir_all(&at);
        copy(&place.folder, &at);
        let victim = if round % 2 == 0 { &wal } else { chance.pick(&of_ledger) };
        let victim = at.join(victim.strip_prefix(&place.folder).unwrap());
        let what = damage(&victim, &mut chance);
        let mut seen = Seen::default();
        seen.answered(answers.clone());
        // What starts is looked at as after any crash: a loss would be found there.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            seen.check(&Place::on_sqlite(&at))
        }));
        match outcome {
            Ok(Err(_)) => refused += 1,
            Ok(Ok(())) => whole += 1,
            Err(_) => unreachable!("round {round}: {what}: started, and something is wrong"),
        }
    }
    assert!(refused > 0, "no damage was noticed");
    say(&format!("crash, cut ends: {rounds} damaged, {refused} refused, {whole} started whole"));
}

#[test]
fn a_state_older_than_its_ledger_is_refused_and_so_is_the_reverse() {
    let folder = Folder::new("older");
    let (place, _) = killed(&folder.at("killed"), 41);
    let mut seen = Seen::default();
    seen.check(&place).unwrap();
    let before = folder.at("before");
    copy(&place.folder, &before);
    let running = start(&place, 42, None, &[]);
    running.wait_for_first_answer(Duration::from_secs(20));
    std::thread::sleep(Duration::from_millis(100));
    seen.answered(running.kill().0);
    seen.check(&place).unwrap();
    for (part, says) in [("state", "the store lost"), ("ledger", "the ledger's folder is older")] {
        let mixed = folder.at(part);
        copy(&place.folder, &mixed);
        for entry in fs::read_dir(&before).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(part) {
                let to = mixed.join(&name);
                if entry.file_type().unwrap().is_dir() {
                    fs::remove_dir_all(&to).unwrap();
                    copy(&entry.path(), &to);
                } else {
                    fs::copy(entry.path(), to).unwrap();
                }
            }
        }
        let refused = Seen::default().check(&Place::on_sqlite(&mixed)).unwrap_err();
        assert!(refused.0.contains(says), "{part}: {}", refused.0);
    }
}
