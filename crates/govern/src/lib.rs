//! Govern: what a run's answers mean. Coverage, the matrix of ways in, findings.
//!
//! A [`tally::Tally`] observes one answer after the other and is mergeable in any order, so two
//! threads give the bytes of one. [`report::report`] draws the conclusions at the end: some findings
//! come from uses, some from what the register says of things that were not used at all.
//!
//! Forbidden here: I/O, clocks, the store. "Now" is the end of the data, a parameter.

pub mod approval;
pub mod bounds;
pub mod catalogue;
pub mod compare;
pub mod finding;
pub mod report;
pub mod standing;
pub mod tally;
