//! Decisions on their way from the journal into the ledger, stopped between any two steps.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign_app::{App, Cursor, Sequencer};
use countersign_journal::{Journal, Options, Record};
use countersign_ledger::entry::{Batch, Decision, Entry, FactsAt};
use countersign_ledger::handles::{Handle, Salt};
use countersign_ledger::{bundle, verify};
use countersign_testkit::{Chance, Folder, is_long, say};

use crate::child::{AT, failpoint};
use crate::place::Place;

const FOLDER: &str = "COUNTERSIGN_SHIP_FOLDER";
const FIRST: &str = "COUNTERSIGN_SHIP_FIRST";
const STEPS: [(&str, u64); 11] = [
    ("ship.file.before", 20),
    ("ship.file.after", 20),
    ("ship.commit.after", 20),
    ("store.statement.before", 60),
    ("store.statement.after", 60),
    ("store.commit.before", 30),
    ("store.commit.after", 30),
    ("ledger.append.before", 10),
    ("ledger.append.after", 10),
    // Never: it is killed by its parent.
    ("none", 1),
    ("none", 1),
];

fn open(place: &Place, seed: u64, failpoint: countersign_store::Failpoint) -> (App, Sequencer) {
    let (app, sequencer) = place.open(seed, failpoint).map_err(|refused| refused.0).unwrap();
    (app.with_ledger(&place.ledger_folder()), sequencer)
}

fn journal(place: &Place) -> Journal {
    let options =
        Options { segment_bytes: 256 << 10, reserve_bytes: 16 << 10, ..Options::new([5; 16]) };
    Journal::open(&place.folder.join("journal"), &options).unwrap().0
}

fn id(number: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

fn record(number: u64) -> Record {
    let salt = [number as u8; 32];
    let body = format!("{{\"number\":{number}}}").into_bytes();
    let handle = Handle([1; 16]);
    let decision = Decision {
        time: i64::try_from(number).unwrap(),
        id: id(number),
        kind: "evaluation",
        tenant: handle,
        application: handle,
        subject: Some(handle),
        grant: None,
        sponsor: None,
        credential: None,
        outcome: "deny",
        answered: "deny",
        mode: "enforce",
        reasons: vec!["grant.expired"],
        facts: FactsAt { transaction: 0, seq: 7 },
        policies: [9; 32],
        count: 1,
        body: Salt::from_bytes(salt).commit(&body),
    };
    Record { row: Entry::Decision(decision).encode().unwrap(), salt, body, count: 1 }
}

/// No test of its own: what [`stopped`] runs.
#[test]
fn ship_child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let place = Place::on_sqlite(Path::new(&folder));
    let (app, mut sequencer) = open(&place, first + 3, failpoint());
    let journal = journal(&place);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (journal, is_over) = (&journal, &is_over);
            scope.spawn(move || {
                let numbers = (first + thread..).step_by(4);
                for number in numbers.take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    let is_kept = number % 97 == 0;
                    let done = if is_kept {
                        journal.append_reserve(&record(number)).is_ok()
                    } else {
                        // Every fifth may be counted together with one like it.
                        let key = (number % 5 == 0).then_some([1; 16]);
                        journal.append(&record(number), key).wait().is_ok()
                    };
                    let word = if number % 5 == 0 && !is_kept { "counted" } else { "ack" };
                    if done && writeln!(std::io::stdout().lock(), "{word} {number}").is_err() {
                        std::process::exit(4);
                    }
                }
            });
        }
        let until = Instant::now() + Duration::from_millis(1_500);
        while Instant::now() < until {
            app.ship(&journal).unwrap();
            sequencer.step(app.store()).unwrap();
            let (_, next) = journal.range();
            journal.release(next.saturating_sub(500)).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// Runs a child until it stops itself at a step, or is killed. What it answered.
fn stopped(place: &Place, first: u64, (step, times): (&str, u64), moment: Duration) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["ships::ship_child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, &place.folder).env(FIRST, first.to_string());
    command.env(AT, format!("{step}={times}"));
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = piped.spawn().unwrap();
    if step == "none" {
        std::thread::sleep(moment);
        process.kill().unwrap();
    }
    let output = process.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// How often each decision stands in the ledger, and with which counts.
fn decisions(place: &Place, app: &App) -> BTreeMap<[u8; 16], Vec<u32>> {
    let mut found: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for change in app.store().changes(Cursor::default(), usize::MAX).unwrap() {
        let Ok(Entry::Batch(Batch { root, .. })) = Entry::decode(&change.leaf) else { continue };
        let file = place.ledger_folder().join(bundle::batch_path(&root));
        let file = std::fs::read(file).unwrap();
        for row in bundle::rows(&file) {
            let Ok(Entry::Decision(decision)) = Entry::decode(row.unwrap().bytes) else {
                unreachable!("a row that is no decision");
            };
            found.entry(decision.id).or_default().push(decision.count);
        }
    }
    found
}

#[test]
fn no_decision_is_missing_or_twice_whatever_stops() {
    let rounds = if is_long() { 600 } else { 33 };
    let folder = Folder::new("ships");
    let place = Place::on_sqlite(&folder.at("place"));
    place.found();
    let mut chance = Chance::new(61);
    let (mut acked, mut counted) = (Vec::new(), 0_u64);
    for round in 0..rounds {
        let (step, often) = STEPS[usize::try_from(round).unwrap() % STEPS.len()];
        let at = (step, 1 + chance.below(often));
        let moment = Duration::from_millis(20 + chance.below(200));
        for line in stopped(&place, round * 1_000_000, at, moment) {
            match line.split_once(' ') {
                Some(("ack", number)) => acked.push(number.parse::<u64>().unwrap()),
                Some(("counted", _)) => counted += 1,
                _ => (),
            }
        }
    }
    assert!(acked.len() > 100);
    let (app, mut sequencer) = open(&place, 2, Arc::new(|_| ()));
    let journal = journal(&place);
    while app.ship(&journal).unwrap().records > 0 {}
    while sequencer.step(app.store()).unwrap().1 {}
    let found = decisions(&place, &app);
    assert!(found.values().all(|counts| counts.len() == 1), "one is there twice");
    for number in &acked {
        assert_eq!(found.get(&id(*number)), Some(&vec![1]), "lost: {number}");
    }
    // What was not answered any more may be there as well.
    let all: u64 = found.values().flatten().map(|count| u64::from(*count)).sum();
    assert!(all >= acked.len() as u64 + counted, "{all} of {} and {counted}", acked.len());
    let ledger = place.ledger_folder();
    let key = std::fs::read_to_string(ledger.join("public.key")).unwrap();
    let verified = verify(&ledger, key.trim(), None).unwrap();
    assert_eq!((verified.decisions, verified.rows), (all, 0));
    assert!(verified.batches > 1);
    let rows = found.len();
    assert!(all > rows as u64, "none was counted together");
    say(&format!(
        "ships: {rounds} stops, {rows} rows of {all} decisions in {} batches, nothing lost",
        verified.batches
    ));
}
