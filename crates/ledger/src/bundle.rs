//! Bundles of entries (C2SP tlog-tiles), and the files of batches of rows.

use crate::entry::ENTRY_BYTES_MAX;
use crate::merkle::Hash;

/// Rows in a batch.
pub const BATCH_ROWS_MAX: usize = 4_096;
const BATCH_ROWS_MIN: usize = 1_024;
const BATCH_MAGIC: &[u8; 4] = b"csb1";

/// Whether a batch ends after the row with this hash, its `count`th.
///
/// The rows themselves decide, not their number: when a later run has a few rows more, only the
/// batches around those change, and all others are leaves that are there already.
pub fn ends_batch(count: usize, row: &Hash) -> bool {
    let is_cut = u16::from_be_bytes([row[0], row[1]]) & 0x07FF == 0;
    count >= BATCH_ROWS_MAX || (count >= BATCH_ROWS_MIN && is_cut)
}

/// The path of a batch below the ledger's folder.
pub fn batch_path(root: &Hash) -> String {
    format!("batches/{}", crate::note::hex(root))
}

/// Adds an entry to a bundle. `entry` has at most [`ENTRY_BYTES_MAX`] bytes.
pub(crate) fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    debug_assert!(entry.len() <= ENTRY_BYTES_MAX);
    bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle, in order; ends with an `Err` if the rest is not an entry.
pub fn entries(bundle: &[u8]) -> impl Iterator<Item = Result<&[u8], Cut>> {
    let mut rest = bundle;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = take_entry(&mut rest);
        if entry.is_none() {
            rest = &[];
        }
        Some(entry.ok_or(Cut))
    })
}

/// The bytes end inside an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut;

/// Makes `batch` a batch file without rows.
pub(crate) fn begin_batch(batch: &mut Vec<u8>) {
    batch.clear();
    batch.extend_from_slice(BATCH_MAGIC);
}

/// Adds a row. The first bytes of its hash go with it: the root alone would say that a batch was
/// changed, but not which row.
pub(crate) fn push_row(batch: &mut Vec<u8>, row: &[u8], hash: &Hash) {
    batch.extend_from_slice(&hash[..4]);
    push_entry(batch, row);
}

/// A row of a batch file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredRow<'a> {
    /// The first bytes of the hash it had when it was written.
    pub check: [u8; 4],
    pub bytes: &'a [u8],
}

/// The rows of a batch file, in order; ends with an `Err` if the rest is not a row.
pub fn rows(file: &[u8]) -> impl Iterator<Item = Result<StoredRow<'_>, Cut>> {
    let begins = file.strip_prefix(BATCH_MAGIC);
    let mut rest = begins.unwrap_or_default();
    let mut is_foreign = begins.is_none();
    std::iter::from_fn(move || {
        if std::mem::take(&mut is_foreign) {
            return Some(Err(Cut));
        }
        if rest.is_empty() {
            return None;
        }
        let row = rest.split_first_chunk().and_then(|(check, after)| {
            rest = after;
            Some(StoredRow { check: *check, bytes: take_entry(&mut rest)? })
        });
        if row.is_none() {
            rest = &[];
        }
        Some(row.ok_or(Cut))
    })
}

fn take_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_rows_round_trip_and_a_cut_is_seen() {
        let (mut bundle, mut batch) = (Vec::new(), b"of the batch before".to_vec());
        begin_batch(&mut batch);
        for entry in [&b"one"[..], b"", b"three"] {
            push_entry(&mut bundle, entry);
            push_row(&mut batch, entry, &[7; 32]);
        }
        let read: Vec<_> = entries(&bundle).collect();
        assert_eq!(read, [Ok(&b"one"[..]), Ok(b""), Ok(b"three")]);
        let read: Vec<_> = rows(&batch).map(|row| row.map(|row| (row.check, row.bytes))).collect();
        assert_eq!(read[2], Ok(([7; 4], &b"three"[..])));
        assert_eq!(entries(&bundle[..bundle.len() - 1]).last(), Some(Err(Cut)));
        assert_eq!(rows(&batch[..batch.len() - 1]).last(), Some(Err(Cut)));
        assert_eq!(rows(b"csb").last(), Some(Err(Cut)));
        assert_eq!(rows(b"csb1").last(), None);
    }
}
