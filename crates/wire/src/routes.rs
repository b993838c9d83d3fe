//! Every route there is.

mod custody;
mod decisions;
mod proxies;

use countersign_app::{SUBSCRIPTION, Seek};
use countersign_model::lifecycle;
use countersign_register::{Noun, SETTINGS};

use crate::scim::{self, Scim};

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
    /// The keys of a member that is an application.
    Keys,
    /// One of them works no more.
    RevokeKey,
    /// A code with which a member signs in.
    MakeCode,
    /// The templates with their questions.
    Templates,
    /// All items of a template, by its answers.
    Fill,
    /// A link for an organization's administrator.
    Invite,
    /// What the holder of an invitation may see of it.
    Invitation,
    /// What the holder of an invitation gives.
    Complete,
    /// A new secret of a subscription.
    MakeSecret,
    /// What became of messages to a subscription.
    Deliveries,
    SignIn,
    /// To the company's directory.
    DirectorySignIn,
    /// Back from it.
    DirectoryReturn,
    SignOut,
    Whoami,
    Export,
    Plan,
    Apply,
    Changes,
    /// That an act is in the ledger.
    Proof,
    /// Personal data of an item.
    Erase,
    /// A legal hold on an item.
    Hold,
    Release,
    KeepHold,
    /// Another key for the ledger.
    RotateKey,
    /// A file of the ledger that everybody may read, or that takes a token.
    Ledger,
    /// What an import of employees would do.
    ImportPlan,
    Import,
    Scim(Scim),
    /// May somebody do something? One question (OpenID AuthZEN).
    Evaluation,
    /// Several at once.
    Evaluations,
    /// Who may, what on, or which.
    Search(Seek),
    /// Where decisions are asked for.
    Metadata,
    /// A decision that was made, and made again.
    Explain,
    /// What was decided of late, counted.
    DecisionsReport,
    /// What is decided of a question at a moment.
    JudgeAt,
    /// What policies would have changed of late.
    TryPolicies,
    /// May this request pass? Asked by a proxy, which names it in headers.
    ForwardAuth,
    /// The same, named by the request line below a prefix (Envoy).
    ExtAuthz,
    /// The public keys of what this instance signs for applications.
    SigningKeys,
    OpenApi,
    Health,
    Ready,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Put,
    Post,
    Patch,
    Delete,
    /// Whatever is asked.
    Any,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Any => "ANY",
        }
    }
}

impl Method {
    /// As the document names it, or each that it stands for.
    pub fn documented(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["get"],
            Self::Put => &["put"],
            Self::Post => &["post"],
            Self::Patch => &["patch"],
            Self::Delete => &["delete"],
            Self::Any => &["get", "put", "post", "patch", "delete", "head", "options"],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    /// With `{id}` where an item's id stands, and `{*file}` for a path of several segments.
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
        self.operation_of(self.method.as_str())
    }

    /// One of the methods that it stands for.
    pub(crate) fn operation_of(&self, method: &str) -> String {
        let path = self.path.trim_start_matches("/v1").replace(['{', '}', '*'], "");
        let name = path.trim_matches('/').replace(['/', '-', '.', ':'], "_");
        format!("{}_{name}", method.to_lowercase())
    }
}

/// Members of ours, who are in no register.
pub const MEMBER: &str = "member";

/// Links for partners' administrators, who are in no register either.
pub const INVITATION: &str = "invitation";
/// Legal holds, which are in no register.
pub const HOLD: &str = "hold";

