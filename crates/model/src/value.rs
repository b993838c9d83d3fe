//! Values that an application gives its own subjects and resources: what its policies may read.

use std::collections::BTreeMap;

/// A mapping of names to values.
pub type Record = BTreeMap<String, Value>;

/// A value deeper than this is refused; a value in no list and no record is at depth 1.
pub const DEPTH_MAX: usize = 8;
/// The properties of one subject or resource: their names, texts and 8 bytes for each value.
pub const BYTES_MAX: usize = 16 * 1024;

/// What can be compared without doubt: a fraction has no exact form, so there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Bool(bool),
    Whole(i64),
    Text(String),
    List(Vec<Value>),
    Record(Record),
}

/// How much a record takes of [`BYTES_MAX`].
pub fn bytes(record: &Record) -> usize {
    record.iter().map(|(name, value)| name.len() + value.bytes()).sum()
}

impl Value {
    /// How much it takes of [`BYTES_MAX`].
    pub fn bytes(&self) -> usize {
        const EACH: usize = 8;
        match self {
            Self::Bool(_) | Self::Whole(_) => EACH,
            Self::Text(text) => EACH + text.len(),
            Self::List(items) => EACH + items.iter().map(Self::bytes).sum::<usize>(),
            Self::Record(record) => EACH + bytes(record),
        }
    }
}
