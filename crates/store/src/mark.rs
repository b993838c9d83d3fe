//! How far the store's file was when it last answered, beside it.
//!
//! SQLite takes a write-ahead log whose end was damaged as one that ends earlier, and says nothing. A
//! number outside of it tells.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::batch::Rev;
use crate::engine::Connection;

/// The newest change that was acknowledged. Not synced with each commit, which would cost as much as
/// the commit: it outlives the process, and what a loss of power takes of it only makes it older.
#[derive(Debug)]
pub(crate) struct Mark {
    file: File,
    at: Rev,
}

impl Mark {
    /// # Errors
    /// `StoreError::Lost` if the store has less than was acknowledged.
    pub fn open(store: &Path, connection: &mut Connection) -> Result<Self, StoreError> {
        let path = path(store);
        let failed = |error| StoreError::Folder(path.clone(), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        let mut text = String::new();
        // What cannot be read as a number was never written whole.
        let knew = match (&mut file).take(64).read_to_string(&mut text) {
            Ok(_) => text.trim().parse().unwrap_or(0),
            Err(_) => 0,
        };
        // Read after the mark: another process may write meanwhile.
        let has = connection.first("select max(seq) from change", &[], |row| row.maybe_int(0))?;
        let has = has.flatten().unwrap_or(0);
        if knew > has {
            return Err(StoreError::Lost { has, knew });
        }
        let mut mark = Self { file, at: 0 };
        mark.advance(Some(has));
        Ok(mark)
    }

    /// Without it the store is as good as before; only a loss would not be noticed.
    pub fn advance(&mut self, to: Option<Rev>) {
        let Some(to) = to.filter(|to| *to > self.at) else { return };
        self.at = to;
        let text = format!("{to:>20}\n");
        let written =
            self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(text.as_bytes()));
        // See above.
        let _ = written;
    }
}

/// Beside the store's file.
pub(crate) fn path(store: &Path) -> PathBuf {
    let mut name = store.file_name().map_or_else(OsString::new, OsString::from);
    name.push("-mark");
    store.with_file_name(name)
}
