//! Decisions that were made: found in the journal, explained, and made again.
//!
//! A decision is made again from what its record names: the question, the moment, the place of the
//! feed and the policies. If all of it is still here, the same bytes come out.

mod again;
mod report;
mod trial;

use countersign_journal::{Journal, JournalError, Records, Stored};
use countersign_ledger::entry::{Decision as Leaf, Entry};
use countersign_model::time::{Duration, NANOS_PER_SECOND, Timestamp};
use countersign_register::time;
use countersign_store::feed::Cursor;
use serde_json::Value as Json;

pub use self::again::{Again, Explained};
pub use self::report::{Count, Report};
pub use self::trial::{Changed, Trial};
use crate::decide::{DecisionId, Question, Way, not_ready};
use crate::live::Live;
use crate::{App, AppError, Caller};

/// By how much two records may stand in another order than they were made.
const DISORDER: i64 = 5 * NANOS_PER_SECOND;

/// A decision as its record has it.
#[derive(Debug)]
pub(crate) struct Past {
    pub id: DecisionId,
    pub way: Way,
    pub application: String,
    pub tenant: String,
    pub question: Question,
    pub at: Timestamp,
    pub place: Cursor,
    /// The whole record.
    pub record: Json,
}

impl Past {
    /// `None` if the record is of a search, or of another form.
    fn read(body: &[u8]) -> Option<Self> {
        let record: Json = serde_json::from_slice(body).ok()?;
        let text = |name: &str| record[name].as_str();
        let way = Way::ALL.into_iter().find(|way| Some(way.as_str()) == text("way"))?;
        Some(Self {
            id: DecisionId::parse(text("id")?)?,
            way,
            application: text("application")?.to_owned(),
            tenant: text("tenant")?.to_owned(),
            question: serde_json::from_value(record["request"].clone()).ok()?,
            at: time(text("at")?)?,
            place: Cursor {
                transaction: record["facts"][0].as_i64()?,
                seq: record["facts"][1].as_i64()?,
            },
            record,
        })
    }

    fn text(&self, name: &str) -> &str {
        self.record[name].as_str().unwrap_or_default()
    }
}

impl App {
    /// # Errors
    /// `Forbidden` if the caller may not: asked before anything they sent is read.
    pub fn may_see_decisions(&self, caller: &Caller) -> Result<(), AppError> {
        self.demand(caller, "read", "decision")
    }

    /// Blanks what this node's journal holds of a person: the rows remain, and what opened them is gone.
    pub(crate) fn blank_decisions(&self, noun: &str, id: &str) -> Result<(), AppError> {
        let Some(live) = self.live.get().filter(|_| noun == "identity") else { return Ok(()) };
        let is_of = |stored: &Stored| {
            let opening = stored.opening.as_ref();
            let body = opening.and_then(|it| serde_json::from_slice::<Json>(&it.body).ok());
            body.is_some_and(|body| body["identity"] == id || body["actor"] == id)
        };
        live.journal.blank(is_of)?;
        Ok(())
    }

    /// Lets go of the records of decisions that are in the ledger and older than a period. Gives the
    /// first record that is still kept.
    ///
    /// # Errors
    /// If a file cannot be deleted.
    pub fn release_decisions(&self, period: Duration) -> Result<u64, AppError> {
        let Some(live) = self.live.get() else { return Ok(0) };
        let before = first_since(&live.journal, self.now().plus_nanos(-period.0))?;
        Ok(live.journal.release(before)?)
    }

    fn judging(&self) -> Result<&Live, AppError> {
        self.live.get().ok_or_else(not_ready)
    }
}

/// The record of a decision in this node's journal.
fn find(journal: &Journal, id: DecisionId) -> Result<Option<Stored>, JournalError> {
    let made = id.made();
    let around = |time: i64| time.saturating_sub(made.0).saturating_abs() <= DISORDER;
    let from = first_since(journal, Timestamp(made.0.saturating_sub(DISORDER)))?;
    for stored in journal.read_from(from) {
        let stored = stored?;
        match leaf(&stored) {
            Some(leaf) if leaf.id == id.0 => return Ok(Some(stored)),
            Some(leaf) if !around(leaf.time) && leaf.time > made.0 => break,
            _ => (),
        }
    }
    // A clock that jumped puts it elsewhere.
    search(journal.read_from(journal.range().0), id)
        .transpose()
        .or_else(|| search(journal.read_reserve(0), id).transpose())
        .transpose()
}

fn search(mut all: Records, id: DecisionId) -> Result<Option<Stored>, JournalError> {
    let is_it = |stored: &Result<Stored, JournalError>| match stored {
        Ok(stored) => leaf(stored).is_some_and(|leaf| leaf.id == id.0),
        Err(_) => true,
    };
    all.find(is_it).transpose()
}

/// The first record that was made at a moment or later, as far as records are in order.
fn first_since(journal: &Journal, at: Timestamp) -> Result<u64, JournalError> {
    let (mut low, mut high) = journal.range();
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(stored) = journal.read_from(middle).next() else { break };
        match leaf(&stored?).is_none_or(|leaf| leaf.time < at.0) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok(low)
}

fn leaf(stored: &Stored) -> Option<Leaf<'_>> {
    match Entry::decode(&stored.row) {
        Ok(Entry::Decision(leaf)) => Some(leaf),
        _ => None,
    }
}
