//! The trace alone: NDJSON in, one CSV row an action out, with the columns of the DuckDB plan. No
//! judge, no ledger, no run folder.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use countersign_bench::{Args, args, cpu_seconds, peak_kib};
use countersign_model::event::Event;
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_runs::merge::{self, Chunk};
use countersign_runs::segment::Segment;
use countersign_sources::read::Visitor;
use countersign_sources::{Definitions, Limits, Place, Plan, Quarantined, plan};
use countersign_trace::attribute::{Attributor, Traced};
use countersign_trace::claims::Claims;
use countersign_trace::codec;
use countersign_trace::collect::{Collector, Rows};
use countersign_trace::directory::Directory;
use countersign_trace::group;
use countersign_trace::hash::Secret;
use countersign_trace::index::Index;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let args = args()?;
    let mut watch = Watch { wall: Instant::now(), cpu: 0.0 };
    let register = Register::default();
    let directory = Directory::new(&register);
    let (claims, rows) = read(&args, &directory)?;
    watch.phase("read");
    let index = Index::freeze(claims);
    watch.phase("freeze");
    let segments = sort(rows);
    watch.phase("sort");
    let count = answer(&args, &segments, Attributor::new(&index, &directory))?;
    watch.phase("answer");
    eprintln!("{count} rows, peak {} KiB", peak_kib());
    Ok(())
}

/// Says what each phase cost.
struct Watch {
    wall: Instant,
    cpu: f64,
}

impl Watch {
    fn phase(&mut self, name: &str) {
        let cpu = cpu_seconds();
        eprintln!(
            "{name}: wall {:.2} s, cpu {:.2} s",
            self.wall.elapsed().as_secs_f64(),
            cpu - self.cpu
        );
        *self = Self { wall: Instant::now(), cpu };
    }
}

struct Reader<'a> {
    collector: Collector,
    directory: &'a Directory<'a>,
    bad: Option<String>,
}

impl Visitor for Reader<'_> {
    fn event(&mut self, event: &Event<'_>, place: Place) {
        let place = codec::Place { input: place.unit, line: place.line };
        self.collector.observe(event, place, self.directory);
    }

    fn quarantine(&mut self, quarantined: Quarantined) {
        self.bad = Some(quarantined.reason);
    }
}

