//! The files of a journal: zero-filled before they are used, so that making a frame durable changes
//! nothing but its bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::JournalError;
use crate::frame::Hash;

/// Before the first frame.
pub(crate) const SEGMENT_HEAD: usize = 128;
const MAGIC: [u8; 8] = *b"\xF5csjseg\x01";
const CRC_AT: usize = SEGMENT_HEAD - 4;
/// A file that is longer was not made by a journal.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// Zeros made durable at a time: groups that are written meanwhile wait no longer than for these.
const CHUNK: usize = 1 << 20;
pub(crate) const SPARE: &str = "spare";
pub(crate) const RESERVE: &str = "reserve";

/// What a segment says of itself: which it is, and what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    /// 0 is the reserve.
    pub number: u64,
    pub node: [u8; 16],
    pub epoch: u64,
    pub base: u64,
    pub previous: Hash,
}

impl SegmentHead {
    pub fn bytes(&self) -> [u8; SEGMENT_HEAD] {
        let mut bytes = [0; SEGMENT_HEAD];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.node);
        bytes[32..40].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.base.to_le_bytes());
        bytes[48..80].copy_from_slice(&self.previous);
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` if it is none, or damaged.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<SEGMENT_HEAD>()?;
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let crc = u32::from_le_bytes(*bytes[CRC_AT..].first_chunk()?);
        if bytes[..8] != MAGIC || crc32c::crc32c(&bytes[..CRC_AT]) != crc {
            return None;
        }
        Some(Self {
            number: number(8)?,
            node: *bytes[16..].first_chunk()?,
            epoch: number(32)?,
            base: number(40)?,
            previous: *bytes[48..].first_chunk()?,
        })
    }
}

pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    match number {
        0 => folder.join(RESERVE),
        number => folder.join(format!("{number:012}.segment")),
    }
}

/// The numbers of the segments in a folder, ascending.
pub(crate) fn numbers(folder: &Path) -> Result<Vec<u64>, JournalError> {
    let read = || JournalError::io("list", folder);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(read())? {
        let name = entry.map_err(read())?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".segment"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a file of zeros, durable but for its name. What cannot be finished is taken away again.
pub(crate) fn preallocate(path: &Path, bytes: u64) -> Result<File, JournalError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
    let file = file.map_err(JournalError::io("make", path))?;
    if let Err(error) = extend(&file, 0, bytes) {
        // The space it took is needed elsewhere.
        let _ = fs::remove_file(path);
        return Err(JournalError::io("write", path)(error));
    }
    Ok(file)
}

/// Writes zeros from one place to another and makes them durable.
pub(crate) fn extend(mut file: &File, from: u64, to: u64) -> io::Result<()> {
    use std::io::Seek as _;
    file.seek(io::SeekFrom::Start(from))?;
    let zeros = vec![0; CHUNK];
    let mut left = to.saturating_sub(from);
    while left > 0 {
        let now = left.min(CHUNK as u64);
        file.write_all(&zeros[..now as usize])?;
        file.sync_data()?;
        left -= now;
    }
    file.sync_all()
}

/// Gives a file of zeros its head and its name; durable when it returns.
pub(crate) fn begin(
    folder: &Path,
    file: &File,
    from: &Path,
    head: &SegmentHead,
) -> Result<(), JournalError> {
    write_at(file, from, &head.bytes(), 0)?;
    file.sync_data().map_err(JournalError::io("sync", from))?;
    let to = path(folder, head.number);
    fs::rename(from, &to).map_err(JournalError::io("rename", &to))?;
    sync_folder(folder)
}

pub(crate) fn sync_folder(folder: &Path) -> Result<(), JournalError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(JournalError::io("sync", folder))
}

pub(crate) fn write_at(
    file: &File,
    path: &Path,
    bytes: &[u8],
    at: u64,
) -> Result<(), JournalError> {
    use std::os::unix::fs::FileExt as _;
    file.write_all_at(bytes, at).map_err(JournalError::io("write", path))
}

pub(crate) fn read_at(
    file: &File,
    path: &Path,
    bytes: &mut [u8],
    at: u64,
) -> Result<(), JournalError> {
    use std::os::unix::fs::FileExt as _;
    file.read_exact_at(bytes, at).map_err(JournalError::io("read", path))
}

/// All of a segment's file, and the file.
pub(crate) fn read_all(path: &Path) -> Result<(File, Vec<u8>), JournalError> {
    let io = |act| JournalError::io(act, path);
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(io("open"))?;
    let length = file.metadata().map_err(io("read"))?.len();
    if length > SEGMENT_BYTES_MAX {
        let what = "it is longer than a journal makes its files".to_owned();
        let (file, offset) = (path.display().to_string(), SEGMENT_BYTES_MAX);
        return Err(JournalError::Damaged { file, offset, what });
    }
    let mut bytes = Vec::with_capacity(length as usize);
    (&file).take(SEGMENT_BYTES_MAX).read_to_end(&mut bytes).map_err(io("read"))?;
    Ok((file, bytes))
}
