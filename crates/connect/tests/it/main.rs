//! Messages to others, over real sockets, with a receiver that checks what it gets by itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod house;
mod mails;
mod webhooks;
