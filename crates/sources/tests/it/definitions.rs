//! Definitions are checked, and mistakes in them are shown where they are.

use countersign_sources::{Definitions, SCHEMA};
use serde_json::Value;

use crate::render::read_bytes_with;

const README: &str = include_str!("../../README.md");

fn block(language: &str) -> &'static str {
    README.split_once(&format!("```{language}\n")).unwrap().1.split_once("```").unwrap().0
}

fn refused(text: &str) -> String {
    Definitions { all: Vec::new() }.add("my.yaml", text).unwrap_err().to_string()
}

#[test]
fn the_example_of_the_readme_works() {
    let mut definitions = Definitions::shipped().unwrap();
    definitions.add("acme.portal.yaml", block("yaml")).unwrap();
    let read = read_bytes_with("readme.ndjson", block("json").as_bytes(), &definitions);
    let expected = [
        "acme.portal main action 2026-01-05T10:00:00.25Z",
        "portal:export success, privileged",
        "principal human portal|u-17 \"ada@partner.example\"",
        "uses session portal|5f0c (session, exact)",
        "uses token https://idp.partner.example|9d2e (access_token, exact)",
    ];
    for line in expected {
        assert!(read.text.contains(line), "{line} is not in\n{}", read.text);
    }
    let login = block("json").replace("export", "login");
    let read = read_bytes_with("login.ndjson", login.as_bytes(), &definitions);
    assert!(
        read.text.contains("authenticates session portal|5f0c") && !read.text.contains("uses"),
        "{}",
        read.text
    );
}

#[test]
fn every_definition_fits_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions");
    let mut texts = vec![block("yaml").to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    assert_eq!(
        texts.len(),
        Definitions::shipped().unwrap().all.len() + 1,
        "list.in names every definition"
    );
    for text in texts {
        let value: Value = serde_saphyr::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", value["name"]);
    }
    for wrong in ["name: x", "name: x\ntitle: x\nproof: real\ndetect: []\nfields: {}"] {
        assert!(!validator.is_valid(&serde_saphyr::from_str::<Value>(wrong).unwrap()), "{wrong}");
    }
}

#[test]
fn a_mistake_is_shown_where_it_is_with_what_would_work() {
    let good = block("yaml");
    for (from, to, words) in [
        ("sid\n      closed_by", "a..b\n      closed_by", "`a..b` is no path"),
        ("then: [lower]", "then: [lowr]", "`lowr` is no transform; one of lower"),
        (
            "verb: uses\n      kind: session",
            "verb: used\n      kind: session",
            "`used` is no verb; one of authenticates",
        ),
        ("kind: token\n", "kind: tokn\n", "`tokn` is no key kind; one of session"),
        ("  ip: ip", "  ipp: ip", "ipp"),
        ("resolution: 1ms", "resolution: fast", "`fast` is no length of time"),
    ] {
        assert!(good.contains(from), "{from}");
        let wrong = good.replacen(from, to, 1);
        let line =
            1 + good.lines().zip(wrong.lines()).position(|(good, wrong)| good != wrong).unwrap();
        let place = format!("my.yaml:{line}:");
        let message = refused(&wrong);
        assert!(
            message.starts_with(&place) && message.contains(words),
            "expected {place} {words}, found: {message}"
        );
    }
}
