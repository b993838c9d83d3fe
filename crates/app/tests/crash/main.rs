//! What is left when the process, the server or the disk fails in the middle.
//!
//! A child process runs verbs and the sequencer, and tells of each answer through a pipe. It is
//! killed, or stops itself at a step that a crash could part; then store and ledger are opened again
//! and must agree: never a change without its evidence, never evidence without its change, nothing
//! that was answered is lost, and the ledger verifies and only grows.
//!
//! `COUNTERSIGN_LONG=1` runs the long form.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;
mod child;
mod faults;
mod kills;
mod place;
mod ships;
mod tails;
