//! What a proxy is answered: a status that it understands, headers for the application, and codes.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use countersign_app::{Decision, DecisionId};
use countersign_wire::authzen;
use countersign_wire::problem::Problem;
use serde_json::{Value as Json, json};

use super::Refused;
use super::headers::{ANSWERED, READ};

/// By it Envoy is told what else not to pass on to the application.
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");
/// Longer codes or claims than these are none of ours.
const CHALLENGE_BYTES_MAX: usize = 2_048;

/// The answer to a proxy, whatever it speaks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// 200 lets the request through. A 401 or 403 is the client's; with any other the proxy fails,
    /// closed.
    pub status: u16,
    /// For the application, in the order of [`ANSWERED`]; empty where there is nothing to say.
    pub identity: [String; ANSWERED.len()],
    /// For the client.
    pub challenge: Option<String>,
    /// Codes for the client; what they mean here is in the evidence.
    pub body: Json,
}

impl Verdict {
    pub fn of(decision: &Decision, assertion: impl FnOnce() -> Option<String>) -> Self {
        let judged = &decision.judgement;
        if decision.allowed {
            // A request that the application could not know for checked is not passed on.
            let Some(assertion) = assertion() else {
                return Self::told(503, "assertion.unsigned", &[], Some(decision.id));
            };
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let identity = [
                text(&decision.identity),
                text(&decision.actor),
                text(&judged.organization),
                text(&judged.sponsor),
                text(&judged.grant),
                decision.id.to_string(),
                assertion,
            ];
            return Self { status: 200, identity, challenge: None, body: Json::Null };
        }
        let codes: Vec<&str> = judged.reasons.iter().map(|reason| reason.code.as_str()).collect();
        if judged.outcome.as_str() == "step_up" {
            let challenge = Some(step_up(decision));
            let told =
                Self::told(401, "insufficient_user_authentication", &codes, Some(decision.id));
            return Self { challenge, ..told };
        }
        Self::told(403, "denied", &codes, Some(decision.id))
    }

    pub fn refused(refused: Refused) -> Self {
        let challenge = (refused.status == 401).then(|| "Bearer realm=\"countersign\"".to_owned());
        Self { challenge, ..Self::told(refused.status, refused.code, &[], None) }
    }

    /// There is no decision, so nothing passes.
    pub fn failed(problem: &Problem) -> Self {
        // A client cannot mend what is wrong between its proxy and this node.
        let status = match problem.status {
            429 => 429,
            403 => 403,
            _ => 503,
        };
        Self::told(status, &problem.code, &[], None)
    }

    fn told(status: u16, code: &str, reasons: &[&str], decision: Option<DecisionId>) -> Self {
        let mut body = json!({
            "type": format!("/problems/{code}"),
            "title": code.replace(['_', '.'], " "),
            "status": status,
            "code": code,
        });
        if !reasons.is_empty() {
            body["reasons"] = json!(reasons);
        }
        if let Some(decision) = decision {
            body["decision"] = decision.to_string().into();
        }
        Self { status, identity: Default::default(), challenge: None, body }
    }

    /// Each header of an answer, the empty ones too.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        ANSWERED.into_iter().zip(self.identity.iter().map(String::as_str))
    }

    pub fn into_response(self) -> Response<Body> {
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        let has_body = !body.is_empty();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        // Some proxies give a refusal to the client as it is: it has nothing for the application.
        if self.status == 200 {
            for (name, value) in self.headers() {
                // Ids are slugs and tokens base64, so each is a value.
                if let Ok(value) = HeaderValue::from_str(value) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            if let Ok(names) = HeaderValue::from_str(&READ.join(",")) {
                headers.insert(REMOVE, names);
            }
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        }
        if matches!(self.status, 429 | 503) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        let challenge = self.challenge.and_then(|text| HeaderValue::from_str(&text).ok());
        if let Some(challenge) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// RFC 9470, section 3: what to authenticate with, as far as the register says what would suffice.
fn step_up(decision: &Decision) -> String {
    let mut text = "Bearer error=\"insufficient_user_authentication\", \
                    error_description=\"a stronger sign-in is required\""
        .to_owned();
    let is_quotable = |text: &String| {
        text.len() <= CHALLENGE_BYTES_MAX
            && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte))
    };
    if let Some(values) = authzen::sufficient(decision, "acr").filter(is_quotable) {
        text.push_str(", acr_values=\"");
        text.push_str(&values);
        text.push('"');
    }
    text
}
