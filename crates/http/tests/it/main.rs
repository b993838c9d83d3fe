//! The API as clients meet it, on a real store, without sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod asking;
mod decisions;
mod forward;
mod hostile;
mod house;
mod ledger;
mod limits;
mod matrix;
mod members;
mod node;
mod oidc;
mod onboarding;
mod resources;
mod scim;
mod searches;
mod subscriptions;
