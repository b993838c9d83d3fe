//! Codes, sessions and keys.

use serde_json::json;

use crate::house::{COMPANY, House, owner};

#[test]
fn the_first_owner_signs_in_once_by_the_newest_code() {
    let house = House::new();
    let old = house.app.first_code().unwrap().unwrap();
    let new = house.app.first_code().unwrap().unwrap();
    assert_eq!(house.app.sign_in(&old.secret).unwrap_err().code(), "unauthenticated");
    let session = house.app.sign_in(&new.secret).unwrap();
    assert_eq!(house.app.sign_in(&new.secret).unwrap_err().code(), "unauthenticated", "once");
    assert!(house.app.first_code().unwrap().is_none(), "the owner was there");
    let caller = house.app.authenticate(&session.secret).unwrap();
    assert_eq!(caller, owner());
    house.app.sign_out(&caller, &session.secret).unwrap();
    assert_eq!(house.app.authenticate(&session.secret).unwrap_err().code(), "unauthenticated");
}

#[test]
fn a_session_ends_by_itself() {
    let house = House::new();
    let code = house.app.first_code().unwrap().unwrap();
    let session = house.app.sign_in(&code.secret).unwrap();
    house.set_clock("2026-11-26");
    assert_eq!(house.app.authenticate(&session.secret).unwrap_err().code(), "unauthenticated");
}

#[test]
fn who_left_the_company_is_signed_out() {
    let house = House::new();
    house.apply(COMPANY);
    let member = json!({"id": "bob", "role": "sponsor", "sponsor": "bob"});
    house.app.put_member(&owner(), &member, &<_>::default()).unwrap();
    let code = house.app.code_for(&owner(), "bob").unwrap();
    let session = house.app.sign_in(&code.secret).unwrap();
    assert!(house.app.authenticate(&session.secret).is_ok());
    let code = house.app.code_for(&owner(), "bob").unwrap();
    house.app.act(&owner(), "sponsor", "bob", "leave", &<_>::default()).unwrap();
    assert_eq!(house.app.authenticate(&session.secret).unwrap_err().code(), "unauthenticated");
    assert_eq!(house.app.sign_in(&code.secret).unwrap_err().code(), "unauthenticated");
}

#[test]
fn a_key_is_a_credential_of_a_machine_and_dies_with_it() {
    let house = House::new();
    house.apply(COMPANY);
    let scope = json!({"role": "auditor"});
    let (key, credential) = house.app.make_key(&owner(), "bot", &scope, None).unwrap();
    let caller = house.app.authenticate(&key.secret).unwrap();
    assert_eq!(caller.principal, "identity:bot");
    let view = house.app.item(&owner(), "credential", &credential).unwrap();
    assert_eq!(view.document["kind"], "api_key");
    assert!(!view.document.to_string().contains(&key.secret));
    house.app.act(&owner(), "credential", &credential, "revoke", &<_>::default()).unwrap();
    assert_eq!(house.app.authenticate(&key.secret).unwrap_err().code(), "unauthenticated");
    assert_eq!(
        house.app.make_key(&owner(), "paul", &scope, None).unwrap_err().code(),
        "key.of_a_person"
    );
}

#[test]
fn no_secret_is_in_the_store() {
    let house = House::new();
    let code = house.app.first_code().unwrap().unwrap();
    let session = house.app.sign_in(&code.secret).unwrap();
    let file = std::fs::read(house.folder.join("state.sqlite")).unwrap();
    let wal = std::fs::read(house.folder.join("state.sqlite-wal")).unwrap_or_default();
    for secret in [&code.secret, &session.secret] {
        let random = secret.rsplit('_').next().unwrap().as_bytes();
        for bytes in [&file, &wal] {
            assert!(!bytes.windows(random.len()).any(|window| window == random));
        }
    }
}

#[test]
fn a_sponsor_who_left_and_the_administrator_of_an_ended_partner_are_nobody() {
    let house = House::new();
    house.apply(COMPANY);
    let session = |id: &str, document: serde_json::Value| {
        house.app.put_member(&owner(), &document, &<_>::default()).unwrap();
        let code = house.app.code_for(&owner(), id).unwrap();
        house.app.sign_in(&code.secret).unwrap().secret
    };
    let ann = session("ann", json!({"id": "ann", "role": "sponsor", "sponsor": "ann"}));
    let pia = json!({"id": "pia", "role": "partner_admin", "organization": "pi"});
    let pia = session("pia", pia);
    assert!(house.app.authenticate(&ann).is_ok() && house.app.authenticate(&pia).is_ok());
    house.app.act(&owner(), "sponsor", "ann", "leave", &<_>::default()).unwrap();
    house.app.act(&owner(), "organization", "pi", "end", &<_>::default()).unwrap();
    for secret in [&ann, &pia] {
        assert_eq!(house.app.authenticate(secret).unwrap_err().code(), "unauthenticated");
    }
}
