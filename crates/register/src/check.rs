//! Holds a tree of YAML against the shapes: keys, kinds of values, references, secrets.

use std::collections::BTreeMap;

use crate::cedar;
use crate::known::Known;
use crate::mistake::{Mistakes, Place};
use crate::noun::Noun;
use crate::scalar;
use crate::secret::{has_aws_key_id, has_aws_secret_form, kind_of_secret};
use crate::shape::{Field, Kind, Need, Shape};
use crate::suggest::{did_you_mean, nearest, shown};
use crate::yaml::{CEDAR_BYTES_MAX, Node, SCALAR_BYTES_MAX, Value};

/// Where each item is, by noun and id.
pub(crate) type Ids = BTreeMap<Noun, BTreeMap<String, Place>>;

/// An id: what a person can type, and what needs no quoting anywhere.
pub(crate) fn is_slug(text: &str) -> bool {
    (1..=SLUG_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

/// Leaves room for a prefix in a file name of 255 bytes.
pub(crate) const SLUG_BYTES_MAX: usize = 128;

pub(crate) struct Check<'a> {
    pub ids: &'a Ids,
    /// Whether every file was read to its end; if not, an id that is missing may be in the rest.
    pub complete: bool,
    pub known: &'a Known,
    pub mistakes: &'a mut Mistakes,
}

impl Check<'_> {
    pub fn map(&mut self, node: &Node, shape: &'static Shape) {
        let Value::Map(entries) = &node.value else {
            let fix = format!("write keys and values: {}", shape.keys().join(", "));
            let message = format!("{} is {}, not a mapping", shape.name, name_of(node));
            self.mistakes.push(node.place, message, Some(fix));
            return;
        };
        self.refuse_secret_beside_key_id(node);
        for entry in entries {
            match shape.field(&entry.key) {
                Some(field) => self.field(&entry.node, field),
                None => self.unknown_key(&entry.key, entry.place, shape),
            }
        }
        for field in shape.fields.iter().filter(|field| field.need == Need::Required) {
            if node.get(field.key).is_none() {
                let message = format!("{} needs `{}`", shape.name, field.key);
                self.mistakes.push(node.place, message, Some(expected(&field.kind)));
            }
        }
        self.alternatives(node, shape);
        if let (Some(from), Some(until)) = (node.get("from"), node.get("until")) {
            self.order(from, until);
        }
    }

    fn alternatives(&mut self, node: &Node, shape: &'static Shape) {
        let choice = shape.alternatives();
        let given: Vec<&str> =
            choice.iter().copied().filter(|key| node.get(key).is_some()).collect();
        if choice.is_empty() || given.len() == 1 {
            return;
        }
        let message = match given.as_slice() {
            [] => format!("{} has none of {}", shape.name, choice.join(", ")),
            many => format!("{} has {} at once", shape.name, many.join(" and ")),
        };
        let fix = "give exactly one".to_owned();
        self.mistakes.push(node.place, message, Some(fix));
    }

    fn unknown_key(&mut self, key: &str, place: Place, shape: &'static Shape) {
        if self.mistakes.is_full() {
            return self.mistakes.push(place, String::new(), None);
        }
        let fix = did_you_mean(key, &shape.keys(), "its keys are");
        let message = format!("{} has no key {}", shape.name, shown(key));
        self.mistakes.push(place, message, Some(fix));
    }

    fn field(&mut self, node: &Node, field: &'static Field) {
        if matches!(node.value, Value::Null) {
            // `tenants:` with all its items commented out is a list of none.
            let of_items = matches!(field.kind, Kind::List(Kind::Map(_)));
            if !(of_items && Noun::of_key(field.key).is_some()) {
                let message = format!("`{}` has no value", field.key);
                let fix = "leave the key out if it is not known".to_owned();
                self.mistakes.push(node.place, message, Some(fix));
            }
            return;
        }
        self.value(node, field.key, &field.kind);
    }

    fn value(&mut self, node: &Node, key: &'static str, kind: &'static Kind) {
        match kind {
            Kind::Map(shape) => self.map(node, shape),
            Kind::Properties => self.properties(node, key),
            Kind::List(kind) => match &node.value {
                Value::List(items) => {
                    for item in items {
                        self.value(item, key, kind);
                    }
                }
                Value::Null | Value::Scalar(_) | Value::Map(_) => {
                    let message = format!("`{key}` is {}, not a list", name_of(node));
                    let fix =
                        Some("write `[…]`, or each item on its own line after `- `".to_owned());
                    self.mistakes.push(node.place, message, fix);
                }
            },
            _ => match node.scalar() {
                Some(text) => self.scalar(node.place, key, kind, text),
                None => {
                    let message = format!("`{key}` is {}, not a single value", name_of(node));
                    self.mistakes.push(node.place, message, Some(expected(kind)));
                }
            },
        }
    }

    fn scalar(&mut self, place: Place, key: &'static str, kind: &'static Kind, text: &str) {
        let is_cedar = matches!(kind, Kind::Cedar | Kind::CedarSchema);
        let most = if is_cedar { CEDAR_BYTES_MAX } else { SCALAR_BYTES_MAX };
        if text.len() > most {
            let message = format!("a text of {} bytes, the most is {most}", text.len());
            return self.mistakes.push(place, message, None);
        }
        if self.refuse_secret(place, kind, text) {
            return;
        }
        if text.trim().is_empty() {
            let fix = Some("leave the key out if it is not known".to_owned());
            return self.mistakes.push(place, format!("`{key}` is empty"), fix);
        }
        if self.mistakes.is_full() {
            return;
        }
        if is_cedar {
            return self.cedar(place, key, kind, text);
        }
        let wrong = match kind {
            Kind::Ref(noun) => self.reference(*noun, text),
            Kind::Subject => self.subject(text),
            Kind::Source => wrong_in(kind, text).or_else(|| self.known.not_a_source(text)),
            Kind::Code => wrong_in(kind, text).or_else(|| self.known.not_a_code(text)),
            _ => wrong_in(kind, text),
        };
        if let Some(fix) = wrong {
            let message = match kind {
                Kind::Ref(noun) => format!("`{key}` names no {}: {}", noun.singular(), shown(text)),
                _ => format!("`{key}` is {}", shown(text)),
            };
            self.mistakes.push(place, message, Some(fix));
        }
    }

    fn cedar(&mut self, place: Place, key: &'static str, kind: &Kind, text: &str) {
        let wrong = match kind {
            Kind::CedarSchema => cedar::wrong_schema(text),
            _ => cedar::wrong_policies(text),
        };
        if let Some((what, fix)) = wrong {
            let fix = fix.unwrap_or_else(|| expected(kind));
            self.mistakes.push(place, format!("`{key}` is no Cedar: {what}"), Some(fix));
        }
    }

    /// What would work instead, if `text` is no id of `noun`.
    fn reference(&self, noun: Noun, text: &str) -> Option<String> {
        let known = self.ids.get(&noun);
        if !self.complete || known.is_some_and(|known| known.contains_key(text)) {
            return None;
        }
        let near = known.and_then(|known| nearest(text, known.keys().map(String::as_str)));
        Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add it under `{}`, or name one that is there", noun.key()),
        })
    }

    fn subject(&self, text: &str) -> Option<String> {
        let names: Vec<&str> = Noun::WITH_ID.iter().map(|noun| noun.singular()).collect();
        let Some((name, id)) = text.split_once(':') else {
            return Some("write noun and id, such as `grant:g-17`".to_owned());
        };
        match Noun::WITH_ID.iter().find(|noun| noun.singular() == name) {
            Some(noun) => self.reference(*noun, id),
            None => Some(did_you_mean(name, &names, "it begins with one of")),
        }
    }

    pub(crate) fn refuse_secret(&mut self, place: Place, kind: &Kind, text: &str) -> bool {
        let bare_aws = matches!(kind, Kind::Handle) && has_aws_secret_form(text);
        let pair = has_aws_key_id(text) && has_aws_secret_form(text);
        let found = kind_of_secret(text).or((bare_aws || pair).then_some("an AWS secret key"));
        if let Some(found) = found {
            let message = format!("this looks like {found}");
            self.mistakes.push(place, message, Some(HANDLE_ONLY.to_owned()));
        }
        found.is_some()
    }

    /// An access key id and its secret, side by side.
    pub(crate) fn refuse_secret_beside_key_id(&mut self, node: &Node) {
        let Value::Map(entries) = &node.value else {
            return;
        };
        let scalars = || entries.iter().filter_map(|entry| entry.node.scalar().map(|t| (entry, t)));
        if !scalars().any(|(_, text)| has_aws_key_id(text)) {
            return;
        }
        for (entry, text) in scalars() {
            if has_aws_secret_form(text) && !has_aws_key_id(text) {
                let message = "this looks like an AWS secret key".to_owned();
                self.mistakes.push(entry.node.place, message, Some(HANDLE_ONLY.to_owned()));
            }
        }
    }

    fn order(&mut self, from: &Node, until: &Node) {
        let from_time = from.scalar().and_then(scalar::time);
        let until_time = until.scalar().filter(|text| *text != "never").and_then(scalar::time);
        if let (Some(from_time), Some(until_time)) = (from_time, until_time)
            && until_time <= from_time
        {
            let message = "`until` is not after `from`, so it never holds".to_owned();
            let fix = Some("`until` is the first instant at which it no longer holds".to_owned());
            self.mistakes.push(until.place, message, fix);
        }
    }
}

