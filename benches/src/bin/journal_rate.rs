//! What the journal costs above the disk: records made durable in a second, by so many who each wait for
//! theirs, against a bare loop that writes the same bytes in as many groups to a file that was zeroed
//! before, with one sync each. `journal_rate [RECORDS]`.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use countersign_journal::{Journal, Options, Record};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads, and records that each has under way: who waits for an answer has one.
const LOADS: [(u64, usize); 4] = [(1, 1), (16, 1), (64, 1), (1, 1_024)];
const ROUNDS: usize = 5;
const ROW_BYTES: usize = 220;
const BODY_BYTES: usize = 600;

struct Rates {
    group: f64,
    journal: f64,
    bare: f64,
}

fn main() -> Result<()> {
    let records = std::env::args().nth(1).map_or(Ok(200_000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("cs-journal-rate-{}", std::process::id()));
    let mut out = std::io::stdout().lock();
    writeln!(out, "threads\tunder way\tgroup\trecords/s\tbare/s\tratio")?;
    for (threads, window) in LOADS {
        // Each waits for the disk: a few thousand say enough.
        let records = if window == 1 { records.min(3_000 * threads) } else { records };
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(round(&folder, threads, window, records)?);
            std::fs::remove_dir_all(&folder)?;
        }
        rounds.sort_by(|a, b| (a.journal / a.bare).total_cmp(&(b.journal / b.bare)));
        let Rates { group, journal, bare } = &rounds[ROUNDS / 2];
        let ratio = journal / bare;
        writeln!(
            out,
            "{threads}\t{}\t{group:.1}\t{journal:.0}\t{bare:.0}\t{ratio:.2}",
            threads as usize * window
        )?;
    }
    Ok(())
}

fn record(number: u64) -> Record {
    let mut salt = [0; 32];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    Record { row: vec![1; ROW_BYTES], salt, body: vec![b'{'; BODY_BYTES], count: 1 }
}

fn round(folder: &Path, threads: u64, window: usize, records: u64) -> Result<Rates> {
    let (journal, _) = Journal::open(&folder.join("journal"), &Options::new([1; 16]))?;
    let (groups_before, bytes_before) = journal.written();
    let each = records / threads;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let journal = &journal;
        let load = move || -> Result<()> {
            let mut under_way = VecDeque::with_capacity(window);
            for number in 0..each {
                if under_way.len() == window {
                    let first: countersign_journal::Ticket =
                        under_way.pop_front().context("it is not empty")?;
                    first.wait()?;
                }
                under_way.push_back(journal.append(&record(number), None));
            }
            under_way.into_iter().try_for_each(|ticket| ticket.wait().map(|_| ()))?;
            Ok(())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(load)).collect();
        running.into_iter().try_for_each(|thread| thread.join().ok().context("a thread ended")?)
    })?;
    let journal_seconds = begun.elapsed().as_secs_f64();
    let written = each * threads;
    ensure!(journal.range() == (0, written), "not all of them are durable");
    let (groups, bytes) = journal.written();
    let (groups, bytes) = (groups - groups_before, bytes - bytes_before);
    drop(journal);
    let bare_seconds = bare(&folder.join("bare"), groups, bytes)?;
    Ok(Rates {
        group: written as f64 / groups as f64,
        journal: written as f64 / journal_seconds,
        bare: written as f64 / bare_seconds,
    })
}

fn bare(path: &Path, groups: u64, bytes: u64) -> Result<f64> {
    let mut file: File =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..=bytes >> 20 {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let group = vec![7; usize::try_from(bytes / groups)?];
    let begun = Instant::now();
    for _ in 0..groups {
        file.write_all(&group)?;
        file.sync_data()?;
    }
    Ok(begun.elapsed().as_secs_f64())
}
