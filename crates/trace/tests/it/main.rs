//! Tests of the trace. `cases/` holds what it must answer, in words a reader of logs can check.

mod case;
mod cases;
mod render;
