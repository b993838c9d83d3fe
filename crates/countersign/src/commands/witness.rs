//! `countersign witness`: cosigns the checkpoints of logs.

mod serve;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use countersign_console::plain;
use countersign_ledger::cosign::WitnessKey;
use countersign_ledger::folder::keep_cosigned;
use countersign_ledger::note::PublicKey;
use countersign_ledger::prove::extension;
use countersign_ledger::witness::folder::{self, WitnessFolder};
use countersign_ledger::witness::{REQUEST_BYTES_MAX, Refusal, request_body};
use serde_json::json;

use super::{Told, wrapped};
use crate::chance;
use crate::cli::WitnessCommand;
use crate::out::{self, Exit};

pub fn run(command: &WitnessCommand, told: Told) -> Result<Exit> {
    match command {
        WitnessCommand::Init { folder, name } => {
            let key = folder::init(folder, name, chance::bytes()?)?;
            out::data(&wrapped("key", &format!("{key}\n"), told))?;
            out::say(
                "That is its public key: give it to those who verify. The private one stays in the folder.",
            );
        }
        WitnessCommand::Watch { folder, key, origin } => {
            let key = PublicKey::parse(key)?;
            let origin = origin.as_deref().unwrap_or(key.name());
            folder::watch(folder, origin, &key)?;
            out::say(&format!("{} is watched.", plain(origin)));
        }
        WitnessCommand::Show { folder } => show(&WitnessFolder::open(folder)?, told)?,
        WitnessCommand::Serve { folder, listen } => {
            serve::run(WitnessFolder::open(folder)?, *listen)?;
        }
        WitnessCommand::Cosign { folder, request } => return cosign(folder, request, told),
        WitnessCommand::Request { ledger, old } => {
            let proven = extension(ledger, *old)?;
            let body = request_body(*old, &proven.path, &proven.note);
            out::data(&wrapped("request", &body, told))?;
        }
        WitnessCommand::Keep { ledger, request, answer, witness } => {
            let request = read(request)?;
            let note = request.split_once("\n\n").map(|(_, note)| note);
            let note = note.context("the request has no checkpoint")?;
            let keys: Vec<_> =
                witness.iter().map(|key| WitnessKey::parse(key)).collect::<Result<_, _>>()?;
            let size = keep_cosigned(ledger, note, &read(answer)?, &keys)?;
            out::say(&format!("The first {size} entries are cosigned."));
        }
    }
    Ok(Exit::Ok)
}

fn show(witness: &WitnessFolder, told: Told) -> Result<()> {
    let witness = witness.witness();
    let logs: Vec<_> = witness.logs().collect();
    if told.json {
        let logs: Vec<_> =
            logs.iter().map(|(origin, size)| json!({ "origin": origin, "size": size })).collect();
        let all = json!({ "key": witness.key().to_string(), "logs": logs });
        return Ok(out::data(&format!("{all}\n"))?);
    }
    let mut text = format!("{}\n", witness.key());
    for (origin, size) in logs {
        let size = size.map_or("nothing cosigned yet".to_owned(), |size| format!("{size} entries"));
        text.push_str(&format!("  {}: {size}\n", plain(origin)));
    }
    Ok(out::data(&text)?)
}

fn cosign(folder: &Path, request: &Path, told: Told) -> Result<Exit> {
    let body = read(request)?;
    match WitnessFolder::open(folder)?.add_checkpoint(body.as_bytes(), now()) {
        Ok(lines) => {
            out::data(&wrapped("answer", &lines, told))?;
            Ok(Exit::Ok)
        }
        Err(Refusal::NotKept(error)) => Err(error).context("the checkpoint could not be kept"),
        Err(refusal) => {
            out::say(&format!("Not cosigned: {}", plain(&refusal.to_string())));
            Ok(Exit::Found)
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn read(path: &Path) -> Result<String> {
    let context = || format!("could not read `{}`", path.display());
    let mut bytes = Vec::new();
    let max = REQUEST_BYTES_MAX as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(max).read_to_end(&mut bytes).with_context(context)?;
    } else {
        fs::File::open(path)
            .and_then(|file| file.take(max).read_to_end(&mut bytes))
            .with_context(context)?;
    }
    String::from_utf8(bytes).with_context(|| format!("`{}` is not text", path.display()))
}
