//! Batches being made: rows of a trace or decisions, in the one form that `verify` reads.

use std::path::Path;

use crate::bundle::{BATCH_ROWS_MAX, batch_path, begin_batch, ends_batch, push_row};
use crate::disk::{Disk, Folder};
use crate::entry::{Batch, row_time};
use crate::log::{BATCH_BYTES_MAX, BATCH_FILE_BYTES_MAX, LogError, check_length};
use crate::merkle::{Hash, leaf_hash, root_of};

/// The rows of one batch, in their order.
#[derive(Debug, Default)]
pub struct Rows {
    file: Vec<u8>,
    hashes: Vec<Hash>,
    first: i64,
    last: i64,
}

impl Rows {
    /// Adds a row, an encoded [`crate::entry::Row`] or [`crate::entry::Decision`].
    ///
    /// # Errors
    /// If it is something else. A batch that is full takes no more; ask [`Rows::is_full`].
    pub fn push(&mut self, row: &[u8]) -> Result<(), LogError> {
        let time = row_time(row).ok_or(LogError::NotARow)?;
        check_length(row)?;
        if self.is_full() {
            return Err(LogError::BatchFull);
        }
        let hash = leaf_hash(row);
        if self.hashes.is_empty() {
            begin_batch(&mut self.file);
            (self.first, self.last) = (time, time);
        }
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        push_row(&mut self.file, row, &hash);
        self.hashes.push(hash);
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.hashes.len() >= BATCH_ROWS_MAX || self.file.len() >= BATCH_BYTES_MAX
    }

    /// Whether the last row itself ends the batch, so that a later run makes the same ones.
    pub(crate) fn ends(&self) -> bool {
        let last = self.hashes.last();
        self.is_full() || last.is_some_and(|last| ends_batch(self.hashes.len(), last))
    }

    /// The entry that stands for them; `None` if there are none.
    pub fn batch(&self) -> Option<Batch> {
        let count = u16::try_from(self.hashes.len()).ok().filter(|count| *count > 0)?;
        let root = root_of(&self.hashes);
        Some(Batch { root, count, first: self.first, last: self.last })
    }

    pub(crate) fn file(&self) -> &[u8] {
        &self.file
    }

    /// Their memory serves for the next batch.
    pub(crate) fn clear(&mut self) {
        self.hashes.clear();
    }

    /// Writes the file of the batch into a ledger's folder, where its entry will need it, and makes it
    /// durable. Whoever writes the ledger need not be asked: no entry names the file yet. One that is
    /// there already must be the same.
    ///
    /// # Errors
    /// What the disk says; `Other` if a file of that name holds something else.
    pub fn keep(&self, ledger: &Path) -> Result<Option<Batch>, LogError> {
        let Some(batch) = self.batch() else { return Ok(None) };
        let path = batch_path(&batch.root);
        let mut disk = Folder::new(ledger);
        let io = |source| LogError::Io { file: path.clone(), source };
        match disk.read(&path, BATCH_FILE_BYTES_MAX).map_err(io)? {
            Some(there) if there == self.file => {
                // It may have been renamed by somebody who could not sync the name any more.
                crate::disk::sync_folder(&ledger.join("batches")).map_err(LogError::Sync)?;
            }
            Some(_) => return Err(LogError::OtherBatch(path)),
            None => {
                let new = format!("{path}.new");
                disk.write(&new, &self.file).map_err(io)?;
                disk.sync().map_err(LogError::Sync)?;
                disk.rename(&new, &path).map_err(io)?;
                disk.sync().map_err(LogError::Sync)?;
            }
        }
        Ok(Some(batch))
    }
}

#[cfg(test)]
mod tests;
