//! Checks a whole ledger with the public key alone: entries to tiles to root to checkpoint, the rows
//! of every batch, and that nothing an earlier checkpoint covered was changed. Says where it was
//! tampered with.

mod blame;

use std::fmt;
use std::io;
use std::path::Path;

use crate::bundle::{self, batch_path, entries};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::disk::{Disk, Folder};
use crate::entry::{Batch, Entry};
use crate::log::{BATCH_FILE_BYTES_MAX, BUNDLE_BYTES_MAX, CHECKPOINT, TILE_BYTES_MAX};
use crate::merkle::{Edge, FullTile, Hash, leaf_hash, root_of};
use crate::note::{NOTE_BYTES_MAX, NoteError, PublicKey};
use crate::tile::{self, Level, TILE_WIDTH, Tile};
use blame::Seen;

/// What a ledger that was not tampered with consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub checkpoint: Checkpoint,
    /// Size of the earlier checkpoint, if one was given.
    pub earlier: Option<u64>,
    pub batches: u64,
    pub rows: u64,
    pub findings: u64,
    pub runs: u64,
    /// Changes of the register, those in batches included.
    pub changes: u64,
    /// Keys, epochs, readings, erasures and holds.
    pub custody: u64,
    /// Entries that this version cannot read; they are covered by the root all the same.
    pub foreign: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    PublicKey(#[from] NoteError),
    #[error("the earlier checkpoint cannot be used")]
    Earlier(#[source] CheckpointError),
    #[error("could not read the ledger's file `{file}`")]
    Read {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Tampered(#[from] Tampered),
}

/// Where a ledger was tampered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampered {
    /// Path below the ledger's folder.
    pub file: String,
    /// Index in the tree of the entry, or of the first of those concerned.
    pub entry: Option<u64>,
    /// Position in its batch.
    pub row: Option<u64>,
    pub what: String,
}

impl std::error::Error for Tampered {}

impl fmt::Display for Tampered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.file)?;
        if let Some(entry) = self.entry {
            write!(f, ", entry {entry}")?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Verifies the ledger in `folder` with the text form of its public key, and, if given, that the
/// tree of `earlier`, a checkpoint that was kept elsewhere, is the beginning of this one.
pub fn verify(
    folder: &Path,
    public_key: &str,
    earlier: Option<&str>,
) -> Result<Verified, VerifyError> {
    verify_on(&Folder::new(folder), &PublicKey::parse(public_key)?, earlier)
}

pub(crate) fn verify_on(
    disk: &dyn Disk,
    key: &PublicKey,
    earlier: Option<&str>,
) -> Result<Verified, VerifyError> {
    let note = read(disk, CHECKPOINT, NOTE_BYTES_MAX)?;
    let note = String::from_utf8_lossy(&note);
    let checkpoint = Checkpoint::open(&note, key)
        .map_err(|error| in_file(CHECKPOINT, None, &error.to_string()))?;
    let earlier = earlier.map(|note| Checkpoint::open(note, key)).transpose();
    let earlier = earlier.map_err(VerifyError::Earlier)?;
    if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.size > checkpoint.size) {
        let what = format!(
            "it covers {} entries, the earlier checkpoint {}: entries were cut off",
            checkpoint.size, earlier.size
        );
        return Err(in_file(CHECKPOINT, None, &what).into());
    }
    let mut walk = Walk::new(disk, checkpoint, earlier);
    walk.entries()?;
    walk.partial_tiles()?;
    walk.finish()
}

/// One pass over all entries, in order.
struct Walk<'a> {
    disk: &'a dyn Disk,
    checkpoint: Checkpoint,
    earlier: Option<Checkpoint>,
    edge: Edge,
    seen: Seen,
    batch_fault: Option<Tampered>,
    verified: Verified,
}

impl<'a> Walk<'a> {
    fn new(disk: &'a dyn Disk, checkpoint: Checkpoint, earlier: Option<Checkpoint>) -> Self {
        let verified = Verified {
            checkpoint: checkpoint.clone(),
            earlier: earlier.as_ref().map(|earlier| earlier.size),
            batches: 0,
            rows: 0,
            findings: 0,
            runs: 0,
            changes: 0,
            custody: 0,
            foreign: 0,
        };
        let seen = Seen::default();
        let edge = Edge::default();
        Self { disk, checkpoint, earlier, edge, seen, batch_fault: None, verified }
    }

