//! Many decisions while facts change: no error, no allow after what it rested on was taken away, and no
//! more memory at the end than half-way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign_testkit::{Folder, Postgres, say};
use serde_json::{Value, json};

use crate::node::{Node, PATIENCE};

/// Clients that ask, each on a connection it keeps, with a pause after each answer.
const CLIENTS: usize = 4;
const PAUSE: Duration = Duration::from_micros(500);
/// What a node may take more at the end than half-way. Its store's caches fill before.
const GROWTH_KIB_MAX: u64 = 24 * 1024;

/// An answer: when it was asked for, when it came, and what it was.
type Answer = (Instant, Instant, bool);
/// From when until when a grant is surely suspended: from the answer to its suspension until it was
/// asked for again.
type Suspended = (Instant, Instant);

fn lasts() -> Duration {
    let seconds = match std::env::var_os("COUNTERSIGN_LONG") {
        Some(_) => 3_600,
        None if std::env::var_os("COUNTERSIGN_SKIP_NOTHING").is_some() => 60,
        None => 10,
    };
    Duration::from_secs(seconds)
}

/// A company on a new node: the owner's session and an application's key.
fn company(node: &Node) -> (String, String) {
    let owner = node.sign_in(node.code.as_deref().unwrap());
    let register = include_str!("soak.yaml");
    let files = json!({"files": [{"name": "soak.yaml", "text": register}]});
    let (status, body) = node.ask("POST", "/v1/register/apply", &owner, &files);
    assert_eq!(status, 200, "{body}");
    let member = json!({"id": "erp", "role": "application", "tenant": "erp"});
    assert_eq!(node.ask("PUT", "/v1/members/erp", &owner, &member).0, 201);
    let (status, made) = node.ask("POST", "/v1/members/erp/keys", &owner, &json!({}));
    assert_eq!(status, 201, "{made}");
    (owner, made["secret"].as_str().unwrap().to_owned())
}

fn question() -> Value {
    json!({
        "subject": {"type": "user", "id": "paul@pi.example", "properties": {"acr": "phr"}},
        "action": {"name": "read"},
        "resource": {"type": "order", "id": "17"},
    })
}

#[test]
fn a_revocation_reaches_the_other_node_within_a_second() {
    let Some(server) = Postgres::shared("a revocation on two nodes") else { return };
    let (folder, url) = (Folder::new("revoked"), server.database());
    let first = Node::start(folder.path(), Some(&url));
    let second = Node::start(folder.path(), Some(&url));
    let (owner, key) = company(&first);
    let is_allowed = || {
        let (status, body) = second.ask("POST", "/access/v1/evaluation", &key, &question());
        assert_eq!(status, 200, "{body}");
        body["decision"] == true
    };
    let act = |verb: &str| {
        let path = format!("/v1/grants/g-orders/{verb}");
        assert_eq!(first.ask("POST", &path, &owner, &json!({"why": "test"})).0, 200);
        Instant::now()
    };
    let until = Instant::now() + PATIENCE;
    while !is_allowed() {
        assert!(Instant::now() < until, "the second node never saw the register");
    }
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        let ended = act("suspend");
        while is_allowed() {
            assert!(ended.elapsed() < PATIENCE, "the second node never saw the suspension");
        }
        longest = longest.max(ended.elapsed());
        let resumed = act("resume");
        while !is_allowed() {
            assert!(resumed.elapsed() < PATIENCE, "the second node never saw it resumed");
        }
    }
    say(&format!("seen by the other node after {} ms at most", longest.as_millis()));
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[test]
fn no_allow_is_stale_while_facts_change() {
    let folder = Folder::new("soak");
    let node = Node::start(folder.path(), None);
    let (owner, key) = company(&node);
    let (is_over, answers) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let (suspended, early) = std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| asks(&node.api, &key, &is_over, &answers));
        }
        let changed = changes(&node, &owner);
        is_over.store(true, Ordering::Release);
        changed
    });
    let answers = answers.into_inner().unwrap();
    let allowed = answers.iter().filter(|(_, _, allowed)| *allowed).count();
    for (from, until) in &suspended {
        let stale = answers
            .iter()
            .filter(|(asked, came, allowed)| *allowed && asked > from && came < until);
        assert_eq!(stale.count(), 0, "allowed while the grant was suspended");
    }
    let grown = node.resident_kib().saturating_sub(early);
    say(&format!(
        "{} decisions, {allowed} allowed, {} suspensions, no stale allow; {grown} KiB grown",
        answers.len(),
        suspended.len()
    ));
    assert!(allowed > 100 && answers.len() - allowed > 100, "{allowed} of {}", answers.len());
    assert!(grown <= GROWTH_KIB_MAX, "{grown} KiB more than half-way");
}

/// Suspends and resumes the grant until it is time; and the memory half-way.
fn changes(node: &Node, owner: &str) -> (Vec<Suspended>, u64) {
    let (began, lasts) = (Instant::now(), lasts());
    let (mut suspended, mut early) = (Vec::new(), None);
    while began.elapsed() < lasts {
        let act = |verb: &str| {
            let path = format!("/v1/grants/g-orders/{verb}");
            let (status, body) = node.ask("POST", &path, owner, &json!({"why": "soak"}));
            assert_eq!(status, 200, "{body}");
        };
        act("suspend");
        let from = Instant::now();
        std::thread::sleep(Duration::from_millis(150));
        let until = Instant::now();
        act("resume");
        suspended.push((from, until));
        std::thread::sleep(Duration::from_millis(150));
        if early.is_none() && began.elapsed() > lasts / 2 {
            early = Some(node.resident_kib());
        }
    }
    (suspended, early.unwrap_or_default())
}

fn asks(api: &str, key: &str, is_over: &AtomicBool, answers: &Mutex<Vec<Answer>>) {
    let question = question().to_string();
    let request = format!(
        "POST /access/v1/evaluation HTTP/1.1\r\nhost: {api}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{question}",
        question.len()
    );
    let mut stream = TcpStream::connect(api).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut own = Vec::new();
    while !is_over.load(Ordering::Acquire) {
        let asked = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        let body = answer(&mut reader);
        own.push((asked, Instant::now(), body["decision"] == true));
        std::thread::sleep(PAUSE);
    }
    answers.lock().unwrap().extend(own);
}

/// The next answer of a connection, which must be a decision.
fn answer(reader: &mut BufReader<TcpStream>) -> Value {
    let (mut status, mut length) = (String::new(), 0);
    reader.read_line(&mut status).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(status.contains(" 200 ") && body["decision"].is_boolean(), "{status}{body}");
    body
}
