//! The one write path: a batch inside a transaction that somebody else began and will end.

use crate::StoreError;
use crate::batch::{Also, Batch, Change, Micros, Outcome, Precondition, Put, Rev, Token};
use crate::engine::{Connection, Engine, Failpoint};
use crate::feed::Sequenced;
use crate::value::Val;

/// Applies a batch. Unless the outcome is `Done`, the caller must roll back.
pub(crate) fn apply(
    connection: &mut Connection,
    batch: &Batch,
    failpoint: &Failpoint,
) -> Result<Outcome, StoreError> {
    let mut write = Write { connection, failpoint };
    for read in &batch.reads {
        if !write.still_holds(read)? {
            return Ok(conflict(&read.noun, &read.id));
        }
    }
    let mut revs = Vec::with_capacity(batch.changes.len());
    for change in &batch.changes {
        match write.change(change)? {
            Ok(rev) => revs.push(rev),
            Err(outcome) => return Ok(outcome),
        }
    }
    for also in &batch.also {
        if !write.also(also)? {
            return Ok(Outcome::TokenSpent);
        }
    }
    Ok(Outcome::Done(revs))
}

fn conflict(noun: &str, id: &str) -> Outcome {
    Outcome::Conflict { noun: noun.to_owned(), id: id.to_owned() }
}

struct Write<'a> {
    connection: &'a mut Connection,
    failpoint: &'a Failpoint,
}

