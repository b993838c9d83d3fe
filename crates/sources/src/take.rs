//! Values out of one record: paths compiled to slots of one pass, and what is done with them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::compile::Fault;
use crate::definition::{self, TakeForm};
use crate::scan::{Raw, Tree};
use crate::transform::{Transform, is_absent};

/// The raw JSON of each path of a definition in one record, by slot.
pub type Slots<'a> = [Option<Raw<'a>>];

/// All paths of one definition.
pub type Paths = Tree;

/// What follows where a plain path of keys ends.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
    /// Any element.
    Each,
    /// The element of a list whose key has the value, such as `[Name=SessionId]`.
    Where(String, String),
    /// The text is JSON itself.
    Json,
}

/// One value, compiled.
#[derive(Debug, Clone)]
pub struct Take {
    from: From,
    then: Vec<Transform>,
    map: BTreeMap<String, String>,
    default: Option<String>,
}

#[derive(Debug, Clone)]
enum From {
    Slot(usize, Vec<Step>),
    First(Vec<Take>),
    Constant(String),
    Join(Vec<Take>, String),
}

impl Take {
    pub fn compile(form: &definition::Take, paths: &mut Paths) -> Result<Self, Fault> {
        let plain = |from| Self { from, then: Vec::new(), map: BTreeMap::new(), default: None };
        match form {
            definition::Take::Path(path) => Ok(plain(path_from(path, paths)?)),
            definition::Take::First(list) => Ok(plain(From::First(compile_all(list, paths)?))),
            definition::Take::Form(form) => Self::compile_form(form, paths),
        }
    }

    fn compile_form(form: &TakeForm, paths: &mut Paths) -> Result<Self, Fault> {
        let from = match (&form.path, &form.first, &form.constant, &form.join) {
            (Some(path), None, None, None) => path_from(path, paths)?,
            (None, Some(list), None, None) => From::First(compile_all(list, paths)?),
            (None, None, Some(constant), None) => From::Constant(constant.clone()),
            (None, None, None, Some(list)) => From::Join(
                compile_all(list, paths)?,
                form.by.clone().unwrap_or_else(|| "\n".into()),
            ),
            _ => {
                return Err(Fault::new(
                    "a value says where from by more or less than one of `path`, `first`, `const` and `join`",
                    "keep one of them",
                ));
            }
        };
        let transform = |text: &String| {
            Transform::parse(text).ok_or_else(|| {
                Fault::new(
                    format!("`{text}` is no transform"),
                    format!("one of {}", Transform::NAMES),
                )
            })
        };
        let then = form.then.iter().map(transform).collect::<Result<_, _>>()?;
        Ok(Self { from, then, map: form.map.clone(), default: form.default.clone() })
    }

    /// The value, if it is there and means something.
    pub fn value<'a>(&'a self, slots: &Slots<'a>) -> Option<Cow<'a, str>> {
        let raw = |slot: &usize| slots.get(*slot).copied().flatten();
        let found = match &self.from {
            From::Slot(slot, steps) if steps.is_empty() => raw(slot).and_then(scalar),
            From::Slot(slot, steps) => {
                raw(slot).and_then(|raw| follow(raw.text, steps).into_iter().next()).map(Cow::Owned)
            }
            From::First(list) => list.iter().find_map(|take| take.value(slots)),
            From::Constant(text) => Some(Cow::Borrowed(text.as_str())),
            From::Join(list, by) => {
                let parts: Option<Vec<_>> = list.iter().map(|take| take.value(slots)).collect();
                parts.map(|parts| Cow::Owned(parts.join(by)))
            }
        };
        self.finish(found)
    }

    /// All values, where the path goes through `[*]`.
    pub fn values<'a>(&'a self, slots: &Slots<'a>) -> Vec<Cow<'a, str>> {
        match &self.from {
            From::Slot(slot, steps) if !steps.is_empty() => {
                let Some(raw) = slots.get(*slot).copied().flatten() else { return Vec::new() };
                follow(raw.text, steps)
                    .into_iter()
                    .filter_map(|text| self.finish(Some(Cow::Owned(text))))
                    .collect()
            }
            From::Slot(..) | From::First(_) | From::Constant(_) | From::Join(..) => {
                self.value(slots).into_iter().collect()
            }
        }
    }

    fn finish<'a>(&'a self, found: Option<Cow<'a, str>>) -> Option<Cow<'a, str>> {
        // What a map names means something, even where it looks like nothing: a type may be `0`.
        let named = found.as_deref().and_then(|value| self.map.get(value));
        if let Some(exchanged) = named.filter(|_| self.then.is_empty()) {
            return Some(Cow::Borrowed(exchanged));
        }
        let mut value = found.filter(|value| !is_absent(value));
        for transform in &self.then {
            value =
                value.and_then(|value| transform.apply(value)).filter(|value| !is_absent(value));
        }
        if let Some(exchanged) = value.as_deref().and_then(|value| self.map.get(value)) {
            value = Some(Cow::Borrowed(exchanged));
        }
        value.or_else(|| self.default.as_deref().map(Cow::Borrowed))
    }

