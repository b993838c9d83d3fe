//! One JSON value as found in a file, to the records in it.

use std::borrow::Cow;

use countersign_model::event::Event;

use crate::compile::{Definitions, Source};
use crate::extract::Reason;
use crate::read::Recent;
use crate::scan::{Keys, ScanError, members};
use crate::take::Slots;
use crate::text;

/// Exports wrap records in records, but not deeper than this.
const DEPTH_MAX: usize = 4;
/// Under these keys other tools keep the record they forward, in whatever case.
const WRAPPERS: [&str; 21] = [
    "log",
    "event",
    "message",
    "_raw",
    "raw_data",
    "detail",
    "jsonPayload",
    "record",
    "AuditData",
    "properties",
    "CloudTrailEvent",
    "_source",
    "hits",
    "original",
    "event.original",
    "result",
    "raw",
    "body",
    "payload",
    "@message",
    "data",
];
/// Under these keys exports keep lists of records, beside what definitions say.
const LISTS: [&str; 12] = [
    "Records",
    "records",
    "value",
    "items",
    "events",
    "entries",
    "logs",
    "data",
    "logEvents",
    "hits",
    "results",
    "Messages",
];
/// Of a record that holds a line of text, its time.
const TIMES: [&str; 4] = ["@timestamp", "timestamp", "time", "ts"];

/// A value larger than this is looked at as an export first: each definition would read it whole.
const EXPORT_BYTES_MIN: usize = 1 << 16;
const EXPORTS: [&str; 3] = ["Records", "records", "value"];

/// The elements of a list of records that begins in `text`, which is not whole: a bare list, or one
/// under a key by which exports wrap records.
pub fn begun_list(text: &str) -> Option<&str> {
    let text = text.trim_start();
    if let Some(elements) = text.strip_prefix('[') {
        return Some(elements);
    }
    LISTS.iter().find_map(|key| {
        let (_, after) = text.split_once(&format!("\"{key}\""))?;
        after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('[')
    })
}

/// What became of a record.
#[expect(clippy::large_enum_variant, reason = "one lives for one record, and is never stored")]
pub enum Outcome<'a> {
    Event(Event<'a>),
    Bad(Reason),
    /// No event, and known: what such records are.
    Beside(&'a str),
}

/// Takes each record out of `text`, one JSON value. `visit` gets the ordinal of the record inside
/// it, from 1.
pub fn each(
    definitions: &Definitions,
    recent: &mut Recent,
    text: &str,
    visit: &mut dyn FnMut(u64, Outcome<'_>),
) {
    let mut walk = Walk { definitions, recent, ordinal: 0, visit };
    walk.value(text, 0);
}

struct Walk<'w> {
    definitions: &'w Definitions,
    recent: &'w mut Recent,
    ordinal: u64,
    visit: &'w mut dyn FnMut(u64, Outcome<'_>),
}

