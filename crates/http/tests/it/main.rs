//! The API as clients meet it, on a real store, without sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hostile;
mod house;
mod matrix;
mod resources;
