//! Templates.

use countersign_app::{Act, AppError};
use serde_json::{Value as Json, json};

use crate::house::{COMPANY, House, owner, partner, sponsor};

fn house() -> House {
    let house = House::new();
    house.apply(&COMPANY.replace("risk: low}", "risk: low, longest: 400d}"));
    house
}

fn answers() -> Json {
    json!({"answers": {
        "id": "north", "name": "North", "sponsor": "bob", "issuer": "https://login.north.example",
        "from": "2026-11-25", "until": "2027-11-25", "entitlement": "orders", "why": "orders",
    }})
}

fn fill(house: &House, arguments: Json) -> Result<Vec<countersign_app::View>, AppError> {
    house.app.fill_template(&owner(), "oidc-partner", &Act { arguments, ..Act::default() })
}

#[test]
fn all_templates_are_listed_for_who_onboards() {
    let house = house();
    let all = house.app.templates(&sponsor("bob")).unwrap();
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|it| !it.questions.is_empty()));
    assert_eq!(house.app.templates(&partner("pi")).unwrap_err().code(), "forbidden");
}

#[test]
fn answers_make_all_items_in_one_act_and_nothing_of_it_holds_yet() {
    let house = house();
    let made = fill(&house, answers()).unwrap();
    let states: Vec<String> = made.iter().map(|it| format!("{} {}", it.noun, it.state)).collect();
    assert_eq!(
        states,
        ["organization proposed", "trust_path proposed", "grant requested", "group current"]
    );
    assert_eq!(house.acts(), 2);
    let told = house.app.store().messages_due(i64::MAX, 9).unwrap();
    assert!(told.iter().any(|it| it.message.body.contains("approval.asked")), "{told:?}");
    assert!(!house.app.facts().unwrap().grants.contains_key("north-orders"));
    // The sponsor accepts the partner's side, then what was asked for.
    let none = Act::default();
    let early = house.app.act(&sponsor("bob"), "grant", "north-orders", "approve", &none);
    let AppError::Violations(found) = early.unwrap_err() else { panic!() };
    assert_eq!(found[0].code, "organization.not_active");
    house.app.act(&sponsor("bob"), "organization", "north", "accept", &none).unwrap();
    house.app.act(&sponsor("bob"), "trust_path", "north-oidc", "accept", &none).unwrap();
    let view = house.app.act(&sponsor("bob"), "grant", "north-orders", "approve", &none).unwrap();
    assert_eq!(view.state, "active");
    let error = fill(&house, answers()).unwrap_err();
    assert_eq!(error.code(), "exists");
}

#[test]
fn whoever_fills_it_in_is_not_the_one_to_approve_its_grant() {
    let house = house();
    let act = Act { arguments: answers(), ..Act::default() };
    let error = house.app.fill_template(&sponsor("bob"), "oidc-partner", &act).unwrap_err();
    let AppError::Violations(found) = error else { panic!("{error}") };
    assert_eq!(found[0].code, "approval.by_requester");
    // Without a grant there is nothing to approve.
    let mut only = answers();
    let map = only["answers"].as_object_mut().unwrap();
    map.retain(|key, _| !matches!(key.as_str(), "entitlement" | "why"));
    let act = Act { arguments: only, ..Act::default() };
    let made = house.app.fill_template(&sponsor("bob"), "oidc-partner", &act).unwrap();
    assert_eq!(made.len(), 3);
}

#[test]
fn every_mistake_in_the_answers_is_said_and_nothing_is_made() {
    let house = house();
    let mut wrong = answers();
    wrong["answers"]["from"] = "soon".into();
    wrong["answers"]["colour"] = "red".into();
    let AppError::Invalid(faults) = fill(&house, wrong).unwrap_err() else { panic!() };
    assert_eq!(faults.len(), 2, "{faults:?}");
    let mut unknown = answers();
    unknown["answers"]["sponsor"] = "zoe".into();
    assert_eq!(fill(&house, unknown).unwrap_err().code(), "invalid");
    assert_eq!(fill(&house, json!({})).unwrap_err().code(), "invalid");
    assert_eq!(house.app.item(&owner(), "organization", "north").unwrap_err().code(), "not_found");
    assert_eq!(house.acts(), 1);
}

#[test]
fn a_departure_is_an_exception_that_somebody_else_approves_before_it_is_accepted() {
    let house = house();
    let mut departs = answers();
    departs["departures"] = json!([{
        "subject": "trust_path:north-oidc", "key": "revalidate_by", "value": "2028-11-25",
        "justification": "their provider is audited", "until": "2027-06-01",
    }]);
    let mut endless = departs.clone();
    endless["departures"][0]["until"] = "2030-01-01".into();
    assert_eq!(fill(&house, endless).unwrap_err().code(), "departure.too_long");
    let act = Act { arguments: departs, ..Act::default() };
    let ann = sponsor("ann");
    let made = house.app.fill_template(&ann, "oidc-partner", &act).unwrap();
    let exception = made.iter().find(|it| it.noun == "exception").unwrap();
    assert_eq!(
        (exception.state.as_str(), &exception.document["approved_by"]),
        ("asked", &Json::Null)
    );
    let none = Act::default();
    house.app.act(&sponsor("bob"), "organization", "north", "accept", &none).unwrap();
    let accept =
        |by: &str| house.app.act(&sponsor(by), "trust_path", "north-oidc", "accept", &none);
    assert_eq!(accept("bob").unwrap_err().code(), "departure.not_approved");
    let security = countersign_app::Caller { sponsor: Some("ann".to_owned()), ..owner() };
    let error = house.app.act(&security, "exception", &exception.id, "approve", &none).unwrap_err();
    assert_eq!(error.code(), "departure.by_requester");
    let view =
        house.app.act(&sponsor("bob"), "exception", &exception.id, "approve", &none).unwrap();
    assert_eq!((view.state.as_str(), &view.document["approved_by"]), ("approved", &json!("bob")));
    assert_eq!(accept("bob").unwrap().state, "accepted");
}

#[test]
fn the_same_request_again_makes_nothing_more() {
    let house = house();
    let act = |digest: u8| Act {
        arguments: answers(),
        key: Some("k".to_owned()),
        digest: vec![digest],
        ..Act::default()
    };
    let first = house.app.fill_template(&owner(), "oidc-partner", &act(1)).unwrap();
    let again = house.app.fill_template(&owner(), "oidc-partner", &act(1)).unwrap();
    assert_eq!(first, again);
    let error = house.app.fill_template(&owner(), "oidc-partner", &act(2)).unwrap_err();
    assert_eq!(error.code(), "idempotency_key_reused");
    assert_eq!(house.acts(), 2);
}
