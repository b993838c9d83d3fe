//! The journal as who calls it sees it, on real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod child;
mod crash;
mod damage;
mod life;

use std::path::Path;
use std::time::Duration;

use countersign_journal::{Journal, Options, Record, Stored};

pub fn options() -> Options {
    let seal_after = Duration::from_millis(5);
    Options { segment_bytes: 16 << 10, reserve_bytes: 8 << 10, seal_after, ..Options::new([7; 16]) }
}

pub fn open(folder: &Path) -> Journal {
    Journal::open(folder, &options()).unwrap().0
}

/// A record that says its number.
pub fn record(number: u64) -> Record {
    let mut salt = [0; 32];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    let body = format!("{{\"number\":{number},\"subject\":\"person-{}\"}}", number % 7);
    let row = format!("row {number}");
    Record { row: row.into_bytes(), salt, body: body.into_bytes(), count: 1 }
}

pub fn number(stored: &Stored) -> u64 {
    let row = str::from_utf8(&stored.row).unwrap();
    row.strip_prefix("row ").unwrap().parse().unwrap()
}

pub fn all(journal: &Journal) -> Vec<Stored> {
    journal.read_from(journal.range().0).map(Result::unwrap).collect()
}
