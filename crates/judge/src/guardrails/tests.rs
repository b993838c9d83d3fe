use super::*;
use crate::values::{Attribute, Plain};

const EXTRA: &str = "@id(\"x\") @reason(\"x.y\") @outcome(\"deny\") @text(\"t\") forbid (principal, action, resource)";

fn with(text: &str) -> Result<Guardrails, String> {
    Guardrails::with(&[("own".to_owned(), text.to_owned())]).map_err(|error| error.to_string())
}

#[test]
fn every_shipped_guardrail_that_cannot_be_evaluated_denies_and_is_named() {
    let guardrails = Guardrails::shipped();
    let nothing_is_known = Context::empty();
    let Asked { principal, action, resource } = &guardrails.request;
    let request =
        Request::new(principal.clone(), action.clone(), resource.clone(), nothing_is_known, None);
    let reasons = guardrails.reasons_of(&request.unwrap());
    let [error] = &reasons[..] else { unreachable!("{reasons:?}") };
    assert_eq!((error.code.as_str(), error.outcome), ("policy.error", Outcome::Deny));
    for id in guardrails.reasons.keys() {
        assert!(error.text.contains(&format!("`{id}`")), "{id} is not named: {}", error.text);
    }
}

#[test]
fn a_context_against_the_schema_is_a_policy_error() {
    let mut values = Values::NONE;
    values.set(Attribute::Registered, Plain::Time(1));
    let reasons = Guardrails::shipped().ask(&values);
    assert_eq!(reasons.len(), 1);
    assert_eq!(reasons[0].code, "policy.error");
}

#[test]
fn an_added_policy_may_only_forbid_and_must_explain_itself() {
    for (text, expected) in [
        ("forbid", "`own` is no set of Cedar policies"),
        ("@id(\"x\") permit (principal, action, resource);", "policy `x` of `own` permits"),
        ("forbid (principal, action, resource);", "has no @id"),
        ("@id(\"x\") forbid (principal, action, resource);", "needs @outcome"),
        ("@id(\"x\") @outcome(\"allow\") forbid (principal, action, resource);", "needs @outcome"),
        ("@id(\"x\") @outcome(\"deny\") forbid (principal, action, resource);", "needs @reason"),
        (
            "@id(\"x\") @outcome(\"deny\") @reason(\"x\") forbid (principal, action, resource);",
            "needs @text",
        ),
        ("@id(\"x\") forbid (principal == ?principal, action, resource);", "a template"),
        (&format!("{EXTRA}; {EXTRA};"), "has the @id of another policy"),
        (&EXTRA.replace("\"x\"", "\"base\"").to_owned(), "unexpected"),
        (&format!("{} ;", EXTRA.replace("\"x\"", "\"base\"")), "has the @id of another policy"),
        (&format!("{EXTRA} when {{ context.grant_until > 0 }};"), "do not fit the schema"),
        (&format!("{EXTRA} when {{ context.nonsense }};"), "do not fit the schema"),
    ] {
        let error = with(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_added_policy_cannot_soften_a_reason() {
    let reason = |outcome, text: &str, control: &str| Reason {
        code: "grant.expired".to_owned(),
        outcome,
        text: text.to_owned(),
        controls: vec![control.to_owned()],
    };
    let merged = one_for_each_code(vec![
        reason(Outcome::Deny, "ended", "NHI1:2025"),
        reason(Outcome::StepUp, "own words", "OWN-1"),
    ]);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].outcome, Outcome::Deny);
    assert_eq!(merged[0].text, "own words; ended");
    assert_eq!(merged[0].controls, ["OWN-1", "NHI1:2025"]);
}

#[test]
fn controls_with_a_space_stay_whole() {
    assert_eq!(controls("NHI5:2025 GOVERN 1.7 PR.AA-05"), ["NHI5:2025", "GOVERN 1.7", "PR.AA-05"]);
}
