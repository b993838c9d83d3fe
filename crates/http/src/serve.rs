//! The router, and what is counted of it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, Uri};
use axum::routing::{MethodFilter, any, on};
use countersign_app::{App, AppError};
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Method, Route, routes};
use countersign_wire::scim::is_scim;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use crate::answer::{Answer, response};
use crate::dispatch::dispatch;
use crate::doorman::Doorman;
use crate::forward::{self, Signer};
use crate::gate::{self, Gate};
use crate::ledger;
use crate::limits::later;
use crate::oidc::Oidc;
use crate::request::{Asked, presents_something};
use crate::{authzen, cookies, scim};

/// What every request works with.
#[derive(Debug)]
pub struct Server {
    pub app: App,
    pub counted: Counted,
    /// The company's directory, if people sign in by it.
    pub oidc: Option<Oidc>,
    pub(crate) doorman: Doorman,
    /// By which applications reach it: `https://countersign.example.com`, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// Signs what applications behind a proxy are told.
    pub(crate) signer: Option<Signer>,
}

impl Server {
    pub fn new(app: App, oidc: Option<Oidc>) -> Self {
        let (counted, doorman) = (Counted::default(), Doorman::new(None));
        Self { app, counted, oidc, doorman, public_url: None, signer: None }
    }

    /// The same, asked for so many decisions a second by one key at most.
    #[must_use]
    pub fn with_decisions(self, a_second: Option<NonZeroU32>) -> Self {
        Self { doorman: Doorman::new(a_second), ..self }
    }

    /// The same, and proxies may ask: without a key to sign with, nothing passes.
    #[must_use]
    pub fn with_signer(self, signer: Signer) -> Self {
        Self { signer: Some(signer), ..self }
    }

    #[must_use]
    pub fn with_public_url(self, url: Option<String>) -> Self {
        Self { public_url: url, ..self }
    }
}

/// How many requests of each operation had which status.
#[derive(Debug, Default)]
pub struct Counted {
    requests: Mutex<BTreeMap<String, BTreeMap<u16, u64>>>,
    /// Being worked on now.
    open: AtomicU64,
}

impl Counted {
    fn count(&self, operation: &str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.get_mut(operation) {
            Some(known) => *known.entry(status).or_default() += 1,
            None => drop(requests.insert(operation.to_owned(), BTreeMap::from([(status, 1)]))),
        }
    }

    /// In the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# HELP countersign_http_requests_total Requests by operation and status.\n\
             # TYPE countersign_http_requests_total counter\n",
        );
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let each = requests.iter().flat_map(|(operation, all)| {
            all.iter().map(move |(status, count)| (operation, status, count))
        });
        for (operation, status, count) in each {
            text.push_str(&format!(
                "countersign_http_requests_total{{operation=\"{operation}\",status=\"{status}\"}} {count}\n"
            ));
        }
        let open = self.open.load(Ordering::Relaxed);
        text.push_str(&format!(
            "# HELP countersign_http_requests_open Requests being answered.\n\
             # TYPE countersign_http_requests_open gauge\ncountersign_http_requests_open {open}\n"
        ));
        text
    }
}

/// A route, and what it is called: told of each request.
struct Served {
    operation: String,
    route: Arc<Route>,
}

/// Serves every route of the table and nothing else.
pub fn router(server: &Arc<Server>) -> Router {
    let mut router = Router::new();
    let gate = Arc::new(Gate::default());
    for route in routes() {
        let filter = match route.method {
            Method::Get => Some(MethodFilter::GET),
            Method::Put => Some(MethodFilter::PUT),
            Method::Post => Some(MethodFilter::POST),
            Method::Patch => Some(MethodFilter::PATCH),
            Method::Delete => Some(MethodFilter::DELETE),
            Method::Any => None,
        };
        let path = route.path.clone();
        let served = Arc::new(Served { operation: route.operation(), route: Arc::new(route) });
        let (server, gate) = (Arc::clone(server), Arc::clone(&gate));
        let handler = move |request: Request<Body>| {
            let (served, server, gate) =
                (Arc::clone(&served), Arc::clone(&server), Arc::clone(&gate));
            async move { handle(&server, &gate, &served, request).await }
        };
        router = match filter {
            Some(filter) => router.route(&path, on(filter, handler)),
            None => router.route(&path, any(handler)),
        };
    }
    router.fallback(|uri: Uri| async move { not_found(&uri) }).method_not_allowed_fallback(
        |uri: Uri, headers: HeaderMap| async move {
            match uri.path().starts_with(authzen::PATHS) {
                true => authzen::not_allowed(&headers),
                false => not_allowed(&uri),
            }
        },
    )
}

