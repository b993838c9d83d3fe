//! A copy of a ledger's folder that is whole, made while somebody writes to it.

use std::io;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::disk::{Disk, Folder};
use crate::folder::PUBLIC_KEY;
use crate::keys::KeyError;
use crate::log::{BUNDLE_BYTES_MAX, CHECKPOINT, TILE_BYTES_MAX};
use crate::note::{NOTE_BYTES_MAX, SignedNote};
use crate::rotation::{ROTATIONS, ROTATIONS_BYTES_MAX};
use crate::tile::{Level, TILE_WIDTH, Tile, levels};
use crate::verify::{COSIGNED, Verified, VerifyError, verify};
use crate::wrapped::copy_file;

/// The writer removes a partial tile as soon as a wider one is signed; then the copy goes on with that.
const TRIES_MAX: usize = 100;
const SECRETS: [&str; 3] = ["private.key", "private.key.next", "handle.key"];

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("could not copy the ledger's file `{file}`")]
    Io {
        file: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("what was copied does not verify")]
    NotWhole(#[from] VerifyError),
    #[error("the ledger is written faster than it can be copied; try again when less is written")]
    TooFast,
}

/// Copies the ledger in `from`, keys included, into the folder `to`, and verifies the copy. Entries that
/// are signed meanwhile may be in it or not. Batches of rows, which a server's ledger has none of, are
/// not copied.
pub fn copy(from: &Path, to: &Path) -> Result<Verified, CopyError> {
    let source = Folder::new(from);
    let mut target = Folder::new(to);
    for _ in 0..TRIES_MAX {
        if !attempt(&source, &mut target)? {
            continue;
        }
        for secret in SECRETS {
            if !copy_file(&from.join(secret), &to.join(secret))? {
                target.remove(secret).or_else(absent).map_err(io(secret))?;
            }
        }
        target.sync().map_err(io("."))?;
        let key = target.read(PUBLIC_KEY, NOTE_BYTES_MAX).map_err(io(PUBLIC_KEY))?;
        let key = String::from_utf8_lossy(&key.unwrap_or_default()).into_owned();
        match verify(to, key.trim(), None) {
            Ok(verified) => return Ok(verified),
            // The key was changed in between, perhaps; a folder that is damaged stays so.
            Err(_) if has_moved(&source, &target)? => (),
            Err(error) => return Err(error.into()),
        }
    }
    Err(CopyError::TooFast)
}

/// `false` if a file of the tree was gone before it was copied.
fn attempt(source: &Folder, target: &mut Folder) -> Result<bool, CopyError> {
    // Cosignatures are of a tree that is signed: first them, then the tree that is at least as long.
    for (file, bytes_max) in [
        (COSIGNED, NOTE_BYTES_MAX),
        (ROTATIONS, ROTATIONS_BYTES_MAX),
        (PUBLIC_KEY, NOTE_BYTES_MAX),
        (CHECKPOINT, NOTE_BYTES_MAX),
    ] {
        if let Some(bytes) = source.read(file, bytes_max).map_err(io(file))? {
            target.write(file, &bytes).map_err(io(file))?;
        }
    }
    let note = target.read(CHECKPOINT, NOTE_BYTES_MAX).map_err(io(CHECKPOINT))?;
    let note = String::from_utf8_lossy(&note.unwrap_or_default()).into_owned();
    let text = SignedNote::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text));
    let Some(Checkpoint { size, .. }) = text else {
        let malformed = io::Error::new(io::ErrorKind::InvalidData, "it is no checkpoint");
        return Err(io(CHECKPOINT)(malformed));
    };
    for level in levels(size).map(Level::Hashes).chain([Level::Entries]) {
        let bytes_max = if level == Level::Entries { BUNDLE_BYTES_MAX } else { TILE_BYTES_MAX };
        for tile in (0..).map_while(|index| Tile::in_tree(size, level, index)) {
            let path = tile.path();
            let is_full = usize::from(tile.width) == TILE_WIDTH;
            if is_full && target.read(&path, bytes_max).map_err(io(&path))?.is_some() {
                continue;
            }
            let Some(bytes) = source.read(&path, bytes_max).map_err(io(&path))? else {
                return Ok(false);
            };
            target.write(&path, &bytes).map_err(io(&path))?;
        }
    }
    Ok(true)
}

fn has_moved(source: &Folder, target: &Folder) -> Result<bool, CopyError> {
    let read = |folder: &Folder| folder.read(CHECKPOINT, NOTE_BYTES_MAX).map_err(io(CHECKPOINT));
    Ok(read(source)? != read(target)?)
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn io(file: &str) -> impl FnOnce(io::Error) -> CopyError {
    let file = file.to_owned();
    move |source| CopyError::Io { file, source }
}
