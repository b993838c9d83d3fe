//! From one signing key to the next. The retiring key signs an entry of the log that names the new
//! key and the tree until then; from the checkpoint on that first covers the entry, the new key
//! signs. Whoever trusts the first key follows the chain.
//!
//! The file `rotations` says where those entries are, so that nobody need search for them. It proves
//! nothing: the entries do.

use crate::bundle::entries;
use crate::disk::Disk;
use crate::entry::{Entry, EntryError, KeyRotation};
use crate::handles::Handle;
use crate::log::{BUNDLE_BYTES_MAX, TILE_BYTES_MAX};
use crate::merkle::{Hash, leaf_hash};
use crate::note::{NoteError, PublicKey, SigningKey, verify};
use crate::tile::{self, Level, TILE_WIDTH, Tile};

pub(crate) const ROTATIONS: &str = "rotations";
/// Of the file `rotations`.
pub(crate) const ROTATIONS_BYTES_MAX: usize = 65_536;

/// Who changes the key, when and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<'a> {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// A code, such as `planned` or `leaked`.
    pub why: &'a str,
    /// The two people; `None` if it is done at the machine.
    pub by: Option<Handle>,
    pub second: Option<Handle>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("the new key is not signed by the key it replaces")]
    NotSigned,
    #[error("the new key begins at entry {0}, which is not where the entry is")]
    Misplaced(u64),
    #[error(transparent)]
    Name(#[from] NoteError),
}

/// The keys of a log, each with the size of the first tree that it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain(Vec<(u64, PublicKey)>);

impl Chain {
    pub fn new(first: PublicKey) -> Self {
        Self(vec![(0, first)])
    }

    /// Goes on to the next key, by the entry at `index`. Entries come in their order.
    pub fn follow(&mut self, index: u64, rotation: &KeyRotation<'_>) -> Result<(), ChainError> {
        let (from, last) = self.last();
        if rotation.size != index || index < from {
            return Err(ChainError::Misplaced(rotation.size));
        }
        let signed = statement(last.name(), rotation);
        verify(last.as_bytes(), &signed, &rotation.signature).ok_or(ChainError::NotSigned)?;
        let next = PublicKey::new(last.name(), rotation.key)?;
        self.0.push((index + 1, next));
        Ok(())
    }

    /// The key that signs a tree of this size.
    pub fn key_at(&self, size: u64) -> &PublicKey {
        let before = self.0.iter().rev().find(|(from, _)| *from <= size);
        before.map_or(&self.0[0].1, |(_, key)| key)
    }

    pub fn first(&self) -> &PublicKey {
        &self.0[0].1
    }

    pub fn current(&self) -> &PublicKey {
        self.last().1
    }

    /// From the first on.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter().map(|(_, key)| key)
    }

    /// How often the key was changed.
    pub fn rotations(&self) -> u64 {
        self.0.len() as u64 - 1
    }

    /// Where the entries are that changed it.
    pub fn indices(&self) -> impl Iterator<Item = u64> {
        self.0.iter().skip(1).map(|(from, _)| from - 1)
    }

    fn last(&self) -> (u64, &PublicKey) {
        let (from, key) = self.0.last().expect("a chain begins with a key");
        (*from, key)
    }
}

/// The entry by which `old` gives way to `new`, as the next leaf of a tree of `size` leaves.
pub(crate) fn entry(
    old: &SigningKey,
    new: &PublicKey,
    order: &Order<'_>,
    size: u64,
    root: Hash,
) -> Result<Vec<u8>, EntryError> {
    let Order { time, why, by, second } = *order;
    let key = *new.as_bytes();
    let mut rotation = KeyRotation { time, key, why, by, second, size, root, signature: [0; 64] };
    rotation.signature = old.sign_bytes(&statement(old.public().name(), &rotation));
    Entry::KeyRotation(rotation).encode()
}

/// What the retiring key signs: never the text of a note, which has no zero bytes.
fn statement(origin: &str, rotation: &KeyRotation<'_>) -> Vec<u8> {
    let fields = Entry::KeyRotation(KeyRotation { signature: [0; 64], ..*rotation });
    let mut bytes = b"cs/rotation/v1".to_vec();
    bytes.extend_from_slice(&(origin.len() as u64).to_be_bytes());
    bytes.extend_from_slice(origin.as_bytes());
    // A code that cannot be encoded was not decoded either, and is refused by who makes the entry.
    bytes.extend_from_slice(&fields.encode().unwrap_or_default());
    bytes
}

