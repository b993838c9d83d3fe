//! Changing the key that signs.

use super::{Appended, CHECKPOINT, Log, LogError, NEXT, finish_publication, read, write};
use crate::checkpoint::Checkpoint;
use crate::disk::Disk;
use crate::note::{NOTE_BYTES_MAX, PublicKey, SigningKey};
use crate::rotation::{
    Order, ROTATIONS, ROTATIONS_BYTES_MAX, ReadError, entry, read_indices, write_indices,
};

const ROTATIONS_NEXT: &str = "rotations.next";

/// Whether `next` has signed: then the change of keys to it, which a crash cut short, is finished. Else
/// it was never begun.
pub(crate) fn take_over(disk: &mut dyn Disk, next: &PublicKey) -> Result<bool, LogError> {
    let has_signed = |disk: &dyn Disk, file: &str| {
        let note = read(disk, file, NOTE_BYTES_MAX)?.unwrap_or_default();
        let note = String::from_utf8(note).unwrap_or_default();
        Ok::<_, LogError>(Checkpoint::open(&note, next).is_ok())
    };
    if has_signed(disk, NEXT)? {
        // From there on the tree is decided.
        finish_publication(disk)?;
        return Ok(true);
    }
    has_signed(disk, CHECKPOINT)
}

/// Forgets the place of an entry that was to change the key and never came to be: another one will
/// stand there.
pub(super) fn forget_unsigned(disk: &mut dyn Disk, size: u64) -> Result<(), LogError> {
    let indices = read_indices(disk, size).map_err(unread)?;
    let text = write_indices(indices);
    let stored = read(disk, ROTATIONS, ROTATIONS_BYTES_MAX)?;
    if stored.is_some_and(|stored| stored != text.as_bytes()) {
        replace_rotations(disk, &text)?;
        disk.sync().map_err(LogError::Sync)?;
    }
    Ok(())
}

fn replace_rotations(disk: &mut dyn Disk, text: &str) -> Result<(), LogError> {
    let rename = |source| LogError::Io { file: ROTATIONS.to_owned(), source };
    write(disk, ROTATIONS_NEXT, text.as_bytes())?;
    disk.sync().map_err(LogError::Sync)?;
    disk.rename(ROTATIONS_NEXT, ROTATIONS).map_err(rename)
}

fn unread(error: ReadError) -> LogError {
    match error {
        ReadError::Io { file, source } => LogError::Io { file, source },
        ReadError::Wrong { file, .. } => LogError::Damaged(file),
    }
}

impl Log {
    /// Adds the entry that names `new`, and signs the tree with it. What was added before and not
    /// committed is committed first, by the old key.
    ///
    /// `new` must be durable before. After a crash the log is signed by the old key or by the new one.
    pub fn rotate(&mut self, new: SigningKey, order: &Order<'_>) -> Result<Appended, LogError> {
        self.commit()?;
        let size = self.signed.size;
        let entry = entry(&self.key, new.public(), order, size, self.signed.root)
            .map_err(LogError::Rotation)?;
        self.guard(|log| {
            let mut indices = read_indices(&*log.disk, size).map_err(unread)?;
            indices.push(size);
            replace_rotations(&mut *log.disk, &write_indices(indices))?;
            log.push_new_leaf(&entry)?;
            log.key = new;
            Ok(())
        })?;
        self.commit()
    }
}

#[cfg(test)]
mod tests;
