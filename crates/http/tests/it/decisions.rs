//! What applications ask, and what they are answered.

use serde_json::{Value as Json, json};

use crate::house::{House, Reply};

const EVALUATION: &str = "/access/v1/evaluation";

pub fn house() -> House {
    House::with(include_str!("decisions.yaml"))
}

pub fn application(house: &House, tenant: &str) -> String {
    house.member(tenant, &json!({"id": tenant, "role": "application", "tenant": tenant}))
}

fn question(subject: &str, acr: &str, action: &str) -> Json {
    json!({
        "subject": {"type": "user", "id": subject, "properties": {"acr": acr}},
        "action": {"name": action},
        "resource": {"type": "order", "id": "17"},
    })
}

fn ask(house: &House, token: &str, question: &Json) -> Reply {
    house.send("POST", EVALUATION, token, Some(question), &[("content-type", "application/json")])
}

#[test]
fn a_decision_says_why_by_what_and_for_how_long() {
    let house = house();
    let erp = application(&house, "erp");
    let reply = ask(&house, &erp, &question("paul@pi.example", "pwd", "read"));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["decision"], true, "{}", reply.body);
    let context = &reply.body["context"];
    assert_eq!(context["grant"], "g-orders");
    assert_eq!(context["sponsor"], "ann");
    assert_eq!(context["assurance"]["required"], json!({"aal": 1}));
    assert_eq!(context["assurance"]["accepted"]["aal"], 1);
    assert_eq!(context["assurance"]["accepted_by"], "pi-oidc: acr=pwd");
    assert_eq!(context["obligations"], json!([{"id": "end_by", "at": "2026-11-30"}]));
    assert_eq!(context["max_age"], 1);
    assert!(context["evidence_id"].as_str().unwrap().starts_with("dec_"));
}

#[test]
fn a_deny_says_codes_to_the_user_and_texts_to_who_looks_after_it() {
    let house = house();
    let erp = application(&house, "erp");
    let reply = ask(&house, &erp, &question("paul@pi.example", "pwd", "delete"));
    assert_eq!((reply.status, &reply.body["decision"]), (200, &json!(false)));
    let context = &reply.body["context"];
    assert_eq!(context["reason_user"]["en-403"], "grant.none");
    assert_eq!(context["reason_admin"]["en"], "no grant covers it");
    let reply = ask(&house, &erp, &question("mallory", "phr", "read"));
    assert_eq!(reply.body["context"]["reason_user"]["en-403"], "identity.unknown");
}

#[test]
fn what_more_authentication_would_open_is_a_step_up() {
    let house = house();
    let erp = application(&house, "erp");
    let reply = ask(&house, &erp, &question("paul@pi.example", "pwd", "approve"));
    assert_eq!(reply.body["decision"], false, "{}", reply.body);
    let context = &reply.body["context"];
    assert_eq!((&context["outcome"], &context["acr_values"]), (&json!("step_up"), &json!("phr")));
    let reply = ask(&house, &erp, &question("paul@pi.example", "phr", "approve"));
    assert_eq!(reply.body["decision"], true, "{}", reply.body);
}

#[test]
fn who_observes_is_told_to_allow_and_what_it_would_be() {
    let house = house();
    let crm = application(&house, "crm");
    let reply = ask(&house, &crm, &question("mallory", "pwd", "read"));
    assert_eq!(reply.body["decision"], true, "{}", reply.body);
    let context = &reply.body["context"];
    assert_eq!((&context["mode"], &context["outcome"]), (&json!("observe"), &json!("deny")));
    // What is not said is no leave to allow.
    let hr = application(&house, "hr");
    let reply = ask(&house, &hr, &question("paul@pi.example", "pwd", "read"));
    assert_eq!(reply.body["decision"], false);
    let codes = reply.body["context"]["reason_user"]["en-403"].as_str().unwrap();
    assert!(codes.contains("tenant.mode_unknown"), "{codes}");
}

