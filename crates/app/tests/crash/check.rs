//! What must hold after every crash.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_app::{App, Changed, Cursor};
use countersign_ledger::entry::{Change, ChangeBatch, Entry};
use countersign_ledger::handles::{Commitment, Handle, Noun, Salt};
use countersign_ledger::merkle::{leaf_hash, root_of};
use countersign_ledger::tile::{Level, TILE_WIDTH, Tile};
use countersign_ledger::{Handles, bundle, verify};
use countersign_store::items::Item;
use countersign_store::{Address, Secret};

use crate::place::{Place, Refused, sequence};

/// What was seen of one place so far.
#[derive(Default)]
pub struct Seen {
    answers: Vec<String>,
    /// Changes whose evidence was made again and compared.
    compared: usize,
    versions: i64,
    /// A checkpoint that somebody took home.
    note: Option<String>,
    pub changes: usize,
}

impl Seen {
    pub fn answered(&mut self, answers: Vec<String>) {
        self.answers.extend(answers);
    }

    /// Opens the place and looks at everything.
    ///
    /// # Errors
    /// If it refuses to start, with what it says.
    pub fn check(&mut self, place: &Place) -> Result<(), Refused> {
        wait_for_sessions_to_end(place);
        let (app, mut sequencer) = place.open(2, Arc::new(|_| ()))?;
        let until = Instant::now() + Duration::from_secs(30);
        let (leaves, changes) = loop {
            let leaves = sequence(&app, &mut sequencer)?;
            let changes = app.store().changes(Cursor::default(), usize::MAX).unwrap();
            let all = count(place, "select count(*) from change");
            if i64::try_from(changes.len()).unwrap() == all
                && usize::try_from(leaves).unwrap() == changes.len()
            {
                break (leaves, changes);
            }
            let seen = changes.len();
            assert!(
                Instant::now() < until,
                "{seen} changes in the feed, {all} rows, {leaves} leaves"
            );
        };
        assert_eq!(app.store().sequenced().unwrap().leaves, leaves);
        let mut handles = sequencer_handles(place);
        drop(sequencer);
        self.ledger(place, &changes);
        for change in &changes[self.compared..] {
            self.versions += evidence(&app, &mut handles, change);
        }
        self.compared = changes.len();
        self.changes = changes.len();
        assert_eq!(count(place, "select count(*) from item"), self.versions, "each has its change");
        assert_eq!(count(place, BROKEN_CHAINS), 0, "each version is succeeded by the next");
        self.answers(&app, &changes);
        Ok(())
    }

    /// The leaves are the feed, in its order, and the tree extends every one that was signed.
    fn ledger(&mut self, place: &Place, changes: &[Changed]) {
        let folder = place.ledger_folder();
        let key = std::fs::read_to_string(folder.join("public.key")).unwrap();
        let verified = verify(&folder, key.trim(), self.note.as_deref()).unwrap();
        let size = verified.checkpoint.size;
        assert_eq!(size, changes.len() as u64);
        let mut wanted = changes.iter().map(|change| change.leaf.as_slice());
        let mut index = 0;
        while let Some(tile) = Tile::in_tree(size, Level::Entries, index) {
            let file = std::fs::read(folder.join(tile.path())).unwrap();
            for (at, entry) in bundle::entries(&file).enumerate() {
                let leaf = index * TILE_WIDTH as u64 + at as u64;
                assert!(
                    entry.ok() == wanted.next(),
                    "leaf {leaf} is not change {leaf} of the feed"
                );
            }
            index += 1;
        }
        assert_eq!(wanted.next(), None);
        self.note = Some(std::fs::read_to_string(folder.join("checkpoint")).unwrap());
    }

    fn answers(&self, app: &App, changes: &[Changed]) {
        let acts: HashSet<&str> = changes.iter().filter_map(|one| one.why.as_deref()).collect();
        for answer in &self.answers {
            let words: Vec<&str> = answer.split(' ').collect();
            let ["ack", noun, id, rev, state, why] = words[..] else {
                // The last line of a killed process is cut; a whole one follows no cut one.
                continue;
            };
            assert!(acts.contains(why), "answered and lost: {answer}");
            if *noun == *"-" {
                continue;
            }
            let rev: i64 = rev.parse().unwrap();
            let versions = app.store().versions(noun, id).unwrap();
            let found = versions.iter().find(|version| version.rev == rev);
            assert!(
                found.is_some_and(|found| is_state(found, state)),
                "answered and lost: {answer}"
            );
        }
    }
}

