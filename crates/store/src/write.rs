//! The one write path: a batch inside a transaction that somebody else began and will end.

use crate::StoreError;
use crate::batch::{
    Also, Batch, Change, Erased, Message, Micros, Outcome, Precondition, Put, Rev, Token,
};
use crate::engine::{Connection, Engine, Failpoint};
use crate::feed::Sequenced;
use crate::value::Val;

/// Applies a batch. Unless the outcome is `Done`, the caller must roll back.
///
/// A batch whose acts were all written before was written with them: its answer got lost on the way,
/// and is given again.
pub(crate) fn apply(
    connection: &mut Connection,
    batch: &Batch,
    failpoint: &Failpoint,
) -> Result<Outcome, StoreError> {
    let mut write = Write { connection, failpoint, written: Vec::new() };
    match write.batch(batch)? {
        Outcome::Done(revs) => Ok(Outcome::Done(revs)),
        refused => Ok(write.known(batch)?.map_or(refused, Outcome::Done)),
    }
}

fn conflict(noun: &str, id: &str) -> Outcome {
    Outcome::Conflict { noun: noun.to_owned(), id: id.to_owned() }
}

struct Write<'a> {
    connection: &'a mut Connection,
    failpoint: &'a Failpoint,
    /// The revisions of acts that are new.
    written: Vec<Rev>,
}

enum Changed {
    Now(Rev),
    Before(Rev),
    Not(Outcome),
}

/// Two nodes may count the same grant; each adds its own.
const USED: &str = "insert into used (noun, id, first, last, count) values ($1, $2, $3, $4, $5) \
     on conflict (noun, id) do update set count = used.count + excluded.count, \
     last = case when excluded.last > used.last then excluded.last else used.last end, \
     first = case when excluded.first < used.first then excluded.first else used.first end";

