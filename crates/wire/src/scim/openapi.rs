//! SCIM in the OpenAPI document.

use serde_json::{Value as Json, json};

use super::{PATCH, Scim, USER};

pub(crate) fn parameters(kind: Scim) -> Vec<Json> {
    let query = |name: &str, kind: &str, description: &str| json!({"in": "query", "name": name, "description": description, "schema": {"type": kind}});
    let mut parameters = Vec::new();
    if kind == Scim::List {
        parameters.push(query("filter", "string", "Such as `userName eq \"ann@example.com\"`."));
        parameters.push(query("startIndex", "integer", "The first to show, from 1."));
        parameters.push(query("count", "integer", "How many to show."));
    }
    if !matches!(kind, Scim::Delete) {
        parameters.push(query("attributes", "string", "Only these."));
        parameters.push(query("excludedAttributes", "string", "Without these."));
    }
    if matches!(kind, Scim::Replace | Scim::Patch | Scim::Delete) {
        parameters.push(json!({
            "in": "header", "name": "if-match", "schema": {"type": "string"},
            "description": "The ETag of the version you read.",
        }));
    }
    parameters
}

pub(crate) fn responses(kind: Scim) -> Json {
    let content = |schema: &str| json!({"application/scim+json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}});
    let mut responses = json!({});
    match kind {
        Scim::Create => {
            responses["201"] = json!({"description": "Made.", "content": content("scim_shown")});
        }
        Scim::Delete => responses["204"] = json!({"description": "They have left."}),
        Scim::Read | Scim::Replace | Scim::Patch => {
            responses["200"] = json!({
                "description": "The user as they are now.", "content": content("scim_shown"),
            });
        }
        Scim::List => {
            responses["200"] = json!({"description": "A page.", "content": content("scim_list")});
        }
        Scim::Config | Scim::ResourceTypes | Scim::ResourceType | Scim::Schemas | Scim::Schema => {
            responses["200"] = json!({
                "description": "What there is.",
                "content": {"application/scim+json": {"schema": {"type": "object"}}},
            });
        }
    }
    responses["default"] = json!({
        "description": "What is wrong, and what would work (RFC 7644, section 3.12).",
        "content": content("scim_error"),
    });
    responses
}

pub(crate) fn add_schemas(schemas: &mut Json) {
    let text = json!({"type": "string"});
    schemas["scim_user"] = json!({
        "type": "object",
        "required": ["userName"],
        "properties": {
            "schemas": {"type": "array", "items": {"const": USER}},
            "id": {"type": "string", "readOnly": true},
            "userName": text, "externalId": text, "displayName": text,
            "name": {"type": "object"},
            "emails": {"type": "array", "items": {"type": "object"}},
            "active": {"type": "boolean"},
            "meta": {"type": "object", "readOnly": true},
        },
    });
    // `attributes` and `excludedAttributes` say what an answer has of it.
    schemas["scim_shown"] = schemas["scim_user"].clone();
    schemas["scim_shown"]["required"] = json!(["id"]);
    schemas["scim_patch"] = json!({
        "type": "object",
        "required": ["schemas", "Operations"],
        "properties": {
            "schemas": {"type": "array", "items": {"const": PATCH}},
            "Operations": {"type": "array", "items": {"type": "object", "required": ["op"]}},
        },
    });
    schemas["scim_list"] = json!({
        "type": "object",
        "required": ["schemas", "totalResults"],
        "properties": {
            "schemas": {"type": "array"}, "totalResults": {"type": "integer"},
            "startIndex": {"type": "integer"}, "itemsPerPage": {"type": "integer"},
            "Resources": {"type": "array", "items": {"$ref": "#/components/schemas/scim_shown"}},
        },
    });
    schemas["scim_error"] = json!({
        "type": "object",
        "required": ["schemas", "status"],
        "properties": {
            "schemas": {"type": "array"}, "status": text, "scimType": text, "detail": text,
        },
    });
    schemas["employees"] = json!({
        "type": "object",
        "required": ["people"],
        "properties": {
            "people": {"type": "array", "items": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": text, "name": text, "email": text, "employed_from": text,
                    "employed_until": text,
                },
            }},
            "complete": {"type": "boolean", "description": "Who is not named has left."},
            "why": text,
        },
    });
}
