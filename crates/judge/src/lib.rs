//! The judgement: facts and an access in, allow, deny, step-up or unknown with every reason out.
//!
//! The guardrails are Cedar policies (`policies/*.cedar`), which a customer can read and add to. Rust
//! only prepares the plain facts they read: [`facts`] indexes the register, [`context`] says what
//! holds of one access at one time, [`guardrails`] asks the policies, [`judge`](judge()) puts it
//! together, and [`Judge`] remembers what was asked before.
//!
//! Forbidden here: I/O, clocks, the store. Time is a parameter, so the same function answers for
//! the past and for now.

mod context;
pub mod facts;
pub mod guardrails;
mod judging;

pub use facts::Facts;
pub use guardrails::{Guardrails, PolicyError};
pub use judging::{Judge, judge};
