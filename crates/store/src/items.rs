//! Items as they are, were, and came to be.

use crate::batch::{Micros, Rev};
use crate::engine::Engine;
use crate::feed::Cursor;
use crate::value::{Row, Val};
use crate::{Store, StoreError};

/// Items on one page, at most.
pub const PAGE_MAX: usize = 500;

/// One version of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub noun: String,
    pub id: String,
    pub rev: Rev,
    /// The change that superseded it.
    pub until_rev: Option<Rev>,
    pub state: String,
    pub organization: Option<String>,
    pub sponsor: Option<String>,
    pub about: Option<String>,
    pub parent: Option<String>,
    pub ends: Option<Micros>,
    /// JSON.
    pub body: String,
    /// JSON.
    pub process: String,
    /// The commitment to this version that its leaf holds.
    pub digest: Vec<u8>,
    /// Opens the commitment; `None` after an erasure.
    pub salt: Option<Vec<u8>>,
}

const COLUMNS: &str = "noun, id, rev, until_rev, state, organization, sponsor, about, parent, ends, body, process, \
     digest, salt";

fn item(row: &Row<'_>) -> Result<Item, StoreError> {
    Ok(Item {
        noun: row.owned(0)?,
        id: row.owned(1)?,
        rev: row.int(2)?,
        until_rev: row.maybe_int(3)?,
        state: row.owned(4)?,
        organization: row.maybe_owned(5)?,
        sponsor: row.maybe_owned(6)?,
        about: row.maybe_owned(7)?,
        parent: row.maybe_owned(8)?,
        ends: row.maybe_int(9)?,
        body: row.owned(10)?,
        process: row.owned(11)?,
        digest: row.blob(12)?.to_vec(),
        salt: row.maybe_blob(13)?.map(<[u8]>::to_vec),
    })
}

/// A version, as its leaf speaks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub noun: String,
    pub id: String,
    pub digest: Vec<u8>,
    /// Of the version that it succeeded.
    pub before: Option<Vec<u8>>,
}

/// The stored states of which one is shown now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Among {
    pub states: Vec<String>,
    /// The same, as long as the item's end is after `now`.
    pub until_end: Vec<String>,
    pub now: Micros,
}

/// As the index of what runs out says it.
const NOT_OVER: &str =
    "state not in ('expired', 'ended', 'revoked', 'retired', 'refused', 'withdrawn')";

/// Which items a page shows. `None` and empty mean any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// As it is stored.
    pub state: Option<String>,
    /// One of several stored states. They are looked for item by item, not by an index: a page is in
    /// order of ids, and these are most of them.
    pub among: Option<Among>,
    pub organization: Option<String>,
    pub sponsor: Option<String>,
    pub about: Option<String>,
    pub parent: Option<String>,
    /// The id of the last item of the page before.
    pub after: String,
    pub limit: usize,
}

impl Store {
    /// The newest version of an item.
    pub fn item(&self, noun: &str, id: &str) -> Result<Option<Item>, StoreError> {
        let sql =
            format!("select {COLUMNS} from item where noun = $1 and id = $2 and until_rev is null");
        self.read(|connection| connection.first(&sql, &[Val::Text(noun), Val::Text(id)], item))
    }

    /// All versions of an item, the oldest first.
    pub fn versions(&self, noun: &str, id: &str) -> Result<Vec<Item>, StoreError> {
        let sql = format!("select {COLUMNS} from item where noun = $1 and id = $2 order by rev");
        self.read(|connection| connection.all(&sql, &[Val::Text(noun), Val::Text(id)], item))
    }

    /// The newest versions of one noun, by id, one page.
    pub fn page(&self, noun: &str, filter: &Filter) -> Result<Vec<Item>, StoreError> {
        let mut sql =
            format!("select {COLUMNS} from item where noun = $1 and id > $2 and until_rev is null");
        let mut values = vec![Val::Text(noun), Val::Text(&filter.after), limit_of(filter)];
        restrict(filter, &mut sql, &mut values);
        sql.push_str(" order by id limit $3");
        self.read(|connection| connection.all(&sql, &values, item))
    }

