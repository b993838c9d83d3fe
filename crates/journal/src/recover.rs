//! What is on disk after a stop of any kind. A frame that was being written may be cut off; anything
//! else that is missing or changed is refused, with its place.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::frame::{Bad, Frame, Hash, find_frame};
use crate::log::{Log, Span};
use crate::segment::{
    self, RESERVE, SEGMENT_HEAD, SPARE, SegmentHead, begin, extend, preallocate, read_all, write_at,
};
use crate::watermark::{Mark, Watermark};
use crate::{JournalError, Options, Torn};

/// Where a run of frames has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    pub next: u64,
    /// Of the last frame.
    pub hash: Hash,
    /// Of the last frame that had records.
    pub records_hash: Hash,
    pub epoch: u64,
}

impl Chain {
    pub(crate) fn before(head: &SegmentHead) -> Self {
        let SegmentHead { base, previous, epoch, .. } = *head;
        Self { next: base, hash: previous, records_hash: previous, epoch }
    }

    pub(crate) fn after(&mut self, frame: &Frame<'_>) {
        self.next = frame.head.end().unwrap_or(u64::MAX);
        self.hash = frame.hash;
        if frame.head.count > 0 {
            self.records_hash = frame.hash;
        }
        self.epoch = frame.head.epoch;
    }
}

/// A segment that frames can be added to.
#[derive(Debug)]
pub(crate) struct Current {
    pub number: u64,
    pub file: File,
    pub path: PathBuf,
    pub at: u64,
    pub bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Recovered {
    pub log: Log,
    pub chain: Chain,
    pub current: Current,
    pub reserve: (Log, Chain, Current),
    pub watermark: Watermark,
    pub torn: Vec<Torn>,
    /// Erasures that a crash had cut short, and that are whole now.
    pub erased_anew: u64,
}

pub(crate) fn recover(folder: &Path, options: &Options) -> Result<Recovered, JournalError> {
    for left in [SPARE, "watermark.new", "reserve.new"] {
        match std::fs::remove_file(folder.join(left)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(JournalError::io("remove", &folder.join(left))(error));
            }
            _ => (),
        }
    }
    let numbers = segment::numbers(folder)?;
    let lost = |what: String| JournalError::Lost { folder: folder.display().to_string(), what };
    let watermark = match Watermark::open(folder)? {
        Some(watermark) => watermark,
        None if numbers.is_empty() => {
            let mark =
                Mark { node: options.node, first: 0, next: 0, hash: [0; 32], reserve_next: 0 };
            Watermark::create(folder, mark)?
        }
        None => return Err(lost("the file `watermark` is missing".to_owned())),
    };
    let mark = watermark.mark();
    let is_new = numbers.is_empty() && mark.next == 0 && mark.reserve_next == 0;
    if numbers.is_empty() && !is_new {
        return Err(lost(format!("no segment is there, and {} records were durable", mark.next)));
    }
    let mut pass = Pass { folder, node: mark.node, torn: Vec::new(), erased_anew: 0 };
    let reserve_path = folder.join(RESERVE);
    if !reserve_path.try_exists().map_err(JournalError::io("look for", &reserve_path))? {
        if !is_new {
            return Err(lost("the file `reserve` is missing".to_owned()));
        }
        make(folder, 0, mark.node, options.reserve_bytes)?;
    }
    let reserve = pass.reserve(mark.reserve_next)?;
    if is_new {
        make(folder, 1, mark.node, options.segment_bytes)?;
    }
    let numbers = if is_new { vec![1] } else { numbers };
    let (log, chain, current) = pass.segments(&numbers, &mark, options.segment_bytes)?;
    let Pass { torn, erased_anew, .. } = pass;
    Ok(Recovered { log, chain, current, reserve, watermark, torn, erased_anew })
}

