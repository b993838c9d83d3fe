//! Tests of the trace. `cases/` holds what it must answer, in words a reader of logs can check.

#![expect(
    clippy::panic,
    reason = "a mistake in a case file ends the test with the line it stands in"
)]

mod case;
mod cases;
mod floods;
mod render;
mod truth;
mod worlds;
