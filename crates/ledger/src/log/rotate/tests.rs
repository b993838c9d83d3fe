use super::*;
use crate::log::tests::{FaultyDisk, key};
use crate::verify::verify_on;

const ORDER: Order<'_> = Order { time: 7, why: "planned", by: None, second: None };

fn next() -> SigningKey {
    SigningKey::from_seed("example.com/log", [50; 32]).unwrap()
}

/// As the folder does it: the new key takes over if it has signed.
fn open(disk: &FaultyDisk) -> Result<Log, LogError> {
    let mut handle = disk.clone();
    let key = if take_over(&mut handle, next().public())? { next() } else { key() };
    Log::open(Box::new(handle), key)
}

/// Leaves, a new key, leaves; goes on where an earlier attempt was stopped.
fn work(disk: &FaultyDisk, attempt: u8) -> Result<(), LogError> {
    let mut log = open(disk)?;
    log.push_leaf(&[attempt, 1])?;
    log.commit()?;
    if log.key().public() != next().public() {
        log.rotate(next(), &ORDER)?;
    }
    log.push_leaf(&[attempt, 2])?;
    log.commit()?;
    Ok(())
}

#[test]
fn wherever_the_power_fails_one_key_takes_over_from_the_other() {
    let mut crashes = 0;
    for seed in 0..15 {
        for operations in 0..40 {
            let disk = FaultyDisk::default();
            disk.fail_after(operations, seed);
            crashes += u32::from(work(&disk, 0).is_err());
            disk.crash();
            // Some leaf comes where the new key's entry was to stand.
            disk.fail_after(1_000, seed);
            open(&disk)
                .and_then(|mut log| {
                    log.push_leaf(b"between")?;
                    log.commit()
                })
                .unwrap();
            verify_on(&disk, key().public(), None).unwrap();
            work(&disk, 1).unwrap();
            let verified = verify_on(&disk, key().public(), None).unwrap();
            assert_eq!(verified.keys.len(), 2, "seed {seed}, operations {operations}");
            for note in disk.seen() {
                let note = String::from_utf8(note).unwrap();
                let verified = verify_on(&disk, key().public(), Some(&note));
                assert!(verified.is_ok(), "seed {seed}, operations {operations}: {verified:?}");
            }
        }
    }
    assert!(crashes > 200, "{crashes}");
}
