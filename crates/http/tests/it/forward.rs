//! What proxies ask, and what they and the applications behind them are told.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_http::ext_authz;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value as Json, json};

use crate::house::{House, Reply};

const SHOP: &str = r#"
company: Example
tenants:
  - {id: shop, enforcement: {mode: enforce}}
  - {id: lax, enforcement: {mode: enforce, unattributed: record}}
  - {id: front}
  - {id: other}
sponsors:
  - {id: bob, employed: {from: 2020-01-01, until: never}}
organizations:
  - {id: pi, kind: partner, state: active, sponsor: bob, contract: {from: 2026-01-01, until: 2027-01-01}}
trust_paths:
  - id: pi-oidc
    organization: pi
    kind: oidc
    issuer: "https://pi.example"
    active: {from: 2026-01-01, until: never}
    accepted_by: bob
    revalidate_by: 2027-01-01
    constant: {ial: 1, aal: 1, fal: 1}
    assurance_map:
      - {claim: acr, value: "urn:pi:mfa", accept: {ial: 2, aal: 2, fal: 2}}
  - id: pi-portal
    organization: pi
    kind: portal
    active: {from: 2020-01-01, until: never}
    accepted_by: bob
    revalidate_by: 2027-01-01
    constant: {ial: 1, aal: 1, fal: 1, workload: 2}
identities:
  - id: pia
    kind: human
    organization: pi
    active: {from: 2026-01-01, until: 2027-01-01}
    accounts:
      - {namespace: shop, value: "pia@pi.example", trust_path: pi-oidc, active: {from: 2026-01-01, until: never}}
      - {namespace: front, value: "pia", active: {from: 2026-01-01, until: never}}
  - id: gone
    kind: human
    organization: pi
    active: {from: 2026-01-01, until: 2026-06-01}
    accounts:
      - {namespace: front, value: "gone", active: {from: 2026-01-01, until: never}}
  - id: desk
    kind: service
    organization: pi
    owner: bob
    networks: ["127.0.0.0/8"]
    active: {from: 2026-01-01, until: 2027-01-01}
    accounts:
      - {namespace: shop, value: desk, trust_path: pi-portal, active: {from: 2026-01-01, until: never}}
      - {namespace: lax, value: desk, trust_path: pi-portal, active: {from: 2026-01-01, until: never}}
portals:
  - {id: front-door, organization: pi, tenant: front, acts_as: [desk]}
entitlements:
  - {id: orders, catalog: partners, tenant: shop, actions: [GET], resources: ["route:/orders*"], owner: bob, risk: low, required: {aal: 1}}
  - {id: refunds, catalog: partners, tenant: shop, actions: ["*"], resources: ["route:/refunds*"], owner: bob, risk: high, required: {aal: 2}}
grants:
  - {id: g-orders, entitlement: orders, identity: pia, sponsor: bob, justification: orders, from: 2026-06-01, until: 2026-11-30, review_due: 2026-11-30}
  - {id: g-refunds, entitlement: refunds, identity: pia, sponsor: bob, justification: refunds, from: 2026-06-01, until: 2026-11-30, review_due: 2026-11-30}
"#;

struct Proxy {
    house: House,
    key: String,
}

impl Proxy {
    fn new() -> Self {
        let house = House::with(SHOP);
        let key = key(&house, "shop");
        Self { house, key }
    }

    /// As nginx asks.
    fn ask(&self, method: &str, url: &str, headers: &[(&str, &str)]) -> Reply {
        let url = format!("http://shop.example{url}");
        let mut all = vec![
            ("x-countersign-key", self.key.as_str()),
            ("x-original-url", &url),
            ("x-original-method", method),
        ];
        all.extend(headers);
        self.house.send("GET", "/forward-auth", "", None, &all)
    }
}

fn key(house: &House, tenant: &str) -> String {
    let id = format!("app-{tenant}");
    house.member(&id, &json!({"id": id, "role": "application", "tenant": tenant}))
}

const PIA: (&str, &str) = ("x-countersign-subject", "pia@pi.example");
const MFA: (&str, &str) = ("x-countersign-acr", "urn:pi:mfa");

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(format!("x-countersign-{name}")).unwrap().to_str().unwrap()
}