/// The first segment of a new journal, or its reserve.
fn make(folder: &Path, number: u64, node: [u8; 16], bytes: u64) -> Result<(), JournalError> {
    let spare = folder.join(SPARE);
    let file = preallocate(&spare, bytes)?;
    let head = SegmentHead { number, node, epoch: 0, base: 0, previous: [0; 32] };
    begin(folder, &file, &spare, &head)
}

/// One reading of all files.
struct Pass<'a> {
    folder: &'a Path,
    node: [u8; 16],
    torn: Vec<Torn>,
    erased_anew: u64,
}

/// What a segment holds.
struct Walked {
    end: usize,
    last: Range<usize>,
    /// What is erased and still there.
    to_erase: Vec<Range<usize>>,
    bad: Option<Bad>,
}

impl Pass<'_> {
    fn segments(
        &mut self,
        numbers: &[u64],
        mark: &Mark,
        segment_bytes: u64,
    ) -> Result<(Log, Chain, Current), JournalError> {
        let lost = |what| JournalError::Lost { folder: self.folder.display().to_string(), what };
        let mut log = Log::default();
        let mut chain: Option<Chain> = None;
        let mut current = None;
        let mut read = numbers.first().map(|first| self.read(*first)).transpose()?;
        let mut has_mark = false;
        for (at, &number) in numbers.iter().enumerate() {
            let Some((head, file, bytes)) = read.take() else { break };
            let path = segment::path(self.folder, number);
            let follows = chain.is_none_or(|chain| chain.next == head.base);
            if !follows || head.number != number {
                return Err(lost(format!("a segment before `{}` is missing", path.display())));
            }
            if chain.is_none() && head.base > mark.first {
                let what = format!("records {} to {} are missing", mark.first, head.base);
                return Err(lost(what));
            }
            read = numbers.get(at + 1).map(|next| self.read(*next)).transpose()?;
            let until = read.as_ref().map(|(next, ..)| (next.base, next.previous));
            let mut now = chain.unwrap_or(Chain::before(&head));
            now.epoch = now.epoch.max(head.epoch);
            has_mark |= mark.next <= now.next && chain.is_none();
            let mut span = Span::new(number, head.base);
            let walked = walk(&bytes, &mut now, &self.node, until, &mut |frame, at| {
                span.add(frame.head.base, u64::from(frame.head.count), at, frame.bytes as u64);
                has_mark |= frame.head.count > 0
                    && frame.head.end() == Some(mark.next)
                    && frame.hash == mark.hash;
            });
            self.settle(&file, &path, &bytes, &walked, until.is_none())?;
            log.push(span);
            chain = Some(now);
            if until.is_none() {
                let (length, at) = (bytes.len() as u64, walked.end as u64);
                if length < segment_bytes {
                    extend(&file, length, segment_bytes)
                        .map_err(JournalError::io("write", &path))?;
                }
                let bytes = length.max(segment_bytes);
                current = Some(Current { number, file, path, at, bytes });
            }
        }
        let whole = chain.zip(current).filter(|(chain, _)| has_mark && chain.next >= mark.next);
        let (chain, current) = whole.ok_or_else(|| {
            let has = chain.map_or(0, |chain| chain.next);
            lost(format!("{} were durable, and it ends after {has}, or with others", mark.next))
        })?;
        Ok((log, chain, current))
    }

    fn reserve(&mut self, least: u64) -> Result<(Log, Chain, Current), JournalError> {
        let path = segment::path(self.folder, 0);
        let (head, file, bytes) = self.read(0)?;
        let mut chain = Chain::before(&head);
        let mut span = Span::new(0, head.base);
        let walked = walk(&bytes, &mut chain, &self.node, None, &mut |frame, at| {
            span.add(frame.head.base, u64::from(frame.head.count), at, frame.bytes as u64);
        });
        self.settle(&file, &path, &bytes, &walked, true)?;
        if chain.next < least {
            let what = format!("{least} were in its reserve, which ends after {}", chain.next);
            return Err(JournalError::Lost { folder: self.folder.display().to_string(), what });
        }
        let mut log = Log::default();
        log.push(span);
        let (at, bytes) = (walked.end as u64, bytes.len() as u64);
        Ok((log, chain, Current { number: 0, file, path, at, bytes }))
    }

    fn read(&self, number: u64) -> Result<(SegmentHead, File, Vec<u8>), JournalError> {
        let path = segment::path(self.folder, number);
        let (file, bytes) = read_all(&path)?;
        let head = SegmentHead::read(&bytes).filter(|head| head.node == self.node);
        let Some(head) = head else {
            // It was durable before the file had its name: never torn.
            return Err(damaged(&path, 0, "it does not begin as a segment of this journal"));
        };
        Ok((head, file, bytes))
    }

    /// Refuses what is damaged, cuts off what is torn, and makes sure of the rest.
    fn settle(
        &mut self,
        file: &File,
        path: &Path,
        bytes: &[u8],
        walked: &Walked,
        is_last: bool,
    ) -> Result<(), JournalError> {
        let rest = bytes.get(walked.end..).unwrap_or(&[]);
        let dirty = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if let Some(bad) = walked.bad.filter(|_| !is_last || dirty > 0) {
            if !is_last || find_frame(rest, &self.node).is_some() {
                return Err(damaged(path, (walked.end + bad.at) as u64, bad.what));
            }
            let file = path.display().to_string();
            self.torn.push(Torn { file, offset: walked.end as u64, bytes: dirty as u64 });
        }
        if dirty > 0 {
            write_at(file, path, &vec![0; dirty], walked.end as u64)?;
        }
        if is_last && !walked.last.is_empty() {
            // A sync that failed leaves the last frame in the cache as if it were on disk: only one
            // that is written again is surely there.
            write_at(file, path, &bytes[walked.last.clone()], walked.last.start as u64)?;
        }
        for range in &walked.to_erase {
            write_at(file, path, &vec![0; range.len()], range.start as u64)?;
            self.erased_anew += 1;
        }
        if is_last || dirty > 0 || !walked.to_erase.is_empty() {
            file.sync_data().map_err(JournalError::io("sync", path))?;
        }
        Ok(())
    }
}

