//! Answers and departures put into a template.

use countersign_model::register::Register;

use super::{Answer, Answers, Departure, NODES_MAX, NOWHERE, Question, Template};
use crate::check::{Check, Ids, wrong_value};
use crate::item::Item;
use crate::mistake::{Mistake, Mistakes, Place};
use crate::noun::{Noun, TOP, read_into};
use crate::scalar::{duration, time, time_text};
use crate::shape::{Kind, Need, Shape};
use crate::suggest::{did_you_mean, shown};
use crate::yaml::{self, Entry, Node, Value};

/// Files of the messages: answers, then the template.
const TEMPLATE: usize = 1;
/// The longest answer, as the check takes a value back.
const ANSWER_BYTES_MAX: usize = 4096;
/// More networks or actions than this are a mistake.
const ANSWERS_MAX: usize = 256;

pub(super) fn fill(template: &Template, answers: &Answers) -> Result<Register, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    check_answers(template, answers, &mut mistakes);
    let files = [answers.file.clone(), template.file.clone()].map(|file| (file, String::new()));
    // What a wrong answer would make is not reported again.
    let is_wrong = mistakes.is_any();
    if is_wrong {
        return Err(mistakes.into_sorted(&files));
    }
    let filling = Filling { template, answers };
    let top = Kind::Map(&TOP);
    let mut made = filling
        .node(&template.makes, Some(&top))
        .unwrap_or(Node { place: template.makes.place, value: Value::Map(Vec::new()) });
    let mut exceptions = Vec::new();
    for (nth, departure) in answers.departures.iter().enumerate() {
        let place = answers.departed_at.get(nth).copied().unwrap_or(NOWHERE);
        let exception = depart(&mut made, departure, place, &mut mistakes);
        exceptions.extend(exception);
    }
    put_exceptions(&mut made, exceptions);
    // References are checked in the register that this is put into.
    let ids = Ids::new();
    Check { ids: &ids, complete: false, mistakes: &mut mistakes }.map(&made, &TOP);
    let mut register = Register::default();
    for noun in Noun::ALL {
        Item(&made).maps(noun.key()).for_each(|item| read_into(&mut register, noun, item));
    }
    twice(&made, &mut mistakes);
    let mistakes = mistakes.into_sorted(&files);
    if mistakes.is_empty() { Ok(register) } else { Err(mistakes) }
}

fn check_answers(template: &Template, answers: &Answers, mistakes: &mut Mistakes) {
    let keys: Vec<&str> = template.questions.iter().map(|asked| asked.key.as_str()).collect();
    for key in answers.answers.keys().filter(|key| !keys.contains(&key.as_str())) {
        let fix = did_you_mean(key, &keys, "it asks");
        let message = format!("the template does not ask {}", shown(key));
        mistakes.push(answers.place(key), message, Some(fix));
    }
    for question in &template.questions {
        let place = answers.place(&question.key);
        match answers.answers.get(&question.key) {
            Some(answer) => check_answer(question, answer, place, mistakes),
            None if question.is_optional => {}
            None => {
                let message = format!("`{}` is not answered", question.key);
                mistakes.push(place, message, Some(question.ask.clone()));
            }
        }
    }
}

fn check_answer(question: &Question, answer: &Answer, place: Place, mistakes: &mut Mistakes) {
    let key = &question.key;
    let (kind, texts) = match (question.of(), answer) {
        (Kind::List(kind), Answer::Many(texts)) => (*kind, texts.as_slice()),
        (Kind::List(_), Answer::One(_)) => {
            let fix = Some("write `[…]`, or each on its own line after `- `".to_owned());
            return mistakes.push(place, format!("`{key}` is one value, not a list"), fix);
        }
        (_, Answer::Many(_)) => {
            let fix = Some("write one".to_owned());
            return mistakes.push(place, format!("`{key}` is a list, not one value"), fix);
        }
        (kind, Answer::One(text)) => (kind, std::slice::from_ref(text)),
    };
    if texts.len() > ANSWERS_MAX {
        let message = format!("`{key}` has more than {ANSWERS_MAX} values");
        mistakes.push(place, message, Some("write wider patterns or networks".to_owned()));
    }
    for text in texts.iter().take(ANSWERS_MAX) {
        if text.len() > ANSWER_BYTES_MAX {
            let message = format!("`{key}` has more than {ANSWER_BYTES_MAX} bytes");
            mistakes.push(place, message, Some("write less".to_owned()));
        } else if let Some(fix) = wrong_value(kind, text) {
            mistakes.push(place, format!("`{key}` is {}", shown(text)), Some(fix));
        }
    }
}

struct Filling<'a> {
    template: &'a Template,
    answers: &'a Answers,
}