const HANDLE_ONLY: &str = "revoke it if it is one, and give only its public handle: a key id, a \
                           fingerprint or a hash";

/// What would work instead, if `text`, which stands alone, is no value of `kind`. References are not
/// looked up.
pub(crate) fn wrong_value(kind: &'static Kind, text: &str) -> Option<String> {
    let is_secret = kind_of_secret(text).is_some()
        || (matches!(kind, Kind::Handle) && has_aws_secret_form(text));
    if is_secret {
        return Some(HANDLE_ONLY.to_owned());
    }
    if text.trim().is_empty() {
        return Some("leave it out if it is not known".to_owned());
    }
    match kind {
        Kind::Ref(_) => (!is_slug(text)).then(|| expected(&Kind::Slug)),
        _ => wrong_in(kind, text),
    }
}

/// What would work instead, if `text` is not of `kind`.
fn wrong_in(kind: &'static Kind, text: &str) -> Option<String> {
    let fits = match kind {
        Kind::Slug => is_slug(text),
        Kind::Bool => matches!(text, "true" | "false"),
        Kind::Time => scalar::time(text).is_some(),
        Kind::End => scalar::end(text).is_some(),
        Kind::Duration => scalar::duration(text).is_some(),
        Kind::Level(least, most) => is_level(text, *least, *most),
        Kind::Network => return scalar::is_network(text).err(),
        Kind::Email => is_email(text),
        Kind::Source => is_dotted(text),
        Kind::Code => is_dotted(text) && text.contains('.'),
        Kind::OneOf(values) => {
            let values = values();
            let fits = values.contains(&text);
            return (!fits).then(|| did_you_mean(text, &values, "it is one of"));
        }
        Kind::Text
        | Kind::Handle
        | Kind::Ref(_)
        | Kind::Subject
        | Kind::Properties
        | Kind::Cedar
        | Kind::CedarSchema
        | Kind::List(_)
        | Kind::Map(_) => true,
    };
    (!fits).then(|| expected(kind))
}

