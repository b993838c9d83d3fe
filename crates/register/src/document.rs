//! Items of the register as JSON, one at a time: what the API carries and the store keeps. The keys
//! are those of the YAML, from the same shapes.

use countersign_model::register::Register;
use serde_json::{Map, Value as Json};

use crate::check::{Check, Ids};
use crate::item::Item;
use crate::known::Known;
use crate::mistake::{Mistakes, Place};
use crate::noun::{Noun, SETTINGS_SHAPE, TOP, fields, read_into};
use crate::rules;
use crate::shape::{Kind, Shape};
use crate::yaml::{Entry, Node, Value};

/// What a register says that belongs to no item: `company`, `own` and `privileged`.
pub const SETTINGS: &str = "settings";
/// The id of that one document.
pub const SETTINGS_ID: &str = "register";

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// As [`Noun::singular`] calls it, or [`SETTINGS`].
    pub noun: &'static str,
    pub id: String,
    /// Canonical: keys in the order of the shape, nothing that is not known.
    pub body: Json,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer (RFC 6901) into the document.
    pub pointer: String,
    pub message: String,
    /// What would work, if it can be said.
    pub fix: Option<String>,
}

/// An id of another item that a document names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub noun: &'static str,
    pub id: String,
    pub pointer: String,
}

/// All items of a register, nouns in their order, items by id, the settings first.
pub fn documents(register: &Register) -> Vec<Document> {
    let settings = settings(register).map(|body| Document {
        noun: SETTINGS,
        id: SETTINGS_ID.to_owned(),
        body,
    });
    let items = Noun::WITH_ID.into_iter().flat_map(|noun| {
        fields(register, noun).into_iter().map(move |item| {
            let body = item.into_json();
            let id = body["id"].as_str().unwrap_or_default().to_owned();
            Document { noun: noun.singular(), id, body }
        })
    });
    settings.into_iter().chain(items).collect()
}

fn settings(register: &Register) -> Option<Json> {
    let mut body = Map::new();
    if let Some(company) = &register.company {
        body.insert("company".to_owned(), company.as_str().into());
    }
    for noun in [Noun::Own, Noun::Privileged] {
        let items: Vec<Json> =
            fields(register, noun).into_iter().map(crate::write::Fields::into_json).collect();
        if !items.is_empty() {
            body.insert(noun.key().to_owned(), items.into());
        }
    }
    (!body.is_empty()).then_some(Json::Object(body))
}

/// Reads one document into `register`, checking its form but not whether what it refers to exists:
/// [`references`] lists that.
///
/// # Errors
/// Every fault at once; `register` is then as it was.
pub fn read_document(register: &mut Register, noun: &str, body: &Json) -> Result<(), Vec<Fault>> {
    let mut pointers = Vec::new();
    let node = node_of(body, String::new(), &mut pointers);
    let mut mistakes = Mistakes::default();
    let ids = Ids::new();
    let known = Known::default();
    let mut check = Check { ids: &ids, complete: false, known: &known, mistakes: &mut mistakes };
    let shape = shape_of(noun).ok_or_else(|| {
        vec![Fault { pointer: String::new(), message: format!("no noun `{noun}`"), fix: None }]
    })?;
    check.map(&node, shape);
    let mut read = Register::default();
    put(&mut read, noun, &node);
    if let Some(noun) = Noun::of_singular(noun) {
        let id = Item(&node).text("id").unwrap_or_default();
        let sites = [(noun, [(id.as_str(), &node)].into())].into();
        rules::check(&read, &sites, &mut mistakes);
    }
    let faults = mistakes.into_sorted(&[]);
    if !faults.is_empty() {
        return Err(faults
            .into_iter()
            .map(|mistake| Fault {
                pointer: pointers.get(mistake.line).cloned().unwrap_or_default(),
                message: mistake.message,
                fix: mistake.fix,
            })
            .collect());
    }
    put(register, noun, &node);
    Ok(())
}

/// Reads a document that was checked when it was written.
pub fn restore_document(register: &mut Register, noun: &str, body: &Json) {
    put(register, noun, &node_of(body, String::new(), &mut Vec::new()));
}