/// What is wrong in which file, or a file that cannot be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Io { file: String, source: std::io::Error },
    Wrong { file: String, entry: Option<u64>, what: String },
}

/// The chain of the log on `disk`, in a tree of `size` leaves, by what `rotations` points to.
pub(crate) fn read(disk: &dyn Disk, first: PublicKey, size: u64) -> Result<Chain, ReadError> {
    let mut chain = Chain::new(first);
    for index in read_indices(disk, size)? {
        let leaf = leaf(disk, index, size)?;
        let tile = entries_tile(index, size)?.path();
        let wrong = |what: &str| wrong(&tile, Some(index), what);
        match Entry::decode(&leaf.bytes) {
            Ok(Entry::KeyRotation(rotation)) => {
                chain.follow(index, &rotation).map_err(|error| wrong(&error.to_string()))?;
            }
            // If the entry is not the one that was signed, it is the entry that was changed.
            _ if leaf_hash(&leaf.bytes) != leaf.hash => {
                return Err(wrong("the entry is not the one that was signed"));
            }
            _ => {
                let what = format!("entry {index} does not change the key");
                return Err(self::wrong(ROTATIONS, None, &what));
            }
        }
    }
    Ok(chain)
}

/// Indices of entries below `size`. One that is `size` itself was written before a crash, and counts
/// for nothing.
pub(crate) fn read_indices(disk: &dyn Disk, size: u64) -> Result<Vec<u64>, ReadError> {
    let text = read_file(disk, ROTATIONS, ROTATIONS_BYTES_MAX)?;
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    let malformed = || wrong(ROTATIONS, None, "it has an index a line, ascending");
    let text = String::from_utf8(text).map_err(|_| malformed())?;
    let lines = text.strip_suffix('\n').ok_or_else(malformed)?;
    let mut indices: Vec<u64> = Vec::new();
    for line in lines.split('\n') {
        let index: u64 = line.parse().map_err(|_| malformed())?;
        let is_next = indices.last().is_none_or(|&last| last < index);
        if index > size || index.to_string() != line || !is_next {
            return Err(malformed());
        }
        indices.push(index);
    }
    indices.retain(|&index| index < size);
    Ok(indices)
}

pub(crate) fn write_indices(indices: impl IntoIterator<Item = u64>) -> String {
    indices.into_iter().map(|index| format!("{index}\n")).collect()
}

struct Leaf {
    bytes: Vec<u8>,
    hash: Hash,
}

fn leaf(disk: &dyn Disk, index: u64, size: u64) -> Result<Leaf, ReadError> {
    let tile = entries_tile(index, size)?;
    let at = (index % TILE_WIDTH as u64) as usize;
    let missing = |tile: Tile| wrong(&tile.path(), Some(index), "the entry is missing");
    let bytes = read_file(disk, &tile.path(), BUNDLE_BYTES_MAX)?.ok_or_else(|| missing(tile))?;
    let entry = entries(&bytes).nth(at).and_then(Result::ok).ok_or_else(|| missing(tile))?;
    let tile = Tile { level: Level::Hashes(0), ..tile };
    let hashes = read_file(disk, &tile.path(), TILE_BYTES_MAX)?.unwrap_or_default();
    let hashes = tile::decode(&hashes, tile.width).unwrap_or_default();
    let hash = *hashes.get(at).ok_or_else(|| missing(tile))?;
    Ok(Leaf { bytes: entry.to_vec(), hash })
}

fn entries_tile(index: u64, size: u64) -> Result<Tile, ReadError> {
    Tile::in_tree(size, Level::Entries, index / TILE_WIDTH as u64)
        .ok_or_else(|| wrong(ROTATIONS, None, "it points beyond the tree"))
}

fn read_file(disk: &dyn Disk, file: &str, max: usize) -> Result<Option<Vec<u8>>, ReadError> {
    disk.read(file, max).map_err(|source| ReadError::Io { file: file.to_owned(), source })
}

fn wrong(file: &str, entry: Option<u64>, what: &str) -> ReadError {
    ReadError::Wrong { file: file.to_owned(), entry, what: what.to_owned() }
}

#[cfg(test)]
mod tests;
