//! A sponsor leaves.

use countersign_app::Act;
use serde_json::json;

use crate::house::{COMPANY, House, owner, sponsor};

fn house() -> House {
    let house = House::new();
    let carl =
        "  - {id: carl, name: Carl, employed: {from: 2020-01-01, until: never}}\norganizations:";
    house.apply(&COMPANY.replace("organizations:", carl));
    house
}

fn propose(successor: &str) -> Act {
    Act { arguments: json!({"successor": successor}), ..Act::default() }
}

#[test]
fn the_clock_runs_by_itself_from_the_day_somebody_left() {
    let house = house();
    let view = house.app.act(&owner(), "sponsor", "bob", "leave", &Act::default()).unwrap();
    assert_eq!(view.state, "left");
    for (day, state) in [
        ("2026-12-08", "left"),
        ("2026-12-09", "reduced"),
        ("2026-12-23", "stopped"),
        ("2026-12-01", "left"),
    ] {
        house.set_clock(day);
        assert_eq!(house.app.item(&owner(), "sponsor", "bob").unwrap().state, state, "{day}");
    }
    let view = house.app.act(&owner(), "sponsor", "bob", "return", &Act::default()).unwrap();
    assert_eq!(view.state, "employed");
    assert_eq!(house.acts(), 3);
}

#[test]
fn a_departure_that_is_written_down_ahead_starts_the_clock_without_anybody() {
    let house = house();
    let read = house.app.item(&owner(), "sponsor", "bob").unwrap();
    let document = json!({"id": "bob", "employed": {"from": "2020-01-01", "until": "2026-12-01"}});
    let act = Act { rev: Some(read.rev), ..Act::default() };
    house.app.put(&owner(), "sponsor", &document, &act).unwrap();
    for (day, state) in [
        ("2026-11-30", "employed"),
        ("2026-12-01", "left"),
        ("2026-12-15", "reduced"),
        ("2026-12-29", "stopped"),
    ] {
        house.set_clock(day);
        assert_eq!(house.app.item(&owner(), "sponsor", "bob").unwrap().state, state, "{day}");
    }
    house.app.act(&owner(), "sponsor", "bob", "propose", &propose("carl")).unwrap();
    house.app.act(&sponsor("carl"), "sponsor", "bob", "accept", &Act::default()).unwrap();
    let view = house.app.item(&owner(), "grant", "g-rho").unwrap();
    assert_eq!(view.sponsor.as_deref(), Some("ann"));
    assert_eq!(
        house.app.item(&owner(), "organization", "pi").unwrap().sponsor.as_deref(),
        Some("carl")
    );
}

#[test]
fn a_successor_takes_over_by_their_own_word_and_all_of_it() {
    let house = house();
    let error = house.app.act(&owner(), "sponsor", "bob", "propose", &propose("carl")).unwrap_err();
    assert_eq!(error.code(), "lifecycle.refused", "nobody left");
    house.app.act(&owner(), "sponsor", "bob", "leave", &Act::default()).unwrap();
    for (who, code) in [("bob", "successor.themselves"), ("nobody", "successor.unregistered")] {
        let error =
            house.app.act(&owner(), "sponsor", "bob", "propose", &propose(who)).unwrap_err();
        assert_eq!(error.code(), code);
    }
    let view = house.app.act(&owner(), "sponsor", "bob", "propose", &propose("carl")).unwrap();
    assert_eq!((view.state.as_str(), &view.process["successor"]), ("proposed", &json!("carl")));
    let none = Act::default();
    assert_eq!(
        house.app.act(&sponsor("ann"), "sponsor", "bob", "accept", &none).unwrap_err().code(),
        "not_found"
    );
    assert_eq!(
        house.app.act(&owner(), "sponsor", "bob", "accept", &none).unwrap_err().code(),
        "successor.not_proposed"
    );
    let leaves = house.acts();
    let view = house.app.act(&sponsor("carl"), "sponsor", "bob", "accept", &none).unwrap();
    assert_eq!((view.state.as_str(), &view.document["successor"]), ("succeeded", &json!("carl")));
    for (noun, id, key, who) in [
        ("organization", "pi", "sponsor", "carl"),
        ("organization", "rho", "sponsor", "ann"),
        ("grant", "g-paul", "sponsor", "carl"),
        ("grant", "g-rho", "sponsor", "ann"),
        ("identity", "bot", "owner", "carl"),
        ("entitlement", "orders", "owner", "carl"),
    ] {
        let view = house.app.item(&owner(), noun, id).unwrap();
        assert_eq!(view.document[key], who, "{noun} {id}");
    }
    assert_eq!(house.acts(), leaves + 1, "one act, one leaf");
    let history = house.app.history(&owner(), "grant", "g-paul", None).unwrap();
    assert_eq!(history[0].verb, "sponsor.accept");
    // What moved is theirs to decide now.
    let view = house.app.act(&sponsor("carl"), "grant", "g-paul", "suspend", &none).unwrap();
    assert_eq!(view.state, "suspended");
}

#[test]
fn who_refuses_leaves_the_clock_as_it_was() {
    let house = house();
    house.app.act(&owner(), "sponsor", "bob", "leave", &Act::default()).unwrap();
    house.app.act(&owner(), "sponsor", "bob", "propose", &propose("carl")).unwrap();
    house.set_clock("2026-12-10");
    let none = Act::default();
    house.app.act(&sponsor("carl"), "sponsor", "bob", "refuse", &none).unwrap();
    let view = house.app.item(&owner(), "sponsor", "bob").unwrap();
    assert_eq!(view.state, "reduced");
    assert_eq!(
        house.app.item(&owner(), "grant", "g-paul").unwrap().sponsor.as_deref(),
        Some("bob")
    );
}
