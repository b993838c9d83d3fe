//! What a ledger is held against: a checkpoint that was kept elsewhere, and what witnesses cosigned.

use super::{Against, COSIGNED, Cosigned, SplitView, VerifyError, in_file};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::disk::Disk;
use crate::log::CHECKPOINT;
use crate::note::{NOTE_BYTES_MAX, SignedNote};
use crate::policy::{Policy, Quorum};
use crate::rotation::Chain;

/// A checkpoint whose tree must be the beginning of the ledger's.
#[derive(Debug)]
pub(super) struct Anchor {
    pub checkpoint: Checkpoint,
    note: String,
    is_given: bool,
}

impl Anchor {
    pub fn size_if_given(&self) -> Option<u64> {
        self.is_given.then_some(self.checkpoint.size)
    }

    /// Both notes, which the log signed and which contradict each other.
    pub fn split_view(&self, file: &str, what: String, later: String) -> Box<SplitView> {
        let file = if self.is_given { file } else { COSIGNED };
        Box::new(SplitView { file: file.to_owned(), what, earlier: self.note.clone(), later })
    }
}

/// In ascending order of size.
pub(super) fn anchors(
    disk: &dyn Disk,
    note: &str,
    checkpoint: &Checkpoint,
    chain: &Chain,
    against: &Against<'_>,
) -> Result<(Vec<Anchor>, Option<Cosigned>), VerifyError> {
    let mut anchors = Vec::new();
    if let Some(given) = against.earlier {
        let checkpoint = open(given, chain).map_err(VerifyError::Earlier)?;
        anchors.push(Anchor { checkpoint, note: given.to_owned(), is_given: true });
    }
    if let Some(kept) = read_cosigned(disk)? {
        let of_file = |error: CheckpointError| in_file(COSIGNED, None, &error.to_string());
        let checkpoint = open(&kept, chain).map_err(of_file)?;
        anchors.push(Anchor { checkpoint, note: kept, is_given: false });
    }
    let cosigned = match against.policy {
        None => None,
        Some(policy) => {
            let kept = anchors.iter().find(|anchor| !anchor.is_given);
            let kept = kept.map(|anchor| (COSIGNED, anchor.checkpoint.size, &*anchor.note));
            Some(judge(policy, [Some((CHECKPOINT, checkpoint.size, note)), kept])?)
        }
    };
    anchors.sort_by_key(|anchor| anchor.checkpoint.size);
    Ok((anchors, cosigned))
}

/// The largest checkpoint that enough witnesses cosigned.
fn judge(policy: &Policy, notes: [Option<(&str, u64, &str)>; 2]) -> Result<Cosigned, VerifyError> {
    let mut best: Option<Cosigned> = None;
    let mut nearest: Option<Quorum> = None;
    for (file, size, note) in notes.into_iter().flatten() {
        let parsed =
            SignedNote::parse(note).map_err(|error| in_file(file, None, &error.to_string()))?;
        let quorum =
            policy.judge(&parsed).map_err(|error| in_file(file, None, &error.to_string()))?;
        if quorum.is_met {
            if best.as_ref().is_none_or(|best| best.size < size) {
                best = Some(Cosigned { size, quorum });
            }
        } else if nearest.as_ref().is_none_or(|other| other.cosigned.len() < quorum.cosigned.len())
        {
            nearest = Some(quorum);
        }
    }
    match (best, nearest) {
        (Some(best), _) => Ok(best),
        (None, Some(nearest)) => Err(VerifyError::NotCosigned(nearest)),
        (None, None) => Err(in_file(CHECKPOINT, None, "there is no checkpoint").into()),
    }
}

pub(crate) fn read_cosigned(disk: &dyn Disk) -> Result<Option<String>, VerifyError> {
    let bytes = match disk.read(COSIGNED, NOTE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(source) => return Err(VerifyError::Read { file: COSIGNED.to_owned(), source }),
    };
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Signed by any key that the log has had: what a retired key signed is evidence too.
pub(crate) fn open(note: &str, chain: &Chain) -> Result<Checkpoint, CheckpointError> {
    let mut first_error = None;
    for key in chain.keys() {
        match Checkpoint::open(note, key) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(CheckpointError::Malformed))
}
