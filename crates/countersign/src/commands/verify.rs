//! `countersign verify`: a ledger, with a public key and nothing else.

use std::fs;

use anyhow::{Context, Result};
use countersign_console::plain;
use countersign_ledger::{Verified, VerifyError, verify};
use serde_json::json;

use super::Told;
use crate::cli::VerifyArgs;
use crate::out::{self, Exit};

const PUBLIC_KEY: &str = "public.key";

pub fn run(args: &VerifyArgs, told: Told) -> Result<Exit> {
    let own = args.ledger.join(PUBLIC_KEY);
    let key = match &args.key {
        Some(key) => key.clone(),
        None => fs::read_to_string(&own)
            .with_context(|| format!("no ledger is in `{}`", args.ledger.display()))?,
    };
    let earlier = match &args.checkpoint {
        Some(path) => Some(
            fs::read_to_string(path)
                .with_context(|| format!("could not read `{}`", path.display()))?,
        ),
        None => None,
    };
    match verify(&args.ledger, key.trim(), earlier.as_deref()) {
        Ok(verified) => {
            out::data(&intact(&verified, told))?;
            if args.key.is_none() {
                out::say(
                    "The key was the folder's own: compare it with the one you wrote down, or give --key.",
                );
            }
            if earlier.is_none() {
                out::say(
                    "Whoever has the private key could have rewritten everything: keep checkpoints elsewhere and give one with --checkpoint.",
                );
            }
            Ok(Exit::Ok)
        }
        Err(VerifyError::Tampered(tampered)) => {
            let text = if told.json {
                let (entry, row) = (tampered.entry, tampered.row);
                format!(
                    "{}\n",
                    json!({ "intact": false, "file": tampered.file, "entry": entry, "row": row, "what": tampered.what })
                )
            } else {
                format!("TAMPERED {}\n", plain(&tampered.to_string()))
            };
            out::data(&text)?;
            Ok(Exit::Found)
        }
        Err(error) => Err(error.into()),
    }
}

fn intact(verified: &Verified, told: Told) -> String {
    let checkpoint = &verified.checkpoint;
    if told.json {
        let whole = json!({
            "intact": true,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": hex(&checkpoint.root),
            "earlier": verified.earlier,
            "batches": verified.batches,
            "rows": verified.rows,
            "findings": verified.findings,
            "runs": verified.runs,
        });
        return format!("{whole}\n");
    }
    let earlier = verified.earlier.map_or(String::new(), |size| {
        format!("It begins with the {size} entries of the checkpoint kept elsewhere.\n")
    });
    format!(
        "Intact: {} entries of {} under root {}.\n{} rows in {} batches, {} findings, {} runs.\n{earlier}",
        checkpoint.size,
        plain(&checkpoint.origin),
        hex(&checkpoint.root),
        verified.rows,
        verified.batches,
        verified.findings,
        verified.runs,
    )
}

pub fn hex(bytes: &[u8]) -> String {
    countersign_ledger::note::hex(bytes)
}
