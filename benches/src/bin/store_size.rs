//! What a large register costs on SQLite: loading it with evidence, reading all facts against reading
//! the same rows by the bare driver, pages against one indexed `SELECT`, bytes on disk and in memory.
//! `store_size [GRANTS] [FOLDER]`; a tenth as many identities.

use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use countersign_app::{App, Sequencer};
use countersign_bench::{item, peak_kib};
use countersign_ledger::entry::{ChangeBatch, Entry};
use countersign_ledger::handles::Noun;
use countersign_ledger::merkle::{leaf_hash, root_of};
use countersign_ledger::{Handles, Ledger, OpenOptions};
use countersign_model::time::Timestamp;
use countersign_register::{documents, parse};
use countersign_store::batch::{Batch, Put};
use countersign_store::items::Filter;
use countersign_store::{Address, Outcome, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Items under one leaf.
const BATCH: u64 = 4_096;
const PAGES: u64 = 400;
const PAGE: usize = 50;

fn main() -> Result<()> {
    let grants: u64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let temporary = countersign_testkit::Folder::new("size");
    let folder = std::env::args().nth(2).map_or(temporary.path().to_owned(), PathBuf::from);
    let mut out = std::io::stdout().lock();
    let path = folder.join("state.sqlite");
    let began = Instant::now();
    let leaves = load(&path, &folder.join("ledger"), grants)?;
    let took = began.elapsed();
    let items = grants + grants / item::IDENTITIES_PER_GRANT;
    writeln!(out, "{items} items under {leaves} leaves in {took:.1?}, {:.0}/s", rate(items, took))?;
    let disk = std::fs::metadata(&path)?.len();
    writeln!(out, "on disk: {} bytes a grant, history and indexes included", disk / grants)?;
    let bare = bare(&path)?;
    let before = resident();
    let (facts, register) = facts(&path, &folder)?;
    let memory = resident().saturating_sub(before);
    writeln!(
        out,
        "all facts: {facts:.2?}, bare rows: {bare:.2?}, ratio {:.1}",
        ratio(facts, bare)
    )?;
    let parts = parts(&path)?;
    writeln!(out, "  of it: rows through the store {:.2?}, and JSON {:.2?}", parts.0, parts.1)?;
    writeln!(out, "in memory: {} bytes a grant; peak {} MiB", memory / grants, peak_kib() / 1024)?;
    drop(register);
    let (store, bare) = pages(&path, grants)?;
    writeln!(
        out,
        "a page of {PAGE}: {:.0?}, bare: {:.0?}, ratio {:.2}",
        store / PAGES as u32,
        bare / PAGES as u32,
        ratio(store, bare)
    )?;
    Ok(())
}

fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

fn ledger(folder: &Path) -> Result<Ledger> {
    let options = OpenOptions {
        origin: "bench.example/log",
        private_key: None,
        signing_seed: [1; 32],
        handle_seed: [2; 32],
    };
    Ok(Ledger::open_in_order(folder, &options)?)
}

/// Everything in batches with one leaf each, and into the ledger; how many leaves.
fn load(path: &Path, folder: &Path, grants: u64) -> Result<u64> {
    let store = Store::open(&Address::Sqlite(path.to_owned()))?;
    let mut ledger = ledger(folder)?;
    let mut handles = ledger.handles().clone();
    let mut sequencer = Sequencer::new(ledger, &store)?;
    let mut number = 0;
    let mut commit = |puts: Vec<Put>| -> Result<()> {
        number += 1;
        let change = item::act(number, Vec::new(), batch_leaf(&mut handles, number, &puts)?);
        let change = countersign_store::batch::Change { puts, ..change };
        let batch = Batch { changes: vec![change], ..Batch::default() };
        ensure!(matches!(store.commit(batch)?, Outcome::Done(_)), "refused");
        Ok(())
    };
    commit(around()?)?;
    let identities = grants / item::IDENTITIES_PER_GRANT;
    for from in (0..identities).step_by(BATCH as usize) {
        commit((from..identities.min(from + BATCH)).map(identity).collect())?;
    }
    for from in (0..grants).step_by(BATCH as usize) {
        commit((from..grants.min(from + BATCH)).map(item::put).collect())?;
    }
    loop {
        if let (leaves, false) = sequencer.step(&store)? {
            return Ok(leaves);
        }
    }
}

fn batch_leaf(handles: &mut Handles, number: u64, puts: &[Put]) -> Result<Vec<u8>> {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let mut hashes = Vec::with_capacity(puts.len());
    for put in puts {
        hashes.push(leaf_hash(&item::leaf(handles, id, put)?));
    }
    let by = handles.handle(Noun::Subject, "member:owner");
    let (count, root) = (u32::try_from(puts.len())?, root_of(&hashes));
    let verb = "register.load";
    Ok(Entry::ChangeBatch(ChangeBatch { time: 0, id, by, verb, count, root }).encode()?)
}

/// What grants refer to.
fn around() -> Result<Vec<Put>> {
    let mut text =
        "tenants:\n  - {id: erp, accounts: [\"1\"]}\nsponsors:\n  - {id: ann, name: Ann, \
                    employed: {from: 2020-01-01, until: never}}\norganizations:\n"
            .to_owned();
    for number in 0..item::ORGANIZATIONS {
        let id = item::organization(number);
        text.push_str(&format!(
            "  - {{id: {id}, kind: partner, state: active, sponsor: ann, contract: {{from: 2026-01-01, until: 2030-01-01}}}}\n"
        ));
    }
    text.push_str("entitlements:\n");
    for number in 0..50 {
        text.push_str(&format!(
            "  - {{id: orders-{number}, catalog: partners, tenant: erp, actions: [\"order:*\"], owner: ann, risk: low}}\n"
        ));
    }
    let (register, mistakes) = parse(&[("register.yaml".to_owned(), text)]);
    ensure!(mistakes.is_empty(), "{mistakes:?}");
    let puts = documents(&register).into_iter();
    Ok(puts.map(|one| other(one.noun, &one.id, one.body.to_string())).collect())
}

fn identity(number: u64) -> Put {
    let id = item::identity(number * item::IDENTITIES_PER_GRANT);
    let organization = item::organization(number);
    let body = format!(
        "{{\"id\":\"{id}\",\"kind\":\"human\",\"organization\":\"{organization}\",\
         \"active\":{{\"from\":\"2026-01-01\",\"until\":\"2030-01-01\"}}}}"
    );
    Put { organization: Some(organization), ..other("identity", &id, body) }
}

fn other(noun: &str, id: &str, body: String) -> Put {
    let put = item::put(0);
    let (noun, id) = (noun.to_owned(), id.to_owned());
    Put { noun, id, about: None, organization: None, body, ..put }
}

/// The rows that `facts` reads, by the driver alone.
fn bare(path: &Path) -> Result<Duration> {
    let connection = rusqlite::Connection::open(path)?;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        let mut statement = connection.prepare(
            "select noun, id, rev, state, body from item where until_rev is null order by noun, id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for at in [0, 1, 3, 4] {
                black_box(row.get_ref(at)?.as_str()?);
            }
            black_box(row.get_ref(2)?.as_i64()?);
        }
        best = best.min(began.elapsed());
    }
    Ok(best)
}

