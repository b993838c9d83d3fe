//! A target for each parser that hostile bytes reach. Each takes any bytes, must not panic, and
//! holds what it read to a promise of the parser.

use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::http::Request;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::entry::Entry;
use countersign_ledger::note::{self, PublicKey, SigningKey};
use countersign_ledger::{bundle, proof, tile};
use countersign_model::event::Event;
use countersign_register::{parse, write};
use countersign_sources::read::{Visitor, read_bytes};
use countersign_sources::{Definitions, Limits, Place, Quarantined};
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Route, routes};
use countersign_wire::{cursor, scim};
use serde_json::Value;

static SHIPPED: LazyLock<Definitions> =
    LazyLock::new(|| Definitions::shipped().expect("the shipped definitions are checked by tests"));

/// What was seen, so that two readings can be held against each other.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    events: Vec<String>,
    bad: Vec<(u64, String)>,
    beside: u64,
}

impl Visitor for Seen {
    fn event(&mut self, event: &Event<'_>, place: Place) {
        self.events.push(format!("{} {event:?}", place.line));
    }

    fn quarantine(&mut self, quarantined: Quarantined) {
        self.bad.push((quarantined.place.line, quarantined.reason));
    }

    fn beside(&mut self, _what: &str) {
        self.beside += 1;
    }
}

/// A file of any shape and packing. What is counted is what was given, and twice the same.
pub fn records(data: &[u8]) {
    let limits = Limits {
        record_bytes_max: 1 << 16,
        unpacked_bytes_max: 1 << 22,
        document_bytes_max: 1 << 22,
        ..Limits::default()
    };
    let read = || {
        let mut seen = Seen::default();
        let stats = read_bytes(data.to_vec(), &SHIPPED, &limits, &mut seen).ok();
        (seen, stats)
    };
    let (seen, stats) = read();
    if let Some(stats) = stats {
        assert_eq!(stats.records, seen.events.len() as u64);
        assert_eq!(stats.quarantined, seen.bad.len() as u64);
        assert_eq!(stats.beside, seen.beside);
    }
    for (_, reason) in &seen.bad {
        assert!(!reason.is_empty() && reason.len() < 200, "{reason}");
    }
    assert_eq!(read(), (seen, stats));
}

/// The text log of a server: a line of pairs first, so that it is taken for one.
pub fn lines(data: &[u8]) {
    const FIRST: &[u8] =
        b"2026-01-05 10:00:00,000 DEBUG [x] (y) type=\"LOGIN\", realmId=\"r\", clientId=\"c\", ipAddress=\"192.0.2.1\"\n";
    records(&[FIRST, data].concat());
}

/// A CSV export with a column that holds whole records.
pub fn csv(data: &[u8]) {
    records(&[b"CreationDate,Operation,AuditData,UserId\r\n", data].concat());
}

/// Any text where a record's time stands.
pub fn time(data: &[u8]) {
    let time = String::from_utf8_lossy(data).replace(['"', '\\'], "");
    let record = format!(
        "{{\"uuid\":\"1\",\"eventType\":\"a.b\",\"published\":\"{time}\",\"actor\":{{\"id\":\"1\",\"type\":\"User\"}}}}"
    );
    records(record.as_bytes());
}

/// A definition of somebody's own log.
pub fn definition(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Words of a definition live as long as the program.
    if text.len() < 4096 {
        let _ = Definitions { all: Vec::new() }.add("own.yaml", &text);
    }
}

/// A register: mistakes lie inside the file, and what has none is written and read the same.
pub fn register(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // YAML ends a line at each of these.
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    let (register, mistakes) = parse(&[("register.yaml".to_owned(), text)]);
    for mistake in &mistakes {
        assert!(mistake.line <= lines + 1, "{mistake}");
    }
    if mistakes.is_empty() {
        let written = write(&register);
        let (again, mistakes) = parse(&[("register.yaml".to_owned(), written.clone())]);
        assert!(mistakes.is_empty(), "{mistakes:?} in\n{written}");
        assert_eq!(write(&again), written);
    }
}

/// An entry of the ledger has one encoding; the same bytes as bundle and batch come apart.
pub fn entry(data: &[u8]) {
    if let Ok(entry) = Entry::decode(data) {
        assert_eq!(entry.encode().as_deref(), Ok(data));
    }
    for entry in bundle::entries(data).flatten() {
        assert!(entry.len() <= data.len());
    }
    assert!(bundle::rows(data).flatten().count() <= data.len());
}