    /// The newest versions of one noun whose end has come by `now` and that are not over as they are
    /// stored, by id, one page.
    pub fn page_run_out(
        &self,
        noun: &str,
        filter: &Filter,
        now: Micros,
    ) -> Result<Vec<Item>, StoreError> {
        // These are few, and the engine is not to go through a noun for them.
        let mut sql = format!(
            "select {COLUMNS} from item where (noun || '') = $1 and (id || '') > $2 and ends <= $4 \
             and until_rev is null and ends is not null and {NOT_OVER}"
        );
        let mut values =
            vec![Val::Text(noun), Val::Text(&filter.after), limit_of(filter), Val::Int(now)];
        restrict(filter, &mut sql, &mut values);
        sql.push_str(" order by id limit $3");
        self.read(|connection| connection.all(&sql, &values, item))
    }

    /// The newest versions that end by themselves in `(after, until]` and are not over yet, the
    /// earliest first.
    pub fn ending(
        &self,
        after: Micros,
        until: Micros,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from item where ends > $1 and ends <= $2 and until_rev is null \
             and ends is not null and {NOT_OVER} order by ends, noun, id limit $3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [Val::Int(after), Val::Int(until), Val::Int(limit)];
        self.read(|connection| connection.all(&sql, &values, item))
    }

    /// The newest versions that must be looked at by `until`, the earliest first.
    pub fn to_look_at(&self, until: Micros, limit: usize) -> Result<Vec<Item>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from item where look <= $1 and until_rev is null \
             and look is not null order by look, noun, id limit $2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| connection.all(&sql, &[Val::Int(until), Val::Int(limit)], item))
    }

    /// Every newest version as `(noun, id, rev, state, body)`, in the engine's buffer, in order of
    /// noun and id.
    pub fn each_item(
        &self,
        mut each: impl FnMut(&str, &str, Rev, &str, &str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            connection.each(
                "select noun, id, rev, state, body from item where until_rev is null \
                 order by noun, id",
                &[],
                &mut |row| {
                    each(row.text(0)?, row.text(1)?, row.int(2)?, row.text(3)?, row.text(4)?)
                },
            )
        })
    }

    /// Every version that was the newest when the feed was at `place`, as [`Store::each_item`] gives
    /// those of now.
    pub fn each_item_at(
        &self,
        place: Cursor,
        mut each: impl FnMut(&str, &str, Rev, &str, &str) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (transaction, seq) = (place.transaction.to_string(), Val::Int(place.seq));
        self.read(|connection| {
            let (sql, values) = match connection.engine() {
                Engine::Sqlite => (
                    "select noun, id, rev, state, body from item \
                     where rev <= $1 and (until_rev is null or until_rev > $1) order by noun, id",
                    vec![seq],
                ),
                // There a later number may be of an earlier transaction.
                Engine::Postgres => (
                    "select item.noun, item.id, item.rev, item.state, item.body from item \
                     join change made on made.seq = item.rev \
                     left join change ended on ended.seq = item.until_rev \
                     where (made.xid, made.seq) <= ($1::text::xid8, $2) and (ended.seq is null \
                     or (ended.xid, ended.seq) > ($1::text::xid8, $2)) \
                     order by item.noun, item.id",
                    vec![Val::Text(&transaction), seq],
                ),
            };
            connection.each(sql, &values, &mut |row| {
                each(row.text(0)?, row.text(1)?, row.int(2)?, row.text(3)?, row.text(4)?)
            })
        })
    }

    /// The versions that a change made.
    pub fn made_by(&self, rev: Rev) -> Result<Vec<Item>, StoreError> {
        let sql = format!("select {COLUMNS} from item where rev = $1 order by noun, id");
        self.read(|connection| connection.all(&sql, &[Val::Int(rev)], item))
    }

    /// The same after an item, at most `limit`: a bulk act made more than fit in memory.
    pub fn made_after(
        &self,
        rev: Rev,
        (noun, id): (&str, &str),
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from item where rev = $1 and (noun > $2 or (noun = $2 and id > $3)) \
             order by noun, id limit $4"
        );
        let limit = Val::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        let values = [Val::Int(rev), Val::Text(noun), Val::Text(id), limit];
        self.read(|connection| connection.all(&sql, &values, item))
    }

    /// The version of an item that a change superseded.
    pub fn superseded(&self, noun: &str, id: &str, by: Rev) -> Result<Option<Item>, StoreError> {
        let sql =
            format!("select {COLUMNS} from item where noun = $1 and id = $2 and until_rev = $3");
        let values = [Val::Text(noun), Val::Text(id), Val::Int(by)];
        self.read(|connection| connection.first(&sql, &values, item))
    }

    /// What a change made, as far as its leaf speaks of it, in no particular order.
    pub fn commitments_of(&self, rev: Rev) -> Result<Vec<Committed>, StoreError> {
        let sql = "select noun, id, digest, (select digest from item as before \
                   where before.noun = item.noun and before.id = item.id \
                   and before.until_rev = item.rev) from item where rev = $1";
        self.read(|connection| {
            connection.all(sql, &[Val::Int(rev)], |row| {
                Ok(Committed {
                    noun: row.owned(0)?,
                    id: row.owned(1)?,
                    digest: row.blob(2)?.to_vec(),
                    before: row.maybe_blob(3)?.map(<[u8]>::to_vec),
                })
            })
        })
    }

    /// The version of an item that a change made.
    pub fn version(&self, noun: &str, id: &str, rev: Rev) -> Result<Option<Item>, StoreError> {
        let sql = format!("select {COLUMNS} from item where noun = $1 and id = $2 and rev = $3");
        let values = [Val::Text(noun), Val::Text(id), Val::Int(rev)];
        self.read(|connection| connection.first(&sql, &values, item))
    }

    /// How many items of a noun are in each state.
    pub fn counts(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        self.read(|connection| {
            connection.all(
                "select noun, state, count(*) from item where until_rev is null \
                 group by noun, state order by noun, state",
                &[],
                |row| Ok((row.owned(0)?, row.owned(1)?, row.int(2)?)),
            )
        })
    }
}