#[test]
fn what_is_revoked_is_refused_at_once() {
    let house = house();
    let erp = application(&house, "erp");
    let asked = question("paul@pi.example", "pwd", "read");
    assert_eq!(ask(&house, &erp, &asked).body["decision"], true);
    let reply = house.post("/v1/grants/g-orders/end", &house.owner, &json!({"why": "over"}));
    assert_eq!(reply.status, 200, "{}", reply.body);
    let reply = ask(&house, &erp, &asked);
    assert_eq!(reply.body["decision"], false, "{}", reply.body);
    assert_eq!(reply.body["context"]["reason_user"]["en-403"], "grant.revoked");
}

#[test]
fn several_are_answered_in_order_as_far_as_was_asked() {
    let house = house();
    let erp = application(&house, "erp");
    let mut asked = question("paul@pi.example", "pwd", "read");
    asked["evaluations"] = json!([
        {}, {"action": {"name": "delete"}}, {"resource": "no"}, {"action": {"name": "write"}},
    ]);
    for (semantics, expected) in [
        ("execute_all", json!([true, false, false, true])),
        ("deny_on_first_deny", json!([true, false])),
        ("permit_on_first_permit", json!([true])),
    ] {
        asked["options"] = json!({"evaluations_semantic": semantics});
        let headers = [("content-type", "application/json")];
        let reply = house.send("POST", "/access/v1/evaluations", &erp, Some(&asked), &headers);
        let answers = reply.body["evaluations"].as_array().unwrap();
        let found: Vec<&Json> = answers.iter().map(|answer| &answer["decision"]).collect();
        assert_eq!(json!(found), expected, "{}", reply.body);
    }
}

#[test]
fn a_decision_is_explained_and_made_again_after_what_it_was_by_has_ended() {
    let house = house();
    let erp = application(&house, "erp");
    let asked = question("paul@pi.example", "pwd", "read");
    let id = ask(&house, &erp, &asked).body["context"]["evidence_id"].clone();
    let denied = ask(&house, &erp, &question("mallory", "pwd", "read"));
    let reply = house.post("/v1/grants/g-orders/end", &house.owner, &json!({"why": "over"}));
    assert_eq!(reply.status, 200, "{}", reply.body);
    for (id, outcome) in [(&id, "allow"), (&denied.body["context"]["evidence_id"], "deny")] {
        let path = format!("/v1/decisions/{}", id.as_str().unwrap());
        let reply = house.get(&path, &house.owner);
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.body["again"], "same", "{}", reply.body);
        assert_eq!(reply.body["record"]["judgement"]["outcome"], outcome);
    }
    // An application is not told of decisions afterwards, and what was never made is not there.
    let path = format!("/v1/decisions/{}", id.as_str().unwrap());
    assert_eq!(house.get(&path, &erp).status, 403);
    let none = "/v1/decisions/dec_00000000000000000000000000000000";
    assert_eq!(house.get(none, &house.owner).status, 404);
}

#[test]
fn what_was_known_then_and_what_is_known_now_are_told_apart() {
    let house = house();
    let asked = json!({
        "tenant": "erp", "at": "2026-11-25", "request": question("paul@pi.example", "pwd", "read"),
    });
    let reply = house.post("/v1/decisions/judge", &house.owner, &asked);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["then"]["answered"], "allow", "{}", reply.body);
    assert_eq!(reply.body["differ"], false);
    // Nothing was known before the register was applied.
    let earlier = json!({
        "tenant": "erp", "at": "2026-11-24", "request": question("paul@pi.example", "pwd", "read"),
    });
    let reply = house.post("/v1/decisions/judge", &house.owner, &earlier);
    assert_eq!(reply.body["differ"], true, "{}", reply.body);
    assert_eq!(reply.body["then"]["answered"], "deny");
    assert_eq!(reply.body["now_known"]["answered"], "allow");
}

#[test]
fn the_report_says_what_would_be_refused_of_what_is_observed() {
    let house = house();
    let crm = application(&house, "crm");
    for subject in ["mallory", "mallory", "paul@pi.example"] {
        assert_eq!(ask(&house, &crm, &question(subject, "pwd", "read")).body["decision"], true);
    }
    let reply = house.get("/v1/decisions?tenant=crm", &house.owner);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let counts = ["decisions", "allowed", "refused", "would_be_refused"];
    let counts = counts.map(|name| reply.body[name].as_u64().unwrap());
    assert_eq!(counts, [3, 0, 0, 3], "{}", reply.body);
    assert_eq!(reply.body["reasons"][0]["code"], "identity.unknown");
    assert_eq!(reply.body["reasons"][0]["decisions"], 2);
    let elsewhere = house.get("/v1/decisions?tenant=erp", &house.owner);
    assert_eq!(elsewhere.body["decisions"], 0);
}

