//! What the ledger costs for each row and each leaf: `cargo bench -p countersign-ledger [-- COUNT]`.
//!
//! Prints microseconds for each, wall clock, one thread.

use std::time::Instant;

use countersign_ledger::entry::Row;
use countersign_ledger::handles::Noun;
use countersign_ledger::{Ledger, OpenOptions, verify};

const COUNT_DEFAULT: u32 = 1_000_000;

fn main() {
    let count =
        std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(COUNT_DEFAULT);
    let folder = std::env::temp_dir().join(format!("countersign-append-{}", std::process::id()));
    let options = OpenOptions {
        origin: "example.com/bench",
        private_key: None,
        signing_seed: [1; 32],
        handle_seed: [2; 32],
    };
    let mut ledger = Ledger::open_or_create(&folder, &options).expect("a new folder opens");
    report("encode, commit to a 700 byte body", count, || encode_rows(&mut ledger, count));
    report("encode and append as batches", count, || append_rows(&mut ledger, count));
    report("the same again", count, || append_rows(&mut ledger, count));
    let leaves = count / 10;
    report("append as leaves of their own", leaves, || {
        ledger.append((0..leaves).map(|leaf| leaf.to_be_bytes())).expect("the disk has space");
    });
    let key = ledger.public_key().to_string();
    drop(ledger);
    report("open", leaves, || {
        Ledger::open_or_create(&folder, &options).expect("what was written opens");
    });
    report("verify", count + leaves, || {
        verify(&folder, &key, None).expect("what was written verifies");
    });
    let _ = std::fs::remove_dir_all(&folder);
}

fn encode_rows(ledger: &mut Ledger, count: u32) {
    let mut bytes = Vec::new();
    for number in 0..count {
        encode(ledger.handles(), number, &mut bytes);
    }
}

fn append_rows(ledger: &mut Ledger, count: u32) {
    let mut append = ledger.begin();
    let mut bytes = Vec::new();
    for number in 0..count {
        encode(append.handles(), number, &mut bytes);
        append.row(&bytes).expect("the disk has space");
    }
    append.commit().expect("the disk has space");
}

fn encode(handles: &mut countersign_ledger::Handles, number: u32, bytes: &mut Vec<u8>) {
    let body = [b'x'; 700];
    let identity = format!("identity-{}", number % 5_000);
    let (event, salt) = handles.event("aws.cloudtrail", &format!("b1946ac9-2ef0-{number:016x}"));
    let actor = Some(handles.handle(Noun::Identity, &identity));
    let row = Row {
        time: i64::from(number),
        event,
        tenant: handles.handle(Noun::Tenant, "production"),
        actor,
        holder: actor,
        grant: Some(handles.handle(Noun::Grant, &identity)),
        sponsor: Some(handles.handle(Noun::Sponsor, "ann")),
        actor_grade: "exact",
        holder_grade: "exact",
        gap: None,
        outcome: Some("deny"),
        reasons: vec!["assurance.low", "grant.expired"],
        body: salt.commit(&body),
    };
    row.encode_into(bytes).expect("its codes are codes");
}

fn report(what: &str, count: u32, act: impl FnOnce()) {
    let start = Instant::now();
    act();
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(count.max(1));
    eprintln!("{micros:7.3} us  {what}, {count}");
}