    fn entries(&mut self) -> Result<(), VerifyError> {
        self.compare_earlier();
        let size = self.checkpoint.size;
        let mut index = 0;
        while let Some(tile) = Tile::in_tree(size, Level::Entries, index) {
            let bytes = read(self.disk, &tile.path(), BUNDLE_BYTES_MAX)?;
            let hash_tile = Tile { level: Level::Hashes(0), ..tile };
            let hashes = read_tile(self.disk, hash_tile)?;
            let mut read = entries(&bytes);
            for (at, stored) in (index * TILE_WIDTH as u64..).zip(&hashes) {
                let Some(Ok(entry)) = read.next() else {
                    let cut = in_file(&tile.path(), Some(at), "the file ends before or inside it");
                    return Err(self.seen.first_entry().unwrap_or(cut).into());
                };
                self.entry(tile, at, entry, stored)?;
            }
            if read.next().is_some() {
                let at = Some(index * TILE_WIDTH as u64 + hashes.len() as u64);
                let more = in_file(&tile.path(), at, "there is more in the file than was signed");
                return Err(self.seen.first_entry().unwrap_or(more).into());
            }
            index += 1;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        tile: Tile,
        at: u64,
        entry: &[u8],
        stored: &Hash,
    ) -> Result<(), VerifyError> {
        let hash = leaf_hash(entry);
        if hash != *stored {
            self.seen.entry_differs(tile, at);
        }
        match Entry::decode(entry) {
            Ok(Entry::Batch(batch)) => self.batch(at, &batch)?,
            Ok(Entry::Finding(_)) => self.verified.findings += 1,
            Ok(Entry::Run(_)) => self.verified.runs += 1,
            Ok(Entry::Row(_)) => self.verified.rows += 1,
            Ok(Entry::Change(_)) => self.verified.changes += 1,
            Ok(Entry::ChangeBatch(batch)) => self.verified.changes += u64::from(batch.count),
            Ok(
                Entry::KeyRotation(_)
                | Entry::Epoch(_)
                | Entry::Read(_)
                | Entry::Erasure(_)
                | Entry::Hold(_),
            ) => self.verified.custody += 1,
            Err(_) => self.verified.foreign += 1,
        }
        let (disk, seen) = (self.disk, &mut self.seen);
        self.edge.push(hash, |FullTile { level, index, hashes }| {
            if level == 0 {
                return Ok(());
            }
            let tile = Tile { level: Level::Hashes(level), index, width: TILE_WIDTH as u16 };
            seen.compare_tile(tile, level, &read_tile(disk, tile)?, &hashes);
            Ok::<_, VerifyError>(())
        })?;
        self.compare_earlier();
        Ok(())
    }

    fn compare_earlier(&mut self) {
        if let Some(earlier) = &self.earlier
            && earlier.size == self.edge.size()
            && earlier.root != self.edge.root()
        {
            self.seen.earlier_differs(earlier.size);
        }
    }

    /// Remembers the first fault: if the entry itself was changed, that is the cause.
    fn batch(&mut self, at: u64, batch: &Batch) -> Result<(), VerifyError> {
        self.verified.batches += 1;
        self.verified.rows += u64::from(batch.count);
        if self.batch_fault.is_none() {
            match check_batch(self.disk, at, batch) {
                Err(VerifyError::Tampered(fault)) => self.batch_fault = Some(fault),
                other => other?,
            }
        }
        Ok(())
    }

    fn partial_tiles(&mut self) -> Result<(), VerifyError> {
        for (level, hashes) in self.edge.partials().filter(|&(level, _)| level > 0) {
            if let Some(tile) = Tile::partial_of(self.checkpoint.size, Level::Hashes(level)) {
                self.seen.compare_tile(tile, level, &read_tile(self.disk, tile)?, hashes);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Verified, VerifyError> {
        if self.edge.root() != self.checkpoint.root {
            let stored = stored_root(self.disk, self.checkpoint.size)?;
            let lead_to_root = stored == self.checkpoint.root;
            return Err(self.seen.blame_for_root(lead_to_root).into());
        }
        match self.seen.blame().or(self.batch_fault) {
            Some(tampered) => Err(tampered.into()),
            None => Ok(self.verified),
        }
    }
}

fn check_batch(disk: &dyn Disk, at: u64, batch: &Batch) -> Result<(), VerifyError> {
    let path = batch_path(&batch.root);
    let fault = |row, what: &str| {
        Err(Tampered { file: path.clone(), entry: Some(at), row, what: what.to_owned() }.into())
    };
    let file = match read(disk, &path, BATCH_FILE_BYTES_MAX) {
        Err(VerifyError::Tampered(tampered)) => {
            return Err(Tampered { entry: Some(at), ..tampered }.into());
        }
        other => other?,
    };
    let mut hashes = Vec::with_capacity(usize::from(batch.count));
    for row in bundle::rows(&file) {
        let number = Some(hashes.len() as u64);
        let Ok(row) = row else { return fault(number, "the file ends inside it") };
        let hash = leaf_hash(row.bytes);
        if hash[..4] != row.check {
            return fault(number, "the row is not the one that was signed");
        }
        if hashes.len() == usize::from(batch.count) {
            return fault(number, "there are more rows than were signed");
        }
        hashes.push(hash);
    }
    if hashes.len() < usize::from(batch.count) {
        return fault(Some(hashes.len() as u64), "the row is missing");
    }
    if root_of(&hashes) != batch.root {
        return fault(None, "some of its rows are not those that were signed");
    }
    Ok(())
}

/// The root that the stored leaf hashes lead to.
fn stored_root(disk: &dyn Disk, size: u64) -> Result<Hash, VerifyError> {
    let mut edge = Edge::default();
    let mut index = 0;
    while let Some(tile) = Tile::in_tree(size, Level::Hashes(0), index) {
        for hash in read_tile(disk, tile)? {
            edge.push(hash, |_| Ok::<_, VerifyError>(()))?;
        }
        index += 1;
    }
    Ok(edge.root())
}

fn read_tile(disk: &dyn Disk, tile: Tile) -> Result<Vec<Hash>, VerifyError> {
    let path = tile.path();
    let bytes = read(disk, &path, TILE_BYTES_MAX)?;
    let wrong = || in_file(&path, None, "it does not have the length that the signed size demands");
    Ok(tile::decode(&bytes, tile.width).ok_or_else(wrong)?)
}

fn read(disk: &dyn Disk, path: &str, bytes_max: usize) -> Result<Vec<u8>, VerifyError> {
    match disk.read(path, bytes_max) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(in_file(path, None, "the file is missing").into()),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(in_file(path, None, "the file is longer than such a file can be").into())
        }
        Err(source) => Err(VerifyError::Read { file: path.to_owned(), source }),
    }
}

fn in_file(file: &str, entry: Option<u64>, what: &str) -> Tampered {
    Tampered { file: file.to_owned(), entry, row: None, what: what.to_owned() }
}

#[cfg(test)]
mod tests;
