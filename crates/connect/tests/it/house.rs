//! An instance with a clock that moves when told, and a receiver on this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_app::{Act, App, Caller, WebhookKey};
use countersign_connect::{Drain, Drained, Mailer, PrivateAddresses, Webhooks, fan_out};
use countersign_ledger::{Ledger, OpenOptions};
use countersign_model::time::Timestamp;
use countersign_store::{Address, Store};
use serde_json::{Value as Json, json};

pub struct House {
    pub app: App,
    folder: PathBuf,
    clock: Arc<AtomicI64>,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl House {
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-connect-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        let clock = Arc::new(AtomicI64::new(countersign_register::time("2026-11-25").unwrap().0));
        let store = Store::open(&Address::Sqlite(folder.join("state.sqlite"))).unwrap();
        let options = OpenOptions {
            origin: "test.example/instance",
            private_key: None,
            signing_seed: [7; 32],
            handle_seed: [8; 32],
        };
        let mut ledger = Ledger::open_in_order(&folder.join("ledger"), &options).unwrap();
        let now = Arc::clone(&clock);
        let chance = AtomicU64::new(1);
        let app = App::new(
            store,
            ledger.handles().clone(),
            Box::new(move || Timestamp(now.load(Ordering::Relaxed))),
            Box::new(move |bytes| {
                let number = chance.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, from)| *byte = *from);
            }),
        )
        .with_webhooks(WebhookKey::new(&[9; 32]));
        Self { app, folder, clock }
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
    }

    pub fn seconds(&self) -> i64 {
        self.clock.load(Ordering::Relaxed) / 1_000_000_000
    }

    /// Its secret.
    pub fn subscribe(&self, id: &str, url: &str, events: &[&str]) -> String {
        let document = json!({"id": id, "url": url, "events": events});
        let put = self.app.put_subscription(&Caller::system(), &document, &Act::default());
        put.unwrap().1.unwrap()
    }

    /// One act that is told.
    pub fn make_tenant(&self, id: &str) {
        let document = json!({"id": id, "accounts": ["111122223333"]});
        self.app.put(&Caller::system(), "tenant", &document, &Act::default()).unwrap();
    }

    /// What became of the newest messages to it.
    pub fn deliveries(&self, id: &str) -> Vec<countersign_app::Delivery> {
        self.app.subscription_deliveries(&Caller::system(), id).unwrap()
    }

    pub fn step(&self, drain: &mut Drain) -> Drained {
        fan_out(&self.app).unwrap();
        drain.step(&self.app, &mut || 0.5).unwrap()
    }

    /// The bytes of everything stored.
    pub fn stored(&self) -> Vec<u8> {
        let mut bytes = std::fs::read(self.folder.join("state.sqlite")).unwrap();
        bytes.extend(std::fs::read(self.folder.join("state.sqlite-wal")).unwrap_or_default());
        bytes
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn drain(private: PrivateAddresses, mailer: Option<Mailer>) -> Drain {
    Drain::new(Webhooks::new(private), mailer)
}

#[derive(Debug, Clone)]
pub struct Got {
    pub head: String,
    pub body: String,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let line = |line: &'_ str| {
            let (key, _) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(())
        };
        let found = self.head.lines().find(|text| line(text).is_some()).unwrap_or_default();
        found.split_once(':').map_or("", |(_, value)| value.trim())
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answers each request with the next of some answers, and the last one from then on.
pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub fn new(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (Arc::clone(&got), answers.join("|"));
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    head.push_str(&line);
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                kept.lock().unwrap().push(Got { head, body: String::from_utf8(body).unwrap() });
                let all: Vec<&str> = answers.split('|').collect();
                let answer = all[number.min(all.len() - 1)];
                let text =
                    format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(text.as_bytes());
            }
        });
        Self { url, got }
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}
