//! A process that appends and is killed, or whose disk fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_journal::{Journal, JournalError};
use countersign_testkit::Chance;

use crate::{options, record};

const FOLDER: &str = "COUNTERSIGN_JOURNAL_FOLDER";
const FIRST: &str = "COUNTERSIGN_JOURNAL_FIRST";
const THREADS: u64 = 16;
/// Of a child that nobody kills.
pub const LIFE: Duration = Duration::from_millis(1_800);

pub struct Running {
    pub process: Child,
    reader: JoinHandle<Vec<String>>,
    begun: Receiver<()>,
}

/// Starts a child whose records are numbered from `first` on.
pub fn start(folder: &Path, first: u64, under: &[String]) -> Running {
    let program = std::env::current_exe().unwrap();
    let mut command = match under.split_first() {
        Some((outer, rest)) => {
            let mut command = Command::new(outer);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(["child::child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).env(FIRST, first.to_string());
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = piped.spawn().unwrap();
    let pipe = BufReader::new(process.stdout.take().unwrap());
    let (told, begun) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in pipe.lines().map_while(Result::ok) {
            // Nobody waits after the first.
            let _ = told.send(());
            lines.push(line);
        }
        lines
    });
    Running { process, reader, begun }
}

impl Running {
    pub fn wait_for_a_line(&self) {
        // A child that says nothing is a case too.
        let _ = self.begun.recv_timeout(Duration::from_secs(20));
    }

    pub fn kill(mut self) -> Vec<String> {
        let _ = self.process.kill();
        self.process.wait().unwrap();
        self.reader.join().unwrap()
    }
}

fn say(line: &str) {
    if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
        std::process::exit(4);
    }
}

/// No test of its own: what [`start`] runs.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let journal = match Journal::open(Path::new(&folder), &options()) {
        Ok((journal, _)) => journal,
        Err(error) => {
            say(&format!("unopened {error}\n"));
            return;
        }
    };
    let next = AtomicU64::new(first);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let over = &is_over;
        scope.spawn(move || {
            // Who is killed does not come to it; under a tracer that is killed it ends by itself.
            std::thread::sleep(LIFE);
            over.store(true, Ordering::Relaxed);
        });
        for thread in 0..THREADS {
            let (journal, next, is_over) = (&journal, &next, &is_over);
            scope.spawn(move || work(journal, next, is_over, Chance::new(first ^ thread)));
        }
    });
}

fn work(journal: &Journal, next: &AtomicU64, is_over: &AtomicBool, mut chance: Chance) {
    while !is_over.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if chance.below(200) == 0 {
            match journal.append_reserve(&record(number)) {
                Ok(seq) => say(&format!("kept {number} {seq}\n")),
                Err(JournalError::ReserveFull(_)) => (),
                Err(error) => say(&format!("refused {number} {error}\n")),
            }
            continue;
        }
        match journal.append(&record(number), None).wait() {
            Ok(seq) => say(&format!("ack {number} {seq}\n")),
            Err(error) if error.to_string().contains("goes on by itself") => {
                say(&format!("refused {number} {error}\n"));
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(error) => {
                say(&format!("refused {number} {error}\n"));
                is_over.store(true, Ordering::Relaxed);
            }
        }
    }
}
