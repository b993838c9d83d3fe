//! What the register does not say is unknown: leaving out any fact that a justified access rests on
//! never leaves it justified.

use std::collections::BTreeSet;

use countersign_judge::{Facts, Guardrails, judge};
use countersign_model::judgement::{Judgement, Outcome};
use serde_json::Value;

use crate::case::{Question, parse, questions, register};

/// Facts that no guardrail reads, or whose absence is the strictest reading: no grace, no reseller,
/// nothing incompatible. Of account and credential each tells the trust path. A scope that is not said is any, an axis that is not asked for is not asked.
const NOT_READ: [&str; 23] = [
    "company",
    "entitlements.business_process",
    "entitlements.incompatible_with",
    "entitlements.longest",
    "entitlements.owner",
    "entitlements.required.",
    "entitlements.resources",
    "entitlements.review_every",
    "entitlements.risk",
    "entitlements.tenant",
    "identities.accounts",
    "grants.justification",
    "grants.passed_on_from",
    "grants.review_grace",
    "organizations.sponsor",
    "organizations.via",
    "trust_paths.accepted_by",
    "trust_paths.assurance_map[]",
    "trust_paths.issuer",
    "credentials.consumer",
    "credentials.namespace",
    "credentials.trust_path",
    "tenants",
];

#[test]
fn no_access_is_justified_without_a_fact_it_rests_on() {
    let guardrails = Guardrails::shipped();
    let whole = register();
    let mut facts = Vec::new();
    paths(&whole, &mut Vec::new(), &mut facts);
    let mut matter = BTreeSet::new();
    for name in questions() {
        let question = Question::parse(name);
        let answer = |tree: &Value| -> Option<Judgement> {
            let known = Facts::new(parse(tree).ok()?);
            Some(question.ask(|access, at| judge(&guardrails, &known, access, at)))
        };
        let justified = answer(&whole).unwrap();
        assert_eq!(justified.outcome, Outcome::Allow, "{name}: {:?}", justified.reasons);
        for path in facts.iter().filter(|path| path.len() > 2) {
            let Some(judged) = answer(&without(&whole, path)) else { continue };
            if judged.outcome != Outcome::Allow {
                matter.insert(label(path));
                continue;
            }
            // An item whose every fact can go at once is somebody else's.
            let is_elsewhere =
                answer(&stripped(&whole, path)).is_some_and(|bare| bare == justified);
            let label = label(path);
            let is_read = !NOT_READ.iter().any(|known| label.starts_with(known))
                && !is_of_a_grant_passed_on(&whole, path, &label);
            assert!(is_elsewhere || !is_read, "{name} is justified without {label} {path:?}");
        }
    }
    assert!(matter.len() > 30, "only these matter: {matter:?}");
}

/// Of the grant that another one is passed on from, its scope and its time count; who answers for
/// the other, and reviews it, is said there.
fn is_of_a_grant_passed_on(tree: &Value, path: &[Step], label: &str) -> bool {
    let Some(Err(number)) = path.get(1) else { return false };
    let is_passed_on = tree["grants"][*number]["id"] == "g-agency";
    is_passed_on && matches!(label, "grants.sponsor" | "grants.review_due")
}

type Step = Result<String, usize>;

/// The path of every value that is not the whole.
fn paths(tree: &Value, here: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    let steps: Vec<(Step, &Value)> = match tree {
        Value::Object(map) => map.iter().map(|(key, value)| (Ok(key.clone()), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (Err(at), value)).collect(),
        _ => return,
    };
    for (step, value) in steps {
        here.push(step);
        found.push(here.clone());
        paths(value, here, found);
        here.pop();
    }
}

/// The item of a path with nothing but what a register must say of it.
fn stripped(tree: &Value, path: &[Step]) -> Value {
    let (noun, item) = path.split_at(1.min(path.len()));
    let (Some(Ok(noun)), Some(Err(number))) = (noun.first(), item.first()) else {
        return tree.clone();
    };
    let keys = tree[noun.as_str()][*number].as_object().into_iter().flat_map(|item| item.keys());
    let mut bare = tree.clone();
    for key in keys {
        let less = without(&bare, &[Ok(noun.clone()), Err(*number), Ok(key.clone())]);
        if parse(&less).is_ok() {
            bare = less;
        }
    }
    bare
}

fn without(tree: &Value, path: &[Step]) -> Value {
    let mut tree = tree.clone();
    let (last, inside) = path.split_last().expect("a path has a last step");
    let mut at = &mut tree;
    for step in inside {
        at = match step {
            Ok(key) => &mut at[key.as_str()],
            Err(number) => &mut at[*number],
        };
    }
    match (last, at) {
        (Ok(key), Value::Object(map)) => drop(map.remove(key)),
        (Err(number), Value::Array(list)) => drop(list.remove(*number)),
        _ => unreachable!("paths are of this tree"),
    }
    tree
}

/// A path without its numbers, such as `identities.accounts[].value`.
fn label(path: &[Step]) -> String {
    let mut text = String::new();
    for (depth, step) in path.iter().enumerate() {
        match step {
            Ok(key) if text.is_empty() => text.push_str(key),
            Ok(key) => text.extend([".", key.as_str()]),
            Err(_) if depth == 1 => {}
            Err(_) => text.push_str("[]"),
        }
    }
    text
}
