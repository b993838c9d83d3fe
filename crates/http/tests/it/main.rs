//! The API as a client meets it: requests in, status and body out, on a real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod asking;
mod node;
mod onboarding;
