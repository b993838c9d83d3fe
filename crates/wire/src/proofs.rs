//! A proof of an act as JSON: what `GET /v1/changes/{id}/proof` gives and `countersign verify` reads.
//! `docs/ledger-format.md` says how to check it without either.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::{ChangeProof, ItemProof};
use serde_json::{Value as Json, json};

/// What the document says it is.
pub const FORMAT: &str = "countersign.change-proof.v1";

/// The proof. Bytes are base64, a salt and hashes of rows hexadecimal.
pub fn change_proof(proof: &ChangeProof) -> Json {
    let mut body = crate::bodies::change(&proof.change);
    body["format"] = FORMAT.into();
    body["index"] = proof.index.into();
    body["entry"] = STANDARD.encode(&proof.change.leaf).into();
    body["proof"] = proof.proof.as_str().into();
    body["count"] = proof.count.into();
    body["rows"] = proof
        .rows
        .iter()
        .map(|row| json!({"noun": row.noun, "id": row.id, "hash": hex(&row.hash)}))
        .collect();
    body["item"] = proof.item.as_ref().map_or(Json::Null, item);
    body
}

fn item(item: &ItemProof) -> Json {
    let place = item.place.as_ref();
    let path =
        place.map(|(_, path)| path.iter().map(|hash| STANDARD.encode(hash)).collect::<Vec<_>>());
    json!({
        "noun": item.noun,
        "id": item.id,
        "revision": item.rev,
        "row": STANDARD.encode(&item.row),
        "row_index": place.map(|(index, _)| *index),
        "row_path": path,
        "text": item.opening.as_ref().map(|(text, _)| text),
        "salt": item.opening.as_ref().map(|(_, salt)| hex(salt)),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Schemas of what is asked and answered about evidence.
pub(crate) fn schemas() -> [(&'static str, Json); 4] {
    let text = json!({"type": "string"});
    let erase = json!({
        "type": "object", "required": ["order", "ground"], "properties": {
            "order": {"type": "string", "description": "Of the order: a UUID. It is carried out once."},
            "ground": {"type": "string", "description": "A code, such as `gdpr.17.1.b`."},
        },
    });
    let erased = json!({
        "type": "object", "required": ["item", "order", "versions"], "properties": {
            "item": {"$ref": "#/components/schemas/item"}, "order": text,
            "versions": {"type": "integer"},
        },
    });
    let hold = json!({
        "type": "object", "required": ["ground"], "properties": {
            "ground": {"type": "string", "description": "A code, such as `litigation`."},
            "why": text,
        },
    });
    [("change_proof", schema()), ("erase", erase), ("erased", erased), ("hold", hold)]
}

fn schema() -> Json {
    let text = json!({"type": "string"});
    let maybe = json!({"type": ["string", "null"]});
    let number = json!({"type": ["integer", "null"]});
    json!({
        "type": "object",
        "required": ["format", "change", "index", "entry", "proof"],
        "properties": {
            "format": {"const": FORMAT},
            "change": text, "verb": text, "by": text, "at": text, "noun": text, "id": maybe,
            "why": maybe, "revision": {"type": "integer"},
            "index": {"type": "integer", "description": "Of the entry in the ledger."},
            "entry": {"type": "string", "description": "The leaf, in base64."},
            "proof": {"type": "string", "description": "C2SP tlog-proof of the entry."},
            "count": {"type": ["integer", "null"], "description": "Of an act on many items."},
            "rows": {"type": "array", "items": {"type": "object"}},
            "item": {
                "type": ["object", "null"],
                "properties": {
                    "noun": text, "id": text, "revision": {"type": "integer"}, "row": text,
                    "row_index": number, "row_path": {"type": ["array", "null"]},
                    "text": {"type": ["string", "null"], "description": "What is committed to; null once erased."},
                    "salt": maybe,
                },
            },
        },
    })
}
