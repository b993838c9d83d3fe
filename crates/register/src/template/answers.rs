//! A file of answers: `template`, `answers` by key, `departures`.

use std::collections::BTreeMap;

use super::{Answer, Answers, Departure, document, known_keys, text};
use crate::mistake::{Mistake, Mistakes, Place};
use crate::yaml::{Node, Value};

pub(super) fn parse(file: &str, source: &str) -> Result<(String, Answers), Vec<Mistake>> {
    let files = [(file.to_owned(), source.to_owned())];
    let mut mistakes = Mistakes::default();
    let read = read(file, source, &mut mistakes);
    let mistakes = mistakes.into_sorted(&files);
    match read {
        Some(read) if mistakes.is_empty() => Ok(read),
        _ => Err(mistakes),
    }
}

fn read(file: &str, source: &str, mistakes: &mut Mistakes) -> Option<(String, Answers)> {
    let name = "a file of answers";
    let document = document(source, name, &["template", "answers", "departures"], mistakes)?;
    let template = text(&document, name, "template", mistakes);
    let mut answers = Answers { file: file.to_owned(), ..Answers::default() };
    match document.get("answers").map(|node| (&node.value, node.place)) {
        Some((Value::Map(entries), _)) => {
            for entry in entries {
                match answer(&entry.node) {
                    Some(answer) => drop(answers.answers.insert(entry.key.clone(), answer)),
                    None => mistakes.push(
                        entry.node.place,
                        "an answer is one value or a list of values".to_owned(),
                        Some("leave it out if it is not known".to_owned()),
                    ),
                }
                answers.places.insert(entry.key.clone(), entry.node.place);
            }
        }
        Some((_, place)) => wrong_form("answers", "keys and values", place, mistakes),
        None => {}
    }
    match document.get("departures").map(|node| (&node.value, node.place)) {
        Some((Value::List(items), _)) => {
            for item in items {
                answers.departures.push(departure(item, mistakes));
                answers.departed_at.push(item.place);
            }
        }
        Some((_, place)) => wrong_form("departures", "a list", place, mistakes),
        None => {}
    }
    Some((template, answers))
}

fn wrong_form(key: &str, form: &str, place: Place, mistakes: &mut Mistakes) {
    mistakes.push(place, format!("`{key}` is of another form"), Some(format!("write {form}")));
}

fn answer(node: &Node) -> Option<Answer> {
    match &node.value {
        Value::Scalar(text) => Some(Answer::One(text.clone())),
        Value::List(items) => {
            let texts = items.iter().map(|item| item.scalar().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>().map(Answer::Many)
        }
        Value::Null | Value::Map(_) => None,
    }
}

fn departure(node: &Node, mistakes: &mut Mistakes) -> Departure {
    const KEYS: [&str; 7] =
        ["subject", "key", "value", "approved_by", "justification", "from", "until"];
    let name = "a departure";
    known_keys(node, name, &KEYS, mistakes);
    let value = node.get("value").and_then(|value| match value.scalar() {
        Some(text) => Some(text.to_owned()),
        None => {
            let fix = "put what is more than one value into quotes, such as \"{aal: 1}\"";
            let message = "`value` is a text of YAML".to_owned();
            mistakes.push(value.place, message, Some(fix.to_owned()));
            None
        }
    });
    let mut given: BTreeMap<&str, String> = BTreeMap::new();
    for key in KEYS.into_iter().filter(|key| *key != "value") {
        given.insert(key, text(node, name, key, mistakes));
    }
    let mut take = |key: &str| given.remove(key).unwrap_or_default();
    Departure {
        subject: take("subject"),
        key: take("key"),
        value,
        approved_by: take("approved_by"),
        justification: take("justification"),
        from: take("from"),
        until: take("until"),
    }
}
