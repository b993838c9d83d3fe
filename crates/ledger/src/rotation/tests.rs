use std::fs;

use proptest::prelude::*;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::folder::tests::Temporary;
use crate::log::Log;
use crate::log::tests::{FaultyDisk, key};
use crate::proof::check;
use crate::prove::prove;
use crate::verify::{VerifyError, verify, verify_on};

const PLANNED: Order<'_> = Order { time: 7, why: "planned", by: None, second: None };

fn new_key(seed: u8) -> SigningKey {
    SigningKey::from_seed("example.com/log", [seed; 32]).unwrap()
}

/// Three leaves, a new key, two leaves, another key.
fn rotated() -> FaultyDisk {
    let disk = FaultyDisk::default();
    let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
    (0..3_u8).for_each(|leaf| log.push_leaf(&[leaf]).unwrap());
    log.rotate(new_key(50), &PLANNED).unwrap();
    (3..5_u8).for_each(|leaf| log.push_leaf(&[leaf]).unwrap());
    log.rotate(new_key(51), &Order { why: "leaked", ..PLANNED }).unwrap();
    disk
}

#[test]
fn the_first_key_is_enough_to_verify() {
    let disk = rotated();
    let verified = verify_on(&disk, key().public(), None).unwrap();
    assert_eq!(verified.checkpoint.size, 7);
    let keys: Vec<PublicKey> =
        [key(), new_key(50), new_key(51)].map(|key| key.public().clone()).into();
    assert_eq!(verified.keys, keys);
    // A checkpoint of each reign is the beginning of it.
    for (key, size) in [(key(), 3), (new_key(50), 5)] {
        let leaves: Vec<Hash> = leaf_hashes(&disk)[..size].to_vec();
        let root = crate::merkle::root_of(&leaves);
        let origin = "example.com/log".to_owned();
        let note = Checkpoint { origin, size: size as u64, root }.sign(&key);
        let verified = verify_on(&disk, self::key().public(), Some(&note)).unwrap();
        assert_eq!(verified.earlier, Some(size as u64));
    }
    // A later key alone does not: it was never trusted.
    assert!(verify_on(&disk, new_key(50).public(), None).is_err());
}

fn leaf_hashes(disk: &FaultyDisk) -> Vec<Hash> {
    let bundle = disk.files()["tile/entries/000.p/7"].clone();
    entries(&bundle).map(|entry| leaf_hash(entry.unwrap())).collect()
}

#[test]
fn what_the_retired_key_signs_afterwards_is_not_accepted() {
    let disk = rotated();
    let verified = verify_on(&disk, key().public(), None).unwrap().checkpoint;
    disk.replace("checkpoint", verified.sign(&key()).into_bytes());
    let refused = verify_on(&disk, key().public(), None).unwrap_err();
    assert!(refused.to_string().contains("`checkpoint`"), "{refused}");
    disk.replace("checkpoint", verified.sign(&new_key(51)).into_bytes());
    verify_on(&disk, key().public(), None).unwrap();
}

#[test]
fn a_new_key_that_the_old_one_did_not_sign_is_not_followed() {
    let order = PLANNED;
    let leaf = entry(&new_key(60), new_key(61).public(), &order, 0, [0; 32]).unwrap();
    let Ok(Entry::KeyRotation(by_stranger)) = Entry::decode(&leaf) else { unreachable!() };
    let mut chain = Chain::new(key().public().clone());
    assert_eq!(chain.follow(0, &by_stranger), Err(ChainError::NotSigned));
    let leaf = entry(&key(), new_key(61).public(), &order, 4, [0; 32]).unwrap();
    let Ok(Entry::KeyRotation(signed)) = Entry::decode(&leaf) else { unreachable!() };
    assert_eq!(chain.follow(5, &signed), Err(ChainError::Misplaced(4)));
    for altered in [
        KeyRotation { key: [1; 32], ..signed },
        KeyRotation { time: 8, ..signed },
        KeyRotation { root: [1; 32], ..signed },
        KeyRotation { by: Some(Handle([1; 16])), ..signed },
        KeyRotation { why: "other", ..signed },
    ] {
        assert_eq!(chain.follow(4, &altered), Err(ChainError::NotSigned));
    }
    chain.follow(4, &signed).unwrap();
    assert_eq!((chain.key_at(4), chain.key_at(5)), (key().public(), new_key(61).public()));
    assert_eq!(chain.indices().collect::<Vec<_>>(), [4]);
}

#[test]
fn each_changed_file_of_a_rotated_ledger_is_found() {
    for path in rotated().files().into_keys() {
        for at in 0..rotated().files()[&path].len() {
            let disk = rotated();
            let mut changed = disk.files()[&path].clone();
            changed[at] ^= 1;
            disk.replace(&path, changed);
            let found = verify_on(&disk, key().public(), None);
            assert!(matches!(found, Err(VerifyError::Tampered(_))), "{path}, byte {at}: {found:?}");
        }
    }
}

