//! The shapes as a JSON Schema (draft 2020-12), for editors and for whoever generates registers.

use serde_json::{Map, Value, json};

use crate::check::{EMAIL_BYTES_MAX, SLUG_BYTES_MAX};
use crate::document::{SETTINGS, shape_of};
use crate::noun::{Noun, SETTINGS_SHAPE, TOP};
use crate::properties::NAME_BYTES_MAX;
use crate::shape::{Field, Kind, Need, Shape};
use crate::template::Question;
use crate::yaml::KEYS_MAX;

/// The schema of one document of a register. What it cannot say (that references resolve, that
/// `from` is before `until`) only [`crate::parse`] checks.
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://countersign.example/schema/register.schema.json",
        "title": "Countersign register",
        "description": "What a company knows about everyone and everything outside its directory. \
                        Absent means unknown, never a pass.",
    });
    if let Value::Object(schema) = &mut schema {
        schema.extend(of_shape(&TOP));
        schema.insert("$defs".to_owned(), definitions());
    }
    schema
}

/// The schema of an onboarding template. That placeholders name questions, and that what is made of the
/// answers is a register, only [`crate::Template::parse`] and [`crate::Template::fill`] check.
pub fn template_schema() -> Value {
    let mut makes = Value::Object(of_shape(&TOP));
    with_placeholders(&mut makes);
    let mut defs = definitions();
    let placeholder = r"\{[a-z0-9][a-z0-9_]*([+-]\d+[dhms])?\}";
    defs["placeholder"] = json!({
        "type": "string", "pattern": placeholder,
        "description": "`{key}` is an answer, `{key+90d}` a time reckoned from one.",
    });
    defs["list_of_answers"] = json!({ "type": "string", "pattern": r"^\{[a-z0-9][a-z0-9_]*\}$" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://countersign.example/schema/template.schema.json",
        "title": "Countersign onboarding template",
        "description": "A few questions, and the items of a register that the answers make.",
        "type": "object",
        "additionalProperties": false,
        "required": ["template", "title", "about", "makes"],
        "properties": {
            "template": described("text", "Its id."),
            "title": described("text", "What it is for, in a few words."),
            "about": described("text", "What it sets, and why."),
            "questions": {
                "type": "array",
                "description": "What only people know.",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["key", "kind", "ask"],
                    "properties": {
                        "key": {
                            "type": ["string", "integer"], "pattern": "^[a-z0-9][a-z0-9_]*$",
                            "maxLength": SLUG_BYTES_MAX,
                            "description": "By which a placeholder names the answer.",
                        },
                        "kind": {
                            "enum": Question::KINDS, "description": "What an answer is.",
                        },
                        "ask": described("text", "The question as a sentence."),
                        "optional": {
                            "type": "boolean",
                            "description": "Nothing that needs it is made without it.",
                        },
                    },
                },
            },
            "makes": makes,
        },
        "$defs": defs,
    })
}

fn described(definition: &str, description: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{definition}"), "description": description })
}

/// In a template each value may have placeholders, each list may be the answer that is one, and which of
/// several keys there is may depend on what was answered.
fn with_placeholders(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    map.remove("oneOf");
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(with_placeholders);
        return;
    }
    let placeholder = match map.get_mut("items") {
        Some(items) => {
            with_placeholders(items);
            "list_of_answers"
        }
        None => "placeholder",
    };
    let description = map.shift_remove("description");
    let own = Value::Object(std::mem::take(map));
    let other = json!({ "$ref": format!("#/$defs/{placeholder}") });
    map.insert("anyOf".to_owned(), json!([own, other]));
    map.extend(description.map(|description| ("description".to_owned(), description)));
}

/// The schema of each noun's document, as `<noun>_document`, and what they refer to, for a document
/// that keeps its schemas under `prefix`.
pub fn document_schemas(prefix: &str) -> Vec<(String, Value)> {
    let mut schemas: Vec<(String, Value)> = Noun::WITH_ID
        .iter()
        .filter_map(|noun| Some((noun.singular(), shape_of(noun.singular())?)))
        .chain([(SETTINGS, &SETTINGS_SHAPE)])
        .map(|(noun, shape)| (format!("{noun}_document"), Value::Object(of_shape(shape))))
        .collect();
    if let Value::Object(definitions) = definitions() {
        schemas.extend(definitions);
    }
    for (_, schema) in &mut schemas {
        let moved = schema.to_string().replace("#/$defs/", &format!("{prefix}/"));
        *schema = moved.parse().expect("a prefix of letters and slashes keeps it JSON");
    }
    schemas
}

