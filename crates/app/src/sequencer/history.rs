//! The leaves that the store does not know to be in the ledger, held against the changes that wait.

use std::collections::VecDeque;

use countersign_ledger::Ledger;
use countersign_ledger::entry::Entry;
use countersign_ledger::tile::TILE_WIDTH;
use countersign_store::Store;
use countersign_store::batch::Also;
use countersign_store::feed::{Changed, Sequenced};

use super::{LEAVES_MAX, SequencerError};

/// Acts that are shown of those that were lost.
const SHOWN_MAX: usize = 20;

/// What became of the leaves beyond those that the store knows of.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Tells the store which leaf is what.
    pub marks: Vec<Also>,
    /// The first leaf that is no change of the store, if there is one.
    pub first_lost: Option<u64>,
    pub lost: u64,
    /// The first of those, as `time noun.verb`; more than a code is in no leaf.
    pub shown: Vec<(i64, String)>,
    /// Whether the store has changes beyond the last leaf that is one of its changes.
    pub waiting: bool,
    /// The newest epoch that a leaf tells of.
    pub epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OfTheFeed,
    Other,
}

impl History {
    pub fn read(ledger: &Ledger, store: &Store) -> Result<Self, SequencerError> {
        let known = store.sequenced()?;
        let mut history = Self::default();
        let mut waiting = Waiting { store, queue: VecDeque::new(), at: known };
        let mut run: Option<(Kind, Sequenced)> = None;
        let mut at = known;
        for index in (known.leaves / TILE_WIDTH as u64).. {
            let Some(bundle) = ledger.bundle(index)? else { break };
            for (leaf, entry) in (index * TILE_WIDTH as u64..).zip(bundle) {
                if leaf < known.leaves {
                    continue;
                }
                let next = waiting.take_if(&entry)?;
                let kind = if next.is_some() { Kind::OfTheFeed } else { Kind::Other };
                if next.is_none() {
                    history.other(leaf, &entry);
                }
                if let Some((of, from)) = run.filter(|(of, _)| *of != kind) {
                    let _ = of;
                    history.marks.push(Also::Sequenced { from, to: at });
                    run = None;
                }
                run.get_or_insert((kind, at));
                let cursor = next.map_or(at.cursor, |change| change.cursor);
                at = Sequenced { leaves: leaf + 1, cursor };
            }
        }
        if let Some((_, from)) = run {
            history.marks.push(Also::Sequenced { from, to: at });
        }
        history.waiting = waiting.has_more()?;
        Ok(history)
    }

    fn other(&mut self, leaf: u64, entry: &[u8]) {
        let (time, what) = match Entry::decode(entry) {
            // What the ledger says of itself was never a change.
            Ok(Entry::KeyRotation(_)) => return,
            Ok(Entry::Epoch(epoch)) => {
                self.epoch = self.epoch.max(epoch.number);
                return;
            }
            Ok(Entry::Change(change)) => (change.time, change.verb.to_owned()),
            Ok(Entry::ChangeBatch(batch)) => {
                (batch.time, format!("{} of {} items", batch.verb, batch.count))
            }
            _ => (0, "an entry that is no change".to_owned()),
        };
        self.first_lost.get_or_insert(leaf);
        self.lost += 1;
        if self.shown.len() < SHOWN_MAX {
            self.shown.push((time, what));
        }
    }
}

/// The changes after those that the store knows to be in the ledger, some at a time.
struct Waiting<'a> {
    store: &'a Store,
    queue: VecDeque<Changed>,
    at: Sequenced,
}

impl Waiting<'_> {
    fn has_more(&mut self) -> Result<bool, SequencerError> {
        if self.queue.is_empty() {
            self.queue.extend(self.store.changes(self.at.cursor, LEAVES_MAX)?);
        }
        Ok(!self.queue.is_empty())
    }

    /// The next change, if this is its leaf.
    fn take_if(&mut self, leaf: &[u8]) -> Result<Option<Changed>, SequencerError> {
        if !self.has_more()? {
            return Ok(None);
        }
        let next = self.queue.pop_front_if(|change| change.leaf == leaf);
        if let Some(change) = &next {
            self.at.cursor = change.cursor;
        }
        Ok(next)
    }
}
