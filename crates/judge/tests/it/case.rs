//! The text form of a case: what differs from `cases/register.yaml`, and a question.
//!
//! ```text
//! The grant ends at that very instant
//!   grants.g-dora.until = 2026-03-01
//!   ask dora at=2026-03-01
//!   => deny
//!      deny      grant.expired  the grant had ended
//!      grant g-dora, path sign-in, accepted aal3 by sign-in: acr=phr
//! ```
//!
//! `noun.id.key = value` sets, `noun.id.key -` leaves out; `noun.id = {…}` adds an item.

use std::collections::BTreeMap;

use countersign_model::assurance::Assurance;
use countersign_model::judgement::{Access, Judgement};
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use serde_json::Value;

const REGISTER: &str = include_str!("../../cases/register.yaml");
const QUESTIONS: &str = include_str!("../../cases/questions.txt");

/// The register of the cases, as a tree to be changed.
pub fn register() -> Value {
    yaml(REGISTER)
}

/// The names of the questions, each of which `register` justifies.
pub fn questions() -> Vec<&'static str> {
    questions_by_name().map(|(name, _)| name).collect()
}

fn questions_by_name() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = QUESTIONS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').expect("a question has a name and parts"))
}

pub fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The register that a tree says; `Err` with its mistakes.
pub fn parse(tree: &Value) -> Result<Register, String> {
    let files = [("register.yaml".to_owned(), tree.to_string())];
    match countersign_register::parse(&files) {
        (register, mistakes) if mistakes.is_empty() => Ok(register),
        (_, mistakes) => Err(mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()),
    }
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
    let nouns = tree.as_object_mut().expect("a register is a map");
    let items = nouns.entry(noun).or_insert_with(|| Value::Array(Vec::new()));
    let items = items.as_array_mut().expect("each noun is a list");
    let at = items.iter().position(|item| item["id"] == id).unwrap_or_else(|| {
        items.push(serde_json::json!({ "id": id }));
        items.len() - 1
    });
    let keys: Vec<&str> = keys.collect();
    match (keys.split_last(), value) {
        (None, None) => drop(items.remove(at)),
        (None, Some(value)) => {
            items[at] = value;
            items[at]["id"] = id.into();
        }
        (Some((last, path)), value) => {
            let inside = path.iter().fold(&mut items[at], |inside, key| &mut inside[*key]);
            match value {
                Some(value) => inside[*last] = value,
                None => {
                    let gone = inside.as_object_mut().and_then(|inside| inside.remove(*last));
                    gone.unwrap_or_else(|| panic!("{path:?} has no {last}"));
                }
            }
        }
    }
}

/// A question in an owned form.
#[derive(Debug, Clone)]
pub struct Question {
    pub at: Timestamp,
    parts: BTreeMap<String, String>,
}

impl Question {
    /// Reads `name part=value …`: the question of that name, with those parts changed.
    pub fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let name = words.next().expect("a question has a name");
        let known = questions_by_name().find(|(known, _)| *known == name);
        let (_, parts) = known.unwrap_or_else(|| panic!("no question {name}"));
        let mut question = Self { at: time("2026-03-01T00:00:00Z"), parts: BTreeMap::new() };
        parts.split_whitespace().chain(words).for_each(|word| question.set(word));
        question
    }

    fn set(&mut self, word: &str) {
        let (part, value) = word.split_once('=').expect("a part has a value");
        match part {
            "at" if value.contains('T') => self.at = time(value),
            "at" => self.at = time(&format!("{value}T00:00:00Z")),
            _ => drop(self.parts.insert(part.to_owned(), value.to_owned())),
        }
    }

    fn part(&self, name: &str) -> Option<&str> {
        self.parts.get(name).map(String::as_str).filter(|value| *value != "?")
    }

    pub fn ask<T>(&self, judge: impl FnOnce(&Access<'_>, Timestamp) -> T) -> T {
        let pairs = |name, between| -> Vec<(&str, &str)> {
            let all = self.part(name).into_iter().flat_map(|all| all.split(','));
            all.map(|pair| pair.split_once(between).expect("a pair")).collect()
        };
        let through = self.part("through").into_iter().flat_map(|all| all.split(','));
        let through: Vec<&str> = through.map(|id| if id == "-" { "" } else { id }).collect();
        let claims = pairs("claims", ':');
        let access = Access {
            identity: self.part("identity"),
            account: pairs("account", '/').first().copied(),
            through: &through,
            actor_is_known: self.part("actor") == Some("known"),
            credential: self.part("credential"),
            tenant: self.part("tenant").unwrap_or("shop"),
            action: self.part("action").expect("a question has an action"),
            resource: self.part("resource"),
            assurance: &claims,
            authenticated_at: self.part("signed_in").map(|_| self.at.plus_nanos(-1)),
            ip: self.part("ip"),
            interactive: self.part("interactive").map(|value| value == "yes"),
            request: None,
        };
        judge(&access, self.at)
    }
}

pub fn time(text: &str) -> Timestamp {
    let time: jiff::Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    Timestamp(i64::try_from(time.as_nanosecond()).expect("a time of our days"))
}

/// An answer as the case files write it.
pub fn render(judged: &Judgement) -> String {
    let mut text = format!("  => {}\n", judged.outcome.as_str());
    for reason in &judged.reasons {
        let line = format!("{:9} {}  {}", reason.outcome.as_str(), reason.code, reason.text);
        text.push_str(&format!("     {line}\n"));
    }
    let mut basis = Vec::new();
    basis.extend(judged.grant.as_ref().map(|grant| format!("grant {grant}")));
    basis.extend(judged.trust_path.as_ref().map(|path| format!("path {path}")));
    let accepted = levels(judged.accepted);
    basis.extend(judged.accepted_by.as_ref().map(|by| format!("accepted {accepted} by {by}")));
    basis.extend(
        (!judged.exceptions.is_empty())
            .then(|| format!("set aside by {}", judged.exceptions.join(", "))),
    );
    if !basis.is_empty() {
        text.push_str(&format!("     {}\n", basis.join(", ")));
    }
    text
}

fn levels(accepted: Assurance) -> String {
    let Assurance { ial, aal, fal, phishing_resistant, workload } = accepted;
    let level = |name: &str, level: Option<u8>| level.map(|level| format!("{name}{level}"));
    let resists = phishing_resistant.filter(|resists| *resists);
    [
        level("ial", ial),
        level("aal", aal),
        level("fal", fal),
        resists.map(|_| "phishing_resistant".to_owned()),
        level("w", workload),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" ")
}
