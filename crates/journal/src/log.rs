//! Which durable records stand where.

/// Frames of one segment. Reading begins at the nearest of `index`, not at the segment's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub number: u64,
    pub base: u64,
    /// The record after its last one, and the byte after its last frame.
    pub next: u64,
    pub end: u64,
    /// Some of its frames: first record and place.
    index: Vec<(u64, u64)>,
}

/// Bytes between two frames of an index.
const STEP: u64 = 256 << 10;

impl Span {
    pub fn new(number: u64, base: u64) -> Self {
        let first = crate::segment::SEGMENT_HEAD as u64;
        Self { number, base, next: base, end: first, index: vec![(base, first)] }
    }

    pub fn add(&mut self, base: u64, count: u64, at: u64, bytes: u64) {
        if self.index.last().is_none_or(|(_, last)| at - last >= STEP) {
            self.index.push((base, at));
        }
        self.next = base + count;
        self.end = at + bytes;
    }

    /// A frame at or before the one that holds `seq`.
    pub fn near(&self, seq: u64) -> u64 {
        let after = self.index.partition_point(|(base, _)| *base <= seq);
        self.index[..after].last().or(self.index.first()).map_or(self.end, |(_, at)| *at)
    }
}

/// The spans of all segments, in order.
#[derive(Debug, Default)]
pub(crate) struct Log {
    spans: Vec<Span>,
    /// Written since it was opened.
    pub groups: u64,
    pub bytes: u64,
}

impl Log {
    pub fn push(&mut self, span: Span) {
        self.spans.push(span);
    }

    pub fn last_mut(&mut self) -> Option<&mut Span> {
        self.spans.last_mut()
    }

    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    pub fn first(&self) -> u64 {
        self.spans.first().map_or(0, |span| span.base)
    }

    pub fn next(&self) -> u64 {
        self.spans.last().map_or(0, |span| span.next)
    }

    /// The span in which `seq` stands or will stand.
    pub fn span_of(&self, seq: u64) -> Option<&Span> {
        let after = self.spans.partition_point(|span| span.base <= seq);
        // Of segments that begin at the same record only the last can have it.
        self.spans[..after].last()
    }

    pub fn by_number(&self, number: u64) -> Option<&Span> {
        self.spans.iter().find(|span| span.number == number)
    }

    pub fn after(&self, number: u64) -> Option<&Span> {
        self.spans.iter().find(|span| span.number > number)
    }

    /// Segments that end at or before `seq`, without the last one of all.
    pub fn ending_by(&self, seq: u64) -> Vec<Span> {
        let all_but_last = self.spans.split_last().map_or(&[][..], |(_, rest)| rest);
        all_but_last.iter().take_while(|span| span.next <= seq).cloned().collect()
    }

    pub fn remove(&mut self, number: u64) {
        self.spans.retain(|span| span.number != number);
    }
}
