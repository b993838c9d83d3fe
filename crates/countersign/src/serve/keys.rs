//! How the keys of the data folder are kept: plain, or wrapped under a master key from elsewhere.

use anyhow::{Context, Result, bail};
use countersign_ledger::KeyFiles;
use countersign_ledger::wrapped::{parse_master, read_master};

use crate::cli::PlaceArgs;

/// Holds the master key itself. There is no option for it: what runs shows its command line to all.
const VARIABLE: &str = "COUNTERSIGN_MASTER_KEY";

/// As the command line and the environment say.
pub fn of(place: &PlaceArgs) -> Result<KeyFiles> {
    let given = std::env::var_os(VARIABLE).filter(|given| !given.is_empty());
    let master = match (&place.master_key_file, given) {
        (Some(file), Some(_)) => {
            bail!("`{VARIABLE}` is set, and the master key file `{}` too; give one", file.display())
        }
        (Some(file), None) => {
            let read = read_master(file);
            Some(read.with_context(|| format!("no master key in `{}`", file.display()))?)
        }
        (None, Some(given)) => {
            let read = parse_master(given.to_str().unwrap_or_default());
            Some(read.with_context(|| format!("no master key in `{VARIABLE}`"))?)
        }
        (None, None) => None,
    };
    Ok(KeyFiles::new(master))
}
