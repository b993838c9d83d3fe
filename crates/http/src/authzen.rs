//! Decisions over HTTP: the OpenID AuthZEN Authorization API 1.0.
//!
//! A decision reads memory only, so it is made where the request is; what is waited for is its record,
//! on disk. A deny is a 200; 401 and 403 are about the application itself (section 10.1.2).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use countersign_app::{AppError, PAGE_TOKEN, Question, Search, Way};
use countersign_wire::authzen::{self, Evaluations, Mistake, Semantics};
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Route};
use serde_json::Value as Json;

use crate::answer::{Answer, response as response_of};
use crate::doorman::Known;
use crate::request::{slug, token};
use crate::serve::Server;

const BODY_BYTES_MAX: usize = 256 << 10;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The path of the metadata of one application, before its tenant.
const CONFIGURATION: &str = "/.well-known/authzen-configuration/";
/// Where decisions are asked for.
pub(crate) const PATHS: &str = "/access/v1/";

/// Why there is no decision.
enum Refusal {
    /// The request is at fault.
    Mistake(Mistake),
    Problem(Problem),
}

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Self {
        Self::Mistake(mistake)
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

pub(crate) async fn response(
    server: &Arc<Server>,
    route: &Route,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = answer(server, route, &parts.headers, body).await;
    let (status, bytes) = match answer {
        Ok(bytes) => (StatusCode::OK, bytes),
        Err(Refusal::Mistake(Mistake(text))) => {
            (StatusCode::BAD_REQUEST, Json::String(text).to_string().into_bytes())
        }
        Err(Refusal::Problem(problem)) => {
            let status = StatusCode::from_u16(problem.status);
            let text = Json::String(format!("{}: {}", problem.code, problem.detail));
            let failed = StatusCode::INTERNAL_SERVER_ERROR;
            (status.unwrap_or(failed), text.to_string().into_bytes())
        }
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        let realm = HeaderValue::from_static("Bearer realm=\"countersign\"");
        headers.insert(WWW_AUTHENTICATE, realm);
    }
    identified(&parts.headers, response)
}

/// With the id that the request had (section 10.1.3).
fn identified(asked: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    if let Some(id) = asked.get(&REQUEST_ID) {
        response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    response
}

async fn answer(
    server: &Arc<Server>,
    route: &Route,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Refusal> {
    let known = known(server, headers).await?;
    known.admit()?;
    is_json(headers)?;
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let bytes: Bytes = bytes.map_err(|_| {
        let detail =
            format!("the body did not come whole, or has more than {BODY_BYTES_MAX} bytes");
        Problem::new(413, "body.too_large", detail)
    })?;
    let body = authzen::object(&bytes)?;
    match route.kind {
        Kind::Evaluation => one(server, &known, &authzen::evaluation(body)?).await,
        Kind::Search(seek) => search(server, &known, authzen::search(seek, body)?).await,
        _ => match authzen::evaluations(body)? {
            Evaluations::One(question) => one(server, &known, &question).await,
            Evaluations::Several { each, semantics } => {
                several(server, &known, each, semantics).await
            }
        },
    }
}

async fn known(server: &Arc<Server>, headers: &HeaderMap) -> Result<Arc<Known>, Refusal> {
    if !headers.contains_key(AUTHORIZATION) {
        return Err(AppError::Unauthenticated.into());
    }
    let token = token(headers).ok_or(AppError::Unauthenticated)?;
    if let Some(known) = server.doorman.remembered(&token, server.app.now()) {
        return Ok(known);
    }
    let server = Arc::clone(server);
    let looked_up =
        tokio::task::spawn_blocking(move || server.doorman.look_up(&server.app, &token));
    Ok(looked_up.await.map_err(|_| failed())??)
}

fn failed() -> Problem {
    let detail = "something that should not happen did; the operator's log says what";
    Problem::new(500, "internal", detail)
}

fn is_json(headers: &HeaderMap) -> Result<(), Mistake> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Mistake("the content type is not application/json".to_owned()))
}

async fn one(server: &Arc<Server>, known: &Known, question: &Question) -> Result<Vec<u8>, Refusal> {
    let decided = server.app.decide(&known.caller, Way::Evaluation, question)?;
    Ok(authzen::answer(&server.app.durable(decided).await))
}

/// Judging a page takes longer than others should wait for, so it is done beside them.
async fn search(
    server: &Arc<Server>,
    known: &Arc<Known>,
    search: Search,
) -> Result<Vec<u8>, Refusal> {
    let (server, known) = (Arc::clone(server), Arc::clone(known));
    let work = tokio::task::spawn_blocking(move || {
        server.app.search(&known.caller, &search).map(|searched| (search, searched))
    });
    match work.await.map_err(|_| failed())? {
        Ok((search, searched)) => Ok(authzen::search_answer(&search, &searched.durable().await?)),
        Err(AppError::Refused { code, text }) if code == PAGE_TOKEN => Err(Mistake(text).into()),
        Err(error) => Err(error.into()),
    }
}

/// In their order, as far as the semantics say; what was answered is durable, all of it.
async fn several(
    server: &Arc<Server>,
    known: &Known,
    each: Vec<Result<Question, Mistake>>,
    semantics: Semantics,
) -> Result<Vec<u8>, Refusal> {
    let mut answers = Vec::with_capacity(each.len());
    for question in &each {
        let answer = match question {
            Err(mistake) => Err(mistake),
            Ok(question) => Ok(server.app.decide(&known.caller, Way::Evaluation, question)?),
        };
        let allowed = answer.as_ref().is_ok_and(|decided| decided.decision.allowed);
        answers.push(answer);
        match (semantics, allowed) {
            (Semantics::DenyOnFirstDeny, false) | (Semantics::PermitOnFirstPermit, true) => break,
            _ => (),
        }
    }
    let mut texts = Vec::with_capacity(answers.len());
    for answer in answers {
        texts.push(match answer {
            Err(mistake) => authzen::item_mistake(mistake),
            Ok(decided) => authzen::answer(&server.app.durable(decided).await),
        });
    }
    Ok(authzen::evaluations_answer(&texts))
}

/// Where decisions are asked for (section 9.1): under the public address, or the one that was asked.
pub(crate) fn metadata(server: &Server, request: &Request<Body>) -> Response<Body> {
    let headers = request.headers();
    let asked = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = || format!("http://{}", asked.unwrap_or("localhost"));
    let base = server.public_url.clone().unwrap_or_else(own);
    let tenant = request.uri().path().strip_prefix(CONFIGURATION).filter(|it| !it.is_empty());
    let known = tenant.map(slug).transpose();
    let answer = known.map(|tenant| Answer::new(200, authzen::metadata(&base, tenant)));
    identified(headers, response_of(answer))
}

/// Another method than the one there is.
pub(crate) fn not_allowed(headers: &HeaderMap) -> Response<Body> {
    let text = Json::String("decisions are asked for by POST".to_owned());
    let mut response = Response::new(Body::from(text.to_string()));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    identified(headers, response)
}
