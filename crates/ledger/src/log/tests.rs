use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::entry::{Entry, Row};
use crate::handles::{Commitment, Handle};
use crate::verify::verify_on;

/// A disk in memory that stops at a chosen operation and forgets what was not synced.
#[derive(Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    synced: BTreeMap<String, Vec<u8>>,
    live: BTreeMap<String, Vec<u8>>,
    since_sync: Vec<Operation>,
    /// Operations until the disk stops; `None` is never.
    fuel: Option<usize>,
    operations: usize,
    random: Random,
    /// Every checkpoint that a reader could have seen.
    seen: Vec<Vec<u8>>,
}

#[derive(Clone)]
enum Operation {
    Write(String, Vec<u8>),
    Rename(String, String),
    Remove(String),
}

impl FaultyDisk {
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().live.clone()
    }

    pub fn replace(&self, path: &str, bytes: Vec<u8>) {
        self.lock().live.insert(path.to_owned(), bytes);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The power will fail after so many operations; `seed` chooses what of it reaches the disk.
    pub fn fail_after(&self, operations: usize, seed: u64) {
        let mut state = self.lock();
        state.fuel = Some(operations);
        state.random = Random(seed);
    }

    /// Every checkpoint that a reader could have seen.
    pub fn seen(&self) -> Vec<Vec<u8>> {
        self.lock().seen.clone()
    }

    /// The power fails: any part of what was not synced may have reached the disk.
    pub fn crash(&self) {
        let mut state = self.lock();
        let mut files = state.synced.clone();
        for operation in std::mem::take(&mut state.since_sync) {
            match (state.random.below(3), operation) {
                (0, _) => (),
                (1, Operation::Write(path, mut bytes)) => {
                    bytes.truncate(state.random.below(bytes.len() + 1));
                    if let Some(byte) = bytes.last_mut() {
                        *byte ^= 0x55;
                    }
                    files.insert(path, bytes);
                }
                (_, operation) => operation.apply(&mut files),
            }
        }
        state.synced.clone_from(&files);
        state.live = files;
        state.fuel = None;
    }
}

impl Operation {
    fn apply(self, files: &mut BTreeMap<String, Vec<u8>>) {
        match self {
            Self::Write(path, bytes) => {
                files.insert(path, bytes);
            }
            Self::Rename(from, to) => {
                if let Some(bytes) = files.remove(&from) {
                    files.insert(to, bytes);
                }
            }
            Self::Remove(path) => {
                files.remove(&path);
            }
        }
    }
}

impl State {
    /// Half of the time the operation that fails was done all the same.
    fn run(&mut self, operation: Operation) -> io::Result<()> {
        let stops = self.fuel == Some(0);
        if !stops || self.random.below(2) == 0 {
            operation.clone().apply(&mut self.live);
            self.since_sync.push(operation);
            if let Some(checkpoint) = self.live.get(CHECKPOINT)
                && self.seen.last() != Some(checkpoint)
            {
                self.seen.push(checkpoint.clone());
            }
        }
        self.burn()
    }

