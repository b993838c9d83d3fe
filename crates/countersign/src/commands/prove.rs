//! `countersign prove` and `countersign bundle`: what somebody without the ledger can check.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_ledger::folder::handles;
use countersign_ledger::handles::Handle;
use countersign_ledger::offline::{self, Wanted};
use countersign_ledger::{prove as prove_entry, prove_row};

use super::{Told, wrapped};
use crate::cli::{BundleArgs, ProveArgs};
use crate::out::{self, Exit};

/// Leaves of one bundle; a million proofs are a ledger.
const LEAVES_MAX: usize = 100_000;

pub fn prove(args: &ProveArgs, told: Told) -> Result<Exit> {
    let which = &args.which;
    let event = match (&which.event, &which.row) {
        (Some(event), _) => Some(event_handle(&args.ledger, event)?),
        (None, Some(row)) => Some(handle(row)?),
        (None, None) => None,
    };
    let proven = match (which.entry, event) {
        (_, Some(event)) => prove_row(&args.ledger, |_| true, |row| row.event == event)?,
        (Some(index), None) => prove_entry(&args.ledger, index)?,
        (None, None) => bail!("give --entry, --event or --row"),
    };
    if let Some(path) = &args.leaf {
        fs::write(path, &proven.leaf)
            .with_context(|| format!("could not write `{}`", path.display()))?;
    }
    out::data(&wrapped("proof", &proven.proof, told))?;
    Ok(Exit::Ok)
}

pub fn bundle(args: &BundleArgs, told: Told) -> Result<Exit> {
    let mut wanted = Vec::new();
    for entry in &args.entry {
        wanted.extend(entries(entry)?.map(Wanted::Entry));
        if wanted.len() > LEAVES_MAX {
            bail!("more than {LEAVES_MAX} entries; give the ledger itself, or several bundles");
        }
    }
    for event in &args.event {
        wanted.push(Wanted::Row(event_handle(&args.ledger, event)?));
    }
    for row in &args.row {
        wanted.push(Wanted::Row(handle(row)?));
    }
    if wanted.is_empty() {
        bail!("give --entry, --event or --row: what is to be proven");
    }
    let bundle = offline::bundle(&args.ledger, &wanted)?;
    out::data(&wrapped("bundle", &bundle, told))?;
    Ok(Exit::Ok)
}

/// `5` or `5-9`.
fn entries(text: &str) -> Result<impl Iterator<Item = u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u64>().ok();
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first..=last).take(LEAVES_MAX + 1)),
        _ => bail!("`{text}` is neither an index nor two of them, such as `5-9`"),
    }
}

/// The handle that the ledger's own key makes of `source:id`.
fn event_handle(ledger: &Path, event: &str) -> Result<Handle> {
    let parts = event.split_once(':');
    let (source, id) = parts.with_context(|| {
        format!("`{event}` is not the source and id of an event, such as `aws.cloudtrail:4119…`")
    })?;
    Ok(handles(ledger)?.event(source, id).0)
}

fn handle(text: &str) -> Result<Handle> {
    let digits = text.as_bytes();
    let mut bytes = [0; 16];
    if digits.len() == 2 * bytes.len() {
        let pairs = digits.as_chunks::<2>().0;
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let pair = str::from_utf8(pair).unwrap_or_default();
            *byte = u8::from_str_radix(pair, 16).with_context(|| malformed(text))?;
        }
        return Ok(Handle(bytes));
    }
    bail!(malformed(text))
}

fn malformed(text: &str) -> String {
    format!("`{text}` is no handle: 32 hexadecimal digits")
}
