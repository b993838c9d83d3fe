//! `countersign simulate`, and the score of a run against a world's truth.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_console::plain;
use countersign_world::{Faults, Plan, Score, Side, score as score_rows, write_to};
use serde_json::{Value, json};

use super::Told;
use crate::cli::SimulateArgs;
use crate::out::{self, Exit};

/// Mistakes shown.
const SHOWN_MAX: usize = 5;

pub fn run(args: &SimulateArgs, told: Told) -> Result<Exit> {
    let folder = &args.folder;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("`{}` is not empty: give a new folder", folder.display());
    }
    let mut plan = Plan::new(args.seed, args.actions);
    if args.no_faults {
        plan.faults = Faults::none();
    }
    let summary = write_to(&plan, folder)
        .with_context(|| format!("could not write the world to `{}`", folder.display()))?;
    let shown = folder.display();
    if told.json {
        out::data(&format!(
            "{}\n",
            json!({ "folder": shown.to_string(), "actions": args.actions, "seed": args.seed })
        ))?;
    } else {
        out::say(&format!(
            "{} records, {} of them repeats, {} bytes; feeds left out: {}",
            summary.records,
            summary.repeats,
            summary.bytes,
            if summary.missing.is_empty() { "none".to_owned() } else { summary.missing.join(", ") },
        ));
        out::data(&format!(
            "A world of {} actions is in {shown}. Trace it, and score the trace:\n  \
             countersign trace {shown}/logs --register {shown}/register --truth {shown}/truth.ndjson --run {shown}/run\n",
            args.actions,
        ))?;
    }
    Ok(Exit::Ok)
}

/// A run against the truth, and whether nothing is wrong above `inferred`, nor knowable and missed.
#[derive(Debug)]
pub struct Scored {
    score: Score,
    pub is_whole: bool,
}

impl Scored {
    pub fn json(&self) -> Value {
        as_json(&self.score)
    }

    pub fn text(&self) -> String {
        as_text(&self.score)
    }
}

/// Scores the rows of a run.
pub fn score(truth: &Path, rows: &Path) -> Result<Scored> {
    let lines = |path: &Path| -> Result<Vec<String>> {
        let file =
            File::open(path).with_context(|| format!("could not read `{}`", path.display()))?;
        Ok(BufReader::new(file).lines().collect::<std::io::Result<_>>()?)
    };
    let score = score_rows(lines(truth)?, lines(rows)?)?;
    let is_whole = score.wrong() == 0
        && is_whole(&score.actor)
        && is_whole(&score.holder)
        && score.absent == 0;
    Ok(Scored { score, is_whole })
}

fn is_whole(side: &Side) -> bool {
    side.known == side.knowable
}

fn as_json(score: &Score) -> Value {
    let side = |side: &Side| {
        json!({
            "knowable": side.knowable, "known": side.known, "recall": side.recall(),
            "surer": side.surer, "less_sure": side.less_sure, "beyond": side.beyond,
            "grades": side.grades.iter().map(|(grade, tally)| json!({
                "grade": grade, "right": tally.right, "wrong": tally.wrong,
                "unnamed": tally.unnamed, "precision": tally.precision(),
            })).collect::<Vec<_>>(),
        })
    };
    json!({
        "truths": score.truths, "rows": score.rows, "absent": score.absent, "repeated": score.repeated,
        "wrong": score.wrong(), "stolen": score.stolen, "gaps": score.gaps, "gaps_alike": score.gaps_alike,
        "actor": side(&score.actor), "holder": side(&score.holder),
        "missed_links": score.missed_links, "missed_stories": score.missed_stories,
    })
}

fn as_text(score: &Score) -> String {
    use std::fmt::Write;
    let mut text = String::from("\nScore against the truth\n");
    let _ = writeln!(
        text,
        "  {} actions, {} without a row, {} with several; {} wrong above inferred; {} by thieves",
        score.truths,
        score.absent,
        score.repeated,
        score.wrong(),
        score.stolen,
    );
    for (name, side) in [("actor", &score.actor), ("holder", &score.holder)] {
        let _ = writeln!(
            text,
            "  {name}: recall {:.4} ({} of {} knowable); {} surer and {} less sure than the logs give, {} beyond",
            side.recall(),
            side.known,
            side.knowable,
            side.surer,
            side.less_sure,
            side.beyond,
        );
        for (grade, tally) in &side.grades {
            let _ = writeln!(
                text,
                "    {grade:<13} precision {:.4}  right {} wrong {} unnamed {}",
                tally.precision(),
                tally.right,
                tally.wrong,
                tally.unnamed,
            );
        }
    }
    let _ = writeln!(text, "  gaps with the very reason: {} of {}", score.gaps_alike, score.gaps);
    for (link, count) in &score.missed_links {
        let _ = writeln!(text, "  missed with rule {link}: {count}");
    }
    for (story, count) in &score.missed_stories {
        let _ = writeln!(text, "  missed in story {story}: {count}");
    }
    for mistake in score.errors.iter().take(SHOWN_MAX).chain(score.misses.iter().take(SHOWN_MAX)) {
        let line = format!(
            "{} of {}/{} ({}): expected {}, found {}: {}",
            mistake.side,
            mistake.source,
            mistake.event,
            mistake.story,
            mistake.expected,
            mistake.found,
            mistake.why,
        );
        let _ = writeln!(text, "  {}", plain(&line));
    }
    text
}
