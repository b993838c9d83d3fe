//! A target for each parser that hostile bytes reach. Each takes any bytes, must not panic, and
//! holds what it read to a promise of the parser.

use std::sync::LazyLock;

use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::entry::Entry;
use countersign_ledger::note::{self, PublicKey, SigningKey};
use countersign_ledger::{bundle, proof, tile};
use countersign_model::event::Event;
use countersign_register::{parse, write};
use countersign_sources::read::{Visitor, read_bytes};
use countersign_sources::{Definitions, Limits, Place, Quarantined};

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
