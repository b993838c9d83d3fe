//! Erasing bodies. Rows, places and proofs stay; what opens them goes.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use crate::frame::GONE;
use crate::log::{Log, Span};
use crate::read::{Opening, frames};
use crate::segment::{path, write_at};
use crate::{Journal, JournalError, Stored, lock};

/// What is to go in one segment.
struct Found {
    file: File,
    path: PathBuf,
    /// Where the states are, and how many bytes of salt and body follow each.
    places: Vec<(u64, usize)>,
    records: u64,
}

impl Journal {
    /// Overwrites body and salt of the durable records that `is_meant` names, in the reserve too, and
    /// gives how many there were. A record that is erased already is not asked about. Doing it again,
    /// after a crash say, is harmless; what is appended meanwhile may be missed.
    ///
    /// # Errors
    /// Some may be erased, and some not yet: do it again.
    pub fn blank(&self, is_meant: impl Fn(&Stored) -> bool) -> Result<u64, JournalError> {
        let _changing = lock(&self.shared.changing);
        let spans = |log: &Log| log.spans().to_vec();
        let mut all = spans(&lock(&self.shared.log));
        all.extend(spans(&lock(&self.shared.reserve_log)));
        let mut erased = 0;
        for span in &all {
            let found = self.find(span, &is_meant)?;
            if found.places.is_empty() {
                continue;
            }
            // First what says that it is erased, then the erasure: a crash between the two leaves no
            // body that looks damaged, and the next opening ends what was begun.
            let write = |bytes: &[u8], at| write_at(&found.file, &found.path, bytes, at);
            let sync = || found.file.sync_data().map_err(JournalError::io("sync", &found.path));
            for (state, _) in &found.places {
                write(&GONE, *state)?;
            }
            sync()?;
            for (state, bytes) in &found.places {
                write(&vec![0; *bytes], state + GONE.len() as u64)?;
            }
            sync()?;
            erased += found.records;
        }
        Ok(erased)
    }

    fn find(
        &self,
        span: &Span,
        is_meant: &impl Fn(&Stored) -> bool,
    ) -> Result<Found, JournalError> {
        let path = path(&self.shared.folder, span.number);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(JournalError::io("open", &path))?;
        let mut places = Vec::new();
        let mut records = 0;
        frames(&file, &path, span, |at, frame| {
            for (seq, record) in (frame.head.base..).zip(&frame.records) {
                let place = (at + record.state_at as u64, record.opening_bytes);
                let Some((salt, body)) = record.opening else {
                    // An earlier try may have failed in between.
                    places.extend(record.is_half_erased.then_some(place));
                    continue;
                };
                let stored = Stored {
                    seq,
                    epoch: frame.head.epoch,
                    row: record.row.to_vec(),
                    count: record.count,
                    opening: Some(Opening { salt: *salt, body: body.to_vec() }),
                    is_reserve: span.number == 0,
                };
                if is_meant(&stored) {
                    places.push(place);
                    records += 1;
                }
            }
        })?;
        Ok(Found { file, path, places, records })
    }
}