pub(crate) fn damaged(path: &Path, offset: u64, what: &str) -> JournalError {
    let file = path.display().to_string();
    JournalError::Damaged { file, offset, what: what.to_owned() }
}

/// Follows frames from the beginning of a segment up to `until`, or as far as they go.
fn walk(
    bytes: &[u8],
    chain: &mut Chain,
    node: &[u8; 16],
    until: Option<(u64, Hash)>,
    each: &mut dyn FnMut(&Frame<'_>, u64),
) -> Walked {
    let mut walked = Walked { end: SEGMENT_HEAD, last: 0..0, to_erase: Vec::new(), bad: None };
    // What a failed write left behind the last frame is no part of the journal.
    while until != Some((chain.next, chain.hash)) {
        let at = walked.end;
        let frame = match Frame::read(bytes.get(at..).unwrap_or(&[])) {
            Ok(frame) => frame,
            Err(bad) => {
                walked.bad = Some(bad);
                break;
            }
        };
        let head = &frame.head;
        let follows = head.node == *node
            && head.base == chain.next
            && head.previous == chain.hash
            && head.epoch >= chain.epoch
            && head.end().is_some();
        if !follows {
            walked.bad = Some(Bad { at: 0, what: "the frame does not follow the one before it" });
            break;
        }
        let half = frame.records.iter().filter(|record| record.is_half_erased);
        walked.to_erase.extend(half.map(|record| {
            let from = at + record.state_at + 4;
            from..from + record.opening_bytes
        }));
        each(&frame, at as u64);
        chain.after(&frame);
        walked.last = at..at + frame.bytes;
        walked.end = at + frame.bytes;
    }
    walked
}