/// Counts itself out also when its client goes away.
struct Open<'a>(&'a Counted);

impl<'a> Open<'a> {
    fn new(counted: &'a Counted) -> Self {
        counted.open.fetch_add(1, Ordering::Relaxed);
        Self(counted)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The target of the spans of requests, one for each, which a collector may be sent.
pub const REQUESTS: &str = "countersign::request";

async fn handle(
    server: &Arc<Server>,
    gate: &Gate,
    served: &Served,
    request: Request<Body>,
) -> Response<Body> {
    // The route and not the path: a path names people.
    let span = tracing::info_span!(
        target: REQUESTS,
        "request",
        otel.name = served.operation,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = request.method().as_str(),
        http.route = served.route.path,
        http.response.status_code = tracing::field::Empty,
    );
    let response = handled(server, gate, served, request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    response
}

async fn handled(
    server: &Arc<Server>,
    gate: &Gate,
    served: &Served,
    request: Request<Body>,
) -> Response<Body> {
    let _open = Open::new(&server.counted);
    let route = &served.route;
    let response = match route.kind {
        Kind::Ledger => ledger::file(server, request).await,
        Kind::Metadata => authzen::metadata(server, &request),
        Kind::SigningKeys => response(Ok(forward::keys(server))),
        _ if route.is_of_proxies() => forward::response(server, route, request).await,
        _ if route.is_of_decisions() => authzen::response(server, route, request).await,
        Kind::DirectorySignIn | Kind::DirectoryReturn => {
            cookies::directory(server, route, request).await
        }
        _ => match (answer(server, gate, route, request).await, route.kind) {
            (Err(problem), _) if problem.status == 503 => later(problem, 1),
            (answer, Kind::Scim(_)) => scim::response(answer),
            (answer, _) => response(answer),
        },
    };
    server.counted.count(&served.operation, response.status().as_u16());
    response
}

async fn answer(
    server: &Arc<Server>,
    gate: &Gate,
    route: &Arc<Route>,
    request: Request<Body>,
) -> Result<Answer, Problem> {
    // Whoever presents nothing is refused before anything they send is read.
    if !route.is_open && !presents_something(request.headers()) {
        return Err(AppError::Unauthenticated.into());
    }
    let _place = gate.enter(route)?;
    let read = tokio::time::timeout(gate::body_within(route), Asked::read(route, request)).await;
    let asked = read.map_err(|_| gate::slow_body())??;
    let thread = gate.work().await?;
    let work = work(Arc::clone(server), Arc::clone(route), asked, thread);
    let answer = tokio::time::timeout(gate::answer_within(route), work).await;
    answer.map_err(|_| gate::slow_answer())?
}

async fn work(
    server: Arc<Server>,
    route: Arc<Route>,
    asked: Asked,
    thread: OwnedSemaphorePermit,
) -> Result<Answer, Problem> {
    let work = tokio::task::spawn_blocking(move || {
        let _thread = thread;
        let answer = dispatch(&server.app, &route, &asked);
        if let Err(problem) = &answer
            && problem.status >= 500
        {
            let cause = problem.cause.as_deref().unwrap_or("no cause is known");
            tracing::error!(operation = route.operation(), code = problem.code, cause, "failed");
        }
        answer
    });
    work.await.unwrap_or_else(|_| {
        let detail = "something that should not happen did; the operator's log says what";
        Err(Problem::new(500, "internal", detail))
    })
}

fn not_found(uri: &Uri) -> Response<Body> {
    let detail = "there is no such path; /v1/openapi.json lists all";
    refusal(uri, Problem::new(404, "not_found", detail))
}

fn not_allowed(uri: &Uri) -> Response<Body> {
    let detail = "this path takes another method; /v1/openapi.json says which";
    refusal(uri, Problem::new(405, "method_not_allowed", detail))
}

fn refusal(uri: &Uri, problem: Problem) -> Response<Body> {
    match is_scim(uri.path()) {
        true => scim::response(Err(problem)),
        false => response(Err(problem)),
    }
}
