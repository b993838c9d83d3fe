//! Every route there is.

use countersign_app::SUBSCRIPTION;
use countersign_model::lifecycle;
use countersign_register::{Noun, SETTINGS};

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    List,
    Read,
    Put,
    Act,
    History,
    /// A key for a machine.
    MakeKey,
    /// A code with which a member signs in.
    MakeCode,
    /// A new secret of a subscription.
    MakeSecret,
    /// What became of messages to a subscription.
    Deliveries,
    SignIn,
    SignOut,
    Whoami,
    Export,
    Plan,
    Apply,
    Changes,
    OpenApi,
    Health,
    Ready,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Put,
    Post,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    /// With `{id}` where an item's id stands.
    pub path: String,
    pub kind: Kind,
    /// As policies name it.
    pub noun: &'static str,
    /// As policies and changes name it.
    pub verb: &'static str,
    /// Whether it takes no token.
    pub is_open: bool,
    /// One line for the document.
    pub summary: String,
}

impl Route {
    /// Unique among all routes.
    pub fn operation(&self) -> String {
        let path = self.path.trim_start_matches("/v1").replace(['{', '}'], "");
        let name = path.trim_matches('/').replace(['/', '-', '.'], "_");
        format!("{}_{name}", self.method.as_str().to_lowercase())
    }
}

/// Members of ours, who are in no register.
pub const MEMBER: &str = "member";

/// The path segment of a noun: the key of its list.
pub fn plural(noun: &'static str) -> &'static str {
    match noun {
        MEMBER => "members",
        SUBSCRIPTION => "subscriptions",
        SETTINGS => "settings",
        noun => Noun::of_singular(noun).map_or(noun, Noun::key),
    }
}

/// All routes, in the order of the document.
pub fn routes() -> Vec<Route> {
    let mut routes = fixed();
    let nouns =
        Noun::WITH_ID.iter().map(|noun| noun.singular()).chain([SETTINGS, MEMBER, SUBSCRIPTION]);
    for noun in nouns {
        routes.extend(of_noun(noun));
    }
    routes
}

fn fixed() -> Vec<Route> {
    use Kind as K;
    use Method::{Get, Post};
    let route = |method, path: &str, kind, (noun, verb), is_open, summary: &str| Route {
        method,
        path: path.to_owned(),
        kind,
        noun,
        verb,
        is_open,
        summary: summary.to_owned(),
    };
    vec![
        route(Get, "/healthz", K::Health, ("instance", "read"), true, "Whether the process is up."),
        route(Get, "/readyz", K::Ready, ("instance", "read"), true, "Whether it can serve."),
        route(Get, "/v1/openapi.json", K::OpenApi, ("instance", "read"), true, "This document."),
        route(Post, "/v1/sign-in", K::SignIn, ("self", "begin"), true, "A session for a code."),
        route(Post, "/v1/sign-out", K::SignOut, ("self", "end"), false, "End this session."),
        route(Get, "/v1/self", K::Whoami, ("self", "read"), false, "Who you are here."),
        route(
            Get,
            "/v1/register",
            K::Export,
            ("register", "export"),
            false,
            "The register as files.",
        ),
        route(
            Post,
            "/v1/register/plan",
            K::Plan,
            ("register", "apply"),
            false,
            "What an apply of these files would do.",
        ),
        route(
            Post,
            "/v1/register/apply",
            K::Apply,
            ("register", "apply"),
            false,
            "Make the server what these files say.",
        ),
        route(Get, "/v1/changes", K::Changes, ("change", "list"), false, "Every act, in order."),
    ]
}

fn of_noun(noun: &'static str) -> Vec<Route> {
    let words = noun.replace('_', " ");
    let base = format!("/v1/{}", plural(noun));
    let one = format!("{base}/{{id}}");
    let route = |method, path: &str, kind, verb, summary: String| Route {
        method,
        path: path.to_owned(),
        kind,
        noun,
        verb,
        is_open: false,
        summary,
    };
    use Method::{Get, Post, Put};
    let mut routes = vec![
        route(Get, &base, Kind::List, "list", format!("Every {words} you may see, by id.")),
        route(Get, &one, Kind::Read, "read", format!("One {words}.")),
        route(Put, &one, Kind::Put, "change", format!("Make a {words}, or correct it.")),
        route(
            Get,
            &format!("{one}/history"),
            Kind::History,
            "history",
            format!("What was done to a {words}, the newest first."),
        ),
    ];
    for verb in acts(noun) {
        let path = format!("{one}/{}", verb.replace('_', "-"));
        routes.push(route(Post, &path, Kind::Act, verb, format!("{} a {words}.", capital(verb))));
    }
    match noun {
        "identity" => routes.push(route(
            Post,
            &format!("{one}/keys"),
            Kind::MakeKey,
            "change",
            "A key for this machine, shown once.".to_owned(),
        )),
        MEMBER => routes.push(route(
            Post,
            &format!("{one}/codes"),
            Kind::MakeCode,
            "invite",
            "A code with which this member signs in, shown once.".to_owned(),
        )),
        SUBSCRIPTION => {
            routes.push(route(
                Post,
                &format!("{one}/secret"),
                Kind::MakeSecret,
                "change",
                "A new secret of this subscription, shown once.".to_owned(),
            ));
            routes.push(route(
                Get,
                &format!("{one}/deliveries"),
                Kind::Deliveries,
                "read",
                "What became of the newest messages to this subscription.".to_owned(),
            ));
        }
        _ => (),
    }
    routes
}

/// The verbs that something can be done by to an item that is there.
pub fn acts(noun: &str) -> Vec<&'static str> {
    match lifecycle::Noun::parse(noun) {
        Some(life) => {
            let begins = |verb: &lifecycle::Verb| {
                life.states().iter().any(|state| life.works(*state).contains(verb))
            };
            life.verbs().into_iter().filter(begins).map(lifecycle::Verb::as_str).collect()
        }
        None if noun == SETTINGS => Vec::new(),
        None => vec!["end"],
    }
}

fn capital(verb: &str) -> String {
    let text = verb.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_routes_are_one() {
        let routes = routes();
        let paths: BTreeSet<(&str, &str)> =
            routes.iter().map(|route| (route.method.as_str(), route.path.as_str())).collect();
        let operations: BTreeSet<String> = routes.iter().map(Route::operation).collect();
        assert_eq!(paths.len(), routes.len());
        assert_eq!(operations.len(), routes.len());
    }
}
