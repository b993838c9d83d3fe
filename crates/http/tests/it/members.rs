//! Members over HTTP: somebody can always make another, and nothing else is kept of them.

use serde_json::json;

use crate::house::House;

#[test]
fn the_last_owner_stays_until_there_is_another() {
    let house = House::new();
    let end = || house.post("/v1/members/owner/end", &house.owner, &json!({}));
    let refused = end();
    assert_eq!((refused.status, refused.body["code"].as_str()), (409, Some("member.last_owner")));
    let revision = house.get("/v1/members/owner", &house.owner).etag.unwrap();
    let less = json!({"id": "owner", "role": "auditor"});
    let headers = [("if-match", revision.as_str())];
    let reply = house.send("PUT", "/v1/members/owner", &house.owner, Some(&less), &headers);
    assert_eq!(reply.status, 409, "{}", reply.body);
    house.member("ann", &json!({"id": "ann", "role": "owner"}));
    let ended = end();
    assert_eq!((ended.status, ended.body["state"].as_str()), (200, Some("ended")));
    assert_eq!(house.get("/v1/self", &house.owner).status, 401);
}

#[test]
fn a_member_is_no_place_to_keep_things() {
    let house = House::new();
    for (key, value) in [("notes", json!("x")), ("name", json!({"deep": 1})), ("a/b", json!(1))] {
        let mut document = json!({"id": "ann", "role": "auditor"});
        document[key] = value;
        let reply = house.send("PUT", "/v1/members/ann", &house.owner, Some(&document), &[]);
        assert_eq!(reply.status, 422, "{}", reply.body);
        let pointer = format!("/{}", key.replace('/', "~1"));
        assert_eq!(reply.body["faults"][0]["pointer"], pointer);
    }
}

const EVALUATION: &str = "/access/v1/evaluation";

#[test]
fn an_application_gets_a_key_and_begins_to_observe() {
    let house = crate::decisions::house();
    let app = json!({"id": "shop", "role": "application", "tenant": "hr"});
    assert_eq!(house.send("PUT", "/v1/members/shop", &house.owner, Some(&app), &[]).status, 201);
    let made = house.post("/v1/members/shop/keys", &house.owner, &json!({}));
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["ends"], "2027-02-23", "90 days");
    let secret = made.body["secret"].as_str().unwrap();
    let own = house.get("/v1/self", secret);
    assert_eq!(own.body["principal"], "member:shop");
    let tenant = house.get("/v1/tenants/hr", &house.owner).body["document"].clone();
    assert_eq!(tenant["enforcement"], json!({"mode": "observe", "until": "2026-12-25"}));
    let asked = json!({
        "subject": {"type": "user", "id": "mallory"}, "action": {"name": "read"},
        "resource": {"type": "order", "id": "17"},
    });
    let json = [("content-type", "application/json")];
    let ask = || house.send("POST", EVALUATION, secret, Some(&asked), &json);
    let answer = ask();
    assert_eq!(answer.body["decision"], true, "{}", answer.body);
    assert_eq!(answer.body["context"]["mode"], "observe");
    assert_eq!(answer.body["context"]["outcome"], "deny");
    // The evidence says by whom and which, and the list what became of it.
    let key = made.body["key"].as_str().unwrap();
    let process = house.get("/v1/members/shop", &house.owner).body["process"].clone();
    assert_eq!((&process["by"], &process["key"]), (&json!("member:owner"), &json!(key)));
    assert!(!process.to_string().contains(secret));
    let revoked = house.post("/v1/members/shop/keys/revoke", &house.owner, &json!({"key": key}));
    assert_eq!(revoked.status, 204, "{}", revoked.body);
    assert_eq!(house.get("/v1/self", secret).status, 401);
    let keys = house.get("/v1/members/shop/keys", &house.owner).body["keys"].clone();
    assert_eq!((&keys[0]["key"], &keys[0]["revoked"]), (&json!(key), &json!("2026-11-25")));
    let again = house.post("/v1/members/shop/keys/revoke", &house.owner, &json!({"key": key}));
    assert_eq!(again.status, 404, "{}", again.body);
}

#[test]
fn a_tenant_that_says_how_it_is_enforced_is_left_alone_by_a_key() {
    let house = crate::decisions::house();
    let before = house.get("/v1/tenants/erp", &house.owner).body;
    let app = json!({"id": "erp", "role": "application", "tenant": "erp"});
    assert_eq!(house.send("PUT", "/v1/members/erp", &house.owner, Some(&app), &[]).status, 201);
    assert_eq!(house.post("/v1/members/erp/keys", &house.owner, &json!({})).status, 201);
    assert_eq!(house.get("/v1/tenants/erp", &house.owner).body["rev"], before["rev"]);
}

#[test]
fn a_key_is_an_applications_ends_in_time_and_is_carried_into_no_other_role() {
    let house = crate::decisions::house();
    let put = |document: &serde_json::Value, etag: &str| {
        let headers: &[(&str, &str)] = if etag.is_empty() { &[] } else { &[("if-match", etag)] };
        house.send("PUT", "/v1/members/erp", &house.owner, Some(document), headers)
    };
    let make = |body| house.post("/v1/members/erp/keys", &house.owner, &body);
    put(&json!({"id": "erp", "role": "auditor"}), "");
    assert_eq!(make(json!({})).body["code"], "key.of_a_person");
    let etag = house.get("/v1/members/erp", &house.owner).etag.unwrap();
    let reply = put(&json!({"id": "erp", "role": "application", "tenant": "erp"}), &etag);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(make(json!({"until": "2027-12-31"})).body["code"], "key.too_long");
    assert_eq!(make(json!({"until": "2020-12-31"})).body["code"], "key.too_long");
    let made = make(json!({"until": "2026-12-01"}));
    assert_eq!(made.body["ends"], "2026-12-01", "{}", made.body);
    let secret = made.body["secret"].as_str().unwrap();
    assert_eq!(house.get("/v1/self", secret).status, 200);
    let etag = house.get("/v1/members/erp", &house.owner).etag.unwrap();
    assert_eq!(put(&json!({"id": "erp", "role": "owner"}), &etag).status, 200);
    assert_eq!(house.get("/v1/self", secret).status, 401);
}
