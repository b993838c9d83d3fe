//! What the tests of requests and onboarding ask.

use serde_json::{Value as Json, json};

use crate::house::House;

/// A house whose company has one entitlement of high risk.
pub struct Node(House);

impl Node {
    pub fn new() -> Self {
        Self(House::with(COMPANY))
    }

    /// Status and body of one request.
    pub fn ask(&self, method: &str, path: &str, token: &str, body: &Json) -> (u16, Json) {
        let body = (!body.is_null()).then_some(body);
        let reply = self.0.send(method, path, token, body, &[]);
        (reply.status, reply.body)
    }

    pub fn get(&self, path: &str, token: &str) -> (u16, Json) {
        self.ask("GET", path, token, &Json::Null)
    }

    pub fn post(&self, path: &str, token: &str, body: &Json) -> (u16, Json) {
        self.ask("POST", path, token, body)
    }

    /// The owner's session.
    pub fn owner(&self) -> String {
        self.0.owner.clone()
    }

    /// A session of a sponsor.
    pub fn sponsor(&self, id: &str) -> String {
        self.0.member(id, &json!({"id": id, "role": "sponsor", "sponsor": id}))
    }
}

const COMPANY: &str = r#"
company: Example
tenants:
  - {id: erp, accounts: ["111122223333"]}
sponsors:
  - {id: ann, employed: {from: 2020-01-01, until: never}}
  - {id: bob, employed: {from: 2020-01-01, until: never}}
organizations:
  - {id: pi, kind: partner, state: active, sponsor: bob, contract: {from: 2026-01-01, until: 2027-01-01}}
identities:
  - {id: paul, kind: human, organization: pi, active: {from: 2026-01-01, until: 2027-01-01}}
entitlements:
  - {id: pay, catalog: partners, tenant: erp, actions: ["pay:*"], owner: ann, risk: high, longest: 30d, who_may_ask: {kinds: [partner]}}
"#;