/// A tile has one encoding.
pub fn tile(data: &[u8]) {
    let width = u16::try_from(data.len() / 32).unwrap_or(u16::MAX);
    for width in [width, width.wrapping_add(1), 0, 256] {
        if let Some(hashes) = tile::decode(data, width) {
            assert_eq!(tile::encode(&hashes), data);
        }
    }
}

/// Keys, notes and checkpoints: nothing that was not signed opens.
pub fn note(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (PublicKey::parse(&text), SigningKey::parse(&text));
    let Ok(key) = SigningKey::from_seed("fuzz.example/log", [7; 32]) else { return };
    if let Ok(opened) = note::open(&text, key.public()) {
        let signed = key.sign(opened);
        assert!(text.contains(signed.lines().last().unwrap_or("")), "{text}");
    }
    let _ = Checkpoint::open(&text, key.public());
}

/// A proof in text: what parses is written the same.
pub fn proof(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(parsed) = proof::Proof::parse(&text) {
        let written = parsed.to_text();
        assert_eq!(proof::Proof::parse(&written).map(|again| again.to_text()).ok(), Some(written));
    }
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(routes);

/// Whoever is refused is told why, and that it is theirs to mend.
fn refused(problem: &Problem) {
    assert!((400..500).contains(&problem.status), "{problem:?}");
    assert!(!problem.code.is_empty() && !problem.detail.is_empty(), "{problem:?}");
}

/// A request: `METHOD TARGET`, a line for each header, an empty line and the body. The same answer for
/// every route of its method, whoever asks twice.
pub fn request(data: &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((data, &b""[..]), |end| (&data[..end], &data[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split('\n');
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or(("", ""));
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let read = |route: &Route| -> Option<Result<String, Problem>> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        // What is no HTTP does not get this far.
        let request = request.body(Body::from(body.to_vec())).ok()?;
        let read = std::pin::pin!(countersign_http::form(route, request));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => unreachable!("the whole body is there"),
        }
    };
    for route in ROUTES.iter().step_by(7) {
        match read(route) {
            None => return,
            Some(Ok(id)) => {
                assert!(id.len() <= 128 && !id.contains(['/', '\0', '%', '\'', ' ']), "{id}");
                assert_eq!(read(route).and_then(Result::ok), Some(id));
            }
            Some(Err(problem)) => refused(&problem),
        }
    }
}

/// A filter of SCIM, asked of a user.
pub fn scim_filter(data: &[u8]) {
    match scim::filter::parse(&String::from_utf8_lossy(data)) {
        Ok(wanted) => {
            let user = user();
            assert_eq!(wanted.holds(&user), wanted.holds(&user));
            let _ = wanted.sought();
        }
        Err(problem) => refused(&problem),
    }
}

/// A patch of SCIM: what it makes of a user is a user again, or refused.
pub fn scim_patch(data: &[u8]) {
    let Ok(request) = serde_json::from_slice::<Value>(data) else { return };
    match scim::patch::apply(&user(), &request) {
        Ok(patched) => {
            assert!(patched.is_object());
            for problem in [scim::canonical(&patched).err(), scim::person(&patched).err()] {
                problem.iter().for_each(refused);
            }
        }
        Err(problem) => refused(&problem),
    }
    if let Err(problem) = scim::person(&request) {
        refused(&problem);
    }
}

fn user() -> Value {
    serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "ann", "userName": "ann@example.com", "displayName": "Ann", "active": true,
        "name": {"givenName": "Ann", "familyName": "Vale"},
        "emails": [{"value": "ann@example.com", "type": "work", "primary": true}],
    })
}

/// A cursor is one of ours, and says the same again, or none.
pub fn page(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(id) = cursor::to_id(&text) {
        assert_eq!(cursor::to_id(&cursor::of_id(&id)), Some(id));
    }
    if let Some((transaction, seq)) = cursor::to_place(&text) {
        let again = cursor::of_place(transaction, seq);
        assert_eq!(cursor::to_place(&again), Some((transaction, seq)));
        assert_eq!(cursor::to_id(&text), None, "a cursor is of one kind");
    }
}
