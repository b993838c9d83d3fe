//! The one thread that writes: a group of records, one write, one sync. While it syncs the next group
//! gathers.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::frame::{Gathering, body_crc, record_bytes};
use crate::log::{Log, Span};
use crate::recover::{Chain, Current};
use crate::segment::{self, SEGMENT_HEAD, SPARE, SegmentHead, preallocate, write_at};
use crate::ticket::Group;
use crate::watermark::Watermark;
use crate::{JournalError, Record, Ticket};

/// Between two tries to make a segment on a full disk.
const FULL_FOR: Duration = Duration::from_secs(1);
/// Buffers that are kept for the next groups.
const BUFFERS: usize = 2;
/// Of a group on disk.
const GROUP_BYTES_MAX: usize = 8 << 20;
/// Of all groups that wait.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// Where records wait for the thread.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    work: Condvar,
    waiting_max: usize,
    /// A frame of one group.
    pub frame_bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    gathering: Gathering,
    group: Arc<Group>,
    repeats: HashMap<[u8; 16], usize>,
    /// Groups that are as large as they may be.
    whole: VecDeque<(Gathering, Arc<Group>)>,
    buffers: Vec<Gathering>,
    /// Records and bytes that wait or are being written.
    waiting: usize,
    waiting_bytes: usize,
    is_idle: bool,
    is_stopping: bool,
    /// Why nothing is taken.
    closed: Option<JournalError>,
}

/// How often others are let go first before a group is written, and with how many records at most.
const TURNS_MAX: usize = 16;
const GATHERED_MAX: usize = 256;

impl Gate {
    pub fn new(waiting_max: usize, segment_bytes: u64) -> Self {
        let room = usize::try_from(segment_bytes).unwrap_or(usize::MAX) - SEGMENT_HEAD;
        let frame_bytes_max = room.min(GROUP_BYTES_MAX);
        let (state, work) = (Mutex::default(), Condvar::new());
        Self { state, work, waiting_max, frame_bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn append(&self, record: &Record, repeat_key: Option<[u8; 16]>) -> Ticket {
        let bytes = record_bytes(record);
        if let Err(error) = fits(bytes, self.frame_bytes_max) {
            return Ticket::refused(error);
        }
        let crc = body_crc(&record.salt, &record.body);
        let mut state = self.lock();
        if let Some(error) = &state.closed {
            return Ticket::refused(error.clone());
        }
        if let Some(&at) = repeat_key.as_ref().and_then(|key| state.repeats.get(key))
            && state.gathering.count_again(at, record.count)
        {
            return Ticket::of(&state.group, at);
        }
        if state.waiting >= self.waiting_max || state.waiting_bytes + bytes > WAITING_BYTES_MAX {
            return Ticket::refused(JournalError::Busy(state.waiting));
        }
        if state.gathering.len() + bytes + crate::frame::ALIGN > self.frame_bytes_max {
            let whole = state.take();
            state.whole.push_back(whole);
        }
        let at = state.gathering.push(record, crc);
        if let Some(key) = repeat_key {
            state.repeats.insert(key, at);
        }
        state.waiting += 1;
        state.waiting_bytes += bytes;
        let ticket = Ticket::of(&state.group, at);
        if std::mem::take(&mut state.is_idle) {
            drop(state);
            self.work.notify_one();
        }
        ticket
    }

    /// Lets the thread write what waits, and end.
    pub fn stop(&self) {
        self.lock().is_stopping = true;
        self.work.notify_all();
    }

    /// Lets whoever is about to append do so first: where a sync is quick, a group of one record would
    /// cost a write and two switches of threads for each. No time is waited for, only turns given.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        for _ in 0..TURNS_MAX {
            let before = state.waiting;
            drop(state);
            thread::yield_now();
            state = self.lock();
            if state.waiting == before || state.waiting >= GATHERED_MAX {
                break;
            }
        }
        state
    }

    fn next(&self, seal_after: Option<Duration>) -> Next {
        let mut state = self.lock();
        loop {
            if let Some((gathering, group)) = state.whole.pop_front() {
                return Next::Group(gathering, group);
            }
            if state.gathering.count() > 0 {
                state = self.gather(state);
                // It may be whole by now.
                if state.whole.is_empty() {
                    let (gathering, group) = state.take();
                    return Next::Group(gathering, group);
                }
                continue;
            }
            if state.is_stopping {
                return Next::Stop;
            }
            state.is_idle = true;
            let Some(after) = seal_after else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (locked, timeout) =
                self.work.wait_timeout(state, after).unwrap_or_else(PoisonError::into_inner);
            state = locked;
            if timeout.timed_out() && state.gathering.count() == 0 && !state.is_stopping {
                state.is_idle = false;
                return Next::Idle;
            }
        }
    }

