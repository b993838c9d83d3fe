//! Keys of 32 bytes in the data folder: made once, read by their owner only, wrapped if there is a master
//! key.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use countersign_ledger::KeyFiles;

use crate::chance;

/// The key in this file, which is made if there is none. `purpose` says what it is a key for, so that
/// none is taken for another.
///
/// # Errors
/// If it cannot be read, or is no key.
pub fn bytes(path: &Path, purpose: &str, keys: &KeyFiles) -> Result<[u8; 32]> {
    if let Some(bytes) = keys.take(path, purpose)? {
        return bytes.as_slice().try_into().ok().with_context(|| {
            format!(
                "`{}` is no key of {purpose}: it has not 32 bytes; put back the one that was",
                path.display()
            )
        });
    }
    let made: [u8; 32] = chance::bytes()?;
    // Of nodes that share the folder and begin together, one makes it.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = Path::new(&beside);
    keys.write(beside, purpose, &made)?;
    let linked = fs::hard_link(beside, path);
    fs::remove_file(beside).ok();
    match linked {
        Ok(()) => Ok(made),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bytes(path, purpose, keys),
        Err(error) => {
            Err(error).with_context(|| format!("could not write the key file `{}`", path.display()))
        }
    }
}
