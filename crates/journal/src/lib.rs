//! A node's journal of decisions: evidence that is durable before the answer leaves.
//!
//! One node, one folder, one process that writes. [`Journal::append`] never waits for the disk; the
//! [`Ticket`] it gives tells when the record is on it. Records that come while the disk is busy are made
//! durable together: one write, one sync.
//!
//! ```text
//! 000000000001.segment   frames, one after another; zeros where none is yet
//! spare                  the next segment, being made
//! reserve                room that is there even when the disk is full
//! watermark              how far it was durable when that was last noted
//! lock                   held by the one writer
//! ```
//!
//! After a crash a frame that was being written is cut off: nobody was told that it is durable. Anything
//! else that is missing or changed is refused. That a write of a sector is whole or was not made is the
//! disk's promise, as SQLite takes it too.
//!
//! Forbidden here: HTTP, SQL, decisions, clocks, randomness. What a row says is not known here.

mod erase;
mod error;
mod frame;
mod log;
mod read;
mod recover;
mod reserve;
mod segment;
mod ticket;
mod watermark;
mod writer;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use error::JournalError;
pub use read::{Opening, Records, Stored};
pub use ticket::Ticket;

use crate::frame::Gathering;
use crate::log::Log;
use crate::recover::{Recovered, recover};
use crate::reserve::Reserve;
use crate::segment::{SEGMENT_BYTES_MAX, path, sync_folder};
use crate::watermark::Watermark;
use crate::writer::{Gate, Writer};

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The ledger's canonical bytes, with count 1. No personal data: an erasure leaves it.
    pub row: Vec<u8>,
    /// Opens the row's commitment to the body.
    pub salt: [u8; 32],
    /// The whole decision, as JSON.
    pub body: Vec<u8>,
    /// How many decisions it stands for; 1, unless they were counted together before.
    pub count: u32,
}

/// How a journal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Random; becomes the journal's if it has none yet, see [`Journal::node`].
    pub node: [u8; 16],
    /// Of each segment, 4 KiB to 1 GiB. A record must fit into one.
    pub segment_bytes: u64,
    pub reserve_bytes: u64,
    /// Records that may wait for the disk; one more is refused.
    pub waiting_max: usize,
    /// How long after the last record the journal is sealed: from then on damage to that record's
    /// frame cannot be taken for a write that a crash cut off.
    pub seal_after: Duration,
}

impl Options {
    pub fn new(node: [u8; 16]) -> Self {
        let (segment_bytes, reserve_bytes) = (64 << 20, 1 << 20);
        let (waiting_max, seal_after) = (65_536, Duration::from_millis(200));
        Self { node, segment_bytes, reserve_bytes, waiting_max, seal_after }
    }

    fn check(&self) -> Result<(), JournalError> {
        let fits = |bytes: u64| (4_096..=SEGMENT_BYTES_MAX).contains(&bytes);
        if !fits(self.segment_bytes) || !fits(self.reserve_bytes) {
            let text = "segments and reserve of a journal have 4 KiB to 1 GiB";
            return Err(JournalError::Options(text));
        }
        Ok(())
    }
}

/// What was found on opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The first record that is kept, and the one after the last.
    pub first: u64,
    pub next: u64,
    /// Records of the reserve.
    pub reserve_next: u64,
    /// What was cut off: no record in it was answered.
    pub torn: Vec<Torn>,
    /// Erasures that a crash had cut short, and that are whole now.
    pub erased_anew: u64,
}

/// The end of a file, where a write was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    pub file: String,
    pub offset: u64,
    pub bytes: u64,
}

/// What the writer's thread and readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub folder: PathBuf,
    pub log: Arc<Mutex<Log>>,
    pub reserve_log: Arc<Mutex<Log>>,
    /// Held while bytes that were durable are changed or taken away.
    pub changing: Mutex<()>,
}

