use proptest::prelude::*;

use super::*;
use crate::log::Log;
use crate::log::tests::{FaultyDisk, key, row};

/// A ledger of two batches and `leaves` other entries.
fn ledger(leaves: u32) -> FaultyDisk {
    let disk = FaultyDisk::default();
    let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
    for rows in [0..5_u32, 5..8] {
        rows.for_each(|number| log.push_row(&row(number)).unwrap());
        log.commit().unwrap();
    }
    (0..leaves).for_each(|leaf| log.push_leaf(&leaf.to_be_bytes()).unwrap());
    log.commit().unwrap();
    disk
}

fn tampered(disk: &FaultyDisk) -> Tampered {
    match verify_on(disk, key().public(), None) {
        Err(VerifyError::Tampered(tampered)) => tampered,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_ledger_that_was_not_touched_verifies_at_any_size() {
    for leaves in [0, 1, 253, 254, 255, 510, 700] {
        let disk = ledger(leaves);
        let verified = verify_on(&disk, key().public(), None).unwrap();
        assert_eq!(verified.checkpoint.size, u64::from(leaves) + 2);
        assert_eq!((verified.batches, verified.rows), (2, 8));
        assert_eq!(verified.foreign, u64::from(leaves));
    }
}

#[test]
fn decisions_are_counted_apart_each_as_often_as_it_was_made() {
    let disk = FaultyDisk::default();
    let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
    log.push_row(&row(1)).unwrap();
    for count in [1, 5, 7] {
        log.push_row(&decision(count)).unwrap();
    }
    // What a later version may put there.
    log.push_row(&[&decision(1)[..], b"more"].concat()).unwrap();
    log.push_leaf(&decision(9)).unwrap();
    log.commit().unwrap();
    let verified = verify_on(&disk, key().public(), None).unwrap();
    assert_eq!((verified.batches, verified.rows, verified.decisions), (1, 1, 22));
    assert_eq!(verified.foreign, 1);
}

fn decision(count: u32) -> Vec<u8> {
    let handle = crate::handles::Handle([1; 16]);
    let decision = crate::entry::Decision {
        time: 5,
        id: [2; 16],
        kind: "evaluation",
        tenant: handle,
        application: handle,
        subject: None,
        grant: None,
        sponsor: None,
        credential: None,
        outcome: "deny",
        answered: "deny",
        mode: "enforce",
        reasons: vec!["identity.unknown"],
        facts: crate::entry::FactsAt::default(),
        policies: [3; 32],
        count,
        body: crate::handles::Commitment([4; 32]),
    };
    Entry::Decision(decision).encode().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_flipped_bit_is_found_in_its_file(
        leaves in prop::sample::select(vec![0_u32, 20, 300]),
        file in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let disk = ledger(leaves);
        let files = disk.files();
        let (path, bytes) = files.iter().nth(file.index(files.len())).unwrap();
        let mut changed = bytes.clone();
        let bit = bit.index(bytes.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        disk.replace(path, changed);
        prop_assert_eq!(&tampered(&disk).file, path);
    }

    #[test]
    fn a_cut_or_longer_file_is_found(
        file in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        more in prop::collection::vec(any::<u8>(), 1..50),
    ) {
        let disk = ledger(300);
        let files = disk.files();
        let (path, bytes) = files.iter().nth(file.index(files.len())).unwrap();
        disk.replace(path, bytes[..cut.index(bytes.len())].to_vec());
        prop_assert_eq!(&tampered(&disk).file, path);
        disk.replace(path, [&bytes[..], &more].concat());
        prop_assert_eq!(&tampered(&disk).file, path);
    }
}

#[test]
fn the_entry_and_the_row_are_named() {
    let disk = ledger(300);
    let files = disk.files();
    let mut bundle = files["tile/entries/000"].clone();
    let last = bundle.len() - 1;
    bundle[last] ^= 1;
    disk.replace("tile/entries/000", bundle);
    let found = tampered(&disk);
    assert_eq!((found.file.as_str(), found.entry), ("tile/entries/000", Some(255)));

    let disk = ledger(0);
    let (path, bytes) =
        disk.files().into_iter().find(|(path, _)| path.starts_with("batches/")).unwrap();
    let mut changed = bytes.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    disk.replace(&path, changed);
    let rows = bundle::rows(&bytes).count() as u64;
    let found = tampered(&disk);
    assert_eq!((found.file, found.row), (path, Some(rows - 1)));
    assert!(found.entry.is_some());
}

#[test]
fn an_entry_changed_together_with_its_hash_is_found_between_two_tiles() {
    let disk = ledger(300);
    let files = disk.files();
    let (mut bundle, mut tile) = (files["tile/entries/000"].clone(), files["tile/0/000"].clone());
    let at = bundle.len() - 4;
    bundle[at] ^= 1;
    let hash = leaf_hash(&bundle[at..]);
    tile[255 * 32..].copy_from_slice(&hash);
    disk.replace("tile/entries/000", bundle);
    disk.replace("tile/0/000", tile);
    let found = tampered(&disk);
    assert_eq!(found.file, "tile/entries/000");
    assert!(found.what.contains("0 to 255"), "{found}");
}

#[test]
fn a_missing_file_is_named() {
    let files = ledger(300).files();
    for path in files.keys() {
        let mut disk = ledger(300);
        disk.remove(path).unwrap();
        assert_eq!(&tampered(&disk).file, path);
    }
}

#[test]
fn a_rewrite_with_the_key_is_seen_against_an_earlier_checkpoint_and_only_so() {
    let earlier = String::from_utf8(ledger(20).files()["checkpoint"].clone()).unwrap();
    let rewritten = FaultyDisk::default();
    let mut log = Log::open(Box::new(rewritten.clone()), key()).unwrap();
    (0..40_u32).for_each(|leaf| log.push_leaf(&(leaf + 1).to_be_bytes()).unwrap());
    log.commit().unwrap();
    assert!(verify_on(&rewritten, key().public(), None).is_ok());
    let seen = verify_on(&rewritten, key().public(), Some(&earlier)).unwrap_err();
    assert!(seen.to_string().contains("the first 22 entries"), "{seen}");

    let rolled_back = verify_on(&ledger(10), key().public(), Some(&earlier)).unwrap_err();
    assert!(rolled_back.to_string().contains("cut off"), "{rolled_back}");
    let grown = ledger(300);
    assert_eq!(verify_on(&grown, key().public(), Some(&earlier)).unwrap().earlier, Some(22));
}

#[test]
fn another_public_key_does_not_verify() {
    let other = crate::note::SigningKey::from_seed("example.com/log", [2; 32]).unwrap();
    assert!(verify_on(&ledger(0), other.public(), None).is_err());
}
