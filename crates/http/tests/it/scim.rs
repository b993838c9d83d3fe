//! The company's directory brings sponsors, and takes them away.

use serde_json::{Value as Json, json};

use crate::house::{House, Reply};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// With a key of the directory's own.
fn directory() -> (House, String) {
    let house = House::with_company();
    let key = json!({"role": "directory", "until": "2027-01-31T00:00:00Z"});
    let reply = house.post("/v1/identities/bot/keys", &house.owner, &key);
    assert_eq!(reply.status, 201, "{}", reply.body);
    let key = reply.body["secret"].as_str().unwrap().to_owned();
    (house, key)
}

fn cleo() -> Json {
    json!({
        "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": "Cleo@Example.com",
        "externalId": "00u1",
        "active": true,
        "displayName": "Cleo Ode",
        "name": {"givenName": "Cleo", "familyName": "Ode"},
        "emails": [
            {"value": "c@home.example", "type": "home"},
            {"value": "cleo@example.com", "type": "work", "primary": true},
        ],
        "title": "Buyer",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "IT"},
    })
}

fn made(house: &House, key: &str) -> Reply {
    let reply = house.post("/scim/v2/Users", key, &cleo());
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply
}

fn patch(house: &House, key: &str, id: &str, operations: Json) -> Reply {
    let body = json!({"schemas": [PATCH], "Operations": operations});
    house.send("PATCH", &format!("/scim/v2/Users/{id}"), key, Some(&body), &[])
}

fn sponsor(house: &House, id: &str) -> Json {
    house.get(&format!("/v1/sponsors/{id}"), &house.owner).body
}

#[test]
fn a_user_arrives_as_a_sponsor_and_keeps_only_what_a_sponsor_needs() {
    let (house, key) = directory();
    let reply = made(&house, &key);
    assert_eq!(reply.kind, "application/scim+json");
    let user = &reply.body;
    assert_eq!(user["id"], "cleo");
    assert_eq!(user["meta"]["created"], "2026-11-25T00:00:00Z");
    assert_eq!(user["meta"]["location"], "/scim/v2/Users/cleo");
    assert_eq!(user["emails"], cleo()["emails"]);
    assert!(user["title"].is_null());
    let item = sponsor(&house, "cleo");
    assert_eq!(item["state"], "employed");
    assert_eq!(item["document"]["email"], "cleo@example.com");
    assert_eq!(item["document"]["name"], "Cleo Ode");
    assert_eq!(item["document"]["employed"]["from"], "2026-11-25");
    let reply = house.post("/scim/v2/Users", &key, &cleo());
    assert_eq!((reply.status, &reply.body["scimType"]), (409, &json!("uniqueness")));
    assert_eq!(reply.body["status"], "409");
}

