//! Grants as they are asked for, approved and taken in an emergency.

use countersign_app::{Act, AppError, Caller, View};
use countersign_judge::permission::Role;
use serde_json::{Value as Json, json};

use crate::house::{COMPANY, House, owner, partner, sponsor};

/// Beside the company: what is of high risk, what is too, and what excludes it.
const CATALOG: &str = r#"
  - {id: pay, catalog: partners, tenant: erp, actions: ["pay:*"], owner: ann, risk: high, longest: 30d, who_may_ask: {kinds: [partner]}, review_every: 10d}
  - {id: read, catalog: partners, tenant: erp, actions: ["read:*"], owner: bob, risk: low, longest: 90d, who_may_ask: {kinds: [partner]}, incompatible_with: [write]}
  - {id: write, catalog: partners, tenant: erp, actions: ["write:*"], owner: bob, risk: low, longest: 90d, who_may_ask: {kinds: [partner]}}
  - {id: resale, catalog: partners, tenant: erp, actions: ["resale:*"], owner: ann, risk: low, longest: 90d, who_may_ask: {kinds: [partner, reseller]}, passed_on_depth: 1}
"#;

fn house() -> House {
    let house = House::new();
    let resale = "  - {id: g-resale, entitlement: resale, organization: rho, sponsor: ann, justification: resale, from: 2026-01-01, until: 2026-12-20}\n";
    let at = COMPANY.find("grants:").unwrap();
    let carl =
        "  - {id: carl, name: Carl, employed: {from: 2020-01-01, until: never}}\norganizations:";
    let text = format!("{}{CATALOG}{}{resale}", &COMPANY[..at].trim_end(), &COMPANY[at..]);
    house.apply(&text.replace("organizations:", carl));
    house
}

fn grant(id: &str, entitlement: &str, until: &str) -> Json {
    json!({
        "id": id, "entitlement": entitlement, "identity": "paul", "sponsor": "bob",
        "justification": "year end", "from": "2026-11-25", "until": until,
    })
}

fn ask(house: &House, by: &Caller, document: &Json) -> Result<View, AppError> {
    house.app.put(by, "grant", document, &Act::default())
}

fn act(house: &House, by: &Caller, id: &str, verb: &str) -> Result<View, AppError> {
    house.app.act(by, "grant", id, verb, &Act::default())
}

fn is_fact(house: &House, id: &str) -> bool {
    house.app.facts().unwrap().grants.contains_key(id)
}

/// Of each thing that stands in the way; of another refusal, its own.
fn codes(error: &AppError) -> Vec<&str> {
    match error {
        AppError::Violations(found) => found.iter().map(|one| one.code).collect(),
        other => vec![other.code()],
    }
}

#[test]
fn low_risk_is_active_with_its_sponsors_approval_and_no_sooner() {
    let house = house();
    let asked = ask(&house, &partner("pi"), &grant("r", "read", "2026-12-24")).unwrap();
    assert_eq!(asked.state, "requested");
    assert_eq!(asked.process["needed"], json!([{"role": "sponsor", "by": "bob"}]));
    assert!(!is_fact(&house, "r"));
    // Some hours later: access begins when it is approved, not before.
    house.set_clock("2026-11-25T09:00:00Z");
    let view = act(&house, &sponsor("bob"), "r", "approve").unwrap();
    assert_eq!((view.state.as_str(), &view.process["needed"]), ("active", &json!([])));
    assert_eq!(view.document["from"], "2026-11-25T09:00:00Z");
    assert_eq!(view.process["approvals"][0]["by"], "bob");
    assert!(is_fact(&house, "r"));
    assert_eq!(house.acts(), 3, "applied, asked, approved");
}