#[test]
fn a_folder_goes_on_with_its_new_key_and_proves_with_it() {
    let folder = Temporary::new();
    let mut ledger = folder.open().unwrap();
    let first = ledger.public_key().clone();
    ledger.append([b"one"]).unwrap();
    let kept = ledger.checkpoint_note();
    let appended = ledger.rotate(&PLANNED, [9; 32]).unwrap();
    assert_eq!((appended.count, appended.tree_size), (1, 2));
    assert_ne!(ledger.signing_key(), &first);
    assert_eq!(ledger.public_key(), &first);
    drop(ledger);
    let mut ledger = folder.open().unwrap();
    ledger.append([b"two"]).unwrap();
    ledger.rotate(&PLANNED, [10; 32]).unwrap();
    let verified = verify(folder.path(), &first.to_string(), Some(&kept)).unwrap();
    assert_eq!((verified.checkpoint.size, verified.keys.len()), (4, 3));
    let proven = prove(folder.path(), 0).unwrap();
    check(&proven.proof, ledger.signing_key(), b"one").unwrap();
    assert!(fs::metadata(folder.path().join("private.key.next")).is_err());
}

#[test]
fn a_change_of_keys_that_is_cut_short_is_finished_or_was_never_begun() {
    // The new key was made, and nothing signed with it.
    let folder = Temporary::new();
    let mut ledger = folder.open().unwrap();
    ledger.append([b"one"]).unwrap();
    let first = ledger.public_key().clone();
    let private = folder.path().join("private.key");
    let old = fs::read(&private).unwrap();
    drop(ledger);
    let pending = SigningKey::from_seed("example.com/log", [9; 32]).unwrap();
    let files = crate::KeyFiles::default();
    crate::keys::create_next_signing_key(&files, &private, "example.com/log", &[9; 32]).unwrap();
    let mut ledger = folder.open().unwrap();
    assert_eq!(ledger.signing_key(), &first);
    // Tried again, it takes the key that is there.
    ledger.rotate(&PLANNED, [77; 32]).unwrap();
    assert_eq!(ledger.signing_key(), pending.public());
    drop(ledger);

    // It signed, and the old key still stands in its place.
    let new = fs::read(&private).unwrap();
    fs::write(folder.path().join("private.key.next"), new).unwrap();
    fs::write(&private, old).unwrap();
    restrict(&folder.path().join("private.key.next"));
    let checkpoint = folder.path().join("checkpoint");
    for is_published in [true, false] {
        if !is_published {
            fs::rename(&checkpoint, folder.path().join("checkpoint.next")).unwrap();
        }
        let ledger = folder.open().unwrap();
        assert_eq!(ledger.signing_key(), pending.public());
        verify(folder.path(), &first.to_string(), None).unwrap();
    }
}

#[cfg(unix)]
fn restrict(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn restrict(_: &std::path::Path) {}

#[test]
fn a_forked_log_is_shown_by_the_two_notes_it_signed() {
    let note = |fork: u8, size: u8| {
        let disk = FaultyDisk::default();
        let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
        (0..size).for_each(|leaf| log.push_leaf(&[leaf, if leaf < 3 { 0 } else { fork }]).unwrap());
        log.commit().unwrap();
        let note = String::from_utf8(disk.files()["checkpoint"].clone()).unwrap();
        (disk, note)
    };
    let (honest, shown) = note(0, 9);
    for size in [4, 9, 12] {
        let (_, other) = note(1, size);
        let found = verify_on(&honest, key().public(), Some(&other));
        let Err(VerifyError::SplitView(split)) = found else { unreachable!("size {size}") };
        assert_eq!((&split.earlier, &split.later), (&other, &shown));
    }
    let (_, before) = note(1, 3);
    assert_eq!(verify_on(&honest, key().public(), Some(&before)).unwrap().earlier, Some(3));
}

/// The vectors of `docs/ledger-format.md`.
#[test]
fn the_documented_vectors_hold() {
    let document = include_str!("../../../../docs/ledger-format.md");
    let (old, new) = (SigningKey::from_seed("example.com/log", [1; 32]).unwrap(), new_key(2));
    let leaf = entry(&old, new.public(), &PLANNED, 3, [8; 32]).unwrap();
    let texts = [old.public().to_string(), new.public().to_string(), crate::note::hex(&leaf)];
    for text in texts {
        assert!(document.contains(&format!("`{text}`")), "no `{text}`");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_list_of_rotations_is_read_without_a_panic(text in "([0-9]{1,20}|[\\PC\n]{0,5}\n){0,6}", size in any::<u64>()) {
        let disk = FaultyDisk::default();
        disk.replace(ROTATIONS, text.into_bytes());
        if let Ok(indices) = read_indices(&disk, size) {
            prop_assert!(indices.is_sorted() && indices.iter().all(|&index| index < size));
        }
        let _ = read(&disk, key().public().clone(), size);
    }
}
