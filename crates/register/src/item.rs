//! Reads values out of a checked mapping. What did not pass the check reads as absent; the mistake
//! has been reported by then.

use countersign_model::assurance::Assurance;
use countersign_model::time::{Duration, End, Interval, Timestamp};
use countersign_model::value::Record;

use crate::properties;
use crate::scalar;
use crate::yaml::{Node, Value};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a>(pub &'a Node);

impl<'a> Item<'a> {
    fn scalar(self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.scalar().filter(|text| !text.is_empty())
    }

    pub fn text(self, key: &str) -> Option<String> {
        self.scalar(key).map(str::to_owned)
    }

    /// A reference or the item's own id.
    pub fn id<T: for<'s> From<&'s str>>(self, key: &str) -> Option<T> {
        self.scalar(key).map(T::from)
    }

    pub fn ids<T: for<'s> From<&'s str>>(self, key: &str) -> Vec<T> {
        self.nodes(key).iter().filter_map(Node::scalar).map(T::from).collect()
    }

    /// `None` if the key is absent; an empty list is known to be empty.
    pub fn texts(self, key: &str) -> Option<Vec<String>> {
        let node = self.0.get(key)?;
        matches!(node.value, Value::List(_))
            .then(|| node.list().iter().filter_map(Node::scalar).map(str::to_owned).collect())
    }

    pub fn flag(self, key: &str) -> Option<bool> {
        match self.scalar(key)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    pub fn level(self, key: &str) -> Option<u8> {
        self.scalar(key)?.parse().ok()
    }

    pub fn time(self, key: &str) -> Option<Timestamp> {
        scalar::time(self.scalar(key)?)
    }

    pub fn end(self, key: &str) -> Option<End> {
        scalar::end(self.scalar(key)?)
    }

    pub fn duration(self, key: &str) -> Option<Duration> {
        scalar::duration(self.scalar(key)?)
    }

    /// `key: {from: …, until: …}`.
    pub fn interval(self, key: &str) -> Interval {
        self.map(key).map(Item::own_interval).unwrap_or_default()
    }

    pub fn intervals(self, key: &str) -> Vec<Interval> {
        self.maps(key).map(Item::own_interval).collect()
    }

    /// `from` and `until` of the item itself.
    pub fn own_interval(self) -> Interval {
        Interval { from: self.time("from"), until: self.end("until") }
    }

    pub fn assurance(self, key: &str) -> Option<Assurance> {
        let levels = self.map(key)?;
        Some(Assurance {
            ial: levels.level("ial"),
            aal: levels.level("aal"),
            fal: levels.level("fal"),
            phishing_resistant: levels.flag("phishing_resistant"),
            workload: levels.level("workload"),
        })
    }

    /// Empty if the key is absent.
    pub fn properties(self, key: &str) -> Record {
        self.0.get(key).map(properties::read).unwrap_or_default()
    }

    pub fn one_of<T: Copy>(self, key: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
        let text = self.scalar(key)?;
        all.iter().copied().find(|value| name(*value) == text)
    }

    /// A list of words; what is none of `all` reads as absent.
    pub fn words<T: Copy>(self, key: &str, all: &[T], name: fn(T) -> &'static str) -> Vec<T> {
        let texts = self.nodes(key).iter().filter_map(Node::scalar);
        texts.filter_map(|text| all.iter().copied().find(|value| name(*value) == text)).collect()
    }

    pub fn map(self, key: &str) -> Option<Item<'a>> {
        let node = self.0.get(key)?;
        matches!(node.value, Value::Map(_)).then_some(Item(node))
    }

    pub fn maps(self, key: &str) -> impl Iterator<Item = Item<'a>> + use<'a> {
        self.nodes(key).iter().map(Item)
    }

    fn nodes(self, key: &str) -> &'a [Node] {
        self.0.get(key).map_or(&[], Node::list)
    }
}
