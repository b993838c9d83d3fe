//! The rows of all segments in one order, cut into chunks that can be answered apart.

use countersign_trace::collect::RowKey;

use crate::folder::RunError;
use crate::segment::{Part, Segment};

/// About so many sparse-index entries (of 512 rows each) make a chunk.
const ENTRIES_PER_CHUNK: usize = 8;

/// Rows with keys in `[from, to)`; no event's deliveries are split over two chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    from: Option<RowKey>,
    to: Option<RowKey>,
}

/// Cuts the order of all rows into chunks of similar size.
pub fn chunks(segments: &[Segment]) -> Vec<Chunk> {
    let mut samples: Vec<RowKey> = segments.iter().flat_map(Segment::samples).collect();
    samples.sort_unstable();
    // A boundary is the beginning of an event, whatever its content.
    let mut bounds: Vec<Option<RowKey>> = samples
        .iter()
        .skip(ENTRIES_PER_CHUNK)
        .step_by(ENTRIES_PER_CHUNK)
        .map(|key| Some(RowKey { content: 0, ..*key }))
        .collect();
    bounds.dedup();
    let starts = std::iter::once(None).chain(bounds.iter().copied());
    let ends = bounds.iter().copied().chain(std::iter::once(None));
    starts.zip(ends).map(|(from, to)| Chunk { from, to }).collect()
}

/// The rows of one chunk, one part a segment.
#[derive(Debug)]
pub struct ChunkBytes {
    chunk: Chunk,
    parts: Vec<Part>,
}

/// One row, and the number of the segment whose dictionary reads it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub key: RowKey,
    pub segment: usize,
    pub bytes: &'a [u8],
}

impl Chunk {
    /// # Errors
    /// Any error of the file system.
    pub fn read(self, segments: &[Segment]) -> Result<ChunkBytes, RunError> {
        let parts = segments.iter().map(|segment| segment.read(self.from, self.to));
        Ok(ChunkBytes { chunk: self, parts: parts.collect::<Result<_, _>>()? })
    }
}

impl ChunkBytes {
    /// All rows of the chunk in order.
    pub fn rows<'a>(&'a self, segments: &'a [Segment]) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        for (number, (segment, part)) in segments.iter().zip(&self.parts).enumerate() {
            let inside = segment
                .rows(part)
                .skip_while(|(key, _)| self.chunk.from.is_some_and(|from| *key < from))
                .take_while(|(key, _)| self.chunk.to.is_none_or(|to| *key < to));
            rows.extend(inside.map(|(key, bytes)| Row { key, segment: number, bytes }));
        }
        // Segments are sorted runs, which a stable merge sort finds and joins.
        rows.sort_by_key(|row| row.key);
        rows
    }
}
