//! A witness (C2SP tlog-witness): remembers, of each log it watches, the longest tree that it saw,
//! and cosigns a checkpoint only if it is proven that nothing of that tree was changed.
//!
//! The core has no file, no clock and no socket: whoever serves it hands it the body of a request,
//! the time, and a way to keep the checkpoint. [`folder`] keeps it in files.

pub mod folder;
mod log_list;

use std::collections::BTreeMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::Checkpoint;
use crate::cosign::{CosignError, WitnessKey, WitnessSigner};
use crate::merkle::{Hash, empty_root, is_consistent, sha256};
use crate::note::{NOTE_BYTES_MAX, PublicKey, SignedNote, hex};
pub use log_list::{LogListError, parse_log_list};

/// The longest body of a request that is read.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 4_096;
/// Hashes in a request, as the protocol has it.
pub const PROOF_LINES_MAX: usize = 63;
/// What a body of [`Refusal::Conflict`] is.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("a request is `old <size>`, up to 63 hashes, an empty line and a checkpoint")]
    Malformed,
    #[error("the old size, {old}, is larger than the checkpoint's, {size}")]
    OldSize { old: u64, size: u64 },
    #[error("this witness does not watch the log `{0}`")]
    UnknownLog(String),
    #[error("the checkpoint is not signed by a key that this witness knows of its log")]
    NotSigned,
    #[error("the last checkpoint that was cosigned has size {0}; begin the proof there")]
    Conflict(u64),
    #[error("it is not proven that the last cosigned tree is the beginning of this one")]
    Inconsistent,
    #[error("the checkpoint could not be kept, and was not cosigned")]
    NotKept(#[source] io::Error),
}

impl Refusal {
    /// The status code of HTTP.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed | Self::OldSize { .. } => 400,
            Self::NotSigned => 403,
            Self::UnknownLog(_) => 404,
            Self::Conflict(_) => 409,
            Self::Inconsistent => 422,
            Self::NotKept(_) => 500,
        }
    }
}

/// A body for `add-checkpoint`, to be sent to each witness of a log. `proof` shows that the tree of
/// `old` leaves is the beginning of the one in `note` ([`crate::prove::extension`]).
pub fn request_body(old: u64, proof: &[Hash], note: &str) -> String {
    let mut body = format!("old {old}\n");
    for hash in proof {
        body.push_str(&STANDARD.encode(hash));
        body.push('\n');
    }
    body.push('\n');
    body.push_str(note);
    body
}

struct Request<'a> {
    old: u64,
    proof: Vec<Hash>,
    note: SignedNote<'a>,
    checkpoint: Checkpoint,
}

impl<'a> Request<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let body = str::from_utf8(body).ok().filter(|body| body.len() <= REQUEST_BYTES_MAX)?;
        let (first, mut rest) = body.split_once('\n')?;
        let digits = first.strip_prefix("old ")?;
        let old: u64 = digits.parse().ok()?;
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            if line.is_empty() {
                break;
            }
            if proof.len() == PROOF_LINES_MAX {
                return None;
            }
            proof.push(STANDARD.decode(line).ok()?.try_into().ok()?);
        }
        let note = SignedNote::parse(rest).ok()?;
        let checkpoint = Checkpoint::parse(note.text)?;
        (old.to_string() == digits).then_some(Self { old, proof, note, checkpoint })
    }
}

/// The longest tree of a log that was seen, as its cosigned note.
#[derive(Debug, Clone)]
struct Last {
    size: u64,
    root: Hash,
    time: u64,
    note: String,
}

#[derive(Debug)]
struct Watched {
    keys: Vec<PublicKey>,
    last: Option<Last>,
}

#[derive(Debug)]
pub struct Witness {
    signer: WitnessSigner,
    logs: BTreeMap<String, Watched>,
}

impl Witness {
    pub fn new(signer: WitnessSigner) -> Self {
        Self { signer, logs: BTreeMap::new() }
    }

    pub fn key(&self) -> &WitnessKey {
        self.signer.public()
    }

