//! A bundle for offline proof: entries and rows, their proofs, the checkpoint and its cosignatures in
//! one text, which the first public key checks without the ledger. `docs/ledger-format.md` has its
//! form.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosign::CosignError;
use crate::disk::Folder;
use crate::entry::{ENTRY_BYTES_MAX, Entry};
use crate::handles::Handle;
use crate::merkle::{Hash, PROOF_HASHES_MAX, leaf_hash, root_from_inclusion};
use crate::note::{NOTE_BYTES_MAX, NoteError, PublicKey, SignedNote};
use crate::policy::{Policy, Quorum};
use crate::proof::{self, Proof, ProofError, RowProof};
use crate::prove::{ProveError, Source};
use crate::rotation::{Chain, ChainError};

/// What a bundle begins with.
pub const HEADER: &str = "countersign-bundle/v1";
/// The longest bundle that is read.
pub const OFFLINE_BYTES_MAX: usize = 256 << 20;

/// What to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Entry(u64),
    /// The row of an event, by the event's handle.
    Row(Handle),
    /// The decision with this id.
    Decision([u8; 16]),
}

#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    #[error("not a bundle: `countersign-bundle/v1`, leaves with their proofs, and a checkpoint")]
    Malformed,
    #[error("the bundle, leaf {at}: {source}")]
    Leaf {
        /// Counted from 1.
        at: usize,
        source: LeafError,
    },
    #[error("the checkpoint of the bundle cannot be used: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("the checkpoint of the bundle: {0}")]
    Cosigned(#[from] CosignError),
    #[error(
        "too few witnesses cosigned: {} of those asked for did, {} did not",
        .0.cosigned.len(),
        .0.missing.len()
    )]
    NotCosigned(Quorum),
}

#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What a bundle proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub checkpoint: Checkpoint,
    pub leaves: Vec<Leaf>,
    /// The log's keys, from the first on.
    pub keys: Vec<PublicKey>,
    /// If a policy was given.
    pub quorum: Option<Quorum>,
}

/// A leaf that is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Of the entry in the tree.
    pub index: u64,
    /// Position in the batch, if it is a row.
    pub row: Option<u16>,
    pub bytes: Vec<u8>,
}

