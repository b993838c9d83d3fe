//! `countersign rotate-key`: another key signs from now on.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use countersign_ledger::note::PublicKey;
use countersign_ledger::rotation::Order;
use countersign_ledger::{Ledger, OpenOptions};
use serde_json::json;

use super::Told;
use crate::chance;
use crate::cli::RotateArgs;
use crate::out::{self, Exit};

pub fn run(args: &RotateArgs, told: Told) -> Result<Exit> {
    let public = args.ledger.join("public.key");
    let text = fs::read_to_string(&public)
        .with_context(|| format!("no ledger is in `{}`", args.ledger.display()))?;
    let first = PublicKey::parse(&text).with_context(|| format!("`{}`", public.display()))?;
    if !args.ledger.join("checkpoint").exists() {
        bail!("the ledger in `{}` has signed nothing yet", args.ledger.display());
    }
    // The ledger has its keys, so that the seeds become none.
    let mut ledger = Ledger::open_in_order(
        &args.ledger,
        &OpenOptions {
            origin: first.name(),
            private_key: None,
            signing_seed: chance::bytes()?,
            handle_seed: chance::bytes()?,
        },
    )?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
    let order = Order { time, why: &args.why, by: None, second: None };
    let appended = ledger.rotate(&order, chance::bytes()?)?;
    let (entry, key) = (appended.tree_size - 1, ledger.signing_key());
    if told.json {
        out::data(&format!("{}\n", json!({ "entry": entry, "key": key.to_string() })))?;
    } else {
        out::data(&format!("{key}\n"))?;
    }
    out::say(&format!(
        "Entry {entry} names the new key. `verify` still takes the first one: {first}"
    ));
    out::say("Tell the witnesses: countersign witness watch <WITNESS> <the new key>");
    Ok(Exit::Ok)
}
