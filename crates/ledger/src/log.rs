//! The one writer of a tile log. What is on disk and what is signed never part:
//!
//! 1. entries, batches and tiles are written to names that no signed checkpoint uses, then synced;
//! 2. the checkpoint is signed and synced as `checkpoint.next`: from here on the tree is decided;
//! 3. `checkpoint.next` is renamed to `checkpoint`, which readers see, and the folder is synced.
//!
//! After a crash before 2 the next writer overwrites what is there; after 2 it finishes 3.

mod in_order;
pub(crate) mod rotate;

use std::collections::HashSet;
use std::io;

use crate::bundle::{batch_path, push_entry};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::disk::Disk;
use crate::entry::ENTRY_BYTES_MAX;
use crate::merkle::{Edge, FullTile, Hash, leaf_hash};
use crate::note::{NOTE_BYTES_MAX, SigningKey};
use crate::rows::Rows;
use crate::tile::{self, Level, TILE_WIDTH, Tile, levels};

pub(crate) const CHECKPOINT: &str = "checkpoint";
const NEXT: &str = "checkpoint.next";
/// A batch ends here whatever its rows.
pub(crate) const BATCH_BYTES_MAX: usize = 8 << 20;
/// A batch file is at most one row longer.
pub(crate) const BATCH_FILE_BYTES_MAX: usize = BATCH_BYTES_MAX + ENTRY_BYTES_MAX + 6;
pub(crate) const BUNDLE_BYTES_MAX: usize = TILE_WIDTH * (ENTRY_BYTES_MAX + 2);
pub(crate) const TILE_BYTES_MAX: usize = TILE_WIDTH * 32;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("could not read or write the ledger's file `{file}`")]
    Io {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error("could not make the ledger's files durable; nothing was signed")]
    Sync(#[source] io::Error),
    #[error("the file `{0}` was not signed by this ledger's key; `countersign verify` says more")]
    NotOurs(String, #[source] CheckpointError),
    #[error("the file `{0}` does not lead to the signed root; `countersign verify` says more")]
    Damaged(String),
    #[error("an entry of {0} bytes; one holds up to 65535")]
    TooLong(usize),
    #[error("what was given as a row is not the encoding of one")]
    NotARow,
    #[error("the batch is full; its rows go into the next one")]
    BatchFull,
    #[error(
        "the file `{0}` is there and holds other rows than those it is named by; `countersign verify` says more"
    )]
    OtherBatch(String),
    #[error("an earlier write failed; open the ledger again")]
    Broken,
    #[error(
        "the ledger has {size} entries, where {expected} are expected: some were lost, for instance \
             by restoring an older copy; nothing was added"
    )]
    Behind { size: u64, expected: u64 },
    #[error(
        "the ledger has {size} entries, where at most {known} are known; somebody else added some; \
             nothing was added"
    )]
    Ahead { size: u64, known: u64 },
    #[error("entry {0} of the ledger is another one than was to be added there; nothing was added")]
    Differs(u64),
    #[error("the key cannot be changed for that reason")]
    Rotation(#[source] crate::entry::EntryError),
    #[error("the ledger was opened to skip entries that it has, not to give them their place")]
    NotInOrder,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Index of the first new leaf; the size of the tree if there is none.
    pub first: u64,
    /// New leaves.
    pub count: u64,
    /// Leaves that were there already.
    pub skipped: u64,
    /// Rows in new batches.
    pub rows: u64,
    /// Rows in batches that were there already.
    pub rows_skipped: u64,
    pub tree_size: u64,
    pub root: Hash,
}

pub(crate) struct Log {
    disk: Box<dyn Disk>,
    key: SigningKey,
    signed: Checkpoint,
    edge: Edge,
    /// The last, partial bundle.
    bundle: Vec<u8>,
    /// Of every leaf, the first half of its hash, which nobody can bring to collide by chance or
    /// by choice: entries hold handles made with a secret. `None`: leaves have their place, and none
    /// is skipped ([`in_order`]).
    known: Option<HashSet<u128>>,
    batch: Rows,
    counts: Counts,
    is_broken: bool,
}

#[derive(Default)]
struct Counts {
    skipped: u64,
    rows: u64,
    rows_skipped: u64,
}

impl Log {
    /// Opens the log on `disk`, finishes a publication that a crash cut short, or signs the empty
    /// tree of a new log.
    pub fn open(disk: Box<dyn Disk>, key: SigningKey) -> Result<Self, LogError> {
        Self::open_by(disk, key, load)
    }