fn definitions() -> Value {
    let slug = format!("^[A-Za-z0-9][A-Za-z0-9._-]{{0,{}}}$", SLUG_BYTES_MAX - 1);
    let time = r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?$";
    let subjects: Vec<&str> = Noun::WITH_ID.iter().map(|noun| noun.singular()).collect();
    json!({
        // YAML reads an account number without quotes as a number; the register takes it as text.
        "text": { "type": ["string", "number", "boolean"], "pattern": r"\S" },
        "slug": { "type": ["string", "number"], "pattern": slug },
        "time": { "type": "string", "pattern": time },
        "end": { "anyOf": [{ "const": "never" }, { "$ref": "#/$defs/time" }] },
        "properties": {
            "type": "object",
            "propertyNames": { "minLength": 1, "maxLength": NAME_BYTES_MAX },
            "maxProperties": KEYS_MAX,
            "additionalProperties": { "$ref": "#/$defs/value" },
        },
        "value": {
            "anyOf": [
                { "type": ["boolean", "integer", "string"] },
                { "type": "array", "items": { "$ref": "#/$defs/value" } },
                { "$ref": "#/$defs/properties" },
            ],
        },
        "duration": { "type": "string", "pattern": r"^\d+[dhms]$" },
        "network": { "type": "string", "pattern": r"^[0-9A-Fa-f:.]+/\d{1,3}$" },
        "email": { "type": "string", "maxLength": EMAIL_BYTES_MAX, "pattern": r"^[!-?A-~]+@[!-?A-~]+$" },
        "source": { "type": "string", "pattern": r"^[a-z0-9_]+(\.[a-z0-9_]+)*$" },
        "code": { "type": "string", "pattern": r"^[a-z0-9_]+(\.[a-z0-9_]+)+$" },
        "subject": {
            "type": "string",
            "pattern": format!("^({}):[A-Za-z0-9][A-Za-z0-9._-]*$", subjects.join("|")),
        },
    })
}

fn of_shape(shape: &Shape) -> Map<String, Value> {
    let properties: Map<String, Value> =
        shape.fields.iter().map(|field| (field.key.to_owned(), of_field(field))).collect();
    let required: Vec<&str> = shape
        .fields
        .iter()
        .filter(|field| field.need == Need::Required)
        .map(|field| field.key)
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let choice: Vec<Value> =
        shape.alternatives().iter().map(|key| json!({ "required": [key] })).collect();
    if !choice.is_empty() {
        schema.insert("oneOf".to_owned(), Value::Array(choice));
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema
}

fn of_field(field: &Field) -> Value {
    let mut schema = of_kind(&field.kind);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(field.doc));
        // `tenants:` with all its items commented out is a list of none.
        if Noun::of_key(field.key).is_some() && matches!(field.kind, Kind::List(Kind::Map(_))) {
            schema.insert("type".to_owned(), json!(["array", "null"]));
        }
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    let definition = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    match kind {
        Kind::Text | Kind::Handle => definition("text"),
        Kind::Slug | Kind::Ref(_) => definition("slug"),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Time => definition("time"),
        Kind::End => definition("end"),
        Kind::Duration => definition("duration"),
        Kind::Level(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Network => definition("network"),
        Kind::Email => definition("email"),
        Kind::OneOf(values) => json!({ "enum": values() }),
        Kind::Source => definition("source"),
        Kind::Code => definition("code"),
        Kind::Subject => definition("subject"),
        Kind::Properties => definition("properties"),
        Kind::Cedar | Kind::CedarSchema => json!({ "type": "string", "pattern": r"\S" }),
        Kind::List(kind) => json!({ "type": "array", "items": of_kind(kind) }),
        Kind::Map(shape) => Value::Object(of_shape(shape)),
    }
}
