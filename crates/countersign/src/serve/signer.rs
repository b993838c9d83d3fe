//! The key by which applications know that a request was checked.

use std::path::Path;

use anyhow::{Context, Result};
use countersign_http::Signer;

use super::key_file;

/// Made at the first start, in the folder that all nodes of an instance share.
pub fn signer(data: &Path) -> Result<Signer> {
    let path = data.join("assertion.key");
    Signer::new(&key_file::bytes(&path)?).with_context(|| format!("`{}`", path.display()))
}
