//! A restored store goes on: what was lost is told, and the ledger says from where it counts anew.

use countersign_ledger::Ledger;
use countersign_ledger::entry::{Entry, Epoch};
use countersign_model::time::Timestamp;
use countersign_store::Store;
use countersign_store::batch::{Also, Batch};
use countersign_store::feed::Sequenced;

use super::{History, SequencerError};
use crate::micros;

/// How a restored instance begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub epoch: u64,
    /// Leaves in the ledger, the one of the epoch included.
    pub leaves: u64,
    /// Acts that are evidenced and that the store does not have: they were done after the backup.
    pub lost: u64,
    /// The first of them: when, and what was done. Of whom and of what a leaf does not tell.
    pub shown: Vec<(Timestamp, String)>,
}

/// Makes a restored store and a ledger of the same history one again, by a new epoch: the leaves that
/// the store has no changes for stay, an entry after them says so, revisions go on above every one that
/// was given before, and no session, key or code of before is taken.
///
/// May be done again after a crash.
///
/// # Errors
/// `LedgerIsOlder` if leaves of the store's are missing: what was proven must not be signed again.
pub fn begin(ledger: &mut Ledger, store: &Store, at: Timestamp) -> Result<Begun, SequencerError> {
    let known = store.sequenced()?;
    let checkpoint = ledger.checkpoint().clone();
    if checkpoint.size < known.leaves {
        let (ledger, store) = (checkpoint.size, known.leaves);
        return Err(SequencerError::LedgerIsOlder { ledger, store });
    }
    let history = History::read(ledger, store)?;
    let of_store = store.meta("epoch")?.and_then(|text| text.parse().ok()).unwrap_or(1);
    let number = history.epoch.max(of_store) + 1;
    let (size, root) = (checkpoint.size, checkpoint.root);
    let leaf = Entry::Epoch(Epoch { time: at.0, number, why: "restore", size, root }).encode()?;
    let appended = ledger.append_from(size, &[leaf])?;
    let mut also = history.marks;
    let cursor = match also.last() {
        Some(Also::Sequenced { to, .. }) => to.cursor,
        _ => known.cursor,
    };
    let from = Sequenced { leaves: size, cursor };
    let to = Sequenced { leaves: appended.tree_size, cursor };
    also.push(Also::Sequenced { from, to });
    also.push(Also::Epoch { number, at: micros(at) });
    store.commit(Batch { also, ..Batch::default() })?;
    let shown = history.shown.into_iter().map(|(time, what)| (Timestamp(time), what)).collect();
    Ok(Begun { epoch: number, leaves: appended.tree_size, lost: history.lost, shown })
}
