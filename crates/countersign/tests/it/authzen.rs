//! The published scenarios of the OpenID AuthZEN working group, asked of the real program over HTTP,
//! with registers that `countersign apply` applies and every guardrail on.

use std::path::PathBuf;

use countersign_testkit::authzen::{Report, Server, checks, published, run as ask};
use countersign_testkit::say;
use serde_json::Value;

use crate::program::{Folder, path_text, repository};
use crate::serve::{Serving, run};

/// What the decision point calls itself.
const BASE: &str = "https://decisions.example";

fn scenario(name: &str) -> PathBuf {
    repository().join("interop/authzen").join(name)
}

fn read(scenario_file: &str) -> String {
    std::fs::read_to_string(scenario(scenario_file)).unwrap()
}

/// A server with a scenario's register, asked by an application with a key.
fn held_against(name: &str, tenant: &str, checks: &[Value]) -> Report {
    let folder = Folder::new("authzen");
    let serving = Serving::start_with(&folder, &["--listen", "127.0.0.1:0", "--public-url", BASE]);
    let code = serving.code.clone().unwrap();
    run(&folder, &serving, &["sign-in", "--code", &code]).expect(0);
    let register = path_text(&scenario(name).join("register.yaml"));
    run(&folder, &serving, &["apply", &register, "--yes", "--why", "the scenario"]).expect(0);
    let member =
        format!("{{\"id\": \"app\", \"role\": \"application\", \"tenant\": \"{tenant}\"}}");
    let member = path_text(&folder.write("app.json", member));
    run(&folder, &serving, &["put", "members", &member]).expect(0);
    let key = run(&folder, &serving, &["key", "--member", "app"]).expect(0);
    let token = key.out.trim().to_owned();
    ask(&Server { url: serving.address.clone(), base: BASE.to_owned(), token }, checks)
}

/// Says what passed by level, and that all of it did.
fn all_pass(title: &str, report: &Report, least: usize) {
    report.lines().iter().for_each(|line| say(&format!("{title}: {line}")));
    assert!(report.failures.is_empty(), "{title}:\n{}", report.failures.join("\n"));
    let passed: usize = report.counts.values().map(|[passed, ..]| passed).sum();
    assert!(passed >= least, "{title}: {passed} of at least {least}");
}

#[test]
fn every_level_of_the_certification_scenario_passes() {
    let all = checks(&read("certification/checks.json"));
    all_pass("certification", &held_against("certification", "records", &all), all.len());
}

#[test]
fn what_the_conformance_suite_looks_at_beyond_it_passes() {
    let all = checks(&read("certification/conformance.json"));
    all_pass("conformance", &held_against("certification", "records", &all), all.len());
}

#[test]
fn the_todo_payloads_pass_as_they_are() {
    let all: Vec<Value> = ["00", "01", "02"]
        .iter()
        .flat_map(|draft| {
            let text = read(&format!("todo/decisions-1_0-{draft}.json"));
            published(&text, &format!("1.0-{draft}"), None)
        })
        .collect();
    all_pass("todo", &held_against("todo", "todo", &all), all.len());
}

#[test]
fn the_gateway_payloads_pass_as_they_are() {
    let all = published(&read("gateway/decisions.json"), "gateway", None);
    all_pass("gateway", &held_against("gateway", "todo-gateway", &all), all.len());
}

#[test]
fn the_search_payloads_pass_as_they_are() {
    let of = |what: &str| {
        let text = read(&format!("search/{what}-results.json"));
        published(&text, what, Some(&format!("search/{what}")))
    };
    let all: Vec<Value> = ["subject", "resource", "action"].into_iter().flat_map(of).collect();
    all_pass("search", &held_against("search", "records", &all), all.len());
}

#[test]
fn the_identity_provider_payloads_pass_as_they_are() {
    let all = published(&read("idp/results.json"), "idp", None);
    all_pass("idp", &held_against("idp", "records", &all), all.len());
}
