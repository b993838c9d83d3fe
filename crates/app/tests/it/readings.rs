//! Reading personal data leaves evidence.

use countersign_ledger::entry::Entry;

use crate::house::{COMPANY, House, owner, partner, sponsor};

/// The leaves about readings: verb, noun, count.
fn readings(house: &House) -> Vec<(String, String, u64)> {
    let changes = house.app.changes(&owner(), (0, 0)).unwrap().0;
    let of = |leaf: &[u8]| match Entry::decode(leaf) {
        Ok(Entry::Read(read)) => Some((read.verb.to_owned(), read.noun.to_owned(), read.count)),
        _ => None,
    };
    changes.iter().filter_map(|change| of(&change.leaf)).collect()
}

fn read(verb: &str, noun: &str, count: u64) -> (String, String, u64) {
    (verb.to_owned(), noun.to_owned(), count)
}

#[test]
fn the_first_reading_of_a_minute_is_evidence_at_once_and_the_rest_is_counted() {
    let house = House::new();
    house.apply(COMPANY);
    for _ in 0..1000 {
        house.app.item(&owner(), "identity", "paul").unwrap();
    }
    assert_eq!(readings(&house), [read("read", "identity", 1)]);
    house.app.evidence_readings(false).unwrap();
    assert_eq!(readings(&house).len(), 1, "the minute is not over");
    house.set_clock("2026-11-26");
    house.app.evidence_readings(false).unwrap();
    let both = [read("read", "identity", 1), read("read", "identity", 999)];
    assert_eq!(readings(&house), both);
    house.app.evidence_readings(true).unwrap();
    assert_eq!(readings(&house), both, "once");
    house.sequence();
}

#[test]
fn what_is_counted_is_not_lost_when_the_minute_changes_or_the_program_ends() {
    let house = House::new();
    house.apply(COMPANY);
    let all = countersign_app::Filter { limit: 50, ..<_>::default() };
    let listed = house.app.list(&owner(), "identity", all.clone()).unwrap().items.len() as u64;
    house.app.list(&owner(), "identity", all.clone()).unwrap();
    house.set_clock("2026-11-26");
    house.app.list(&owner(), "identity", all.clone()).unwrap();
    house.app.list(&owner(), "identity", all).unwrap();
    house.app.evidence_readings(true).unwrap();
    let sum: u64 = readings(&house).iter().map(|(_, _, count)| count).sum();
    assert_eq!(sum, 4 * listed);
}

#[test]
fn ones_own_and_what_is_not_personal_leave_none_and_an_export_does() {
    let house = House::new();
    house.apply(COMPANY);
    house.app.item(&partner("pi"), "identity", "paul").unwrap();
    house.app.item(&sponsor("bob"), "sponsor", "bob").unwrap();
    house.app.item(&sponsor("bob"), "identity", "bot").unwrap();
    house.app.item(&owner(), "tenant", "erp").unwrap();
    assert_eq!(readings(&house), []);
    house.app.export(&owner()).unwrap();
    house.app.evidence_readings(true).unwrap();
    let found = readings(&house);
    assert_eq!((found.len(), found[0].0.as_str(), found[0].1.as_str()), (1, "export", "register"));
    assert!(found[0].2 > 10, "{found:?}");
}
