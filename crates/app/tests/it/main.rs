//! The verbs on a real store and a real ledger.

mod house;
mod lives;
mod register;
mod tokens;
