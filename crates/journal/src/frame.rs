//! The bytes of frames: one for each group of records that became durable together.
//!
//! ```text
//! frame   magic 8 · count u32 · length u32 · node 16 · epoch u64 · base u64 · previous 32 · crc u32 · 0 u32
//!         then `length` bytes: the records, and zeros up to a multiple of 8
//! record  row length u32 · body length u32 · count u32 · 0 u32 · body crc u32 · crc u32
//!         row · state 4 · salt 32 · body
//! ```
//!
//! Integers are little-endian. A record's `crc` covers its lengths and its row, its `body crc` salt
//! and body: what is erased needs no second one, and an erased body is told from a damaged one by the
//! state. `previous` is the SHA-256 of the frame before, over all of it but states, salts and bodies.

use aws_lc_rs::digest::{Context, SHA256};

use crate::Record;

pub(crate) const HEAD: usize = 88;
pub(crate) const RECORD_HEAD: usize = 24;
pub(crate) const SALT: usize = 32;
const STATE: usize = 4;
/// Its first byte is in no UTF-8 text, so that no body in JSON looks like a frame.
const MAGIC: [u8; 8] = *b"\xF5csjfrm\x01";
const LIVE: [u8; STATE] = *b"live";
pub(crate) const GONE: [u8; STATE] = *b"gone";
/// Frames begin at multiples of it.
pub(crate) const ALIGN: usize = 8;

pub(crate) type Hash = [u8; 32];

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub count: u32,
    /// Of all that follows the head.
    pub length: usize,
    pub node: [u8; 16],
    pub epoch: u64,
    /// The seq of its first record.
    pub base: u64,
    pub previous: Hash,
}

impl Head {
    fn write(&self, bytes: &mut [u8]) {
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.count.to_le_bytes());
        bytes[12..16].copy_from_slice(&(self.length as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.node);
        bytes[32..40].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.base.to_le_bytes());
        bytes[48..80].copy_from_slice(&self.previous);
        let crc = crc32c::crc32c(&bytes[..80]);
        bytes[80..84].copy_from_slice(&crc.to_le_bytes());
        bytes[84..HEAD].fill(0);
    }

    /// `None` if it is no head, or a damaged one.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEAD>()?;
        if bytes[..8] != MAGIC || bytes[84..] != [0; 4] {
            return None;
        }
        if crc32c::crc32c(&bytes[..80]) != u32_at(bytes, 80)? {
            return None;
        }
        Some(Self {
            count: u32_at(bytes, 8)?,
            length: usize::try_from(u32_at(bytes, 12)?).ok()?,
            node: array_at(bytes, 16)?,
            epoch: u64::from_le_bytes(array_at(bytes, 32)?),
            base: u64::from_le_bytes(array_at(bytes, 40)?),
            previous: array_at(bytes, 48)?,
        })
    }

    pub fn end(&self) -> Option<u64> {
        self.base.checked_add(u64::from(self.count))
    }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

/// The frame being gathered. Its memory serves for the next one.
#[derive(Debug)]
pub(crate) struct Gathering {
    bytes: Vec<u8>,
    /// Where each record begins.
    starts: Vec<usize>,
}

impl Default for Gathering {
    fn default() -> Self {
        Self { bytes: vec![0; HEAD], starts: Vec::new() }
    }
}

/// What a record takes in a frame.
pub(crate) fn record_bytes(record: &Record) -> usize {
    RECORD_HEAD + record.row.len() + STATE + SALT + record.body.len()
}

pub(crate) fn body_crc(salt: &[u8; SALT], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(salt), body)
}

impl Gathering {
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// What the frame takes on disk.
    pub fn len(&self) -> usize {
        self.bytes.len().next_multiple_of(ALIGN)
    }

    pub fn clear(&mut self) {
        self.bytes.truncate(HEAD);
        self.starts.clear();
    }

    /// `crc` is [`body_crc`]. Gives the record's place in the frame.
    pub fn push(&mut self, record: &Record, crc: u32) -> usize {
        self.starts.push(self.bytes.len());
        for number in [record.row.len() as u32, record.body.len() as u32, record.count, 0, crc, 0] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        for part in [&record.row[..], &LIVE, &record.salt, &record.body] {
            self.bytes.extend_from_slice(part);
        }
        self.starts.len() - 1
    }

    /// Counts record `at` so many times more. `false` if the number has no room.
    pub fn count_again(&mut self, at: usize, more: u32) -> bool {
        let Some(start) = self.starts.get(at) else { return false };
        let sum = u32_at(&self.bytes, start + 8).and_then(|count| count.checked_add(more));
        let Some(sum) = sum else { return false };
        self.bytes[start + 8..start + 12].copy_from_slice(&sum.to_le_bytes());
        true
    }

