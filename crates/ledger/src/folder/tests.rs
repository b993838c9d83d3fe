use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::entry::{Entry, Run};
use crate::note::PublicKey;
use crate::proof::{ProofError, check};
use crate::prove::{ProveError, prove, prove_row};
use crate::verify::verify;

/// A folder of one test, removed at its end.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-ledger-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        Self(folder)
    }

    pub fn open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open_or_create(&self.0, &options())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options() -> OpenOptions<'static> {
    OpenOptions {
        origin: "example.com/log",
        private_key: None,
        signing_seed: [1; 32],
        handle_seed: [2; 32],
    }
}

fn leaves(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|leaf| leaf.to_be_bytes().to_vec()).collect()
}

#[test]
fn a_ledger_is_made_reopened_and_verified_from_its_folder() {
    let folder = Temporary::new();
    let appended = folder.open().unwrap().append(leaves(300)).unwrap();
    assert_eq!((appended.first, appended.count, appended.tree_size), (0, 300, 300));
    let mut ledger = folder.open().unwrap();
    let appended = ledger.append(leaves(400)).unwrap();
    assert_eq!((appended.first, appended.count, appended.skipped), (300, 100, 300));
    let key = fs::read_to_string(folder.0.join("public.key")).unwrap();
    assert_eq!(key.trim(), ledger.public_key().to_string());
    let verified = verify(&folder.0, &key, Some(&ledger.checkpoint_note())).unwrap();
    assert_eq!(verified.checkpoint, *ledger.checkpoint());
    let published = fs::read_to_string(folder.0.join("checkpoint")).unwrap();
    assert_eq!(published, ledger.checkpoint_note());
}