impl Filling<'_> {
    /// The node with its placeholders filled; `None` if what it needs was not answered.
    fn node(&self, node: &Node, kind: Option<&Kind>) -> Option<Node> {
        let place = Place { file: TEMPLATE, ..node.place };
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Scalar(text) => return self.scalar(text, place),
            Value::List(items) => {
                let inner = match kind {
                    Some(Kind::List(inner)) => Some(*inner),
                    _ => None,
                };
                let filled: Vec<Node> =
                    items.iter().filter_map(|item| self.node(item, inner)).collect();
                if filled.is_empty() && !items.is_empty() {
                    return None;
                }
                Value::List(filled)
            }
            Value::Map(entries) => {
                let shape = match kind {
                    Some(Kind::Map(shape)) => Some(*shape),
                    _ => None,
                };
                Value::Map(self.entries(entries, shape)?)
            }
        };
        Some(Node { place, value })
    }

    fn entries(&self, entries: &[Entry], shape: Option<&'static Shape>) -> Option<Vec<Entry>> {
        let mut filled = Vec::with_capacity(entries.len());
        for entry in entries {
            let field = shape.and_then(|shape| shape.field(&entry.key));
            let place = Place { file: TEMPLATE, ..entry.place };
            match self.node(&entry.node, field.map(|field| &field.kind)) {
                Some(node) => filled.push(Entry { key: entry.key.clone(), place, node }),
                // An item cannot be without what it needs.
                None if field.is_some_and(|field| field.need != Need::Optional) => return None,
                None => {}
            }
        }
        (!filled.is_empty() || entries.is_empty()).then_some(filled)
    }

    fn scalar(&self, text: &str, place: Place) -> Option<Node> {
        let pieces = pieces(text).unwrap_or_else(|_| vec![Piece::Text(text)]);
        if let [Piece::Answer { key, shift: None }] = pieces[..]
            && let Some(Answer::Many(texts)) = self.answers.answers.get(key)
        {
            let scalar = |text: &String| Node { place, value: Value::Scalar(text.clone()) };
            return Some(Node { place, value: Value::List(texts.iter().map(scalar).collect()) });
        }
        let mut filled = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Answer { key, shift } => filled.push_str(&self.one(key, shift)?),
            }
        }
        Some(Node { place, value: Value::Scalar(filled) })
    }

    fn one(&self, key: &str, shift: Option<(bool, &str)>) -> Option<String> {
        debug_assert!(self.template.questions.iter().any(|asked| asked.key == key));
        let answer = match self.answers.answers.get(key)? {
            Answer::One(text) => text.clone(),
            Answer::Many(texts) => texts.join(", "),
        };
        let Some((later, by)) = shift else { return Some(answer) };
        let (at, by) = (time(&answer)?, duration(by)?);
        Some(time_text(at.plus_nanos(if later { by.0 } else { -by.0 })))
    }
}

/// A part of a scalar.
enum Piece<'a> {
    Text(&'a str),
    /// Later (`true`) or sooner by a length of time, if it is a time.
    Answer {
        key: &'a str,
        shift: Option<(bool, &'a str)>,
    },
}

/// Takes a scalar apart. `Err` with what is between braces and is no placeholder.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, after)) = after.split_once('}') else { return Err(after) };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let shifted = [('+', true), ('-', false)].into_iter();
        let mut shifted = shifted.filter_map(|(sign, later)| {
            inside.split_once(sign).map(|(key, by)| (key, Some((later, by))))
        });
        let (key, shift) = shifted.next().unwrap_or((inside, None));
        if key.is_empty() || shift.is_some_and(|(_, by)| duration(by).is_none()) {
            return Err(inside);
        }
        pieces.push(Piece::Answer { key, shift });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// Every placeholder names a question, and reckons only from times.
pub(super) fn check_placeholders(template: &Template, mistakes: &mut Mistakes) {
    let mut nodes = vec![&template.makes];
    while let Some(node) = nodes.pop() {
        match &node.value {
            Value::Null => {}
            Value::List(items) => nodes.extend(items),
            Value::Map(entries) => nodes.extend(entries.iter().map(|entry| &entry.node)),
            Value::Scalar(text) => {
                if let Err((message, fix)) = check_scalar(template, text) {
                    mistakes.push(node.place, message, Some(fix));
                }
            }
        }
    }
}

fn check_scalar(template: &Template, text: &str) -> Result<(), (String, String)> {
    let pieces = pieces(text).map_err(|inside| {
        let fix = "write `{key}` or `{key+90d}`".to_owned();
        (format!("{} is no placeholder", shown(inside)), fix)
    })?;
    let keys: Vec<&str> = template.questions.iter().map(|asked| asked.key.as_str()).collect();
    for piece in pieces {
        let Piece::Answer { key, shift } = piece else { continue };
        match template.questions.iter().find(|asked| asked.key == key) {
            None => {
                let message = format!("no question is {}", shown(key));
                return Err((message, did_you_mean(key, &keys, "it asks")));
            }
            Some(asked) if shift.is_some() && asked.kind != "time" => {
                let message = format!("{} is no time to reckon from", shown(key));
                return Err((message, "name a question of kind `time`".to_owned()));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Changes one key of one item and gives the exception that records it; `None` if nothing differs.
fn depart(
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
    let value = match node.value {
        Value::List(items) => Value::List(items.into_iter().map(|item| at(item, place)).collect()),
        Value::Map(entries) => {
            let entry = |entry: Entry| Entry { key: entry.key, place, node: at(entry.node, place) };
            Value::Map(entries.into_iter().map(entry).collect())
        }
        other => other,
    };
    Node { place, value }
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
        node: Node { place, value: Value::Scalar(text) },
    };
    Node { place, value: Value::Map(entries.into_iter().map(entry).collect()) }
}

fn put_exceptions(made: &mut Node, exceptions: Vec<Node>) {
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
    let node = Node { place, value: Value::List(exceptions) };
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

/// Two answers may give two items one id, and two departures may change one key.
fn twice(made: &Node, mistakes: &mut Mistakes) {
    for noun in Noun::WITH_ID {
        let items = made.get(noun.key()).map_or(&[][..], Node::list);
        let ids: Vec<(&str, Place)> =
            items.iter().filter_map(|item| Some((item.get("id")?.scalar()?, item.place))).collect();
        for (nth, (id, place)) in ids.iter().enumerate() {
            if ids[..nth].iter().any(|(other, _)| other == id) {
                let message = format!("there are two of {} {}", noun.singular(), shown(id));
                let fix = "answer otherwise, or depart from one key once".to_owned();
                mistakes.push(*place, message, Some(fix));
            }
        }
    }
}
