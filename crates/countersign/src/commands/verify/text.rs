//! What `verify` says.

use countersign_console::plain;
use countersign_ledger::entry::{Decision, Entry, HoldStep};
use countersign_ledger::offline::{Checked, Leaf};
use countersign_ledger::policy::Quorum;
use countersign_ledger::{SplitView, Tampered, Verified};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::hex;
use crate::commands::Told;

pub fn intact(verified: &Verified, told: Told) -> String {
    let checkpoint = &verified.checkpoint;
    let keys: Vec<String> = verified.keys.iter().map(ToString::to_string).collect();
    if told.json {
        let cosigned = verified.cosigned.as_ref();
        let whole = json!({
            "intact": true,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": hex(&checkpoint.root),
            "earlier": verified.earlier,
            "cosigned": cosigned.map(|cosigned| quorum_json(&cosigned.quorum, Some(cosigned.size))),
            "keys": keys,
            "batches": verified.batches,
            "rows": verified.rows,
            "decisions": verified.decisions,
            "findings": verified.findings,
            "runs": verified.runs,
            "changes": verified.changes,
            "custody": verified.custody,
            "foreign": verified.foreign,
        });
        return format!("{whole}\n");
    }
    let mut text = format!(
        "Intact: {} entries of {} under root {}.\n{} rows in {} batches, {} findings, {} runs.\n",
        checkpoint.size,
        plain(&checkpoint.origin),
        hex(&checkpoint.root),
        verified.rows,
        verified.batches,
        verified.findings,
        verified.runs,
    );
    if verified.decisions > 0 {
        text.push_str(&format!("{} decisions at the moment of use.\n", verified.decisions));
    }
    let (changes, custody) = (verified.changes, verified.custody);
    if changes + custody > 0 {
        text.push_str(&format!(
            "{changes} changes of the register; {custody} of keys, epochs, readings, erasures and holds.\n"
        ));
    }
    if verified.foreign > 0 {
        text.push_str(&format!("{} entries that this version cannot read.\n", verified.foreign));
    }
    if keys.len() > 1 {
        text.push_str("The key was changed; each signed for the next:\n");
        keys.iter().for_each(|key| text.push_str(&format!("  {}\n", plain(key))));
    }
    if let Some(size) = verified.earlier {
        text.push_str(&format!(
            "It begins with the {size} entries of the checkpoint kept elsewhere.\n"
        ));
    }
    if let Some(cosigned) = &verified.cosigned {
        text.push_str(&cosigned_by(&cosigned.quorum, cosigned.size, checkpoint.size));
    }
    text
}

pub fn tampered(tampered: &Tampered, told: Told) -> String {
    if !told.json {
        return format!("TAMPERED {}\n", plain(&tampered.to_string()));
    }
    let (entry, row) = (tampered.entry, tampered.row);
    let whole = json!({ "intact": false, "file": tampered.file, "entry": entry, "row": row, "what": tampered.what });
    format!("{whole}\n")
}

/// Both notes: whoever has the public key can check that one log signed them.
pub fn split_view(split: &SplitView, told: Told) -> String {
    if told.json {
        let notes = json!({ "earlier": split.earlier, "later": split.later });
        let whole =
            json!({ "intact": false, "file": split.file, "what": split.what, "split_view": notes });
        return format!("{whole}\n");
    }
    // As they are, so that they can be copied out and checked.
    let lines =
        |note: &str| -> String { note.lines().map(|line| format!("{}\n", plain(line))).collect() };
    format!(
        "TAMPERED {}\nThe log signed both of these, and they cannot both be true. Keep them: they are the proof.\n\n{}\n{}",
        plain(&split.to_string()),
        lines(&split.earlier),
        lines(&split.later)
    )
}

pub fn not_cosigned(quorum: &Quorum, told: Told) -> String {
    if told.json {
        let whole = json!({ "intact": Value::Null, "cosigned": quorum_json(quorum, None) });
        return format!("{whole}\n");
    }
    let mut text = "NOT COSIGNED by enough of the witnesses.\n".to_owned();
    for (name, time) in &quorum.cosigned {
        text.push_str(&format!("  {} did at {}\n", plain(name), seconds(*time)));
    }
    for name in &quorum.missing {
        text.push_str(&format!("  {} did not\n", plain(name)));
    }
    text
}

