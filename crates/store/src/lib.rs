//! The state of record: items of the register in all their versions, each act with its evidence,
//! and what goes with them. On SQLite in a file, or on PostgreSQL.
//!
//! There is one way to write, [`Store::commit`], and it demands the evidence: an item's new version
//! stands inside the [`batch::Change`] that makes it, and a change has a leaf. [`feed`] gives the
//! changes in an order in which no reader misses one. Only here is SQL.
//!
//! Start with [`batch`], then `write.rs`; `schema.rs` has the tables.
//!
//! Forbidden here: HTTP, decisions, clocks, randomness.

pub mod batch;
mod engine;
pub mod feed;
pub mod items;
pub mod lead;
mod mark;
pub mod outbox;
mod rest;
mod schema;
pub mod used;
mod value;
mod write;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::batch::{Batch, Outcome};
use crate::engine::{Access, Connection, Pool};
pub use crate::engine::{Engine, Failpoint};
use crate::mark::Mark;
pub use crate::rest::Waiting;
pub use crate::schema::SCHEMA;
use crate::writer::{Writer, commit_on};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("PostgreSQL: {}", said(.0))]
    Postgres(#[from] postgres::Error),
    #[error(
        "the store's address cannot be used: {0}; write a path, `sqlite:PATH` or `postgres://user@host/database`"
    )]
    Url(&'static str),
    #[error(
        "the store has schema {has}, this program knows {knows}; use the program that wrote it, or a later one"
    )]
    Newer { has: usize, knows: usize },
    #[error("the store is not one of Countersign's: {0}")]
    Foreign(String),
    #[error(
        "could not write: {0}; nothing of it was acknowledged. Start again, so that the store is read from disk"
    )]
    Failed(String),
    #[error("the store's writer has stopped after a failure; start again")]
    Stopped,
    #[error("a text holds the character NUL, which no store keeps; leave it out")]
    Text,
    #[error(
        "the store ends at change {has}, and change {knew} was acknowledged: the newest part of its file \
         is gone. Put back the newest copy, or begin a new epoch by `countersign restore`"
    )]
    Lost { has: i64, knew: i64 },
    #[error(
        "the store comes from another PostgreSQL server, where transactions had higher numbers; bring \
         it here by pg_basebackup, which keeps them, not by pg_dump"
    )]
    OtherServer,
    #[error("could not start the store's writer")]
    Thread(#[source] io::Error),
    #[error("TLS to PostgreSQL: {0}")]
    Tls(String),
    #[error("could not make the folder `{}`", .0.display())]
    Folder(PathBuf, #[source] io::Error),
}

/// What the server said, without the statement's values.
fn said(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} ({})", error.message(), error.code().code()),
        None => error.to_string(),
    }
}

impl StoreError {
    /// The server ended the session or cannot be reached: what was asked may be asked again.
    pub fn is_passing(&self) -> bool {
        use postgres::error::SqlState;
        let Self::Postgres(error) = self else { return false };
        let ended =
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
        match error.code() {
            Some(code) => ended.contains(code) || code.code().starts_with("08"),
            None => {
                let cause = std::error::Error::source(error);
                error.is_closed() || cause.is_some_and(|cause| cause.is::<io::Error>())
            }
        }
    }

    /// The engine stopped a transaction that would have gone through alone.
    fn is_worth_another_try(&self) -> bool {
        use postgres::error::SqlState;
        let Self::Postgres(error) = self else { return false };
        error.code().is_some_and(|code| {
            *code == SqlState::T_R_DEADLOCK_DETECTED || *code == SqlState::T_R_SERIALIZATION_FAILURE
        })
    }
}

/// Where the state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Sqlite(PathBuf),
    /// Holds a password perhaps: never shown.
    Postgres(Secret),
}

/// Shown as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl std::str::FromStr for Address {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Secret(text.to_owned())));
        }
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            return Err(StoreError::Url("it names no engine that is known"));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

/// The one door to the state of record.
pub struct Store {
    readers: Pool,
    /// With SQLite; PostgreSQL is written through `readers`.
    writer: Option<Writer>,
    failpoint: Failpoint,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?})", self.engine())
    }
}

impl Store {
    /// Opens the store, makes its tables, or brings those of an earlier release to this one's.
    ///
    /// # Errors
    /// `StoreError`; nothing was changed then.
    pub fn open(address: &Address) -> Result<Self, StoreError> {
        Self::open_with(address, Arc::new(|_| ()))
    }

    /// The same, with a hook before and after each step that a crash could part. For tests.
    pub fn open_with(address: &Address, failpoint: Failpoint) -> Result<Self, StoreError> {
        match address {
            Address::Sqlite(path) => Self::open_sqlite(path, failpoint),
            Address::Postgres(Secret(url)) => {
                let url = url.clone();
                let readers =
                    Pool::new(CONNECTIONS_MAX, Box::new(move || Connection::postgres(&url)));
                readers.with(schema::migrate)?;
                readers.with(schema::is_of_this_server)?;
                Ok(Self { readers, writer: None, failpoint })
            }
        }
    }

    fn open_sqlite(path: &Path, failpoint: Failpoint) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|error| StoreError::Folder(folder.to_owned(), error))?;
        }
        let mut connection = Connection::sqlite(path, Access::Write)?;
        schema::migrate(&mut connection)?;
        let mark = Mark::open(path, &mut connection)?;
        let writer = Writer::start(connection, mark, Arc::clone(&failpoint))?;
        let path = path.to_owned();
        let readers =
            Pool::new(CONNECTIONS_MAX, Box::new(move || Connection::sqlite(&path, Access::Read)));
        Ok(Self { readers, writer: Some(writer), failpoint })
    }

    pub fn engine(&self) -> Engine {
        if self.writer.is_some() { Engine::Sqlite } else { Engine::Postgres }
    }

    /// Writes a batch. When it returns, the batch is on disk, or nothing of it is.
    pub fn commit(&self, batch: Batch) -> Result<Outcome, StoreError> {
        if batch.texts().any(|text| text.contains('\0')) {
            return Err(StoreError::Text);
        }
        match &self.writer {
            Some(writer) => writer.commit(batch),
            None => commit_on(&self.readers, &batch, &self.failpoint),
        }
    }

    /// Takes out of the files what was erased from the rows: deleted and overwritten rows lie in free
    /// pages, and in the journal beside the file, until then. Writers wait meanwhile. `false` if
    /// readers were in the way: try again.
    ///
    /// On PostgreSQL it clears the tables' dead rows; its own journal and its backups have their terms.
    pub fn scrub(&self) -> Result<bool, StoreError> {
        match &self.writer {
            Some(writer) => writer.scrub(),
            None => self.read(|connection| {
                connection.batch("vacuum item")?;
                connection.batch("vacuum change")?;
                Ok(true)
            }),
        }
    }

    /// The hook that [`Store::open_with`] was given, for steps outside the store.
    pub fn failpoint(&self) -> Failpoint {
        Arc::clone(&self.failpoint)
    }

    /// Whether the writer has stopped after a failure: only a new start tells what is on disk.
    pub fn has_stopped(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::has_stopped)
    }

    fn read<T>(
        &self,
        mut work: impl FnMut(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.readers.with(&mut work) {
            // The server was started again, say: nothing of what was read has left.
            Err(error) if error.is_passing() => {
                self.readers.close_idle();
                self.readers.with(work)
            }
            result => result,
        }
    }
}
