//! In front of what cannot call an API: a proxy asks here before it passes a request on.
//!
//! One way for nginx, Caddy, Traefik and Envoy, over HTTP and over gRPC. The proxy is known by its own
//! key, and vouches for whoever it authenticated; nothing else of a request is believed. The answer
//! carries every identity header, empty where there is nothing to say, so that the proxy overwrites
//! what a client sent under the name.

mod answer;
mod headers;
mod original;
mod signer;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use countersign_app::{Action, AppError, Decision, Question, Thing, Way};
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Route};
use serde_json::json;

pub(crate) use self::answer::Verdict;
pub(crate) use self::headers::{KEY, READ};
use self::headers::{Vouched, one};
pub(crate) use self::original::Original;
pub use self::signer::{Signer, SignerError};
use crate::answer::Answer;
use crate::doorman::Known;
use crate::serve::Server;

/// Below it Envoy puts the path that was asked for.
const PREFIX: &str = "/ext-authz";
const ACTOR: &str = "actor";

/// Why a request is refused before anything is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub status: u16,
    pub code: &'static str,
}

impl Refused {
    /// The client's request cannot be what it says.
    pub const fn forged(code: &'static str) -> Self {
        Self { status: 403, code }
    }

    /// The proxy does not say what it must. Whoever configures it sees this, and every client a failure.
    pub const fn misconfigured(code: &'static str) -> Self {
        Self { status: 400, code }
    }

    /// Nobody has signed in.
    pub const fn anonymous() -> Self {
        Self { status: 401, code: "subject.missing" }
    }
}

/// Why there is no decision.
#[derive(Debug)]
pub(crate) enum Failed {
    Refused(Refused),
    Problem(Problem),
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<AppError> for Failed {
    fn from(error: AppError) -> Self {
        Self::Problem(error.into())
    }
}

/// A request of a client, as far as it is believed.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// Of the proxy.
    pub key: Option<&'a str>,
    /// What the proxy sent.
    pub headers: &'a HeaderMap,
    pub original: Result<Original, Refused>,
    /// The client's address, where the proxy's own protocol has it.
    pub peer: Option<&'a str>,
}

pub(crate) async fn response(
    server: &Arc<Server>,
    route: &Route,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let headers = &parts.headers;
    let original = match route.kind {
        Kind::ExtAuthz => {
            let path = parts.uri.path();
            let path = path.strip_prefix(PREFIX).unwrap_or(path);
            let host = headers.get("host").and_then(|host| host.to_str().ok());
            Original::new(Some(parts.method.as_str()), path, host)
        }
        _ => Original::of_headers(headers),
    };
    let verdict = match one(headers, KEY) {
        Ok(key) => verdict(server, &Asked { key, headers, original, peer: None }).await,
        Err(refused) => Verdict::refused(refused),
    };
    verdict.into_response()
}

/// Judges, and says what is answered to the proxy.
pub(crate) async fn verdict(server: &Arc<Server>, asked: &Asked<'_>) -> Verdict {
    match decide(server, asked).await {
        Ok((known, decision, original)) => {
            let assertion = || {
                let issuer = server.public_url.as_deref().unwrap_or("countersign");
                server.signer.as_ref()?.assertion(issuer, &known.caller, &decision, &original)
            };
            Verdict::of(&decision, assertion)
        }
        Err(Failed::Refused(refused)) => Verdict::refused(refused),
        Err(Failed::Problem(problem)) => {
            if let Some(cause) = &problem.cause {
                tracing::error!(code = problem.code, cause, "a proxy was refused an answer");
            }
            Verdict::failed(&problem)
        }
    }
}

async fn decide(
    server: &Arc<Server>,
    asked: &Asked<'_>,
) -> Result<(Arc<Known>, Decision, Original), Failed> {
    let known = known(server, asked.key, "proxy.unknown").await?;
    known.admit()?;
    let original = asked.original.clone()?;
    let vouched = Vouched::of(asked.headers)?;
    let mut question = Question {
        subject: Thing {
            kind: "user".to_owned(),
            id: vouched.name,
            properties: vouched.properties,
        },
        action: Action { name: original.method.clone(), ..Action::default() },
        resource: Thing { kind: "route".to_owned(), id: original.path.clone(), ..Thing::default() },
        context: headers::context(asked.headers, original.host.as_deref(), asked.peer),
    };
    if let Some(behind) = vouched.portal {
        let portal = self::known(server, Some(&behind.key), "portal.unknown").await?;
        if !server.app.speaks_for(&portal.caller, &known.caller, &question)? {
            return Err(Refused::forged("portal.not_its_account").into());
        }
        let actor = json!({"sub": behind.person, "iss": portal.caller.tenant});
        question.subject.properties.insert(ACTOR.to_owned(), actor);
    }
    let decided = server.app.decide(&known.caller, Way::Forward, &question)?;
    let decision = server.app.durable(decided).await;
    Ok((known, decision, original))
}

/// Whoever presents this key. A client learns only that its way in is not set up.
async fn known(
    server: &Arc<Server>,
    key: Option<&str>,
    unknown: &'static str,
) -> Result<Arc<Known>, Failed> {
    let key = key.ok_or(Refused::forged(unknown))?;
    if let Some(known) = server.doorman.remembered(key, server.app.now()) {
        return Ok(known);
    }
    let (server, key) = (Arc::clone(server), key.to_owned());
    let looked_up = tokio::task::spawn_blocking(move || server.doorman.look_up(&server.app, &key));
    let looked_up = looked_up.await.map_err(|_| {
        let detail = "something that should not happen did; the operator's log says what";
        Problem::new(500, "internal", detail)
    })?;
    looked_up.map_err(|problem| match problem.status {
        401 | 403 => Refused::forged(unknown).into(),
        _ => problem.into(),
    })
}

/// The public keys of this instance, by which applications check assertions.
pub(crate) fn keys(server: &Server) -> Answer {
    let none = json!({"keys": []});
    Answer::new(200, server.signer.as_ref().map_or(none, |signer| signer.keys().clone()))
}
