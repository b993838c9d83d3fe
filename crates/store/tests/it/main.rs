//! The store through its public door, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alike;
mod feed;
mod items;
mod opening;
mod place;
mod rest;
