//! What is told ahead, once, whatever the clock does.

use std::collections::BTreeSet;

use countersign_app::Act;
use serde_json::{Value as Json, json};

use crate::house::{House, owner, sponsor};

const REGISTER: &str = r#"
company: Example
tenants:
  - {id: erp, accounts: ["111122223333"]}
sponsors:
  - {id: ann, email: ann@company.example, employed: {from: 2020-01-01, until: never}}
  - {id: bob, email: bob@company.example, employed: {from: 2020-01-01, until: never}}
organizations:
  - {id: pi, kind: partner, state: active, sponsor: bob, contract: {from: 2026-01-01, until: 2029-01-01}}
trust_paths:
  - {id: pi-oidc, organization: pi, kind: oidc, active: {from: 2026-01-01, until: 2029-01-01}, accepted_by: bob, revalidate_by: 2027-03-01}
identities:
  - {id: bot, kind: service, organization: pi, owner: bob, active: {from: 2026-01-01, until: 2029-01-01}}
credentials:
  - {id: bot-key, identity: bot, kind: api_key, handle: AKIAEXAMPLE7, issued: 2026-11-01, until: 2029-01-01, rotate_every: 120d}
entitlements:
  - {id: orders, catalog: machines, tenant: erp, actions: ["order:*"], owner: ann, risk: low}
grants:
  - {id: g, entitlement: orders, identity: bot, sponsor: bob, justification: orders, from: 2026-06-01, until: 2027-01-30}
"#;

fn house() -> House {
    let house = House::new();
    house.apply(REGISTER);
    let member = json!({
        "id": "pia", "role": "partner_admin", "organization": "pi", "email": "pia@partner.example",
    });
    house.app.put_member(&owner(), &member, &Act::default()).unwrap();
    house
}

/// Who was told of which limit, and how far ahead.
fn told(house: &House) -> BTreeSet<String> {
    let messages = house.app.store().messages_due(i64::MAX, 1_000).unwrap();
    let hooks = messages.iter().filter(|it| it.message.kind == "webhook").filter_map(|it| {
        let body: Json = serde_json::from_str(&it.message.body).unwrap();
        let text = |key: &str| body[key].as_str();
        Some(format!("{} {} {}", text("id")?, text("what")?, text("moment")?))
    });
    hooks.collect()
}

