//! A trace run on disk: what was read, how far it got, and the rows to be answered, sorted.
//!
//! A run may be killed at any moment. What a reader gathers becomes part of the run only by one
//! line in the commit log, written after the segments it names are on disk; what has no such line
//! is read again. Answers are computed from the segments alone, so a resumed run and an
//! uninterrupted one give the same bytes.
//!
//! Forbidden here: decisions, SQL, clocks. Start with [`folder::RunFolder`].

pub mod folder;
pub mod merge;
pub mod segment;
pub mod shelves;
