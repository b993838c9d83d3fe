use proptest::prelude::*;

use super::*;
use crate::log::tests::{FaultyDisk, key};
use crate::rotation::Order;
use crate::verify::verify_on;

fn open(disk: &FaultyDisk) -> Log {
    Log::open_in_order(Box::new(disk.clone()), key()).unwrap()
}

/// Without changes of keys, but where they are the matter.
const NONE: &[u64] = &[];

fn leaves(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(|leaf| leaf.to_be_bytes().to_vec()).collect()
}

#[test]
fn a_log_opened_by_its_edge_grows_as_one_that_was_never_closed() {
    let (steps, whole) = (FaultyDisk::default(), FaultyDisk::default());
    let sizes = [0, 1, 2, 255, 256, 257, 511, 512, 700, 1_000, 66_000];
    for pair in sizes.windows(2) {
        let appended = open(&steps).append_from(pair[0], &leaves(pair[0]..pair[1]), NONE).unwrap();
        assert_eq!((appended.first, appended.tree_size), (pair[0], pair[1]));
        verify_on(&steps, key().public(), None).unwrap();
    }
    open(&whole).append_from(0, &leaves(0..66_000), NONE).unwrap();
    assert_eq!(open(&steps).signed(), open(&whole).signed());
    assert_eq!(steps.files()["checkpoint"], whole.files()["checkpoint"]);
}

#[test]
fn the_same_again_is_compared_and_skipped() {
    let disk = FaultyDisk::default();
    let mut log = open(&disk);
    log.append_from(0, &leaves(0..300), NONE).unwrap();
    // The log was committed, the cursor was not.
    let again = open(&disk).append_from(0, &leaves(0..310), NONE).unwrap();
    assert_eq!((again.first, again.count, again.skipped), (300, 10, 300));
    let none = open(&disk).append_from(250, &leaves(250..310), NONE).unwrap();
    assert_eq!((none.count, none.skipped, none.tree_size), (0, 60, 310));
    // The same bytes in another place are another leaf.
    let twice = open(&disk).append_from(310, &leaves(0..5), NONE).unwrap();
    assert_eq!((twice.count, twice.skipped), (5, 0));
}

#[test]
fn what_is_not_as_expected_is_refused_and_nothing_is_added() {
    let disk = FaultyDisk::default();
    let mut log = open(&disk);
    log.append_from(0, &leaves(0..300), NONE).unwrap();
    let before = disk.files();
    let behind = log.append_from(301, &leaves(301..302), NONE);
    assert!(matches!(behind, Err(LogError::Behind { size: 300, expected: 301 })));
    let ahead = log.append_from(100, &leaves(100..200), NONE);
    assert!(matches!(ahead, Err(LogError::Ahead { size: 300, known: 200 })));
    let mut other = leaves(250..310);
    other[20] = b"another".to_vec();
    assert!(matches!(log.append_from(250, &other, NONE), Err(LogError::Differs(270))));
    let too_large = log.append_from(u64::MAX, &leaves(0..2), NONE);
    assert!(matches!(too_large, Err(LogError::Behind { .. })));
    assert_eq!(disk.files(), before);
    log.append_from(300, &leaves(300..301), NONE).unwrap();
}

#[test]
fn a_new_key_between_two_batches_changes_no_place() {
    let disk = FaultyDisk::default();
    let order = Order { time: 1, why: "planned", by: None, second: None };
    let new = SigningKey::from_seed("example.com/log", [50; 32]).unwrap();
    let mut log = open(&disk);
    log.append_from(0, &leaves(0..300), NONE).unwrap();
    log.rotate(new, &order).unwrap();
    // The cursor is where it was before either, or after the leaves.
    let again = log.append_from(0, &leaves(0..310), &[300]).unwrap();
    assert_eq!((again.skipped, again.count, again.tree_size), (300, 10, 311));
    let again = log.append_from(300, &leaves(300..312), &[300]).unwrap();
    assert_eq!((again.skipped, again.count, again.tree_size), (10, 2, 313));
    let unknown = log.append_from(300, &leaves(300..312), NONE);
    assert!(matches!(unknown, Err(LogError::Differs(300))));
    let ahead = log.append_from(300, &leaves(300..305), &[300]);
    assert!(matches!(ahead, Err(LogError::Ahead { size: 313, known: 306 })));
}

#[test]
fn a_log_that_skips_what_it_has_gives_no_places() {
    let disk = FaultyDisk::default();
    let mut log = Log::open(Box::new(disk.clone()), key()).unwrap();
    assert!(matches!(log.append_from(0, &leaves(0..1), NONE), Err(LogError::NotInOrder)));
    let mut log = open(&disk);
    log.push_leaf(b"not committed").unwrap();
    assert!(matches!(log.append_from(0, &leaves(0..1), NONE), Err(LogError::NotInOrder)));
}

/// A sequencer: its cursor is moved after the log has committed, and a crash may come between.
#[test]
fn wherever_the_power_fails_each_leaf_comes_to_its_place_once() {
    let feed = leaves(0..600);
    let step = |disk: &FaultyDisk, cursor: u64| -> Result<u64, LogError> {
        let mut log = Log::open_in_order(Box::new(disk.clone()), key())?;
        let end = feed.len().min(cursor as usize + 97);
        Ok(log.append_from(cursor, &feed[cursor as usize..end], NONE)?.tree_size)
    };
    let mut crashes = 0;
    for operations in 0..120 {
        let disk = FaultyDisk::default();
        let (mut cursor, mut fuel) = (0, operations);
        while cursor < feed.len() as u64 {
            disk.fail_after(fuel, operations as u64);
            match step(&disk, cursor) {
                // Every other time the cursor is lost with the power.
                Ok(size) if crashes % 2 == 0 => cursor = size,
                _ => (),
            }
            disk.crash();
            crashes += 1;
            fuel += 3;
        }
        let verified = verify_on(&disk, key().public(), None).unwrap();
        let whole = FaultyDisk::default();
        open(&whole).append_from(0, &feed, NONE).unwrap();
        assert_eq!(&verified.checkpoint, open(&whole).signed(), "{operations} operations");
    }
    assert!(crashes > 800, "{crashes}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_damaged_edge_is_not_built_upon(size in 1..700_u64, bit in any::<prop::sample::Index>()) {
        let disk = FaultyDisk::default();
        open(&disk).append_from(0, &leaves(0..size), NONE).unwrap();
        let partial = Tile::partial_of(size, Level::Hashes(0));
        if let Some(tile) = partial {
            for path in [tile.path(), Tile { level: Level::Entries, ..tile }.path()] {
                let whole = disk.files()[&path].clone();
                let mut damaged = whole.clone();
                let bit = bit.index(whole.len() * 8);
                damaged[bit / 8] ^= 1 << (bit % 8);
                disk.replace(&path, damaged);
                let opened = Log::open_in_order(Box::new(disk.clone()), key());
                prop_assert!(matches!(opened, Err(LogError::Damaged(_))));
                disk.replace(&path, whole);
            }
        }
    }
}
