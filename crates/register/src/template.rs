//! Onboarding templates: a few questions, and the items of the register that the answers make.
//!
//! A template is YAML: `template`, `title`, `about`, `questions`, and `makes`, which has the form of a
//! register with placeholders: `{id}` is an answer, `{from+90d}` a time reckoned from one. A key whose
//! answer is optional and not given is left out; an item without a key that it needs as well.
//!
//! Whatever is to be otherwise than the template makes it is a [`Departure`]: it changes one key of
//! one item and becomes an exception with approver and end. There is no other way round a template.

mod answers;
mod departures;
mod fill;
mod placeholders;

use std::collections::BTreeMap;

use countersign_model::register::Register;

use crate::check::is_slug;
use crate::mistake::{Mistake, Mistakes, Place};
use crate::noun::Noun;
use crate::shape::{Kind, TEXTS};
use crate::suggest::{did_you_mean, shown};
use crate::yaml::{self, Node, Value};

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    pub id: String,
    /// What it is for, in a few words.
    pub title: String,
    /// What it sets and why, for whoever fills it in.
    pub about: String,
    pub questions: Vec<Question>,
    makes: Node,
    file: String,
}

/// One thing that only people know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// By which an answer names it.
    pub key: String,
    /// What an answer is: one of [`Question::KINDS`].
    pub kind: &'static str,
    /// The question as a sentence.
    pub ask: String,
    /// Nothing that needs it is made without it.
    pub is_optional: bool,
}

impl Question {
    /// Kinds of answers. `networks` and `texts` are lists; `sponsor`, `entitlement`, `tenant` and
    /// `organization` are ids of the register that the result is put into.
    pub const KINDS: [&'static str; 11] = [
        "slug",
        "text",
        "time",
        "duration",
        "handle",
        "networks",
        "texts",
        "sponsor",
        "entitlement",
        "tenant",
        "organization",
    ];

    fn of(&self) -> &'static Kind {
        match self.kind {
            "slug" => &Kind::Slug,
            "time" => &Kind::Time,
            "duration" => &Kind::Duration,
            "handle" => &Kind::Handle,
            "networks" => &Kind::List(&Kind::Network),
            "texts" => &TEXTS,
            "sponsor" => &Kind::Ref(Noun::Sponsor),
            "entitlement" => &Kind::Ref(Noun::Entitlement),
            "tenant" => &Kind::Ref(Noun::Tenant),
            "organization" => &Kind::Ref(Noun::Organization),
            _ => &Kind::Text,
        }
    }
}

/// An answer to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    One(String),
    Many(Vec<String>),
}

/// One key of one item that is to be otherwise than the template makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// The noun in the singular and the id, such as `trust_path:acme-oidc`.
    pub subject: String,
    pub key: String,
    /// The value as YAML, such as `2027-01-01` or `{aal: 1}`; `None` leaves the key out.
    pub value: Option<String>,
    /// A sponsor's id.
    pub approved_by: String,
    pub justification: String,
    /// RFC 3339 or a date.
    pub from: String,
    /// Never `never`.
    pub until: String,
}

/// What somebody filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// By the keys of the questions.
    pub answers: BTreeMap<String, Answer>,
    pub departures: Vec<Departure>,
    /// Where each answer and departure stands, if they were read from a file.
    places: BTreeMap<String, Place>,
    departed_at: Vec<Place>,
    file: String,
}

impl Template {
    /// Reads a template; `file` is how messages call it.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        let files = [(file.to_owned(), text.to_owned())];
        let mut mistakes = Mistakes::default();
        let template = read(file, text, &mut mistakes);
        let mistakes = mistakes.into_sorted(&files);
        match template {
            Some(template) if mistakes.is_empty() => Ok(template),
            _ => Err(mistakes),
        }
    }

    /// The items that the answers make, as a register of their own: references to sponsors,
    /// entitlements and tenants resolve in the register they are put into.
    ///
    /// # Errors
    /// Every mistake in the answers and departures, with what would work.
    pub fn fill(&self, answers: &Answers) -> Result<Register, Vec<Mistake>> {
        fill::fill(self, answers)
    }
}

impl Answers {
    /// Reads a file of answers; gives the id of the template it is for as well.
    ///
    /// # Errors
    /// Every mistake in its form.
    pub fn parse(file: &str, text: &str) -> Result<(String, Self), Vec<Mistake>> {
        answers::parse(file, text)
    }

    fn place(&self, key: &str) -> Place {
        self.places.get(key).copied().unwrap_or(NOWHERE)
    }
}

