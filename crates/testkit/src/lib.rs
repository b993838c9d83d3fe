//! What tests of several rooms need: folders of their own, a PostgreSQL of their own, and chance that
//! can be had again.
//!
//! Forbidden here: being in a release.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its ground is missing")]

pub mod authzen;
mod chance;
mod folder;
mod postgres;

pub use chance::Chance;
pub use folder::Folder;
pub use postgres::{Postgres, is_installed};

use std::io::Write as _;

/// One line for who reads the output of the tests, captured or not.
pub fn say(line: &str) {
    // If standard error is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Whether the long form of a suite was asked for, as `just long` does.
pub fn is_long() -> bool {
    std::env::var_os("COUNTERSIGN_LONG").is_some_and(|value| value == "1")
}
