//! The two engines behind one set of calls. A statement has one text for both: `$1` parameters, the
//! types bigint, text and the word `{bytes}`, and nothing that only one of them knows. What must
//! differ (the feed's order, the identity column) is said where it is used.

mod pool;
mod postgres;
mod sqlite;
mod tls;

use std::path::Path;

pub(crate) use self::pool::Pool;
use self::postgres::Postgres;
pub(crate) use self::sqlite::Access;
use self::sqlite::Sqlite;
use crate::StoreError;
use crate::value::{Row, Val};

/// What is called before and after each step that a crash could part; tests stop the process there.
pub type Failpoint = std::sync::Arc<dyn Fn(&'static str) + Send + Sync>;

/// One connection.
pub(crate) enum Connection {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Connection {
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    pub fn sqlite(path: &Path, access: Access) -> Result<Self, StoreError> {
        Ok(Self::Sqlite(Sqlite::open(path, access)?))
    }

    pub fn postgres(url: &str) -> Result<Self, StoreError> {
        Ok(Self::Postgres(Box::new(Postgres::open(url)?)))
    }

    fn is_broken(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(connection) => connection.is_broken(),
        }
    }

    /// Several statements without parameters.
    pub fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => connection.batch(sql),
            Self::Postgres(connection) => connection.batch(sql),
        }
    }

    /// How many rows it changed.
    pub fn execute(&mut self, sql: &str, values: &[Val<'_>]) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(connection) => connection.execute(sql, values),
            Self::Postgres(connection) => connection.execute(sql, values),
        }
    }

    /// Calls `each` for each row, in the engine's own buffer.
    pub fn each(
        &mut self,
        sql: &str,
        values: &[Val<'_>],
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        // No stored text holds a NUL, and only one of the engines would take it as a parameter.
        if values.iter().any(|value| matches!(value, Val::Text(text) if text.contains('\0'))) {
            return Ok(());
        }
        match self {
            Self::Sqlite(connection) => connection.each(sql, values, each),
            Self::Postgres(connection) => connection.each(sql, values, each),
        }
    }

    pub fn all<T>(
        &mut self,
        sql: &str,
        values: &[Val<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.each(sql, values, &mut |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    pub fn first<T>(
        &mut self,
        sql: &str,
        values: &[Val<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.all(sql, values, read)?.into_iter().next())
    }
}
