//! What proxies ask before they pass a request on, and what applications check of it.

use super::Method::{Any, Get};
use super::{Kind, Method, Route};

/// As policies name what is asked for.
const DECISION: &str = "decision";

fn route(method: Method, path: &str, kind: Kind, summary: &str) -> Route {
    let is_open = kind == Kind::SigningKeys;
    let verb = if is_open { "read" } else { "decide" };
    let (path, summary) = (path.to_owned(), summary.to_owned());
    Route { method, path, kind, noun: DECISION, verb, is_open, summary }
}

pub(super) fn fixed() -> Vec<Route> {
    vec![
        route(
            Get,
            "/.well-known/jwks.json",
            Kind::SigningKeys,
            "The public keys by which applications check assertions.",
        ),
        route(
            Get,
            "/forward-auth",
            Kind::ForwardAuth,
            "May this request pass? Asked by nginx, Caddy or Traefik.",
        ),
        route(Any, "/ext-authz/", Kind::ExtAuthz, "May this request to the root pass? By Envoy."),
        route(Any, "/ext-authz/{*path}", Kind::ExtAuthz, "May this request pass? By Envoy."),
    ]
}

impl Route {
    /// Whether a proxy asks, by a key in a header of its own.
    pub fn is_of_proxies(&self) -> bool {
        matches!(self.kind, Kind::ForwardAuth | Kind::ExtAuthz)
    }
}