/// The one writer of a node's journal.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    watermark: Arc<Mutex<Watermark>>,
    reserve: Mutex<Reserve>,
    node: [u8; 16],
    epoch: u64,
    /// Records before it are elsewhere too.
    shipped: Mutex<u64>,
    thread: Option<JoinHandle<()>>,
    _lock: File,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// Opens the journal in a folder, or begins one there.
    ///
    /// # Errors
    /// `Damaged` or `Lost` if records that were answered cannot be read any more; `Locked`.
    pub fn open(folder: &Path, options: &Options) -> Result<(Self, Recovery), JournalError> {
        options.check()?;
        fs::create_dir_all(folder).map_err(JournalError::io("make", folder))?;
        let held = hold(folder)?;
        let Recovered { log, chain, current, reserve, watermark, torn, erased_anew } =
            recover(folder, options)?;
        let node = watermark.mark().node;
        let (first, next) = (log.first(), log.next());
        let epoch = chain.epoch + 1;
        let gate = Arc::new(Gate::new(options.waiting_max, options.segment_bytes));
        let log = Arc::new(Mutex::new(log));
        let watermark = Arc::new(Mutex::new(watermark));
        let reserve_log = Arc::new(Mutex::new(reserve.0));
        let reserve_next = reserve.1.next;
        let reserve = Reserve::new(reserve.1, reserve.2, epoch);
        let mut writer = Writer {
            folder: folder.to_owned(),
            node,
            epoch,
            segment_bytes: options.segment_bytes,
            seal_after: options.seal_after,
            gate: Arc::clone(&gate),
            log: Arc::clone(&log),
            watermark: Arc::clone(&watermark),
            chain,
            current,
            spare: None,
            empty: Gathering::default(),
        };
        // On a full disk the reserve can be written, and the rest when there is space again.
        let full = match writer.begin() {
            Err(error) if error.is_full() => Some(error),
            other => other.map(|()| None)?,
        };
        writer.prepare();
        let thread = thread::Builder::new().name("journal".to_owned());
        let thread = thread.spawn(move || writer.run(full));
        let thread = Some(thread.map_err(JournalError::io("begin to write", folder))?);
        let shared =
            Shared { folder: folder.to_owned(), log, reserve_log, changing: Mutex::default() };
        let journal = Self {
            shared: Arc::new(shared),
            gate,
            watermark,
            reserve: Mutex::new(reserve),
            node,
            epoch,
            shipped: Mutex::new(0),
            thread,
            _lock: held,
        };
        Ok((journal, Recovery { first, next, reserve_next, torn, erased_anew }))
    }

    /// Whose journal it is: the node given when it was begun.
    pub fn node(&self) -> [u8; 16] {
        self.node
    }

    /// Counts the openings of this journal.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The first record that is kept, and the one after the last durable one.
    pub fn range(&self) -> (u64, u64) {
        let log = lock(&self.shared.log);
        (log.first(), log.next())
    }

    /// Groups that were made durable since it was opened, and their bytes: for who measures it.
    pub fn written(&self) -> (u64, u64) {
        let log = lock(&self.shared.log);
        (log.groups, log.bytes)
    }

    /// Takes a record. It never waits for the disk: its ticket does.
    ///
    /// A record whose `repeat_key` another one of the same group had is not written: that one counts
    /// for it too, and the ticket is of that one. Who gives a key says that the two decisions differ in
    /// nothing that evidence needs.
    pub fn append(&self, record: &Record, repeat_key: Option<[u8; 16]>) -> Ticket {
        self.gate.append(record, repeat_key)
    }

    /// Durable records from `seq` on, in order, also while others are appended: it ends at the last
    /// durable one, and may be asked again later.
    pub fn read_from(&self, seq: u64) -> Records {
        Records::new(Arc::clone(&self.shared), seq, false)
    }

    /// The same of the reserve, whose records have their own count.
    pub fn read_reserve(&self, seq: u64) -> Records {
        Records::new(Arc::clone(&self.shared), seq, true)
    }

    /// Records before `seq` are shipped and may be released.
    ///
    /// # Errors
    /// `Lost` if the journal never had them: it is older than what is known of it.
    pub fn shipped(&self, seq: u64) -> Result<(), JournalError> {
        let (_, next) = self.range();
        if seq > next {
            let what = format!("records up to {seq} were shipped, and it ends after {next}");
            let folder = self.shared.folder.display().to_string();
            return Err(JournalError::Lost { folder, what });
        }
        let mut shipped = lock(&self.shipped);
        *shipped = seq.max(*shipped);
        Ok(())
    }

    /// Deletes the segments that hold only records before `before` that were shipped. Gives the first
    /// record that is still kept.
    ///
    /// # Errors
    /// If a file cannot be deleted; what it holds stays readable.
    pub fn release(&self, before: u64) -> Result<u64, JournalError> {
        let _changing = lock(&self.shared.changing);
        let before = before.min(*lock(&self.shipped));
        let released = lock(&self.shared.log).ending_by(before);
        if let Some(last) = released.last() {
            let mut watermark = lock(&self.watermark);
            let mark = watermark.mark();
            watermark.note(watermark::Mark { first: last.next, ..mark })?;
        }
        for span in &released {
            let path = path(&self.shared.folder, span.number);
            lock(&self.shared.log).remove(span.number);
            fs::remove_file(&path).map_err(JournalError::io("delete", &path))?;
            sync_folder(&self.shared.folder)?;
        }
        Ok(self.range().0)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.gate.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has answered nobody.
            let _ = thread.join();
        }
    }
}

fn hold(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(JournalError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked(folder.display().to_string())),
        Err(TryLockError::Error(source)) => Err(JournalError::io("lock", &path)(source)),
    }
}