impl Walk<'_> {
    fn value(&mut self, text: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return self.bad("records are wrapped too deep");
        }
        if text.starts_with('[') {
            return self.list(text, depth);
        }
        let is_export = text.len() > EXPORT_BYTES_MIN;
        if is_export && self.inside_list(text, &EXPORTS, depth) {
            return;
        }
        if self.record(text, depth)
            || self.inside(text, depth)
            || self.folded(text)
            || self.beside(text)
        {
            return;
        }
        self.bad(match members(text) {
            Ok(_) => "no definition knows this record: `countersign sources` lists those there are, --source adds one",
            Err(ScanError::TooDeep) => "this is nested too deep",
            Err(ScanError::Malformed | ScanError::Twice) => "this is not JSON",
        });
    }

    fn bad(&mut self, reason: &str) {
        self.ordinal += 1;
        (self.visit)(self.ordinal, Outcome::Bad(reason.to_owned()));
    }

    fn list(&mut self, text: &str, depth: usize) {
        if crate::scan::elements(text, |element| self.value(element, depth + 1)).is_err() {
            self.bad("a list of records is cut, nested too deep or no JSON");
        }
    }

    /// The record itself, by the definition that knew the last one, else by any.
    fn record(&mut self, text: &str, depth: usize) -> bool {
        let definitions = self.definitions;
        let all = &definitions.all;
        let keys = if self.recent.is_folded { Keys::Folded } else { Keys::AsWritten };
        let known = all
            .get(self.recent.source)
            .and_then(|source| Some((source, source.detect(text, keys)?)));
        let found = known.or_else(|| {
            all.iter().enumerate().find_map(|(at, source)| {
                let slots = source.detect(text, Keys::AsWritten)?;
                *self.recent = Recent { source: at, is_folded: false };
                Some((source, slots))
            })
        });
        let Some((source, slots)) = found else { return false };
        if let Some(from) = source.made_from.as_ref().and_then(|take| take.as_written(&slots))
            && from.starts_with('{')
            && self.known(&from)
        {
            self.value(&from, depth + 1);
        } else {
            self.take(source, text, &slots);
        }
        true
    }

    /// A record that another tool wrapped, or a list of them.
    fn inside(&mut self, text: &str, depth: usize) -> bool {
        let own =
            self.definitions.all.iter().flat_map(|source| &source.envelopes).map(String::as_str);
        let lists: Vec<&str> = LISTS.into_iter().chain(own).collect();
        self.inside_list(text, &lists, depth) || self.inside_wrapper(text, depth)
    }

    fn inside_list(&mut self, text: &str, keys: &[&str], depth: usize) -> bool {
        let Ok(members) = members(text) else { return false };
        let Some((_, list)) = members.iter().find(|(key, list)| is_list(key, list, keys)) else {
            return false;
        };
        self.list(list, depth);
        true
    }

    fn inside_wrapper(&mut self, text: &str, depth: usize) -> bool {
        let Ok(members) = members(text) else { return false };
        for wrapper in WRAPPERS {
            let named = members.iter().filter(|(key, _)| key.eq_ignore_ascii_case(wrapper));
            for (_, inner) in named {
                let before = self.ordinal;
                if let Some(held) = held(inner, &members)
                    && self.holds(&held, depth + 1)
                {
                    self.value(&held, depth + 1);
                }
                if self.ordinal > before {
                    return true;
                }
            }
        }
        false
    }

    /// Whether a record that some definition knows is in `text`, itself or wrapped again.
    fn holds(&self, text: &str, depth: usize) -> bool {
        if depth > DEPTH_MAX {
            return false;
        }
        if self.known(text) {
            return true;
        }
        let Ok(members) = members(text) else { return false };
        members.iter().any(|(key, inner)| {
            (is_list(key, inner, &LISTS) && self.holds_first(inner, depth))
                || (WRAPPERS.iter().any(|wrapper| key.eq_ignore_ascii_case(wrapper))
                    && held(inner, &members).is_some_and(|held| self.holds(&held, depth + 1)))
        })
    }

    fn holds_first(&self, list: &str, depth: usize) -> bool {
        let mut first = None;
        let read = crate::scan::elements(list, |element| {
            first.get_or_insert_with(|| self.holds(element, depth + 1));
        });
        read.is_ok() && first != Some(false)
    }

    fn known(&self, text: &str) -> bool {
        let by =
            |keys| self.definitions.all.iter().any(|source| source.detect(text, keys).is_some());
        by(Keys::AsWritten) || by(Keys::Folded)
    }

    /// Some pipelines write all keys in lower case.
    fn folded(&mut self, text: &str) -> bool {
        let all = &self.definitions.all;
        let found = all.iter().enumerate().find_map(|(at, source)| {
            let slots = source.detect(text, Keys::Folded)?;
            *self.recent = Recent { source: at, is_folded: true };
            Some((source, slots))
        });
        let Some((source, slots)) = found else { return false };
        self.take(source, text, &slots);
        true
    }

    fn beside(&mut self, text: &str) -> bool {
        let definitions = self.definitions;
        let Some(what) = definitions.all.iter().find_map(|source| source.beside(text)) else {
            return false;
        };
        self.ordinal += 1;
        (self.visit)(self.ordinal, Outcome::Beside(what));
        true
    }

    fn take(&mut self, source: &Source, text: &str, slots: &Slots<'_>) {
        self.ordinal += 1;
        let outcome = match source.event(text, slots) {
            Ok(event) => Outcome::Event(event),
            Err(reason) => Outcome::Bad(reason),
        };
        (self.visit)(self.ordinal, outcome);
    }
}

type Members<'a> = [(Cow<'a, str>, &'a str)];

/// A list of records, or of none.
fn is_list(key: &str, list: &str, keys: &[&str]) -> bool {
    let is_of_objects = |list: &str| list.trim_start().starts_with(['{', '[', ']']);
    list.strip_prefix('[').is_some_and(is_of_objects)
        && keys.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// The record that a member is, or holds as text.
fn held<'a>(inner: &'a str, members: &Members<'_>) -> Option<Cow<'a, str>> {
    if inner.starts_with('{') {
        return Some(Cow::Borrowed(inner));
    }
    let line: String = serde_json::from_str(inner).ok()?;
    let time = TIMES.iter().find_map(|time| members.iter().find(|(key, _)| key == time));
    let time = time.and_then(|(_, time)| serde_json::from_str(time).ok());
    text::held(&line, time.as_ref()).map(|held| Cow::Owned(held.into_owned()))
}
