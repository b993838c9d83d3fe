//! Changing the key that signs.

use super::{Appended, Log, LogError, write};
use crate::note::SigningKey;
use crate::rotation::{Order, ROTATIONS, ReadError, entry, read_indices, write_indices};

const NEXT: &str = "rotations.next";

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
            let mut indices = read_indices(&*log.disk, size).map_err(|error| match error {
                ReadError::Io { file, source } => LogError::Io { file, source },
                ReadError::Wrong { file, .. } => LogError::Damaged(file),
            })?;
            indices.push(size);
            let rename = |source| LogError::Io { file: ROTATIONS.to_owned(), source };
            write(&mut *log.disk, NEXT, write_indices(indices).as_bytes())?;
            log.disk.sync().map_err(LogError::Sync)?;
            log.disk.rename(NEXT, ROTATIONS).map_err(rename)?;
            log.push_new_leaf(&entry)?;
            log.key = new;
            Ok(())
        })?;
        self.commit()
    }
}
