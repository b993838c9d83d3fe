//! What applications ask, and what they are answered.

use countersign_app::{RESULTS_MAX, Seek};
use serde_json::{Value as Json, json};

use super::object;
use crate::routes::{Kind, Route};

/// Errors are texts here, as AuthZEN says (section 10.1.2).
pub(super) fn responses(route: &Route) -> Json {
    let name = match route.kind {
        Kind::Evaluation => "decision",
        Kind::Search(Seek::Action) => "found_actions",
        Kind::Search(_) => "found",
        _ => "decisions",
    };
    let schema = json!({"$ref": format!("#/components/schemas/{name}")});
    let content = json!({"application/json": {"schema": schema}});
    let text = json!({"application/json": {"schema": {"type": "string"}}});
    json!({
        "200": {"description": "What is decided, a deny as well.", "content": content},
        "default": {"description": "What is wrong, and what would work.", "content": text},
    })
}

pub(super) fn add_schemas(schemas: &mut Json) {
    let text = json!({"type": "string", "minLength": 1});
    let properties = json!({"type": "object"});
    let thing =
        object(&["type", "id"], json!({"type": text, "id": text, "properties": properties}));
    let action = object(&["name"], json!({"name": text, "properties": properties}));
    let question = json!({
        "subject": thing, "action": action, "resource": thing, "context": {"type": "object"},
    });
    add_searches(schemas, &thing, &action);
    schemas["evaluation"] = object(&["subject", "action", "resource"], question.clone());
    let mut several = question.clone();
    several["evaluations"] = json!({
        "type": "array", "maxItems": crate::authzen::EVALUATIONS_MAX,
        "items": object(&[], question),
    });
    several["options"] = object(
        &[],
        json!({"evaluations_semantic": {
            "enum": ["execute_all", "deny_on_first_deny", "permit_on_first_permit"],
        }}),
    );
    schemas["evaluations"] = object(&[], several);
    past(schemas);
    let decision = object(
        &["decision"],
        json!({"decision": {"type": "boolean"}, "context": {"type": "object"}}),
    );
    schemas["decision"] = decision.clone();
    schemas["decisions"] = object(
        &[],
        json!({
            "evaluations": {"type": "array", "items": decision},
            "decision": {"type": "boolean"}, "context": {"type": "object"},
        }),
    );
}

/// Decisions that were made.
fn past(schemas: &mut Json) {
    let text = json!({"type": "string"});
    let count = json!({"type": "integer", "minimum": 0});
    let request = json!({"$ref": "#/components/schemas/evaluation"});
    let texts = json!({"type": "array", "items": text});
    schemas["judge"] = object(
        &["tenant", "at", "request"],
        json!({"tenant": text, "at": text, "request": request}),
    );
    let file = object(&["name", "text"], json!({"name": text, "text": text}));
    schemas["try_policies"] =
        object(&["files"], json!({"files": {"type": "array", "items": file}, "since": text}));
    let changed = json!({"type": "array", "items": {"type": "object"}});
    schemas["trial"] = object(
        &["tried", "left_out", "changed", "shown"],
        json!({"tried": count, "left_out": count, "changed": count, "shown": changed}),
    );
    let record = json!({"type": "object"});
    schemas["judged"] = object(
        &["then", "now_known", "differ"],
        json!({"then": record, "now_known": record, "differ": {"type": "boolean"}}),
    );
    schemas["explained"] = object(
        &["id", "record", "count", "seq", "reserve", "again"],
        json!({
            "id": text, "record": {"type": ["object", "null"]}, "count": count, "seq": count,
            "reserve": {"type": "boolean"}, "again": {"enum": ["same", "differs", "missing"]},
            "missing": texts, "remade": record,
        }),
    );
    let reason = object(
        &["code", "decisions", "identities", "actions", "first", "last", "examples"],
        json!({
            "code": text, "decisions": count, "identities": count, "actions": texts, "first": text,
            "last": text, "examples": texts,
        }),
    );
    schemas["decisions_report"] = object(
        &[
            "decisions",
            "allowed",
            "refused",
            "would_be_refused",
            "unattributed",
            "reasons",
            "since",
        ],
        json!({
            "decisions": count, "allowed": count, "refused": count, "would_be_refused": count,
            "unattributed": count,
            "reasons": {"type": "array", "items": reason}, "since": text,
        }),
    );
}

fn add_searches(schemas: &mut Json, thing: &Json, action: &Json) {
    let sought = object(&["type"], thing["properties"].clone());
    let page = object(
        &[],
        json!({
            "token": {"type": "string"},
            "limit": {"type": "integer", "minimum": 0, "default": RESULTS_MAX},
        }),
    );
    for seek in Seek::ALL {
        let mut body = json!({
            "subject": thing, "action": action, "resource": thing,
            "context": {"type": "object"}, "page": page,
        });
        let required: &[&str] = match seek {
            Seek::Action => &["subject", "resource"],
            Seek::Subject | Seek::Resource => {
                body[seek.as_str()] = sought.clone();
                &["subject", "action", "resource"]
            }
        };
        schemas[format!("search_{}", seek.as_str())] = object(required, body);
    }
    let text = json!({"type": "string"});
    for (name, result) in [
        ("found", object(&["type", "id"], json!({"type": text, "id": text}))),
        ("found_actions", object(&["name"], json!({"name": text}))),
    ] {
        let page = json!({"next_token": text, "count": {"type": "integer"}});
        schemas[name] = object(
            &["results"],
            json!({
                "page": object(&["next_token"], page), "context": {"type": "object"},
                "results": {"type": "array", "items": result},
            }),
        );
    }
}