fn is_level(text: &str, least: u8, most: u8) -> bool {
    matches!(text.as_bytes(), [digit] if digit.is_ascii_digit()
        && (least..=most).contains(&(digit - b'0')))
}

/// An address as it stands in the header of a mail: one `@` between visible ASCII characters, so
/// that nothing of it can begin another header. RFC 5321, 4.5.3.1.3 bounds its length.
fn is_email(text: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic());
    text.len() <= EMAIL_BYTES_MAX
        && text
            .split_once('@')
            .is_some_and(|(name, host)| is_plain(name) && is_plain(host) && !host.contains('@'))
}

pub(crate) const EMAIL_BYTES_MAX: usize = 254;

/// Words of lower-case letters, digits and `_` with dots between: sources and codes.
pub(crate) fn is_dotted(text: &str) -> bool {
    text.len() <= SLUG_BYTES_MAX
        && text.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        })
}

/// What a value of `kind` looks like.
fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Text => "write a text".to_owned(),
        Kind::Handle => "write the public handle as the logs show it".to_owned(),
        Kind::Slug => {
            "an id has letters, digits, `.`, `_` and `-`, and begins with a letter or digit"
                .to_owned()
        }
        Kind::Bool => "write `true` or `false`".to_owned(),
        Kind::Time => "write a time such as `2026-11-17` or `2026-11-17T09:30:00Z`".to_owned(),
        Kind::End => "write a time such as `2026-11-17`, or `never`".to_owned(),
        Kind::Duration => "write a length such as `90d`, `12h`, `30m` or `45s`".to_owned(),
        Kind::Level(least, most) => format!("write a level from {least} to {most}"),
        Kind::Network => "write a network such as `203.0.113.0/24`".to_owned(),
        Kind::OneOf(values) => format!("it is one of {}", values().join(", ")),
        Kind::Ref(noun) => format!("name one of `{}`", noun.key()),
        Kind::Email => "write an address such as `first.last@example.com`".to_owned(),
        Kind::Source => "write a source such as `aws.cloudtrail`".to_owned(),
        Kind::Code => "write a code such as `credential.over_age`".to_owned(),
        Kind::Subject => "write noun and id, such as `grant:g-17`".to_owned(),
        Kind::Properties => "write names and values, such as `{role: admin}`".to_owned(),
        Kind::Cedar => "write policies such as `forbid (principal, action, resource);`".to_owned(),
        Kind::CedarSchema => "write types such as `entity user { role: String };`".to_owned(),
        Kind::List(_) => "write a list".to_owned(),
        Kind::Map(shape) => format!("write keys and values: {}", shape.keys().join(", ")),
    }
}

fn name_of(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "empty",
        Value::Scalar(_) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}
