//! Who asks too much is told to wait, and nobody else with them.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use countersign_http::{Bounds, limited, router};
use tower::ServiceExt as _;

use crate::house::House;

/// Status and `Retry-After` of one request from `peer`.
fn ask(router: &axum::Router, path: &str, peer: &str, forwarded: &str) -> (u16, Option<u64>) {
    asked(router, path, peer, ("x-forwarded-for", forwarded))
}

fn shows(router: &axum::Router, path: &str, peer: &str, token: &str) -> (u16, Option<u64>) {
    asked(router, path, peer, ("authorization", token))
}

fn asked(
    router: &axum::Router,
    path: &str,
    peer: &str,
    (name, value): (&str, &str),
) -> (u16, Option<u64>) {
    let peer: SocketAddr = peer.parse().unwrap();
    let request = Request::builder()
        .method(if path.ends_with("sign-in") { "POST" } else { "GET" })
        .uri(path)
        .header(name, value)
        .extension(ConnectInfo(peer))
        .body(Body::from("{\"code\":\"cs_code_00\"}"))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let response = runtime.block_on(router.clone().oneshot(request)).unwrap();
    let after = response.headers().get("retry-after");
    let after = after.map(|value| value.to_str().unwrap().parse().unwrap());
    (response.status().as_u16(), after)
}

fn bounds(number: u32) -> Bounds {
    Bounds {
        requests_a_second: NonZeroU32::new(number),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
    }
}

#[test]
fn a_client_that_asks_too_much_is_told_when_to_come_back() {
    let house = House::new();
    let router = limited(router(&house.server), bounds(1));
    let path = "/healthz";
    for _ in 0..5 {
        assert_eq!(ask(&router, path, "192.0.2.1:1000", "").0, 200);
    }
    let mut refused = (0, None);
    for port in 1_000..1_010 {
        refused = ask(&router, path, &format!("192.0.2.1:{port}"), "198.51.100.9");
    }
    assert_eq!(refused.0, 429);
    assert!(refused.1.is_some_and(|after| (1..=2).contains(&after)), "{refused:?}");
    assert_eq!(ask(&router, path, "192.0.2.2:1000", "").0, 200);
    // Behind a proxy that is trusted, each client is its own.
    for client in 0..20 {
        let client = format!("198.51.100.{client}");
        assert_eq!(ask(&router, path, "10.0.0.1:1000", &client).0, 200);
    }
}

#[test]
fn few_tries_to_sign_in_are_taken_from_one_client() {
    let house = House::new();
    let router = limited(router(&house.server), bounds(0));
    let statuses: Vec<u16> =
        (0..12).map(|_| ask(&router, "/v1/sign-in", "192.0.2.1:1", "").0).collect();
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[11], 429);
    assert_eq!(ask(&router, "/healthz", "192.0.2.1:1", "").0, 200);
    // Who presents no invitation has tried none; who presents one has.
    assert_eq!(ask(&router, "/v1/invitation", "192.0.2.1:1", "").0, 401);
    assert_eq!(shows(&router, "/v1/invitation", "192.0.2.1:1", "Bearer guessed").0, 429);
}
