//! The register as code.

use crate::house::{COMPANY, House, owner, parsed, partner};

#[test]
fn what_was_applied_is_exported_and_applied_again_changes_nothing() {
    let house = House::new();
    let plan = house.apply(COMPANY);
    let items = plan.steps.len();
    assert!(items > 10);
    assert_eq!(house.sequence(), 1, "one act, one leaf");
    let files = house.app.export(&owner()).unwrap();
    let (register, mistakes) = countersign_register::parse(&files);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    assert_eq!(
        countersign_register::write(&register),
        countersign_register::write(&parsed(COMPANY))
    );
    let again = house.app.plan(&owner(), &register).unwrap();
    assert_eq!((again.steps.len(), again.unchanged), (0, items));
    assert_eq!(house.sequence(), 2, "and one that it was exported");
}

#[test]
fn what_the_folder_no_longer_says_is_ended_and_stays() {
    let house = House::new();
    house.apply(COMPANY);
    let less: String =
        COMPANY.lines().filter(|line| !line.contains("g-paul")).collect::<Vec<_>>().join("\n");
    let plan = house.app.plan(&owner(), &parsed(&less)).unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!((plan.steps[0].verb.as_str(), plan.steps[0].id.as_str()), ("end", "g-paul"));
    assert_eq!(
        house.app.item(&owner(), "grant", "g-paul").unwrap().state,
        "active",
        "a plan does nothing"
    );
    house.apply(&less);
    let ended = house.app.item(&owner(), "grant", "g-paul").unwrap();
    assert_eq!(ended.state, "ended");
    assert_eq!(ended.document["revoked"], "2026-11-25");
    assert_eq!(house.app.store().versions("grant", "g-paul").unwrap().len(), 2);
}

#[test]
fn a_change_names_the_keys_that_differ() {
    let house = House::new();
    house.apply(COMPANY);
    let other = COMPANY.replace("justification: orders", "justification: \"orders and returns\"");
    let plan = house.app.plan(&owner(), &parsed(&other)).unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].keys, ["justification"]);
}

#[test]
fn the_example_company_survives() {
    let house = House::new();
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/aldgate/register");
    let (register, mistakes) = countersign_register::load(&path).unwrap();
    assert!(mistakes.is_empty());
    house.app.apply(&owner(), &register, &<_>::default()).unwrap();
    let (exported, _) = countersign_register::parse(&house.app.export(&owner()).unwrap());
    assert_eq!(countersign_register::write(&exported), countersign_register::write(&register));
}

#[test]
fn only_who_may_applies() {
    let house = House::new();
    let error = house.app.plan(&partner("pi"), &parsed(COMPANY)).unwrap_err();
    assert_eq!(error.code(), "forbidden");
}
