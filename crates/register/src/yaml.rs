//! YAML text to a tree whose every node knows its place. No anchors, aliases, tags or merge keys;
//! size, depth and number of nodes are limited.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::mistake::{Mistakes, Place};
use crate::suggest::shown;

/// One file. A register of fifty thousand identities takes about this much.
pub const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// All files together: about a hundred bytes of memory each.
pub const NODES_MAX: usize = 4_000_000;
/// The register needs eight levels.
const DEPTH_MAX: usize = 16;
/// No noun has as many; it bounds the search for a key that is there twice.
pub(crate) const KEYS_MAX: usize = 128;
/// One scalar; the longest honest one is a justification, unless it is a text of Cedar.
pub(crate) const SCALAR_BYTES_MAX: usize = 16 * 1024;
/// A text of Cedar: some hundreds of policies.
pub(crate) const CEDAR_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
    /// A scalar that can only be a text. Only properties, which have no kind of their own, care.
    pub is_quoted: bool,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// As written: `0123` keeps its zero.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

impl Node {
    pub fn of(place: Place, value: Value) -> Self {
        Self { place, value, is_quoted: false }
    }

    /// A scalar that is a text, whatever it looks like.
    pub fn text(place: Place, text: String) -> Self {
        Self { place, value: Value::Scalar(text), is_quoted: true }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else {
            return None;
        };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn list(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Scalar(_) | Value::Map(_) => &[],
        }
    }
}

/// The documents of one file. `None` if it could not be read to its end, which has been reported.
///
/// `nodes` is how many more may be read, over all files.
pub(crate) fn read(
    file: usize,
    text: &str,
    nodes: &mut usize,
    mistakes: &mut Mistakes,
) -> Option<Vec<Node>> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes, the most is {FILE_BYTES_MAX}", text.len());
        let fix = Some("split it into several files".to_owned());
        mistakes.push(Place { file, line: 0, column: 0 }, message, fix);
        return None;
    }
    let mut builder = Builder { file, nodes, stack: Vec::new(), documents: Vec::new(), mistakes };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(error) => {
                let mark = error.marker();
                let place = Place { file, line: mark.line(), column: mark.col() + 1 };
                // The text of the scanner's own message: it names at most one character.
                let message = format!("not YAML: {}", shown(error.info()).replace('`', "'"));
                mistakes.push(place, message, None);
                return None;
            }
        }
    }
    Some(builder.documents)
}

struct Builder<'a> {
    file: usize,
    nodes: &'a mut usize,
    stack: Vec<Open>,
    documents: Vec<Node>,
    mistakes: &'a mut Mistakes,
}

/// A list or mapping that is not closed yet.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<Entry>, Option<Key>),
}

/// A key waits for its value. `None`: refused, so its value is dropped.
type Key = Option<(String, Place)>;

impl Builder<'_> {
    /// `None` if the file must not be read further.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let place =
            Place { file: self.file, line: span.start.line(), column: span.start.col() + 1 };
        if *self.nodes == 0 {
            let message = format!("more than {NODES_MAX} keys and values in all files");
            self.mistakes.push(place, message, None);
            return None;
        }
        *self.nodes -= 1;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(place, anchor, tag.is_some());
                let value = self.scalar(place, &text, style);
                self.add(Node { place, value, is_quoted: style != ScalarStyle::Plain });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(place, anchor, tag.is_some());
                self.open(Open::List(place, Vec::new()), place)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(place, anchor, tag.is_some());
                self.open(Open::Map(place, Vec::new(), None), place)?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Open::List(place, items)) => {
                    self.add(Node::of(place, Value::List(items)));
                }
                Some(Open::Map(place, entries, _)) => {
                    self.add(Node::of(place, Value::Map(entries)));
                }
                None => {}
            },
            Event::Alias(_) => {
                let fix = "write it out where it is used";
                self.mistakes.push(place, "aliases are refused".to_owned(), Some(fix.to_owned()));
                self.add(Node::of(place, Value::Null));
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn refuse_extras(&mut self, place: Place, anchor: usize, tagged: bool) {
        if anchor != 0 {
            let fix = "write the value out where it is used".to_owned();
            self.mistakes.push(place, "anchors are refused".to_owned(), Some(fix));
        }
        if tagged {
            let fix = "leave the tag out; quote the value if it must be text".to_owned();
            self.mistakes.push(place, "tags are refused".to_owned(), Some(fix));
        }
    }

    fn scalar(&mut self, place: Place, text: &str, style: ScalarStyle) -> Value {
        let plain = style == ScalarStyle::Plain;
        if plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
            return Value::Null;
        }
        let most = if plain { SCALAR_BYTES_MAX } else { CEDAR_BYTES_MAX };
        if text.len() > most {
            let message = format!("a text of {} bytes, the most is {most}", text.len());
            self.mistakes.push(place, message, None);
            return Value::Scalar("(too long)".to_owned());
        }
        Value::Scalar(text.to_owned())
    }

    fn open(&mut self, open: Open, place: Place) -> Option<()> {
        if self.stack.len() >= DEPTH_MAX {
            let message = format!("nested more than {DEPTH_MAX} deep");
            self.mistakes.push(place, message, None);
            return None;
        }
        self.stack.push(open);
        Some(())
    }

    fn add(&mut self, node: Node) {
        match self.stack.last_mut() {
            None => self.documents.push(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, waiting)) => match waiting.take() {
                None => *waiting = Some(key(node, entries, self.mistakes)),
                Some(None) => {}
                Some(Some((key, place))) => entries.push(Entry { key, place, node }),
            },
        }
    }
}

fn key(node: Node, entries: &[Entry], mistakes: &mut Mistakes) -> Key {
    let place = node.place;
    let Value::Scalar(key) = node.value else {
        let fix = Some("quote it if it is a name".to_owned());
        mistakes.push(place, "a key must be a name".to_owned(), fix);
        return None;
    };
    if key == "<<" {
        let fix = Some("write the keys out where they are used".to_owned());
        mistakes.push(place, "merge keys are refused".to_owned(), fix);
        return None;
    }
    if entries.len() >= KEYS_MAX {
        let fix = Some("lists begin each item with `-`".to_owned());
        mistakes.push(place, format!("more than {KEYS_MAX} keys in one place"), fix);
        return None;
    }
    if let Some(first) = entries.iter().find(|entry| entry.key == key) {
        let message = format!("{} is there twice", shown(&key));
        let fix = Some(format!("keep one; the first is on line {}", first.place.line));
        mistakes.push(place, message, fix);
        return None;
    }
    Some((key, place))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::mistake::Mistakes;

    #[test]
    fn the_number_of_keys_and_values_is_limited_over_all_files() {
        let mut mistakes = Mistakes::default();
        let mut nodes = 11;
        assert!(read(0, "company: A", &mut nodes, &mut mistakes).is_some());
        assert!(read(1, "company: A", &mut nodes, &mut mistakes).is_none());
        let files = [("a".to_owned(), String::new()), ("b".to_owned(), String::new())];
        let found = mistakes.into_sorted(&files);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].file.as_str(), found[0].line), ("b", 1));
    }
}
