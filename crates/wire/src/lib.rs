//! The API as it is written: its routes, its JSON bodies, its errors and the OpenAPI document, which
//! is made from the same table that is served.
//!
//! Start with [`routes::routes`].
//!
//! Forbidden here: behaviour.

pub mod authzen;
pub mod bodies;
pub mod cursor;
pub mod openapi;
pub mod past;
pub mod problem;
pub mod proofs;
pub mod routes;
pub mod scim;
