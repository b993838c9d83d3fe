//! Keys of 32 bytes in the data folder: made once, read by their owner only.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::chance;

/// The key in this file, which is made if there is none.
///
/// # Errors
/// If others can read it, or it is no key.
pub fn bytes(path: &Path) -> Result<[u8; 32]> {
    let failed = || format!("could not read or write the key file `{}`", path.display());
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        if let Ok(about) = fs::metadata(path)
            && about.permissions().mode() & 0o077 != 0
        {
            bail!("the key file `{}` can be read by others; `chmod 600` it", path.display());
        }
    }
    let made: [u8; 32] = chance::bytes()?;
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(&made).and_then(|()| file.sync_all()).with_context(failed)?;
            return Ok(made);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
        Err(error) => return Err(error).with_context(failed),
    }
    fs::read(path).with_context(failed)?.try_into().ok().with_context(|| {
        format!("`{}` is no key: it has not 32 bytes; put back the one that was", path.display())
    })
}
