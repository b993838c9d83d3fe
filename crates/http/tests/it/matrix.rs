//! Every route × every role. `matrix.txt` has a row for each route; a route without a row fails.
//!
//! `ok`: the role may (the answer is anything but 401, 403 and 404); `403`: it may not; `404`: it may
//! not even know. The items asked for are another organization's than the partner administrator's,
//! another sponsor's and another tenant's; rows that end in `own` ask for the caller's own.

use std::fmt::Write as _;

use countersign_wire::routes::{Kind, Method, Route, routes};
use serde_json::{Value as Json, json};

use crate::house::House;

const ROLES: [&str; 8] = [
    "nobody",
    "owner",
    "security",
    "sponsor",
    "auditor",
    "application",
    "partner_admin",
    "directory",
];

#[test]
fn every_route_is_asked_by_every_role() {
    let mut found = String::from("# route, then ");
    let _ = writeln!(found, "{}", ROLES.join(" "));
    let house = House::with_company();
    let tokens = tokens(&house);
    let held = house.post("/v1/organizations/rho/hold", &house.owner, &json!({"ground": "test"}));
    assert_eq!(held.status, 201, "{}", held.body);
    house.sequence();
    let path = "/v1/subscriptions/siem";
    assert_eq!(house.send("PUT", path, &house.owner, Some(&subscription()), &[]).status, 201);
    for route in routes() {
        for (own, id) in ids(&route) {
            let row: Vec<String> =
                tokens.iter().map(|token| word(&route, house.ask(&route, id, token))).collect();
            let (method, path) = (route.method.as_str(), &route.path);
            let _ = writeln!(found, "{method} {path}{own}: {}", row.join(" "));
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/matrix.txt");
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    for (line, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(
        found.lines().count(),
        expected.lines().count(),
        "a route has no row, or a row no route"
    );
}

fn tokens(house: &House) -> Vec<String> {
    let member = |id: &str, document: Json| house.member(id, &document);
    vec![
        String::new(),
        house.owner.clone(),
        member("sam", json!({"id": "sam", "role": "security"})),
        member("bob", json!({"id": "bob", "role": "sponsor", "sponsor": "bob"})),
        member("ada", json!({"id": "ada", "role": "auditor"})),
        member("erp", json!({"id": "erp", "role": "application", "tenant": "erp"})),
        member("pia", json!({"id": "pia", "role": "partner_admin", "organization": "pi"})),
        member("hr", json!({"id": "hr", "role": "directory"})),
    ]
}

/// The item to ask for: somebody else's, and where it differs the caller's own.
fn ids(route: &Route) -> Vec<(&'static str, &'static str)> {
    if !route.path.contains("{id}") {
        return vec![("", "")];
    }
    let (others, own) = match route.noun {
        "tenant" => ("crm", "erp"),
        "organization" => ("rho", "pi"),
        "sponsor" => ("ann", "bob"),
        "trust_path" => ("rho-oidc", "pi-oidc"),
        "identity" => ("rita", "bot"),
        "credential" => ("rita-key", "bot-key"),
        "entitlement" => ("crm-read", "orders"),
        "grant" => ("g-rho", "g-paul"),
        "group" => ("rho-staff", "pi-staff"),
        "portal" => ("rho-portal", "pi-portal"),
        "exception" => ("ex-ann", "ex-bob"),
        "policy" => ("crm-freeze", "erp-freeze"),
        "subscription" => return vec![("", "siem")],
        "settings" => return vec![("", "register")],
        "hold" => return vec![("", "organization.rho")],
        "change" => return vec![("", ""), (" own", "own")],
        _ => return vec![("", "ada")],
    };
    vec![("", others), (" own", own)]
}

impl House {
    /// Asks so that nothing is ever changed: what passes the door is refused behind it.
    fn ask(&self, route: &Route, id: &str, token: &str) -> u16 {
        if route.kind == Kind::Ledger {
            let files = [("/ledger/{*file}", "checkpoint"), ("/ledger/tile/entries/{*file}", "")];
            let (_, file) = files.iter().find(|(path, _)| *path == route.path).unwrap();
            let leaves = self.server.app.store().sequenced().unwrap().leaves;
            let file = if file.is_empty() { format!("000.p/{leaves}") } else { (*file).to_owned() };
            return self.file(&route.path.replace("{*file}", &file), token).0;
        }
        if route.kind == Kind::Proof {
            // The act that made the company; a partner sees their own part of it only.
            let changes = self.get("/v1/changes", &self.owner).body;
            let apply = changes["changes"].as_array().unwrap().iter();
            let apply = apply.clone().find(|change| change["verb"] == "register.apply").unwrap();
            let item = if id == "own" { "?item=grant:g-paul" } else { "" };
            let change = apply["change"].as_str().unwrap();
            return self.get(&format!("/v1/changes/{change}/proof{item}"), token).status;
        }
        if route.is_of_proxies() {
            // A proxy presents its key in a header of its own, for somebody it signed in.
            let path = route.path.replace("{*path}", "orders");
            let headers = [
                ("x-countersign-key", token),
                ("x-countersign-subject", "paul"),
                ("x-original-url", "http://erp.example/orders"),
                ("x-original-method", "GET"),
            ];
            return self.send("GET", &path, token, None, &headers).status;
        }
        let path = route.path.replace("{id}", id);
        let stale = [("if-match", "\"0\"")];
        let (body, headers): (Option<Json>, &[(&str, &str)]) = match (route.method, route.kind) {
            (Method::Get, _) => (None, &[]),
            (Method::Delete, _) => (None, &stale),
            (_, Kind::Put) => (Some(self.document(route, id)), &stale),
            (_, Kind::Act) => (Some(json!({})), &stale),
            // A word of each role would be two people's.
            (_, Kind::Release | Kind::RotateKey) => (Some(json!({"why": 7})), &[]),
            (_, Kind::Plan) => (Some(json!({"files": []})), &[]),
            (_, Kind::MakeSecret) => (Some(json!({})), &stale),
            // An empty list of files would end everything: a mistake stops it behind the door.
            (_, Kind::Apply) => (Some(json!({"files": [{"name": "x", "text": "x: 1"}]})), &[]),
            // A sign-out would end the session that the next rows need.
            (_, Kind::SignOut) if !token.is_empty() => return 204,
            _ => (Some(json!({})), &[]),
        };
        self.send(route.method.as_str(), &path, token, body.as_ref(), headers).status
    }

    fn document(&self, route: &Route, id: &str) -> Json {
        if route.noun == "member" {
            return json!({"id": id, "role": "auditor"});
        }
        if route.noun == "subscription" {
            return subscription();
        }
        let path = format!("/v1/{}/{id}", countersign_wire::routes::plural(route.noun));
        self.get(&path, &self.owner).body["document"].clone()
    }
}

fn subscription() -> Json {
    json!({"id": "siem", "url": "https://siem.example.com/hooks", "events": ["grant.*"]})
}

fn word(route: &Route, status: u16) -> String {
    match status {
        401 | 403 | 404 => status.to_string(),
        500.. => panic!("{} answered {status}", route.path),
        _ => "ok".to_owned(),
    }
}
