//! Requests for grants.

use serde_json::{Value as Json, json};

use crate::node::Node;

fn grant(until: &str) -> Json {
    json!({
        "id": "g", "entitlement": "pay", "identity": "paul", "sponsor": "bob",
        "justification": "year end", "from": "2026-11-25", "until": until,
    })
}

#[test]
fn a_request_that_cannot_be_says_all_that_stands_in_the_way() {
    let node = Node::new();
    let owner = node.owner();
    let (status, body) = node.ask("PUT", "/v1/grants/g", &owner, &grant("2027-11-25"));
    assert_eq!((status, &body["code"]), (409, &json!("request.refused")));
    let found = body["violations"].as_array().unwrap();
    let long = found.iter().find(|it| it["code"] == "request.too_long").unwrap();
    assert_eq!(long["latest"], "2026-12-25");
    assert!(found.iter().all(|it| it["remedy"].as_str().is_some_and(|text| !text.is_empty())));
    assert_eq!(node.get("/v1/grants/g", &owner).0, 404);
}

#[test]
fn two_people_approve_and_the_history_says_who() {
    let node = Node::new();
    let owner = node.owner();
    let (ann, bob) = (node.sponsor("ann"), node.sponsor("bob"));
    let (status, body) = node.ask("PUT", "/v1/grants/g", &owner, &grant("2026-12-24"));
    assert_eq!((status, &body["state"]), (201, &json!("requested")), "{body}");
    let approve = |token: &str, verb: &str| {
        node.post(&format!("/v1/grants/g/{verb}"), token, &json!({"why": "needed"}))
    };
    let (status, body) = approve(&owner, "approve");
    assert_eq!((status, &body["code"]), (409, &json!("approval.not_an_employee")));
    assert_eq!(approve(&bob, "approve").1["state"], "approved");
    let (status, body) = approve(&bob, "countersign");
    assert_eq!((status, &body["code"]), (409, &json!("approval.same_person")));
    let (status, body) = approve(&ann, "countersign");
    assert_eq!((status, &body["state"]), (200, &json!("active")), "{body}");
    let (_, history) = node.get("/v1/grants/g/history", &owner);
    let acts = history["changes"].as_array().unwrap();
    let acts: Vec<String> = acts.iter().map(|it| format!("{} {}", it["verb"], it["by"])).collect();
    assert_eq!(
        acts,
        [
            r#""grant.countersign" "member:ann""#,
            r#""grant.approve" "member:bob""#,
            r#""grant.request" "member:owner""#,
        ]
    );
}

#[test]
fn break_glass_is_asked_for_as_such_and_looked_at() {
    let node = Node::new();
    let owner = node.owner();
    let bob = node.sponsor("bob");
    let path = "/v1/grants/g?as=break_glass";
    let (status, body) = node.ask("PUT", path, &owner, &grant("2026-11-25T03:00:00Z"));
    assert_eq!((status, &body["state"]), (201, &json!("active")), "{body}");
    let (status, body) = node.post("/v1/grants/g/look", &bob, &Json::Null);
    assert_eq!((status, &body["process"]["needed"][0]["by"]), (200, &json!("ann")), "{body}");
}
