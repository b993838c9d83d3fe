//! The trace: events in, attributions with their chain and grade out.
//!
//! The result is a function of the *set* of events: a [`collect::Collector`] gathers what each
//! event says about keys (a *claim*) and keeps the rows that need an answer; only when all claims
//! are there does [`attribute::Attributor`] walk from each row back to the root authentication.
//! So a use that arrives before its issuance needs no special case, and no arrival order can be
//! told from another.
//!
//! Forbidden here: I/O, clocks, randomness, the store. The secret that keys the hashes is a
//! parameter. Start with [`walk`], the heart, and `cases/` for what it must answer.
//!
//! A run: each reader has a [`collect::Collector`]; their claims are joined with
//! [`claims::Claims::absorb`] and become an [`index::Index`]; the sorted rows are decoded, those of
//! one time and event hash made one by [`group::group`], and each is answered.

pub mod attribute;
pub mod claims;
pub mod codec;
pub mod collect;
pub mod directory;
pub mod group;
pub mod hash;
pub mod index;
pub mod pile;
pub mod pools;
pub mod rules;
pub mod shelf;
mod volume;
pub mod walk;