fn limit_of(filter: &Filter) -> Val<'static> {
    Val::Int(i64::try_from(filter.limit.clamp(1, PAGE_MAX)).unwrap_or(i64::MAX))
}

/// Adds what a filter asks for to a statement.
fn restrict<'a>(filter: &'a Filter, sql: &mut String, values: &mut Vec<Val<'a>>) {
    for (column, wanted) in [
        ("state", &filter.state),
        ("organization", &filter.organization),
        ("sponsor", &filter.sponsor),
        ("about", &filter.about),
        ("parent", &filter.parent),
    ] {
        if let Some(wanted) = wanted {
            values.push(Val::Text(wanted));
            sql.push_str(&format!(" and {column} = ${}", values.len()));
        }
    }
    if filter.state.as_deref().is_some_and(|state| state != "active") {
        sql.push_str(" and state <> 'active'");
    }
    let Some(among) = &filter.among else { return };
    // Joined to a text, the column is not looked up in its index and sorted afterwards.
    let always = one_of(&among.states, values);
    let until_end = one_of(&among.until_end, values);
    values.push(Val::Int(among.now));
    let now = values.len();
    sql.push_str(&format!(" and ({always} or ({until_end} and ends > ${now}))"));
}

fn one_of<'a>(states: &'a [String], values: &mut Vec<Val<'a>>) -> String {
    let mut places = Vec::with_capacity(states.len());
    for state in states {
        values.push(Val::Text(state));
        places.push(format!("${}", values.len()));
    }
    match places.is_empty() {
        true => "1 = 0".to_owned(),
        false => format!("(state || '') in ({})", places.join(", ")),
    }
}
