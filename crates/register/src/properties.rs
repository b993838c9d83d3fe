//! Properties: names and values of the application's own, which have no shape of ours.

use countersign_model::value::{self, BYTES_MAX, DEPTH_MAX, Record, Value};

use crate::check::Check;
use crate::suggest::shown;
use crate::write::Out;
use crate::yaml::{KEYS_MAX, Node, Value as Written};

/// The longest name of a property.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// What a scalar is.
enum Scalar {
    Value(Value),
    /// What would work.
    Wrong(&'static str),
}

/// An unquoted scalar is what YAML's core schema takes it for. What looks like a number but is no
/// whole number is refused rather than taken for a text, which would compare with nothing.
fn scalar(text: &str, is_quoted: bool) -> Scalar {
    if is_quoted {
        return Scalar::Value(Value::Text(text.to_owned()));
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let begins = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    match text {
        "true" => Scalar::Value(Value::Bool(true)),
        "false" => Scalar::Value(Value::Bool(false)),
        "True" | "TRUE" | "False" | "FALSE" => {
            Scalar::Wrong("write `true` or `false`, or quote it if it is a text")
        }
        _ if is_digits && (digits == "0" || !digits.starts_with('0')) => match text.parse() {
            Ok(whole) => Scalar::Value(Value::Whole(whole)),
            Err(_) => Scalar::Wrong("a whole number has at most 64 bits; quote it if it is a text"),
        },
        _ if is_digits
            || text.starts_with("0x")
            || text.starts_with("0o")
            || digits.eq_ignore_ascii_case(".inf")
            || text.eq_ignore_ascii_case(".nan")
            || (digits.bytes().next().is_some_and(begins) && digits.parse::<f64>().is_ok()) =>
        {
            Scalar::Wrong("write a whole number, or quote it if it is a text")
        }
        _ => Scalar::Value(Value::Text(text.to_owned())),
    }
}

/// What is wrong with it was reported, and is left out.
pub(crate) fn read(node: &Node) -> Record {
    match value(node, 0) {
        Some(Value::Record(record)) => record,
        _ => Record::new(),
    }
}

fn value(node: &Node, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    match &node.value {
        Written::Null => None,
        Written::Scalar(text) => match scalar(text, node.is_quoted) {
            Scalar::Value(value) => Some(value),
            Scalar::Wrong(_) => None,
        },
        Written::List(items) => {
            Some(Value::List(items.iter().filter_map(|item| value(item, depth + 1)).collect()))
        }
        Written::Map(entries) => {
            let entries = entries.iter();
            let pairs = entries
                .filter_map(|entry| Some((entry.key.clone(), value(&entry.node, depth + 1)?)));
            Some(Value::Record(pairs.collect()))
        }
    }
}

/// `None` if there are none: absent and empty are the same.
pub(crate) fn written(record: &Record) -> Option<Out> {
    (!record.is_empty()).then(|| out_of_record(record))
}

fn out_of_record(record: &Record) -> Out {
    Out::Record(record.iter().map(|(name, value)| (name.clone(), out(value))).collect())
}

fn out(value: &Value) -> Out {
    match value {
        Value::Bool(flag) => Out::Literal((*flag).into()),
        Value::Whole(whole) => Out::Literal((*whole).into()),
        Value::Text(text) => Out::Text(text.clone()),
        Value::List(items) => Out::List(items.iter().map(out).collect()),
        Value::Record(record) => out_of_record(record),
    }
}

impl Check<'_> {
    pub(crate) fn properties(&mut self, node: &Node, key: &'static str) {
        if !matches!(node.value, Written::Map(_)) {
            let message = format!("`{key}` is no mapping");
            let fix = "write names and values, such as `{role: admin, floor: 3}`";
            return self.mistakes.push(node.place, message, Some(fix.to_owned()));
        }
        self.property(node, 0);
        let bytes = value::bytes(&read(node));
        if bytes > BYTES_MAX {
            let message = format!("`{key}` has {bytes} bytes, the most is {BYTES_MAX}");
            self.mistakes.push(node.place, message, None);
        }
    }

    fn property(&mut self, node: &Node, depth: usize) {
        if depth > DEPTH_MAX {
            let message = format!("nested more than {DEPTH_MAX} deep");
            return self.mistakes.push(node.place, message, None);
        }
        match &node.value {
            Written::Null => {
                let fix = "leave the name out if the value is not known".to_owned();
                self.mistakes.push(node.place, "a property has no value".to_owned(), Some(fix));
            }
            Written::Scalar(text) => self.property_scalar(node, text),
            Written::List(items) => items.iter().for_each(|item| self.property(item, depth + 1)),
            Written::Map(entries) => {
                self.refuse_secret_beside_key_id(node);
                if entries.len() > KEYS_MAX {
                    let message = format!("more than {KEYS_MAX} keys in one place");
                    self.mistakes.push(node.place, message, None);
                }
                for entry in entries {
                    if entry.key.trim().is_empty()
                        || entry.key.len() > NAME_BYTES_MAX
                        || entry.key == "<<"
                    {
                        let message = format!("{} is no name of a property", shown(&entry.key));
                        let fix = format!("a name has 1 to {NAME_BYTES_MAX} bytes");
                        self.mistakes.push(entry.place, message, Some(fix));
                    }
                    self.property(&entry.node, depth + 1);
                }
            }
        }
    }

    fn property_scalar(&mut self, node: &Node, text: &str) {
        if self.refuse_secret(node.place, &crate::shape::Kind::Text, text) {
            return;
        }
        if let Scalar::Wrong(fix) = scalar(text, node.is_quoted) {
            let message = format!("{} is no value of a property", shown(text));
            self.mistakes.push(node.place, message, Some(fix.to_owned()));
        }
    }
}
