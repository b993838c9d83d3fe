//! The files of a ledger that anybody may read, by the names of C2SP tlog-tiles: what witnesses,
//! monitors and verifiers need, and nothing else of the folder. Keys are in the same folder.

use std::io;
use std::path::Path;

use crate::bundle::batch_path;
use crate::checkpoint::Checkpoint;
use crate::disk::{Disk, Folder};
use crate::folder::PUBLIC_KEY;
use crate::log::{BATCH_FILE_BYTES_MAX, BUNDLE_BYTES_MAX, CHECKPOINT, TILE_BYTES_MAX};
use crate::merkle::Hash;
use crate::note::{NOTE_BYTES_MAX, SignedNote};
use crate::rotation::ROTATIONS;
use crate::tile::{Level, Tile};
use crate::verify::COSIGNED;

const LIST_BYTES_MAX: usize = 1 << 20;

/// A file as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub bytes: Vec<u8>,
    /// A text, for the content type; else octets.
    pub is_text: bool,
    /// It never changes: whoever has it need not ask again.
    pub is_immutable: bool,
}

/// What a path below the ledger's folder may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Public {
    /// Sizes, hashes, signatures and public keys: nothing about what the entries say.
    Proof,
    /// Entries, with their handles and times.
    Entries,
}

/// What `path` is, if it is the name of a file that is published.
pub fn kind(path: &str) -> Option<Public> {
    match path {
        CHECKPOINT | COSIGNED | PUBLIC_KEY | ROTATIONS => Some(Public::Proof),
        path if is_batch(path) => Some(Public::Entries),
        path => match Tile::parse(path)?.level {
            Level::Entries => Some(Public::Entries),
            Level::Hashes(_) => Some(Public::Proof),
        },
    }
}

/// The file at `path`; `None` if there is none, it is not published, or it belongs to a tree that is
/// not signed yet.
pub fn published(folder: &Path, path: &str) -> io::Result<Option<Published>> {
    let disk = Folder::new(folder);
    let text = |bytes_max| {
        let bytes = disk.read(path, bytes_max)?;
        Ok(bytes.map(|bytes| Published { bytes, is_text: true, is_immutable: false }))
    };
    match path {
        CHECKPOINT | COSIGNED | PUBLIC_KEY => return text(NOTE_BYTES_MAX),
        ROTATIONS => return text(LIST_BYTES_MAX),
        _ => (),
    }
    let bytes_max = match Tile::parse(path) {
        Some(tile) if !is_signed(&disk, tile)? => return Ok(None),
        Some(Tile { level: Level::Entries, .. }) => BUNDLE_BYTES_MAX,
        Some(_) => TILE_BYTES_MAX,
        None if is_batch(path) => BATCH_FILE_BYTES_MAX,
        None => return Ok(None),
    };
    let bytes = disk.read(path, bytes_max)?;
    Ok(bytes.map(|bytes| Published { bytes, is_text: false, is_immutable: true }))
}

fn is_batch(path: &str) -> bool {
    let Some(digits) = path.strip_prefix("batches/").filter(|digits| digits.len() == 64) else {
        return false;
    };
    let mut root: Hash = [0; 32];
    for (byte, pair) in root.iter_mut().zip(digits.as_bytes().as_chunks::<2>().0) {
        let pair = str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let Some(pair) = pair else { return false };
        *byte = pair;
    }
    batch_path(&root) == path
}

/// Whether all of a tile is in the signed tree. What is beyond may still be overwritten.
fn is_signed(disk: &Folder, tile: Tile) -> io::Result<bool> {
    let note = disk.read(CHECKPOINT, NOTE_BYTES_MAX)?.unwrap_or_default();
    let note = String::from_utf8_lossy(&note);
    let checkpoint = SignedNote::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text));
    let signed =
        checkpoint.and_then(|checkpoint| Tile::in_tree(checkpoint.size, tile.level, tile.index));
    Ok(signed.is_some_and(|signed| tile.width > 0 && tile.width <= signed.width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_public_files_are_published() {
        for path in ["checkpoint", "public.key", "tile/0/000", "tile/0/x001/234.p/17", "tile/3/000"]
        {
            assert_eq!(kind(path), Some(Public::Proof), "{path}");
        }
        let batch = format!("batches/{}", "0a".repeat(32));
        for path in ["tile/entries/000", "tile/entries/x001/000.p/255", &batch] {
            assert_eq!(kind(path), Some(Public::Entries), "{path}");
        }
        for path in [
            "private.key",
            "handle.key",
            "lock",
            "",
            "tile/0/1",
            "tile/0/000.p/256",
            "tile/0/../000",
            "tile/0/000/",
            "tile/00/000",
            "tile/0/x000/001",
            "tile/0/000.p/017",
            "../checkpoint",
            "checkpoint/",
            "tile/256/000",
            "tile/0/x1/000",
            "batches/..",
            "tile/0/+01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "checkpoint.next",
        ] {
            assert_eq!(kind(path), None, "{path}");
        }
        let upper = format!("batches/{}", "0A".repeat(32));
        assert_eq!(kind(&upper), None);
    }
}
