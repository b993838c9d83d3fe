//! The register as canonical YAML: nouns in their order, items by id, keys as in the shapes, and
//! every text quoted that anything could take for something else.

use countersign_model::assurance::Assurance;
use countersign_model::register::Register;
use countersign_model::time::{Duration, End, Interval, Timestamp};

use crate::noun::{Noun, fields};
use crate::scalar::{duration_text, end_text, time_text};
use crate::suggest::is_unprintable;

/// The whole register in one text. [`crate::parse`] reads the same register from it.
pub fn write(register: &Register) -> String {
    let mut blocks = Vec::new();
    if let Some(company) = &register.company {
        blocks.push(format!("company: {}\n", quoted(company)));
    }
    blocks.extend(Noun::ALL.into_iter().filter_map(|noun| block(register, noun)));
    blocks.join("\n")
}

/// One file a noun, by file name, for a register in a folder.
pub fn write_files(register: &Register) -> Vec<(String, String)> {
    let company = register
        .company
        .as_ref()
        .map(|company| ("company.yaml".to_owned(), format!("company: {}\n", quoted(company))));
    let nouns = Noun::ALL
        .into_iter()
        .filter_map(|noun| Some((format!("{}.yaml", noun.key()), block(register, noun)?)));
    company.into_iter().chain(nouns).collect()
}

fn block(register: &Register, noun: Noun) -> Option<String> {
    let items = fields(register, noun);
    if items.is_empty() {
        return None;
    }
    let mut out = format!("{}:\n", noun.key());
    for item in &items {
        item.write_block(&mut out);
    }
    Some(out)
}

/// What is written for one value.
#[derive(Debug)]
pub(crate) enum Out {
    /// Quoted in YAML where it must be, always in JSON.
    Text(String),
    /// A time, length or name of ours: never quoted in YAML, always in JSON.
    Word(String),
    /// A number or a truth value: quoted nowhere.
    Literal(serde_json::Value),
    /// A text of many lines.
    Block(String),
    List(Vec<Out>),
    Map(Fields),
    /// As `Map`, with names that are not ours.
    Record(Vec<(String, Out)>),
}

impl Out {
    /// `None` for an empty list, which reads as absent.
    pub fn some_list(items: impl Iterator<Item = Out>) -> Option<Out> {
        let items: Vec<Out> = items.collect();
        (!items.is_empty()).then_some(Self::List(items))
    }

    fn into_json(self) -> serde_json::Value {
        match self {
            Self::Text(text) | Self::Word(text) | Self::Block(text) => text.into(),
            Self::Literal(value) => value,
            Self::List(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Map(fields) => fields.into_json(),
            Self::Record(pairs) => {
                let json = |(name, value): (String, Self)| (name, value.into_json());
                serde_json::Value::Object(pairs.into_iter().map(json).collect())
            }
        }
    }

    fn write_flow(&self, out: &mut String) {
        match self {
            Self::Text(text) | Self::Block(text) => out.push_str(&quoted(text)),
            Self::Word(text) => out.push_str(text),
            Self::Literal(value) => out.push_str(&value.to_string()),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    item.write_flow(out);
                }
                out.push(']');
            }
            Self::Map(fields) => {
                out.push('{');
                for (at, (key, value)) in fields.0.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    out.push_str(key);
                    out.push_str(": ");
                    value.write_flow(out);
                }
                out.push('}');
            }
            Self::Record(pairs) => {
                out.push('{');
                for (at, (name, value)) in pairs.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    out.push_str(&quoted(name));
                    out.push_str(": ");
                    value.write_flow(out);
                }
                out.push('}');
            }
        }
    }
}

/// Keys and values in the order in which they are written. What is `None` is left out.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(&'static str, Out)>);

impl Fields {
    pub fn of(id: &str) -> Self {
        Self::default().text("id", Some(id))
    }

    pub fn put(mut self, key: &'static str, value: Option<Out>) -> Self {
        self.0.extend(value.map(|value| (key, value)));
        self
    }

    pub fn text(self, key: &'static str, value: Option<&str>) -> Self {
        self.put(key, value.map(|text| Out::Text(text.to_owned())))
    }

    pub fn word(self, key: &'static str, value: &'static str) -> Self {
        self.put(key, Some(Out::Word(value.to_owned())))
    }

    pub fn texts(self, key: &'static str, values: Option<&[String]>) -> Self {
        let list = |values: &[String]| {
            Out::List(values.iter().map(|text| Out::Text(text.to_owned())).collect())
        };
        self.put(key, values.map(list))
    }

