//! Room `world`: invents companies, their registers, their logs and the truth about them.
//!
//! [`generate`] makes a world out of a [`Plan`]: `register/*.yaml` in the form of
//! `docs/register.md`, `logs/**` in the formats of real sources, and `truth.ndjson` in the form of
//! `schema/truth.schema.json`: who did each action, and how much of that the emitted logs and
//! register make knowable. [`score`] holds a tracer's rows against it.
//!
//! Forbidden here: everything of `trace`, `judge` and `sources`, so that what judges the product
//! shares nothing with it; clocks and outside randomness, so that a seed is a world.
//!
//! Start with `generate.rs` (who plays when), then any file of `stories/`.

mod company;
mod delivery;
mod feed;
mod generate;
mod plan;
mod records;
mod register;
mod rng;
mod score;
mod sink;
mod stage;
mod stories;
mod time;
mod truth;

pub use generate::{Summary, generate, write_to};
pub use plan::{Faults, Plan};
pub use score::{Mistake, Score, ScoreError, Side, Tally, score};
pub use sink::{FolderSink, Sink};

/// The JSON Schema of a line of `truth.ndjson`.
pub const TRUTH_SCHEMA: &str = include_str!("../schema/truth.schema.json");
