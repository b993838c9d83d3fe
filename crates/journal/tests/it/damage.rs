//! Files that were cut or changed: what was answered is still there, or the start is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_journal::{Journal, JournalError, Options};
use countersign_testkit::{Folder, is_long};

use crate::{all, number, open, options, record};

const RECORDS: u64 = 12;

fn small() -> Options {
    Options { segment_bytes: 4 << 10, reserve_bytes: 4 << 10, ..options() }
}

/// A journal of two segments that was sealed and left, and all that is in it.
fn written(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (journal, _) = Journal::open(folder, &small()).unwrap();
    for n in 0..RECORDS {
        assert_eq!(journal.append(&record(n), None).wait().unwrap(), n);
        if n % 4 == 0 {
            // Long enough for a seal.
            std::thread::sleep(Duration::from_millis(30));
        }
    }
    journal.append_reserve(&record(1)).unwrap();
    drop(journal);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        files.push((entry.path(), fs::read(entry.path()).unwrap()));
    }
    files.sort();
    assert_eq!(files.iter().filter(|(path, _)| path.extension().is_some()).count(), 1);
    files
}

/// Opens what was damaged: refused, or everything that was answered is there.
fn is_refused(folder: &Path, what: &str) -> bool {
    match Journal::open(folder, &small()) {
        Err(JournalError::Damaged { .. } | JournalError::Lost { .. }) => true,
        Err(other) => unreachable!("{what}: {other}"),
        Ok((journal, _)) => {
            let read = all(&journal);
            assert!(read.iter().map(number).eq(0..RECORDS), "{what}: a silent loss");
            let bodies = read.iter().map(|one| one.opening.as_ref().map(|one| one.body.clone()));
            assert!(bodies.eq((0..RECORDS).map(|n| Some(record(n).body))), "{what}");
            let kept: Vec<_> = journal.read_reserve(0).map(Result::unwrap).collect();
            assert_eq!(kept.len(), 1, "{what}: a silent loss in the reserve");
            false
        }
    }
}

fn put_back(folder: &Path, files: &[(PathBuf, Vec<u8>)]) {
    fs::remove_dir_all(folder).unwrap();
    fs::create_dir_all(folder).unwrap();
    files.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
}

#[test]
fn a_changed_or_cut_byte_anywhere_is_refused_or_harmless() {
    let folder = Folder::new("damage");
    let place = folder.at("journal");
    let files = written(&place);
    // Each opening writes and syncs a little.
    let step = if is_long() { 1 } else { 29 };
    for (path, bytes) in files.iter().filter(|(path, _)| !path.ends_with("lock")) {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 9);
        let mut refused = 0;
        for at in (0..used.min(bytes.len())).step_by(step) {
            for cut in [false, true] {
                put_back(&place, &files);
                let mut bytes = bytes.clone();
                if cut {
                    bytes.truncate(at);
                } else {
                    bytes[at] ^= 1 << (at % 8);
                }
                fs::write(path, &bytes).unwrap();
                let what = format!("{} at {at}, cut: {cut}", path.display());
                refused += usize::from(is_refused(&place, &what));
            }
        }
        assert!(refused > 0, "{}: no damage was noticed", path.display());
    }
}

#[test]
fn a_missing_file_is_refused() {
    let folder = Folder::new("damage");
    let place = folder.at("journal");
    let files = written(&place);
    for (path, _) in files.iter().filter(|(path, _)| !path.ends_with("lock")) {
        put_back(&place, &files);
        fs::remove_file(path).unwrap();
        assert!(is_refused(&place, &path.display().to_string()), "{}", path.display());
    }
}

#[test]
fn a_torn_end_is_cut_off_again_and_again() {
    let folder = Folder::new("damage");
    for round in 0..60_u64 {
        let next = {
            let journal = open(folder.path());
            let _ = journal.append(&record(round), None).wait().unwrap();
            journal.range().1
        };
        assert_eq!(next, round + 1);
        // What a crash leaves of a frame: its beginning, and not all of the rest.
        let mut segments: Vec<PathBuf> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some())
            .collect();
        segments.sort();
        let path = segments.last().unwrap();
        let mut bytes = fs::read(path).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let end = end.next_multiple_of(8);
        let torn: Vec<u8> = b"\xF5csjfrm\x01".iter().copied().cycle().take(40).collect();
        let room = bytes.len().saturating_sub(end).min(torn.len());
        bytes[end..end + room].copy_from_slice(&torn[..room]);
        fs::write(path, bytes).unwrap();
        let (journal, recovery) = Journal::open(folder.path(), &options()).unwrap();
        assert_eq!(recovery.torn.len(), usize::from(room > 0), "round {round}");
        assert!(all(&journal).iter().map(number).eq(0..=round));
    }
}

#[test]
fn an_unsynced_frame_may_be_lost_and_none_before_it() {
    let folder = Folder::new("damage");
    let place = folder.at("journal");
    let long = Options { seal_after: Duration::from_secs(3_600), ..small() };
    let (journal, _) = Journal::open(&place, &long).unwrap();
    for n in 0..3 {
        let _ = journal.append(&record(n), None).wait().unwrap();
    }
    // As a crash leaves it: nothing says that the last frame was durable.
    let segment = place.join("000000000001.segment");
    let bytes = fs::read(&segment).unwrap();
    let others = ["watermark", "reserve"].map(|name| (name, fs::read(place.join(name)).unwrap()));
    drop(journal);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for cut in (end - 140)..end {
        let mut bytes = bytes.clone();
        bytes[cut..].fill(0);
        others.iter().for_each(|(name, bytes)| fs::write(place.join(name), bytes).unwrap());
        fs::write(&segment, bytes).unwrap();
        let (journal, recovery) = Journal::open(&place, &small()).unwrap();
        assert_eq!(recovery.torn.len(), 1);
        assert!(all(&journal).iter().map(number).eq(0..2), "cut at {cut}");
    }
}
