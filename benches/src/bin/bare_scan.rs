//! How far reading is from a bare scan: `--how scan` takes the same fields with `sonic-rs` and does
//! nothing with them; `--how read` is the product's own reading, up to its event.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use countersign_bench::{Args, args, peak_kib};
use countersign_model::event::Event;
use countersign_sources::read::Visitor;
use countersign_sources::{Definitions, Limits, Place, Quarantined, Unit, plan};
use sonic_rs::PointerTree;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every field that the definition reads.
const FIELDS: [&[&str]; 16] = [
    &["kind"],
    &["event_id"],
    &["time"],
    &["tenant_uid"],
    &["operation"],
    &["resource_uid"],
    &["src_ip"],
    &["user_agent"],
    &["outcome"],
    &["actor", "user_uid"],
    &["actor", "user_name"],
    &["actor", "type"],
    &["session_uid"],
    &["token_uid"],
    &["client_uid"],
    &["grant_uid"],
];

fn main() -> Result<()> {
    let args = args()?;
    let limits = Limits::default();
    let plan = plan(std::slice::from_ref(&args.logs), &limits);
    let next = AtomicUsize::new(0);
    let count = std::thread::scope(|scope| {
        let work = || share(&args, &limits, &plan.units, &next);
        let workers: Vec<_> = (0..args.threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<u64>>| {
            worker.join().map_err(|_| anyhow::anyhow!("a thread stopped"))?
        };
        workers.into_iter().map(join).sum::<Result<u64>>()
    })?;
    eprintln!("{count} records, peak {} KiB", peak_kib());
    Ok(())
}

fn share(args: &Args, limits: &Limits, units: &[Unit], next: &AtomicUsize) -> Result<u64> {
    let mut definitions = Definitions { all: Vec::new() };
    definitions.add_file(args.definition.as_deref().context("--source is missing")?)?;
    let mut tree = PointerTree::new();
    for field in FIELDS {
        tree.add_path(field);
    }
    let mut counter = Counter::default();
    while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
        match args.how.as_str() {
            "scan" => counter.records += scan(unit, &tree)?,
            "read" => {
                unit.read(&definitions, limits, &mut counter)?;
            }
            other => bail!("--how is scan or read, not `{other}`"),
        }
    }
    if counter.bad > 0 {
        bail!("{} records could not be read", counter.bad);
    }
    Ok(counter.records)
}

/// Through a small buffer, as the product reads: a large one would be slower for both.
fn scan(unit: &Unit, tree: &PointerTree) -> Result<u64> {
    let (mut from, to) = unit.range.context("give a plain file of lines")?;
    let file = File::open(&unit.path)?;
    let mut buffer = Vec::new();
    let mut records = 0;
    while from < to {
        let rest = buffer.len();
        let block = (to - from).min(256 << 10);
        buffer.resize(rest + usize::try_from(block)?, 0);
        file.read_exact_at(buffer.split_at_mut(rest).1, from)?;
        from += block;
        let whole = buffer.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in buffer.drain(..whole).as_slice().split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                let found = sonic_rs::get_many(line, tree)?;
                records += u64::from(found.first().is_some_and(Option::is_some));
            }
        }
    }
    Ok(records)
}

#[derive(Default)]
struct Counter {
    records: u64,
    bad: u64,
}

impl Visitor for Counter {
    fn event(&mut self, event: &Event<'_>, _: Place) {
        self.records += u64::from(!event.id.is_empty());
    }

    fn quarantine(&mut self, _: Quarantined) {
        self.bad += 1;
    }
}
