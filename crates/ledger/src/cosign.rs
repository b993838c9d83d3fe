//! Cosignatures (C2SP tlog-cosignature v1, Ed25519): what a witness says about a checkpoint. "At
//! this time, this was the longest tree of this log that I had seen, and each shorter one that I saw
//! is its beginning."

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use crate::checkpoint::Checkpoint;
use crate::note::{
    NOTE_BYTES_MAX, NoteError, SIGNATURES_MAX, SignedNote, encode_key, hex, key_id, sign,
    signature_line, signature_lines, split_key, verify,
};

const COSIGNATURE_TYPE: u8 = 4;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    #[error("a witness's key has the form `name+8 hex digits+base64` and is of type 4, Ed25519")]
    WitnessKey,
    #[error("a witness's private key has the form `PRIVATE+KEY+name+8 hex digits+base64`")]
    PrivateKey,
    #[error("the cosignature of `{0}` does not fit the checkpoint")]
    BadCosignature(String),
    #[error("a cosigned text is a checkpoint: lines for origin, decimal size and base64 root")]
    NotACheckpoint,
    #[error("none of the cosignatures is of a witness that was given")]
    NoKnownWitness,
    #[error("a note with so many signatures would be longer than anybody reads")]
    TooLong,
    #[error("the cosigned checkpoint could not be read or written: {0}")]
    Io(std::io::ErrorKind),
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Verifies the cosignatures of one witness. Its text form is `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

impl WitnessKey {
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, NoteError> {
        let id = key_id(name, COSIGNATURE_TYPE, &key)?;
        Ok(Self { name: name.to_owned(), id, key })
    }

    pub fn parse(text: &str) -> Result<Self, CosignError> {
        let parts = split_key(text.trim(), COSIGNATURE_TYPE).ok_or(CosignError::WitnessKey)?;
        let (name, id, key) = parts;
        let parsed = Self::new(name, key)?;
        if hex(&parsed.id) == id { Ok(parsed) } else { Err(CosignError::WitnessKey) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bare Ed25519 key. Two names of one key are one witness.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// When this witness cosigned the note, in seconds since 1970; `None` if it did not. An error if
    /// the note has a cosignature of its name and id that does not fit.
    pub fn cosigned(&self, note: &SignedNote<'_>) -> Result<Option<u64>, CosignError> {
        let mut latest = None;
        for signature in note.signatures_of(&self.name, self.id) {
            let time = self
                .time_of(note.text, &signature.bytes)
                .ok_or_else(|| CosignError::BadCosignature(self.name.clone()))?;
            latest = latest.max(Some(time));
        }
        Ok(latest)
    }

    /// The time of a cosignature that fits the text.
    fn time_of(&self, text: &str, bytes: &[u8]) -> Option<u64> {
        let (time, signature) = bytes.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        // A zero says that no time is claimed, which a cosignature of a whole tree must do.
        if time == 0 || i64::try_from(time).is_err() {
            return None;
        }
        verify(&self.key, message(time, text).as_bytes(), signature)?;
        Some(time)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, hex(&self.id), encode_key(COSIGNATURE_TYPE, &self.key))
    }
}

/// Cosigns. It has no text form but the one [`WitnessSigner::to_private_text`] makes for its file.
pub struct WitnessSigner {
    public: WitnessKey,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl fmt::Debug for WitnessSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessSigner({}, secret)", self.public)
    }
}

impl WitnessSigner {
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, CosignError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| CosignError::PrivateKey)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| CosignError::PrivateKey)?;
        Ok(Self { public: WitnessKey::new(name, key)?, seed, pair })
    }

    pub fn parse(text: &str) -> Result<Self, CosignError> {
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(CosignError::PrivateKey)?;
        let parts = split_key(rest, COSIGNATURE_TYPE).ok_or(CosignError::PrivateKey)?;
        let (name, id, seed) = parts;
        let key = Self::from_seed(name, seed)?;
        if hex(&key.public.id) == id { Ok(key) } else { Err(CosignError::PrivateKey) }
    }

    pub fn public(&self) -> &WitnessKey {
        &self.public
    }

    /// The signature line over a checkpoint's text. `time` is in seconds since 1970, from 1 to
    /// 2^63 - 1.
    pub(crate) fn cosign(&self, text: &str, time: u64) -> String {
        let signature = sign(&self.pair, message(time, text).as_bytes());
        let bytes = [&time.to_be_bytes()[..], &signature].concat();
        signature_line(&self.public.name, self.public.id, &bytes)
    }

    /// For the key file, and for nothing else.
    pub(crate) fn to_private_text(&self) -> String {
        let WitnessKey { name, id, .. } = &self.public;
        let seed = encode_key(COSIGNATURE_TYPE, &self.seed);
        format!("PRIVATE+KEY+{name}+{}+{seed}\n", hex(id))
    }
}

/// A checkpoint's note with the cosignatures that a witness answered with, for a log to publish.
///
/// Lines of keys other than `witnesses` are left out, and of each witness only the latest
/// cosignature is kept. A line of a known witness that does not fit the checkpoint is an error.
pub fn merge(note: &str, lines: &str, witnesses: &[WitnessKey]) -> Result<String, CosignError> {
    let parsed = SignedNote::parse(note)?;
    Checkpoint::parse(parsed.text).ok_or(CosignError::NotACheckpoint)?;
    let new = SignedNote { text: parsed.text, signatures: signature_lines(lines)? };
    let mut replaced = Vec::new();
    let mut added = String::new();
    for witness in witnesses {
        let old = witness.cosigned(&parsed)?;
        let Some(time) = witness.cosigned(&new)? else { continue };
        if old.is_some_and(|old| old >= time) {
            replaced.push((witness, false));
            continue;
        }
        let of_witness = new.signatures_of(&witness.name, witness.id);
        let latest = of_witness
            .filter(|signature| signature.bytes.starts_with(&time.to_be_bytes()))
            .last()
            .expect("the time is that of one of them");
        added.push_str(latest.line);
        replaced.push((witness, true));
    }
    if replaced.is_empty() {
        return Err(CosignError::NoKnownWitness);
    }
    let is_replaced = |name: &str, id: [u8; 4]| {
        replaced.iter().any(|(witness, is_new)| *is_new && witness.name == name && witness.id == id)
    };
    let kept = parsed.signatures.iter().filter(|kept| !is_replaced(kept.name, kept.id));
    let kept: String = kept.map(|signature| signature.line).collect();
    let merged = format!("{}\n{kept}{added}", parsed.text);
    let count = merged.lines().rev().take_while(|line| !line.is_empty()).count();
    if merged.len() > NOTE_BYTES_MAX || count > SIGNATURES_MAX {
        return Err(CosignError::TooLong);
    }
    Ok(merged)
}

fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests;
