//! The ledger as witnesses and monitors read it (C2SP tlog-tiles), and proofs of single acts.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Request, Response};
use countersign_app::{App, AppError, Caller};
use countersign_wire::problem::Problem;
use countersign_wire::proofs;

use crate::Server;
use crate::answer::{Answer, response};
use crate::request::{Asked, token};

pub(crate) fn proof(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    let id = id(&asked.id).ok_or_else(|| {
        Problem::new(404, "not_found", "the id of a change is 32 hexadecimal digits")
    })?;
    let wanted = match asked.query.get("item") {
        None => None,
        Some(item) => Some(item.split_once(':').ok_or_else(|| {
            Problem::new(400, "query.item", "`item` is a noun and an id, such as `grant:g-17`")
        })?),
    };
    Ok(Answer::new(200, proofs::change_proof(&app.change_proof(caller, &id, wanted)?)))
}

fn id(text: &str) -> Option<[u8; 16]> {
    let pairs = text.as_bytes().as_chunks::<2>().0;
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(id)
}

/// One file. Tiles never change once they are signed; checkpoints are asked for anew each time.
pub(crate) async fn file(server: &Arc<Server>, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path().trim_start_matches("/ledger/").to_owned();
    let token = token(&parts.headers);
    let server = Arc::clone(server);
    let work = tokio::task::spawn_blocking(move || -> Result<_, AppError> {
        let caller = token.map(|token| server.app.authenticate(&token)).transpose()?;
        server.app.ledger_file(caller.as_ref(), &path)
    });
    let file = match work.await {
        Ok(Ok(file)) => file,
        Ok(Err(error)) => return response(Err(error.into())),
        Err(_) => {
            let detail = "something that should not happen did; the operator's log says what";
            return response(Err(Problem::new(500, "internal", detail)));
        }
    };
    let kind = if file.is_text { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let cache = if file.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = Response::new(Body::from(file.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
