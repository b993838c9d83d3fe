//! What evidence costs: commits with their change row, leaf and place in the ledger, against the same
//! engine that commits the same rows and indexes in groups of the same size without; and against a
//! bare journal. `store_rate [CHANGES]`; PostgreSQL if it is installed.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use countersign_app::Sequencer;
use countersign_bench::item::{self, Row};
use countersign_ledger::{Ledger, OpenOptions};
use countersign_store::batch::Batch;
use countersign_store::{Address, Outcome, Secret, Store};
use countersign_testkit::{Folder, Postgres};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Who commits at the same time: alone, and enough to fill groups.
const WRITERS: [u64; 3] = [1, 16, 128];
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let changes = std::env::args().nth(1).map_or(Ok(30_000), |text| text.parse())?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "engine\twriters\tgroup\twith evidence/s\twithout/s\tratio\tjournal/s\tratio to journal"
    )?;
    let server = Postgres::start("the write rate");
    for writers in WRITERS {
        // Alone, each waits for the disk.
        let changes = if writers == 1 { changes.min(500) } else { changes };
        for engine in ["sqlite", "postgres"] {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let folder = Folder::new("rate");
                let addresses = match (engine, &server) {
                    ("sqlite", _) => {
                        [folder.at("with.sqlite"), folder.at("without.sqlite")].map(Address::Sqlite)
                    }
                    (_, Some(server)) => [server.database(), server.database()]
                        .map(|url| Address::Postgres(Secret(url))),
                    (_, None) => continue,
                };
                rounds.push(round(&folder, &addresses, writers, changes)?);
            }
            rounds.sort_by(|a, b| (a.with / a.without).total_cmp(&(b.with / b.without)));
            let Some(Rates { group, with, without, journal }) = rounds.get(rounds.len() / 2) else {
                continue;
            };
            writeln!(
                out,
                "{engine}\t{writers}\t{group:.1}\t{with:.0}\t{without:.0}\t{:.2}\t{journal:.0}\t{:.2}",
                with / without,
                with / journal,
            )?;
        }
    }
    Ok(())
}

struct Rates {
    group: f64,
    with: f64,
    without: f64,
    journal: f64,
}

fn round(folder: &Folder, addresses: &[Address; 2], writers: u64, changes: u64) -> Result<Rates> {
    let (group, with) = with_evidence(&addresses[0], &folder.at("ledger"), writers, changes)?;
    // The tables and indexes are those of the store.
    drop(Store::open(&addresses[1])?);
    let without = match &addresses[1] {
        Address::Sqlite(path) => sqlite(path, group.round() as u64, changes)?,
        Address::Postgres(Secret(url)) => postgres(url, writers, changes)?,
    };
    let journal = journal(&folder.at("journal"), group.round() as u64, changes)?;
    Ok(Rates { group, with, without, journal })
}

/// Changes a second, until the last is in the ledger and signed; and how many went in one commit.
fn with_evidence(
    address: &Address,
    ledger: &Path,
    writers: u64,
    changes: u64,
) -> Result<(f64, f64)> {
    let commits = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&commits);
    let store = Store::open_with(
        address,
        Arc::new(move |step| {
            if step == "store.commit.before" {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }),
    )?;
    let options = OpenOptions {
        origin: "bench.example/log",
        private_key: None,
        signing_seed: [1; 32],
        handle_seed: [2; 32],
    };
    let mut ledger = Ledger::open_in_order(ledger, &options)?;
    let handles = ledger.handles().clone();
    let mut sequencer = Sequencer::new(ledger, &store)?;
    let is_over = AtomicBool::new(false);
    let (store, is_over) = (&store, &is_over);
    let began = Instant::now();
    let leaves = std::thread::scope(|scope| -> Result<u64> {
        let proving = scope.spawn(move || -> Result<u64> {
            loop {
                let last = is_over.load(Ordering::Acquire);
                let (leaves, more) = sequencer.step(store)?;
                if last && !more && leaves == changes {
                    return Ok(leaves);
                }
                if !last {
                    // As `serve` does.
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        });
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let mut handles = handles.clone();
                scope.spawn(move || -> Result<()> {
                    for number in (writer..changes).step_by(usize::try_from(writers)?) {
                        let change = item::change(&mut handles, number)?;
                        let batch = Batch { changes: vec![change], ..Batch::default() };
                        ensure!(matches!(store.commit(batch)?, Outcome::Done(_)), "refused");
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a writer does not panic")?;
        }
        is_over.store(true, Ordering::Release);
        proving.join().expect("the sequencer does not panic")
    })?;
    ensure!(leaves == changes, "{leaves} leaves");
    let rate = changes as f64 / began.elapsed().as_secs_f64();
    // The marks of the sequencer are commits as well.
    Ok((changes as f64 / commits.load(Ordering::Relaxed) as f64, rate))
}

fn sqlite(path: &Path, group: u64, changes: u64) -> Result<f64> {
    let mut connection = rusqlite::Connection::open(path)?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -65536",
    )?;
    let began = Instant::now();
    let mut number = 0;
    while number < changes {
        let transaction = connection.transaction()?;
        for _ in 0..group.max(1) {
            let Row { id, body, process, digest, salt } = item::row(number);
            transaction.prepare_cached(&item::INSERT.replace('$', "?"))?.execute(
                rusqlite::params![
                    "grant",
                    id,
                    number as i64 + 1,
                    "active",
                    item::organization(number),
                    "ann",
                    item::identity(number),
                    item::END,
                    body,
                    process,
                    digest,
                    salt
                ],
            )?;
            number += 1;
            if number == changes {
                break;
            }
        }
        transaction.commit()?;
    }
    Ok(changes as f64 / began.elapsed().as_secs_f64())
}

/// As many sessions as the store has.
fn postgres(url: &str, writers: u64, changes: u64) -> Result<f64> {
    let sessions = writers.min(8);
    let began = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..sessions)
            .map(|session| {
                scope.spawn(move || -> Result<()> {
                    let mut client = postgres::Client::connect(url, postgres::NoTls)?;
                    let insert = client.prepare(item::INSERT)?;
                    for number in (session..changes).step_by(usize::try_from(sessions)?) {
                        let Row { id, body, process, digest, salt } = item::row(number);
                        client.batch_execute("begin")?;
                        client.execute(
                            &insert,
                            &[
                                &"grant",
                                &id,
                                &(number as i64 + 1),
                                &"active",
                                &item::organization(number),
                                &"ann",
                                &item::identity(number),
                                &item::END,
                                &body,
                                &process,
                                &digest.as_slice(),
                                &salt.as_slice(),
                            ],
                        )?;
                        client.batch_execute("commit")?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    Ok(changes as f64 / began.elapsed().as_secs_f64())
}

/// The same bytes at the end of a file, synced in groups.
fn journal(path: &Path, group: u64, changes: u64) -> Result<f64> {
    let mut file = File::create(path).context("no journal")?;
    let began = Instant::now();
    let mut number = 0;
    while number < changes {
        let mut bytes = Vec::new();
        for _ in 0..group.max(1).min(changes - number) {
            let Row { id, body, process, digest, salt } = item::row(number);
            for part in [id.as_bytes(), body.as_bytes(), process.as_bytes(), &digest, &salt] {
                bytes.extend_from_slice(part);
            }
            number += 1;
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
    }
    Ok(changes as f64 / began.elapsed().as_secs_f64())
}
