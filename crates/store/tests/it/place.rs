//! A store of its own for each test, on each engine, and short ways to say what is written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_store::batch::{Batch, Change, Put};
use countersign_store::feed::{Changed, Cursor};
use countersign_store::{Address, Outcome, Secret, Store};
use countersign_testkit::{Folder, Postgres};

/// Where a store can be opened.
pub struct Place {
    pub address: Address,
    pub folder: Folder,
    pub server: Option<Arc<Postgres>>,
}

impl Place {
    pub fn open(&self) -> Store {
        Store::open(&self.address).unwrap()
    }

    /// Runs SQL as another program would.
    pub fn run(&self, sql: &str) {
        match (&self.address, &self.server) {
            (Address::Postgres(Secret(url)), Some(server)) => server.run(url, sql),
            (Address::Sqlite(path), _) => {
                rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
            }
            _ => unreachable!("PostgreSQL has its server"),
        }
    }
}

/// Runs a test on SQLite and, if it is installed, on PostgreSQL.
pub fn both(name: &str, test: impl Fn(&Place)) {
    let folder = Folder::new("store");
    let address = Address::Sqlite(folder.at("state.sqlite"));
    test(&Place { address, folder, server: None });
    let Some(server) = Postgres::shared(name) else { return };
    let address = server.database().parse().unwrap();
    test(&Place { address, folder: Folder::new("store"), server: Some(server) });
}

/// A change that makes one version.
pub fn change(id: u8, put: Put) -> Change {
    Change {
        erased: Vec::new(),
        id: [id; 16],
        at: 1_000_000 + i64::from(id),
        by: "member:ann".to_owned(),
        verb: format!("{}.change", put.noun),
        noun: put.noun.clone(),
        item: Some(put.id.clone()),
        why: None,
        leaf: vec![b'l', id],
        puts: vec![put],
    }
}

pub fn put(noun: &str, id: &str, after: Option<i64>, state: &str) -> Put {
    Put {
        look: None,
        noun: noun.to_owned(),
        id: id.to_owned(),
        after,
        state: state.to_owned(),
        organization: None,
        sponsor: None,
        about: None,
        parent: None,
        ends: None,
        body: format!("{{\"id\":\"{id}\"}}"),
        process: "{}".to_owned(),
        digest: [9; 32],
        salt: Some([8; 32]),
    }
}

pub fn one(change: Change) -> Batch {
    Batch { changes: vec![change], ..Batch::default() }
}

/// The feed once it has this many: on PostgreSQL whoever writes on the same server holds it back.
pub fn feed(store: &Store, count: usize) -> Vec<Changed> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let changes = store.changes(Cursor::default(), 10_000).unwrap();
        if changes.len() >= count || Instant::now() > until {
            return changes;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The revision that a batch with one change got.
pub fn done(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Done(revs) => revs[0],
        other => unreachable!("{other:?}"),
    }
}
