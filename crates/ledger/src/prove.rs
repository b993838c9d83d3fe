//! Makes proofs from a ledger's folder, with its public key and without its secrets.

use std::io;
use std::path::Path;

use crate::bundle::{self, batch_path, entries};
use crate::checkpoint::Checkpoint;
use crate::disk::{Disk, Folder};
use crate::entry::{Batch, Decision, Entry, Row};
use crate::folder::PUBLIC_KEY;
use crate::log::{BATCH_FILE_BYTES_MAX, BUNDLE_BYTES_MAX, CHECKPOINT, TILE_BYTES_MAX};
use crate::merkle::{Hash, consistency_proof, inclusion_proof, leaf_hash, root_of};
use crate::note::{NOTE_BYTES_MAX, NoteError, PublicKey};
use crate::proof::{Proof, ProofError, RowProof, check};
use crate::rotation::Chain;
use crate::tile::{self, Level, TILE_WIDTH, Tile};
use crate::verify::{VerifyError, open_by_any, open_checkpoint, read_cosigned};

#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("could not read the ledger's file `{file}`")]
    Read {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error("the ledger's file `{0}` is missing or damaged; `countersign verify` says more")]
    Damaged(String),
    #[error("the file `public.key` has no public key")]
    PublicKey(#[source] NoteError),
    #[error("no entry {index}; the ledger has {size}")]
    NoSuchEntry { index: u64, size: u64 },
    #[error("the ledger has {size} entries, which is less than {old}")]
    Shorter { old: u64, size: u64 },
    #[error("no row of the ledger is the one asked for")]
    NoSuchRow,
    #[error("the ledger does not prove its own entry; `countersign verify` says more")]
    Fails(#[source] ProofError),
}

/// What is proven, and the text that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The bytes of the entry or row.
    pub leaf: Vec<u8>,
    /// In tlog-proof form, for [`crate::proof::check`].
    pub proof: String,
}

/// Proves the entry at `index`.
pub fn prove(folder: &Path, index: u64) -> Result<Proven, ProveError> {
    let source = Source::open(Folder::new(folder))?;
    let leaf = source.entry(index)?;
    source.proven(index, leaf, None)
}

/// Proves the `nth` entry from `first` on, entries that changed the key not counted: they are the
/// ledger's own, and whoever adds entries one by one does not know of them. Gives its index as well.
pub fn prove_nth(folder: &Path, first: u64, nth: u64) -> Result<(u64, Proven), ProveError> {
    let source = Source::open(Folder::new(folder))?;
    let mut index = first.saturating_add(nth);
    for rotation in source.chain.indices().filter(|&rotation| rotation >= first) {
        index = index.saturating_add(u64::from(rotation <= index));
    }
    let leaf = source.entry(index)?;
    Ok((index, source.proven(index, leaf, None)?))
}

