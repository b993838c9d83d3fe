//! Subscriptions over HTTP: their secret is in one answer and in no other.

use serde_json::json;

use crate::house::House;

#[test]
fn a_secret_is_shown_once_and_a_lost_one_is_made_anew() {
    let house = House::new();
    let path = "/v1/subscriptions/siem";
    let document =
        json!({"id": "siem", "url": "https://siem.example.com/h", "events": ["grant.*"]});
    let put = |headers| house.send("PUT", path, &house.owner, Some(&document), headers);
    let made = put(&[("idempotency-key", "one")]);
    assert_eq!(made.status, 201, "{}", made.body);
    let secret = made.body["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let again = put(&[("idempotency-key", "one")]);
    assert_eq!(again.body["revision"], made.body["revision"]);
    for reply in [again, house.get(path, &house.owner), house.get("/v1/changes", &house.owner)] {
        let text = reply.body.to_string();
        assert!(!text.contains("whsec_") && !text.contains(&secret[6..]), "{text}");
    }
    assert_eq!(put(&[]).status, 409);
    let new = house.post(&format!("{path}/secret"), &house.owner, &json!({}));
    assert_eq!(new.status, 201);
    assert_ne!(new.body["secret"], *secret);
    let ended = house.post(&format!("{path}/end"), &house.owner, &json!({"why": "moved"}));
    assert_eq!((ended.status, ended.body["state"].as_str()), (200, Some("ended")));
    let none = house.get(&format!("{path}/deliveries"), &house.owner);
    assert_eq!(none.body, json!({"deliveries": []}));
}

#[test]
fn a_subscription_that_cannot_work_is_refused_with_its_place() {
    let house = House::new();
    let good = json!({"id": "s", "url": "https://example.com", "events": ["*"]});
    for (key, value) in [
        ("url", json!("http://example.com")),
        ("url", json!("https://user:secret@example.com")),
        ("url", json!(null)),
        ("url", json!("x".repeat(5_000))),
        ("events", json!([])),
        ("events", json!(["everything!"])),
        ("events", json!(vec!["*"; 51])),
        ("events", json!("*")),
        ("colour", json!("red")),
    ] {
        let mut document = good.clone();
        document[key] = value;
        let reply = house.send("PUT", "/v1/subscriptions/s", &house.owner, Some(&document), &[]);
        assert_eq!(reply.status, 422, "{document}");
        assert_eq!(reply.body["faults"][0]["pointer"], format!("/{key}"), "{}", reply.body);
        assert!(!reply.body.to_string().contains("secret@"));
    }
}
