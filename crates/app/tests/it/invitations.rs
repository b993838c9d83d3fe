//! A partner's administrator completes their side.

use countersign_app::{Act, AppError};
use serde_json::{Value as Json, json};

use crate::house::{COMPANY, House, owner, partner, sponsor};

fn invite(arguments: Json) -> Act {
    Act { arguments, ..Act::default() }
}

fn given() -> Json {
    json!({
        "contacts": [{"name": "Pia", "email": "pia@partner.example", "for": "incidents"}],
        "trust_path": {"kind": "oidc", "issuer": "https://login.partner.example"},
        "domains": ["partner.example"],
        "keys": [{"identity": "bot", "kind": "certificate", "handle": "AB:CD:EF:01:23"}],
    })
}

fn invited() -> (House, String, String) {
    let house = House::new();
    house.apply(COMPANY);
    let act = invite(json!({"contact": "pia@partner.example", "tries": 2}));
    let (made, view) = house.app.invite(&sponsor("bob"), "pi", &act).unwrap();
    assert_eq!(view.state, "open");
    (house, made.secret, view.id)
}

#[test]
fn what_is_given_is_a_proposal_until_domains_are_proven_and_a_sponsor_accepts() {
    let (house, secret, id) = invited();
    assert_eq!(house.app.authenticate(&secret).unwrap_err().code(), "unauthenticated");
    assert_eq!(house.app.invitation(&secret).unwrap().document["organization"], "pi");
    let view = house.app.complete_invitation(&secret, &given()).unwrap();
    assert_eq!(view.state, "given");
    let domain = view.document["given"]["domains"][0].clone();
    assert_eq!(domain["record"], "_countersign.partner.example");
    assert_eq!(house.app.item(&owner(), "trust_path", "pi-oidc").unwrap().state, "proposed");
    assert!(house.app.list(&owner(), "credential", <_>::default()).unwrap().next.is_none());
    // The link has ended by its use.
    assert_eq!(house.app.invitation(&secret).unwrap_err().code(), "unauthenticated");
    let again = house.app.complete_invitation(&secret, &given());
    assert_eq!(again.unwrap_err().code(), "unauthenticated");

    let accept = |by| house.app.act(&by, "invitation", &id, "accept", &Act::default());
    assert_eq!(accept(sponsor("bob")).unwrap_err().code(), "invitation.domain_unproven");
    // No answer is no proof, and neither is another's record.
    let silent = |_: &str| Err("timed out".to_owned());
    assert_eq!(house.app.prove_domains(&silent).unwrap(), 0);
    let other = |_: &str| Ok(vec!["countersign=0000".to_owned()]);
    assert_eq!(house.app.prove_domains(&other).unwrap(), 0);
    let (record, value) = (domain["record"].clone(), domain["value"].as_str().unwrap().to_owned());
    let found = move |name: &str| {
        assert_eq!(name, record);
        Ok(vec!["v=spf1 -all".to_owned(), value.clone()])
    };
    assert_eq!(house.app.prove_domains(&found).unwrap(), 1);
    assert_eq!(house.app.prove_domains(&found).unwrap(), 0, "once");

    assert_eq!(accept(partner("pi")).unwrap_err().code(), "not_found");
    let leaves = house.acts();
    assert_eq!(accept(sponsor("bob")).unwrap().state, "accepted");
    assert_eq!(house.acts(), leaves + 1, "all of it in one act");
    let path = house.app.item(&owner(), "trust_path", "pi-oidc").unwrap();
    assert_eq!((path.state.as_str(), &path.document["accepted_by"]), ("accepted", &json!("bob")));
    let filter =
        countersign_app::Filter { about: Some("bot".to_owned()), limit: 9, ..<_>::default() };
    let keys = house.app.list(&owner(), "credential", filter).unwrap().items;
    assert!(keys.iter().any(|key| key.document["handle"] == "AB:CD:EF:01:23"));
    let history = house.app.history(&owner(), "invitation", &id, None).unwrap();
    let verbs: Vec<&str> = history.iter().map(|it| it.verb.as_str()).collect();
    assert_eq!(
        verbs,
        ["invitation.accept", "invitation.prove", "invitation.complete", "invitation.invite"]
    );
}

