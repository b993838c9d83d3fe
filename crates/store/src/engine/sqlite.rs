//! SQLite: one file, one writer, many readers.

use std::path::Path;
use std::time::Duration;

use rusqlite::{ErrorCode, OpenFlags, params_from_iter};

use crate::StoreError;
use crate::value::{Row, Val};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Write,
    Read,
}

pub(crate) struct Sqlite {
    connection: rusqlite::Connection,
}

impl Sqlite {
    pub fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        let flags = match access {
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let connection =
            rusqlite::Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.set_prepared_statement_cache_capacity(128);
        if access == Access::Write {
            // FULL: a commit that was answered survives a loss of power.
            let set = connection.execute_batch(
                "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
                 pragma cache_size = -65536;",
            );
            set.map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => {
                    StoreError::Foreign(format!("`{}` is no SQLite database", path.display()))
                }
                _ => error.into(),
            })?;
        }
        Ok(Self { connection })
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(sql)?)
    }

    pub fn execute(&mut self, sql: &str, values: &[Val<'_>]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(&numbered(sql))?;
        Ok(u64::try_from(statement.execute(params_from_iter(values))?).unwrap_or(u64::MAX))
    }

    pub fn each(
        &mut self,
        sql: &str,
        values: &[Val<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(&numbered(sql))?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            each(&Row::Sqlite(row))?;
        }
        Ok(())
    }
}

/// SQLite numbers `$1` by where it first stands, `?1` by what it says. No text of ours holds a `$`
/// for anything else.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}