#[test]
fn high_risk_takes_two_people_each_in_their_role() {
    let house = house();
    ask(&house, &partner("pi"), &grant("p", "pay", "2026-12-24")).unwrap();
    let half = act(&house, &sponsor("bob"), "p", "approve").unwrap();
    assert_eq!(half.state, "approved");
    assert!(!is_fact(&house, "p"));
    let again = act(&house, &sponsor("bob"), "p", "countersign").unwrap_err();
    assert_eq!(again.code(), "approval.same_person");
    let other = act(&house, &sponsor("carl"), "p", "countersign").unwrap_err();
    assert_eq!(other.code(), "not_found", "it is none of theirs");
    let whole = act(&house, &sponsor("ann"), "p", "countersign").unwrap();
    assert_eq!(whole.state, "active");
    assert_eq!(whole.document["review_due"], "2026-12-05", "each ten days");
    assert_eq!(house.acts(), 4);
}

#[test]
fn whoever_asks_does_not_approve_whatever_they_are() {
    let house = house();
    // Bob would be the only one to approve what he asks for, and is told so at once.
    let error = ask(&house, &sponsor("bob"), &grant("r", "read", "2026-12-24")).unwrap_err();
    assert_eq!(codes(&error), ["approval.by_requester"]);
    // An owner of the instance who is no employee approves nothing; one who is, only in a role.
    ask(&house, &owner(), &grant("r", "read", "2026-12-24")).unwrap();
    assert_eq!(
        act(&house, &owner(), "r", "approve").unwrap_err().code(),
        "approval.not_an_employee"
    );
    let mut boss = owner();
    boss.sponsor = Some("bob".to_owned());
    let error = act(&house, &boss, "r", "approve").unwrap_err();
    assert_eq!(error.code(), "approval.by_requester", "the same person signed in");
    let security = Caller { role: Role::Security, sponsor: Some("carl".to_owned()), ..owner() };
    let security = Caller { principal: "member:sec".to_owned(), ..security };
    assert_eq!(act(&house, &security, "r", "approve").unwrap_err().code(), "approval.not_theirs");
    assert_eq!(act(&house, &security, "r", "activate").unwrap_err().code(), "lifecycle.refused");
    assert!(!is_fact(&house, "r"));
}

#[test]
fn no_document_goes_round_an_approval() {
    let house = house();
    let mut claims = grant("r", "read", "2026-12-24");
    claims["break_glass"] = true.into();
    let asked = ask(&house, &owner(), &claims).unwrap();
    assert_eq!((asked.state.as_str(), &asked.document["break_glass"]), ("requested", &Json::Null));
    let act_on = |rev| Act { rev: Some(rev), ..Act::default() };
    let mut wider = asked.document.clone();
    wider["until"] = "2027-12-24".into();
    let error = house.app.put(&owner(), "grant", &wider, &act_on(asked.rev)).unwrap_err();
    assert_eq!(error.code(), "change.needs_approval");
    let mut narrower = asked.document.clone();
    narrower["until"] = "2026-12-01".into();
    let view = house.app.put(&owner(), "grant", &narrower, &act_on(asked.rev)).unwrap();
    assert_eq!((view.state.as_str(), &view.document["until"]), ("requested", &json!("2026-12-01")));
    // A trust path does not come accepted, nor an organization active, by who makes it.
    let path = json!({"id": "pp", "organization": "pi", "kind": "oidc", "accepted_by": "bob"});
    let view = house.app.put(&partner("pi"), "trust_path", &path, &Act::default()).unwrap();
    assert_eq!(view.document["accepted_by"], Json::Null);
    let organization =
        json!({"id": "omega", "kind": "partner", "state": "active", "sponsor": "bob"});
    let view = house.app.put(&owner(), "organization", &organization, &Act::default()).unwrap();
    assert_eq!((view.state.as_str(), &view.document["state"]), ("proposed", &json!("proposed")));
    // Code does, and is evidence of its own.
    let leaves = house.acts();
    let files = house.app.export(&owner()).unwrap();
    let (mut register, _) = countersign_register::parse(&files);
    countersign_register::read_document(&mut register, "grant", &narrower).unwrap();
    house.app.apply(&owner(), &register, &Act::default()).unwrap();
    assert!(is_fact(&house, "r"));
    let history = house.app.history(&owner(), "grant", "r", None).unwrap();
    assert_eq!(history[0].verb, "register.apply");
    assert_eq!(house.acts(), leaves + 1);
}