/// Proves the first row that `is_wanted`, for instance by its event's handle. Reads only the batches
/// whose times `may_hold` it: between the first time and the last.
pub fn prove_row(
    folder: &Path,
    may_hold: impl Fn(&Batch) -> bool,
    is_wanted: impl Fn(&Row<'_>) -> bool,
) -> Result<Proven, ProveError> {
    let source = Source::open(Folder::new(folder))?;
    let is_wanted = |entry: &Entry<'_>| matches!(entry, Entry::Row(row) if is_wanted(row));
    let (index, leaf, row) = source.row(&may_hold, &is_wanted)?;
    source.proven(index, leaf, Some(row))
}

/// The same of a decision, for instance by its id.
pub fn prove_decision(
    folder: &Path,
    may_hold: impl Fn(&Batch) -> bool,
    is_wanted: impl Fn(&Decision<'_>) -> bool,
) -> Result<Proven, ProveError> {
    let source = Source::open(Folder::new(folder))?;
    let is_wanted = |entry: &Entry<'_>| matches!(entry, Entry::Decision(one) if is_wanted(one));
    let (index, leaf, row) = source.row(&may_hold, &is_wanted)?;
    source.proven(index, leaf, Some(row))
}

/// Proves that the tree of `old` leaves is the beginning of the signed one; what a log sends to its
/// witnesses ([`crate::witness::request_body`]).
pub fn extension(folder: &Path, old: u64) -> Result<Extension, ProveError> {
    let source = Source::open(Folder::new(folder))?;
    let size = source.checkpoint.size;
    let path = consistency_proof(old, size, &mut |height, index| source.node(height, index))?;
    let path = path.ok_or(ProveError::Shorter { old, size })?;
    Ok(Extension { path, note: source.note })
}

/// A consistency proof and the note of the tree that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    pub path: Vec<Hash>,
    pub note: String,
}

pub(crate) struct Source {
    disk: Folder,
    pub chain: Chain,
    note: String,
    pub checkpoint: Checkpoint,
    /// The last checkpoint that witnesses cosigned.
    cosigned: Option<(Checkpoint, String)>,
}

impl Source {
    pub fn open(disk: Folder) -> Result<Self, ProveError> {
        let text = |file| {
            read(&disk, file, NOTE_BYTES_MAX)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let first = PublicKey::parse(&text(PUBLIC_KEY)?).map_err(ProveError::PublicKey)?;
        let note = text(CHECKPOINT)?;
        let (checkpoint, chain) = open_checkpoint(&disk, &note, &first).map_err(unverified)?;
        let cosigned = match read_cosigned(&disk).map_err(unverified)? {
            // One that was written for another history helps nobody.
            Some(note) => open_by_any(&note, &chain).ok().map(|checkpoint| (checkpoint, note)),
            None => None,
        };
        let cosigned = cosigned.filter(|(cosigned, _)| cosigned.size <= checkpoint.size);
        Ok(Self { disk, chain, note, checkpoint, cosigned })
    }

    /// The checkpoint to prove the first `size` entries by: the cosigned one if it covers them.
    pub fn checkpoint_for(&self, size: u64) -> (&Checkpoint, &str) {
        match &self.cosigned {
            Some((checkpoint, note)) if size <= checkpoint.size => (checkpoint, note),
            _ => (&self.checkpoint, &self.note),
        }
    }

    /// The path of an entry in a tree of `size` leaves, which is this one or its beginning.
    pub fn path(&self, index: u64, size: u64) -> Result<Vec<Hash>, ProveError> {
        let path = inclusion_proof(index, size, &mut |height, index| self.node(height, index))?;
        path.ok_or(ProveError::NoSuchEntry { index, size })
    }

    fn proven(
        &self,
        index: u64,
        leaf: Vec<u8>,
        row: Option<RowProof>,
    ) -> Result<Proven, ProveError> {
        let (checkpoint, note) = self.checkpoint_for(index.saturating_add(1));
        let path = self.path(index, checkpoint.size)?;
        let proof = Proof { index, path, row, checkpoint: note.to_owned() }.to_text();
        // A proof that does not check would be found out by its reader, too late.
        check(&proof, self.chain.key_at(checkpoint.size), &leaf).map_err(ProveError::Fails)?;
        Ok(Proven { leaf, proof })
    }

    /// The first row that is wanted: its batch's index, its bytes, its place in the batch.
    pub fn row(
        &self,
        may_hold: &dyn Fn(&Batch) -> bool,
        is_wanted: &dyn Fn(&Entry<'_>) -> bool,
    ) -> Result<(u64, Vec<u8>, RowProof), ProveError> {
        for bundle in 0..self.checkpoint.size.div_ceil(TILE_WIDTH as u64) {
            let bytes = self.bundle(bundle)?;
            for (index, entry) in (bundle * TILE_WIDTH as u64..).zip(entries(&bytes)) {
                let Ok(Ok(Entry::Batch(batch))) = entry.map(Entry::decode) else { continue };
                if !may_hold(&batch) {
                    continue;
                }
                let path = batch_path(&batch.root);
                let file = self.read(&path, BATCH_FILE_BYTES_MAX)?;
                let rows: Vec<_> = bundle::rows(&file).flatten().map(|row| row.bytes).collect();
                let is_row = |row: &&[u8]| Entry::decode(row).is_ok_and(|row| is_wanted(&row));
                if let Some(at) = rows.iter().position(is_row) {
                    let hashes: Vec<Hash> = rows.iter().map(|row| leaf_hash(row)).collect();
                    let inner =
                        inclusion_proof(at as u64, hashes.len() as u64, &mut |height, index| {
                            let start = (index << height) as usize;
                            Ok::<_, ProveError>(root_of(&hashes[start..start + (1 << height)]))
                        })?;
                    let path = inner.ok_or(ProveError::Damaged(path))?;
                    let row = RowProof { batch, index: at as u16, path };
                    return Ok((index, rows[at].to_vec(), row));
                }
            }
        }
        Err(ProveError::NoSuchRow)
    }

    pub fn entry(&self, index: u64) -> Result<Vec<u8>, ProveError> {
        let size = self.checkpoint.size;
        if index >= size {
            return Err(ProveError::NoSuchEntry { index, size });
        }
        let bundle = self.bundle(index / TILE_WIDTH as u64)?;
        let entry = entries(&bundle).nth((index % TILE_WIDTH as u64) as usize);
        match entry {
            Some(Ok(entry)) => Ok(entry.to_vec()),
            _ => Err(ProveError::Damaged("tile/entries".to_owned())),
        }
    }

    fn bundle(&self, index: u64) -> Result<Vec<u8>, ProveError> {
        let tile = Tile::in_tree(self.checkpoint.size, Level::Entries, index);
        let tile = tile.ok_or_else(|| ProveError::Damaged(CHECKPOINT.to_owned()))?;
        self.read(&tile.path(), BUNDLE_BYTES_MAX)
    }

    /// The root of the complete subtree `index` of `1 << height` leaves.
    fn node(&self, height: u32, index: u64) -> Result<Hash, ProveError> {
        let (level, above) = ((height / 8) as u8, height % 8);
        let start = index << above;
        let tile = Tile::in_tree(self.checkpoint.size, Level::Hashes(level), start >> 8);
        let tile = tile.ok_or_else(|| ProveError::Damaged(CHECKPOINT.to_owned()))?;
        let bytes = self.read(&tile.path(), TILE_BYTES_MAX)?;
        let hashes = tile::decode(&bytes, tile.width);
        let start = (start % TILE_WIDTH as u64) as usize;
        let range = start..start + (1 << above);
        let hashes = hashes.as_deref().and_then(|hashes| hashes.get(range));
        hashes.map(root_of).ok_or_else(|| ProveError::Damaged(tile.path()))
    }

    fn read(&self, path: &str, bytes_max: usize) -> Result<Vec<u8>, ProveError> {
        read(&self.disk, path, bytes_max)
    }
}

/// What is wrong with the checkpoint or the keys, as one who proves has to say it.
fn unverified(error: VerifyError) -> ProveError {
    match error {
        VerifyError::Read { file, source } => ProveError::Read { file, source },
        VerifyError::Tampered(tampered) => ProveError::Damaged(tampered.file),
        _ => ProveError::Damaged(CHECKPOINT.to_owned()),
    }
}

fn read(disk: &Folder, path: &str, bytes_max: usize) -> Result<Vec<u8>, ProveError> {
    match disk.read(path, bytes_max) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(ProveError::Damaged(path.to_owned())),
        Err(source) => Err(ProveError::Read { file: path.to_owned(), source }),
    }
}
