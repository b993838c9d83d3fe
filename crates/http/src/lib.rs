//! The API over HTTP: routes, who presents what, status codes. Every route calls a verb of `app`.
//!
//! [`router`] serves the table of `countersign_wire::routes`; there is no route beside it, so the
//! document, the matrix of roles and what is served are one. Start with `serve.rs`.
//!
//! Forbidden here: SQL, decisions.

mod answer;
mod authzen;
mod cookies;
mod custody;
mod dispatch;
mod doorman;
mod ext_authz;
mod forward;
mod gate;
mod keys;
mod ledger;
mod limits;
mod oidc;
mod past;
mod people;
mod request;
mod scim;
mod serve;
mod subscriptions;

pub use ext_authz::ext_authz;
pub use forward::{Signer, SignerError};
pub use limits::{Bounds, limited};
pub use oidc::{
    CALLBACK, Call, Expected, Fetch, IdTokenError, Known, Oidc, is_safe, percent, verify,
};
pub use request::form;
pub use serve::{Counted, REQUESTS, Server, router};