fn read(args: &Args, directory: &Directory<'_>) -> Result<(Claims, Vec<Rows>)> {
    let mut definitions = Definitions { all: Vec::new() };
    definitions.add_file(args.definition.as_deref().context("--source is missing")?)?;
    let limits = Limits::default();
    let plan = plan(std::slice::from_ref(&args.logs), &limits);
    let secret = Secret::new(b"benchmark secret");
    let next = AtomicUsize::new(0);
    let parts = std::thread::scope(|scope| {
        let work = || read_units(&plan, &definitions, &limits, directory, secret, &next);
        let workers: Vec<_> = (0..args.threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<Collector>>| {
            worker.join().map_err(|_| anyhow::anyhow!("a thread stopped"))?
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    let mut claims = Claims::new(secret);
    let mut rows = Vec::new();
    for part in parts {
        claims.absorb(part.claims);
        rows.push(part.rows);
    }
    Ok((claims, rows))
}

fn read_units(
    plan: &Plan,
    definitions: &Definitions,
    limits: &Limits,
    directory: &Directory<'_>,
    secret: Secret,
    next: &AtomicUsize,
) -> Result<Collector> {
    let mut reader = Reader { collector: Collector::new(secret), directory, bad: None };
    while let Some(unit) = plan.units.get(next.fetch_add(1, Ordering::Relaxed)) {
        unit.read(definitions, limits, &mut reader)?;
        if let Some(reason) = reader.bad.take() {
            bail!("{reason}");
        }
    }
    Ok(reader.collector)
}

fn sort(rows: Vec<Rows>) -> Vec<Segment> {
    std::thread::scope(|scope| {
        let held: Vec<_> =
            rows.into_iter().map(|rows| scope.spawn(|| Segment::held(rows))).collect();
        held.into_iter().filter_map(|worker| worker.join().ok()).collect()
    })
}

fn answer(args: &Args, segments: &[Segment], attributor: Attributor<'_>) -> Result<u64> {
    let mut out = File::create(args.out.as_deref().context("--out is missing")?)?;
    out.write_all(b"event_id,time,operation,resource,svc,u,n,ty,org,sponsor,grant,client,how\n")?;
    let chunks = merge::chunks(segments);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(args.threads * 2);
    std::thread::scope(|scope| {
        for _ in 0..args.threads {
            let (sender, next, chunks) = (sender.clone(), &next, chunks.as_slice());
            scope.spawn(move || {
                while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send(answer_chunk(segments, *chunk, attributor)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut count = 0;
        for answers in receiver {
            let (rows, text) = answers?;
            count += rows;
            out.write_all(&text)?;
        }
        Ok(count)
    })
}

fn answer_chunk(
    segments: &[Segment],
    chunk: Chunk,
    attributor: Attributor<'_>,
) -> Result<(u64, Vec<u8>)> {
    let bytes = chunk.read(segments)?;
    let rows = bytes.rows(segments);
    let mut out = Vec::with_capacity(rows.len() * 320);
    let mut count = 0;
    let same = |one: &merge::Row<'_>, next: &merge::Row<'_>| {
        (one.key.time, one.key.event) == (next.key.time, next.key.event)
    };
    for deliveries in rows.chunk_by(same) {
        let mut events = Vec::with_capacity(deliveries.len());
        for row in deliveries {
            let Some(segment) = segments.get(row.segment) else { continue };
            events.push(
                codec::decode(row.bytes, &segment.dictionary).map_err(|_| segment.damaged())?,
            );
        }
        for grouped in group::group(events) {
            let mut traced = attributor.attribute(&grouped.event);
            traced.delivered(grouped.deliveries, &grouped.notes);
            write_row(&mut out, &grouped.event, &traced, attributor.index);
            count += 1;
        }
    }
    Ok((count, out))
}

/// Claims of the chain that have a column.
const CLAIMS: [&str; 4] = ["org", "sponsor", "grant", "client"];

fn write_row(out: &mut Vec<u8>, event: &Event<'_>, traced: &Traced<'_>, index: &Index) {
    let chained = matches!(traced.holder.rule, "token" | "session").then_some(&traced.holder);
    let mut said = CLAIMS.map(|_| "");
    for (claim, value) in chained.iter().flat_map(|_| traced.said(index)) {
        if let Some(place) = CLAIMS.iter().position(|own| *own == claim) {
            said[place] = value;
        }
    }
    put(out, &event.id);
    write_time(out, event.time);
    put(out, &event.action);
    put(out, event.resource.as_deref().unwrap_or(""));
    put(out, event.principal.as_ref().map_or("", |principal| &principal.value));
    put(out, chained.and_then(|holder| holder.account).map_or("", |(_, value)| value));
    put(out, chained.and_then(|holder| holder.name).unwrap_or(""));
    put(out, chained.map_or("", |holder| holder.kind.as_str()));
    for value in said {
        put(out, value);
    }
    out.extend_from_slice(chained.map_or("unattributed", |holder| holder.rule).as_bytes());
    out.push(b'\n');
}

fn put(out: &mut Vec<u8>, text: &str) {
    if has_marks(text.as_bytes()) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b',');
}

/// Whether a field has to be quoted.
fn has_marks(text: &[u8]) -> bool {
    let is_mark = |byte: u8, mark: u8| u8::from(byte == mark);
    let found = text.iter().fold(0, |found, byte| {
        [b',', b'"', b'\n', b'\r'].iter().fold(found, |found, mark| found | is_mark(*byte, *mark))
    });
    found != 0
}

/// `2026-01-05 10:00:00.123`, as DuckDB writes it. All events are of 2026.
fn write_time(out: &mut Vec<u8>, at: Timestamp) {
    const START: i64 = 1_767_225_600_000;
    const DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let millis = at.0 / 1_000_000 - START;
    let (mut day, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let mut month = 1;
    for days in DAYS {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let mut text = *b"2026-00-00 00:00:00.000,";
    let fields = [
        (5, 2, month),
        (8, 2, day + 1),
        (11, 2, of_day / 3_600_000),
        (14, 2, of_day / 60_000 % 60),
        (17, 2, of_day / 1000 % 60),
        (20, 3, of_day % 1000),
    ];
    for (at, digits, mut number) in fields {
        for place in (at..at + digits).rev() {
            if let Some(byte) = text.get_mut(place) {
                *byte = b'0' + (number % 10) as u8;
            }
            number /= 10;
        }
    }
    out.extend_from_slice(&text);
}
