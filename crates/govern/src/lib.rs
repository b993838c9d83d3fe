//! Govern: what a run's answers mean, and how what the register says may change.
//!
//! Changes: [`approval`] says who must approve a request, [`bounds`] what stands in its way,
//! [`ends`] what has run out, will, and takes what with it, [`succession`] what becomes of the access
//! of a sponsor who left, [`template`] how somebody new comes in. They take single nouns and look-ups, never a whole register. The states
//! that verbs lead through are in `countersign_model::lifecycle`.
//!
//! Answers: coverage, the matrix of ways in, findings.
//! A [`tally::Tally`] observes one answer after the other and is mergeable in any order, so two
//! threads give the bytes of one. [`report::report`] draws the conclusions at the end: some findings
//! come from uses, some from what the register says of things that were not used at all.
//!
//! Forbidden here: I/O, clocks, the store. "Now" is the end of the data, a parameter.

pub mod approval;
pub mod bounds;
pub mod catalogue;
pub mod compare;
pub mod ends;
pub mod finding;
pub mod report;
pub mod standing;
pub mod succession;
pub mod tally;
pub mod template;
