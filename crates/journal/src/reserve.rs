//! Room that was taken in advance, for what must be on record when nothing else can be written.

use std::sync::PoisonError;

use crate::frame::{Gathering, body_crc, record_bytes};
use crate::log::Span;
use crate::recover::{Chain, Current};
use crate::segment::{self, SEGMENT_HEAD, SegmentHead, preallocate, write_at};
use crate::writer::fits;
use crate::{Journal, JournalError, Record, lock};

const NEW: &str = "reserve.new";

#[derive(Debug)]
pub(crate) struct Reserve {
    chain: Chain,
    current: Current,
    epoch: u64,
    frame: Gathering,
    /// A write failed: only opening the journal again tells what is there.
    failed: Option<JournalError>,
}

impl Reserve {
    pub fn new(chain: Chain, current: Current, epoch: u64) -> Self {
        Self { chain, current, epoch, frame: Gathering::default(), failed: None }
    }
}

impl Journal {
    /// Writes a record to the reserve and waits until it is durable: also on a full disk, and when the
    /// journal takes no others. Gives its place in the reserve.
    ///
    /// # Errors
    /// `ReserveFull`; any other error says that it may not be durable.
    pub fn append_reserve(&self, record: &Record) -> Result<u64, JournalError> {
        let mut reserve = lock(&self.reserve);
        let Reserve { chain, current, epoch, frame, failed } = &mut *reserve;
        if let Some(error) = failed {
            return Err(error.clone());
        }
        let bytes = record_bytes(record);
        fits(bytes, self.gate.frame_bytes_max)?;
        frame.clear();
        frame.push(record, body_crc(&record.salt, &record.body));
        if current.at + frame.len() as u64 > current.bytes {
            return Err(JournalError::ReserveFull(frame.len()));
        }
        let seq = chain.next;
        let hash = frame.finish(self.node, *epoch, seq, chain.hash);
        let write = || {
            write_at(&current.file, &current.path, frame.bytes(), current.at)?;
            current.file.sync_data().map_err(JournalError::io("sync", &current.path))?;
            // Few records go here: each is noted, so that none can be taken for torn.
            let mut watermark = self.watermark.lock().unwrap_or_else(PoisonError::into_inner);
            let mark = watermark.mark();
            watermark.note(crate::watermark::Mark { reserve_next: seq + 1, ..mark })
        };
        if let Err(error) = write() {
            let text = format!("{error}; start the process again, so that it is read from disk");
            return Err(failed.insert(JournalError::Unavailable(text.into())).clone());
        }
        let (at, bytes) = (current.at, frame.bytes().len() as u64);
        current.at += bytes;
        *chain = Chain { next: seq + 1, hash, records_hash: hash, epoch: *epoch };
        if let Some(span) = lock(&self.shared.reserve_log).last_mut() {
            span.add(seq, 1, at, bytes);
        }
        Ok(seq)
    }

    /// Puts an empty reserve in the place of one whose records were all shipped: those before
    /// `shipped`. Gives whether it did.
    ///
    /// # Errors
    /// If there is no space for it; the old one stays.
    pub fn renew_reserve(&self, shipped: u64) -> Result<bool, JournalError> {
        let mut reserve = lock(&self.reserve);
        let is_unused = reserve.current.at == SEGMENT_HEAD as u64;
        if is_unused || shipped < reserve.chain.next || reserve.failed.is_some() {
            return Ok(false);
        }
        let _changing = lock(&self.shared.changing);
        let folder = &self.shared.folder;
        let new = folder.join(NEW);
        let bytes = reserve.current.bytes;
        let file = preallocate(&new, bytes)?;
        let Chain { next: base, hash: previous, epoch, .. } = reserve.chain;
        let head = SegmentHead { number: 0, node: self.node, epoch, base, previous };
        segment::begin(folder, &file, &new, &head)?;
        let path = segment::path(folder, 0);
        reserve.current = Current { number: 0, file, path, at: SEGMENT_HEAD as u64, bytes };
        let mut log = lock(&self.shared.reserve_log);
        log.remove(0);
        log.push(Span::new(0, base));
        Ok(true)
    }
}
