//! `countersign backup` and `countersign restore`.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_app::{Begun, begin_epoch};
use countersign_ledger::wrapped::copy_file;
use countersign_ledger::{Ledger, verify};
use countersign_store::feed::Cursor;
use countersign_store::lead::Lead;
use countersign_store::{Address, Store};
use serde_json::json;

use super::Told;
use crate::cli::BackupArgs;
use crate::out::{self, Exit};
use crate::serve::{self, KEYS};

/// Written last: without it a backup was cut short.
const WHOLE: &str = "backup";
const WHOLE_TEXT: &str = "countersign backup 1\n";
const STATE: &str = "state.sqlite";

/// The state first and then the ledger: what the state knows to be proven is in the ledger then.
pub fn backup(args: &BackupArgs, told: Told) -> Result<Exit> {
    let address = serve::address(&args.place)?;
    let to = &args.backup;
    must_be_empty(to)?;
    serve::private_folder(to)?;
    if let Address::Sqlite(_) = &address {
        Store::copy(&address, &to.join(STATE)).context("could not copy the state")?;
    }
    let (from, ledger) = (args.place.data.join("ledger"), to.join("ledger"));
    serve::private_folder(&ledger)?;
    let copied = countersign_ledger::copy::copy(&from, &ledger)?;
    for key in KEYS {
        copy_file(&args.place.data.join(key), &to.join(key))?;
    }
    let leaves = copied.checkpoint.size;
    write_whole(to).context("could not finish the backup")?;
    if told.json {
        out::data(&format!("{}\n", json!({"leaves": leaves})))?;
    }
    out::say(&format!("{} with {leaves} leaves of evidence, verified.", to.display()));
    out::say("It holds keys and personal data: keep it where only you can read it.");
    out::say("Keys that are wrapped stay so: the master key is not in it.");
    if let Address::Postgres(_) = address {
        out::say(
            "The state is in PostgreSQL and is not in it: copy that by pg_basebackup, before this.",
        );
    }
    Ok(Exit::Ok)
}

pub fn restore(args: &BackupArgs, told: Told) -> Result<Exit> {
    let (from, to) = (&args.backup, &args.place.data);
    if fs::read_to_string(from.join(WHOLE)).ok().as_deref() != Some(WHOLE_TEXT) {
        bail!("`{}` is no backup, or one that was cut short", from.display());
    }
    let address = serve::address(&args.place)?;
    let has_state = from.join(STATE).exists();
    match (&address, has_state) {
        (Address::Postgres(_), true) => bail!(
            "the state in `{}` is of SQLite; restore it without --store, or with a path",
            from.display()
        ),
        (Address::Sqlite(_), false) => bail!(
            "the state of `{}` was in PostgreSQL; bring that back there and name it by --store",
            from.display()
        ),
        _ => (),
    }
    // Before anything is brought back: keys that do not open are no use there.
    let keys = serve::key_files(&args.place)?;
    Ledger::read_handles_with(&from.join("ledger"), &keys).context("the keys of the backup")?;
    serve::private_folder(to)?;
    let lead = Lead::take(&address)?;
    if lead.is_none() {
        bail!("an instance runs there; stop it first");
    }
    if let Address::Sqlite(path) = &address {
        must_be_free(path)?;
    }
    let has_newer = bring_ledger(&from.join("ledger"), &to.join("ledger"))?;
    if let Address::Sqlite(path) = &address {
        let backup = Address::Sqlite(from.join(STATE));
        Store::copy(&backup, path).context("could not bring back the state")?;
    }
    let store = Store::open(&address).context("could not open the store")?;
    if store.changes(Cursor::default(), 1)?.is_empty() {
        bail!(
            "the store has no act in it: bring back the state first (PostgreSQL by pg_basebackup), and \
             restore then"
        );
    }
    for key in KEYS {
        // A backup of an earlier version has fewer.
        if !to.join(key).exists() && from.join(key).exists() {
            copy_file(&from.join(key), &to.join(key))?;
        }
    }
    let mut ledger = serve::open_ledger(&to.join("ledger"), &keys)?;
    let begun = begin_epoch(&mut ledger, &store, serve::now())?;
    drop(lead);
    tell(&begun, has_newer, told)?;
    Ok(Exit::Ok)
}

/// Whether a ledger is there that goes on from the one of the backup: it proves what was done since and
/// stays.
fn bring_ledger(from: &Path, to: &Path) -> Result<bool> {
    if !to.join("checkpoint").exists() {
        serve::private_folder(to)?;
        countersign_ledger::copy::copy(from, to)?;
        return Ok(false);
    }
    let read = |file: &str| {
        fs::read_to_string(from.join(file)).with_context(|| format!("no `{file}` in the backup"))
    };
    let (key, checkpoint) = (read("public.key")?, read("checkpoint")?);
    verify(to, key.trim(), Some(&checkpoint)).with_context(|| {
        format!("the ledger in `{}` does not go on from the backup's", to.display())
    })?;
    Ok(true)
}

fn tell(begun: &Begun, has_newer: bool, told: Told) -> Result<()> {
    let Begun { epoch, leaves, lost, shown } = begun;
    let acts: Vec<String> = shown
        .iter()
        .map(|(time, what)| format!("{} {what}", countersign_register::time_text(*time)))
        .collect();
    if told.json {
        let text = json!({"epoch": epoch, "leaves": leaves, "lost": lost, "acts": acts});
        out::data(&format!("{text}\n"))?;
    }
    out::say(&format!("Epoch {epoch} begins, with {leaves} leaves of evidence."));
    if has_newer {
        out::say("The ledger that was there goes on from the backup's, and was kept.");
    }
    if *lost > 0 {
        out::say(&format!(
            "{lost} acts are evidenced and were done after the backup: do again what still is to be."
        ));
        for act in &acts {
            out::say(&format!("  {act}"));
        }
    }
    out::say("No session, key or code of before is taken. To sign in: countersign admin recover");
    Ok(())
}

/// A log of the old file would be taken for one of the new.
fn must_be_free(path: &Path) -> Result<()> {
    for beside in ["", "-wal", "-shm", "-journal", "-mark"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        let name = Path::new(&name);
        if name.exists() {
            bail!("`{}` is there; move it away first", name.display());
        }
    }
    Ok(())
}

fn must_be_empty(folder: &Path) -> Result<()> {
    let first = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map(|mut entries| entries.next()),
    };
    match first.with_context(|| format!("could not read `{}`", folder.display()))? {
        None => Ok(()),
        Some(_) => bail!("`{}` is not empty; give a new folder", folder.display()),
    }
}

fn write_whole(folder: &Path) -> io::Result<()> {
    fs::write(folder.join(WHOLE), WHOLE_TEXT)?;
    File::open(folder.join(WHOLE))?.sync_all()?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
