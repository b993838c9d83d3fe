//! One sorted file of rows, with the strings they share and a sparse index of its keys.
//!
//! Layout: magic, rows (key, length, bytes) in key order, proofs (length, bytes), dictionary,
//! sparse index, and a fixed footer with the offsets and a checksum of the index part.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use countersign_model::event::Event;
use countersign_trace::codec::{self, Dictionary, Place};
use countersign_trace::collect::{RowKey, Rows};

use crate::folder::RunError;

const MAGIC: &[u8; 8] = b"csrows1\n";
const FOOTER_BYTES: usize = 8 * 5 + 8;
const KEY_BYTES: usize = 8 + 16 + 8;
/// One index entry for so many rows: a lookup reads at most this many.
const ROWS_PER_ENTRY: usize = 512;

/// Writes sorted `rows` and the `proofs` (events that only say something about keys).
///
/// # Errors
/// Any error of the file system; the file is then incomplete and must not be committed.
pub fn write(path: &Path, rows: &Rows, proofs: &[u8]) -> io::Result<()> {
    // Rows hold personal data: they are their owner's alone.
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let mut out = Counting { inner: BufWriter::with_capacity(1 << 20, file), at: 0 };
    out.put(MAGIC)?;
    let mut index = Vec::new();
    for (number, (key, bytes)) in rows.iter().enumerate() {
        if number % ROWS_PER_ENTRY == 0 {
            put_key(&mut index, key);
            index.extend_from_slice(&out.at.to_le_bytes());
        }
        let mut head = Vec::with_capacity(KEY_BYTES + 4);
        put_key(&mut head, key);
        head.extend_from_slice(&length(bytes)?.to_le_bytes());
        out.put(&head)?;
        out.put(bytes)?;
    }
    let proofs_at = out.at;
    out.put(proofs)?;
    let dictionary_at = out.at;
    out.put(&rows.dictionary.encode())?;
    let index_at = out.at;
    out.put(&index)?;
    let mut footer = Vec::with_capacity(FOOTER_BYTES);
    for number in [rows.len() as u64, proofs_at, dictionary_at, index_at, out.at] {
        footer.extend_from_slice(&number.to_le_bytes());
    }
    footer.extend_from_slice(MAGIC);
    out.put(&footer)?;
    let file = out.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    sync_name(path)
}

/// Makes the name of a new file as durable as what is in it.
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Appends one event to a proofs section.
pub fn put_proof(
    proofs: &mut Vec<u8>,
    event: &Event<'_>,
    place: Place,
    dictionary: &mut Dictionary,
) {
    let at = proofs.len();
    proofs.extend_from_slice(&[0; 4]);
    codec::encode(event, place, dictionary, proofs);
    let length = u32::try_from(proofs.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(head) = proofs.get_mut(at..at + 4) {
        head.copy_from_slice(&length.to_le_bytes());
    }
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| io::Error::other("a row is larger than 4 GiB"))
}

struct Counting<W> {
    inner: W,
    at: u64,
}

impl<W: Write> Counting<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.inner.write_all(bytes)
    }
}

fn put_key(out: &mut Vec<u8>, key: RowKey) {
    out.extend_from_slice(&key.time.to_le_bytes());
    out.extend_from_slice(&key.event.to_le_bytes());
    out.extend_from_slice(&key.content.to_le_bytes());
}

fn take_key(bytes: &[u8]) -> Option<(RowKey, &[u8])> {
    let (time, rest) = bytes.split_first_chunk()?;
    let (event, rest) = rest.split_first_chunk()?;
    let (content, rest) = rest.split_first_chunk()?;
    let key = RowKey {
        time: i64::from_le_bytes(*time),
        event: u128::from_le_bytes(*event),
        content: u64::from_le_bytes(*content),
    };
    Some((key, rest))
}

/// A segment that can be read.
#[derive(Debug)]
pub struct Segment {
    pub rows: u64,
    pub dictionary: Dictionary,
    body: Body,
}

#[derive(Debug)]
enum Body {
    File(OnDisk),
    /// Rows that never were on disk, sorted: a run that fits in memory is not written twice.
    Held(Rows),
}

#[derive(Debug)]
struct OnDisk {
    file: File,
    name: String,
    index: Vec<(RowKey, u64)>,
    proofs_at: u64,
    proofs_end: u64,
}

/// Rows that `read` gave.
#[derive(Debug)]
pub enum Part {
    Bytes(Vec<u8>),
    Held(std::ops::Range<usize>),
}

