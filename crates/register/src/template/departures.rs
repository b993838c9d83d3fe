//! Departures from a template: each changes one key of one item and becomes an exception.

use super::{Departure, NODES_MAX};
use crate::mistake::{Mistakes, Place};
use crate::noun::Noun;
use crate::scalar::time;
use crate::suggest::{did_you_mean, shown};
use crate::yaml::{self, Entry, Node, Value};

/// Changes one key of one item and gives the exception that records it; `None` if nothing differs.
pub(super) fn depart(
    made: &mut Node,
    departure: &Departure,
    place: Place,
    mistakes: &mut Mistakes,
) -> Option<Node> {
    let Departure { subject, key, value, .. } = departure;
    let mut refuse = |message: String, fix: String| {
        mistakes.push(place, message, Some(fix));
        None
    };
    let subjects = subjects(made);
    let named: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let Some(item) = item_mut(made, subject) else {
        let fix = did_you_mean(subject, &named, "it makes");
        return refuse(format!("the template makes no {}", shown(subject)), fix);
    };
    if key == "id" {
        return refuse("an id is no departure".to_owned(), "answer otherwise".to_owned());
    }
    let new = match value.as_deref().map(|text| parse_value(text, place)) {
        None => None,
        Some(Some(node)) => Some(node),
        Some(None) => {
            let text = shown(value.as_deref().unwrap_or_default());
            let fix = "write a value such as `2027-01-01` or `{aal: 1}`".to_owned();
            return refuse(format!("{text} is no value"), fix);
        }
    };
    let Value::Map(entries) = &mut item.value else { return None };
    let at = entries.iter().position(|entry| entry.key == *key);
    let same = match (at.and_then(|at| entries.get(at)), &new) {
        (Some(old), Some(new)) => is_same(&old.node, new),
        (None, None) => true,
        _ => false,
    };
    if same {
        return None;
    }
    match (at, new) {
        (Some(at), Some(node)) => entries[at].node = node,
        (Some(at), None) => drop(entries.remove(at)),
        (None, Some(node)) => entries.push(Entry { key: key.clone(), place, node }),
        (None, None) => {}
    }
    Some(exception(departure, place))
}

fn parse_value(text: &str, place: Place) -> Option<Node> {
    let mut nodes = NODES_MAX;
    let mut refused = Mistakes::default();
    let mut documents = yaml::read(0, text, &mut nodes, &mut refused)?;
    let node = documents.pop().filter(|_| documents.is_empty() && !refused.is_any())?;
    Some(at(node, place))
}

/// The node with all places replaced: those of a value inside a text mean nothing.
fn at(node: Node, place: Place) -> Node {
    let is_quoted = node.is_quoted;
    let value = match node.value {
        Value::List(items) => Value::List(items.into_iter().map(|item| at(item, place)).collect()),
        Value::Map(entries) => {
            let entry = |entry: Entry| Entry { key: entry.key, place, node: at(entry.node, place) };
            Value::Map(entries.into_iter().map(entry).collect())
        }
        other => other,
    };
    Node { place, value, is_quoted }
}

fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Null, Value::Null) => true,
        (Value::Scalar(one), Value::Scalar(other)) => {
            one == other || time(one).is_some_and(|at| time(other) == Some(at))
        }
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Map(one), Value::Map(entries)) => {
            let found = |entry: &Entry| {
                other.get(&entry.key).is_some_and(|other| is_same(&entry.node, other))
            };
            one.len() == entries.len() && one.iter().all(found)
        }
        _ => false,
    }
}

fn exception(departure: &Departure, place: Place) -> Node {
    let Departure { subject, key, approved_by, justification, from, until, .. } = departure;
    let (_, id) = subject.split_once(':').unwrap_or(("", subject));
    let entries = [
        ("id", format!("{id}.{key}")),
        ("rule", format!("template.{key}")),
        ("subject", subject.clone()),
        ("approved_by", approved_by.clone()),
        ("justification", justification.clone()),
        ("from", from.clone()),
        ("until", until.clone()),
    ];
    let entry = |(key, text): (&str, String)| Entry {
        key: key.to_owned(),
        place,
        node: Node::text(place, text),
    };
    Node::of(place, Value::Map(entries.into_iter().map(entry).collect()))
}

pub(super) fn put_exceptions(made: &mut Node, exceptions: Vec<Node>) {
    let place = made.place;
    let Value::Map(entries) = &mut made.value else { return };
    if exceptions.is_empty() {
        return;
    }
    let key = Noun::Exception.key();
    if let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) {
        if let Value::List(items) = &mut entry.node.value {
            items.extend(exceptions);
        }
        return;
    }
    let node = Node::of(place, Value::List(exceptions));
    entries.push(Entry { key: key.to_owned(), place, node });
}

/// `noun:id` of every item.
fn subjects(made: &Node) -> Vec<String> {
    let of = |noun: Noun| {
        let items = made.get(noun.key()).map_or(&[][..], Node::list).iter();
        let ids = items.filter_map(|item| item.get("id").and_then(Node::scalar));
        ids.map(move |id| format!("{}:{id}", noun.singular()))
    };
    Noun::WITH_ID.into_iter().flat_map(of).collect()
}

fn item_mut<'n>(made: &'n mut Node, subject: &str) -> Option<&'n mut Node> {
    let (name, id) = subject.split_once(':')?;
    let noun = Noun::WITH_ID.into_iter().find(|noun| noun.singular() == name)?;
    let Value::Map(entries) = &mut made.value else { return None };
    let entry = entries.iter_mut().find(|entry| entry.key == noun.key())?;
    let Value::List(items) = &mut entry.node.value else { return None };
    items.iter_mut().find(|item| item.get("id").and_then(Node::scalar) == Some(id))
}