#[test]
fn no_correction_does_what_takes_a_verb() {
    let house = house();
    let path =
        json!({"id": "pp", "organization": "pi", "kind": "oidc", "issuer": "https://a.example"});
    house.app.put(&partner("pi"), "trust_path", &path, &Act::default()).unwrap();
    house.app.act(&sponsor("bob"), "trust_path", "pp", "accept", &Act::default()).unwrap();
    house.app.act(&owner(), "credential", "bot-key", "revoke", &Act::default()).unwrap();
    house.app.act(&owner(), "organization", "pi", "suspend", &Act::default()).unwrap();
    for (noun, id, key, value, code) in [
        ("trust_path", "pp", "issuer", json!("https://b.example"), "change.needs_approval"),
        ("trust_path", "pp", "accepted_by", json!("ann"), "change.by_verb"),
        ("credential", "bot-key", "revoked", Json::Null, "change.over"),
        ("organization", "pi", "suspended", Json::Null, "change.by_verb"),
        ("sponsor", "bob", "successor", json!("ann"), "change.by_verb"),
    ] {
        let read = house.app.item(&owner(), noun, id).unwrap();
        let mut document = read.document.clone();
        match value {
            Json::Null => drop(document.as_object_mut().unwrap().remove(key)),
            value => document[key] = value,
        }
        let act = Act { rev: Some(read.rev), ..Act::default() };
        let error = house.app.put(&owner(), noun, &document, &act).unwrap_err();
        assert_eq!(error.code(), code, "{noun} {key}");
    }
}

#[test]
fn a_request_is_refused_with_all_that_stands_in_the_way() {
    let house = house();
    let mut document = grant("p", "pay", "2027-11-24");
    document.as_object_mut().unwrap().remove("justification");
    document["from"] = "2026-11-20".into();
    document["sponsor"] = "carl".into();
    let error = ask(&house, &owner(), &document).unwrap_err();
    assert_eq!(
        codes(&error),
        [
            "identity.ends",
            "organization.contract_ends",
            "organization.contract_ends",
            "request.backdated",
            "request.no_justification",
            "request.too_long"
        ]
    );
    let AppError::Violations(found) = &error else { panic!() };
    let latest = found[5].latest.map(countersign_register::time_text);
    assert_eq!(latest.as_deref(), Some("2026-12-20"));
    assert!(found.iter().all(|one| !one.remedy.is_empty()));
    assert_eq!(house.app.item(&owner(), "grant", "p").unwrap_err().code(), "not_found");
    assert_eq!(house.acts(), 1, "what did not happen has no leaf");
}

#[test]
fn what_excludes_each_other_is_not_approved_one_after_the_other() {
    let house = house();
    ask(&house, &partner("pi"), &grant("r", "read", "2026-12-24")).unwrap();
    ask(&house, &partner("pi"), &grant("w", "write", "2026-12-24")).unwrap();
    act(&house, &sponsor("bob"), "r", "approve").unwrap();
    let error = act(&house, &sponsor("bob"), "w", "approve").unwrap_err();
    assert_eq!(codes(&error), ["entitlement.incompatible"]);
    assert_eq!(house.app.item(&owner(), "grant", "w").unwrap().state, "requested");
    act(&house, &sponsor("bob"), "r", "end").unwrap();
    assert_eq!(act(&house, &sponsor("bob"), "w", "approve").unwrap().state, "active");
}

#[test]
fn an_approval_of_somebody_who_left_meanwhile_does_not_count() {
    let house = house();
    ask(&house, &partner("pi"), &grant("p", "pay", "2026-12-24")).unwrap();
    act(&house, &sponsor("bob"), "p", "approve").unwrap();
    house.app.act(&owner(), "sponsor", "bob", "leave", &Act::default()).unwrap();
    house.set_clock("2026-11-26");
    let error = act(&house, &sponsor("bob"), "p", "countersign").unwrap_err();
    assert_eq!(error.code(), "approval.authority_ended");
    let view = act(&house, &sponsor("ann"), "p", "countersign").unwrap();
    assert_eq!(view.state, "approved", "the owner's alone is not enough");
    assert_eq!(view.process["needed"][0]["code"], "approval.authority_ended");
    assert!(!is_fact(&house, "p"));
}