#[test]
fn a_second_writer_is_refused() {
    let folder = Temporary::new();
    let _first = folder.open().unwrap();
    assert!(matches!(folder.open(), Err(LedgerError::Locked(_))));
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Temporary::new();
    folder.open().unwrap();
    for file in ["private.key", "handle.key"] {
        let path = folder.0.join(file);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = folder.open().unwrap_err();
        assert!(matches!(refused, LedgerError::Key(KeyError::Readable { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_lost_key_is_not_quietly_replaced() {
    for file in ["private.key", "handle.key"] {
        let folder = Temporary::new();
        folder.open().unwrap();
        fs::remove_file(folder.0.join(file)).unwrap();
        let refused = folder.open().unwrap_err();
        assert!(matches!(refused, LedgerError::Key(KeyError::Missing { .. })), "{refused}");
    }
}

#[test]
fn a_key_of_another_log_is_refused() {
    let folder = Temporary::new();
    folder.open().unwrap();
    let other = OpenOptions { origin: "example.com/other", ..options() };
    let refused = Ledger::open_or_create(&folder.0, &other).unwrap_err();
    assert!(matches!(refused, LedgerError::Key(KeyError::OtherLog { .. })));
}

#[test]
fn seeds_make_keys_only_once() {
    let folder = Temporary::new();
    let first = folder.open().unwrap().public_key().clone();
    let later = OpenOptions { signing_seed: [9; 32], handle_seed: [9; 32], ..options() };
    let mut ledger = Ledger::open_or_create(&folder.0, &later).unwrap();
    assert_eq!(*ledger.public_key(), first);
    let handle = ledger.handles().handle(crate::handles::Noun::Tenant, "t");
    assert_eq!(handle, Handles::new(&[2; 32]).handle(crate::handles::Noun::Tenant, "t"));
}

#[test]
fn every_entry_has_a_proof_that_checks_and_proves_no_other() {
    let folder = Temporary::new();
    let mut ledger = folder.open().unwrap();
    ledger.append(leaves(600)).unwrap();
    let key = ledger.public_key().clone();
    for index in (0..600).step_by(37) {
        let proven = prove(&folder.0, index).unwrap();
        assert_eq!(proven.leaf, (index as u32).to_be_bytes());
        assert_eq!(check(&proven.proof, &key, &proven.leaf).unwrap(), *ledger.checkpoint());
        assert_eq!(check(&proven.proof, &key, b"another"), Err(ProofError::NotIncluded));
        flipped_bits_are_refused(&proven.proof, &key, &proven.leaf);
    }
    assert!(matches!(prove(&folder.0, 600), Err(ProveError::NoSuchEntry { .. })));
}

#[test]
fn a_single_row_of_a_batch_has_a_proof() {
    let folder = Temporary::new();
    let mut ledger = folder.open().unwrap();
    let mut append = ledger.begin();
    for number in 0..9_000 {
        append.row(&crate::log::tests::row(number)).unwrap();
    }
    append.leaf(b"another").unwrap();
    assert_eq!(append.commit().unwrap().rows, 9_000);
    let key = ledger.public_key().clone();
    for number in [0_i64, 1_023, 5_000, 8_999] {
        let may_hold = |batch: &crate::entry::Batch| (batch.first..=batch.last).contains(&number);
        let proven = prove_row(&folder.0, may_hold, |row| row.time == number).unwrap();
        assert_eq!(proven.leaf, crate::log::tests::row(number as u32));
        assert_eq!(check(&proven.proof, &key, &proven.leaf).unwrap(), *ledger.checkpoint());
        assert_eq!(check(&proven.proof, &key, b"another"), Err(ProofError::NotInBatch));
    }
    let none = prove_row(&folder.0, |_| true, |row| row.time == 9_000);
    assert!(matches!(none, Err(ProveError::NoSuchRow)));
}

#[test]
fn a_run_with_a_row_too_many_reasons_is_an_error_and_not_a_panic() {
    let run = Run {
        version: "0.1.0 beta",
        input: [0; 32],
        register: [0; 32],
        policies: [0; 32],
        output: [0; 32],
        rows: 0,
        findings: 0,
    };
    assert!(Entry::Run(run).encode().is_err());
}

fn flipped_bits_are_refused(proof: &str, key: &PublicKey, leaf: &[u8]) {
    for bit in (0..proof.len() * 8).step_by(5) {
        let mut bytes = proof.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let accepted = str::from_utf8(&bytes).is_ok_and(|proof| check(proof, key, leaf).is_ok());
        assert!(!accepted, "bit {bit}");
    }
}

#[test]
fn a_plain_folder_is_wrapped_and_opens_only_for_its_master_key() {
    let temporary = Temporary::new();
    let folder = temporary.path();
    let files = |byte: u8| KeyFiles::new(Some(crate::seal::MasterKey::new(&[byte; 32])));
    let open = |files| Ledger::open_in_order_with(folder, &options(), files);
    let mut plain = open(KeyFiles::default()).unwrap();
    plain.append_from(0, &[b"a leaf"]).unwrap();
    let (key, named) = (plain.public_key().clone(), plain.handles().clone());
    drop(plain);
    let mut wrapped = open(files(1)).unwrap();
    for file in ["private.key", "handle.key"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.starts_with("COUNTERSIGN+WRAPPED+KEY+1+"), "{file}");
    }
    assert_eq!(*wrapped.public_key(), key);
    let order = Order { time: 1, why: "planned", by: None, second: None };
    wrapped.rotate(&order, [9; 32]).unwrap();
    let text = fs::read_to_string(folder.join("private.key")).unwrap();
    assert!(text.starts_with("COUNTERSIGN+WRAPPED+KEY+1+"), "the next key is wrapped as well");
    drop(wrapped);
    let refused = |files: KeyFiles| {
        let handles = Ledger::read_handles_with(folder, &files).unwrap_err().to_string();
        assert!(handles.contains("handle.key"), "{handles}");
        open(files).unwrap_err().to_string()
    };
    assert!(refused(KeyFiles::default()).contains("`COUNTERSIGN_MASTER_KEY_FILE`"));
    assert!(refused(files(2)).contains("give the one it was wrapped with"));
    let mut again = Ledger::read_handles_with(folder, &files(1)).unwrap();
    let mut named = named;
    let name = |handles: &mut Handles| handles.handle(crate::handles::Noun::Identity, "ann");
    assert_eq!(name(&mut again), name(&mut named));
    open(files(1)).unwrap().append_from(1, &[b"one more"]).unwrap();
}
