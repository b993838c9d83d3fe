//! What the room promises, on real records and on rubbish.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod definitions;
mod golden;
mod hostile;
mod reading;
mod render;
