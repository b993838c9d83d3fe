//! Cookies: the session of a browser, and the secret of a sign-in that is under way.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response};
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Route};

use crate::answer::{Answer, response};
use crate::request::Asked;
use crate::serve::Server;

const SESSION: &str = "countersign";
const BEGUN: &str = "countersign-sign-in";
/// Of a host alone, and by TLS only: no other host can set it (RFC 6265bis, section 4.1.3.2).
const HOST_PREFIX: &str = "__Host-";
const SESSION_SECONDS: u32 = 8 * 3_600;
const BEGUN_SECONDS: u32 = 600;
/// Where a browser goes that has signed in.
const HOME: &str = "/v1/self";

/// The session of a browser. What changes something must come from our own pages: a page of somebody
/// else's can make a browser send the cookie, and cannot make it say where it comes from.
pub(crate) fn session(method: &Method, headers: &HeaderMap) -> Option<String> {
    let is_own = || headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    if !method.is_safe() && !is_own() {
        return None;
    }
    cookie(headers, SESSION)
}

/// A cookie by its guarded name; by the plain one only on this machine.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let guarded = format!("{HOST_PREFIX}{name}");
    let pairs = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs: Vec<(&str, &str)> = pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .collect();
    let of = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let is_here = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    let found = of(&guarded).or_else(|| of(name).filter(|_| is_here))?;
    (found.len() <= 512).then(|| found.to_owned())
}

fn set(is_secure: bool, name: &str, value: &str, seconds: u32) -> String {
    let (prefix, secure) = if is_secure { (HOST_PREFIX, "; Secure") } else { ("", "") };
    format!("{prefix}{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

/// To the directory, and back from it.
pub(crate) async fn directory(
    server: &Arc<Server>,
    route: &Arc<Route>,
    request: Request<Body>,
) -> Response<Body> {
    let begun = cookie(request.headers(), BEGUN);
    let asked = match Asked::read(route, request).await {
        Ok(asked) => asked,
        Err(problem) => return response(Err(problem)),
    };
    let (server, kind) = (Arc::clone(server), route.kind);
    let work = tokio::task::spawn_blocking(move || step(&server, kind, begun, &asked));
    let result = work.await.unwrap_or_else(|_| {
        let detail = "something that should not happen did; the operator's log says what";
        Err(Problem::new(500, "internal", detail))
    });
    let (location, cookies) = match result {
        Ok(step) => step,
        Err(problem) => {
            if let Some(cause) = &problem.cause {
                tracing::error!(code = problem.code, cause, "failed");
            }
            return response(Err(problem));
        }
    };
    let mut response = response(Ok(Answer::empty(303)));
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(LOCATION, location);
    }
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
    response
}

/// Where to go, and with which cookies.
fn step(
    server: &Server,
    kind: Kind,
    begun: Option<String>,
    asked: &Asked,
) -> Result<(String, Vec<String>), Problem> {
    let oidc = server.oidc.as_ref().ok_or_else(|| {
        let detail = "people do not sign in here by a directory; `serve --oidc-issuer` makes it so";
        Problem::new(404, "not_found", detail)
    })?;
    let is_secure = oidc.is_secure();
    if kind == Kind::DirectorySignIn {
        let begun = oidc.begin(&server.app)?;
        let cookie = set(is_secure, BEGUN, &begun.secret, BEGUN_SECONDS);
        return Ok((begun.location, vec![cookie]));
    }
    let secret = begun.ok_or_else(|| {
        let detail = "the sign-in was not begun in this browser; begin it again";
        Problem::new(401, "oidc.refused", detail)
    })?;
    let made = oidc.finish(&server.app, &secret, &asked.query)?;
    let session = set(is_secure, SESSION, &made.secret, SESSION_SECONDS);
    Ok((HOME.to_owned(), vec![session, set(is_secure, BEGUN, "", 0)]))
}
