//! The text form of a case: what differs from `cases/register.yaml`, then questions with answers.
//!
//! `noun.id.key = value` sets, `noun.id.key -` leaves out; `noun.id = {…}` adds an item.

use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use serde_json::Value;

const REGISTER: &str = include_str!("../../cases/register.yaml");

pub fn register() -> Value {
    yaml(REGISTER)
}

pub fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn parse(tree: &Value) -> Register {
    let files = [("register.yaml".to_owned(), tree.to_string())];
    let (register, mistakes) = countersign_register::parse(&files);
    let shown: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert!(mistakes.is_empty(), "{shown:#?}");
    register
}

/// Applies one line: `noun.id.key = value` or `noun.id.key -`.
pub fn edit(tree: &mut Value, line: &str) {
    let (path, value) = match line.strip_suffix(" -") {
        Some(path) => (path, None),
        None => {
            let (path, value) = line.split_once(" = ").expect("an edit sets or leaves out");
            (path, Some(yaml(value)))
        }
    };
    let mut keys = path.split('.');
    let (noun, id) = keys.next().zip(keys.next()).expect("an edit names a noun and an id");
    let items = tree[noun].as_array_mut().expect("each noun is a list");
    let at = items.iter().position(|item| item["id"] == id).unwrap_or_else(|| {
        items.push(serde_json::json!({ "id": id }));
        items.len() - 1
    });
    match (keys.next(), value) {
        (None, None) => drop(items.remove(at)),
        (None, Some(value)) => {
            items[at] = value;
            items[at]["id"] = id.into();
        }
        (Some(key), Some(value)) => items[at][key] = value,
        (Some(key), None) => {
            let gone = items[at].as_object_mut().and_then(|item| item.remove(key));
            gone.unwrap_or_else(|| panic!("{id} has no {key}"));
        }
    }
}

/// The words of a question: `what part=value …`. In a value `_` stands for a space.
pub struct Question<'a> {
    pub what: &'a str,
    words: Vec<&'a str>,
}

impl<'a> Question<'a> {
    pub fn parse(text: &'a str) -> Self {
        let mut words = text.split_whitespace();
        let what = words.next().expect("a question has a word");
        Self { what, words: words.collect() }
    }

    /// The words that are no parts.
    pub fn plain(&self) -> impl Iterator<Item = &'a str> {
        self.words.iter().copied().filter(|word| !word.contains('='))
    }

    pub fn part(&self, name: &str) -> Option<&'a str> {
        let parts = self.words.iter().filter_map(|word| word.split_once('='));
        parts.filter(|(part, _)| *part == name).map(|(_, value)| value).next()
    }

    pub fn list(&self, name: &str) -> Vec<&'a str> {
        self.part(name).into_iter().flat_map(|value| value.split(',')).collect()
    }

    pub fn at(&self) -> Timestamp {
        self.part("at").map_or_else(|| time("2026-03-01"), time)
    }
}

pub fn time(text: &str) -> Timestamp {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let time: jiff::Timestamp = whole.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    Timestamp(i64::try_from(time.as_nanosecond()).expect("a time of our days"))
}

pub fn time_text(time: Timestamp) -> String {
    let text = jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap().to_string();
    text.strip_suffix("T00:00:00Z").unwrap_or(&text).to_owned()
}
