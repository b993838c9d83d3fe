//! Of several nodes on one store, the one that does what only one may do.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::engine::Connection;
use crate::value::Val;
use crate::{Address, Secret, StoreError};

/// Held as long as it lives and, with PostgreSQL, as long as its session does.
pub struct Lead(Held);

enum Held {
    /// SQLite is one process's: the lock of a file beside it.
    File {
        _lock: File,
    },
    Session(Box<Connection>),
}

impl std::fmt::Debug for Lead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lead")
    }
}

impl Lead {
    /// `None` if another node has it.
    pub fn take(address: &Address) -> Result<Option<Self>, StoreError> {
        match address {
            Address::Sqlite(path) => Self::of_file(path),
            Address::Postgres(Secret(url)) => {
                let mut session = Connection::postgres(url)?;
                let sql = "select pg_try_advisory_lock(7161217217)::int::bigint";
                let got = session.first(sql, &[], |row| row.int(0))?;
                Ok((got == Some(1)).then(|| Self(Held::Session(Box::new(session)))))
            }
        }
    }

    fn of_file(path: &Path) -> Result<Option<Self>, StoreError> {
        let beside = path.with_extension("lock");
        let failed = |error| StoreError::Folder(beside.clone(), error);
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).open(&beside);
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self(Held::File { _lock: lock }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Whether it still holds; asked before each step, as a session may have been ended.
    pub fn holds(&mut self) -> bool {
        match &mut self.0 {
            Held::File { .. } => true,
            Held::Session(session) => {
                session.first("select $1::bigint", &[Val::Int(1)], |row| row.int(0)).is_ok()
            }
        }
    }
}
