//! The register as its users meet it.

mod cases;
mod round_trip;
mod schema;