    /// A group is done with; its memory serves for another.
    fn done(&self, mut gathering: Gathering, bytes: usize) {
        let count = gathering.count();
        gathering.clear();
        let mut state = self.lock();
        state.waiting -= count.min(state.waiting);
        state.waiting_bytes -= bytes.min(state.waiting_bytes);
        if state.buffers.len() < BUFFERS {
            state.buffers.push(gathering);
        }
    }

    /// Refuses what waits and what comes.
    fn close(&self, why: &JournalError) {
        let mut groups = Vec::new();
        {
            let mut state = self.lock();
            state.closed = Some(why.clone());
            groups.extend(state.whole.drain(..).map(|(_, group)| group));
            let (mut gathering, group) = state.take();
            gathering.clear();
            state.buffers.push(gathering);
            groups.push(group);
            (state.waiting, state.waiting_bytes) = (0, 0);
        }
        groups.iter().for_each(|group| group.finish(Err(why.clone())));
    }

    fn open(&self) {
        self.lock().closed = None;
    }

    /// Waits a while, or until it is to end; whether it is.
    fn pause(&self, how_long: Duration) -> bool {
        let state = self.lock();
        let waited = self.work.wait_timeout_while(state, how_long, |state| !state.is_stopping);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_stopping
    }
}

/// # Errors
/// If a record takes more than a frame holds.
pub(crate) fn fits(bytes: usize, frame_bytes_max: usize) -> Result<(), JournalError> {
    let bytes_max = frame_bytes_max.saturating_sub(crate::frame::HEAD + crate::frame::ALIGN);
    if bytes > bytes_max {
        return Err(JournalError::TooLong { bytes, bytes_max });
    }
    Ok(())
}

impl State {
    fn take(&mut self) -> (Gathering, Arc<Group>) {
        self.repeats.clear();
        let next = self.buffers.pop().unwrap_or_default();
        (std::mem::replace(&mut self.gathering, next), std::mem::take(&mut self.group))
    }
}

enum Next {
    Group(Gathering, Arc<Group>),
    Idle,
    Stop,
}

#[derive(Debug)]
pub(crate) struct Writer {
    pub folder: PathBuf,
    pub node: [u8; 16],
    pub epoch: u64,
    pub segment_bytes: u64,
    pub seal_after: Duration,
    pub gate: Arc<Gate>,
    pub log: Arc<Mutex<Log>>,
    pub watermark: Arc<Mutex<Watermark>>,
    pub chain: Chain,
    pub current: Current,
    /// The next segment, being made.
    pub spare: Option<JoinHandle<Result<std::fs::File, JournalError>>>,
    /// An empty frame for seals.
    pub empty: Gathering,
}

impl Writer {
    /// Writes until it is to stop. `full`: why the first frame could not be written.
    pub fn run(mut self, full: Option<JournalError>) {
        if full.is_none_or(|error| self.goes_on_after(&error)) {
            self.groups();
        }
        if let Some(spare) = self.spare.take() {
            // It is made anew by whoever opens the journal next.
            let _ = spare.join();
            let _ = std::fs::remove_file(self.folder.join(SPARE));
        }
    }

    fn groups(&mut self) {
        let mut is_sealed = true;
        loop {
            let result = match self.gate.next((!is_sealed).then_some(self.seal_after)) {
                Next::Group(gathering, group) => {
                    is_sealed = false;
                    self.group(gathering, &group)
                }
                Next::Idle => {
                    is_sealed = true;
                    self.seal()
                }
                Next::Stop => {
                    if !is_sealed {
                        // What was answered is durable already; this only says so.
                        let _ = self.seal();
                    }
                    break;
                }
            };
            if let Err(error) = result
                && !self.goes_on_after(&error)
            {
                break;
            }
        }
    }

    /// The first frame of a run: it makes the epoch durable, and seals what stands before it.
    pub fn begin(&mut self) -> Result<(), JournalError> {
        self.seal()
    }

