//! The judge from outside: `cases/*.txt` are facts and questions with their answers, for people to
//! read.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops with what is wrong"
)]

mod added;
mod case;
mod cases;
mod remembering;
mod removal;
mod states;