fn mail(house: &House) -> BTreeSet<String> {
    let messages = house.app.store().messages_due(i64::MAX, 1_000).unwrap();
    let mail = messages.into_iter().filter(|it| it.message.kind == "mail");
    mail.map(|it| it.message.target).collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn an_end_is_told_a_month_a_week_and_a_day_ahead_and_when_it_has_come() {
    let house = house();
    assert_eq!(house.app.tell_due().unwrap(), 0);
    let mut so_far = Vec::new();
    for (day, moment) in [
        ("2026-12-31", "g end 30d"),
        ("2027-01-23", "g end 7d"),
        ("2027-01-29", "g end 1d"),
        ("2027-01-30", "g end over"),
    ] {
        house.set_clock(day);
        house.app.tell_due().unwrap();
        assert_eq!(house.app.tell_due().unwrap(), 0, "once");
        so_far.push(moment);
        let told = told(&house);
        let ends: BTreeSet<String> = told.into_iter().filter(|it| it.contains(" end ")).collect();
        assert_eq!(ends, set(&so_far), "{day}");
    }
    let everybody = set(&["ann@company.example", "bob@company.example", "pia@partner.example"]);
    assert_eq!(mail(&house), everybody);
    assert_eq!(house.sequence(), 2, "telling changes nothing that would need evidence");
    // Tidied or not, it was told.
    assert_eq!(house.app.tidy_ended().unwrap(), 1);
    assert_eq!(house.app.tell_due().unwrap(), 0);
}

#[test]
fn revalidation_and_rotation_are_told_as_well() {
    let house = house();
    house.set_clock("2027-01-30");
    house.app.tell_due().unwrap();
    let told = told(&house);
    for due in ["pi-oidc revalidation 30d", "bot-key rotation 30d"] {
        assert!(told.contains(due), "{told:?}");
    }
}

#[test]
fn a_clock_that_jumps_forwards_tells_the_nearest_and_back_nothing_again() {
    let house = house();
    house.set_clock("2027-01-25");
    assert_eq!(house.app.tell_due().unwrap(), 1);
    assert_eq!(told(&house), set(&["g end 7d"]), "a month ahead is no longer of use");
    for day in ["2026-12-31", "2027-01-01", "2027-01-24", "2027-01-26"] {
        house.set_clock(day);
        assert_eq!(house.app.tell_due().unwrap(), 0, "{day}");
    }
    // What is new while the clock is back is looked at in its own time.
    house.set_clock("2026-11-25");
    let path = json!({
        "id": "more", "identity": "bot", "kind": "certificate", "handle": "AB:CD:EF:01",
        "issued": "2026-11-01", "until": "2027-01-01",
    });
    house.app.put(&owner(), "credential", &path, &Act::default()).unwrap();
    house.set_clock("2026-12-05");
    house.app.tell_due().unwrap();
    assert!(told(&house).contains("more end 30d"));
    // Years later, all of it at once: each limit's nearest, none twice.
    house.set_clock("2029-06-01");
    let count = house.app.tell_due().unwrap();
    assert!(count > 3, "{count}");
    assert_eq!(house.app.tell_due().unwrap(), 0);
    house.set_clock("2026-12-01");
    assert_eq!(house.app.tell_due().unwrap(), 0);
}

#[test]
fn security_is_told_when_a_departure_reduces_and_stops_what_was_sponsored() {
    let house = house();
    let member = json!({"id": "sec", "role": "security", "email": "sec@company.example"});
    house.app.put_member(&owner(), &member, &Act::default()).unwrap();
    house.app.act(&owner(), "sponsor", "bob", "leave", &Act::default()).unwrap();
    for day in ["2026-12-02", "2026-12-09", "2026-12-23"] {
        house.set_clock(day);
        house.app.tell_due().unwrap();
    }
    let told = told(&house);
    for one in ["bob reduction 7d", "bob reduction over", "bob succession over"] {
        assert!(told.contains(one), "{told:?}");
    }
    assert!(mail(&house).contains("sec@company.example"));
    assert!(!mail(&house).contains("bob@company.example"), "who left gets none");
}

#[test]
fn an_end_that_is_moved_is_told_anew() {
    let house = house();
    house.set_clock("2026-12-31");
    assert_eq!(house.app.tell_due().unwrap(), 1);
    let read = house.app.item(&owner(), "grant", "g").unwrap();
    let mut sooner = read.document.clone();
    sooner["until"] = "2027-01-05".into();
    let act = Act { rev: Some(read.rev), ..Act::default() };
    house.app.put(&owner(), "grant", &sooner, &act).unwrap();
    assert_eq!(house.app.tell_due().unwrap(), 1);
    assert_eq!(told(&house), set(&["g end 30d", "g end 7d"]));
}

#[test]
fn what_ended_long_before_it_was_written_down_is_no_news() {
    let house = House::new();
    house.apply(&REGISTER.replace("until: 2027-01-30", "until: 2026-07-01"));
    assert_eq!(house.app.tell_due().unwrap(), 0);
}

#[test]
fn break_glass_that_nobody_looked_at_is_told_until_two_have() {
    let house = house();
    let glass = Act { verb: Some("break_glass".to_owned()), ..Act::default() };
    let document = json!({
        "id": "b", "entitlement": "orders", "identity": "bot", "sponsor": "bob",
        "justification": "orders stand still",
    });
    house.app.put(&owner(), "grant", &document, &glass).unwrap();
    let other = json!({
        "id": "c", "entitlement": "orders", "identity": "bot", "sponsor": "bob",
        "justification": "orders stand still again",
    });
    house.app.put(&owner(), "grant", &other, &glass).unwrap();
    for who in ["bob", "ann"] {
        house.app.act(&sponsor(who), "grant", "c", "look", &Act::default()).unwrap();
    }
    house.set_clock("2026-11-28");
    house.app.tell_due().unwrap();
    let told = told(&house);
    assert!(told.contains("b look over"), "{told:?}");
    assert!(!told.iter().any(|it| it.starts_with("c look")), "two have looked: {told:?}");
}
