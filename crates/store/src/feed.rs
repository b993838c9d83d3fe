//! The changes in the order in which everybody sees them, and how far they are in the ledger.

use crate::batch::{Micros, Rev};
use crate::engine::Engine;
use crate::value::{Row, Val};
use crate::{Store, StoreError};

/// A place in the feed: everything up to it was seen, nothing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    /// PostgreSQL's transaction; 0 with SQLite, whose one writer commits in the order of `seq`.
    pub transaction: i64,
    pub seq: Rev,
}

/// A change as the feed gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub cursor: Cursor,
    pub id: [u8; 16],
    pub at: Micros,
    pub by: String,
    pub verb: String,
    pub noun: String,
    pub item: Option<String>,
    pub why: Option<String>,
    pub leaf: Vec<u8>,
}

/// Which leaves the changes up to a cursor are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequenced {
    /// How many leaves are in the ledger.
    pub leaves: u64,
    pub cursor: Cursor,
}

/// The `nth` leaf that came of a change, counted from the ledger's entry `first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafPlace {
    pub first: u64,
    pub nth: u64,
}

fn changed(row: &Row<'_>) -> Result<Changed, StoreError> {
    Ok(Changed {
        cursor: Cursor { transaction: row.int(0)?, seq: row.int(1)? },
        id: row
            .blob(2)?
            .try_into()
            .map_err(|_| StoreError::Foreign("an id is not 16 bytes".to_owned()))?,
        at: row.int(3)?,
        by: row.owned(4)?,
        verb: row.owned(5)?,
        noun: row.owned(6)?,
        item: row.maybe_owned(7)?,
        why: row.maybe_owned(8)?,
        leaf: row.blob(9)?.to_vec(),
    })
}

const REST: &str = "seq, id, at, by_whom, verb, noun, item, why, leaf from change";

impl Store {
    /// The next changes after a cursor. A change is given only when none that could still commit
    /// would stand before it, so a reader that goes on from the last cursor misses nothing.
    pub fn changes(&self, after: Cursor, limit: usize) -> Result<Vec<Changed>, StoreError> {
        let limit = Val::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        self.read(|connection| match connection.engine() {
            Engine::Sqlite => connection.all(
                &format!("select 0, {REST} where seq > $1 order by seq limit $2"),
                &[Val::Int(after.seq), limit],
                changed,
            ),
            Engine::Postgres => {
                let transaction = after.transaction.to_string();
                connection.all(
                    &format!(
                        "select xid::text::bigint, {REST} where (xid, seq) > ($1::text::xid8, $2) \
                         and xid < pg_snapshot_xmin(pg_current_snapshot()) \
                         order by xid, seq limit $3"
                    ),
                    &[Val::Text(&transaction), Val::Int(after.seq), limit],
                    changed,
                )
            }
        })
    }

    /// The last place of the feed: whatever is read after this call holds every change up to it.
    pub fn feed_end(&self) -> Result<Cursor, StoreError> {
        self.read(|connection| {
            let sql = match connection.engine() {
                Engine::Sqlite => "select 0, seq from change order by seq desc limit 1",
                Engine::Postgres => {
                    "select xid::text::bigint, seq from change \
                     where xid < pg_snapshot_xmin(pg_current_snapshot()) \
                     order by xid desc, seq desc limit 1"
                }
            };
            let end = connection
                .first(sql, &[], |row| Ok(Cursor { transaction: row.int(0)?, seq: row.int(1)? }))?;
            Ok(end.unwrap_or_default())
        })
    }

    /// The last place of the feed that was written by a moment; the beginning, if none was.
    pub fn place_at(&self, at: Micros) -> Result<Cursor, StoreError> {
        self.read(|connection| {
            let sql = match connection.engine() {
                Engine::Sqlite => {
                    "select 0, seq from change where at <= $1 order by seq desc limit 1"
                }
                Engine::Postgres => {
                    "select xid::text::bigint, seq from change where at <= $1 \
                     and xid < pg_snapshot_xmin(pg_current_snapshot()) \
                     order by xid desc, seq desc limit 1"
                }
            };
            let place = connection.first(sql, &[Val::Int(at)], |row| {
                Ok(Cursor { transaction: row.int(0)?, seq: row.int(1)? })
            })?;
            Ok(place.unwrap_or_default())
        })
    }