impl Segment {
    /// # Errors
    /// `RunError::Damaged` if the file is not a whole segment.
    pub fn open(
        path: &Path,
        fixed: &mut dyn FnMut(&str) -> &'static str,
    ) -> Result<Self, RunError> {
        let name = path.display().to_string();
        let damaged = || RunError::Damaged { file: name.clone() };
        let file = File::open(path).map_err(|source| RunError::io(path, source))?;
        let length = file.metadata().map_err(|source| RunError::io(path, source))?.len();
        let footer_at = length.checked_sub(FOOTER_BYTES as u64).ok_or_else(damaged)?;
        let footer = read_range(&file, footer_at, length).map_err(|e| RunError::io(path, e))?;
        let mut numbers = [0_u64; 5];
        let mut rest = footer.as_slice();
        for number in &mut numbers {
            let (head, tail) = rest.split_first_chunk().ok_or_else(damaged)?;
            *number = u64::from_le_bytes(*head);
            rest = tail;
        }
        let [rows, proofs_at, dictionary_at, index_at, end] = numbers;
        let in_order = proofs_at <= dictionary_at && dictionary_at <= index_at && index_at <= end;
        if rest != MAGIC || end != footer_at || !in_order {
            return Err(damaged());
        }
        let bytes = read_range(&file, dictionary_at, end).map_err(|e| RunError::io(path, e))?;
        let split = usize::try_from(index_at - dictionary_at).map_err(|_| damaged())?;
        let (dictionary, mut entries) = bytes.split_at_checked(split).ok_or_else(damaged)?;
        let dictionary = Dictionary::decode(dictionary, fixed).map_err(|_| damaged())?;
        let mut index = Vec::new();
        while let Some((key, tail)) = take_key(entries) {
            let (at, tail) = tail.split_first_chunk().ok_or_else(damaged)?;
            index.push((key, u64::from_le_bytes(*at)));
            entries = tail;
        }
        let body = OnDisk { file, name, index, proofs_at, proofs_end: dictionary_at };
        Ok(Self { rows, dictionary, body: Body::File(body) })
    }

    /// A segment of rows in memory, which are sorted here.
    pub fn held(mut rows: Rows) -> Self {
        rows.sort();
        let dictionary = std::mem::take(&mut rows.dictionary);
        Self { rows: rows.len() as u64, dictionary, body: Body::Held(rows) }
    }

    /// Keys at regular distances, each standing for the same number of rows.
    pub fn samples(&self) -> Vec<RowKey> {
        match &self.body {
            Body::File(disk) => disk.index.iter().map(|(key, _)| *key).collect(),
            Body::Held(rows) => rows.keys().step_by(ROWS_PER_ENTRY).collect(),
        }
    }

    /// All rows with keys in `[from, to)`, and maybe some before and after.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn read(&self, from: Option<RowKey>, to: Option<RowKey>) -> Result<Part, RunError> {
        match &self.body {
            Body::File(disk) => disk.read(from, to).map(Part::Bytes),
            Body::Held(rows) => {
                let begin = from.map_or(0, |from| rows.place(from));
                Ok(Part::Held(begin..to.map_or(rows.len(), |to| rows.place(to)).max(begin)))
            }
        }
    }

    /// The rows of what `read` returned.
    pub fn rows<'a>(&'a self, part: &'a Part) -> impl Iterator<Item = (RowKey, &'a [u8])> {
        let (bytes, held) = match (part, &self.body) {
            (Part::Bytes(bytes), _) => (bytes.as_slice(), None),
            (Part::Held(range), Body::Held(rows)) => (&[][..], Some(rows.range(range.clone()))),
            (Part::Held(_), Body::File(_)) => (&[][..], None),
        };
        each_row(bytes).chain(held.into_iter().flatten())
    }

    /// The bytes of all proofs.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn proofs(&self) -> Result<Vec<u8>, RunError> {
        let Body::File(disk) = &self.body else { return Ok(Vec::new()) };
        read_range(&disk.file, disk.proofs_at, disk.proofs_end)
            .map_err(|error| RunError::io(Path::new(&disk.name), error))
    }

    /// The single proofs of bytes that `proofs` returned.
    pub fn each_proof(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        std::iter::from_fn(move || {
            let (length, rest) = bytes.split_first_chunk()?;
            let (row, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            bytes = rest;
            Some(row)
        })
    }

    pub fn damaged(&self) -> RunError {
        let name = match &self.body {
            Body::File(disk) => disk.name.clone(),
            Body::Held(_) => "rows in memory".to_owned(),
        };
        RunError::Damaged { file: name }
    }
}

impl OnDisk {
    fn read(&self, from: Option<RowKey>, to: Option<RowKey>) -> Result<Vec<u8>, RunError> {
        let entry = |key: RowKey| self.index.partition_point(|(at, _)| *at < key);
        let begin = from.map_or(0, |from| entry(from).saturating_sub(1));
        let begin = self.index.get(begin).map_or(self.proofs_at, |(_, at)| *at);
        let end = to.and_then(|to| self.index.get(entry(to))).map_or(self.proofs_at, |(_, at)| *at);
        let path = Path::new(&self.name);
        read_range(&self.file, begin, end.max(begin)).map_err(|error| RunError::io(path, error))
    }
}

fn each_row(mut bytes: &[u8]) -> impl Iterator<Item = (RowKey, &[u8])> {
    std::iter::from_fn(move || {
        let (key, rest) = take_key(bytes)?;
        let (length, rest) = rest.split_first_chunk()?;
        let (row, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        bytes = rest;
        Some((key, row))
    })
}

fn read_range(file: &File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(to - from).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}
