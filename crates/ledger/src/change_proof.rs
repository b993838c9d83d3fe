//! That one item of the register is part of an act, and was what somebody says it was: from a leaf
//! whose place in the ledger is proven ([`crate::proof`]) down to the text it commits to.

use crate::entry::{Change, Entry};
use crate::handles::Salt;
use crate::merkle::{Hash, leaf_hash, root_from_inclusion};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    #[error("the entry or the row is not a change of the register")]
    NotAChange,
    #[error("the row is not part of the act that the entry stands for")]
    NotInAct,
    #[error("the text is not the one that was committed to")]
    OtherText,
}

/// One item of an act, as somebody shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownItem<'a> {
    /// An encoded [`Change`]: the entry itself, or a row of its batch.
    pub row: &'a [u8],
    /// In a batch: its position and the hashes that lead to the batch's root.
    pub place: Option<(u64, &'a [Hash])>,
    /// What the row commits to, and the salt; `None` if it was erased, or is not shown.
    pub opening: Option<(&'a [u8], Hash)>,
}

/// Checks an item against the entry of its act. Gives what the row says.
pub fn check_item<'a>(entry: &[u8], item: &ShownItem<'a>) -> Result<Change<'a>, ItemError> {
    let Ok(Entry::Change(change)) = Entry::decode(item.row) else {
        return Err(ItemError::NotAChange);
    };
    match (Entry::decode(entry), item.place) {
        (Ok(Entry::Change(_)), None) if entry == item.row => (),
        (Ok(Entry::ChangeBatch(batch)), Some((index, path))) => {
            let count = u64::from(batch.count);
            let root = root_from_inclusion(index, count, leaf_hash(item.row), path);
            // One act has one id, one time and one author: a row of another is in no batch of it.
            let is_its = (change.id, change.time, change.by) == (batch.id, batch.time, batch.by);
            if root != Some(batch.root) || !is_its {
                return Err(ItemError::NotInAct);
            }
        }
        (Ok(Entry::Change(_) | Entry::ChangeBatch(_)), _) => return Err(ItemError::NotInAct),
        _ => return Err(ItemError::NotAChange),
    }
    match item.opening {
        Some((text, salt)) if Salt::from_bytes(salt).commit(text) != change.after => {
            Err(ItemError::OtherText)
        }
        _ => Ok(change),
    }
}
