//! One JSON value as found in a file, to the records in it.

use countersign_model::event::Event;

use crate::compile::{Definitions, Source};
use crate::extract::Reason;
use crate::read::Recent;
use crate::scan::{Keys, ScanError, members};
use crate::take::Slots;

/// Exports wrap records in records, but not deeper than this.
const DEPTH_MAX: usize = 4;
/// Under these keys other tools keep the record they forward.
const WRAPPERS: [&str; 10] = [
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
];
/// Under these keys exports keep lists of records, beside what definitions say.
const LISTS: [&str; 8] =
    ["Records", "records", "value", "items", "events", "entries", "logs", "data"];

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
        if self.record(text, depth) || self.inside(text, depth) || self.folded(text) {
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
        let list = members
            .iter()
            .find(|(key, list)| list.starts_with('[') && keys.contains(&key.as_ref()));
        let Some((_, list)) = list else { return false };
        self.list(list, depth);
        true
    }

    fn inside_wrapper(&mut self, text: &str, depth: usize) -> bool {
        let Ok(members) = members(text) else { return false };
        for wrapper in WRAPPERS {
            let Some((_, inner)) = members.iter().find(|(key, _)| key == wrapper) else { continue };
            let before = self.ordinal;
            if inner.starts_with('{') && (self.known(inner) || self.is_wrapped(inner)) {
                self.value(inner, depth + 1);
            } else if inner.starts_with('"') {
                let Ok(unquoted) = serde_json::from_str::<String>(inner) else { continue };
                if unquoted.starts_with('{') && self.known(&unquoted) {
                    self.value(&unquoted, depth + 1);
                }
            }
            if self.ordinal > before {
                return true;
            }
        }
        false
    }

    /// Azure keeps the audit log of a cluster as text under `properties.log`.
    fn is_wrapped(&self, text: &str) -> bool {
        let Ok(members) = members(text) else { return false };
        members.iter().filter(|(key, _)| key == "log").any(|(_, inner)| {
            serde_json::from_str::<String>(inner).is_ok_and(|inner| self.known(&inner))
        })
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

    fn take(&mut self, source: &Source, text: &str, slots: &Slots<'_>) {
        self.ordinal += 1;
        let outcome = match source.event(text, slots) {
            Ok(event) => Outcome::Event(event),
            Err(reason) => Outcome::Bad(reason),
        };
        (self.visit)(self.ordinal, outcome);
    }
}
