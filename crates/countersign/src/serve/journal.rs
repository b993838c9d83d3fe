//! This node's journal: one of the folders under `nodes`, whichever no other process holds.

use std::path::Path;

use anyhow::{Context, Result, bail};
use countersign_journal::{Journal, JournalError, Options};

use crate::chance;

/// Nodes that share one folder of data, at most.
const NODES_MAX: u32 = 64;

/// The first journal that nobody writes: a node that starts goes on with what another one left, so
/// that nothing stays behind unshipped.
pub fn open(data: &Path) -> Result<Journal> {
    for number in 1..=NODES_MAX {
        let folder = data.join("nodes").join(number.to_string());
        match Journal::open(&folder, &Options::new(chance::bytes()?)) {
            Ok((journal, recovery)) => {
                for torn in &recovery.torn {
                    tracing::warn!(
                        file = torn.file,
                        offset = torn.offset,
                        bytes = torn.bytes,
                        "a record that nobody was answered was cut off"
                    );
                }
                return Ok(journal);
            }
            Err(JournalError::Locked(_)) => (),
            Err(error) => return Err(error).context("could not open the journal of decisions"),
        }
    }
    bail!("{NODES_MAX} nodes write to `{}` already; give this one another --data", data.display());
}