#[test]
fn a_request_is_refused_or_withdrawn() {
    let house = house();
    ask(&house, &partner("pi"), &grant("r", "read", "2026-12-24")).unwrap();
    ask(&house, &partner("pi"), &grant("w", "write", "2026-12-24")).unwrap();
    assert_eq!(act(&house, &sponsor("bob"), "r", "refuse").unwrap().state, "refused");
    assert_eq!(act(&house, &partner("pi"), "w", "withdraw").unwrap().state, "withdrawn");
    let error = act(&house, &sponsor("bob"), "w", "approve").unwrap_err();
    assert_eq!(error.code(), "lifecycle.refused");
    assert_eq!(act(&house, &partner("rho"), "r", "withdraw").unwrap_err().code(), "not_found");
}

#[test]
fn whoever_asked_sees_what_became_of_it_and_takes_it_back() {
    let house = house();
    let carl = sponsor("carl");
    ask(&house, &carl, &grant("r", "read", "2026-12-24")).unwrap();
    assert_eq!(house.app.item(&carl, "grant", "r").unwrap().state, "requested");
    assert_eq!(house.app.item(&sponsor("ann"), "grant", "r").unwrap_err().code(), "not_found");
    assert_eq!(act(&house, &carl, "r", "refuse").unwrap_err().code(), "forbidden");
    assert_eq!(act(&house, &carl, "r", "withdraw").unwrap().state, "withdrawn");
}

#[test]
fn nobody_who_left_accepts_what_a_partner_proposes() {
    let house = house();
    let path = json!({"id": "pp", "organization": "pi", "kind": "oidc"});
    house.app.put(&partner("pi"), "trust_path", &path, &Act::default()).unwrap();
    house.app.act(&owner(), "sponsor", "bob", "leave", &Act::default()).unwrap();
    let accept = |who: &str| {
        let caller = Caller { role: Role::Security, ..sponsor(who) };
        house.app.act(&caller, "trust_path", "pp", "accept", &Act::default())
    };
    for who in ["bob", "nobody"] {
        assert_eq!(accept(who).unwrap_err().code(), "sponsor.gone");
    }
    let view = accept("ann").unwrap();
    assert_eq!(view.state, "accepted");
}

#[test]
fn a_request_that_nobody_decided_on_expires() {
    let house = house();
    ask(&house, &partner("pi"), &grant("r", "read", "2026-12-24")).unwrap();
    house.set_clock("2026-12-24");
    let error = act(&house, &sponsor("bob"), "r", "approve").unwrap_err();
    assert_eq!(error.code(), "lifecycle.refused");
    assert_eq!(house.app.item(&owner(), "grant", "r").unwrap().state, "expired");
}

#[test]
fn break_glass_is_at_once_and_short_and_two_people_look_at_it() {
    let house = house();
    let glass = Act { verb: Some("break_glass".to_owned()), ..Act::default() };
    let mut document = grant("b", "pay", "2026-11-25T06:00:00Z");
    let error = house.app.put(&sponsor("carl"), "grant", &document, &glass).unwrap_err();
    assert_eq!(codes(&error), ["break_glass.too_long"]);
    document["until"] = "2026-11-25T02:00:00Z".into();
    let view = house.app.put(&sponsor("carl"), "grant", &document, &glass).unwrap();
    assert_eq!((view.state.as_str(), &view.document["break_glass"]), ("active", &json!(true)));
    assert!(is_fact(&house, "b"));
    // Somebody is told, at once.
    let told = house.app.store().messages_due(i64::MAX, 100).unwrap();
    assert!(told.iter().any(|it| it.message.body.contains("access.break_glass")), "{told:?}");
    // Afterwards, when it is over.
    house.set_clock("2026-11-26");
    assert_eq!(act(&house, &owner(), "b", "look").unwrap_err().code(), "approval.not_an_employee");
    let one = act(&house, &sponsor("bob"), "b", "look").unwrap();
    assert_eq!(one.process["needed"], json!([{"role": "entitlement_owner", "by": "ann"}]));
    assert_eq!(
        act(&house, &sponsor("bob"), "b", "look").unwrap_err().code(),
        "approval.same_person"
    );
    let two = act(&house, &sponsor("ann"), "b", "look").unwrap();
    assert_eq!((two.state.as_str(), &two.process["needed"]), ("expired", &json!([])));
    assert_eq!(house.acts(), 4);
    let error = act(&house, &sponsor("bob"), "g-paul", "look").unwrap_err();
    assert_eq!(error.code(), "look.not_break_glass");
}

