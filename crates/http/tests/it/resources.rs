//! Items over HTTP: pages, versions, repeats, errors.

use serde_json::json;

use crate::house::House;

#[test]
fn pages_follow_each_other_and_no_item_is_lost() {
    let house = House::with_company();
    let mut seen = Vec::new();
    let mut path = "/v1/identities?limit=1".to_owned();
    loop {
        let page = house.get(&path, &house.owner).body;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/identities?limit=1&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["bot", "paul", "rita"]);
}

#[test]
fn a_version_that_was_not_the_newest_changes_nothing() {
    let house = House::with_company();
    let read = house.get("/v1/tenants/erp", &house.owner);
    let etag = read.etag.unwrap();
    let document = json!({"id": "erp", "name": "ERP", "accounts": ["111122223333"]});
    let put = |etag: &str| {
        house.send("PUT", "/v1/tenants/erp", &house.owner, Some(&document), &[("if-match", etag)])
    };
    let changed = put(&etag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.etag.as_deref(), Some(etag.as_str()));
    let stale = put(&etag);
    assert_eq!((stale.status, stale.kind.as_str()), (412, "application/problem+json"));
    assert_eq!(stale.body["code"], "stale");
    let without = house.send("PUT", "/v1/tenants/erp", &house.owner, Some(&document), &[]);
    assert_eq!((without.status, without.body["code"].as_str()), (409, Some("exists")));
}

#[test]
fn a_repeated_request_has_its_effect_once() {
    let house = House::with_company();
    let path = "/v1/grants/g-paul/suspend";
    let send =
        |body| house.send("POST", path, &house.owner, Some(body), &[("idempotency-key", "one")]);
    let body = json!({"why": "a check"});
    let (first, again) = (send(&body), send(&body));
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body["revision"], again.body["revision"]);
    let other = send(&json!({"why": "another"}));
    assert_eq!((other.status, other.body["code"].as_str()), (422, Some("idempotency_key_reused")));
}

#[test]
fn a_refusal_says_what_would_work() {
    let house = House::with_company();
    let reply = house.post("/v1/grants/g-paul/resume", &house.owner, &json!({}));
    assert_eq!(reply.status, 409);
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.contains("`suspend` or `end` would"), "{detail}");
}

#[test]
fn the_document_lists_what_is_served() {
    let house = House::new();
    let document = house.get("/v1/openapi.json", "").body;
    assert_eq!(document["openapi"], "3.1.0");
    let served = countersign_wire::routes::routes().into_iter();
    let served: usize = served.map(|route| route.method.documented().len()).sum();
    let written: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| path.as_object().unwrap().len())
        .sum();
    assert_eq!(written, served);
    // Every `$ref` leads somewhere.
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "no schema `{name}`");
    }
}