    fn open_by(
        mut disk: Box<dyn Disk>,
        key: SigningKey,
        load: impl Fn(&dyn Disk, &Checkpoint) -> Result<Loaded, LogError>,
    ) -> Result<Self, LogError> {
        let origin = key.public().name().to_owned();
        let current = read_checkpoint(&*disk, CHECKPOINT, &key)?;
        let signed = match read_next(&*disk, &key)? {
            Some(next) if current.as_ref().is_none_or(|current| current.size < next.size) => {
                load(&*disk, &next)?;
                finish_publication(&mut *disk)?;
                Some(next)
            }
            _ => current,
        };
        let is_new = signed.is_none();
        let signed =
            signed.unwrap_or_else(|| Checkpoint { origin, size: 0, root: Edge::default().root() });
        let (edge, bundle, known) = load(&*disk, &signed)?;
        rotate::forget_unsigned(&mut *disk, signed.size)?;
        let mut log = Self {
            disk,
            key,
            signed,
            edge,
            bundle,
            known,
            batch: Rows::default(),
            counts: Counts::default(),
            is_broken: false,
        };
        if is_new {
            log.publish(log.signed.clone())?;
        }
        Ok(log)
    }

    pub fn signed(&self) -> &Checkpoint {
        &self.signed
    }

    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Adds a leaf, unless the tree has it already. Nothing is signed before [`Log::commit`].
    pub fn push_leaf(&mut self, leaf: &[u8]) -> Result<(), LogError> {
        self.guard(|log| {
            if log.push_new_leaf(leaf)? == Pushed::Known {
                log.counts.skipped += 1;
            }
            Ok(())
        })
    }

    /// Adds a row ([`Rows::push`]) to a batch.
    pub fn push_row(&mut self, row: &[u8]) -> Result<(), LogError> {
        self.guard(|log| {
            log.batch.push(row)?;
            if log.batch.ends() {
                log.end_batch()?;
            }
            Ok(())
        })
    }

    /// Makes everything added since the last commit durable, signs it and publishes it.
    pub fn commit(&mut self) -> Result<Appended, LogError> {
        self.guard(|log| {
            log.end_batch()?;
            let old_size = log.signed.size;
            let Checkpoint { origin, .. } = &log.signed;
            let next =
                Checkpoint { origin: origin.clone(), size: log.edge.size(), root: log.edge.root() };
            if next.size > old_size {
                log.write_partials()?;
                log.disk.sync().map_err(LogError::Sync)?;
                log.publish(next)?;
                log.remove_old_partials(old_size);
            }
            let Counts { skipped, rows, rows_skipped } = std::mem::take(&mut log.counts);
            Ok(Appended {
                first: old_size,
                count: log.signed.size - old_size,
                skipped,
                rows,
                rows_skipped,
                tree_size: log.signed.size,
                root: log.signed.root,
            })
        })
    }