#[test]
fn a_reseller_passes_on_what_it_holds_to_whom_it_brought_in() {
    let house = house();
    let mut document = grant("on", "resale", "2026-12-31");
    document["passed_on_from"] = "g-resale".into();
    let error = ask(&house, &partner("rho"), &document).unwrap_err();
    assert_eq!(codes(&error), ["passed_on.longer"]);
    document["until"] = "2026-12-19".into();
    assert_eq!(ask(&house, &partner("rho"), &document).unwrap().state, "requested");
    act(&house, &sponsor("bob"), "on", "approve").unwrap();
    // One level is all that is set.
    let mut further = grant("further", "resale", "2026-12-18");
    further["passed_on_from"] = "on".into();
    let error = ask(&house, &owner(), &further).unwrap_err();
    assert!(codes(&error).contains(&"passed_on.too_deep"), "{error}");
    // Not by others, and nobody learns of strangers.
    assert_eq!(
        ask(&house, &partner("pi"), &grant("x", "resale", "2026-12-18")).unwrap().state,
        "requested"
    );
    let mut theirs = grant("y", "resale", "2026-12-18");
    theirs["identity"] = "rita".into();
    assert_eq!(ask(&house, &partner("pi"), &theirs).unwrap_err().code(), "forbidden");
    // With the reseller's own ends what hangs on it, in one act.
    let leaves = house.acts();
    act(&house, &sponsor("ann"), "g-resale", "end").unwrap();
    assert_eq!(house.app.item(&owner(), "grant", "on").unwrap().state, "ended");
    assert_eq!(house.acts(), leaves + 1);
}

#[test]
fn what_excludes_each_other_is_not_approved_at_once_either() {
    for _ in 0..5 {
        let house = std::sync::Arc::new(house());
        for (id, entitlement) in [("r", "read"), ("w", "write")] {
            ask(&house, &partner("pi"), &grant(id, entitlement, "2026-12-24")).unwrap();
        }
        let threads = ["r", "w"].map(|id| {
            let house = std::sync::Arc::clone(&house);
            std::thread::spawn(move || act(&house, &sponsor("bob"), id, "approve").map(|_| ()))
        });
        let answers = threads.map(|it| it.join().unwrap());
        let refused: Vec<&AppError> = answers.iter().filter_map(|it| it.as_ref().err()).collect();
        assert_eq!(refused.len(), 1, "{answers:?}");
        assert_eq!(codes(refused[0]), ["entitlement.incompatible"]);
        assert_ne!(is_fact(&house, "r"), is_fact(&house, "w"));
    }
}

#[test]
fn two_who_approve_at_once_approve_once_each() {
    let house = std::sync::Arc::new(house());
    ask(&house, &partner("pi"), &grant("p", "pay", "2026-12-24")).unwrap();
    act(&house, &sponsor("bob"), "p", "approve").unwrap();
    let leaves = house.acts();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let house = std::sync::Arc::clone(&house);
            std::thread::spawn(move || act(&house, &sponsor("ann"), "p", "countersign").is_ok())
        })
        .collect();
    let done = threads.into_iter().map(|it| it.join().unwrap()).filter(|ok| *ok);
    assert_eq!(done.count(), 1);
    let view = house.app.item(&owner(), "grant", "p").unwrap();
    assert_eq!(view.process["approvals"].as_array().unwrap().len(), 2);
    assert_eq!(house.acts(), leaves + 1);
}
