//! A server of its own for each test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use countersign_app::{App, Sequencer};
use countersign_http::{Oidc, Server, Signer, router};
use countersign_journal::{Journal, Options};
use countersign_ledger::{Ledger, OpenOptions};
use countersign_store::{Address, Store};
use serde_json::{Value as Json, json};
use tower::ServiceExt as _;

pub struct House {
    pub server: Arc<Server>,
    router: Router,
    pub runtime: tokio::runtime::Runtime,
    pub folder: PathBuf,
    pub owner: String,
}

pub struct Reply {
    pub status: u16,
    pub body: Json,
    pub etag: Option<String>,
    pub kind: String,
    pub location: String,
    pub cookies: Vec<String>,
    /// All, by name.
    pub headers: axum::http::HeaderMap,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl House {
    pub fn new() -> Self {
        Self::with_directory(None)
    }

    /// Whose people sign in by a directory.
    pub fn with_directory(oidc: Option<Oidc>) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("countersign-http-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let store = Store::open(&Address::Sqlite(folder.join("state.sqlite"))).unwrap();
        let mut ledger = ledger(&folder);
        let chance = AtomicU64::new(1);
        let now = countersign_register::time("2026-11-25").unwrap();
        let app = App::new(
            store,
            ledger.handles().clone(),
            Box::new(move || now),
            Box::new(move |bytes| {
                let number = chance.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, from)| *byte = *from);
            }),
        )
        .with_ledger(&folder.join("ledger"))
        .with_webhooks(countersign_app::WebhookKey::new(&[9; 32]));
        app.begin_to_judge(journal(&folder)).unwrap();
        let server = Arc::new(Server::new(app, oidc).with_signer(Signer::new(&[5; 32]).unwrap()));
        drop(ledger);
        let router = router(&server);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut house = Self { server, router, runtime, folder, owner: String::new() };
        let code = house.server.app.first_code().unwrap().unwrap();
        house.owner = house.sign_in(&code.secret);
        house
    }

    /// With the example company in it.
    pub fn with_company() -> Self {
        Self::company(Self::new())
    }

    /// With this register applied.
    pub fn with(text: &str) -> Self {
        Self::new().applied(text)
    }

    pub fn company(house: Self) -> Self {
        house.applied(include_str!("company.yaml"))
    }

    fn applied(self, text: &str) -> Self {
        let house = self;
        let files = json!({"files": [{"name": "company.yaml", "text": text}]});
        let reply = house.post("/v1/register/apply", &house.owner, &files);
        assert_eq!(reply.status, 200, "{}", reply.body);
        house
    }

    /// Everything that waits goes into the ledger; how many leaves it has then.
    pub fn sequence(&self) -> u64 {
        let store = self.server.app.store();
        let mut sequencer = Sequencer::new(ledger(&self.folder), store).unwrap();
        loop {
            let (leaves, more) = sequencer.step(store).unwrap();
            if !more {
                return leaves;
            }
        }
    }

    /// A file as it is served: status, cache header, bytes.
    pub fn file(&self, path: &str, token: &str) -> (u16, String, Vec<u8>) {
        let mut request = Request::builder().uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.runtime.block_on(async {
            let request = request.body(Body::empty()).unwrap();
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let cache = response.headers()["cache-control"].to_str().unwrap().to_owned();
            let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
            (status, cache, bytes.to_vec())
        })
    }

    pub fn sign_in(&self, code: &str) -> String {
        let reply = self.post("/v1/sign-in", "", &json!({"code": code}));
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body["secret"].as_str().unwrap().to_owned()
    }

    /// A session of a new member with this role.
    pub fn member(&self, id: &str, document: &Json) -> String {
        let path = format!("/v1/members/{id}");
        let reply = self.send("PUT", &path, &self.owner, Some(document), &[]);
        assert_eq!(reply.status, 201, "{}", reply.body);
        let reply = self.post(&format!("{path}/codes"), &self.owner, &json!({}));
        self.sign_in(reply.body["secret"].as_str().unwrap())
    }

    pub fn get(&self, path: &str, token: &str) -> Reply {
        self.send("GET", path, token, None, &[])
    }

    pub fn post(&self, path: &str, token: &str, body: &Json) -> Reply {
        self.send("POST", path, token, Some(body), &[])
    }

    pub fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.raw(request.body(body).unwrap())
    }

    pub fn raw(&self, request: Request<Body>) -> Reply {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let header = |name: &str| {
                response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
            };
            let (etag, kind) = (header("etag"), header("content-type").unwrap_or_default());
            let location = header("location").unwrap_or_default();
            let cookies = response.headers().get_all("set-cookie").iter();
            let cookies = cookies.map(|value| value.to_str().unwrap().to_owned()).collect();
            let headers = response.headers().clone();
            let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
            let body =
                if bytes.is_empty() { Json::Null } else { serde_json::from_slice(&bytes).unwrap() };
            Reply { status, body, etag, kind, location, cookies, headers }
        })
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn ledger(folder: &Path) -> Ledger {
    let options = OpenOptions {
        origin: "test.example/instance",
        private_key: None,
        signing_seed: [7; 32],
        handle_seed: [8; 32],
    };
    Ledger::open_in_order(&folder.join("ledger"), &options).unwrap()
}

fn journal(folder: &Path) -> Journal {
    Journal::open(&folder.join("journal"), &Options::new([5; 16])).unwrap().0
}