#[test]
fn who_is_no_longer_active_has_left_and_may_return() {
    let (house, key) = directory();
    made(&house, &key);
    // As the two large directories say it.
    let entra = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    let reply = patch(&house, &key, "cleo", entra.clone());
    assert_eq!((reply.status, &reply.body["active"]), (200, &json!(false)), "{}", reply.body);
    let item = sponsor(&house, "cleo");
    assert_eq!(item["state"], "left");
    assert_eq!(item["document"]["employed"]["until"], "2026-11-25");
    assert_eq!(item["document"]["succession_until"], "2026-12-23");
    let again = patch(&house, &key, "cleo", entra);
    assert_eq!(sponsor(&house, "cleo")["revision"], item["revision"], "{}", again.body);
    let okta = json!([{"op": "replace", "value": {"active": true}}]);
    assert_eq!(patch(&house, &key, "cleo", okta).body["active"], true);
    let item = sponsor(&house, "cleo");
    assert_eq!(item["state"], "employed");
    assert!(item["document"]["succession_until"].is_null());
    let history = house.get("/v1/sponsors/cleo/history", &house.owner).body;
    let verbs: Vec<&str> = history["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["verb"].as_str().unwrap())
        .collect();
    assert_eq!(verbs, ["sponsor.return", "sponsor.leave", "sponsor.arrive"]);
}

#[test]
fn who_is_deleted_is_gone_for_the_directory_and_has_left_here() {
    let (house, key) = directory();
    made(&house, &key);
    let path = "/scim/v2/Users/cleo";
    assert_eq!(house.send("DELETE", path, &key, None, &[("if-match", "\"1\"")]).status, 412);
    assert_eq!(house.send("DELETE", path, &key, None, &[]).status, 204);
    assert_eq!(house.get(path, &key).status, 404);
    assert_eq!(house.send("DELETE", path, &key, None, &[]).status, 404);
    assert_eq!(house.get("/scim/v2/Users", &key).body["totalResults"], 2);
    assert_eq!(sponsor(&house, "cleo")["state"], "left");
    let back = made(&house, &key);
    assert_eq!(back.body["id"], "cleo");
    assert_eq!(sponsor(&house, "cleo")["state"], "employed");
}

#[test]
fn who_is_there_as_code_is_found_and_taken_over() {
    let (house, key) = directory();
    let found = house.get("/scim/v2/Users?filter=userName%20eq%20%22ANN%22", &key).body;
    assert_eq!(found["Resources"][0]["id"], "ann");
    let reply = patch(
        &house,
        &key,
        "ann",
        json!([
            {"op": "Add", "path": "externalId", "value": "00u7"},
            {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "ann@example.com"},
            {"op": "Replace", "value": {"name.familyName": "Lee", "displayName": "Ann Lee"}},
            {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "IT"},
        ]),
    );
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["emails"], json!([{"type": "work", "value": "ann@example.com"}]));
    let document = &sponsor(&house, "ann")["document"];
    assert_eq!(document["name"], "Ann Lee");
    assert_eq!(document["email"], "ann@example.com");
    // A folder without those whom the directory says ends none of them.
    let text = "company: Example\nsponsors:\n  - {id: bob, name: Bob}\n";
    let files = json!({"files": [{"name": "a.yaml", "text": text}]});
    let plan = house.post("/v1/register/plan", &house.owner, &files).body;
    let steps = plan["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["id"] != "ann"), "{plan}");
}

#[test]
fn filters_find_whom_they_say() {
    let (house, key) = directory();
    made(&house, &key);
    for (filter, found) in [
        ("userName eq \"cleo@example.com\"", "cleo"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"cleo@example.com\"", "cleo"),
        ("externalId eq \"00u1\"", "cleo"),
        ("externalId eq \"00U1\"", ""),
        ("id eq \"ann\"", "ann"),
        ("id eq \"nobody\"", ""),
        ("active eq true and displayName sw \"b\"", "bob"),
        ("not (emails pr)", "ann bob"),
        ("emails[type eq \"work\" and value ew \"@example.com\"]", "cleo"),
        ("emails.value co \"home\"", "cleo"),
        ("name.familyName eq \"ode\" or id eq \"bob\"", "bob cleo"),
        ("meta.created ge \"2026-11-25T00:00:00+00:00\"", "cleo"),
        ("meta.created gt \"2026-11-25T00:00:00Z\"", ""),
        ("nickName pr", ""),
        ("externalId ne \"00u1\"", "ann bob"),
    ] {
        let query: String = filter.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let reply = house.get(&format!("/scim/v2/Users?filter={query}"), &key);
        assert_eq!(reply.status, 200, "{filter}: {}", reply.body);
        let ids: Vec<&str> = reply.body["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.join(" "), found, "{filter}");
        assert_eq!(reply.body["totalResults"], ids.len(), "{filter}");
    }
    for filter in
        ["userName", "userName%20eq", "userName%20eq%20ann", "active%20gt%20true", "%28%28"]
    {
        let reply = house.get(&format!("/scim/v2/Users?filter={filter}"), &key);
        assert_eq!((reply.status, &reply.body["scimType"]), (400, &json!("invalidFilter")));
    }
}

#[test]
fn pages_and_attributes_are_as_asked() {
    let (house, key) = directory();
    made(&house, &key);
    let page = house.get("/scim/v2/Users?startIndex=2&count=1", &key).body;
    assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(3), &json!(2)));
    assert_eq!(page["Resources"][0]["id"], "bob");
    let none = house.get("/scim/v2/Users?count=0&startIndex=-4", &key).body;
    assert_eq!((&none["totalResults"], &none["startIndex"]), (&json!(3), &json!(1)));
    assert_eq!(none["Resources"], json!([]));
    let user = house.get("/scim/v2/Users/cleo?attributes=userName,name.givenName", &key).body;
    let expected = json!({
        "schemas": [USER], "id": "cleo", "userName": "Cleo@Example.com",
        "name": {"givenName": "Cleo"},
    });
    assert_eq!(user, expected);
    let user = house.get("/scim/v2/Users/cleo?excludedAttributes=emails,meta", &key).body;
    assert!(user["emails"].is_null() && user["meta"].is_null() && user["active"] == true);
}