/// Makes a bundle of what is wanted from a ledger's folder, and of the entries that changed the key.
pub fn bundle(folder: &Path, wanted: &[Wanted]) -> Result<String, ProveError> {
    let source = Source::open(Folder::new(folder))?;
    let mut found = Vec::new();
    for wanted in wanted {
        found.push(match *wanted {
            Wanted::Entry(index) => (index, None, source.entry(index)?),
            Wanted::Row(event) => {
                let is_it =
                    |entry: &Entry<'_>| matches!(entry, Entry::Row(row) if row.event == event);
                let (index, leaf, row) = source.row(&|_| true, &is_it)?;
                (index, Some(row), leaf)
            }
            Wanted::Decision(id) => {
                let is_it =
                    |entry: &Entry<'_>| matches!(entry, Entry::Decision(one) if one.id == id);
                let (index, leaf, row) = source.row(&|_| true, &is_it)?;
                (index, Some(row), leaf)
            }
        });
    }
    let last = found.iter().map(|(index, ..)| index + 1).max().unwrap_or(0);
    let (checkpoint, note) = source.checkpoint_for(last);
    for index in source.chain.indices().filter(|&index| index < checkpoint.size) {
        found.push((index, None, source.entry(index)?));
    }
    let place = |row: &Option<RowProof>| row.as_ref().map(|row| row.index);
    found.sort_by_key(|(index, row, _)| (*index, place(row)));
    found.dedup_by_key(|(index, row, _)| (*index, place(row)));
    let mut text = format!("{HEADER}\n");
    for (index, row, leaf) in &found {
        text.push_str(&format!("leaf {}\n", STANDARD.encode(leaf)));
        if let Some(row) = row {
            text.push_str(&format!("extra {}\n", STANDARD.encode(row.encode())));
        }
        text.push_str(&format!("index {index}\n"));
        for hash in source.path(*index, checkpoint.size)? {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(note);
    Ok(text)
}

/// Checks a bundle with the first public key, and against a policy if one is given.
pub fn check(
    bundle: &str,
    key: &PublicKey,
    policy: Option<&Policy>,
) -> Result<Checked, OfflineError> {
    let (proofs, note) = parse(bundle).ok_or(OfflineError::Malformed)?;
    let signed = SignedNote::parse(note).map_err(CheckpointError::Note)?;
    let size = Checkpoint::parse(signed.text).ok_or(CheckpointError::Malformed)?.size;
    let mut chain = Chain::new(key.clone());
    for (at, proof) in (1..).zip(&proofs) {
        if let Some(Ok(Entry::KeyRotation(rotation))) =
            proof.row.is_none().then(|| Entry::decode(&proof.leaf))
            && proof.index < size
        {
            let leaf = |source: ChainError| OfflineError::Leaf { at, source: source.into() };
            chain.follow(proof.index, &rotation).map_err(leaf)?;
        }
    }
    let checkpoint = Checkpoint::open(note, chain.key_at(size))?;
    let quorum = judge(policy, &signed)?;
    let mut leaves = Vec::with_capacity(proofs.len());
    for (at, proof) in (1..).zip(proofs) {
        let leaf = |source: ProofError| OfflineError::Leaf { at, source: source.into() };
        proof.check(&checkpoint).map_err(leaf)?;
        let row = proof.row.map(|row| row.index);
        leaves.push(Leaf { index: proof.index, row, bytes: proof.leaf });
    }
    Ok(Checked { checkpoint, leaves, keys: chain.keys().cloned().collect(), quorum })
}

/// Checks a tlog-proof of `leaf`, an entry or a row, with the key that signed its checkpoint, and
/// against a policy if one is given. A proof has no chain of keys: after a rotation that key is not the
/// first one.
pub fn check_proof(
    text: &str,
    leaf: &[u8],
    key: &PublicKey,
    policy: Option<&Policy>,
) -> Result<Checked, OfflineError> {
    let single = |source: ProofError| OfflineError::Leaf { at: 1, source: source.into() };
    let proof = Proof::parse(text).map_err(single)?;
    let checkpoint = proof::check(text, key, leaf).map_err(single)?;
    let note = SignedNote::parse(&proof.checkpoint)?;
    let quorum = judge(policy, &note)?;
    let row = proof.row.map(|row| row.index);
    let leaves = vec![Leaf { index: proof.index, row, bytes: leaf.to_vec() }];
    Ok(Checked { checkpoint, leaves, keys: vec![key.clone()], quorum })
}

fn judge(policy: Option<&Policy>, note: &SignedNote<'_>) -> Result<Option<Quorum>, OfflineError> {
    match policy.map(|policy| policy.judge(note)).transpose()? {
        Some(quorum) if !quorum.is_met => Err(OfflineError::NotCosigned(quorum)),
        other => Ok(other),
    }
}

struct LeafProof {
    leaf: Vec<u8>,
    row: Option<RowProof>,
    index: u64,
    path: Vec<Hash>,
}

impl LeafProof {
    fn check(&self, checkpoint: &Checkpoint) -> Result<(), ProofError> {
        let hash = match &self.row {
            None => leaf_hash(&self.leaf),
            Some(row) => row.batch_hash(&self.leaf).ok_or(ProofError::NotInBatch)?,
        };
        let root = root_from_inclusion(self.index, checkpoint.size, hash, &self.path);
        if root == Some(checkpoint.root) { Ok(()) } else { Err(ProofError::NotIncluded) }
    }
}

/// The proofs, none of them checked, and the note.
fn parse(bundle: &str) -> Option<(Vec<LeafProof>, &str)> {
    if bundle.len() > OFFLINE_BYTES_MAX {
        return None;
    }
    let (head, note) = bundle.split_once("\n\n")?;
    let mut lines = head.split('\n').peekable();
    if lines.next()? != HEADER || note.len() > NOTE_BYTES_MAX {
        return None;
    }
    let mut proofs = Vec::new();
    let mut last = None;
    while let Some(line) = lines.next() {
        let leaf = STANDARD.decode(line.strip_prefix("leaf ")?).ok()?;
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let row = match extra.and_then(|line| line.strip_prefix("extra ")) {
            None => None,
            Some(extra) => Some(RowProof::decode(&STANDARD.decode(extra).ok()?)?),
        };
        let digits = lines.next()?.strip_prefix("index ")?;
        let index: u64 = digits.parse().ok()?;
        let mut path: Vec<Hash> = Vec::new();
        while let Some(hash) = lines.next_if(|line| !line.starts_with("leaf ")) {
            if path.len() == PROOF_HASHES_MAX {
                return None;
            }
            path.push(STANDARD.decode(hash).ok()?.try_into().ok()?);
        }
        let place = Some((index, row.as_ref().map(|row| row.index)));
        // Each leaf once, in order: a chain of keys is followed as it was made.
        let is_next = last < place && index.to_string() == digits;
        if !is_next || leaf.len() > ENTRY_BYTES_MAX {
            return None;
        }
        last = place;
        proofs.push(LeafProof { leaf, row, index, path });
    }
    Some((proofs, note))
}

impl From<NoteError> for OfflineError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.into())
    }
}

#[cfg(test)]
mod tests;