    /// After an error memory and disk may differ: only opening again makes them agree.
    fn guard<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        if self.is_broken {
            return Err(LogError::Broken);
        }
        let result = act(self);
        self.is_broken = result.is_err();
        result
    }

    fn push_new_leaf(&mut self, leaf: &[u8]) -> Result<Pushed, LogError> {
        check_length(leaf)?;
        let hash = leaf_hash(leaf);
        if self.known.as_mut().is_some_and(|known| !known.insert(half(&hash))) {
            return Ok(Pushed::Known);
        }
        push_entry(&mut self.bundle, leaf);
        let disk = &mut self.disk;
        self.edge.push(hash, |FullTile { level, index, hashes }| {
            let tile = Tile { level: Level::Hashes(level), index, width: TILE_WIDTH as u16 };
            write(&mut **disk, &tile.path(), &tile::encode(&hashes))
        })?;
        if self.edge.size().is_multiple_of(TILE_WIDTH as u64) {
            let index = self.edge.size() / TILE_WIDTH as u64 - 1;
            let tile = Tile { level: Level::Entries, index, width: TILE_WIDTH as u16 };
            write(&mut *self.disk, &tile.path(), &self.bundle)?;
            self.bundle.clear();
        }
        Ok(Pushed::New)
    }

    fn end_batch(&mut self) -> Result<(), LogError> {
        let Some(batch) = self.batch.batch() else { return Ok(()) };
        self.batch.clear();
        let mut leaf = Vec::new();
        batch.encode_into(&mut leaf);
        let hash = leaf_hash(&leaf);
        if self.known.as_ref().is_some_and(|known| known.contains(&half(&hash))) {
            self.counts.rows_skipped += u64::from(batch.count);
            return Ok(());
        }
        write(&mut *self.disk, &batch_path(&batch.root), self.batch.file())?;
        self.push_new_leaf(&leaf)?;
        self.counts.rows += u64::from(batch.count);
        Ok(())
    }

    fn write_partials(&mut self) -> Result<(), LogError> {
        let size = self.edge.size();
        for (level, hashes) in self.edge.partials() {
            let level = Level::Hashes(level);
            if let Some(tile) = Tile::partial_of(size, level)
                && Tile::partial_of(self.signed.size, level) != Some(tile)
            {
                write(&mut *self.disk, &tile.path(), &tile::encode(hashes))?;
            }
        }
        if let Some(tile) = Tile::partial_of(size, Level::Entries) {
            write(&mut *self.disk, &tile.path(), &self.bundle)?;
        }
        Ok(())
    }

    fn publish(&mut self, checkpoint: Checkpoint) -> Result<(), LogError> {
        let note = checkpoint.sign(&self.key);
        write(&mut *self.disk, NEXT, note.as_bytes())?;
        finish_publication(&mut *self.disk)?;
        self.signed = checkpoint;
        Ok(())
    }

    /// The specification allows it once wider tiles are published. If it fails nothing is lost but
    /// a little space.
    fn remove_old_partials(&mut self, old_size: u64) {
        let hashes = levels(old_size).map(Level::Hashes);
        for level in hashes.chain([Level::Entries]) {
            if let Some(tile) = Tile::partial_of(old_size, level)
                && Tile::partial_of(self.signed.size, level) != Some(tile)
            {
                let _ = self.disk.remove(&tile.path());
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Pushed {
    New,
    Known,
}

type Loaded = (Edge, Vec<u8>, Option<HashSet<u128>>);

/// Re-hashes all leaf hashes up to the checkpoint's root, so that nothing is appended to, or
/// skipped because of, a tree that was changed.
fn load(disk: &dyn Disk, checkpoint: &Checkpoint) -> Result<Loaded, LogError> {
    let mut edge = Edge::default();
    let mut known = HashSet::new();
    let mut index = 0;
    while let Some(tile) = Tile::in_tree(checkpoint.size, Level::Hashes(0), index) {
        let path = tile.path();
        let bytes = read(disk, &path, TILE_BYTES_MAX)?.unwrap_or_default();
        let hashes = tile::decode(&bytes, tile.width).ok_or(LogError::Damaged(path))?;
        for hash in hashes {
            known.insert(half(&hash));
            let Ok(()) = edge.push(hash, |_| Ok::<_, std::convert::Infallible>(()));
        }
        index += 1;
    }
    if edge.root() != checkpoint.root {
        return Err(LogError::Damaged("tile/0".into()));
    }
    let bundle = load_bundle(disk, checkpoint, &edge)?;
    Ok((edge, bundle, Some(known)))
}

/// The last, partial bundle, whose entries are those of the edge's last hashes.
fn load_bundle(disk: &dyn Disk, checkpoint: &Checkpoint, edge: &Edge) -> Result<Vec<u8>, LogError> {
    let mut bundle = Vec::new();
    if let Some(tile) = Tile::partial_of(checkpoint.size, Level::Entries) {
        let path = tile.path();
        bundle = read(disk, &path, BUNDLE_BYTES_MAX)?.unwrap_or_default();
        let leaves = crate::bundle::entries(&bundle).map(|entry| entry.map(leaf_hash));
        let expected = edge.partials().next().map(|(_, hashes)| hashes).unwrap_or_default();
        if !leaves.eq(expected.iter().copied().map(Ok)) {
            return Err(LogError::Damaged(path));
        }
    }
    Ok(bundle)
}

fn read_checkpoint(
    disk: &dyn Disk,
    path: &str,
    key: &SigningKey,
) -> Result<Option<Checkpoint>, LogError> {
    let Some(bytes) = read(disk, path, NOTE_BYTES_MAX)? else { return Ok(None) };
    let note = str::from_utf8(&bytes).unwrap_or_default();
    match Checkpoint::open(note, key.public()) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(error) => Err(LogError::NotOurs(path.to_owned(), error)),
    }
}

/// A torn `checkpoint.next` was never published and counts as absent.
fn read_next(disk: &dyn Disk, key: &SigningKey) -> Result<Option<Checkpoint>, LogError> {
    match read_checkpoint(disk, NEXT, key) {
        Err(LogError::NotOurs(..)) => Ok(None),
        other => other,
    }
}

fn finish_publication(disk: &mut dyn Disk) -> Result<(), LogError> {
    disk.sync().map_err(LogError::Sync)?;
    let io = |source| LogError::Io { file: CHECKPOINT.to_owned(), source };
    disk.rename(NEXT, CHECKPOINT).map_err(io)?;
    disk.sync().map_err(LogError::Sync)
}

fn read(disk: &dyn Disk, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, LogError> {
    disk.read(path, bytes_max).map_err(|source| LogError::Io { file: path.to_owned(), source })
}

fn write(disk: &mut dyn Disk, path: &str, bytes: &[u8]) -> Result<(), LogError> {
    disk.write(path, bytes).map_err(|source| LogError::Io { file: path.to_owned(), source })
}

pub(crate) fn check_length(entry: &[u8]) -> Result<(), LogError> {
    if entry.len() > ENTRY_BYTES_MAX { Err(LogError::TooLong(entry.len())) } else { Ok(()) }
}

fn half(hash: &Hash) -> u128 {
    let (half, _) = hash.split_first_chunk().expect("16 of 32 bytes");
    u128::from_be_bytes(*half)
}

#[cfg(test)]
pub(crate) mod tests;
