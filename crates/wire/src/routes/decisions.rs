//! What applications ask: the OpenID AuthZEN Authorization API 1.0.

use countersign_app::Seek;

use super::Method::{Get, Post};
use super::{Kind, Method, Route};

/// As policies name what is asked for.
const DECISION: &str = "decision";

fn route(method: Method, path: &str, kind: Kind, summary: &str) -> Route {
    let is_open = kind == Kind::Metadata;
    let verb = match kind {
        Kind::Evaluation | Kind::Evaluations | Kind::Search(_) => "decide",
        Kind::DecisionsReport | Kind::TryPolicies => "list",
        _ => "read",
    };
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
            Get,
            "/.well-known/authzen-configuration/{id}",
            Kind::Metadata,
            "The same, to an application that knows it as its own.",
        ),
        route(
            Post,
            "/access/v1/evaluation",
            Kind::Evaluation,
            "May this subject do this to this resource?",
        ),
        route(Post, "/access/v1/evaluations", Kind::Evaluations, "Several such questions at once."),
        route(
            Post,
            "/access/v1/search/subject",
            Kind::Search(Seek::Subject),
            "Which subjects of a type may do this to this resource?",
        ),
        route(
            Post,
            "/access/v1/search/resource",
            Kind::Search(Seek::Resource),
            "To which resources of a type may this subject do this?",
        ),
        route(
            Post,
            "/access/v1/search/action",
            Kind::Search(Seek::Action),
            "Which actions may this subject do to this resource?",
        ),
        route(
            Get,
            "/v1/decisions",
            Kind::DecisionsReport,
            "What this node decided for a tenant, counted by reason.",
        ),
        route(
            Get,
            "/v1/decisions/{id}",
            Kind::Explain,
            "A decision of this node as it was recorded, and made again.",
        ),
        route(
            Post,
            "/v1/decisions/try-policies",
            Kind::TryPolicies,
            "What these policies would have changed of what was asked of this node of late.",
        ),
        route(
            Post,
            "/v1/decisions/judge",
            Kind::JudgeAt,
            "What is decided of a question at a moment, as known then and as known now.",
        ),
    ]
}

impl Route {
    /// Whether it is answered from memory, in the words of AuthZEN.
    pub fn is_of_decisions(&self) -> bool {
        matches!(self.kind, Kind::Evaluation | Kind::Evaluations | Kind::Search(_))
    }
}
