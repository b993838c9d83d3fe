//! How far the journal was durable when that was last noted: what is missing below it was lost, not
//! torn. Two places are written in turn, so that one of them is always whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::frame::Hash;
use crate::segment::{preallocate, read_all, sync_folder, write_at};

pub(crate) const WATERMARK: &str = "watermark";
const MAGIC: [u8; 8] = *b"\xF5csjmrk\x01";
const PLACE: usize = 4_096;
const BYTES: usize = 96;
const CRC_AT: usize = BYTES - 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub node: [u8; 16],
    /// The first record that is kept.
    pub first: u64,
    /// The record after the last durable one, and the hash of the frame that ends there.
    pub next: u64,
    pub hash: Hash,
    /// The same of the reserve.
    pub reserve_next: u64,
}

#[derive(Debug)]
pub(crate) struct Watermark {
    file: File,
    path: PathBuf,
    generation: u64,
    mark: Mark,
}

impl Watermark {
    /// `None` if there is none.
    pub fn open(folder: &Path) -> Result<Option<Self>, JournalError> {
        let path = folder.join(WATERMARK);
        if !path.try_exists().map_err(JournalError::io("look for", &path))? {
            return Ok(None);
        }
        let (file, bytes) = read_all(&path)?;
        let places = [bytes.get(..BYTES), bytes.get(PLACE..PLACE + BYTES)];
        let newest = places.into_iter().flatten().filter_map(read).max_by_key(|read| read.0);
        let Some((generation, mark)) = newest else {
            let (file, what) = (path.display().to_string(), "neither of its places is whole");
            return Err(JournalError::Damaged { file, offset: 0, what: what.to_owned() });
        };
        Ok(Some(Self { file, path, generation, mark }))
    }

    pub fn create(folder: &Path, mark: Mark) -> Result<Self, JournalError> {
        let path = folder.join(WATERMARK);
        let new = folder.join(format!("{WATERMARK}.new"));
        let file = preallocate(&new, 2 * PLACE as u64)?;
        let mut created = Self { file, path: new.clone(), generation: 0, mark };
        created.note(mark)?;
        std::fs::rename(&new, &path).map_err(JournalError::io("rename", &path))?;
        sync_folder(folder)?;
        Ok(Self { path, ..created })
    }

    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Durable when it returns.
    pub fn note(&mut self, mark: Mark) -> Result<(), JournalError> {
        let generation = self.generation + 1;
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&generation.to_le_bytes());
        bytes[16..32].copy_from_slice(&mark.node);
        bytes[32..40].copy_from_slice(&mark.first.to_le_bytes());
        bytes[40..48].copy_from_slice(&mark.next.to_le_bytes());
        bytes[48..80].copy_from_slice(&mark.hash);
        bytes[80..88].copy_from_slice(&mark.reserve_next.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        let at = (generation % 2) * PLACE as u64;
        write_at(&self.file, &self.path, &bytes, at)?;
        self.file.sync_data().map_err(JournalError::io("sync", &self.path))?;
        (self.generation, self.mark) = (generation, mark);
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Option<(u64, Mark)> {
    let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let crc = u32::from_le_bytes(*bytes.get(CRC_AT..)?.first_chunk()?);
    if !bytes.starts_with(&MAGIC) || crc32c::crc32c(&bytes[..CRC_AT]) != crc {
        return None;
    }
    let mark = Mark {
        node: *bytes[16..].first_chunk()?,
        first: number(32)?,
        next: number(40)?,
        hash: *bytes[48..].first_chunk()?,
        reserve_next: number(80)?,
    };
    Some((number(8)?, mark))
}
