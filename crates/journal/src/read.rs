//! Reading what is durable, while more is written.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::frame::{Frame, HEAD, Head};
use crate::log::{Log, Span};
use crate::recover::damaged;
use crate::segment::{self, read_at};
use crate::{JournalError, Shared, lock};

/// A durable record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place; of a record of the reserve, its place there.
    pub seq: u64,
    /// The opening of the journal in which it was written.
    pub epoch: u64,
    pub row: Vec<u8>,
    /// How many decisions it stands for.
    pub count: u32,
    /// `None`: erased.
    pub opening: Option<Opening>,
    /// Written to the reserve.
    pub is_reserve: bool,
}

/// What an erasure takes of a record.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    pub salt: [u8; 32],
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opening({} bytes)", self.body.len())
    }
}

/// Durable records in order.
#[derive(Debug)]
pub struct Records {
    shared: Arc<Shared>,
    is_reserve: bool,
    next: u64,
    queue: VecDeque<Stored>,
    at: Option<At>,
}

/// A place in a segment.
#[derive(Debug)]
struct At {
    number: u64,
    offset: u64,
    path: PathBuf,
    file: File,
}

impl Records {
    pub(crate) fn new(shared: Arc<Shared>, next: u64, is_reserve: bool) -> Self {
        Self { shared, is_reserve, next, queue: VecDeque::new(), at: None }
    }

    fn with_log<T>(&self, work: impl FnOnce(&Log) -> T) -> T {
        let log = if self.is_reserve { &self.shared.reserve_log } else { &self.shared.log };
        work(&lock(log))
    }

    fn enter(&mut self, number: u64, offset: u64) -> Result<(), JournalError> {
        let path = segment::path(&self.shared.folder, number);
        let file = File::open(&path).map_err(JournalError::io("open", &path))?;
        self.at = Some(At { number, offset, path, file });
        Ok(())
    }

    /// The next frame that holds records; `false` at the end.
    fn fill(&mut self) -> Result<bool, JournalError> {
        loop {
            let Some(at) = &mut self.at else {
                let seq = self.next;
                let place = self.with_log(|log| {
                    let span = log.span_of(seq);
                    span.map(|span| (span.number, span.near(seq))).ok_or(log.first())
                });
                let (number, offset) =
                    place.map_err(|first| JournalError::Released { seq, first })?;
                self.enter(number, offset)?;
                continue;
            };
            let number = at.number;
            let (end, after) = self.with_log(|log| {
                let end = log.by_number(number).map(|span| span.end);
                (end, log.after(number).map(|span| span.number))
            });
            let Some(at) = &mut self.at else { continue };
            // A segment that was released meanwhile was read as far as it went, or is given up.
            let Some(end) = end else {
                self.at = None;
                continue;
            };
            if at.offset >= end {
                let Some(after) = after else { return Ok(false) };
                self.enter(after, segment::SEGMENT_HEAD as u64)?;
                continue;
            }
            let bytes = at.frame(end, &self.shared)?;
            let frame = Frame::read(&bytes);
            let frame = frame.map_err(|bad| damaged(&at.path, at.offset, bad.what))?;
            at.offset += bytes.len() as u64;
            let wanted = self.next;
            let stored = (frame.head.base..).zip(&frame.records).map(|(seq, record)| Stored {
                seq,
                epoch: frame.head.epoch,
                row: record.row.to_vec(),
                count: record.count,
                opening: record
                    .opening
                    .map(|(salt, body)| Opening { salt: *salt, body: body.to_vec() }),
                is_reserve: self.is_reserve,
            });
            self.queue.extend(stored.filter(|stored| stored.seq >= wanted));
            if !self.queue.is_empty() {
                return Ok(true);
            }
        }
    }
}

impl At {
    /// The bytes of the frame at this place.
    fn frame(&self, end: u64, shared: &Shared) -> Result<Vec<u8>, JournalError> {
        let bytes = frame_bytes(&self.file, &self.path, self.offset, end)?;
        if Frame::read(&bytes).is_ok() {
            return Ok(bytes);
        }
        // An erasure may have been half done while it was read.
        let _changing = lock(&shared.changing);
        frame_bytes(&self.file, &self.path, self.offset, end)
    }
}

/// The bytes of the frame at `offset`, of a segment that is durable up to `end`.
pub(crate) fn frame_bytes(
    file: &File,
    path: &std::path::Path,
    offset: u64,
    end: u64,
) -> Result<Vec<u8>, JournalError> {
    let mut bytes = vec![0; HEAD];
    read_at(file, path, &mut bytes, offset)?;
    let length = Head::read(&bytes).map(|head| head.length);
    let fits = |length: &usize| offset + (HEAD + length) as u64 <= end;
    let Some(length) = length.filter(fits) else {
        return Err(damaged(path, offset, "there is no whole head of a frame"));
    };
    bytes.resize(HEAD + length, 0);
    read_at(file, path, &mut bytes[HEAD..], offset + HEAD as u64)?;
    Ok(bytes)
}

/// Where each frame of a span begins, from its first one on.
pub(crate) fn frames(
    file: &File,
    path: &std::path::Path,
    span: &Span,
    mut each: impl FnMut(u64, &Frame<'_>),
) -> Result<(), JournalError> {
    let mut at = segment::SEGMENT_HEAD as u64;
    while at < span.end {
        let bytes = frame_bytes(file, path, at, span.end)?;
        let frame = Frame::read(&bytes).map_err(|bad| damaged(path, at, bad.what))?;
        each(at, &frame);
        at += bytes.len() as u64;
    }
    Ok(())
}

impl Iterator for Records {
    type Item = Result<Stored, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.queue.is_empty() {
            match self.fill() {
                Ok(true) => (),
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        let stored = self.queue.pop_front()?;
        self.next = stored.seq + 1;
        Some(Ok(stored))
    }
}
