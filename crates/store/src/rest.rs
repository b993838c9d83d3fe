//! Rows that are no items: tokens, messages, answers, and what is remembered of the instance.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::OpenFlags;

use crate::batch::{Message, Micros, Token};
use crate::value::{Row, Val};
use crate::{Address, Store, StoreError};

fn token(row: &Row<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        hash: row.blob(0)?.to_vec(),
        kind: row.owned(1)?,
        principal: row.owned(2)?,
        scope: row.owned(3)?,
        made: row.int(4)?,
        ends: row.int(5)?,
        tries_left: row.maybe_int(6)?,
        revoked: row.maybe_int(7)?,
    })
}

const TOKEN: &str =
    "select hash, kind, principal, scope, made, ends, tries_left, revoked from token";

/// The answer given to a request that came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Of the request, so that another one under the same key is told apart.
    pub digest: Vec<u8>,
    pub answer: String,
}

/// A message that waits, and how often it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub message: Message,
    pub tries: i64,
}

impl Store {
    /// By the hash of what was presented; also one that has ended or was revoked.
    pub fn token(&self, hash: &[u8]) -> Result<Option<Token>, StoreError> {
        let sql = format!("{TOKEN} where hash = $1");
        self.read(|connection| connection.first(&sql, &[Val::Blob(hash)], token))
    }

    /// Those of one principal and kind, the newest first.
    pub fn tokens(&self, principal: &str, kind: &str) -> Result<Vec<Token>, StoreError> {
        let sql =
            format!("{TOKEN} where principal = $1 and kind = $2 order by made desc limit 500");
        self.read(|connection| {
            connection.all(&sql, &[Val::Text(principal), Val::Text(kind)], token)
        })
    }

    pub fn was_told(&self, key: &str) -> Result<bool, StoreError> {
        let told = self.read(|connection| {
            connection
                .first("select at from told where key = $1", &[Val::Text(key)], |row| row.int(0))
        })?;
        Ok(told.is_some())
    }

    pub fn answered(&self, key: &str) -> Result<Option<Answered>, StoreError> {
        self.read(|connection| {
            connection.first(
                "select digest, answer from answered where key = $1",
                &[Val::Text(key)],
                |row| Ok(Answered { digest: row.blob(0)?.to_vec(), answer: row.owned(1)? }),
            )
        })
    }

    pub fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            connection.first("select value from meta where name = $1", &[Val::Text(name)], |row| {
                row.owned(0)
            })
        })
    }

    /// Messages whose time has come, the oldest first.
    pub fn messages_due(&self, at: Micros, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            connection.all(
                "select id, kind, target, body, at, tries from outbox \
                 where next_at is not null and next_at <= $1 order by next_at, id limit $2",
                &[Val::Int(at), Val::Int(limit)],
                |row| {
                    let message = Message {
                        id: row.owned(0)?,
                        kind: row.owned(1)?,
                        target: row.owned(2)?,
                        body: row.owned(3)?,
                        at: row.int(4)?,
                    };
                    Ok(Waiting { message, tries: row.int(5)? })
                },
            )
        })
    }

    /// A consistent copy of the whole store in one file that only its owner can read, made while it is
    /// written to, by this process or another.
    ///
    /// # Errors
    /// `StoreError::Url` on PostgreSQL, which has its own tools for that.
    pub fn copy(from: &Address, to: &Path) -> Result<(), StoreError> {
        let Address::Sqlite(path) = from else {
            return Err(StoreError::Url(
                "a copy is of SQLite; copy PostgreSQL by pg_basebackup, which keeps the numbers of \
                 its transactions",
            ));
        };
        let failed = |error| StoreError::Folder(to.to_owned(), error);
        let file = OpenOptions::new().write(true).create_new(true).open(to).map_err(failed)?;
        private(&file).map_err(failed)?;
        drop(file);
        let from = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        from.busy_timeout(Duration::from_secs(10))?;
        let mut copy = rusqlite::Connection::open(to)?;
        let backup = rusqlite::backup::Backup::new(&from, &mut copy)?;
        // In one step: a writer in between would make it begin again.
        while backup.step(-1)? != rusqlite::backup::StepResult::Done {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(backup);
        copy.pragma_update(None, "journal_mode", "delete")?;
        drop(copy);
        OpenOptions::new().write(true).open(to).and_then(|file| file.sync_all()).map_err(failed)
    }
}

#[cfg(unix)]
fn private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &File) -> io::Result<()> {
    Ok(())
}
