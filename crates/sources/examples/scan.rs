//! What reading costs: events a second, and CPU of one event, for log files, beside a bare pass of the JSON
//! parser over the same paths. `cargo run --release -p countersign-sources --example scan -- FILE…`

use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_model::event::Event;
use countersign_sources::read::Visitor;
use countersign_sources::{Definitions, Limits, Place, Quarantined, plan};

#[derive(Default)]
struct Count {
    events: u64,
    links: u64,
    quarantined: u64,
    first_reason: Option<String>,
}

impl Visitor for Count {
    fn event(&mut self, event: &Event<'_>, _place: Place) {
        self.events += 1;
        self.links += black_box(event).links.len() as u64;
    }

    fn quarantine(&mut self, quarantined: Quarantined) {
        self.quarantined += 1;
        self.first_reason.get_or_insert(quarantined.reason);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let definitions = Definitions::shipped()?;
    let limits = Limits::default();
    let plan = plan(&paths, &limits);

    let (started, cpu) = (Instant::now(), cpu_used());
    let mut count = Count::default();
    for unit in &plan.units {
        unit.read(&definitions, &limits, &mut count)?;
    }
    let (wall, cpu) = (started.elapsed(), cpu_used().saturating_sub(cpu));

    let out = std::io::stdout();
    let mut out = out.lock();
    writeln!(out, "{} files, {} units, {} bytes", plan.files.len(), plan.units.len(), plan.bytes)?;
    writeln!(
        out,
        "{} events, {} links, {} quarantined",
        count.events, count.links, count.quarantined
    )?;
    if let Some(reason) = &count.first_reason {
        writeln!(out, "first quarantined: {reason}")?;
    }
    for (file, reason) in &plan.skipped {
        writeln!(out, "skipped {file}: {reason}")?;
    }
    writeln!(out, "reading: {}", cost(count.events, wall, cpu))?;

    // The same bytes with nothing but the parser, for the definition that comes first.
    let Some(source) = definitions.all.first() else { return Ok(()) };
    let (started, cpu) = (Instant::now(), cpu_used());
    let mut lines = 0;
    for path in &plan.files {
        let text = std::fs::read_to_string(path)?;
        for line in text.lines() {
            lines += u64::from(black_box(source.scan(line)));
        }
    }
    let (wall, cpu) = (started.elapsed(), cpu_used().saturating_sub(cpu));
    writeln!(out, "bare scan: {}", cost(lines, wall, cpu))?;
    Ok(())
}

fn cost(events: u64, wall: Duration, cpu: Duration) -> String {
    let each = cpu.as_secs_f64() * 1e6 / events.max(1) as f64;
    format!("{:.0} events/s, {each:.3} us CPU per event", events as f64 / wall.as_secs_f64())
}

/// CPU time of this process so far, user and system. Zero where `/proc` does not say it.
fn cpu_used() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or("");
    let ticks: u64 = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|n| n.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