#[test]
fn a_put_says_all_but_takes_nobody_back_by_silence() {
    let (house, key) = directory();
    made(&house, &key);
    patch(&house, &key, "cleo", json!([{"op": "replace", "path": "active", "value": false}]));
    let body = json!({"schemas": [USER], "userName": "cleo@example.com"});
    let reply = house.send("PUT", "/scim/v2/Users/cleo", &key, Some(&body), &[]);
    assert_eq!((reply.status, &reply.body["active"]), (200, &json!(false)), "{}", reply.body);
    let item = sponsor(&house, "cleo");
    assert!(item["document"]["email"].is_null() && item["document"]["name"].is_null());
    assert_eq!(item["state"], "left");
    let body = json!({"userName": "bob"});
    let reply = house.send("PUT", "/scim/v2/Users/cleo", &key, Some(&body), &[]);
    assert_eq!((reply.status, &reply.body["scimType"]), (409, &json!("uniqueness")));
}

#[test]
fn who_comes_inactive_has_left_already() {
    let (house, key) = directory();
    let mut body = cleo();
    body["active"] = false.into();
    let reply = house.post("/scim/v2/Users", &key, &body);
    assert_eq!((reply.status, &reply.body["active"]), (201, &json!(false)), "{}", reply.body);
    let item = sponsor(&house, "cleo");
    assert_eq!(item["state"], "left");
    assert!(item["document"]["employed"]["from"].is_null());
}

#[test]
fn operations_change_addresses_and_names() {
    let (house, key) = directory();
    made(&house, &key);
    for (operations, emails) in [
        (
            json!([{"op": "add", "path": "emails", "value": [{"value": "x@y.example", "primary": "True"}]}]),
            "c@home.example cleo@example.com x@y.example!",
        ),
        (
            json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]),
            "cleo@example.com x@y.example!",
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w@y.example"}]),
            "w@y.example x@y.example!",
        ),
        (
            json!([{"OP": "Replace", "PATH": "EMAILS", "Value": {"value": "only@y.example"}}]),
            "only@y.example",
        ),
        (json!([{"op": "remove", "path": "emails"}]), ""),
    ] {
        let reply = patch(&house, &key, "cleo", operations);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let none = Vec::new();
        let found: Vec<String> = reply.body["emails"]
            .as_array()
            .unwrap_or(&none)
            .iter()
            .map(|email| {
                let mark = if email["primary"] == true { "!" } else { "" };
                format!("{}{mark}", email["value"].as_str().unwrap())
            })
            .collect();
        assert_eq!(found.join(" "), emails);
    }
}

#[test]
fn operations_that_cannot_be_done_change_nothing() {
    let (house, key) = directory();
    made(&house, &key);
    let before = sponsor(&house, "cleo")["revision"].clone();
    let first = json!({"op": "replace", "path": "displayName", "value": "Other"});
    for (operation, kind) in [
        (json!({"op": "move", "path": "displayName", "value": "x"}), "invalidSyntax"),
        (json!({"op": "replace", "path": "name[", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": 7, "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "remove"}), "noTarget"),
        (
            json!({"op": "replace", "path": "emails[type eq \"car\"].value", "value": "a@b.c"}),
            "noTarget",
        ),
        (json!({"op": "replace", "path": "active", "value": "perhaps"}), "invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": ""}), "invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": "x".repeat(300)}), "invalidValue"),
        (
            json!({"op": "replace", "path": "emails", "value": [{"value": "no address"}]}),
            "invalidValue",
        ),
        (json!({"op": "replace", "value": 7}), "invalidValue"),
    ] {
        let reply = patch(&house, &key, "cleo", json!([first, operation]));
        assert_eq!((reply.status, &reply.body["scimType"]), (400, &json!(kind)), "{operation}");
    }
    let many = vec![first; 101];
    assert_eq!(patch(&house, &key, "cleo", json!(many)).body["scimType"], "tooMany");
    assert_eq!(sponsor(&house, "cleo")["revision"], before);
}