/// What is shown may be a moment of what is stored.
fn is_state(item: &Item, shown: &str) -> bool {
    item.state == shown || (item.state == "active" && shown == "due")
}

/// The leaf of a change is made again of what the store holds. How many versions it made.
fn evidence(app: &App, handles: &mut Handles, change: &Changed) -> i64 {
    let items = app.store().made_by(change.cursor.seq).unwrap();
    assert!(!items.is_empty(), "evidence without its change: {change:?}");
    let Ok(Entry::Change(Change { time, .. }) | Entry::ChangeBatch(ChangeBatch { time, .. })) =
        Entry::decode(&change.leaf)
    else {
        unreachable!("{change:?}");
    };
    let by = handles.handle(Noun::Subject, &change.by);
    let mut rows: Vec<(Handle, Vec<u8>)> = items
        .iter()
        .map(|item| {
            let name = format!("{}:{}", item.noun, item.id);
            let (id, verb, noun) = (change.id, change.verb.as_str(), item.noun.as_str());
            let after = commitment(item);
            let before = before(app, item);
            let item = handles.handle(Noun::Subject, &name);
            let row = Entry::Change(Change { time, id, verb, noun, item, by, before, after });
            (item, row.encode().unwrap())
        })
        .collect();
    rows.sort();
    let rows: Vec<Vec<u8>> = rows.into_iter().map(|(_, row)| row).collect();
    let leaf = match rows.as_slice() {
        [one] => one.clone(),
        rows => {
            let hashes: Vec<_> = rows.iter().map(|row| leaf_hash(row)).collect();
            let (id, verb, root) = (change.id, change.verb.as_str(), root_of(&hashes));
            let count = u32::try_from(rows.len()).unwrap();
            Entry::ChangeBatch(ChangeBatch { time, id, by, verb, count, root }).encode().unwrap()
        }
    };
    assert!(leaf == change.leaf, "the leaf is not of what the store holds: {change:?}");
    i64::try_from(items.len()).unwrap()
}

fn commitment(item: &Item) -> Commitment {
    let Item { state, body, process, .. } = item;
    let text = format!("{{\"state\":\"{state}\",\"document\":{body},\"process\":{process}}}");
    let salt = <[u8; 32]>::try_from(item.salt.as_deref().unwrap()).unwrap();
    let commitment = Salt::from_bytes(salt).commit(text.as_bytes());
    assert_eq!(commitment.0.as_slice(), item.digest);
    commitment
}

fn before(app: &App, item: &Item) -> Option<[u8; 32]> {
    let versions = app.store().versions(&item.noun, &item.id).unwrap();
    let before = versions.iter().rfind(|version| version.rev < item.rev)?;
    Some(before.digest.as_slice().try_into().unwrap())
}

fn sequencer_handles(place: &Place) -> Handles {
    countersign_ledger::Ledger::read_handles(&place.ledger_folder()).unwrap()
}

const BROKEN_CHAINS: &str = "\
select (select count(*) from item i where until_rev is not null and not exists \
   (select 1 from item j where j.noun = i.noun and j.id = i.id and j.rev = i.until_rev)) \
 + (select count(*) from (select noun from item group by noun, id \
   having sum(case when until_rev is null then 1 else 0 end) <> 1) as x)";

fn count(place: &Place, sql: &str) -> i64 {
    match &place.address {
        Address::Sqlite(path) => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        }
        Address::Postgres(_) => session(place).query_one(sql, &[]).unwrap().get(0),
    }
}

fn session(place: &Place) -> postgres::Client {
    let Address::Postgres(Secret(url)) = &place.address else { unreachable!("not on SQLite") };
    postgres::Client::connect(url, postgres::NoTls).unwrap()
}

/// A server finishes what a client that is gone had asked for.
fn wait_for_sessions_to_end(place: &Place) {
    if matches!(place.address, Address::Sqlite(_)) {
        return;
    }
    let mut session = session(place);
    let others = "select count(*) from pg_stat_activity \
                  where datname = current_database() and application_name = 'countersign'";
    let until = Instant::now() + Duration::from_secs(30);
    while session.query_one(others, &[]).unwrap().get::<_, i64>(0) > 0 {
        assert!(Instant::now() < until, "sessions of a killed process do not end");
        std::thread::sleep(Duration::from_millis(3));
    }
}