impl Write<'_> {
    fn execute(&mut self, sql: &str, values: &[Val<'_>]) -> Result<u64, StoreError> {
        (self.failpoint)("store.statement.before");
        let changed = self.connection.execute(sql, values)?;
        (self.failpoint)("store.statement.after");
        Ok(changed)
    }

    fn batch(&mut self, batch: &Batch) -> Result<Outcome, StoreError> {
        for read in batch.decided_on() {
            if !self.still_holds(read)? {
                return Ok(conflict(&read.noun, &read.id));
            }
        }
        let mut revs = Vec::with_capacity(batch.changes.len());
        let mut is_new = batch.changes.is_empty();
        for change in &batch.changes {
            match self.change(change)? {
                Changed::Now(rev) => {
                    is_new = true;
                    revs.push(rev);
                }
                Changed::Before(rev) => revs.push(rev),
                Changed::Not(outcome) => return Ok(outcome),
            }
        }
        for also in batch.also.iter().filter(|_| is_new) {
            if !self.also(also)? {
                return Ok(Outcome::TokenSpent);
            }
        }
        Ok(Outcome::Done(revs))
    }

    /// The revisions of the batch's acts if all of them were written before.
    fn known(&mut self, batch: &Batch) -> Result<Option<Vec<Rev>>, StoreError> {
        let mut revs = Vec::new();
        for change in &batch.changes {
            match self.seq_of(change)? {
                // What this transaction wrote itself will be rolled back.
                Some(seq) if !self.written.contains(&seq) => revs.push(seq),
                _ => return Ok(None),
            }
        }
        Ok((!revs.is_empty()).then_some(revs))
    }

    fn seq_of(&mut self, change: &Change) -> Result<Option<Rev>, StoreError> {
        let values = [Val::Blob(&change.id)];
        self.connection.first("select seq from change where id = $1", &values, |row| row.int(0))
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

    fn change(&mut self, change: &Change) -> Result<Changed, StoreError> {
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
            let seq = self.seq_of(change)?;
            return seq
                .map(Changed::Before)
                .ok_or_else(|| StoreError::Foreign("a change came and went".to_owned()));
        };
        self.written.push(rev);
        for put in &change.puts {
            if !self.put(put, rev)? {
                return Ok(Changed::Not(conflict(&put.noun, &put.id)));
            }
        }
        for erased in &change.erased {
            if !self.erase(erased)? {
                return Ok(Changed::Not(conflict(&erased.noun, &erased.id)));
            }
        }
        Ok(Changed::Now(rev))
    }

    /// `false` if there is no such version.
    fn erase(&mut self, erased: &Erased) -> Result<bool, StoreError> {
        let changed = self.execute(
            "update item set body = $1, process = $2, salt = null \
             where noun = $3 and id = $4 and rev = $5",
            &[
                Val::Text(&erased.body),
                Val::Text(&erased.process),
                Val::Text(&erased.noun),
                Val::Text(&erased.id),
                Val::Int(erased.rev),
            ],
        )?;
        let why = "update change set why = null where seq = $1 and why is not null";
        self.execute(why, &[Val::Int(erased.rev)])?;
        Ok(changed == 1)
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
             body, process, digest, salt, look) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
             on conflict do nothing",
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
                Val::int(put.look),
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
            Also::Outbox(message) => return self.outbox(message).map(|()| true),
            Also::Looked { noun, id, rev, next } => (
                "update item set look = $1 where noun = $2 and id = $3 and rev = $4",
                vec![Val::int(*next), Val::Text(noun), Val::Text(id), Val::Int(*rev)],
            ),
            Also::Used { noun, id, first, last, count } => {
                let values = [Val::Int(*first), Val::Int(*last), Val::Int(*count)];
                let [first, last, count] = values;
                self.execute(USED, &[Val::Text(noun), Val::Text(id), first, last, count])?;
                return Ok(true);
            }
            Also::Unnamed { seq } => (
                "update change set by_whom = '', item = null, why = null where seq = $1",
                vec![Val::Int(*seq)],
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
            Also::Epoch { number, at } => {
                self.epoch(*number, *at)?;
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

    fn outbox(&mut self, message: &Message) -> Result<(), StoreError> {
        self.execute(
            "insert into outbox (id, kind, target, body, at, tries, next_at) \
             values ($1, $2, $3, $4, $5, 0, $5) on conflict (id) do nothing",
            &[
                Val::Text(&message.id),
                Val::Text(&message.kind),
                Val::Text(&message.target),
                Val::Text(&message.body),
                Val::Int(message.at),
            ],
        )?;
        Ok(())
    }

    fn token(&mut self, token: &Token) -> Result<(), StoreError> {
        self.execute(
            "insert into token (hash, kind, principal, scope, made, ends, tries_left, revoked) \
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (hash) do nothing",
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

    fn epoch(&mut self, number: u64, at: Micros) -> Result<(), StoreError> {
        /// Room for the changes of one epoch.
        const EPOCH: i64 = 1 << 40;
        let text = number.to_string();
        self.execute(
            "insert into meta (name, value) values ('epoch', $1) \
             on conflict (name) do update set value = excluded.value",
            &[Val::Text(&text)],
        )?;
        self.execute("update token set revoked = $1 where revoked is null", &[Val::Int(at)])?;
        let least = i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(EPOCH);
        match self.connection.engine() {
            Engine::Sqlite => {
                let raised = "update sqlite_sequence set seq = max(seq, $1) where name = 'change'";
                if self.execute(raised, &[Val::Int(least)])? == 0 {
                    let begun = "insert into sqlite_sequence (name, seq) values ('change', $1)";
                    self.execute(begun, &[Val::Int(least)])?;
                }
            }
            Engine::Postgres => {
                let raised = "select setval(pg_get_serial_sequence('change', 'seq'), \
                              greatest($1, (select coalesce(max(seq), 0) from change)))";
                self.connection.first(raised, &[Val::Int(least)], |row| row.int(0))?;
            }
        }
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
