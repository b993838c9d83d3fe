//! The process that is killed.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_app::{Act, App, AppError, Sequencer};
use countersign_store::{Address, Failpoint, Secret};
use countersign_testkit::Chance;
use serde_json::json;

use crate::place::{GRANTS, Place, company, owner};

const SEED: &str = "COUNTERSIGN_CRASH_SEED";
const FOLDER: &str = "COUNTERSIGN_CRASH_FOLDER";
const URL: &str = "COUNTERSIGN_CRASH_URL";
pub const AT: &str = "COUNTERSIGN_CRASH_AT";
const WRITERS: u64 = 4;

/// Where the child stops itself: the n-th time that it comes by.
#[derive(Debug, Clone)]
pub struct StopAt {
    pub step: &'static str,
    pub times: u64,
}

/// A child and what it has answered.
pub struct Running {
    pub process: Child,
    reader: JoinHandle<Vec<String>>,
    first: std::sync::mpsc::Receiver<()>,
}

pub fn start(place: &Place, seed: u64, stop: Option<&StopAt>, under: &[String]) -> Running {
    let program = std::env::current_exe().unwrap();
    let mut command = match under.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(["child::child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(SEED, seed.to_string()).env(FOLDER, &place.folder);
    if let Address::Postgres(Secret(url)) = &place.address {
        command.env(URL, url);
    }
    if let Some(StopAt { step, times }) = stop {
        command.env(AT, format!("{step}={times}"));
    }
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let pipe = BufReader::new(process.stdout.take().unwrap());
    let (told, first) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in pipe.lines() {
            let Ok(line) = line else { break };
            if line.starts_with("ack ") {
                // Nobody waits after the first.
                let _ = told.send(());
                lines.push(line);
            }
        }
        lines
    });
    Running { process, reader, first }
}

impl Running {
    pub fn wait_for_first_answer(&self, at_most: Duration) {
        // A child that stops before it has answered is a case as well.
        let _ = self.first.recv_timeout(at_most);
    }

    /// Kills it if it still runs, and gives what it had answered. Whether it had ended by itself.
    pub fn kill(mut self) -> (Vec<String>, bool) {
        let has_ended = self.process.try_wait().unwrap().is_some();
        let _ = self.process.kill();
        self.process.wait().unwrap();
        (self.reader.join().unwrap(), has_ended)
    }
}

/// No test of its own: what [`start`] runs.
#[test]
fn child() {
    let Ok(seed) = std::env::var(SEED) else { return };
    let folder = std::env::var(FOLDER).unwrap();
    let place = match std::env::var(URL) {
        Ok(url) => Place::on_postgres(Path::new(&folder), &url),
        Err(_) => Place::on_sqlite(Path::new(&folder)),
    };
    let seed: u64 = seed.parse().unwrap();
    let (app, sequencer) = place.open(seed, failpoint()).unwrap();
    std::thread::scope(|scope| {
        let app = &app;
        scope.spawn(move || prove(app, sequencer));
        for writer in 0..WRITERS {
            scope.spawn(move || {
                work(app, &format!("{seed:x}-{writer}"), Chance::new(seed ^ writer))
            });
        }
    });
}

pub fn failpoint() -> Failpoint {
    let at = std::env::var(AT).ok();
    let at = at.and_then(|at| {
        let (step, times) = at.split_once('=')?;
        Some((step.to_owned(), times.parse::<u64>().ok()?))
    });
    let Some((step, times)) = at else { return Arc::new(|_| ()) };
    let come_by = AtomicU64::new(0);
    Arc::new(move |name| {
        if name == step && come_by.fetch_add(1, Ordering::Relaxed) + 1 == times {
            std::process::abort();
        }
    })
}

fn prove(app: &App, mut sequencer: Sequencer) {
    loop {
        match sequencer.step(app.store()) {
            Ok(_) => std::thread::sleep(Duration::from_millis(3)),
            Err(error) => stop(&error.to_string()),
        }
    }
}

/// As `serve` does: what failed is in doubt, and only a new start tells.
fn stop(why: &str) -> ! {
    say(&format!("stopped {why}\n"));
    std::process::exit(3)
}

fn say(line: &str) {
    if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
        std::process::exit(4);
    }
}

fn work(app: &App, name: &str, mut chance: Chance) {
    let made = Mutex::new(Vec::new());
    for number in 0.. {
        let why = format!("{name}-{number}");
        match verb(app, &mut chance, &why, &made) {
            Ok(Some(answer)) => say(&format!("ack {answer} {why}\n")),
            Ok(None) => (),
            Err(AppError::Store(error)) if error.is_passing() => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(AppError::Store(error)) => stop(&error.to_string()),
            // Somebody was quicker, or it is over.
            Err(_) => (),
        }
    }
}

/// Does something; the item, its version and state, if an item was changed.
fn verb(
    app: &App,
    chance: &mut Chance,
    why: &str,
    made: &Mutex<Vec<String>>,
) -> Result<Option<String>, AppError> {
    let owner = owner();
    let act = Act { why: Some(why.to_owned()), ..Act::default() };
    let view = match chance.below(40) {
        0..16 => {
            let id = format!("i-{why}");
            let body = json!({"id": id, "kind": "human", "organization": "pi"});
            let view = app.put(&owner, "identity", &body, &act)?;
            made.lock().unwrap().push(id);
            view
        }
        16..26 => {
            let id = format!("g-{}", chance.below(GRANTS));
            let verb = match app.item(&owner, "grant", &id)?.state.as_str() {
                "suspended" => "resume",
                _ => "suspend",
            };
            app.act(&owner, "grant", &id, verb, &act)?
        }
        26..32 => {
            let read = app.item(&owner, "tenant", "erp")?;
            let body = json!({"id": "erp", "name": why, "accounts": ["111122223333"]});
            app.put(&owner, "tenant", &body, &Act { rev: Some(read.rev), ..act })?
        }
        32..38 => {
            let Some(id) = made.lock().unwrap().pop() else { return Ok(None) };
            app.act(&owner, "identity", &id, "end", &act)?
        }
        38 => {
            let plan = app.apply(&owner, &company(why), &act)?;
            return Ok((!plan.steps.is_empty()).then(|| "- - 0 -".to_owned()));
        }
        _ => {
            // The same request again has the answer of the first.
            let act = Act { key: Some(format!("k-{why}")), digest: vec![1], ..act };
            let id = format!("i-{why}");
            let body = json!({"id": id, "kind": "human", "organization": "pi"});
            let first = app.put(&owner, "identity", &body, &act)?;
            let again = app.put(&owner, "identity", &body, &act)?;
            assert_eq!(first.rev, again.rev);
            again
        }
    };
    Ok(Some(format!("{} {} {} {}", view.noun, view.id, view.rev, view.state)))
}

/// How often a child comes by each step in a while, so that the n-th is soon.
pub fn steps() -> HashMap<&'static str, u64> {
    HashMap::from([
        ("store.statement.before", 60),
        ("store.statement.after", 60),
        ("store.commit.before", 20),
        ("store.commit.after", 20),
        ("ledger.append.before", 8),
        ("ledger.append.after", 8),
    ])
}
