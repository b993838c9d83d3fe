//! A witness as a folder:
//!
//! ```text
//! witness.key       cosigns; mode 0600
//! witness.pub       for those who verify: put it into their policy
//! logs              which logs are watched, with their keys
//! state/<hash>      the last cosigned note of each, by the SHA-256 of its origin
//! lock              held by the one process that cosigns
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::log_list::{begin, entry};
use super::{LogListError, Refusal, Witness, parse_log_list};
use crate::cosign::{CosignError, WitnessKey, WitnessSigner};
use crate::disk::{Disk as _, Folder, read_bounded};
use crate::keys::{KeyError, create_witness_key, read_witness_key};
use crate::merkle::sha256;
use crate::note::{NOTE_BYTES_MAX, PublicKey, hex};

const KEY: &str = "witness.key";
const PUBLIC: &str = "witness.pub";
const LOGS: &str = "logs";
const STATE: &str = "state";
const LOCK: &str = "lock";
/// The longest list of logs that is read.
const LOGS_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("could not read or write the witness's `{file}`")]
    Io {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error("there is a witness in `{0}` already; its key is not replaced")]
    Exists(String),
    #[error("another process cosigns for the witness `{0}`; wait for it to end")]
    Locked(String),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Name(#[from] CosignError),
    #[error(transparent)]
    Logs(#[from] LogListError),
    #[error("an origin is one line of text")]
    Origin,
    #[error(
        "`{file}` is not a note that this witness cosigned; without it a log could be cosigned \
             twice: restore it from a backup"
    )]
    State {
        file: String,
        #[source]
        source: CosignError,
    },
}

/// Makes the key of a new witness. `seed` is 32 random bytes.
pub fn init(folder: &Path, name: &str, seed: [u8; 32]) -> Result<WitnessKey, WitnessError> {
    let signer = WitnessSigner::from_seed(name, seed)?;
    fs::create_dir_all(folder).map_err(io_error(folder))?;
    let _lock = lock(folder)?;
    let key = folder.join(KEY);
    if key.try_exists().map_err(io_error(&key))? {
        return Err(WitnessError::Exists(folder.display().to_string()));
    }
    let mut disk = Folder::new(folder);
    replace(&mut disk, PUBLIC, &format!("{}\n", signer.public())).map_err(io_error(folder))?;
    if read_list(folder)?.is_none() {
        replace(&mut disk, LOGS, &begin()).map_err(io_error(folder))?;
    }
    // The key comes last: a folder that has it is whole.
    create_witness_key(&key, &signer)?;
    Ok(signer.public().clone())
}

/// Adds a log, or another key of it, to those that are watched. A process that cosigns takes it up
/// with the next request that needs it.
pub fn watch(folder: &Path, origin: &str, key: &PublicKey) -> Result<(), WitnessError> {
    if origin.is_empty() || origin.contains(char::is_control) || origin.trim() != origin {
        return Err(WitnessError::Origin);
    }
    let witness = folder.join(KEY);
    if !witness.try_exists().map_err(io_error(&witness))? {
        return Err(KeyError::NoWitness { file: witness.display().to_string() }.into());
    }
    let text = read_list(folder)?.unwrap_or_else(begin);
    let known = parse_log_list(&text)?;
    if known.iter().any(|(known, with)| known == origin && with == key) {
        return Ok(());
    }
    let text = format!("{}\n{}", text.trim_end(), entry(origin, key));
    replace(&mut Folder::new(folder), LOGS, &text).map_err(io_error(&folder.join(LOGS)))
}

/// The one process that cosigns for a witness.
#[derive(Debug)]
pub struct WitnessFolder {
    folder: PathBuf,
    disk: Folder,
    witness: Witness,
    _lock: File,
}

impl WitnessFolder {
    pub fn open(folder: &Path) -> Result<Self, WitnessError> {
        let key = read_witness_key(&folder.join(KEY))?;
        let lock = lock(folder)?;
        let mut witness = Witness::new(key);
        watch_all(&mut witness, folder)?;
        restore_all(&mut witness, &folder.join(STATE))?;
        let disk = Folder::new(folder);
        Ok(Self { folder: folder.to_owned(), disk, witness, _lock: lock })
    }

    pub fn witness(&self) -> &Witness {
        &self.witness
    }

    /// [`Witness::add_checkpoint`], kept in the folder before it is answered.
    pub fn add_checkpoint(&mut self, body: &[u8], now: u64) -> Result<String, Refusal> {
        match self.try_add(body, now) {
            // The list may have grown since it was read.
            Err(Refusal::UnknownLog(_) | Refusal::NotSigned)
                if watch_all(&mut self.witness, &self.folder).is_ok() =>
            {
                self.try_add(body, now)
            }
            other => other,
        }
    }

    fn try_add(&mut self, body: &[u8], now: u64) -> Result<String, Refusal> {
        let disk = &mut self.disk;
        self.witness.add_checkpoint(body, now, |origin, note| {
            let file = format!("{STATE}/{}", hex(&sha256(&[origin.as_bytes()])));
            replace(disk, &file, note)
        })
    }
}

fn watch_all(witness: &mut Witness, folder: &Path) -> Result<(), WitnessError> {
    let list = read_list(folder)?.unwrap_or_else(begin);
    for (origin, key) in parse_log_list(&list)? {
        witness.watch(&origin, key);
    }
    Ok(())
}

fn restore_all(witness: &mut Witness, state: &Path) -> Result<(), WitnessError> {
    let files = match fs::read_dir(state) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(state)(error)),
    };
    for file in files {
        let path = file.map_err(io_error(state))?.path();
        // Left over from a crash; nothing that it says was answered.
        if path.extension().is_some_and(|extension| extension == "new") {
            continue;
        }
        let bytes = read_bounded(&path, NOTE_BYTES_MAX).map_err(io_error(&path))?;
        let note = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        let state = |source| WitnessError::State { file: path.display().to_string(), source };
        witness.restore(&note).map_err(state)?;
    }
    Ok(())
}

fn read_list(folder: &Path) -> Result<Option<String>, WitnessError> {
    let path = folder.join(LOGS);
    let Some(bytes) = read_bounded(&path, LOGS_BYTES_MAX).map_err(io_error(&path))? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| LogListError { line: 0, what: "it is not UTF-8".to_owned() })?;
    Ok(Some(text))
}

fn lock(folder: &Path) -> Result<File, WitnessError> {
    let path = folder.join(LOCK);
    let lock = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(WitnessError::Locked(folder.display().to_string())),
        Err(TryLockError::Error(source)) => Err(io_error(&path)(source)),
    }
}

/// The file has either all of the old text or all of the new, and is durable.
fn replace(disk: &mut Folder, file: &str, text: &str) -> io::Result<()> {
    let new = format!("{file}.new");
    disk.write(&new, text.as_bytes())?;
    disk.sync()?;
    disk.rename(&new, file)?;
    disk.sync()
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> WitnessError {
    let file = path.display().to_string();
    move |source| WitnessError::Io { file: file.clone(), source }
}

#[cfg(test)]
mod tests;