/// The file as a whole.
const NOWHERE: Place = Place { file: 0, line: 0, column: 0 };

/// The one document of a file, which must be a mapping with only these keys.
fn document(
    text: &str,
    name: &'static str,
    keys: &[&'static str],
    mistakes: &mut Mistakes,
) -> Option<Node> {
    let mut nodes = NODES_MAX;
    let mut documents = yaml::read(0, text, &mut nodes, mistakes)?;
    let document = if documents.len() == 1 { documents.pop() } else { None };
    let Some(document) = document.filter(|node| matches!(node.value, Value::Map(_))) else {
        let fix = format!("write keys and values: {}", keys.join(", "));
        mistakes.push(NOWHERE, format!("{name} is one mapping"), Some(fix));
        return None;
    };
    known_keys(&document, name, keys, mistakes);
    Some(document)
}

/// No honest template or set of answers comes near it.
const NODES_MAX: usize = 20_000;

fn known_keys(node: &Node, name: &str, keys: &[&'static str], mistakes: &mut Mistakes) {
    let Value::Map(entries) = &node.value else { return };
    for entry in entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
        let fix = did_you_mean(&entry.key, keys, "its keys are");
        mistakes.push(entry.place, format!("{name} has no key {}", shown(&entry.key)), Some(fix));
    }
}

/// A text that must be there.
fn text(node: &Node, name: &str, key: &str, mistakes: &mut Mistakes) -> String {
    match node.get(key).and_then(Node::scalar).filter(|text| !text.trim().is_empty()) {
        Some(text) => text.to_owned(),
        None => {
            let place = node.get(key).map_or(node.place, |node| node.place);
            let fix = Some("write a text".to_owned());
            mistakes.push(place, format!("{name} needs `{key}`"), fix);
            String::new()
        }
    }
}

fn read(file: &str, source: &str, mistakes: &mut Mistakes) -> Option<Template> {
    let keys = ["template", "title", "about", "questions", "makes"];
    let mut document = document(source, "a template", &keys, mistakes)?;
    let mut questions: Vec<Question> = Vec::new();
    for node in document.get("questions").map_or(&[][..], Node::list) {
        let question = question(node, mistakes);
        if questions.iter().any(|known| known.key == question.key) {
            let message = format!("{} is asked twice", shown(&question.key));
            mistakes.push(node.place, message, Some("give one another key".to_owned()));
        }
        questions.push(question);
    }
    let [id, title, about] =
        ["template", "title", "about"].map(|key| text(&document, "a template", key, mistakes));
    let makes = match &mut document.value {
        Value::Map(entries) => entries.iter().position(|entry| entry.key == "makes").map(|at| {
            let entry = entries.swap_remove(at);
            entry.node
        }),
        Value::Null | Value::Scalar(_) | Value::List(_) => None,
    };
    let Some(makes) = makes.filter(|node| matches!(node.value, Value::Map(_))) else {
        let fix = "write the items in the form of a register".to_owned();
        mistakes.push(document.place, "a template needs `makes`".to_owned(), Some(fix));
        return None;
    };
    let template = Template { id, title, about, questions, makes, file: file.to_owned() };
    placeholders::check(&template, mistakes);
    Some(template)
}

fn question(node: &Node, mistakes: &mut Mistakes) -> Question {
    let name = "a question";
    known_keys(node, name, &["key", "kind", "ask", "optional"], mistakes);
    let key = text(node, name, "key", mistakes);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !is_slug(&key) || !key.bytes().all(plain) {
        let fix = Some("a key has small letters, digits and `_`".to_owned());
        mistakes.push(node.place, format!("{} is no key", shown(&key)), fix);
    }
    let kind = text(node, name, "kind", mistakes);
    let known = Question::KINDS.into_iter().find(|known| *known == kind);
    if known.is_none() && !kind.is_empty() {
        let fix = did_you_mean(&kind, &Question::KINDS, "it is one of");
        mistakes.push(node.place, format!("`kind` is {}", shown(&kind)), Some(fix));
    }
    let is_optional = match node.get("optional").map(Node::scalar) {
        None | Some(Some("false")) => false,
        Some(Some("true")) => true,
        Some(_) => {
            let fix = Some("write `true` or `false`".to_owned());
            mistakes.push(node.place, "`optional` is neither true nor false".to_owned(), fix);
            false
        }
    };
    let ask = text(node, name, "ask", mistakes);
    Question { key, kind: known.unwrap_or("text"), ask, is_optional }
}