    /// The changes that made a version of an item, the newest first: also those that made many
    /// items' at once, which name none.
    pub fn changes_of(
        &self,
        noun: &str,
        id: &str,
        before: Option<Rev>,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        let sql = format!(
            "select 0::bigint, {REST} where seq in \
             (select rev from item where noun = $1 and id = $2 and rev < $3) \
             order by seq desc limit $4"
        );
        self.read(|connection| {
            let sql = match connection.engine() {
                Engine::Sqlite => sql.replace("0::bigint", "0"),
                Engine::Postgres => sql.clone(),
            };
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let before = before.unwrap_or(Rev::MAX);
            let values = [Val::Text(noun), Val::Text(id), Val::Int(before), Val::Int(limit)];
            connection.all(&sql, &values, changed)
        })
    }

    /// How far the ledger is, as the store knows it. The ledger itself may be one batch further.
    pub fn sequenced(&self) -> Result<Sequenced, StoreError> {
        let last = self.read(|connection| {
            connection.first(
                "select first, leaves, xid, seq from sequenced order by first desc limit 1",
                &[],
                |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?)),
            )
        })?;
        let Some((first, leaves, transaction, seq)) = last else {
            return Ok(Sequenced::default());
        };
        let leaves = u64::try_from(first + leaves)
            .map_err(|_| StoreError::Foreign("a count of leaves is negative".to_owned()))?;
        Ok(Sequenced { leaves, cursor: Cursor { transaction, seq } })
    }

    /// The change of an act.
    pub fn change(&self, id: &[u8; 16]) -> Result<Option<Changed>, StoreError> {
        self.read(|connection| {
            let transaction = match connection.engine() {
                Engine::Sqlite => "0",
                Engine::Postgres => "xid::text::bigint",
            };
            let sql = format!("select {transaction}, {REST} where id = $1");
            connection.first(&sql, &[Val::Blob(id)], changed)
        })
    }

    /// Where a change's leaf is in the ledger; `None` if it is not there yet.
    pub fn leaf_place(&self, cursor: Cursor) -> Result<Option<LeafPlace>, StoreError> {
        let (first, before) = {
            let values = [Val::Int(cursor.transaction), Val::Int(cursor.seq)];
            let batch = self.read(|connection| {
                connection.first(
                    "select first from sequenced where xid > $1 or (xid = $1 and seq >= $2) \
                     order by first limit 1",
                    &values,
                    |row| row.int(0),
                )
            })?;
            let Some(first) = batch else { return Ok(None) };
            let before = self.read(|connection| {
                connection.first(
                    "select xid, seq from sequenced where first < $1 order by first desc limit 1",
                    &[Val::Int(first)],
                    |row| Ok(Cursor { transaction: row.int(0)?, seq: row.int(1)? }),
                )
            })?;
            (first, before.unwrap_or_default())
        };
        let within = self.read(|connection| match connection.engine() {
            Engine::Sqlite => connection.first(
                "select count(*) from change where seq > $1 and seq < $2",
                &[Val::Int(before.seq), Val::Int(cursor.seq)],
                |row| row.int(0),
            ),
            Engine::Postgres => {
                let (from, to) = (before.transaction.to_string(), cursor.transaction.to_string());
                connection.first(
                    "select count(*) from change where (xid, seq) > ($1::text::xid8, $2) \
                     and (xid, seq) < ($3::text::xid8, $4)",
                    &[Val::Text(&from), Val::Int(before.seq), Val::Text(&to), Val::Int(cursor.seq)],
                    |row| row.int(0),
                )
            }
        })?;
        let number = |count| {
            u64::try_from(count)
                .map_err(|_| StoreError::Foreign("a count of leaves is negative".to_owned()))
        };
        Ok(Some(LeafPlace { first: number(first)?, nth: number(within.unwrap_or(0))? }))
    }
}
