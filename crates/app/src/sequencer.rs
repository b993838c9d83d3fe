//! Moves the evidence of changes from the store into the ledger, in the order of the feed.
//!
//! A change is *durable* once its transaction is on disk; it is *proven* once a signed checkpoint
//! covers its leaf. The one sequencer of a ledger makes the second of the first. It may stop
//! anywhere: a leaf that is in the ledger already is not added again.

mod epoch;
mod history;

use countersign_ledger::entry::EntryError;
use countersign_ledger::{Ledger, LedgerError};
use countersign_store::batch::{Also, Batch};
use countersign_store::feed::Sequenced;
use countersign_store::{Failpoint, Outcome, Store, StoreError};

pub use self::epoch::{Begun, begin as begin_epoch};
use self::history::History;

/// Leaves in one checkpoint.
const LEAVES_MAX: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "the ledger has {ledger} leaves, the store knows of {store}: the ledger's folder is older \
         than the store. Put back the newest ledger; what it proves must not be signed again"
    )]
    LedgerIsOlder { ledger: u64, store: u64 },
    #[error(
        "the ledger has {ledger} leaves and the store has changes for {store} only: the store lost \
         what was evidenced. Put back the newest store, or start a new epoch by `countersign restore`"
    )]
    StoreIsOlder { ledger: u64, store: u64 },
    #[error(
        "leaf {0} of the ledger is not the change that the store has there: they are not of one \
         history. Put back the store and the ledger that belong together"
    )]
    Differs(u64),
    #[error("the new epoch has no leaf")]
    Leaf(#[from] EntryError),
}

impl SequencerError {
    /// Whether it may go by itself: the server of the store is not there, or another node still
    /// writes the ledger.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => error.is_passing(),
            Self::Ledger(error) => matches!(error, LedgerError::Locked(_)),
            _ => false,
        }
    }
}

/// The one writer of the instance's ledger.
pub struct Sequencer {
    /// Opened in order.
    ledger: Ledger,
    failpoint: Failpoint,
}

impl std::fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sequencer({:?})", self.ledger)
    }
}

impl Sequencer {
    /// # Errors
    /// If store and ledger cannot be of one history.
    pub fn new(ledger: Ledger, store: &Store) -> Result<Self, SequencerError> {
        let known = store.sequenced()?;
        let size = ledger.checkpoint().size;
        if size < known.leaves {
            return Err(SequencerError::LedgerIsOlder { ledger: size, store: known.leaves });
        }
        // Between a checkpoint and its mark in the store there may be one batch, and entries of the
        // ledger's own.
        let history = History::read(&ledger, store)?;
        if let Some(leaf) = history.first_lost {
            return Err(match history.waiting {
                true => SequencerError::Differs(leaf),
                false => SequencerError::StoreIsOlder { ledger: size, store: leaf },
            });
        }
        if !history.marks.is_empty() {
            store.commit(Batch { also: history.marks, ..Batch::default() })?;
        }
        Ok(Self { ledger, failpoint: store.failpoint() })
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// One batch: how many leaves the ledger has now, and whether more wait.
    pub fn step(&mut self, store: &Store) -> Result<(u64, bool), SequencerError> {
        let from = store.sequenced()?;
        let changes = store.changes(from.cursor, LEAVES_MAX)?;
        let Some(last) = changes.last() else {
            return Ok((self.ledger.checkpoint().size, false));
        };
        let evidence: Vec<&[u8]> = changes.iter().map(|change| change.leaf.as_slice()).collect();
        (self.failpoint)("ledger.append.before");
        let appended = self.ledger.append_from(from.leaves, &evidence)?;
        (self.failpoint)("ledger.append.after");
        let leaves = appended.tree_size;
        let to = Sequenced { leaves, cursor: last.cursor };
        let also = vec![Also::Sequenced { from, to }];
        match store.commit(Batch { also, ..Batch::default() })? {
            Outcome::Done(_) => Ok((leaves, changes.len() == LEAVES_MAX)),
            Outcome::Conflict { .. } | Outcome::TokenSpent => Ok((leaves, true)),
        }
    }
}
