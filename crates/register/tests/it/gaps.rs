//! What is not said is listed, and only that.

use countersign_register::{gaps, parse};
use serde_json::Value;

use crate::schema::{json, mappings};
use crate::{check_golden, documented};

/// What no guardrail asks for, or what may be left out because something else says it.
const NOT_ASKED: [&str; 11] = [
    "name",
    "environment",
    "resources",
    "trust_path",
    "namespace",
    "rotated",
    "shared",
    "privileged",
    "review_grace",
    "suspended",
    "groups",
];

#[test]
fn the_gaps_of_the_documented_register() {
    let (register, _) = parse(&[("docs".to_owned(), documented())]);
    let shown: String = gaps(&register).iter().map(|gap| format!("{gap}\n")).collect();
    check_golden("tests/it/gaps.txt", &shown);
}

/// The gaps of a register, or `None` if it has mistakes.
fn listed(value: &Value) -> Option<Vec<String>> {
    let (register, mistakes) = parse(&[("json".to_owned(), value.to_string())]);
    mistakes
        .is_empty()
        .then(|| gaps(&register).iter().map(|gap| format!("{} {}", gap.noun, gap.field)).collect())
}

#[test]
fn a_register_that_says_all_has_no_gaps_and_each_thing_that_goes_is_missed() {
    let complete = json(include_str!("complete.yaml"));
    assert_eq!(listed(&complete), Some(Vec::new()));
    let mut missed = 0;
    for path in mappings(&complete, String::new()) {
        let keys = complete.pointer(&path).and_then(Value::as_object).unwrap().keys();
        for key in keys.filter(|key| !NOT_ASKED.contains(&key.as_str())) {
            let mut changed = complete.clone();
            changed.pointer_mut(&path).and_then(Value::as_object_mut).unwrap().shift_remove(key);
            // What is required is a mistake without it, and so is what something else refers to.
            let Some(gaps) = listed(&changed) else { continue };
            let whole_list = path.is_empty() && key != "own" && key != "company";
            let levels = ["/required", "/accept", "/constant"].iter().any(|at| path.ends_with(at));
            if !whole_list && !levels {
                assert!(!gaps.is_empty(), "nothing misses `{path}/{key}`");
                missed += 1;
            }
        }
    }
    assert!(missed > 40, "only {missed} keys were tried");
}

#[test]
fn a_namespace_that_means_nothing_is_listed() {
    let text = include_str!("complete.yaml").replace("{namespace: t,", "{namespace: u,");
    let gaps = listed(&json(&text)).expect("it is no mistake");
    assert!(gaps.contains(&"identities accounts.namespace".to_owned()), "{gaps:?}");
}
