//! Reading side: rows to be answered, and the claims to answer them from.

use countersign_model::event::{Event, EventKind};

use crate::claims::Claims;
use crate::codec::{self, Dictionary, Place};
use crate::directory::Directory;
use crate::hash::{Secret, event_hash};

/// What one reader gathers. Two readers' results are joined in any order.
#[derive(Debug)]
pub struct Collector {
    pub claims: Claims,
    pub rows: Rows,
}

impl Collector {
    pub fn new(secret: Secret) -> Self {
        Self { claims: Claims::new(secret), rows: Rows::default() }
    }

    pub fn observe(&mut self, event: &Event<'_>, place: Place, directory: &Directory<'_>) {
        self.claims.observe(event, directory);
        if is_answered(event) {
            self.rows.push(event, place, directory);
        }
    }
}

/// Whether an event is an action that somebody must stand behind, rather than only the proof of
/// one. Signing in and being given a token are proofs, unless the source calls them privileged.
pub fn is_answered(event: &Event<'_>) -> bool {
    let proof = matches!(event.kind, EventKind::Authentication | EventKind::TokenIssue);
    !proof || event.privileged
}

/// Where a row stands in every output: by time, then by event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    pub time: i64,
    pub event: u128,
    pub content: u64,
}

/// Encoded events with their keys, to be sorted.
#[derive(Debug, Default)]
pub struct Rows {
    pub dictionary: Dictionary,
    /// Blocks, because one growing vector would be copied again and again.
    blocks: Vec<Vec<u8>>,
    keys: Vec<(RowKey, Span)>,
    bytes: usize,
}

/// Where a row's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    block: u32,
    from: u32,
    length: u32,
}

/// A block is full when it holds so much; the last row of it may be longer.
const BLOCK_BYTES: usize = 1 << 20;

impl Rows {
    pub fn push(&mut self, event: &Event<'_>, place: Place, directory: &Directory<'_>) {
        let tenant = directory.tenant(event.source, &event.tenant);
        // The same action logged to several accounts must come together, so it goes by the id
        // they share.
        let hash = match &event.shared_id {
            Some(shared) => event_hash(event.source, "", shared),
            None => event_hash(event.source, tenant, &event.id),
        };
        let key = RowKey { time: event.time.0, event: hash, content: event.content };
        if self.blocks.last().is_none_or(|block| block.len() >= BLOCK_BYTES) {
            self.blocks.push(Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 16));
        }
        let block = (self.blocks.len() - 1) as u32;
        let Some(bytes) = self.blocks.last_mut() else { return };
        let from = bytes.len();
        codec::encode(event, place, &mut self.dictionary, bytes);
        let length = bytes.len() - from;
        self.bytes += length;
        let number = |bytes| u32::try_from(bytes).expect("a record is far below 4 GiB");
        self.keys.push((key, Span { block, from: number(from), length: number(length) }));
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.bytes + self.keys.len() * size_of::<(RowKey, Span)>()
    }

    /// The keys in their present order.
    pub fn keys(&self) -> impl Iterator<Item = RowKey> {
        self.keys.iter().map(|(key, ..)| *key)
    }

    /// Of sorted rows, how many stand before `key`.
    pub fn place(&self, key: RowKey) -> usize {
        self.keys.partition_point(|(own, ..)| *own < key)
    }

    pub fn sort(&mut self) {
        self.keys.sort_unstable();
    }

    /// Rows in their present order.
    pub fn iter(&self) -> impl Iterator<Item = (RowKey, &[u8])> {
        self.range(0..self.keys.len())
    }

    /// Some of the rows in their present order.
    pub fn range(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = (RowKey, &[u8])> {
        self.keys.get(range).unwrap_or(&[]).iter().map(|(key, span)| {
            let (from, to) = (span.from as usize, span.from as usize + span.length as usize);
            let block = self.blocks.get(span.block as usize);
            (*key, block.and_then(|block| block.get(from..to)).unwrap_or(&[]))
        })
    }
}
