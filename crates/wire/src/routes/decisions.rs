//! What applications ask: the OpenID AuthZEN Authorization API 1.0.

use super::Method::{Get, Post};
use super::{Kind, Method, Route};

/// As policies name what is asked for.
const DECISION: &str = "decision";

fn route(method: Method, path: &str, kind: Kind, summary: &str) -> Route {
    let is_open = kind == Kind::Metadata;
    let verb = if is_open { "read" } else { "decide" };
    let (path, summary) = (path.to_owned(), summary.to_owned());
    Route { method, path, kind, noun: DECISION, verb, is_open, summary }
}

pub(super) fn fixed() -> Vec<Route> {
    vec![
        route(
            Get,
            "/.well-known/authzen-configuration",
            Kind::Metadata,
            "Where decisions are asked for (AuthZEN, section 9).",
        ),
        route(
            Post,
            "/access/v1/evaluation",
            Kind::Evaluation,
            "May this subject do this to this resource?",
        ),
        route(Post, "/access/v1/evaluations", Kind::Evaluations, "Several such questions at once."),
    ]
}

impl Route {
    /// Whether it is answered from memory, in the words of AuthZEN.
    pub fn is_of_decisions(&self) -> bool {
        matches!(self.kind, Kind::Evaluation | Kind::Evaluations)
    }
}