    fn group(&mut self, mut gathering: Gathering, group: &Group) -> Result<(), JournalError> {
        let base = self.chain.next;
        let bytes = gathering.len();
        let result = self.frame(&mut gathering);
        self.gate.done(gathering, bytes);
        group.finish(result.as_ref().map(|()| base).map_err(refusal));
        result
    }

    fn seal(&mut self) -> Result<(), JournalError> {
        let mut empty = std::mem::take(&mut self.empty);
        empty.clear();
        let result = self.frame(&mut empty);
        self.empty = empty;
        result?;
        self.note()
    }

    fn note(&self) -> Result<(), JournalError> {
        let mut watermark = self.watermark.lock().unwrap_or_else(PoisonError::into_inner);
        let mut mark = watermark.mark();
        (mark.next, mark.hash) = (self.chain.next, self.chain.records_hash);
        watermark.note(mark)
    }

    /// Writes a frame and makes it durable, or says why not. Nothing is tried twice on one file.
    fn frame(&mut self, gathering: &mut Gathering) -> Result<(), JournalError> {
        if self.current.at + gathering.len() as u64 > self.current.bytes {
            self.rotate()?;
        }
        let Chain { next, hash: previous, .. } = self.chain;
        let hash = gathering.finish(self.node, self.epoch, next, previous);
        let (bytes, count) = (gathering.bytes(), gathering.count() as u64);
        let Current { file, path, at, .. } = &self.current;
        write_at(file, path, bytes, *at)?;
        file.sync_data().map_err(JournalError::io("sync", path)).map_err(not_full)?;
        let (at, bytes) = (*at, bytes.len() as u64);
        self.current.at += bytes;
        self.chain.next += count;
        self.chain.hash = hash;
        if count > 0 {
            self.chain.records_hash = hash;
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.groups += 1;
        log.bytes += bytes;
        if let Some(span) = log.last_mut() {
            span.add(next, count, at, bytes);
        }
        Ok(())
    }

    /// Goes on in a new segment.
    fn rotate(&mut self) -> Result<(), JournalError> {
        self.note()?;
        let spare = self.folder.join(SPARE);
        let made = self.spare.take().and_then(|making| making.join().ok()?.ok());
        let file = match made {
            Some(file) => file,
            None => preallocate(&spare, self.segment_bytes)?,
        };
        let Chain { next: base, hash: previous, .. } = self.chain;
        let (number, node, epoch) = (self.current.number + 1, self.node, self.epoch);
        let head = SegmentHead { number, node, epoch, base, previous };
        segment::begin(&self.folder, &file, &spare, &head)?;
        let path = segment::path(&self.folder, number);
        let (at, bytes) = (SEGMENT_HEAD as u64, self.segment_bytes);
        self.current = Current { number, file, path, at, bytes };
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(Span::new(number, base));
        self.prepare();
        Ok(())
    }

    /// Has the next segment made meanwhile.
    pub fn prepare(&mut self) {
        let (spare, bytes) = (self.folder.join(SPARE), self.segment_bytes);
        let make = move || preallocate(&spare, bytes);
        // Without a thread for it, it is made when it is needed.
        self.spare = thread::Builder::new().name("journal-spare".to_owned()).spawn(make).ok();
    }

    /// On a full disk: waits for space. After any other failure only what is on disk tells what is
    /// durable, and only opening reads it.
    fn goes_on_after(&mut self, error: &JournalError) -> bool {
        let mut error = error.clone();
        loop {
            self.gate.close(&refusal(&error));
            if !error.is_full() || self.gate.pause(FULL_FOR) {
                return false;
            }
            // Into a new segment: what the failed write left in this one stays behind.
            match self.rotate() {
                Ok(()) => {
                    self.gate.open();
                    return true;
                }
                Err(again) => error = again,
            }
        }
    }
}

/// A sync that failed has lost what was written, whatever it says.
fn not_full(error: JournalError) -> JournalError {
    match error {
        JournalError::Io { act, file, source } if JournalError::is_full_kind(source.kind()) => {
            let source = Arc::new(std::io::Error::other(source.to_string()));
            JournalError::Io { act, file, source }
        }
        error => error,
    }
}

fn refusal(error: &JournalError) -> JournalError {
    let what = if error.is_full() {
        "it goes on by itself when there is space again"
    } else {
        "start the process again, so that it is read from disk"
    };
    JournalError::Unavailable(format!("{error}; {what}").into())
}