    /// Watches a log: its checkpoints are accepted if `key` signed them. A log may have several keys,
    /// for instance while it changes from one to another.
    pub fn watch(&mut self, origin: &str, key: PublicKey) {
        let log = self.logs.entry(origin.to_owned());
        let log = log.or_insert_with(|| Watched { keys: Vec::new(), last: None });
        if !log.keys.contains(&key) {
            log.keys.push(key);
        }
    }

    /// The origins that are watched, and the size of the last tree that was cosigned.
    pub fn logs(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        self.logs.iter().map(|(origin, log)| (&**origin, log.last.as_ref().map(|last| last.size)))
    }

    /// Takes up a note that was kept. What this witness did not cosign itself is refused: it would
    /// cosign on from a tree that nobody checked.
    pub fn restore(&mut self, kept: &str) -> Result<(), CosignError> {
        let note = SignedNote::parse(kept)?;
        let checkpoint = Checkpoint::parse(note.text).ok_or(CosignError::NotACheckpoint)?;
        let time = self.key().cosigned(&note)?.ok_or(CosignError::NoKnownWitness)?;
        let Checkpoint { origin, size, root } = checkpoint;
        let log = self.logs.entry(origin);
        // A log that is not watched any more may be again; its tree must not be forgotten.
        let log = log.or_insert_with(|| Watched { keys: Vec::new(), last: None });
        log.last = Some(Last { size, root, time, note: kept.to_owned() });
        Ok(())
    }

    /// Answers an `add-checkpoint` with signature lines. `now` is in seconds since 1970.
    ///
    /// `keep` must make the cosigned note durable, in place of the log's last one, before it returns:
    /// what is answered and then forgotten could be contradicted.
    pub fn add_checkpoint(
        &mut self,
        body: &[u8],
        now: u64,
        keep: impl FnOnce(&str, &str) -> io::Result<()>,
    ) -> Result<String, Refusal> {
        let request = Request::parse(body).ok_or(Refusal::Malformed)?;
        let Request { old, proof, note, checkpoint } = request;
        let Checkpoint { origin, size, root } = checkpoint;
        let log = self.logs.get_mut(&origin).filter(|log| !log.keys.is_empty());
        let Some(log) = log else { return Err(Refusal::UnknownLog(origin)) };
        let log_lines = signed_by(&note, &log.keys).ok_or(Refusal::NotSigned)?;
        if old > size {
            return Err(Refusal::OldSize { old, size });
        }
        let last = log.last.as_ref().map_or((0, empty_root()), |last| (last.size, last.root));
        if old != last.0 {
            return Err(Refusal::Conflict(last.0));
        }
        let is_proven = is_consistent(last, (size, root), &proof);
        if !is_proven || (size == 0 && root != empty_root()) {
            return Err(Refusal::Inconsistent);
        }
        // A clock that went back must not make a longer tree look older than a shorter one.
        let time = now.max(log.last.as_ref().map_or(1, |last| last.time)).min(i64::MAX as u64);
        let line = self.signer.cosign(note.text, time);
        let kept = format!("{}\n{log_lines}{line}", note.text);
        keep(&origin, &kept).map_err(Refusal::NotKept)?;
        log.last = Some(Last { size, root, time, note: kept });
        Ok(line)
    }

    /// The last cosigned note of the log whose origin has this SHA-256, in lower-case hexadecimal.
    pub fn checkpoint(&self, origin_hash: &str) -> Option<&str> {
        let is_asked = |origin: &str| hex(&sha256(&[origin.as_bytes()])) == origin_hash;
        let (_, log) = self.logs.iter().find(|(origin, _)| is_asked(origin))?;
        log.last.as_ref().map(|last| &*last.note)
    }
}

/// The signature lines of the log's keys; `None` if there is none, or one that does not fit.
fn signed_by(note: &SignedNote<'_>, keys: &[PublicKey]) -> Option<String> {
    let mut lines = String::new();
    for key in keys {
        if key.has_signed(note).ok()? {
            note.signatures_of(key.name(), key.id())
                .take(1)
                .for_each(|signature| lines.push_str(signature.line));
        }
    }
    (!lines.is_empty()).then_some(lines)
}

#[cfg(test)]
mod tests;
