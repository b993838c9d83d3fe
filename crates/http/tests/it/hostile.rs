//! Requests that nobody honest sends: each is answered with 4xx and a reason.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::house::House;

#[test]
fn what_is_out_of_bounds_is_refused_with_a_reason() {
    let house = House::with_company();
    let owner = &house.owner;
    for (path, status) in [
        ("/v1/grants?limit=0", 400),
        ("/v1/grants?limit=201", 400),
        ("/v1/grants?limit=9999999999999999999999", 400),
        ("/v1/grants?limit=-1", 400),
        ("/v1/grants?cursor=%00", 400),
        ("/v1/grants?cursor=AAAA", 400),
        ("/v1/grants?state=a&state=b", 400),
        ("/v1/grants?colour=red", 400),
        ("/v1/grants?state=%ff", 400),
        ("/v1/changes?cursor=zzz", 400),
        ("/v1/grants/g-paul/history?before=x", 400),
        ("/v1/grants/%2e%2e%2fsecrets", 404),
        ("/v1/grants/'%20or%201=1", 404),
        ("/v1/nothing", 404),
        ("/v1/grants/g-paul/explode", 404),
    ] {
        let reply = house.get(path, owner);
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        assert!(reply.body["detail"].is_string(), "{path}");
    }
    let long = format!("/v1/grants/{}", "x".repeat(129));
    assert_eq!(house.get(&long, owner).status, 404);
}

#[test]
fn bodies_that_are_no_documents_are_refused() {
    let house = House::with_company();
    let send = |body: Vec<u8>| {
        let request = Request::builder()
            .method("PUT")
            .uri("/v1/tenants/new")
            .header("authorization", format!("Bearer {}", house.owner))
            .body(Body::from(body))
            .unwrap();
        house.raw(request).status
    };
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for (body, status) in [
        (b"{".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"\xff\xfe".to_vec(), 400),
        (format!("{{\"id\":\"new\",\"name\":{deep}}}").into_bytes(), 400),
        (b"{\"id\":\"new\",\"name\":\"a\\u0000b\"}".to_vec(), 400),
        (b"{\"id\":\"other\"}".to_vec(), 422),
        (b"{\"id\":\"new\",\"accounts\":7}".to_vec(), 422),
        (b"{\"id\":\"new\",\"accounts\":[{\"a\":1}]}".to_vec(), 422),
        (vec![b' '; 2 << 20], 413),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(send(body), status, "{shown}");
    }
}

#[test]
fn a_token_of_another_kind_opens_nothing() {
    let house = House::with_company();
    let made = house.post("/v1/members/owner/codes", &house.owner, &json!({}));
    let code = made.body["secret"].as_str().unwrap();
    for token in ["", "x", code, &"a".repeat(5_000), "cs_session_00"] {
        let reply = house.get("/v1/self", token);
        assert_eq!((reply.status, reply.body["code"].as_str()), (401, Some("unauthenticated")));
    }
    let reply = house.post("/v1/sign-in", "", &json!({"code": house.owner}));
    assert_eq!(reply.status, 401, "a session is no code");
}

#[test]
fn a_code_is_guessed_a_few_times_only() {
    let house = House::with_company();
    let made = house.post("/v1/members/owner/codes", &house.owner, &json!({}));
    let code = made.body["secret"].as_str().unwrap().to_owned();
    assert_eq!(house.post("/v1/sign-in", "", &json!({"code": 7})).status, 422);
    assert_eq!(house.post("/v1/sign-in", "", &json!({"code": "cs_code_00"})).status, 401);
    assert_eq!(house.post("/v1/sign-in", "", &json!({"code": code})).status, 201);
}
