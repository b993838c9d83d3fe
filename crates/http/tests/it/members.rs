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
