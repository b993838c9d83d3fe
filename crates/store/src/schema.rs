//! The tables, and how an older schema becomes this one.

use crate::StoreError;
use crate::engine::{Connection, Engine};
use crate::value::Val;

/// Each step is run once, in order, in one transaction with its number. A step is never edited after
/// a release: what it got wrong, a later one puts right.
const STEPS: &[&str] = &[STEP_1, STEP_2, STEP_3, STEP_4];

/// The number of this program's schema.
pub const SCHEMA: usize = STEPS.len();

const STEP_1: &str = "
create table meta (name text primary key, value text not null){strict};

-- Every version of every item. A version is superseded, never overwritten.
create table item (
    noun text not null,
    id text not null,
    rev bigint not null,
    until_rev bigint,
    state text not null,
    organization text,
    sponsor text,
    about text,
    parent text,
    ends bigint,
    body text not null,
    process text not null,
    digest {bytes} not null,
    salt {bytes},
    primary key (noun, id, rev)
){strict};
create unique index item_now on item (noun, id) where until_rev is null;
create index item_rev on item (rev);
create index item_organization on item (organization, noun, id)
    where until_rev is null and organization is not null;
create index item_sponsor on item (sponsor, noun, id)
    where until_rev is null and sponsor is not null;
create index item_about on item (about, noun, id) where until_rev is null and about is not null;
create index item_parent on item (parent, noun, id) where until_rev is null and parent is not null;
create index item_ends on item (ends) where until_rev is null and ends is not null;

-- Every act, with its leaf: the feed that nodes follow and that the sequencer moves into the ledger.
create table change (
    seq {identity},
    {xid}
    id {bytes} not null unique,
    at bigint not null,
    by_whom text not null,
    verb text not null,
    noun text not null,
    item text,
    why text,
    leaf {bytes} not null
){strict};
create index change_item on change (noun, item, seq);
{feed_index}

-- Which leaves of the ledger the changes up to a cursor are.
create table sequenced (
    first bigint primary key,
    leaves bigint not null,
    xid bigint not null,
    seq bigint not null
){strict};

create table token (
    hash {bytes} primary key,
    kind text not null,
    principal text not null,
    scope text not null,
    made bigint not null,
    ends bigint not null,
    tries_left bigint,
    revoked bigint
){strict};
create index token_principal on token (principal);
create index token_ends on token (ends);

create table outbox (
    id text primary key,
    kind text not null,
    target text not null,
    body text not null,
    at bigint not null,
    tries bigint not null,
    next_at bigint,
    done bigint,
    last_error text
){strict};
create index outbox_next on outbox (next_at) where next_at is not null;

create table told (key text primary key, at bigint not null){strict};

create table answered (
    key text primary key,
    digest {bytes} not null,
    at bigint not null,
    answer text not null
){strict};
create index answered_at on answered (at);
";

/// When time alone makes something of an item that somebody must be told. It says nothing of the
/// item that its version does not, so it moves on without a new one.
const STEP_2: &str = "
alter table item add column look bigint;
create index item_look on item (look) where until_rev is null and look is not null;
";

/// What runs out is found among what is not over, however much ended long ago; and what is in one
/// state, by it. Nearly everything is `active`: that is found by going through the noun, and pays for no
/// index. A statement repeats these conditions word for word, or the engine does not see that the index
/// answers it.
const STEP_3: &str = "
drop index item_ends;
create index item_running_out on item (ends) where until_rev is null and ends is not null
    and state not in ('expired', 'ended', 'revoked', 'retired', 'refused', 'withdrawn');
create index item_state on item (noun, state, id)
    where until_rev is null and state <> 'active';
";

/// When grants and credentials were last used: counted from decisions, so it has no versions of its own.
const STEP_4: &str = "
create table used (
    noun text not null,
    id text not null,
    first bigint not null,
    last bigint not null,
    count bigint not null,
    primary key (noun, id)
){strict};
";

