//! `{key}` and `{key+90d}` in the scalars of a template.

use super::Template;
use crate::mistake::Mistakes;
use crate::scalar::duration;
use crate::suggest::{did_you_mean, shown};
use crate::yaml::Value;

/// A part of a scalar.
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// Later (`true`) or sooner by a length of time, if it is a time.
    Answer {
        key: &'a str,
        shift: Option<(bool, &'a str)>,
    },
}

/// Takes a scalar apart. `Err` with what is between braces and is no placeholder.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &str> {
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
pub(super) fn check(template: &Template, mistakes: &mut Mistakes) {
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