    /// Makes it a whole frame: its bytes and its hash.
    pub fn finish(&mut self, node: [u8; 16], epoch: u64, base: u64, previous: Hash) -> Hash {
        self.bytes.resize(self.len(), 0);
        let length = self.bytes.len() - HEAD;
        let count = self.starts.len() as u32;
        Head { count, length, node, epoch, base, previous }.write(&mut self.bytes[..HEAD]);
        let mut hash = Context::new(&SHA256);
        hash.update(&self.bytes[..HEAD]);
        for &start in &self.starts {
            let record = &mut self.bytes[start..];
            let row = u32_at(record, 0).unwrap_or(0) as usize;
            let crc = crc32c::crc32c(&record[..20]);
            let crc = crc32c::crc32c_append(crc, &record[RECORD_HEAD..RECORD_HEAD + row]);
            record[20..24].copy_from_slice(&crc.to_le_bytes());
            hash.update(&record[..RECORD_HEAD + row]);
        }
        digest(hash)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn digest(hash: Context) -> Hash {
    hash.finish().as_ref().try_into().expect("SHA-256 yields 32 bytes")
}

/// A record in a frame that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read<'a> {
    pub row: &'a [u8],
    pub count: u32,
    /// `None`: erased.
    pub opening: Option<(&'a [u8; SALT], &'a [u8])>,
    /// Of its state, from the frame's beginning; salt and body follow it.
    pub state_at: usize,
    /// Of salt and body.
    pub opening_bytes: usize,
    /// Erased, and something of it is still there: a crash cut the erasure short.
    pub is_half_erased: bool,
}

#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub head: Head,
    pub records: Vec<Read<'a>>,
    pub hash: Hash,
    /// On disk, its head included.
    pub bytes: usize,
}

/// What is wrong with a frame, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bad {
    pub at: usize,
    pub what: &'static str,
}

impl<'a> Frame<'a> {
    /// The frame that `bytes` begin with.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Bad> {
        let Some(head) = Head::read(bytes) else {
            return Err(Bad { at: 0, what: "there is no whole head of a frame" });
        };
        let cut = Bad { at: HEAD, what: "the frame ends too early" };
        let body = bytes.get(HEAD..HEAD + head.length).ok_or(cut)?;
        if !(HEAD + head.length).is_multiple_of(ALIGN) {
            return Err(cut);
        }
        let mut hash = Context::new(&SHA256);
        hash.update(&bytes[..HEAD]);
        // A record has more bytes than that: a wrong count cannot ask for much memory.
        let room = (head.count as usize).min(body.len() / RECORD_HEAD + 1);
        let mut records = Vec::with_capacity(room);
        let mut at = 0;
        for _ in 0..head.count {
            let (record, bytes) = record(&body[at..])
                .map_err(|bad| Bad { at: HEAD + at + bad.at, what: bad.what })?;
            hash.update(&body[at..at + RECORD_HEAD + record.row.len()]);
            records.push(Read { state_at: HEAD + at + record.state_at, ..record });
            at += bytes;
        }
        if body.len() - at >= ALIGN || body[at..].iter().any(|byte| *byte != 0) {
            return Err(Bad { at: HEAD + at, what: "something follows the last record" });
        }
        Ok(Self { head, records, hash: digest(hash), bytes: HEAD + head.length })
    }
}

/// The record that `bytes` begin with, and how many it takes.
fn record(bytes: &[u8]) -> Result<(Read<'_>, usize), Bad> {
    let cut = Bad { at: 0, what: "the record's head or row is not what was written" };
    let (head, rest) = bytes.split_first_chunk::<RECORD_HEAD>().ok_or(cut)?;
    let number = |at| u32_at(head, at).unwrap_or(0);
    let (row_bytes, body_bytes) = (number(0) as usize, number(4) as usize);
    let (row, rest) = rest.split_at_checked(row_bytes).ok_or(cut)?;
    if crc32c::crc32c_append(crc32c::crc32c(&head[..20]), row) != number(20) {
        return Err(cut);
    }
    let state_at = RECORD_HEAD + row_bytes;
    let cut = Bad { at: state_at, what: "the record's body is not what was written" };
    let (state, rest) = rest.split_first_chunk::<STATE>().ok_or(cut)?;
    let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(cut)?;
    let body = rest.get(..body_bytes).ok_or(cut)?;
    let opening = match *state {
        LIVE if body_crc(salt, body) == number(16) => Some((salt, body)),
        GONE => None,
        _ => return Err(cut),
    };
    let is_half_erased = opening.is_none() && salt.iter().chain(body).any(|byte| *byte != 0);
    let opening_bytes = SALT + body_bytes;
    let count = number(8);
    let bytes = state_at + STATE + opening_bytes;
    Ok((Read { row, count, opening, state_at, opening_bytes, is_half_erased }, bytes))
}

/// Whether a whole frame of this node begins anywhere in `bytes`, and where.
pub(crate) fn find_frame(bytes: &[u8], node: &[u8; 16]) -> Option<usize> {
    let starts = (0..bytes.len()).step_by(ALIGN);
    starts.filter(|&at| bytes[at..].starts_with(&MAGIC)).find(|&at| {
        let frame = Frame::read(&bytes[at..]);
        frame.is_ok_and(|frame| frame.head.node == *node)
    })
}

#[cfg(test)]
mod tests;
