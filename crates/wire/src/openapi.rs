//! The OpenAPI 3.1 document, made from the table of routes.

mod decisions;
mod proxies;

use serde_json::{Map, Value as Json, json};

use crate::routes::{Kind, MEMBER, Method, Route, routes};
use crate::scim::{self, Scim};

/// What a member may be, as policies name it.
const ROLES: [&str; 7] =
    ["owner", "security", "sponsor", "auditor", "application", "partner_admin", "directory"];

/// The document.
pub fn document() -> Json {
    let mut paths: Map<String, Json> = Map::new();
    for route in routes() {
        let methods = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        for method in route.method.documented() {
            methods[*method] = operation(&route, method);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Who stands behind every external access, and until when.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "proxy": {"type": "apiKey", "in": "header", "name": "X-Countersign-Key"},
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route, method: &str) -> Json {
    let mut operation = json!({
        "operationId": route.operation_of(method),
        "summary": route.summary,
        "tags": [route.noun],
        "responses": responses(route),
    });
    if route.is_open {
        operation["security"] = json!([]);
    }
    if route.is_of_proxies() {
        operation["security"] = json!([{"proxy": []}]);
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some((schema, required)) = request(route) {
        operation["requestBody"] = json!({
            "required": required,
            "content": {media(route): {"schema": schema}},
        });
    }
    operation
}

fn media(route: &Route) -> &'static str {
    if scim::is_scim(&route.path) { "application/scim+json" } else { "application/json" }
}

fn parameters(route: &Route) -> Vec<Json> {
    let text = |of: &str, name: &str, description: &str| json!({"in": of, "name": name, "description": description, "schema": {"type": "string"}});
    let mut parameters = Vec::new();
    if route.path.contains("{id}") {
        parameters.push(json!({
            "in": "path", "name": "id", "required": true,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},
        }));
    }
    parameters.extend(proxies::parameters(route));
    if route.path.contains("{*file}") {
        parameters.push(json!({
            "in": "path", "name": "file", "required": true, "schema": {"type": "string"},
        }));
    }
    match route.kind {
        Kind::List => {
            parameters.push(text("query", "state", "Only those that are in it now."));
            for name in ["organization", "sponsor", "about", "parent"] {
                parameters.push(text("query", name, "Only those."));
            }
            parameters.push(text(
                "query",
                "cursor",
                "`next` of the page before, which may have had fewer than `limit`.",
            ));
            parameters.push(json!({
                "in": "query", "name": "limit",
                "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
            }));
        }
        Kind::Proof => parameters.push(text(
            "query",
            "item",
            "Of an act on many items, the one to prove: `grant:g-17`.",
        )),
        Kind::DecisionsReport => {
            parameters.push(json!({
                "in": "query", "name": "tenant", "required": true, "schema": {"type": "string"},
            }));
            parameters.push(text("query", "since", "A time; a day ago, if it is not said."));
        }
        Kind::Changes => parameters.push(text("query", "cursor", "`next` of the page before.")),
        Kind::History => {
            parameters.push(json!({
                "in": "query", "name": "before", "schema": {"type": "integer"},
                "description": "Only what was done before this revision.",
            }));
        }
        Kind::Put => {
            parameters.push(text("header", "if-match", "The ETag of the version you read."));
            parameters.push(text("query", "as", "The verb by which a new one begins."));
        }
        Kind::Act => {
            parameters.push(text("header", "if-match", "The ETag of the version you read."));
        }
        Kind::Scim(kind) => parameters.extend(scim::parameters(kind)),
        _ => (),
    }
    let is_act = !route.is_of_decisions() && !route.is_of_proxies();
    if route.method != Method::Get && !route.is_open && is_act {
        parameters.push(text(
            "header",
            "idempotency-key",
            "The same request again under this key has its effect once.",
        ));
    }
    parameters
}

/// The schema of a request's body, and whether there must be one.
fn request(route: &Route) -> Option<(Json, bool)> {
    let named = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    match route.kind {
        Kind::Put => Some((named(&format!("{}_document", route.noun)), true)),
        Kind::Act => Some((named("act"), false)),
        Kind::Erase => Some((named("erase"), true)),
        Kind::Hold => Some((named("hold"), true)),
        Kind::Release | Kind::KeepHold | Kind::RotateKey => Some((named("act"), false)),
        Kind::SignIn => Some((named("sign_in"), true)),
        Kind::MakeKey if route.noun == MEMBER => Some((named("member_key"), false)),
        Kind::MakeKey => Some((named("key"), true)),
        Kind::RevokeKey => Some((named("revoke_key"), true)),
        Kind::Fill => Some((named("answers"), true)),
        Kind::Invite => Some((named("invite"), true)),
        Kind::Complete => Some((named("given"), true)),
        Kind::Plan | Kind::Apply => Some((named("files"), true)),
        Kind::ImportPlan | Kind::Import => Some((named("employees"), true)),
        Kind::Evaluation => Some((named("evaluation"), true)),
        Kind::Evaluations => Some((named("evaluations"), true)),
        Kind::JudgeAt => Some((named("judge"), true)),
        Kind::TryPolicies => Some((named("try_policies"), true)),
        Kind::Search(seek) => Some((named(&format!("search_{}", seek.as_str())), true)),
        Kind::Scim(Scim::Create | Scim::Replace) => Some((named("scim_user"), true)),
        Kind::Scim(Scim::Patch) => Some((named("scim_patch"), true)),
        _ => None,
    }
}

fn responses(route: &Route) -> Json {
    let body = |name: &str, description: &str| {
        json!({
            "description": description,
            "content": {"application/json": {
                "schema": {"$ref": format!("#/components/schemas/{name}")},
            }},
        })
    };
    let mut responses = json!({});
    if let Some((status, name, description)) = one_body(route.kind) {
        responses[status] = body(name, description);
    }
    match route.kind {
        Kind::ForwardAuth | Kind::ExtAuthz | Kind::SigningKeys => return proxies::responses(route),
        Kind::Scim(kind) => return scim::responses(kind),
        Kind::Evaluation | Kind::Evaluations | Kind::Search(_) => {
            return decisions::responses(route);
        }
        Kind::Put => {
            responses["200"] = body("item", "Corrected.");
            responses["201"] = body("item", "Made.");
        }
        Kind::DirectorySignIn | Kind::DirectoryReturn => {
            responses["303"] = json!({"description": "Go there."});
        }
        Kind::RevokeKey => responses["204"] = json!({"description": "It works no more."}),
        Kind::SignOut => responses["204"] = json!({"description": "Ended."}),
        Kind::Ledger => {
            responses["200"] = json!({
                "description": "The file.",
                "content": {
                    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                    "text/plain": {"schema": {"type": "string"}},
                },
            });
        }
        Kind::OpenApi | Kind::Health | Kind::Ready | Kind::Metadata => {
            responses["200"] = json!({
                "description": "It is.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            });
        }
        _ => (),
    }
    responses["default"] = json!({
        "description": "What is wrong, and what would work (RFC 9457).",
        "content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/problem"},
        }},
    });
    responses
}

