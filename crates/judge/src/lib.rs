//! The judgement: facts and an access in; allow, deny, step-up or unknown with every reason out.
//!
//! The guardrails are Cedar policies (`policies/*.cedar`), which a customer can read and add to. Rust
//! only prepares the plain facts they read (`policies/guardrails.cedarschema` lists them). Where to
//! start: [`judge`](judge()) is the one function, `context.rs` says what holds of one access at one
//! time, `guardrails.rs` asks the policies, and the files named after nouns answer for that noun.
//! `shape.rs` says why Cedar is asked so seldom; [`Judge`] remembers what was asked of the past.
//!
//! Forbidden here: I/O, clocks, the store. Time is a parameter, so the same function answers for
//! the past and for now. What the register does not say is an absent fact, and each guardrail that
//! reads it has a twin that then answers `unknown`.

mod application;
mod changes;
mod context;
mod exception;
mod facts;
mod grant;
mod guardrails;
mod judging;
mod network;
mod organization;
pub mod permission;
mod remembering;
mod shape;
mod trust_path;
mod values;

pub use application::{AccessFacts, ApplicationPolicies};
pub use facts::{Deed, Facts, Found};
pub use guardrails::{Guardrails, PolicyError};
pub use judging::judge;
pub use remembering::Judge;