/// The path segment of a noun: the key of its list.
pub fn plural(noun: &'static str) -> &'static str {
    match noun {
        MEMBER => "members",
        INVITATION => "invitations",
        HOLD => "holds",
        SUBSCRIPTION => "subscriptions",
        SETTINGS => "settings",
        noun => Noun::of_singular(noun).map_or(noun, Noun::key),
    }
}

/// All routes, in the order of the document.
pub fn routes() -> Vec<Route> {
    let mut routes: Vec<Route> = fixed().collect();
    routes.extend(directory());
    routes.extend(custody::fixed());
    routes.extend(decisions::fixed());
    routes.extend(proxies::fixed());
    let own = [SETTINGS, MEMBER, INVITATION, SUBSCRIPTION];
    let nouns = Noun::WITH_ID.iter().map(|noun| noun.singular()).chain(own);
    for noun in nouns {
        routes.extend(of_noun(noun));
        routes.extend(custody::of_noun(noun));
    }
    routes.extend(scim::routes());
    routes
}

type Fixed = (Method, &'static str, Kind, (&'static str, &'static str), &'static str);

/// Those that take no token.
const OPEN: [Fixed; 4] = {
    use Kind as K;
    use Method::{Get, Post};
    [
        (Get, "/healthz", K::Health, ("instance", "read"), "Whether the process is up."),
        (Get, "/readyz", K::Ready, ("instance", "read"), "Whether it can serve."),
        (Get, "/v1/openapi.json", K::OpenApi, ("instance", "read"), "This document."),
        (Post, "/v1/sign-in", K::SignIn, ("self", "begin"), "A session for a code."),
    ]
};

/// Those that do.
const CLOSED: [Fixed; 10] = {
    use Kind as K;
    use Method::{Get, Post};
    [
        (Post, "/v1/sign-out", K::SignOut, ("self", "end"), "End this session."),
        (Get, "/v1/self", K::Whoami, ("self", "read"), "Who you are here."),
        (Get, "/v1/register", K::Export, ("register", "export"), "The register as files."),
        (
            Post,
            "/v1/register/plan",
            K::Plan,
            ("register", "apply"),
            "What an apply of these files would do.",
        ),
        (
            Post,
            "/v1/register/apply",
            K::Apply,
            ("register", "apply"),
            "Make the server what these files say.",
        ),
        (
            Get,
            "/v1/templates",
            K::Templates,
            ("template", "list"),
            "The onboarding templates, with their questions.",
        ),
        (
            Post,
            "/v1/templates/{id}",
            K::Fill,
            ("template", "fill"),
            "Make all items of a template by its answers.",
        ),
        (
            Get,
            "/v1/invitation",
            K::Invitation,
            ("invitation", "read"),
            "The invitation whose secret you present.",
        ),
        (
            Post,
            "/v1/invitation/complete",
            K::Complete,
            ("invitation", "complete"),
            "Give what the invitation asks for. Each call is a try.",
        ),
        (Get, "/v1/changes", K::Changes, ("change", "list"), "Every act, in order."),
    ]
};

fn fixed() -> impl Iterator<Item = Route> {
    let open = OPEN.into_iter().map(|fixed| (fixed, true));
    let all = open.chain(CLOSED.into_iter().map(|fixed| (fixed, false)));
    all.map(|((method, path, kind, (noun, verb), summary), is_open)| Route {
        method,
        path: path.to_owned(),
        kind,
        noun,
        verb,
        is_open,
        summary: summary.to_owned(),
    })
}

/// What goes to and comes from the company's directory.
fn directory() -> Vec<Route> {
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
        route(
            Post,
            "/v1/directory/plan",
            K::ImportPlan,
            ("sponsor", "arrive"),
            false,
            "What an import of these employees would do.",
        ),
        route(
            Post,
            "/v1/directory/import",
            K::Import,
            ("sponsor", "arrive"),
            false,
            "Make the sponsors what this list of employees says.",
        ),
        route(
            Get,
            "/v1/sign-in/oidc",
            K::DirectorySignIn,
            ("self", "begin"),
            true,
            "Sign in by the company's directory.",
        ),
        route(
            Get,
            "/v1/sign-in/oidc/callback",
            K::DirectoryReturn,
            ("self", "begin"),
            true,
            "Back from the company's directory, with a session.",
        ),
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
        route(
            Get,
            &format!("{one}/history"),
            Kind::History,
            "history",
            format!("What was done to a {words}, the newest first."),
        ),
    ];
    if noun != INVITATION {
        let summary = format!("Make a {words}, or correct it.");
        routes.push(route(Put, &one, Kind::Put, "change", summary));
    }
    for verb in acts(noun) {
        let path = format!("{one}/{}", verb.replace('_', "-"));
        routes.push(route(Post, &path, Kind::Act, verb, format!("{} a {words}.", capital(verb))));
    }
    for (method, of, kind, verb, summary) in secrets(noun) {
        routes.push(route(method, &format!("{one}/{of}"), kind, verb, summary.to_owned()));
    }
    routes
}

/// Method, last part of the path, kind, verb and summary.
type Beside = (Method, &'static str, Kind, &'static str, &'static str);

/// What an item of a noun gives once, and what became of it.
fn secrets(noun: &str) -> impl Iterator<Item = Beside> {
    use Method::{Get, Post};
    let all: &'static [Beside] = match noun {
        "identity" => {
            &[(Post, "keys", Kind::MakeKey, "change", "A key for this machine, shown once.")]
        }
        "organization" => &[(
            Post,
            "invitations",
            Kind::Invite,
            "invite",
            "A link for its administrator, shown once.",
        )],
        MEMBER => &[
            (
                Post,
                "codes",
                Kind::MakeCode,
                "invite",
                "A code with which this member signs in, shown once.",
            ),
            (Post, "keys", Kind::MakeKey, "invite", "A key for this application, shown once."),
            (Get, "keys", Kind::Keys, "read", "The keys of this application, the newest first."),
            (Post, "keys/revoke", Kind::RevokeKey, "invite", "Revoke a key of this application."),
        ],
        SUBSCRIPTION => &[
            (
                Post,
                "secret",
                Kind::MakeSecret,
                "change",
                "A new secret of this subscription, shown once.",
            ),
            (
                Get,
                "deliveries",
                Kind::Deliveries,
                "read",
                "What became of the newest messages to this subscription.",
            ),
        ],
        _ => &[],
    };
    all.iter().copied()
}

/// The verbs that something can be done by to an item that is there.
pub fn acts(noun: &str) -> Vec<&'static str> {
    match lifecycle::Noun::parse(noun) {
        Some(life) => {
            let begins = |verb: &lifecycle::Verb| {
                life.states().iter().any(|state| life.works(*state).contains(verb))
            };
            let verbs = life.verbs().into_iter().filter(begins).map(lifecycle::Verb::as_str);
            // What is done about break-glass afterwards moves no state.
            verbs.chain((noun == "grant").then_some("look")).collect()
        }
        None if noun == INVITATION => vec!["accept", "refuse", "end"],
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
