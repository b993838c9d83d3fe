//! The verbs on a real store and a real ledger.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod custody;
mod decisions;
mod house;
mod invitations;
mod listing;
mod lives;
mod notices;
mod onboarding;
mod proofs;
mod readings;
mod register;
mod requests;
mod retention;
mod succession;
mod tokens;