#[test]
fn a_link_is_limited_in_tries() {
    let (house, secret, _) = invited();
    for _ in 0..2 {
        let error = house.app.complete_invitation(&secret, &json!({"contacts": []})).unwrap_err();
        assert_eq!(error.code(), "invalid");
    }
    let error = house.app.complete_invitation(&secret, &given()).unwrap_err();
    assert_eq!(error.code(), "unauthenticated");
    assert_eq!(house.acts(), 2, "a try that failed changed nothing");
}

#[test]
fn a_link_is_limited_in_time_and_ends_when_it_is_ended() {
    let (house, secret, id) = invited();
    house.set_clock("2026-12-09");
    assert_eq!(house.app.invitation(&secret).unwrap_err().code(), "unauthenticated");
    assert_eq!(house.app.item(&owner(), "invitation", &id).unwrap().state, "expired");
    let long = invite(json!({"contact": "pia@partner.example", "expires": "2027-06-01"}));
    assert_eq!(house.app.invite(&owner(), "pi", &long).unwrap_err().code(), "invalid");
    let act = invite(json!({"contact": "pia@partner.example"}));
    let (made, view) = house.app.invite(&owner(), "pi", &act).unwrap();
    house.app.act(&owner(), "invitation", &view.id, "end", &Act::default()).unwrap();
    assert_eq!(house.app.invitation(&made.secret).unwrap_err().code(), "unauthenticated");
}

#[test]
fn only_who_answers_for_the_organization_invites() {
    let house = House::new();
    house.apply(COMPANY);
    let act = invite(json!({"contact": "pia@partner.example"}));
    assert_eq!(house.app.invite(&sponsor("ann"), "pi", &act).unwrap_err().code(), "not_found");
    assert_eq!(house.app.invite(&partner("pi"), "pi", &act).unwrap_err().code(), "forbidden");
    let bad = invite(json!({"contact": "pia@partner.example\r\nBcc: x@y.example"}));
    assert_eq!(house.app.invite(&owner(), "pi", &bad).unwrap_err().code(), "invalid");
}

#[test]
fn the_same_invitation_again_is_not_made_twice() {
    let house = House::new();
    house.apply(COMPANY);
    let arguments = json!({"contact": "pia@partner.example"});
    let act = Act { arguments, key: Some("k".to_owned()), digest: vec![1], ..Act::default() };
    house.app.invite(&owner(), "pi", &act).unwrap();
    let error = house.app.invite(&owner(), "pi", &act).unwrap_err();
    assert_eq!(error.code(), "invitation.shown_once");
    assert_eq!(house.acts(), 2);
}

#[test]
fn rubbish_is_refused_with_where_it_stands() {
    for (key, value, pointer) in [
        ("domains", json!(["-bad-.example"]), "/domains/0"),
        ("domains", json!("partner.example"), "/domains"),
        ("contacts", json!([{"name": "P", "email": "nobody"}]), "/contacts/0/email"),
        ("trust_path", json!({"kind": "oidc", "issuer": "http://p.example"}), "/trust_path/issuer"),
        ("trust_path", json!({"kind": "ldap", "issuer": "x"}), "/trust_path/kind"),
        (
            "keys",
            json!([{"identity": "rita", "kind": "certificate", "handle": "AB:CD:EF:01"}]),
            "/keys/0/identity",
        ),
        (
            "keys",
            json!([{"identity": "bot", "kind": "password", "handle": "hunter2"}]),
            "/keys/0/kind",
        ),
        ("accepted_by", json!("bob"), ""),
    ] {
        let (house, secret, _) = invited();
        let mut wrong = given();
        wrong[key] = value;
        let AppError::Invalid(faults) = house.app.complete_invitation(&secret, &wrong).unwrap_err()
        else {
            panic!("{key}")
        };
        assert_eq!(faults[0].pointer, pointer, "{faults:?}");
    }
}

#[test]
fn no_secret_of_a_link_is_in_the_store() {
    let (house, secret, _) = invited();
    house.app.complete_invitation(&secret, &given()).unwrap();
    let random = secret.rsplit('_').next().unwrap().as_bytes();
    for name in ["state.sqlite", "state.sqlite-wal"] {
        let bytes = std::fs::read(house.folder.join(name)).unwrap_or_default();
        assert!(!bytes.windows(random.len()).any(|window| window == random), "{name}");
    }
}