#[test]
fn who_may_passes_with_who_they_are_signed() {
    let proxy = Proxy::new();
    let reply = proxy.ask("GET", "/orders/7?token=secret", &[PIA]);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let told = |name: &str| header(&reply.headers, name).to_owned();
    assert_eq!(
        ["identity", "actor", "organization", "sponsor", "grant"].map(told),
        ["pia", "", "pi", "bob", "g-orders"]
    );
    let keys = proxy.house.get("/.well-known/jwks.json", "").body;
    let set: JwkSet = serde_json::from_value(keys).unwrap();
    let assertion = told("assertion");
    let head = jsonwebtoken::decode_header(&assertion).unwrap();
    assert_eq!(head.typ.as_deref(), Some("countersign-assertion+jwt"));
    let key = DecodingKey::from_jwk(set.find(&head.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.set_audience(&["shop"]);
    let claims = jsonwebtoken::decode::<Json>(&assertion, &key, &validation).unwrap().claims;
    let now = countersign_register::time("2026-11-25").unwrap().0 / 1_000_000_000;
    assert_eq!(
        claims,
        json!({
            "iss": "countersign", "aud": "shop", "sub": "pia", "organization": "pi",
            "sponsor": "bob", "grant": "g-orders", "jti": told("decision"), "iat": now,
            "exp": now + 60, "htm": "GET", "path": "/orders/7",
        })
    );
    // One bit of it changed, and it is no assertion.
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[9] ^= 1;
    let forged = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
    assert!(jsonwebtoken::decode::<Json>(&forged, &key, &validation).is_err());
}

#[test]
fn who_may_not_is_told_codes_and_nothing_is_said_to_the_application() {
    let proxy = Proxy::new();
    let forged = [PIA, ("x-countersign-identity", "root"), ("x-countersign-assertion", "e.e.e")];
    let reply = proxy.ask("DELETE", "/orders/7", &forged);
    assert_eq!((reply.status, reply.kind.as_str()), (403, "application/problem+json"));
    assert_eq!(reply.body["reasons"], json!(["grant.none"]));
    for name in ["identity", "assertion", "grant"] {
        assert!(!reply.headers.contains_key(format!("x-countersign-{name}")));
    }
    let reply = proxy.ask("GET", "/orders/7", &[("x-countersign-subject", "stranger")]);
    assert_eq!((reply.status, &reply.body["reasons"][0]), (403, &json!("identity.unknown")));
    let reply = proxy.ask("GET", "/orders/7", &[]);
    assert_eq!((reply.status, &reply.body["code"]), (401, &json!("subject.missing")));
    assert!(reply.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[test]
fn who_must_sign_in_stronger_is_told_how() {
    let proxy = Proxy::new();
    let reply = proxy.ask("POST", "/refunds/1", &[PIA]);
    assert_eq!(reply.status, 401, "{}", reply.body);
    assert_eq!(
        reply.headers["www-authenticate"],
        "Bearer error=\"insufficient_user_authentication\", error_description=\"a stronger \
         sign-in is required\", acr_values=\"urn:pi:mfa\""
    );
    assert_eq!(proxy.ask("POST", "/refunds/1", &[PIA, MFA]).status, 200);
}

#[test]
fn what_has_two_readings_has_no_answer() {
    let proxy = Proxy::new();
    for path in ["/orders/../refunds/1", "/orders%2f7", "/orders//7", "/orders/%2e%2e/refunds"] {
        let reply = proxy.ask("GET", path, &[PIA]);
        assert_eq!((reply.status, &reply.body["code"]), (403, &json!("path.ambiguous")), "{path}");
    }
    let reply = proxy.ask("GET", "/orders", &[PIA, ("x-forwarded-uri", "/public")]);
    assert_eq!((reply.status, &reply.body["code"]), (403, &json!("request.twice")));
    let reply = proxy.ask("GET", "/orders", &[PIA, ("x-countersign-subject", "root")]);
    assert_eq!((reply.status, &reply.body["code"]), (403, &json!("header.twice")));
}

#[test]
fn only_the_key_of_an_application_asks() {
    let proxy = Proxy::new();
    let headers = |key: &'static str| {
        [
            ("x-countersign-key", key),
            ("x-original-url", "http://shop.example/orders"),
            ("x-original-method", "GET"),
            PIA,
        ]
    };
    for key in ["", "nonsense"] {
        let reply = proxy.house.send("GET", "/forward-auth", "", None, &headers(key));
        assert_eq!((reply.status, &reply.body["code"]), (403, &json!("proxy.unknown")));
    }
    // What a client may have put into its own request is no key of a proxy.
    let headers = headers("");
    let reply = proxy.house.send("GET", "/forward-auth", &proxy.key, None, &headers[1..]);
    assert_eq!(reply.status, 403);
    let owner = proxy.house.owner.clone();
    let headers = [("x-countersign-key", owner.as_str()), headers[1], headers[2], PIA];
    assert_eq!(proxy.house.send("GET", "/forward-auth", "", None, &headers).status, 403);
}

#[test]
fn the_request_line_below_the_prefix_is_the_request() {
    let proxy = Proxy::new();
    let ask = |method: &str, path: &str| {
        let headers = [("x-countersign-key", proxy.key.as_str()), PIA, MFA];
        proxy.house.send(method, &format!("/ext-authz{path}"), "", None, &headers)
    };
    let reply = ask("GET", "/orders/7?x=1");
    assert_eq!((reply.status, header(&reply.headers, "grant")), (200, "g-orders"));
    let remove = reply.headers["x-envoy-auth-headers-to-remove"].to_str().unwrap();
    assert!(remove.contains("x-countersign-subject") && remove.contains("x-countersign-key"));
    assert_eq!(ask("OPTIONS", "/refunds/1").status, 200);
    assert_eq!(ask("PUT", "/orders/7").status, 403);
    assert_eq!(ask("GET", "/").status, 403);
}

#[test]
fn behind_a_portal_somebody_is_named_by_the_portal_itself() {
    let proxy = Proxy::new();
    let (front, other) = (key(&proxy.house, "front"), key(&proxy.house, "other"));
    let desk = ("x-countersign-subject", "desk");
    let person = |name: &'static str| ("x-countersign-person", name);
    let codes = |headers: &[(&str, &str)]| {
        let body = proxy.ask("GET", "/orders/7", headers).body;
        match body["reasons"].as_array() {
            Some(codes) => codes
                .iter()
                .filter_map(|code| code.as_str())
                .filter(|code| code.starts_with("actor"))
                .map(str::to_owned)
                .collect(),
            None => vec![body["code"].as_str().unwrap_or_default().to_owned()],
        }
    };
    assert_eq!(codes(&[desk]), ["actor.unattributed"]);
    assert_eq!(codes(&[desk, person("pia")]), ["portal.key_missing"]);
    let by = |key: &'static str| ("x-countersign-portal-key", key);
    assert_eq!(codes(&[desk, person("pia"), by("nonsense")]), ["portal.unknown"]);
    let other = ("x-countersign-portal-key", other.as_str());
    assert_eq!(codes(&[desk, person("pia"), other]), ["portal.not_its_account"]);
    let front = ("x-countersign-portal-key", front.as_str());
    assert_eq!(codes(&[PIA, person("pia"), front]), ["portal.not_its_account"]);
    assert_eq!(codes(&[desk, person("nobody"), front]), ["actor.unknown"]);
    assert_eq!(codes(&[desk, person("gone"), front]), ["actor.unknown"]);
    let none: [&str; 0] = [];
    assert_eq!(codes(&[desk, person("pia"), front]), none);
}

#[test]
fn a_tenant_may_let_pass_who_names_nobody() {
    let proxy = Proxy::new();
    let lax = key(&proxy.house, "lax");
    let headers = [
        ("x-countersign-key", lax.as_str()),
        ("x-original-url", "http://lax.example/orders"),
        ("x-original-method", "GET"),
        ("x-countersign-subject", "desk"),
    ];
    let reply = proxy.house.send("GET", "/forward-auth", "", None, &headers);
    assert!(!reply.body.to_string().contains("actor."), "{}", reply.body);
    // Who is named and is nobody is no such case.
    let front = key(&proxy.house, "front");
    let named = [("x-countersign-person", "nobody"), ("x-countersign-portal-key", front.as_str())];
    let headers = [&headers[..], &named].concat();
    let reply = proxy.house.send("GET", "/forward-auth", "", None, &headers);
    assert!(reply.body.to_string().contains("actor.unknown"), "{}", reply.body);
}

#[test]
fn envoys_checks_are_served_with_health() {
    let proxy = Proxy::new();
    let router = proxy.house.runtime.block_on(ext_authz(&proxy.house.server));
    let paths = format!("{router:?}");
    assert!(paths.contains("Authorization") && paths.contains("Health"), "{paths}");
}
