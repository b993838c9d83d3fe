//! Messages to somebody outside: which are due, how many wait, what became of them.

use crate::batch::{Message, Micros};
use crate::rest::Waiting;
use crate::value::{Row, Val};
use crate::{Store, StoreError};

/// What became of a message so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: String,
    pub at: Micros,
    pub tries: i64,
    /// When it is tried again; `None` if it was sent or given up.
    pub next_at: Option<Micros>,
    pub sent: Option<Micros>,
    pub last_error: Option<String>,
}

/// Messages of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxCount {
    pub kind: String,
    pub waiting: i64,
    pub given_up: i64,
}

fn waiting(row: &Row<'_>) -> Result<Waiting, StoreError> {
    let message = Message {
        id: row.owned(0)?,
        kind: row.owned(1)?,
        target: row.owned(2)?,
        body: row.owned(3)?,
        at: row.int(4)?,
    };
    Ok(Waiting { message, tries: row.int(5)? })
}

impl Store {
    /// Messages of one kind whose time has come, the oldest first, but none to `not_to`: a receiver
    /// that does not answer must not stand in the way of the others.
    pub fn messages_due_of(
        &self,
        kind: &str,
        at: Micros,
        not_to: &[&str],
        limit: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        let mut values =
            vec![Val::Text(kind), Val::Int(at), Val::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
        let mut sql = "select id, kind, target, body, at, tries from outbox \
                       where next_at is not null and kind = $1 and next_at <= $2"
            .to_owned();
        for target in not_to {
            values.push(Val::Text(target));
            sql.push_str(&format!(" and target <> ${}", values.len()));
        }
        sql.push_str(" order by next_at, id limit $3");
        self.read(|connection| connection.all(&sql, &values, waiting))
    }

    /// The newest messages to one receiver.
    pub fn deliveries(
        &self,
        kind: &str,
        target: &str,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            connection.all(
                "select id, at, tries, next_at, done, last_error from outbox \
                 where kind = $1 and target = $2 order by at desc, id desc limit $3",
                &[Val::Text(kind), Val::Text(target), Val::Int(limit)],
                |row| {
                    Ok(Delivery {
                        id: row.owned(0)?,
                        at: row.int(1)?,
                        tries: row.int(2)?,
                        next_at: row.maybe_int(3)?,
                        sent: row.maybe_int(4)?,
                        last_error: row.maybe_owned(5)?,
                    })
                },
            )
        })
    }

    /// How many messages of each kind wait, and how many were given up.
    pub fn outbox_counts(&self) -> Result<Vec<OutboxCount>, StoreError> {
        self.read(|connection| {
            connection.all(
                "select kind, count(next_at), count(*) - count(next_at) from outbox \
                 where done is null group by kind order by kind",
                &[],
                |row| {
                    Ok(OutboxCount {
                        kind: row.owned(0)?,
                        waiting: row.int(1)?,
                        given_up: row.int(2)?,
                    })
                },
            )
        })
    }
}
