//! The key by which applications know that a request was checked: made once, read by its owner only.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use countersign_http::Signer;

/// Made at the first start, in the folder that all nodes of an instance share.
pub fn signer(data: &Path) -> Result<Signer> {
    let path = data.join("assertion.key");
    let failed = || format!("could not read or write the key file `{}`", path.display());
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(0o600);
        if let Ok(about) = fs::metadata(&path)
            && about.permissions().mode() & 0o077 != 0
        {
            bail!("the key file `{}` can be read by others; `chmod 600` it", path.display());
        }
    }
    let bytes = match options.open(&path) {
        Ok(mut file) => {
            let made = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new());
            let made = made.ok().context("the system gives no randomness to make a key of")?;
            file.write_all(made.as_ref()).and_then(|()| file.sync_all()).with_context(failed)?;
            made.as_ref().to_vec()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read(&path).with_context(failed)?
        }
        Err(error) => return Err(error).with_context(failed),
    };
    Signer::new(&bytes).with_context(|| format!("`{}` cannot sign", path.display()))
}
