//! The API as clients meet it, on a real store, without sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod hostile;
mod house;
mod limits;
mod matrix;
mod members;
mod resources;
mod subscriptions;