fn facts(path: &Path, folder: &Path) -> Result<(Duration, impl Sized)> {
    let store = Store::open(&Address::Sqlite(path.to_owned()))?;
    let handles = Ledger::read_handles(&folder.join("ledger"))?;
    let app = App::new(store, handles, Box::new(|| Timestamp(0)), Box::new(|_| ()));
    let began = Instant::now();
    let register = app.facts()?;
    let took = began.elapsed();
    ensure!(!register.grants.is_empty(), "no grants");
    Ok((took, register))
}

/// Reading through the store alone, and with each document as a tree of JSON.
fn parts(path: &Path) -> Result<(Duration, Duration)> {
    let store = Store::open(&Address::Sqlite(path.to_owned()))?;
    let mut took = [Duration::MAX; 2];
    for (is_parsed, took) in [false, true].into_iter().zip(&mut took) {
        let began = Instant::now();
        store.each_item(|noun, id, rev, state, body| {
            black_box((noun, id, rev, state, body));
            if is_parsed {
                black_box(serde_json::from_str::<serde_json::Value>(body).is_ok());
            }
            Ok(())
        })?;
        *took = began.elapsed();
    }
    Ok((took[0], took[1]))
}

/// Pages of grants by organization and by identity, each beginning elsewhere.
fn pages(path: &Path, grants: u64) -> Result<(Duration, Duration)> {
    let store = Store::open(&Address::Sqlite(path.to_owned()))?;
    let connection = rusqlite::Connection::open(path)?;
    let mut took = [Duration::ZERO; 2];
    for number in 0..PAGES {
        let start = number * 7_919 % grants;
        let (after, organization) = (item::row(start).id, item::organization(number));
        let filter = Filter {
            organization: Some(organization.clone()),
            after: after.clone(),
            limit: PAGE,
            ..Filter::default()
        };
        let began = Instant::now();
        let ours = store.page("grant", &filter)?;
        took[0] += began.elapsed();
        let began = Instant::now();
        let mut statement = connection.prepare_cached(
            "select noun, id, rev, state, organization, sponsor, about, parent, ends, body, process, \
             digest, salt from item where noun = 'grant' and organization = ?1 and id > ?2 \
             and until_rev is null order by id limit ?3",
        )?;
        let rows =
            statement.query_map(rusqlite::params![organization, after, PAGE as i64], |row| {
                Ok((row.get::<_, String>(1)?, row.get::<_, String>(9)?, row.get::<_, String>(10)?))
            })?;
        let theirs = rows.collect::<Result<Vec<_>, _>>()?;
        took[1] += began.elapsed();
        ensure!(ours.len() == theirs.len(), "{} and {} rows", ours.len(), theirs.len());
        ensure!(ours.iter().zip(&theirs).all(|(ours, theirs)| ours.id == theirs.0), "other rows");
    }
    Ok((took[0], took[1]))
}
