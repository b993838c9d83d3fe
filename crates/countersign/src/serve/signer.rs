//! The key by which applications know that a request was checked.

use std::path::Path;

use anyhow::{Context, Result};
use countersign_http::Signer;
use countersign_ledger::KeyFiles;

use super::key_file;

/// The file.
pub const KEY: &str = "assertion.key";

/// Made at the first start, in the folder that all nodes of an instance share.
pub fn signer(data: &Path, keys: &KeyFiles) -> Result<Signer> {
    let path = data.join(KEY);
    Signer::new(&key_file::bytes(&path, "assertions", keys)?)
        .with_context(|| format!("`{}`", path.display()))
}
