//! The life of items.

use countersign_app::Act;
use serde_json::json;

use crate::house::{COMPANY, House, owner, partner, sponsor};

#[test]
fn a_grant_is_suspended_resumed_and_ended_and_each_is_evidence() {
    let house = House::new();
    house.apply(COMPANY);
    let act = Act { why: Some("a test".to_owned()), ..Act::default() };
    for (verb, state) in [("suspend", "suspended"), ("resume", "active"), ("end", "ended")] {
        let view = house.app.act(&sponsor("bob"), "grant", "g-paul", verb, &act).unwrap();
        assert_eq!(view.state, state);
    }
    let error = house.app.act(&sponsor("bob"), "grant", "g-paul", "resume", &act).unwrap_err();
    assert_eq!(error.code(), "lifecycle.refused");
    assert!(error.to_string().contains("nothing leads on"), "{error}");
    let history = house.app.history(&owner(), "grant", "g-paul", None).unwrap();
    let verbs: Vec<&str> = history.iter().map(|change| change.verb.as_str()).collect();
    assert_eq!(verbs, ["grant.end", "grant.resume", "grant.suspend", "register.apply"]);
    assert_eq!(house.acts(), 4);
}

#[test]
fn what_hangs_on_a_grant_ends_with_it() {
    let house = House::new();
    house.apply(COMPANY);
    house.app.act(&sponsor("ann"), "grant", "g-rho", "end", &Act::default()).unwrap();
    assert_eq!(house.app.item(&owner(), "grant", "g-paul").unwrap().state, "ended");
    // One act on many items stands in the history of each, and in that of no other.
    let verbs = |noun: &str, id: &str| -> Vec<String> {
        let history = house.app.history(&owner(), noun, id, None).unwrap();
        history.into_iter().map(|change| change.verb).collect()
    };
    assert_eq!(verbs("grant", "g-paul"), ["grant.end", "register.apply"]);
    assert_eq!(verbs("grant", "g-rho"), ["grant.end", "register.apply"]);
    assert_eq!(verbs("identity", "paul"), ["register.apply"]);
    assert_eq!(house.acts(), 2, "one leaf for the act");
}

#[test]
fn a_group_that_has_the_name_of_an_identity_keeps_its_grants() {
    let house = House::new();
    let group = "groups:\n  - {id: paul, organization: pi}\n";
    let grant = "  - {id: g-all, entitlement: orders, group: paul, sponsor: bob, justification: x, from: 2026-06-01, until: 2026-12-30}\n";
    house.apply(&format!("{COMPANY}{grant}{group}"));
    house.app.act(&owner(), "identity", "paul", "end", &Act::default()).unwrap();
    assert_eq!(house.app.item(&owner(), "grant", "g-paul").unwrap().state, "ended");
    assert_eq!(house.app.item(&owner(), "grant", "g-all").unwrap().state, "active");
    house.app.act(&owner(), "organization", "pi", "end", &Act::default()).unwrap();
    assert_eq!(house.app.item(&owner(), "grant", "g-all").unwrap().state, "ended");
}

#[test]
fn the_end_of_an_organization_ends_all_that_came_by_it() {
    let house = House::new();
    house.apply(COMPANY);
    house.app.act(&owner(), "organization", "rho", "end", &Act::default()).unwrap();
    for (noun, id, state) in [
        ("organization", "rho", "ended"),
        ("organization", "pi", "ended"),
        ("identity", "paul", "ended"),
        ("credential", "bot-key", "revoked"),
        ("grant", "g-paul", "ended"),
    ] {
        assert_eq!(house.app.item(&owner(), noun, id).unwrap().state, state, "{noun} {id}");
    }
}

#[test]
fn what_has_run_out_is_expired_before_the_worker_wakes_and_after() {
    let house = House::new();
    house.apply(COMPANY);
    house.set_clock("2026-12-01");
    assert_eq!(house.app.item(&owner(), "grant", "g-paul").unwrap().state, "expired");
    assert_eq!(house.app.tidy_ended().unwrap(), 1);
    assert_eq!(house.app.tidy_ended().unwrap(), 0, "once");
    // The clock was wrong: what was tidied stays, what was not is as it was.
    house.set_clock("2026-11-25");
    assert_eq!(house.app.tidy_ended().unwrap(), 0);
    house.set_clock("2030-01-01");
    assert!(house.app.tidy_ended().unwrap() > 5);
}

