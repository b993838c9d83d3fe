//! What was asked, read and bounded.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, Request};
use countersign_app::Act;
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Route};
use serde_json::Value as Json;

use crate::cookies;

/// The body of most requests.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Of those that carry a register.
const REGISTER_BYTES_MAX: usize = 64 << 20;
/// Objects and lists inside each other.
const DEPTH_MAX: usize = 32;
const KEY_BYTES_MAX: usize = 255;
const WHY_BYTES_MAX: usize = 4_096;

/// Reads a request as it is read before anything is done, and gives the id that it is about: what the
/// fuzz target asks.
///
/// # Errors
/// As a client gets them: 4xx, with what would work.
pub async fn form(route: &Route, request: Request<Body>) -> Result<String, Problem> {
    let asked = Asked::read(route, request).await?;
    asked.act()?;
    Ok(asked.id)
}

/// A request whose parts are all of their form.
#[derive(Debug)]
pub(crate) struct Asked {
    pub id: String,
    pub query: BTreeMap<String, String>,
    /// What was presented as a bearer token.
    pub token: Option<String>,
    /// `Null` if there was none.
    pub body: Json,
    pub rev: Option<i64>,
    pub key: Option<String>,
    /// Of path and body, to tell another request under one key.
    pub digest: Vec<u8>,
}

impl Asked {
    pub async fn read(route: &Route, request: Request<Body>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let limit = match route.kind {
            Kind::Plan | Kind::Apply | Kind::ImportPlan | Kind::Import | Kind::TryPolicies => {
                REGISTER_BYTES_MAX
            }
            _ => BODY_BYTES_MAX,
        };
        let bytes = axum::body::to_bytes(body, limit).await.map_err(|_| {
            let detail = format!("the body did not come whole, or has more than {limit} bytes");
            Problem::new(413, "body.too_large", detail)
        })?;
        let path = parts.uri.path();
        let mut digested = path.as_bytes().to_vec();
        digested.push(0);
        digested.extend_from_slice(&bytes);
        Ok(Self {
            id: id(route, path)?,
            query: query(parts.uri.query().unwrap_or_default())?,
            token: token(&parts.headers)
                .or_else(|| cookies::session(&parts.method, &parts.headers)),
            body: json(&bytes)?,
            rev: rev(&parts.headers)?,
            key: key(&parts.headers)?,
            digest: countersign_app::digest(&digested),
        })
    }

    /// How the verb is asked for.
    pub fn act(&self) -> Result<Act, Problem> {
        let why = match &self.body["why"] {
            Json::Null => None,
            Json::String(why) if why.len() <= WHY_BYTES_MAX => Some(why.clone()),
            _ => {
                let detail = format!("`why` is a text of up to {WHY_BYTES_MAX} bytes");
                return Err(Problem::new(422, "invalid", detail));
            }
        };
        Ok(Act {
            verb: self.query.get("as").cloned(),
            id: Some(self.id.clone()),
            rev: self.rev,
            why,
            key: self.key.clone(),
            digest: self.digest.clone(),
            arguments: self.body.clone(),
        })
    }

    pub fn number(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.query.get(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| Problem::new(400, "query.number", format!("`{name}` is a whole number")))
    }
}

/// The id in the path, where the route has one.
fn id(route: &Route, path: &str) -> Result<String, Problem> {
    let Some(at) = route.path.split('/').position(|part| part == "{id}") else {
        return Ok(String::new());
    };
    slug(path.split('/').nth(at).unwrap_or_default()).map(str::to_owned)
}

/// An id as it may be; whatever else it is, there is nothing of that name.
pub(crate) fn slug(id: &str) -> Result<&str, Problem> {
    let is_slug = (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let none = || Problem::new(404, "not_found", "an id has letters, digits, `.`, `_` and `-`");
    is_slug.then_some(id).ok_or_else(none)
}

fn query(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let mut query = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
            return Err(Problem::new(
                400,
                "query.encoding",
                "the query is not percent-encoded UTF-8",
            ));
        };
        if query.insert(name.clone(), value).is_some() {
            let detail = format!("`{name}` is there twice; say it once");
            return Err(Problem::new(400, "query.twice", detail));
        }
    }
    Ok(query)
}

/// Percent-encoding, and `+` for a space, undone. No NUL: no store of ours can hold one.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Whether there is anything that could say who asks.
pub(crate) fn presents_something(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION) || headers.contains_key(COOKIE)
}

pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= 512).then(|| token.to_owned())
}

fn json(bytes: &[u8]) -> Result<Json, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    let body: Json = serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(400, "body.json", format!("the body is not JSON: {error}"))
    })?;
    if !body.is_object() {
        return Err(Problem::new(400, "body.object", "the body is a JSON object"));
    }
    if depth(&body) > DEPTH_MAX || has_nul(&body) {
        let detail = format!("at most {DEPTH_MAX} levels, and no NUL in a text");
        return Err(Problem::new(400, "body.form", detail));
    }
    Ok(body)
}

/// The parser itself refuses more than 128 levels.
fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn has_nul(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// The version that was read, as its ETag (RFC 9110, 13.1.1).
fn rev(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("if-match") else { return Ok(None) };
    let number = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::new(400, "header.if_match", "give the ETag as it came, such as `\"17\"`")
    })
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()));
    text.map(|text| Some(text.to_owned())).ok_or_else(|| {
        let detail = format!("an idempotency key is 1 to {KEY_BYTES_MAX} visible characters");
        Problem::new(400, "header.idempotency_key", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_once_and_said_once() {
        let read = query("state=a%20b&organization=%C3%BC").unwrap();
        assert_eq!(read["state"], "a b");
        assert_eq!(read["organization"], "ü");
        for bad in ["a=%", "a=%zz", "a=%ff", "a=1&a=2", "a=%00"] {
            assert_eq!(query(bad).unwrap_err().status, 400, "{bad}");
        }
    }
}
