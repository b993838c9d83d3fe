//! What is kept only for so long.

use countersign_app::{Act, Class};
use countersign_ledger::entry::Entry;
use countersign_model::time::Duration;

use crate::custody::{is_in_files, security, verify, with_paul};
use crate::house::{House, owner};

const PERIOD: Duration = Duration(60 * 86_400 * 1_000_000_000);

/// What a worker does until nothing is left of a class.
fn retain(house: &House, class: Class) -> usize {
    let mut all = 0;
    loop {
        match house.app.retain(class, PERIOD).unwrap() {
            0 => return all,
            count => all += count,
        }
    }
}

fn bodies(house: &House, noun: &str, id: &str) -> Vec<String> {
    let versions = house.app.store().versions(noun, id).unwrap();
    versions.into_iter().map(|version| version.body).collect()
}

#[test]
fn what_is_past_its_period_is_blanked_and_the_ledger_still_verifies() {
    let house = House::new();
    with_paul(&house);
    house.app.act(&owner(), "identity", "paul", "end", &Act::default()).unwrap();
    house.sequence();
    let (rita, before) = (bodies(&house, "identity", "rita"), bodies(&house, "identity", "paul"));
    assert_eq!(before.len(), 3);

    house.set_clock("2027-01-23T23:59:59Z");
    assert_eq!(retain(&house, Class::People), 0, "not a second before");
    house.set_clock("2027-01-24");
    assert_eq!(retain(&house, Class::People), 3, "two that were superseded, and one that is over");
    assert_eq!(retain(&house, Class::People), 0, "once");
    let paul = bodies(&house, "identity", "paul");
    assert_eq!(paul[..2], [r#"{"id":"paul"}"#; 2]);
    assert!(paul[2].contains("organization") && !paul[2].contains("Zebulon"), "{}", paul[2]);
    assert!(house.app.item(&owner(), "identity", "paul").unwrap().state == "ended");
    assert_eq!(bodies(&house, "identity", "rita"), rita, "what is in force stays as it is");
    let named = |body: &String| body.contains("Zebulon");
    assert!(bodies(&house, "grant", "g-paul").iter().any(named), "a class has its own period");
    assert!(retain(&house, Class::Access) > 0);
    assert!(!bodies(&house, "grant", "g-paul").iter().any(named));
    assert!(house.app.scrub().unwrap());
    assert!(!is_in_files(&house.folder, "zebulon") && !is_in_files(&house.folder, "zquarck"));

    let changes = house.app.changes(&owner(), (0, 0)).unwrap().0;
    let erasures: Vec<_> = changes
        .iter()
        .filter_map(|change| match Entry::decode(&change.leaf) {
            Ok(Entry::Erasure(erasure)) => {
                Some((change.by.clone(), erasure.ground.to_owned(), erasure.bodies))
            }
            _ => None,
        })
        .collect();
    assert_eq!(erasures[0].1, "retention.people");
    assert_eq!(erasures.iter().map(|one| one.2).take(2).sum::<u64>(), 3);
    assert!(erasures.iter().any(|one| one.1 == "retention.access"));
    house.sequence();
    assert!(verify(&house).custody >= 3);
    house.app.export(&owner()).unwrap();
}

#[test]
fn what_a_hold_covers_is_kept_and_blanked_once_it_is_released() {
    let house = House::new();
    with_paul(&house);
    let hold = house.app.hold(&owner(), ("organization", "pi"), "litigation", None).unwrap();
    let before = bodies(&house, "identity", "paul");
    house.set_clock("2027-02-01");
    assert_eq!(retain(&house, Class::People), 0);
    assert_eq!(bodies(&house, "identity", "paul"), before);
    house.app.release(&owner(), &hold.id, None).unwrap();
    house.app.release(&security("sam"), &hold.id, None).unwrap();
    house.set_clock("2027-02-02T00:00:01Z");
    assert_eq!(retain(&house, Class::People), 1);
    assert_eq!(bodies(&house, "identity", "paul")[0], r#"{"id":"paul"}"#);
}

#[test]
fn who_read_something_long_ago_is_said_by_nothing_but_a_leaf_that_names_nobody() {
    let house = House::new();
    with_paul(&house);
    house.app.item(&security("sam"), "identity", "paul").unwrap();
    let by_sam = |house: &House| {
        let changes = house.app.store().changes(<_>::default(), 10_000).unwrap();
        changes.iter().filter(|change| change.by == "member:sam").count()
    };
    assert_eq!(by_sam(&house), 1);
    let leaves = house.sequence();
    house.set_clock("2027-01-24");
    assert!(retain(&house, Class::Readings) >= 1);
    assert_eq!(by_sam(&house), 0);
    assert!(house.sequence() > leaves, "the leaf stays, and one says what was done");
    verify(&house);
}