    /// Whether the record says anything there: text, a list or an object that is not empty.
    pub fn is_there(&self, slots: &Slots<'_>) -> bool {
        let is_empty = |text: &str| matches!(text, "null" | "\"\"" | "{}" | "[]");
        match &self.from {
            From::Slot(slot, steps) if steps.is_empty() => {
                slots.get(*slot).copied().flatten().is_some_and(|raw| !is_empty(raw.text))
            }
            From::First(list) => list.iter().any(|take| take.is_there(slots)),
            From::Slot(..) | From::Constant(_) | From::Join(..) => self.value(slots).is_some(),
        }
    }

    /// The value as it stands in the record, sentinels included.
    pub fn as_written<'a>(&'a self, slots: &Slots<'a>) -> Option<Cow<'a, str>> {
        match &self.from {
            From::Slot(slot, steps) if steps.is_empty() => {
                scalar(slots.get(*slot).copied().flatten()?)
            }
            From::First(list) => list.iter().find_map(|take| take.as_written(slots)),
            From::Slot(..) | From::Constant(_) | From::Join(..) => self.value(slots),
        }
    }
}

pub fn compile_all(list: &[definition::Take], paths: &mut Paths) -> Result<Vec<Take>, Fault> {
    list.iter().map(|take| Take::compile(take, paths)).collect()
}

/// `a.b."c.d"[0].e|f`: keys, then what follows them.
fn path_from(path: &str, paths: &mut Paths) -> Result<From, Fault> {
    let steps = parse_path(path).ok_or_else(|| {
        Fault::new(
            format!("`{path}` is no path"),
            "keys divided by dots, quoted if they hold dots, with [0], [*], [Name=x] for lists and | before JSON in text",
        )
    })?;
    let plain = steps.iter().take_while(|step| matches!(step, Step::Key(_))).count();
    let (keys, rest) = steps.split_at_checked(plain).unwrap_or((&[], &[]));
    let keys: Vec<String> = keys
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.clone()),
            Step::Index(_) | Step::Each | Step::Where(..) | Step::Json => None,
        })
        .collect();
    if keys.is_empty() {
        return Err(Fault::new(
            format!("`{path}` does not begin with a key"),
            "begin with a key of the record",
        ));
    }
    let slot = paths.add(&keys).ok_or_else(|| {
        Fault::new(
            format!("`{path}` is too deep, or one of too many"),
            "name at most 16 keys in a row",
        )
    })?;
    Ok(From::Slot(slot, rest.to_vec()))
}

fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('"') {
            let (key, after) = after.split_once('"')?;
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']')?;
            steps.push(match inside.split_once('=') {
                Some((key, value)) => Step::Where(key.to_owned(), value.to_owned()),
                None if inside == "*" => Step::Each,
                None => Step::Index(inside.parse().ok()?),
            });
            rest = after;
        } else if let Some(after) = rest.strip_prefix('|') {
            steps.push(Step::Json);
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        } else {
            let end = rest.find(['.', '[', '|']).unwrap_or(rest.len());
            let (key, after) = rest.split_at_checked(end)?;
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        }
        rest = match rest.strip_prefix('.') {
            Some("") => return None,
            Some(after) => after,
            None => rest,
        };
    }
    (!steps.is_empty()).then_some(steps)
}

/// The text of a raw JSON scalar; nothing for null, lists and objects.
fn scalar(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    if raw.is_plain {
        return raw.text.get(1..raw.text.len() - 1).map(Cow::Borrowed);
    }
    match raw.text.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(raw.text).ok().map(Cow::Owned),
        b'n' | b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(raw.text)),
    }
}

/// The careful way, for lists and JSON inside text: a tree of one value.
fn follow(raw: &str, steps: &[Step]) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(raw) else { return Vec::new() };
    let mut found = Vec::new();
    descend(&value, steps, &mut found);
    found
}

/// A member by its key, else by its key in other case, as some pipelines write it.
fn member<'v>(value: &'v serde_json::Value, key: &str) -> Option<&'v serde_json::Value> {
    let members = value.as_object()?;
    members.get(key).or_else(|| {
        members.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, inner)| inner)
    })
}

fn descend(value: &serde_json::Value, steps: &[Step], found: &mut Vec<String>) {
    use serde_json::Value;
    let Some((step, rest)) = steps.split_first() else {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Bool(_) | Value::Number(_) => found.push(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
        return;
    };
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    match step {
        Step::Key(key) => {
            if let Some(inner) = member(value, key) {
                descend(inner, rest, found);
            }
        }
        Step::Index(at) => {
            if let Some(inner) = list.get(*at) {
                descend(inner, rest, found);
            }
        }
        Step::Each => list.iter().for_each(|inner| descend(inner, rest, found)),
        Step::Where(key, wanted) => {
            let is =
                |inner: &&Value| member(inner, key).is_some_and(|own| own.as_str() == Some(wanted));
            if let Some(inner) = list.iter().find(is) {
                descend(inner, rest, found);
            }
        }
        Step::Json => {
            // A list in a place where another version has text is taken as it is.
            let inner = match value {
                Value::String(text) => serde_json::from_str(text).ok(),
                other => Some(other.clone()),
            };
            if let Some(inner) = inner {
                descend(&inner, rest, found);
            }
        }
    }
}