fn put(register: &mut Register, noun: &str, node: &Node) {
    match Noun::of_singular(noun) {
        Some(noun) => read_into(register, noun, Item(node)),
        None => {
            register.company = Item(node).text("company");
            for noun in [Noun::Own, Noun::Privileged] {
                for item in Item(node).maps(noun.key()) {
                    read_into(register, noun, item);
                }
            }
        }
    }
}

/// The items that a document names.
pub fn references(noun: &str, body: &Json) -> Vec<Reference> {
    let mut found = Vec::new();
    if let Some(shape) = shape_of(noun) {
        collect(body, &Kind::Map(shape), "", &mut found);
    }
    found
}

fn collect(value: &Json, kind: &Kind, pointer: &str, found: &mut Vec<Reference>) {
    match (kind, value) {
        (Kind::Map(shape), Json::Object(map)) => {
            for (key, value) in map {
                if let Some(field) = shape.field(key) {
                    collect(value, &field.kind, &format!("{pointer}/{key}"), found);
                }
            }
        }
        (Kind::List(kind), Json::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                collect(item, kind, &format!("{pointer}/{at}"), found);
            }
        }
        (Kind::Ref(noun), Json::String(id)) => {
            found.push(Reference {
                noun: noun.singular(),
                id: id.clone(),
                pointer: pointer.to_owned(),
            });
        }
        (Kind::Subject, Json::String(subject)) => {
            if let Some((noun, id)) = subject.split_once(':')
                && let Some(noun) = Noun::of_singular(noun)
            {
                let (id, pointer) = (id.to_owned(), pointer.to_owned());
                found.push(Reference { noun: noun.singular(), id, pointer });
            }
        }
        _ => (),
    }
}

pub(crate) fn shape_of(noun: &str) -> Option<&'static Shape> {
    if noun == SETTINGS {
        return Some(&SETTINGS_SHAPE);
    }
    let key = Noun::of_singular(noun)?.key();
    match TOP.field(key)?.kind {
        Kind::List(Kind::Map(shape)) => Some(shape),
        _ => None,
    }
}

/// A tree whose places count the nodes: the place's line is the index of the node's pointer.
fn node_of(value: &Json, pointer: String, pointers: &mut Vec<String>) -> Node {
    let place = Place { file: 0, line: pointers.len(), column: 0 };
    pointers.push(pointer.clone());
    let is_quoted = matches!(value, Json::String(_));
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Scalar(flag.to_string()),
        Json::Number(number) => Value::Scalar(number.to_string()),
        Json::String(text) => Value::Scalar(text.clone()),
        Json::Array(items) => Value::List(
            items
                .iter()
                .enumerate()
                .map(|(at, item)| node_of(item, format!("{pointer}/{at}"), pointers))
                .collect(),
        ),
        Json::Object(map) => Value::Map(
            map.iter()
                .map(|(key, value)| {
                    let escaped = key.replace('~', "~0").replace('/', "~1");
                    let node = node_of(value, format!("{pointer}/{escaped}"), pointers);
                    Entry { key: key.clone(), place: node.place, node }
                })
                .collect(),
        ),
    };
    Node { place, value, is_quoted }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{parse, write};

    const REGISTER: &str = include_str!("../../../examples/invictus/register.yaml");

    #[test]
    fn a_register_survives_as_documents() {
        let (register, mistakes) = parse(&[("register.yaml".to_owned(), REGISTER.to_owned())]);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let mut read = Register::default();
        for document in documents(&register) {
            read_document(&mut read, document.noun, &document.body).unwrap();
        }
        assert_eq!(write(&read), write(&register));
    }

    #[test]
    fn every_fault_has_its_pointer() {
        let mut register = Register::default();
        let body = json!({"id": "g 1", "entitlement": "e", "until": "yesterday", "oops": 1});
        let faults = read_document(&mut register, "grant", &body).unwrap_err();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["", "/id", "/until", "/oops"], "{faults:#?}");
        assert!(register.grants.is_empty());
    }

    #[test]
    fn references_are_listed_wherever_they_stand() {
        let body = json!({"id": "g", "entitlement": "e", "identity": "i", "passed_on_from": "p"});
        let found: Vec<String> = references("grant", &body)
            .into_iter()
            .map(|reference| format!("{} {} {}", reference.pointer, reference.noun, reference.id))
            .collect();
        assert_eq!(
            found,
            ["/entitlement entitlement e", "/identity identity i", "/passed_on_from grant p"]
        );
    }
}