pub fn proven(checked: &Checked, told: Told) -> String {
    let checkpoint = &checked.checkpoint;
    if told.json {
        let leaves: Vec<Value> = checked
            .leaves
            .iter()
            .map(|leaf| {
                json!({ "entry": leaf.index, "row": leaf.row, "what": what(leaf), "bytes": hex(&leaf.bytes) })
            })
            .collect();
        let quorum = checked.quorum.as_ref();
        let whole = json!({
            "proven": true,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": hex(&checkpoint.root),
            "cosigned": quorum.map(|quorum| quorum_json(quorum, Some(checkpoint.size))),
            "leaves": leaves,
        });
        return format!("{whole}\n");
    }
    let mut text = format!(
        "Proven: these are among the {} entries of {} under root {}.\n",
        checkpoint.size,
        plain(&checkpoint.origin),
        hex(&checkpoint.root)
    );
    for leaf in &checked.leaves {
        let row = leaf.row.map_or(String::new(), |row| format!(", row {row}"));
        text.push_str(&format!("  entry {}{row}: {}\n", leaf.index, plain(&what(leaf))));
    }
    if let Some(quorum) = &checked.quorum {
        text.push_str(&cosigned_by(quorum, checkpoint.size, checkpoint.size));
    }
    text
}

pub fn not_proven(what: &str, told: Told) -> String {
    if told.json {
        return format!("{}\n", json!({ "proven": false, "what": what }));
    }
    format!("NOT PROVEN {}\n", plain(what))
}

fn cosigned_by(quorum: &Quorum, size: u64, of: u64) -> String {
    let mut text = match of - size.min(of) {
        0 => "Cosigned:\n".to_owned(),
        rest => format!("The first {size} entries are cosigned, the last {rest} not yet:\n"),
    };
    for (name, time) in &quorum.cosigned {
        text.push_str(&format!("  by {} at {}\n", plain(name), seconds(*time)));
    }
    text
}

fn quorum_json(quorum: &Quorum, size: Option<u64>) -> Value {
    let by: Vec<Value> = quorum
        .cosigned
        .iter()
        .map(|(name, time)| json!({ "witness": name, "time": seconds(*time) }))
        .collect();
    json!({ "enough": quorum.is_met, "size": size, "by": by, "missing": quorum.missing })
}

fn what(leaf: &Leaf) -> String {
    let Ok(entry) = Entry::decode(&leaf.bytes) else {
        return "an entry that this version cannot read".to_owned();
    };
    match entry {
        Entry::Row(row) => {
            let outcome = row.outcome.unwrap_or("not judged");
            format!("row of event {} at {}: {outcome}", hex(&row.event.0), nanos(row.time))
        }
        Entry::Batch(batch) => format!("batch of {} rows", batch.count),
        Entry::Finding(finding) => {
            format!("finding {} about {}", finding.code, hex(&finding.subject.0))
        }
        Entry::Run(run) => format!("run of {} rows and {} findings", run.rows, run.findings),
        Entry::Change(change) => format!(
            "{} of {} {} by {} at {}",
            change.verb,
            change.noun,
            hex(&change.item.0),
            hex(&change.by.0),
            nanos(change.time)
        ),
        Entry::ChangeBatch(batch) => format!(
            "{} of {} items by {} at {}",
            batch.verb,
            batch.count,
            hex(&batch.by.0),
            nanos(batch.time)
        ),
        Entry::KeyRotation(rotation) => {
            format!("a new key signs, {}, since {}", rotation.why, nanos(rotation.time))
        }
        Entry::Epoch(epoch) => {
            format!("epoch {}, {}, since {}", epoch.number, epoch.why, nanos(epoch.time))
        }
        Entry::Read(read) => format!(
            "{} of {} {} by {} for {} at {}",
            read.verb,
            read.count,
            read.noun,
            hex(&read.by.0),
            read.purpose,
            nanos(read.time)
        ),
        Entry::Erasure(erasure) => format!(
            "erasure of {} on ground {} at {}",
            hex(&erasure.subject.0),
            erasure.ground,
            nanos(erasure.time)
        ),
        Entry::Hold(hold) => {
            let step = match hold.step {
                HoldStep::Place => "placed",
                HoldStep::Release => "released",
            };
            let subject = hex(&hold.subject.0);
            format!("hold {step} on {} {subject}, {}, at {}", hold.noun, hold.why, nanos(hold.time))
        }
        Entry::Decision(decision) => decision_text(&decision),
    }
}

fn decision_text(decision: &Decision<'_>) -> String {
    let Decision { id, outcome, answered, mode, count, time, .. } = decision;
    let times = if *count == 1 { String::new() } else { format!(", {count} times") };
    let (id, time) = (hex(id), nanos(*time));
    format!("decision {id} at {time}{times}: {outcome}, answered {answered}, {mode}")
}

fn nanos(time: i64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(time));
    time.map_or_else(|_| "a time out of range".to_owned(), |time| time.to_string())
}

fn seconds(time: u64) -> String {
    let time = i64::try_from(time).ok().and_then(|time| Timestamp::from_second(time).ok());
    time.map_or_else(|| "a time out of range".to_owned(), |time| time.to_string())
}
