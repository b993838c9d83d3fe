//! A disk that fails: EIO and ENOSPC come from the kernel's door, of a process that was built as it is
//! shipped.

use std::time::{Duration, Instant};

use countersign_testkit::{Chance, Folder, is_installed, is_long, say};

use crate::check::Seen;
use crate::child::start;
use crate::place::Place;

const CALLS: [&str; 4] =
    ["fdatasync,fsync", "pwrite64", "write,writev", "fdatasync,fsync,pwrite64"];
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

#[test]
fn what_was_answered_outlives_a_disk_that_fails() {
    if !is_installed("strace") {
        let strict = std::env::var_os("COUNTERSIGN_SKIP_NOTHING").is_some();
        assert!(!strict, "strace is not installed: apt-get install strace");
        say("skipped: a disk that fails. To run it: apt-get install strace");
        return;
    }
    let rounds = if is_long() { 400 } else { 16 };
    let folder = Folder::new("faults");
    let mut chance = Chance::new(21);
    let (mut stopped, mut answers) = (0, 0);
    let mut place = Place::on_sqlite(&folder.at("0"));
    let mut seen = Seen::default();
    for round in 0..rounds {
        if round % 8 == 0 {
            place = Place::on_sqlite(&folder.at(&round.to_string()));
            place.found();
            seen = Seen::default();
        }
        let calls = CALLS[round % CALLS.len()];
        let error = ERRORS[round / CALLS.len() % ERRORS.len()];
        // Once, or from then on for ever.
        let on = if round % 3 == 0 { "+" } else { "" };
        let inject = format!("inject={calls}:error={error}:when={}{on}", 3 + chance.below(60));
        let under = ["strace", "-f", "-qq", "-o", "/dev/null"].map(str::to_owned);
        let trace = ["-e".to_owned(), format!("trace={calls}"), "-e".to_owned(), inject.clone()];
        let under: Vec<String> = under.into_iter().chain(trace).collect();
        let mut running = start(&place, chance.draw(), None, &under);
        let until = Instant::now() + Duration::from_secs(4);
        while running.process.try_wait().unwrap().is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let (lines, has_ended) = running.kill();
        stopped += usize::from(has_ended);
        answers += lines.len();
        seen.answered(lines);
        seen.check(&place).unwrap_or_else(|refused| {
            unreachable!("round {round}, {inject}: it refuses to start: {}", refused.0)
        });
    }
    assert!(stopped > rounds / 2, "{stopped} of {rounds} stopped: the faults did not arrive");
    assert!(answers > 0);
    say(&format!(
        "crash, failing disk: {rounds} rounds, {stopped} stopped by themselves, {answers} answers, nothing lost"
    ));
}