/// Brings the store to this program's schema.
///
/// # Errors
/// `StoreError::Newer` if a newer program wrote it.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let is_there = match connection.engine() {
        Engine::Sqlite => "select 1 from sqlite_master where type = 'table' and name = 'meta'",
        // Of several nodes that start at once, one makes the tables and the others wait.
        Engine::Postgres => {
            connection.batch("begin; select pg_advisory_xact_lock(7161217216)")?;
            "select 1::bigint from pg_tables where schemaname = current_schema() and tablename = 'meta'"
        }
    };
    if connection.engine() == Engine::Sqlite {
        connection.batch("begin immediate")?;
    }
    let has = match connection.first(is_there, &[], |row| row.int(0))? {
        Some(_) => version(connection)?,
        None => {
            is_empty(connection)?;
            0
        }
    };
    if has > STEPS.len() {
        connection.batch("rollback")?;
        return Err(StoreError::Newer { has, knows: STEPS.len() });
    }
    for (at, step) in STEPS.iter().enumerate().skip(has) {
        connection.batch(&for_engine(step, connection.engine()))?;
        let number = (at + 1).to_string();
        connection.execute(
            "insert into meta (name, value) values ('schema', $1) \
             on conflict (name) do update set value = excluded.value",
            &[Val::Text(&number)],
        )?;
    }
    connection.batch("commit")
}

/// Nothing of ours goes among the tables of another program.
fn is_empty(connection: &mut Connection) -> Result<(), StoreError> {
    let (sql, what) = match connection.engine() {
        Engine::Sqlite => ("select name from sqlite_master where type = 'table' limit 1", "file"),
        Engine::Postgres => (
            "select tablename::text from pg_tables where schemaname = current_schema() limit 1",
            "database, or a schema,",
        ),
    };
    match connection.first(sql, &[], |row| row.owned(0))? {
        None => Ok(()),
        Some(table) => Err(StoreError::Foreign(format!(
            "a table `{table}` is there; give it a {what} of its own"
        ))),
    }
}

/// The feed's order is that of the server's transactions; on another server they begin anew.
pub(crate) fn is_of_this_server(connection: &mut Connection) -> Result<(), StoreError> {
    let sql = "select 1::bigint from change \
               where xid >= pg_snapshot_xmax(pg_current_snapshot()) limit 1";
    match connection.first(sql, &[], |row| row.int(0))? {
        None => Ok(()),
        Some(_) => Err(StoreError::OtherServer),
    }
}

fn version(connection: &mut Connection) -> Result<usize, StoreError> {
    let text = connection
        .first("select value from meta where name = 'schema'", &[], |row| row.owned(0))?
        .ok_or_else(|| {
            StoreError::Foreign("a table `meta` of another program is there".to_owned())
        })?;
    text.parse().map_err(|_| StoreError::Foreign("the number of its schema is none".to_owned()))
}

fn for_engine(step: &str, engine: Engine) -> String {
    let words: [(&str, &str); 5] = match engine {
        Engine::Sqlite => [
            ("{bytes}", "blob"),
            ("{strict}", " strict"),
            ("{identity}", "integer primary key autoincrement"),
            ("{xid}", ""),
            ("{feed_index}", ""),
        ],
        Engine::Postgres => [
            ("{bytes}", "bytea"),
            ("{strict}", ""),
            ("{identity}", "bigint generated always as identity primary key"),
            // Numbers are drawn before commits, so order is by transaction, below the oldest that runs.
            ("{xid}", "xid xid8 not null default pg_current_xact_id(),"),
            ("{feed_index}", "create index change_feed on change (xid, seq);"),
        ],
    };
    let step = words.iter().fold(step.to_owned(), |step, (word, is)| step.replace(word, is));
    match engine {
        // STRICT tables know INT and INTEGER, not bigint.
        Engine::Sqlite => step.replace(" bigint", " integer"),
        // The order of bytes, whatever the language of the server: pages, and the rows under a leaf.
        Engine::Postgres => step.replace(" text", " text collate \"C\""),
    }
}