impl Write<'_> {
    fn execute(&mut self, sql: &str, values: &[Val<'_>]) -> Result<u64, StoreError> {
        (self.failpoint)("store.statement.before");
        let changed = self.connection.execute(sql, values)?;
        (self.failpoint)("store.statement.after");
        Ok(changed)
    }

    fn still_holds(&mut self, read: &Precondition) -> Result<bool, StoreError> {
        let sql = match self.connection.engine() {
            Engine::Sqlite => {
                "select rev from item where noun = $1 and id = $2 and until_rev is null"
            }
            Engine::Postgres => {
                "select rev from item where noun = $1 and id = $2 and until_rev is null for share"
            }
        };
        let values = [Val::Text(&read.noun), Val::Text(&read.id)];
        Ok(self.connection.first(sql, &values, |row| row.int(0))? == read.rev)
    }

    fn change(&mut self, change: &Change) -> Result<Result<Rev, Outcome>, StoreError> {
        (self.failpoint)("store.statement.before");
        let rev = self.connection.first(
            "insert into change (id, at, by_whom, verb, noun, item, why, leaf) \
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing returning seq",
            &[
                Val::Blob(&change.id),
                Val::Int(change.at),
                Val::Text(&change.by),
                Val::Text(&change.verb),
                Val::Text(&change.noun),
                Val::text(change.item.as_deref()),
                Val::text(change.why.as_deref()),
                Val::Blob(&change.leaf),
            ],
            |row| row.int(0),
        )?;
        (self.failpoint)("store.statement.after");
        let Some(rev) = rev else {
            // It was written before, with all its versions: its answer got lost on the way.
            let values = [Val::Blob(&change.id)];
            let seq =
                self.connection
                    .first("select seq from change where id = $1", &values, |row| row.int(0))?;
            return seq.map(Ok).ok_or(StoreError::Foreign("a change came and went"));
        };
        for put in &change.puts {
            if !self.put(put, rev)? {
                return Ok(Err(conflict(&put.noun, &put.id)));
            }
        }
        Ok(Ok(rev))
    }

    /// `false` if the version that this one succeeds is not the newest.
    fn put(&mut self, put: &Put, rev: Rev) -> Result<bool, StoreError> {
        if let Some(after) = put.after {
            let changed = self.execute(
                "update item set until_rev = $1 \
                 where noun = $2 and id = $3 and rev = $4 and until_rev is null",
                &[Val::Int(rev), Val::Text(&put.noun), Val::Text(&put.id), Val::Int(after)],
            )?;
            if changed != 1 {
                return Ok(false);
            }
        }
        let inserted = self.execute(
            "insert into item (noun, id, rev, state, organization, sponsor, about, parent, ends, \
             body, process, digest, salt) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing",
            &[
                Val::Text(&put.noun),
                Val::Text(&put.id),
                Val::Int(rev),
                Val::Text(&put.state),
                Val::text(put.organization.as_deref()),
                Val::text(put.sponsor.as_deref()),
                Val::text(put.about.as_deref()),
                Val::text(put.parent.as_deref()),
                Val::int(put.ends),
                Val::Text(&put.body),
                Val::Text(&put.process),
                Val::Blob(&put.digest),
                Val::blob(put.salt.as_ref().map(<[u8; 32]>::as_slice)),
            ],
        )?;
        Ok(inserted == 1)
    }

    /// `false` if it was to use a token that is spent.
    fn also(&mut self, also: &Also) -> Result<bool, StoreError> {
        let (sql, values): (&str, Vec<Val<'_>>) = match also {
            Also::Token(token) => return self.token(token).map(|()| true),
            Also::RevokeToken { hash, at } => (
                "update token set revoked = $2 where hash = $1 and revoked is null",
                vec![Val::Blob(hash), Val::Int(*at)],
            ),
            Also::UseToken { hash, at } => {
                let used = self.execute(
                    "update token set tries_left = tries_left - 1 where hash = $1 and ends > $2 \
                     and revoked is null and (tries_left is null or tries_left > 0)",
                    &[Val::Blob(hash), Val::Int(*at)],
                )?;
                return Ok(used == 1);
            }
            Also::Outbox(message) => (
                "insert into outbox (id, kind, target, body, at, tries, next_at) \
                 values ($1, $2, $3, $4, $5, 0, $5) on conflict (id) do nothing",
                vec![
                    Val::Text(&message.id),
                    Val::Text(&message.kind),
                    Val::Text(&message.target),
                    Val::Text(&message.body),
                    Val::Int(message.at),
                ],
            ),
            Also::Told { key, at } => (
                "insert into told (key, at) values ($1, $2) on conflict (key) do nothing",
                vec![Val::Text(key), Val::Int(*at)],
            ),
            Also::Answer { key, digest, at, answer } => (
                "insert into answered (key, digest, at, answer) values ($1, $2, $3, $4) \
                 on conflict (key) do nothing",
                vec![Val::Text(key), Val::Blob(digest), Val::Int(*at), Val::Text(answer)],
            ),
            Also::Sequenced { from, to } => {
                self.sequenced(*from, *to)?;
                return Ok(true);
            }
            Also::Tried { id, at, next_at, error } => {
                self.tried(id, *at, *next_at, error.as_deref())?;
                return Ok(true);
            }
            Also::Prune { before } => {
                self.prune(*before)?;
                return Ok(true);
            }
            Also::Meta { name, value } => (
                "insert into meta (name, value) values ($1, $2) \
                 on conflict (name) do update set value = excluded.value",
                vec![Val::Text(name), Val::Text(value)],
            ),
        };
        self.execute(sql, &values)?;
        Ok(true)
    }

    fn token(&mut self, token: &Token) -> Result<(), StoreError> {
        self.execute(
            "insert into token (hash, kind, principal, scope, made, ends, tries_left, revoked) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                Val::Blob(&token.hash),
                Val::Text(&token.kind),
                Val::Text(&token.principal),
                Val::Text(&token.scope),
                Val::Int(token.made),
                Val::Int(token.ends),
                Val::int(token.tries_left),
                Val::int(token.revoked),
            ],
        )?;
        Ok(())
    }

    fn sequenced(&mut self, from: Sequenced, to: Sequenced) -> Result<(), StoreError> {
        let number = |leaves: u64| Val::Int(i64::try_from(leaves).unwrap_or(i64::MAX));
        self.execute(
            "insert into sequenced (first, leaves, xid, seq) values ($1, $2, $3, $4) \
             on conflict (first) do nothing",
            &[
                number(from.leaves),
                number(to.leaves.saturating_sub(from.leaves)),
                Val::Int(to.cursor.transaction),
                Val::Int(to.cursor.seq),
            ],
        )?;
        Ok(())
    }

    fn tried(
        &mut self,
        id: &str,
        at: Micros,
        next_at: Option<Micros>,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        let done = if error.is_none() { Val::Int(at) } else { Val::Null };
        self.execute(
            "update outbox set tries = tries + 1, done = $1, next_at = $2, last_error = $3 \
             where id = $4",
            &[done, Val::int(next_at), Val::text(error), Val::Text(id)],
        )?;
        Ok(())
    }

    fn prune(&mut self, before: Micros) -> Result<(), StoreError> {
        for sql in [
            "delete from token where ends < $1",
            "delete from answered where at < $1",
            "delete from outbox where done < $1",
            // Given up: nobody tries it again.
            "delete from outbox where done is null and next_at is null and at < $1",
        ] {
            self.execute(sql, &[Val::Int(before)])?;
        }
        Ok(())
    }
}