/// Status, schema and description of what is answered with one JSON body.
fn one_body(kind: Kind) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match kind {
        Kind::List => ("200", "page", "One page."),
        Kind::Templates => ("200", "templates", "All there are."),
        Kind::Fill => ("201", "items", "All that was made."),
        Kind::Invite => ("201", "invited", "The secret of the link, this once."),
        Kind::Invitation => ("200", "item", "Your invitation."),
        Kind::Complete => ("200", "item", "What you gave, and what to publish."),
        Kind::Erase => ("200", "erased", "It is erased."),
        Kind::Hold => ("201", "item", "It is held."),
        Kind::Read | Kind::Act | Kind::Release | Kind::KeepHold | Kind::RotateKey => {
            ("200", "item", "The item as it is now.")
        }
        Kind::History | Kind::Changes => ("200", "changes", "What was done."),
        Kind::MakeKey | Kind::MakeCode | Kind::SignIn => {
            ("201", "made", "A secret, shown this once.")
        }
        Kind::Keys => ("200", "keys", "All there are."),
        Kind::MakeSecret => ("201", "secret", "A secret, shown this once."),
        Kind::Deliveries => ("200", "deliveries", "The newest first."),
        Kind::Whoami => ("200", "caller", "Who you are here."),
        Kind::Export => ("200", "files", "The register as files."),
        Kind::Plan | Kind::Apply | Kind::ImportPlan | Kind::Import => {
            ("200", "plan", "What is, or would be, done.")
        }
        Kind::Explain => ("200", "explained", "The decision."),
        Kind::DecisionsReport => ("200", "decisions_report", "The counts."),
        Kind::JudgeAt => ("200", "judged", "What is decided."),
        Kind::TryPolicies => ("200", "trial", "What would change."),
        Kind::Proof => ("200", "change_proof", "The proof."),
        _ => return None,
    })
}

