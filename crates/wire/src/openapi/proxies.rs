//! What proxies ask, and what they are answered.

use serde_json::{Value as Json, json};

use crate::routes::{Kind, Route};

/// What a proxy says of a request, and of whoever it authenticated.
const VOUCHED: [(&str, &str); 8] = [
    ("x-countersign-subject", "Whom the proxy authenticated, by the name the tenant knows."),
    ("x-countersign-issuer", "One more namespace in which the name may be known."),
    ("x-countersign-acr", "The authentication context class of the sign-in."),
    ("x-countersign-amr", "Methods of the sign-in, separated by spaces."),
    ("x-countersign-auth-time", "When they signed in, seconds since 1970."),
    ("x-countersign-credential", "The public handle of the credential used."),
    ("x-countersign-person", "Behind a portal's account: the person, as the portal knows them."),
    ("x-countersign-portal-key", "The key of the portal that says so."),
];

const REQUEST: [(&str, &str); 5] = [
    ("x-original-url", "nginx: the address that was asked for."),
    ("x-original-method", "nginx: the method."),
    ("x-forwarded-uri", "Caddy, Traefik: the path that was asked for."),
    ("x-forwarded-method", "Caddy, Traefik: the method."),
    ("x-forwarded-host", "Caddy, Traefik: the host."),
];

pub(super) fn parameters(route: &Route) -> Vec<Json> {
    let header = |(name, description): &(&str, &str)| json!({"in": "header", "name": name, "description": description, "schema": {"type": "string"}});
    let mut parameters: Vec<Json> = match route.kind {
        Kind::ForwardAuth => REQUEST.iter().chain(&VOUCHED).map(header).collect(),
        Kind::ExtAuthz => VOUCHED.iter().map(header).collect(),
        _ => Vec::new(),
    };
    if route.path.contains("{*path}") {
        parameters.push(json!({
            "in": "path", "name": "path", "required": true, "schema": {"type": "string"},
        }));
    }
    parameters
}

pub(super) fn responses(route: &Route) -> Json {
    let members = json!({
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "code": {"type": "string"}, "decision": {"type": "string"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    });
    let schema = super::object(&["type", "title", "status", "code"], members);
    let problem = json!({"application/problem+json": {"schema": schema}});
    let refused = json!({"description": "It may not, with codes.", "content": problem});
    if route.kind == Kind::SigningKeys {
        let keys = json!({"application/json": {"schema": {"type": "object"}}});
        return json!({
            "200": {"description": "A JWK set.", "content": keys}, "default": refused,
        });
    }
    json!({
        "200": {"description": "It may pass, with headers for the application."},
        "401": {"description": "Somebody must sign in, or sign in stronger.", "content": problem},
        "403": refused.clone(),
        "default": refused,
    })
}
