//! The two secrets of a ledger, each in a file of its own that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::cosign::WitnessSigner;
use crate::disk::{read_bounded, sync_folder};
use crate::note::{NoteError, SigningKey};
use crate::wrapped::KeyFiles;

const KEY_FILE_BYTES_MAX: usize = 4_096;
const HANDLE_PREFIX: &str = "COUNTERSIGN+HANDLE+KEY+1+";

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("could not read or write the key file `{file}`")]
    Io {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "the key file `{file}` can be read by others; `chmod 600` it, and replace the key if \
             somebody may have read it"
    )]
    Readable { file: String },
    #[error("`{file}` is not a key file of a ledger or a witness")]
    Malformed { file: String },
    #[error(
        "`{file}` is missing, but the ledger has signed before; restore it, or begin a new \
             ledger in another folder"
    )]
    Missing { file: String },
    #[error("there is no `{file}`; `countersign witness init` makes a witness")]
    NoWitness { file: String },
    #[error(
        "`{file}` is wrapped under a master key; give it by `--master-key-file`, \
             `COUNTERSIGN_MASTER_KEY_FILE` or `COUNTERSIGN_MASTER_KEY`"
    )]
    Wrapped { file: String },
    #[error(
        "`{file}` is wrapped under the master key {wrapped}, and {given} was given; give the one it was \
             wrapped with"
    )]
    OtherMaster { file: String, wrapped: String, given: String },
    #[error(
        "the master key is not 32 bytes in base64 or hexadecimal; `openssl rand -base64 32` makes one"
    )]
    NoMaster,
    #[error("the key in `{file}` is of the log `{name}`")]
    OtherLog { file: String, name: String },
    #[error(transparent)]
    Name(NoteError),
}

/// Whether a key file may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Create,
    Refuse,
}

const SIGNING: &str = "signing";
pub(crate) const HANDLE: &str = "handle";

pub(crate) fn signing_key(
    files: &KeyFiles,
    path: &Path,
    origin: &str,
    seed: &[u8; 32],
    if_missing: IfMissing,
) -> Result<SigningKey, KeyError> {
    if let Some(text) = text(path, files.take(path, SIGNING)?)? {
        let key = SigningKey::parse(&text).map_err(|_| KeyError::Malformed { file: show(path) })?;
        let name = key.public().name();
        if name != origin {
            return Err(KeyError::OtherLog { file: show(path), name: name.to_owned() });
        }
        return Ok(key);
    }
    let key = SigningKey::from_seed(origin, *seed).map_err(KeyError::Name)?;
    files.create(path, SIGNING, (&key.to_private_text(), if_missing))?;
    Ok(key)
}

/// The key that is to sign next, if a change of keys was begun: beside the key that signs.
pub(crate) fn next_signing_key(
    files: &KeyFiles,
    path: &Path,
    origin: &str,
) -> Result<Option<SigningKey>, KeyError> {
    let path = next_path(path);
    let Some(text) = text(&path, files.take(&path, SIGNING)?)? else { return Ok(None) };
    let key = SigningKey::parse(&text).map_err(|_| KeyError::Malformed { file: show(&path) })?;
    let name = key.public().name();
    if name != origin {
        return Err(KeyError::OtherLog { file: show(&path), name: name.to_owned() });
    }
    Ok(Some(key))
}

pub(crate) fn create_next_signing_key(
    files: &KeyFiles,
    path: &Path,
    origin: &str,
    seed: &[u8; 32],
) -> Result<SigningKey, KeyError> {
    let key = SigningKey::from_seed(origin, *seed).map_err(KeyError::Name)?;
    files.create(&next_path(path), SIGNING, (&key.to_private_text(), IfMissing::Create))?;
    Ok(key)
}

/// The next key takes the place of the one that signed until now, which is then gone.
pub(crate) fn replace_signing_key(path: &Path) -> Result<(), KeyError> {
    let replace = || {
        fs::rename(next_path(path), path)?;
        sync_folder_of(path)
    };
    replace().map_err(|source| KeyError::Io { file: show(path), source })
}

fn next_path(path: &Path) -> PathBuf {
    let mut next = path.as_os_str().to_owned();
    next.push(".next");
    PathBuf::from(next)
}

pub(crate) fn handle_key(
    files: &KeyFiles,
    path: &Path,
    seed: &[u8; 32],
    if_missing: IfMissing,
) -> Result<[u8; 32], KeyError> {
    if let Some(text) = text(path, files.read(path, HANDLE)?)? {
        let key = text.trim().strip_prefix(HANDLE_PREFIX);
        let key = key.and_then(|key| STANDARD.decode(key).ok()?.try_into().ok());
        return key.ok_or_else(|| KeyError::Malformed { file: show(path) });
    }
    let text = Zeroizing::new(format!("{HANDLE_PREFIX}{}\n", STANDARD.encode(seed)));
    files.create(path, HANDLE, (&text, if_missing))?;
    Ok(*seed)
}

pub(crate) fn read_witness_key(path: &Path) -> Result<WitnessSigner, KeyError> {
    let missing = || KeyError::NoWitness { file: show(path) };
    let text = read_private(path)?.ok_or_else(missing)?;
    WitnessSigner::parse(&text).map_err(|_| KeyError::Malformed { file: show(path) })
}

pub(crate) fn create_witness_key(path: &Path, key: &WitnessSigner) -> Result<(), KeyError> {
    let io = |source| KeyError::Io { file: show(path), source };
    create_private(path, key.to_private_text().as_bytes()).map_err(io)
}

fn read_private(path: &Path) -> Result<Option<String>, KeyError> {
    text(path, read_secret(path)?)
}

fn text(path: &Path, bytes: Option<Zeroizing<Vec<u8>>>) -> Result<Option<String>, KeyError> {
    let Some(bytes) = bytes else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::Malformed { file: show(path) })?;
    Ok(Some(text.to_owned()))
}

/// The bytes of a file that only its owner can read.
pub(crate) fn read_secret(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    let io = |source| KeyError::Io { file: show(path), source };
    let Some(bytes) = read_bounded(path, KEY_FILE_BYTES_MAX).map_err(io)? else { return Ok(None) };
    if is_readable_by_others(path).map_err(io)? {
        return Err(KeyError::Readable { file: show(path) });
    }
    Ok(Some(Zeroizing::new(bytes)))
}

pub(crate) fn create_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    // Left over from a crash; nothing was signed with it.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => (),
    }
    let mut file = private_file(Path::new(&new))?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder),
        _ => sync_folder(Path::new(".")),
    }
}

#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> io::Result<bool> {
    Ok(false)
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