    /// A list whose absence and emptiness are the same.
    pub fn some_texts(self, key: &'static str, values: &[String]) -> Self {
        self.texts(key, (!values.is_empty()).then_some(values))
    }

    pub fn flag(self, key: &'static str, value: Option<bool>) -> Self {
        self.put(key, value.map(|flag| Out::Literal(flag.into())))
    }

    pub fn level(self, key: &'static str, value: Option<u8>) -> Self {
        self.put(key, value.map(|level| Out::Literal(level.into())))
    }

    pub fn time(self, key: &'static str, value: Option<Timestamp>) -> Self {
        self.put(key, value.map(|time| Out::Word(time_text(time))))
    }

    pub fn end(self, key: &'static str, value: Option<End>) -> Self {
        self.put(key, value.map(|end| Out::Word(end_text(end))))
    }

    pub fn duration(self, key: &'static str, value: Option<Duration>) -> Self {
        self.put(key, value.map(|duration| Out::Word(duration_text(duration))))
    }

    pub fn interval(self, key: &'static str, interval: &Interval) -> Self {
        let sides = Self::default().time("from", interval.from).end("until", interval.until);
        let known = !sides.0.is_empty();
        self.put(key, known.then_some(Out::Map(sides)))
    }

    /// None are not written.
    pub fn intervals(self, key: &'static str, intervals: &[Interval]) -> Self {
        let list = intervals.iter().map(|interval| {
            Self::default().time("from", interval.from).end("until", interval.until).into_out()
        });
        self.put(key, Out::some_list(list))
    }

    pub fn assurance(self, key: &'static str, assurance: Option<&Assurance>) -> Self {
        let levels = |assurance: &Assurance| {
            let Assurance { ial, aal, fal, phishing_resistant, workload } = *assurance;
            Self::default()
                .level("ial", ial)
                .level("aal", aal)
                .level("fal", fal)
                .flag("phishing_resistant", phishing_resistant)
                .level("workload", workload)
                .into_out()
        };
        self.put(key, assurance.map(levels))
    }

    /// The same keys and values as JSON.
    pub fn into_json(self) -> serde_json::Value {
        let json = |(key, value): (&'static str, Out)| (key.to_owned(), value.into_json());
        serde_json::Value::Object(self.0.into_iter().map(json).collect())
    }

    pub fn into_out(self) -> Out {
        Out::Map(self)
    }

    /// As an item of a list: one key a line, what is inside on the same line, except lists of
    /// mappings, which take a line for each.
    pub fn write_block(&self, out: &mut String) {
        for (at, (key, value)) in self.0.iter().enumerate() {
            out.push_str(if at == 0 { "  - " } else { "    " });
            out.push_str(key);
            out.push(':');
            match value {
                Out::List(items) if items.iter().any(|item| matches!(item, Out::Map(_))) => {
                    out.push('\n');
                    for item in items {
                        out.push_str("      - ");
                        item.write_flow(out);
                        out.push('\n');
                    }
                }
                Out::Block(text) if is_block(text) => {
                    // The indentation is said, so that a text may begin with spaces.
                    out.push_str(if text.ends_with('\n') { " |2\n" } else { " |2-\n" });
                    for line in text.lines() {
                        out.push_str(if line.is_empty() { "" } else { "      " });
                        out.push_str(line);
                        out.push('\n');
                    }
                }
                _ => {
                    out.push(' ');
                    value.write_flow(out);
                    out.push('\n');
                }
            }
        }
    }
}

/// Whether every reader of YAML gives the text back from a block, to the byte: printable lines, of
/// which none is of spaces only, and one line end after the last, or none.
fn is_block(text: &str) -> bool {
    let is_line = |line: &str| {
        !line.chars().any(is_unprintable) && (line.is_empty() || !line.trim().is_empty())
    };
    let body = text.strip_suffix('\n').unwrap_or(text);
    !body.is_empty() && !body.ends_with('\n') && body.split('\n').all(is_line)
}

/// A text as a YAML scalar on one line. Plain only if no reader of YAML, old or new, could take it
/// for anything but this text.
pub(crate) fn quoted(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if is_unprintable(character) => {
                let code = u32::from(character);
                out.push_str(&match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Words of letters, digits, `_`, `-` and inner dots and spaces, which begin with a letter, and
/// that no YAML version reads as something else.
fn is_plain(text: &str) -> bool {
    const TAKEN: [&str; 12] =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "never"];
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let inner = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b' '));
    let last = text.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric());
    first && inner && last && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
}