    fn burn(&mut self) -> io::Result<()> {
        self.operations += 1;
        match &mut self.fuel {
            Some(0) => Err(io::Error::other("the power failed")),
            Some(fuel) => {
                *fuel -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Disk for FaultyDisk {
    fn read(&self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.lock().live.get(path).cloned();
        match bytes {
            Some(bytes) if bytes.len() > bytes_max => Err(io::ErrorKind::FileTooLarge.into()),
            other => Ok(other),
        }
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.lock().run(Operation::Write(path.to_owned(), bytes.to_vec()))
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.lock();
        if state.fuel != Some(0) {
            state.synced = state.live.clone();
            state.since_sync.clear();
        }
        state.burn()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.lock().run(Operation::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.lock().run(Operation::Remove(path.to_owned()))
    }
}

/// Enough to choose crash points; SplitMix64.
#[derive(Default)]
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed("example.com/log", [1; 32]).unwrap()
}

pub(crate) fn row(number: u32) -> Vec<u8> {
    let mut event = [0; 16];
    event[..4].copy_from_slice(&number.to_be_bytes());
    let row = Row {
        time: i64::from(number),
        event: Handle(event),
        tenant: Handle([1; 16]),
        actor: None,
        holder: Some(Handle([2; 16])),
        grant: None,
        sponsor: None,
        actor_grade: "exact",
        holder_grade: "exact",
        gap: None,
        outcome: Some("allow"),
        reasons: vec![],
        body: Commitment([3; 32]),
    };
    Entry::Row(row).encode().unwrap()
}

/// Three commits: within a tile, across tiles, one leaf. Each `attempt` has entries of its own, so
/// that signing a second history over the first would show.
fn work(disk: &FaultyDisk, attempt: u32) -> Result<Vec<u64>, LogError> {
    let mut log = Log::open(Box::new(disk.clone()), key())?;
    let mut acked = Vec::new();
    for (from, to) in [(0_u32, 100), (50, 600), (600, 601)] {
        for row_number in from..to {
            log.push_row(&row(row_number + 1_000 * attempt))?;
        }
        for leaf in from..to {
            log.push_leaf(&(leaf + 1_000 * attempt).to_be_bytes())?;
        }
        acked.push(log.commit()?.tree_size);
    }
    Ok(acked)
}

#[test]
fn wherever_the_power_fails_each_checkpoint_ever_seen_is_a_prefix_of_the_tree() {
    let operations = {
        let disk = FaultyDisk::default();
        work(&disk, 0).unwrap();
        disk.lock().operations
    };
    let mut crashes = 0;
    for seed in 0..200 {
        let disk = FaultyDisk::default();
        disk.lock().random = Random(seed);
        // First at each operation in turn, then anywhere; and once more while recovering from it.
        let mut fuel = seed as usize % operations;
        for attempt in 0.. {
            assert!(attempt < 30, "seed {seed}: never recovers");
            disk.lock().fuel = Some(fuel);
            let result = work(&disk, attempt);
            disk.crash();
            if result.is_ok() {
                break;
            }
            crashes += 1;
            fuel = disk.lock().random.below(2 * operations);
        }
        let acked = work(&disk, 1_000).unwrap();
        let seen = disk.lock().seen.clone();
        assert!(seen.len() >= acked.len().min(2));
        for note in seen {
            let note = String::from_utf8(note).unwrap();
            let verified = verify_on(&disk, key().public(), Some(&note));
            assert!(verified.is_ok(), "seed {seed}: {verified:?}");
        }
    }
    assert!(crashes >= 200, "{crashes}");
}

#[test]
fn what_was_acknowledged_survives_a_crash() {
    for seed in 0..50 {
        let disk = FaultyDisk::default();
        disk.lock().random = Random(seed);
        work(&disk, 0).unwrap();
        let size = Log::open(Box::new(disk.clone()), key()).unwrap().signed().size;
        disk.crash();
        assert_eq!(Log::open(Box::new(disk.clone()), key()).unwrap().signed().size, size);
        verify_on(&disk, key().public(), None).unwrap();
    }
}

#[test]
fn the_same_again_adds_nothing() {
    let disk = FaultyDisk::default();
    let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
    let mut append = || {
        for number in 0..5_000 {
            log.push_row(&row(number)).unwrap();
        }
        log.push_leaf(b"a finding").unwrap();
        log.commit().unwrap()
    };
    let first = append();
    assert_eq!((first.rows, first.rows_skipped, first.skipped), (5_000, 0, 0));
    let files = disk.files();
    let second = append();
    assert_eq!((second.count, second.rows, second.skipped), (0, 0, 1));
    assert_eq!(second.rows_skipped, 5_000);
    assert_eq!((second.tree_size, second.root), (first.tree_size, first.root));
    assert_eq!(disk.files(), files);
}

#[test]
fn a_few_rows_more_change_only_the_batches_around_them() {
    let disk = FaultyDisk::default();
    let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
    (0..40_000).filter(|number| number % 20_000 != 7).for_each(|number| {
        log.push_row(&row(number)).unwrap();
    });
    log.commit().unwrap();
    (0..40_000).for_each(|number| log.push_row(&row(number)).unwrap());
    let again = log.commit().unwrap();
    assert!(again.rows < 20_000, "{again:?}");
    assert!(again.rows_skipped > 20_000, "{again:?}");
}

#[test]
fn nothing_is_appended_to_a_tree_that_was_changed() {
    let disk = FaultyDisk::default();
    work(&disk, 0).unwrap();
    let files = disk.files();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("tile/0/")) {
        let mut changed = bytes.clone();
        changed[40] ^= 1;
        disk.replace(path, changed);
        let opened = Log::open(Box::new(disk.clone()), key());
        assert!(matches!(opened.err(), Some(LogError::Damaged(_))));
        disk.replace(path, bytes.clone());
    }
}

#[test]
fn a_broken_writer_signs_nothing_more() {
    let disk = FaultyDisk::default();
    let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
    log.push_leaf(b"one").unwrap();
    disk.lock().fuel = Some(1);
    assert!(log.commit().is_err());
    disk.lock().fuel = None;
    assert!(matches!(log.commit(), Err(LogError::Broken)));
}

#[test]
fn an_entry_that_no_bundle_could_hold_is_refused() {
    let mut log = Log::open(Box::new(FaultyDisk::default()), key()).unwrap();
    assert!(matches!(log.push_leaf(&vec![0; 65_536]), Err(LogError::TooLong(65_536))));
    let mut log = Log::open(Box::new(FaultyDisk::default()), key()).unwrap();
    assert!(matches!(log.push_row(b"not a row"), Err(LogError::NotARow)));
}
