//! Proofs that an entry, or a row of a batch, is in a ledger (C2SP tlog-proof): one text that can
//! be checked with the public key and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::entry::{Batch, Entry};
use crate::merkle::{Hash, PROOF_HASHES_MAX, leaf_hash, root_from_inclusion};
use crate::note::{NOTE_BYTES_MAX, PublicKey};

/// What a tlog-proof begins with.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error(
        "not a proof: `c2sp.org/tlog-proof@v1`, an index, hashes, an empty line and a \
             checkpoint are expected"
    )]
    Malformed,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the proof does not lead to the signed root")]
    NotIncluded,
    #[error("the row is not in the batch that the proof is of")]
    NotInBatch,
}

/// A proof, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Of the entry in the tree.
    pub index: u64,
    pub path: Vec<Hash>,
    /// Of the row in the entry's batch.
    pub row: Option<RowProof>,
    /// A signed note.
    pub checkpoint: String,
}

/// How a row is part of a batch; it is in the proof's `extra` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProof {
    pub batch: Batch,
    /// Position in the batch.
    pub index: u16,
    pub path: Vec<Hash>,
}

/// Checks that `leaf`, an entry or, if the proof says so, a row, is in the tree that `key` signed.
pub fn check(proof: &str, key: &PublicKey, leaf: &[u8]) -> Result<Checkpoint, ProofError> {
    let Proof { index, path, row, checkpoint } = Proof::parse(proof)?;
    let checkpoint = Checkpoint::open(&checkpoint, key)?;
    let hash = match row {
        None => leaf_hash(leaf),
        Some(row) => row.batch_hash(leaf).ok_or(ProofError::NotInBatch)?,
    };
    if root_from_inclusion(index, checkpoint.size, hash, &path) != Some(checkpoint.root) {
        return Err(ProofError::NotIncluded);
    }
    Ok(checkpoint)
}

impl Proof {
    pub fn to_text(&self) -> String {
        let mut lines = vec![HEADER.to_owned()];
        if let Some(row) = &self.row {
            lines.push(format!("extra {}", STANDARD.encode(row.encode())));
        }
        lines.push(format!("index {}", self.index));
        lines.extend(self.path.iter().map(|hash| STANDARD.encode(hash)));
        format!("{}\n\n{}", lines.join("\n"), self.checkpoint)
    }

    pub fn parse(text: &str) -> Result<Self, ProofError> {
        Self::parse_lines(text).ok_or(ProofError::Malformed)
    }

    fn parse_lines(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        if checkpoint.len() > NOTE_BYTES_MAX {
            return None;
        }
        let mut lines = head.split('\n').peekable();
        if lines.next()? != HEADER {
            return None;
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let row = match extra.and_then(|line| line.strip_prefix("extra ")) {
            None => None,
            Some(extra) => Some(RowProof::decode(&STANDARD.decode(extra).ok()?)?),
        };
        let digits = lines.next()?.strip_prefix("index ")?;
        let index: u64 = digits.parse().ok()?;
        let hash = |line: &str| -> Option<Hash> { STANDARD.decode(line).ok()?.try_into().ok() };
        let path: Vec<Hash> = lines.take(PROOF_HASHES_MAX).map(hash).collect::<Option<_>>()?;
        let is_canonical = index.to_string() == digits && path.len() < PROOF_HASHES_MAX;
        let checkpoint = checkpoint.to_owned();
        is_canonical.then_some(Self { index, path, row, checkpoint })
    }
}

impl RowProof {
    /// The leaf hash of the batch's entry, if the row is in the batch.
    pub(crate) fn batch_hash(&self, row: &[u8]) -> Option<Hash> {
        let (index, count) = (u64::from(self.index), u64::from(self.batch.count));
        let root = root_from_inclusion(index, count, leaf_hash(row), &self.path);
        (root == Some(self.batch.root)).then(|| leaf_hash(&batch_leaf(&self.batch)))
    }

    /// `csr1`, position (2 bytes), length of the batch entry (2 bytes), the batch entry, hashes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let leaf = batch_leaf(&self.batch);
        let mut bytes = b"csr1".to_vec();
        bytes.extend_from_slice(&self.index.to_be_bytes());
        bytes.extend_from_slice(&(leaf.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&leaf);
        bytes.extend(self.path.iter().flatten());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (index, rest) = bytes.strip_prefix(b"csr1")?.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let Ok(Entry::Batch(batch)) = Entry::decode(leaf) else { return None };
        let (path, rest) = rest.as_chunks::<32>();
        let is_whole = rest.is_empty() && path.len() < PROOF_HASHES_MAX;
        let index = u16::from_be_bytes(*index);
        is_whole.then(|| Self { batch, index, path: path.to_vec() })
    }
}

fn batch_leaf(batch: &Batch) -> Vec<u8> {
    let mut leaf = Vec::new();
    batch.encode_into(&mut leaf);
    leaf
}
