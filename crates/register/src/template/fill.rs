//! Answers and departures put into a template.

use countersign_model::register::Register;

use super::departures::{depart, put_exceptions};
use super::placeholders::{Piece, pieces};
use super::{Answer, Answers, NOWHERE, Question, Template};
use crate::check::{Check, Ids, wrong_value};
use crate::item::Item;
use crate::known::Known;
use crate::mistake::{Mistake, Mistakes, Place};
use crate::noun::{Noun, TOP, read_into};
use crate::scalar::{duration, time, time_text};
use crate::shape::{Kind, Need, Shape};
use crate::suggest::{did_you_mean, shown};
use crate::yaml::{Entry, Node, Value};

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
    let filling = Filling { answers };
    let top = Kind::Map(&TOP);
    let mut made = filling
        .node(&template.makes, Some(&top))
        .unwrap_or(Node::of(template.makes.place, Value::Map(Vec::new())));
    let mut exceptions = Vec::new();
    for (nth, departure) in answers.departures.iter().enumerate() {
        let place = answers.departed_at.get(nth).copied().unwrap_or(NOWHERE);
        let exception = depart(&mut made, departure, place, &mut mistakes);
        exceptions.extend(exception);
    }
    put_exceptions(&mut made, exceptions);
    // References are checked in the register that this is put into.
    let ids = Ids::new();
    Check { ids: &ids, complete: false, known: &Known::default(), mistakes: &mut mistakes }
        .map(&made, &TOP);
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
    answers: &'a Answers,
}

impl Filling<'_> {
    /// The node with its placeholders filled; `None` if what it needs was not answered.
    fn node(&self, node: &Node, kind: Option<&Kind>) -> Option<Node> {
        let place = Place { file: TEMPLATE, ..node.place };
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Scalar(text) => return self.scalar(text, node.is_quoted, place),
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
        Some(Node::of(place, value))
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

    fn scalar(&self, text: &str, is_quoted: bool, place: Place) -> Option<Node> {
        let pieces = pieces(text).unwrap_or_else(|_| vec![Piece::Text(text)]);
        if let [Piece::Answer { key, shift: None }] = pieces[..]
            && let Some(Answer::Many(texts)) = self.answers.answers.get(key)
        {
            let scalar = |text: &String| Node::text(place, text.clone());
            return Some(Node::of(place, Value::List(texts.iter().map(scalar).collect())));
        }
        let mut filled = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Answer { key, shift } => filled.push_str(&self.one(key, shift)?),
            }
        }
        Some(Node { is_quoted, ..Node::text(place, filled) })
    }

    fn one(&self, key: &str, shift: Option<(bool, &str)>) -> Option<String> {
        let answer = match self.answers.answers.get(key)? {
            Answer::One(text) => text.clone(),
            Answer::Many(texts) => texts.join(", "),
        };
        let Some((later, by)) = shift else { return Some(answer) };
        let (at, by) = (time(&answer)?, duration(by)?);
        Some(time_text(at.plus_nanos(if later { by.0 } else { -by.0 })))
    }
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