#[test]
fn a_directory_says_who_is_there_and_nothing_else() {
    let (house, key) = directory();
    let item = sponsor(&house, "ann");
    let mut document = item["document"].clone();
    document["successor"] = "bob".into();
    let etag = format!("\"{}\"", item["revision"]);
    let headers = [("if-match", etag.as_str())];
    let reply = house.send("PUT", "/v1/sponsors/ann", &key, Some(&document), &headers);
    assert_eq!(reply.status, 403, "{}", reply.body);
    for path in ["/v1/grants", "/v1/organizations", "/v1/members", "/v1/register"] {
        assert_eq!(house.get(path, &key).status, 403, "{path}");
    }
    let reply = house.get("/scim/v2/Groups", &key);
    assert_eq!((reply.status, reply.kind.as_str()), (404, "application/scim+json"));
    for path in [
        "ServiceProviderConfig",
        "ResourceTypes",
        "ResourceTypes/User",
        "Schemas",
        "Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    ] {
        assert_eq!(house.get(&format!("/scim/v2/{path}"), "").status, 200, "{path}");
    }
}

#[test]
fn a_list_is_imported_in_one_act() {
    let (house, key) = directory();
    let people = json!([
        {"id": "bob", "email": "bob@example.com", "employed_until": "2026-12-31"},
        {"id": "dora", "name": "Dora", "email": "dora@example.com", "employed_from": "2025-05-01"},
    ]);
    let steps = |reply: Reply| -> String {
        assert_eq!(reply.status, 200, "{}", reply.body);
        let steps = reply.body["steps"].as_array().unwrap().clone();
        let text = |step: &Json, key: &str| step[key].as_str().unwrap().to_owned();
        let steps = steps.iter().map(|step| format!("{} {}", text(step, "verb"), text(step, "id")));
        steps.collect::<Vec<_>>().join(", ")
    };
    let import = |complete: bool| {
        house.post("/v1/directory/import", &key, &json!({"people": people, "complete": complete}))
    };
    let plan = house.post("/v1/directory/plan", &key, &json!({"people": people, "complete": true}));
    assert_eq!(steps(plan), "leave bob, arrive dora, leave ann");
    assert_eq!(sponsor(&house, "ann")["state"], "employed");
    assert_eq!(steps(import(false)), "leave bob, arrive dora");
    let bob = sponsor(&house, "bob");
    assert_eq!(bob["state"], "employed", "they leave at the end of the year");
    assert_eq!(bob["document"]["succession_until"], "2027-01-28");
    assert_eq!(steps(import(false)), "", "once is enough");
    assert_eq!(steps(import(true)), "leave ann");
    assert_eq!(sponsor(&house, "ann")["state"], "left");
    let back = json!({"people": [{"id": "bob"}, {"id": "ann"}]});
    assert_eq!(steps(house.post("/v1/directory/import", &key, &back)), "return bob, return ann");
    assert!(sponsor(&house, "bob")["document"]["succession_until"].is_null());
    for (bad, status) in [
        (json!({"people": []}), 409),
        (json!({"people": [{"id": "a"}, {"id": "a"}]}), 409),
        (json!({"people": [{"id": "a b"}]}), 422),
        (json!({"people": [{"id": "a", "email": "nowhere"}]}), 422),
        (json!({"people": [{"name": "a"}]}), 422),
        (
            json!({"people": [{"id": "a", "employed_from": "2026-02-01", "employed_until": "2026-01-01"}]}),
            422,
        ),
        (json!({"people": {}}), 422),
    ] {
        assert_eq!(house.post("/v1/directory/import", &key, &bad).status, status, "{bad}");
    }
}
