//! What is sent back.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use countersign_wire::problem::Problem;
use serde_json::Value as Json;

/// A body with its status.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Option<Json>,
    /// The revision of the item in the body.
    pub rev: Option<i64>,
}

impl Answer {
    pub fn new(status: u16, body: Json) -> Self {
        Self { status, body: Some(body), rev: None }
    }

    pub fn empty(status: u16) -> Self {
        Self { status, body: None, rev: None }
    }
}

pub(crate) fn response(answer: Result<Answer, Problem>) -> Response<Body> {
    let (status, kind, body, rev) = match answer {
        Ok(answer) => (answer.status, "application/json", answer.body, answer.rev),
        Err(problem) => (problem.status, "application/problem+json", Some(problem.body()), None),
    };
    let text = body.map_or_else(String::new, |body| body.to_string());
    let has_body = !text.is_empty();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Some(etag) = rev.and_then(|rev| HeaderValue::from_str(&format!("\"{rev}\"")).ok()) {
        headers.insert(ETAG, etag);
    }
    if status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