fn schemas() -> Json {
    let text = json!({"type": "string"});
    let maybe = json!({"type": ["string", "null"]});
    let mut schemas = json!({
        "item": object(
            &["noun", "id", "revision", "state", "document"],
            json!({
                "noun": text, "id": text, "revision": {"type": "integer"}, "state": text,
                "organization": maybe, "sponsor": maybe,
                "document": {"type": "object"}, "process": {"type": "object"},
                "used": object(
                    &["first", "last", "count"],
                    json!({"first": text, "last": text, "count": {"type": "integer"}}),
                ),
                "secret": {"type": "string", "description": "Of a new subscription: shown this once."},
            }),
        ),
        "page": object(
            &["items", "next"],
            json!({
                "items": {"type": "array", "items": {"$ref": "#/components/schemas/item"}},
                "next": maybe,
            }),
        ),
        "act": object(&[], json!({
            "why": text,
            "until": {"type": "string", "description": "Of a rotation: when the old one ends."},
            "revalidate_by": text,
            "at": {"type": "string", "description": "Of a departure: when."},
            "successor": {"type": "string", "description": "Of a sponsor who left: who takes over."},
            "role": {
                "enum": ["sponsor", "entitlement_owner"],
                "description": "Of an approval: in whose name, if you are both.",
            },
        })),
        "sign_in": object(&["code"], json!({"code": text})),
        "caller": object(&["principal", "role"], json!({
            "principal": text, "role": text, "organization": maybe, "sponsor": maybe,
            "tenant": maybe,
        })),
        "problem": object(&["type", "title", "status", "code", "detail"], json!({
            "type": text, "title": text, "status": {"type": "integer"}, "code": text,
            "detail": text, "faults": {"type": "array"}, "mistakes": {"type": "array"},
            "violations": {"type": "array", "items": object(
                &["code", "says", "remedy"],
                json!({"code": text, "says": text, "remedy": text, "latest": maybe}),
            )},
        })),
        "member_document": object(&["id", "role"], json!({
            "id": text, "role": {"enum": ROLES}, "name": text, "email": text, "organization": text,
            "sponsor": text, "tenant": text,
            "oidc_subject": {"type": "string", "description": "`sub` at the company's directory."},
        })),
    });
    of_keys(&mut schemas);
    of_subscriptions(&mut schemas);
    as_code(&mut schemas);
    onboarding(&mut schemas);
    scim::add_schemas(&mut schemas);
    decisions::add_schemas(&mut schemas);
    for (name, schema) in crate::proofs::schemas() {
        schemas[name] = schema;
    }
    for (noun, schema) in countersign_register::document_schemas("#/components/schemas") {
        schemas[noun] = schema;
    }
    schemas
}

/// What is shown once, and the keys there are.
fn of_keys(schemas: &mut Json) {
    let text = json!({"type": "string"});
    schemas["key"] = object(
        &["role"],
        json!({
            "role": text, "until": text, "organization": text, "sponsor": text, "tenant": text,
        }),
    );
    schemas["member_key"] = object(&[], json!({"until": text}));
    schemas["revoke_key"] = object(&["key"], json!({"key": text, "why": text}));
    let key = object(
        &["key", "made", "ends"],
        json!({"key": text, "made": text, "ends": text, "revoked": text}),
    );
    schemas["keys"] = object(&["keys"], json!({"keys": {"type": "array", "items": key}}));
    schemas["made"] = object(
        &["secret", "ends"],
        json!({"secret": text, "ends": text, "credential": text, "key": text}),
    );
}

