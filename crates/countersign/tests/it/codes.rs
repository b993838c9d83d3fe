//! Words that one room uses and another one owns.

use std::collections::BTreeSet;

use countersign_govern::catalogue;
use countersign_judge::Guardrails;

#[test]
fn every_control_of_a_guardrail_is_in_the_catalogue() {
    let controls: serde_json::Value = serde_json::from_str(catalogue::CONTROLS).unwrap();
    let known: BTreeSet<&str> = controls
        .as_object()
        .unwrap()
        .values()
        .flat_map(|list| list.as_array().unwrap())
        .map(|control| control["id"].as_str().unwrap())
        .collect();
    let reasons = Guardrails::shipped().reasons();
    assert!(reasons.len() > 20, "the guardrails give reasons");
    for reason in reasons {
        assert!(!reason.controls.is_empty(), "{} serves no control", reason.code);
        for control in &reason.controls {
            assert!(known.contains(control.as_str()), "{control} of {}", reason.code);
        }
    }
}
