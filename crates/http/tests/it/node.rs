//! A node without a socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::Request;
use countersign_app::App;
use countersign_http::{Counted, Server, router};
use countersign_ledger::{Ledger, OpenOptions};
use countersign_store::{Address, Store};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

pub struct Node {
    pub server: Arc<Server>,
    runtime: Runtime,
    folder: PathBuf,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Node {
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-http-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(&Address::Sqlite(folder.join("state.sqlite"))).unwrap();
        let options = OpenOptions {
            origin: "test.example/instance",
            private_key: None,
            signing_seed: [7; 32],
            handle_seed: [8; 32],
        };
        let mut ledger = Ledger::open_in_order(&folder.join("ledger"), &options).unwrap();
        let handles = ledger.handles().clone();
        let chance = AtomicU64::new(1);
        let app = App::new(
            store,
            handles,
            Box::new(|| countersign_register::time("2026-11-25").unwrap()),
            Box::new(move |bytes| {
                let number = chance.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, from)| *byte = *from);
            }),
        );
        let server = Arc::new(Server { app, counted: Counted::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        Self { server, runtime, folder }
    }

    /// Status and body of one request.
    pub fn ask(&self, method: &str, path: &str, token: &str, body: &Json) -> (u16, Json) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::from(text)).unwrap();
        let router = router(&self.server);
        self.runtime.block_on(async move {
            let response = router.oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let bytes = axum::body::to_bytes(response.into_body(), 1 << 22).await.unwrap();
            (status, serde_json::from_slice(&bytes).unwrap_or(Json::Null))
        })
    }

    pub fn get(&self, path: &str, token: &str) -> (u16, Json) {
        self.ask("GET", path, token, &Json::Null)
    }

    pub fn post(&self, path: &str, token: &str, body: &Json) -> (u16, Json) {
        self.ask("POST", path, token, body)
    }

    /// The owner's session, with the company applied.
    pub fn owner(&self) -> String {
        let code = self.server.app.first_code().unwrap().unwrap().secret;
        let token = self.sign_in(&code);
        let files = json!({"files": [{"name": "register.yaml", "text": COMPANY}]});
        let (status, body) = self.post("/v1/register/apply", &token, &files);
        assert_eq!(status, 200, "{body}");
        token
    }

    /// A session of a sponsor.
    pub fn sponsor(&self, owner: &str, id: &str) -> String {
        let path = format!("/v1/members/{id}");
        let member = json!({"id": id, "role": "sponsor", "sponsor": id});
        assert_eq!(self.ask("PUT", &path, owner, &member).0, 201);
        let (_, made) = self.post(&format!("{path}/codes"), owner, &Json::Null);
        self.sign_in(made["secret"].as_str().unwrap())
    }

    fn sign_in(&self, code: &str) -> String {
        let (status, made) = self.post("/v1/sign-in", "", &json!({"code": code}));
        assert_eq!(status, 201, "{made}");
        made["secret"].as_str().unwrap().to_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
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
