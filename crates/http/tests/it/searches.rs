//! Who may, what on, and which.

use serde_json::{Value as Json, json};

use crate::decisions::{application, house};
use crate::house::{House, Reply};

fn search(house: &House, token: &str, of: &str, body: &Json) -> Reply {
    let path = format!("/access/v1/search/{of}");
    house.send("POST", &path, token, Some(body), &[("content-type", "application/json")])
}

fn who(action: &str) -> Json {
    json!({
        "subject": {"type": "user", "properties": {"acr": "pwd"}},
        "action": {"name": action},
        "resource": {"type": "order", "id": "17"},
    })
}

fn ids(reply: &Reply) -> Vec<&str> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let results = reply.body["results"].as_array().unwrap().iter();
    results.map(|it| it["id"].as_str().or(it["name"].as_str()).unwrap()).collect()
}

#[test]
fn who_would_be_let_is_found_and_nobody_else() {
    let house = house();
    let erp = application(&house, "erp");
    let found = search(&house, &erp, "subject", &who("read"));
    assert_eq!(found.body["results"], json!([{"type": "user", "id": "paul@pi.example"}]));
    assert_eq!(found.body["page"], json!({"next_token": "", "count": 1}));
    assert!(found.body["context"]["evidence_id"].as_str().unwrap().starts_with("dec_"));
    // A stronger sign-in is required: who could with it is found when it is said.
    assert!(ids(&search(&house, &erp, "subject", &who("approve"))).is_empty());
    let mut strong = who("approve");
    strong["subject"]["properties"]["acr"] = json!("phr");
    assert_eq!(ids(&search(&house, &erp, "subject", &strong)), ["paul@pi.example"]);
    let mut other = who("read");
    other["subject"]["type"] = json!("spaceship");
    assert!(ids(&search(&house, &erp, "subject", &other)).is_empty());
    let asked = json!({
        "subject": {"type": "user", "id": "paul@pi.example", "properties": {"acr": "pwd"}},
        "resource": {"type": "order", "id": "17"},
    });
    assert_eq!(ids(&search(&house, &erp, "action", &asked)), ["read", "write"]);
}
