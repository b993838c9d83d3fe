//! Killed at random moments, at every step, and with the server under it.

use std::time::{Duration, Instant};

use countersign_testkit::{Chance, Folder, Postgres, is_long, say};

use crate::check::Seen;
use crate::child::{StopAt, start, steps};
use crate::place::Place;

/// Kills of one place before the next begins.
const KILLS_EACH: u64 = 25;
/// A process that never comes by its step is killed.
const PATIENCE: Duration = Duration::from_secs(20);

/// `COUNTERSIGN_KILLS` says another number.
fn kills() -> u64 {
    let told = std::env::var("COUNTERSIGN_KILLS").ok();
    let told = told.and_then(|told| told.parse().ok());
    told.unwrap_or(if is_long() { 3_000 } else { 200 })
}

enum How {
    AtMoment(Duration),
    AtStep(StopAt),
    /// The server of the store, at a moment.
    Server(Duration),
}

fn how(chance: &mut Chance, number: u64, with_server: bool) -> How {
    let moment = Duration::from_micros(chance.below(60_000));
    if with_server && number.is_multiple_of(25) {
        return How::Server(moment);
    }
    if number.is_multiple_of(3) {
        return How::AtMoment(moment);
    }
    let mut steps: Vec<(&str, u64)> = steps().into_iter().collect();
    steps.sort_unstable();
    let (step, often) = *chance.pick(&steps);
    How::AtStep(StopAt { step, times: 1 + chance.below(often) })
}

fn survives(places: &mut dyn FnMut() -> Place, server: Option<&Postgres>, seed: u64) -> String {
    let (mut done, mut changes, mut answers) = (0, 0, 0);
    let began = Instant::now();
    let mut chance = Chance::new(seed);
    while done < kills() {
        let place = places();
        place.found();
        let mut seen = Seen::default();
        for _ in 0..KILLS_EACH {
            done += 1;
            let how = how(&mut chance, done, server.is_some());
            let lines = once(&place, &how, chance.draw(), server);
            answers += lines.len();
            seen.answered(lines);
            seen.check(&place).unwrap_or_else(|refused| {
                unreachable!("kill {done} of seed {seed}: it refuses to start: {}", refused.0)
            });
        }
        changes += seen.changes;
    }
    assert!(answers > 0, "nothing was answered, so that nothing was tested");
    let took = began.elapsed().as_secs();
    format!("{done} kills, {changes} changes, {answers} answers, nothing lost, in {took} s")
}

fn once(place: &Place, how: &How, seed: u64, server: Option<&Postgres>) -> Vec<String> {
    let stop = match how {
        How::AtStep(stop) => Some(stop),
        _ => None,
    };
    let mut running = start(place, seed, stop, &[]);
    match how {
        How::AtStep(_) => {
            let until = Instant::now() + PATIENCE;
            while running.process.try_wait().unwrap().is_none() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        How::AtMoment(moment) | How::Server(moment) => {
            running.wait_for_first_answer(PATIENCE);
            std::thread::sleep(*moment);
        }
    }
    if let (How::Server(_), Some(server)) = (how, server) {
        server.crash();
        std::thread::sleep(Duration::from_millis(20));
        let (lines, _) = running.kill();
        server.begin();
        return lines;
    }
    running.kill().0
}

#[test]
fn nothing_is_lost_on_sqlite() {
    let folder = Folder::new("kills");
    let mut number = 0;
    let mut places = || {
        number += 1;
        Place::on_sqlite(&folder.at(&number.to_string()))
    };
    say(&format!("crash, SQLite: {}", survives(&mut places, None, 11)));
}

#[test]
fn nothing_is_lost_on_postgres() {
    let Some(server) = Postgres::start("crashes") else { return };
    let folder = Folder::new("kills");
    let mut number = 0;
    let mut places = || {
        number += 1;
        Place::on_postgres(&folder.at(&number.to_string()), &server.database())
    };
    say(&format!("crash, PostgreSQL: {}", survives(&mut places, Some(&server), 12)));
}
