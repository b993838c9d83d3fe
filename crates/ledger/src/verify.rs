//! Checks a whole ledger with the public key alone: entries to tiles to root to checkpoint, the rows
//! of every batch, and that nothing an earlier checkpoint covered was changed. Says where it was
//! tampered with.

mod blame;
mod cosigned;

use std::fmt;
use std::io;
use std::path::Path;

use crate::bundle::{self, batch_path, entries};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::disk::{Disk, Folder};
use crate::entry::{self, Batch, Entry, KeyRotation};
use crate::log::{BATCH_FILE_BYTES_MAX, BUNDLE_BYTES_MAX, CHECKPOINT, TILE_BYTES_MAX};
use crate::merkle::{Edge, FullTile, Hash, leaf_hash, root_of};
use crate::note::{NOTE_BYTES_MAX, NoteError, PublicKey, SignedNote};
use crate::policy::{Policy, Quorum};
use crate::rotation::{self, Chain, ReadError};
use crate::tile::{self, Level, TILE_WIDTH, Tile};
use blame::Seen;
use cosigned::{Anchor, anchors};
pub(crate) use cosigned::{open as open_by_any, read_cosigned};

/// The last checkpoint that witnesses cosigned, beside `checkpoint`, which may be ahead of it.
pub(crate) const COSIGNED: &str = "checkpoint.cosigned";

/// What a ledger is held against.
#[derive(Debug, Clone, Copy)]
pub struct Against<'a> {
    /// The log's first key, of which the caller is sure.
    pub key: &'a PublicKey,
    /// A checkpoint that was kept elsewhere: its tree must be the beginning of this one.
    pub earlier: Option<&'a str>,
    /// Who must have cosigned.
    pub policy: Option<&'a Policy>,
}

/// What a ledger that was not tampered with consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub checkpoint: Checkpoint,
    /// Size of the earlier checkpoint, if one was given.
    pub earlier: Option<u64>,
    /// What the policy's witnesses have seen, if a policy was given.
    pub cosigned: Option<Cosigned>,
    /// The log's keys, from the first on; each but the last gave way to the next.
    pub keys: Vec<PublicKey>,
    pub batches: u64,
    pub rows: u64,
    /// Decisions at the moment of use, those counted together each.
    pub decisions: u64,
    pub findings: u64,
    pub runs: u64,
    /// Changes of the register, those in batches included.
    pub changes: u64,
    /// Keys, epochs, readings, erasures and holds.
    pub custody: u64,
    /// Entries that this version cannot read; they are covered by the root all the same.
    pub foreign: u64,
}

/// Enough witnesses saw a tree of this size. Of entries beyond it they have said nothing yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    pub size: u64,
    pub quorum: Quorum,
}

/// Two checkpoints that the log signed and of which not both can be true. Each is a note that anybody
/// can check: shown together they prove it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`: {what}")]
pub struct SplitView {
    /// The note that the ledger contradicts came from here, or from outside.
    pub file: String,
    pub what: String,
    /// As it was given, cosignatures included.
    pub earlier: String,
    pub later: String,
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
    #[error(transparent)]
    SplitView(#[from] Box<SplitView>),
    #[error(
        "too few witnesses cosigned: {} of those asked for did, {} did not",
        .0.cosigned.len(),
        .0.missing.len()
    )]
    NotCosigned(Quorum),
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

/// Verifies the ledger in `folder` with the text form of its first public key, and, if given, that
/// the tree of `earlier`, a checkpoint that was kept elsewhere, is the beginning of this one.
pub fn verify(
    folder: &Path,
    public_key: &str,
    earlier: Option<&str>,
) -> Result<Verified, VerifyError> {
    verify_on(&Folder::new(folder), &PublicKey::parse(public_key)?, earlier)
}

/// Verifies the ledger in `folder`.
pub fn verify_against(folder: &Path, against: &Against<'_>) -> Result<Verified, VerifyError> {
    verify_disk(&Folder::new(folder), against)
}

pub(crate) fn verify_on(
    disk: &dyn Disk,
    key: &PublicKey,
    earlier: Option<&str>,
) -> Result<Verified, VerifyError> {
    verify_disk(disk, &Against { key, earlier, policy: None })
}

fn verify_disk(disk: &dyn Disk, against: &Against<'_>) -> Result<Verified, VerifyError> {
    let note = read(disk, CHECKPOINT, NOTE_BYTES_MAX)?;
    let note = String::from_utf8_lossy(&note).into_owned();
    let (checkpoint, chain) = open_checkpoint(disk, &note, against.key)?;
    let (anchors, cosigned) = anchors(disk, &note, &checkpoint, &chain, against)?;
    if let Some(longer) = anchors.iter().find(|anchor| anchor.checkpoint.size > checkpoint.size) {
        let what = format!(
            "it covers {} entries, the earlier checkpoint {}: entries were cut off",
            checkpoint.size, longer.checkpoint.size
        );
        return Err(longer.split_view(CHECKPOINT, what, note).into());
    }
    let mut walk = Walk::new(disk, note, checkpoint, chain, anchors);
    walk.verified.cosigned = cosigned;
    walk.entries()?;
    walk.partial_tiles()?;
    walk.finish()
}

/// The checkpoint, if the key signed it that was to sign a tree of its size.
pub(crate) fn open_checkpoint(
    disk: &dyn Disk,
    note: &str,
    first: &PublicKey,
) -> Result<(Checkpoint, Chain), VerifyError> {
    let of_checkpoint = |error: CheckpointError| in_file(CHECKPOINT, None, &error.to_string());
    let parsed = SignedNote::parse(note).map_err(|error| of_checkpoint(error.into()))?;
    let said = Checkpoint::parse(parsed.text).ok_or(CheckpointError::Malformed);
    // Which entries changed the key depends on a size that only the last of the keys has signed.
    let chain = rotation::read(disk, first.clone(), said.map_err(of_checkpoint)?.size)?;
    let checkpoint = Checkpoint::open(note, chain.current()).map_err(of_checkpoint)?;
    Ok((checkpoint, chain))
}