/// The register as files, and what was done to it.
fn as_code(schemas: &mut Json) {
    let text = json!({"type": "string"});
    let maybe = json!({"type": ["string", "null"]});
    schemas["files"] = object(
        &["files"],
        json!({
            "files": {"type": "array", "items": object(
                &["name", "text"], json!({"name": text, "text": text}),
            )},
            "why": text,
        }),
    );
    schemas["plan"] = object(
        &["steps", "unchanged"],
        json!({
            "steps": {"type": "array", "items": {"type": "object"}},
            "unchanged": {"type": "integer"},
        }),
    );
    schemas["changes"] = object(
        &["changes"],
        json!({
            "changes": {"type": "array", "items": {"type": "object"}}, "next": maybe,
        }),
    );
}

/// Templates and invitations.
fn onboarding(schemas: &mut Json) {
    let text = json!({"type": "string"});
    let item = json!({"$ref": "#/components/schemas/item"});
    schemas["items"] = object(&["items"], json!({"items": {"type": "array", "items": item}}));
    schemas["templates"] = object(
        &["templates"],
        json!({"templates": {"type": "array", "items": object(
            &["id", "title", "about", "questions"],
            json!({"id": text, "title": text, "about": text, "questions": {"type": "array"}}),
        )}}),
    );
    let departure = object(
        &["subject", "key", "justification", "until"],
        json!({
            "subject": text, "key": text, "value": {}, "justification": text, "from": text,
            "until": text,
        }),
    );
    schemas["answers"] = object(
        &["answers"],
        json!({
            "answers": {"type": "object", "description": "By the keys of the questions."},
            "departures": {"type": "array", "items": departure}, "why": text,
        }),
    );
    schemas["invite"] = object(
        &["contact"],
        json!({
            "contact": text, "expires": text,
            "tries": {"type": "integer", "minimum": 1, "maximum": 20}, "why": text,
        }),
    );
    schemas["invited"] = object(
        &["secret", "ends", "invitation"],
        json!({"secret": text, "ends": text, "invitation": item}),
    );
    schemas["given"] = object(
        &["contacts"],
        json!({
            "contacts": {"type": "array", "maxItems": 10, "items": object(
                &["name", "email"], json!({"name": text, "email": text, "for": text}),
            )},
            "trust_path": object(
                &["kind", "issuer"], json!({"kind": {"enum": ["oidc", "saml"]}, "issuer": text}),
            ),
            "domains": {"type": "array", "maxItems": 10, "items": text},
            "keys": {"type": "array", "maxItems": 20, "items": object(
                &["identity", "kind", "handle"],
                json!({
                    "identity": text, "kind": {"enum": ["client_key", "certificate"]},
                    "handle": text, "until": text,
                }),
            )},
        }),
    );
}

/// Webhooks.
fn of_subscriptions(schemas: &mut Json) {
    let text = json!({"type": "string"});
    let maybe = json!({"type": ["string", "null"]});
    schemas["secret"] = object(&["secret"], json!({"secret": text}));
    schemas["deliveries"] = object(
        &["deliveries"],
        json!({"deliveries": {"type": "array", "items": object(
            &["id", "state", "at", "tries", "next_try", "sent", "error"],
            json!({
                "id": text, "state": {"enum": ["waiting", "sent", "given_up"]}, "at": text,
                "tries": {"type": "integer"}, "next_try": maybe, "sent": maybe, "error": maybe,
            }),
        )}}),
    );
    schemas["subscription_document"] = object(
        &["id", "url", "events"],
        json!({
            "id": text,
            "url": {
                "type": "string", "maxLength": 2048,
                "description": "Where changes are posted, after Standard Webhooks.",
            },
            "events": {
                "type": "array", "minItems": 1, "maxItems": 50, "items": text,
                "description": "Such as `grant.approve`, `grant.*` or `*`.",
            },
        }),
    );
}

fn object(required: &[&str], properties: Json) -> Json {
    json!({"type": "object", "required": required, "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there() {
        let document = document();
        let text = document.to_string();
        let names = text.split("\"#/components/schemas/").skip(1);
        let names: Vec<&str> = names.filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() > 100);
        for name in names {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        for route in routes() {
            let path = route.path.replace("{*", "{");
            let operation = &document["paths"][path][route.method.documented()[0]];
            assert!(
                operation["responses"].as_object().is_some_and(|all| all.len() > 1),
                "{route:?}"
            );
        }
    }
}