#[test]
fn a_grant_says_when_it_was_last_used() {
    let house = house();
    let erp = application(&house, "erp");
    let before = house.get("/v1/grants/g-orders", &house.owner);
    assert_eq!(before.body["used"], Json::Null);
    for action in ["read", "write", "delete"] {
        ask(&house, &erp, &question("paul@pi.example", "pwd", action));
    }
    let shipped = house.server.app.ship_decisions().unwrap();
    assert_eq!(shipped.decisions, 3);
    for _ in 0..2 {
        let used = json!({"first": "2026-11-25", "last": "2026-11-25", "count": 2});
        let one = house.get("/v1/grants/g-orders", &house.owner);
        assert_eq!(one.body["used"], used, "{}", one.body);
        let list = house.get("/v1/grants", &house.owner);
        let listed = list.body["items"].as_array().unwrap();
        let found = listed.iter().find(|item| item["id"] == "g-orders").unwrap();
        assert_eq!(found["used"], used);
        let other = listed.iter().find(|item| item["id"] == "g-approve").unwrap();
        assert_eq!(other["used"], Json::Null);
        // What was shipped is not counted again.
        assert_eq!(house.server.app.ship_decisions().unwrap().decisions, 0);
    }
}

fn policy(condition: &str) -> Json {
    json!({
        "id": "closing",
        "tenant": "erp",
        "schema": "entity user { acr?: String }; entity order { state?: String };\n\
                   action read, write, approve, delete appliesTo { principal: user, resource: order };",
        "cedar": format!(
            "@id(\"closing.closed\") @reason(\"order.closed\") @outcome(\"deny\") \
             @text(\"the order is closed\") \
             forbid (principal, action == Action::\"write\", resource) when {{ {condition} }};"
        ),
    })
}

const CLOSED: &str = "resource has state && resource.state == \"closed\"";

#[test]
fn a_policy_of_ones_own_forbids_in_the_words_of_the_application() {
    let house = house();
    let erp = application(&house, "erp");
    let mut asked = question("paul@pi.example", "pwd", "write");
    asked["resource"]["properties"] = json!({"state": "closed"});
    let before = ask(&house, &erp, &asked);
    assert_eq!(before.body["decision"], true, "{}", before.body);
    // Tried first, on what was asked: one answer would be another. Nothing is in force yet.
    let text = format!(
        "tenants:\n  - {{id: erp}}\npolicies:\n  - {}\n",
        serde_json::to_string(&policy(CLOSED)).unwrap()
    );
    let tried = json!({"files": [{"name": "p.yaml", "text": text}], "since": "2026-11-25"});
    let trial = house.post("/v1/decisions/try-policies", &house.owner, &tried);
    assert_eq!((trial.status, &trial.body["changed"]), (200, &json!(1)), "{}", trial.body);
    assert_eq!(trial.body["shown"][0]["reasons"], json!(["order.closed"]));
    assert_eq!(ask(&house, &erp, &asked).body["decision"], true);

    let put = |document: &Json| {
        house.send("PUT", "/v1/policies/closing", &house.owner, Some(document), &[])
    };
    let wrong = put(&policy("resource.nonsense == 5"));
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert_eq!(put(&policy(CLOSED)).status, 201);
    let after = ask(&house, &erp, &asked);
    assert_eq!(after.body["decision"], false, "{}", after.body);
    assert_eq!(after.body["context"]["reason_user"]["en-403"], "order.closed");
    asked["resource"]["properties"] = json!({"state": "open"});
    assert_eq!(ask(&house, &erp, &asked).body["decision"], true);
    // What was decided under the policies before is made again under those.
    for answer in [&before, &after] {
        let id = answer.body["context"]["evidence_id"].as_str().unwrap();
        let again = house.get(&format!("/v1/decisions/{id}"), &house.owner);
        assert_eq!(again.body["again"], "same", "{}", again.body);
    }
}