impl From<ReadError> for VerifyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io { file, source } => Self::Read { file, source },
            ReadError::Wrong { file, entry, what } => in_file(&file, entry, &what).into(),
        }
    }
}

/// One pass over all entries, in order.
struct Walk<'a> {
    disk: &'a dyn Disk,
    note: String,
    checkpoint: Checkpoint,
    chain: Chain,
    anchors: Vec<Anchor>,
    /// The first of the anchors that was not passed yet.
    next_anchor: usize,
    /// The first anchor that the tree contradicts.
    contradicted: Option<usize>,
    edge: Edge,
    seen: Seen,
    /// In a batch or an entry, if nothing explains it better.
    fault: Option<Tampered>,
    verified: Verified,
}

impl<'a> Walk<'a> {
    fn new(
        disk: &'a dyn Disk,
        note: String,
        checkpoint: Checkpoint,
        chain: Chain,
        anchors: Vec<Anchor>,
    ) -> Self {
        let verified = Verified {
            checkpoint: checkpoint.clone(),
            earlier: anchors.iter().find_map(Anchor::size_if_given),
            cosigned: None,
            keys: chain.keys().cloned().collect(),
            batches: 0,
            rows: 0,
            decisions: 0,
            findings: 0,
            runs: 0,
            changes: 0,
            custody: 0,
            foreign: 0,
        };
        Self {
            disk,
            note,
            checkpoint,
            chain,
            anchors,
            next_anchor: 0,
            contradicted: None,
            edge: Edge::default(),
            seen: Seen::default(),
            fault: None,
            verified,
        }
    }

    fn entries(&mut self) -> Result<(), VerifyError> {
        self.compare_anchors();
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
            Ok(Entry::Decision(one)) => self.verified.decisions += u64::from(one.count),
            Ok(Entry::Change(_)) => self.verified.changes += 1,
            Ok(Entry::ChangeBatch(batch)) => self.verified.changes += u64::from(batch.count),
            Ok(Entry::KeyRotation(rotation)) => {
                self.verified.custody += 1;
                self.rotation(tile, at, &rotation);
            }
            Ok(Entry::Epoch(_) | Entry::Read(_) | Entry::Erasure(_) | Entry::Hold(_)) => {
                self.verified.custody += 1
            }
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
        self.compare_anchors();
        Ok(())
    }

    fn compare_anchors(&mut self) {
        while let Some(anchor) = self.anchors.get(self.next_anchor)
            && anchor.checkpoint.size == self.edge.size()
        {
            if anchor.checkpoint.root != self.edge.root() {
                self.contradicted.get_or_insert(self.next_anchor);
            }
            self.next_anchor += 1;
        }
    }

    /// That the retiring key signed it was checked with the chain; whether it signed this tree, only
    /// the tree can say.
    fn rotation(&mut self, tile: Tile, at: u64, rotation: &KeyRotation<'_>) {
        let fault = if !self.chain.indices().any(|index| index == at) {
            let what = format!("it does not name entry {at}, which changes the key");
            in_file(rotation::ROTATIONS, None, &what)
        } else if rotation.root != self.edge.root() {
            in_file(&tile.path(), Some(at), "the retiring key signed another tree than this one")
        } else {
            return;
        };
        self.fault.get_or_insert(fault);
    }

    /// Remembers the first fault: if the entry itself was changed, that is the cause.
    fn batch(&mut self, at: u64, batch: &Batch) -> Result<(), VerifyError> {
        self.verified.batches += 1;
        if self.fault.is_none() {
            match check_batch(self.disk, at, batch) {
                Err(VerifyError::Tampered(fault)) => self.fault = Some(fault),
                Err(error) => return Err(error),
                Ok(held) => {
                    self.verified.rows += held.rows;
                    self.verified.decisions += held.decisions;
                    self.verified.foreign += held.foreign;
                }
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
        if let Some(tampered) = self.seen.blame().or(self.fault) {
            return Err(tampered.into());
        }
        match self.contradicted.map(|at| &self.anchors[at]) {
            Some(anchor) => {
                let what = format!(
                    "the history was rewritten with the private key: the first {} entries are not \
                     those of the earlier checkpoint",
                    anchor.checkpoint.size
                );
                Err(anchor.split_view(CHECKPOINT, what, self.note).into())
            }
            None => Ok(self.verified),
        }
    }
}

/// What a batch holds.
#[derive(Debug, Default)]
struct Held {
    rows: u64,
    decisions: u64,
    foreign: u64,
}

impl Held {
    fn count(&mut self, row: &[u8]) {
        // Rows of a trace come in millions, and nothing in them is counted.
        if entry::is_row(row) {
            self.rows += 1;
        } else if let Ok(Entry::Decision(decision)) = Entry::decode(row) {
            self.decisions += u64::from(decision.count);
        } else {
            self.foreign += 1;
        }
    }
}

fn check_batch(disk: &dyn Disk, at: u64, batch: &Batch) -> Result<Held, VerifyError> {
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
    let mut held = Held::default();
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
        held.count(row.bytes);
        hashes.push(hash);
    }
    if hashes.len() < usize::from(batch.count) {
        return fault(Some(hashes.len() as u64), "the row is missing");
    }
    if root_of(&hashes) != batch.root {
        return fault(None, "some of its rows are not those that were signed");
    }
    Ok(held)
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
