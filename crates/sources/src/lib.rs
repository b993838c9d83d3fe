//! Sources: raw logs to events, by definitions that are data.
//!
//! A definition (`definitions/*.yaml`, see `README.md` beside this folder) says where a record's
//! fields lie and what they say about keys. [`definition`] is its form, [`compile`] turns it into
//! one pass over a record, [`extract`] makes the event. [`input`] finds files and tells their
//! format, [`read`] goes through the records of one.
//!
//! Forbidden here: clocks, decisions, the store. Everything read is hostile: nothing panics, nothing
//! is unbounded, and only fields that a definition names are ever taken out of a record, so a secret
//! beside them stays where it is.

pub mod compile;
pub mod definition;
pub mod extract;
pub mod input;
pub mod read;
mod record;
mod scan;
mod secret;
mod take;
mod text;
mod time;
mod transform;

pub use compile::{Definitions, LoadError};
pub use input::{Limits, Plan, Unit, plan};
pub use read::{Place, Quarantined, ReadStats};

/// JSON Schema 2020-12 of a definition.
pub const SCHEMA: &str = include_str!("../schema/definition.schema.json");