#[test]
fn a_partner_sees_and_touches_their_own_only() {
    let house = House::new();
    house.apply(COMPANY);
    let pi = partner("pi");
    let page = house.app.list(&pi, "identity", <_>::default()).unwrap();
    let ids: Vec<&str> = page.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["bot", "paul"][..1], "one a page by default");
    assert_eq!(house.app.item(&pi, "identity", "rita").unwrap_err().code(), "not_found");
    assert_eq!(house.app.item(&pi, "identity", "nobody").unwrap_err().code(), "not_found");
    let error = house.app.act(&pi, "identity", "rita", "end", &Act::default()).unwrap_err();
    assert_eq!(error.code(), "not_found");
    let error = house.app.act(&pi, "identity", "paul", "resume", &Act::default()).unwrap_err();
    assert_eq!(error.code(), "forbidden");
    let new = json!({"id": "petra", "kind": "human", "organization": "pi"});
    assert_eq!(house.app.put(&pi, "identity", &new, &Act::default()).unwrap().state, "proposed");
    let other = json!({"id": "rolf", "kind": "human", "organization": "rho"});
    assert_eq!(
        house.app.put(&pi, "identity", &other, &Act::default()).unwrap_err().code(),
        "forbidden"
    );
}

#[test]
fn the_same_request_twice_is_done_once_and_another_under_its_key_is_refused() {
    let house = House::new();
    house.apply(COMPANY);
    let act =
        |digest: u8| Act { key: Some("k-1".to_owned()), digest: vec![digest], ..Act::default() };
    let first = house.app.act(&owner(), "grant", "g-paul", "suspend", &act(1)).unwrap();
    let again = house.app.act(&owner(), "grant", "g-paul", "suspend", &act(1)).unwrap();
    assert_eq!(first.rev, again.rev);
    let error = house.app.act(&owner(), "grant", "g-paul", "end", &act(2)).unwrap_err();
    assert_eq!(error.code(), "idempotency_key_reused");
}

#[test]
fn a_document_is_corrected_by_who_read_its_newest_version() {
    let house = House::new();
    house.apply(COMPANY);
    let read = house.app.item(&owner(), "tenant", "erp").unwrap();
    let document = json!({"id": "erp", "name": "ERP", "accounts": ["111122223333"]});
    let error = house.app.put(&owner(), "tenant", &document, &Act::default()).unwrap_err();
    assert_eq!(error.code(), "exists");
    let act = Act { rev: Some(read.rev), ..Act::default() };
    let changed = house.app.put(&owner(), "tenant", &document, &act).unwrap();
    assert!(changed.rev > read.rev);
    assert_eq!(house.app.put(&owner(), "tenant", &document, &act).unwrap_err().code(), "stale");
}

#[test]
fn a_document_names_only_what_is_there() {
    let house = House::new();
    house.apply(COMPANY);
    let document = json!({"id": "x", "kind": "human", "organization": "nobody", "colour": "red"});
    let error = house.app.put(&owner(), "identity", &document, &Act::default()).unwrap_err();
    assert_eq!(error.code(), "invalid");
    let document = json!({"id": "x", "kind": "human", "organization": "nobody"});
    let error = house.app.put(&owner(), "identity", &document, &Act::default()).unwrap_err();
    let countersign_app::AppError::Invalid(faults) = error else { panic!("{error}") };
    assert_eq!(faults[0].pointer, "/organization");
}

#[test]
fn nobody_approves_their_own_exception_or_accepts_in_another_s_name() {
    let house = House::new();
    house.apply(COMPANY);
    let asked = json!({
        "id": "ex-new", "rule": "use.without_grant", "subject": "identity:paul", "until": "2026-12-24",
        "justification": "the review is late",
    });
    let ann = sponsor("ann");
    let security = countersign_app::Caller {
        role: countersign_judge::permission::Role::Security,
        ..sponsor("bob")
    };
    let view = house.app.put(&security, "exception", &asked, &Act::default()).unwrap();
    assert_eq!(view.state, "asked");
    let act = |caller: &countersign_app::Caller| {
        house.app.act(caller, "exception", "ex-new", "approve", &Act::default())
    };
    assert_eq!(act(&security).unwrap_err().code(), "departure.by_requester");
    assert_eq!(act(&owner()).unwrap_err().code(), "departure.no_approver");
    let other = countersign_app::Caller { role: security.role, ..ann };
    assert_eq!(act(&other).unwrap().document["approved_by"], "ann");
}
