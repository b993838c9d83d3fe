//! Personal data sealed by person. The ledger holds a commitment to a body, and nobody can learn the
//! body from it without its salt. Body and salt are kept elsewhere, sealed under a random key of the
//! person they are about (the *subject's key*), which is kept wrapped under the master key. When the
//! wrapped key is destroyed, nobody can open the bodies or show the commitments, wherever copies of
//! the sealed bodies may lie, and every proof of the ledger still holds.
//!
//! Wrapped keys therefore belong where deletion is real: in the state database with its short cycle
//! of backups, never in storage that keeps versions or is locked.
//!
//! All randomness is brought by the caller: keys, salts and nonces of the operating system's, each
//! used once.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::handles::{Commitment, Handle, Salt};
use crate::merkle::sha256;

/// Bytes of a wrapped key.
pub const WRAPPED_BYTES: usize = WRAPPED_MAGIC.len() + 8 + NONCE_LEN + 32 + MAX_TAG_LEN;
/// The longest body that is sealed.
pub const BODY_BYTES_MAX: usize = 16 << 20;

const WRAPPED_MAGIC: &[u8; 4] = b"csk1";
const SEALED_MAGIC: &[u8; 4] = b"css1";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("not a wrapped key of Countersign, version 1")]
    NotWrapped,
    #[error("the key was wrapped under another master key")]
    OtherMaster,
    #[error("not a sealed body of Countersign, version 1")]
    NotSealed,
    #[error("the body does not open: another key, another commitment, or it was changed")]
    DoesNotOpen,
    #[error("a body of {0} bytes; up to 16777216 are sealed")]
    TooLong(usize),
}

/// Wraps the keys of subjects, and key files ([`crate::wrapped`]). One for an instance, kept elsewhere.
pub struct MasterKey {
    id: [u8; 8],
    key: LessSafeKey,
    /// Draws nonces from what is sealed.
    nonces: hmac::Key,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, secret)", crate::note::hex(&self.id))
    }
}

impl MasterKey {
    /// Of 32 random bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        let hash = sha256(&[b"cs/kek/v1", key]);
        let (id, _) = hash.split_first_chunk().expect("8 of 32 bytes");
        let nonces = Zeroizing::new(sha256(&[b"cs/kek-nonces/v1", key]));
        Self {
            id: *id,
            key: aes(key),
            nonces: hmac::Key::new(hmac::HMAC_SHA256, nonces.as_slice()),
        }
    }

    pub(crate) fn nonce_for(&self, content: &[u8]) -> [u8; NONCE_LEN] {
        let tag = hmac::sign(&self.nonces, content);
        *tag.as_ref().first_chunk().expect("12 of 32 bytes")
    }

    /// Seals `content` in place and gives its tag. The nonce is one that [`Self::nonce_for`] drew.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_LEN], bound: &[u8], content: &mut [u8]) -> Vec<u8> {
        seal_in_place(&self.key, nonce, bound, content)
    }

    /// Of nonce, sealed bytes and tag.
    pub(crate) fn open(&self, bound: &[u8], rest: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(&self.key, bound, rest)
    }

    /// Tells master keys apart without showing them.
    pub fn id(&self) -> [u8; 8] {
        self.id
    }
}

/// Seals what is about one person.
pub struct SubjectKey {
    bytes: Zeroizing<[u8; 32]>,
    key: LessSafeKey,
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(secret)")
    }
}

/// A body, sealed, and what the ledger says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub commitment: Commitment,
    /// To be kept with the commitment; opens only with both.
    pub bytes: Vec<u8>,
}

/// A body as it was committed to. The salt proves to others that it is: `salt.commit(body)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub salt: Salt,
    pub body: Vec<u8>,
}

impl SubjectKey {
    /// Of 32 random bytes, derived from nothing: what is derived can be derived again.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { bytes: Zeroizing::new(*key), key: aes(key) }
    }

    /// The key as it may be stored: of this subject, under this master key.
    pub fn wrap(&self, master: &MasterKey, subject: Handle, nonce: [u8; 12]) -> Vec<u8> {
        let mut key = self.bytes.to_vec();
        let tag = seal_in_place(&master.key, nonce, &wrapping(master, subject), &mut key);
        [&WRAPPED_MAGIC[..], &master.id, &nonce, &key, &tag].concat()
    }

    pub fn unwrap(master: &MasterKey, subject: Handle, wrapped: &[u8]) -> Result<Self, SealError> {
        let rest = wrapped.strip_prefix(WRAPPED_MAGIC).ok_or(SealError::NotWrapped)?;
        if wrapped.len() != WRAPPED_BYTES {
            return Err(SealError::NotWrapped);
        }
        let (id, rest) = rest.split_first_chunk::<8>().ok_or(SealError::NotWrapped)?;
        if *id != master.id {
            return Err(SealError::OtherMaster);
        }
        let key = open(&master.key, &wrapping(master, subject), rest)?;
        let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| SealError::NotWrapped)?;
        Ok(Self::new(key))
    }

    /// Seals `body` and commits to it. `salt` is 32 random bytes that nobody else learns; it is sealed
    /// with the body and lost with it.
    ///
    /// A nonce must not come twice under one key; random ones may be used 2^32 times.
    pub fn seal(&self, body: &[u8], salt: Salt, nonce: [u8; 12]) -> Result<Sealed, SealError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(SealError::TooLong(body.len()));
        }
        let commitment = salt.commit(body);
        Ok(Sealed { commitment, bytes: self.seal_as(commitment, body, salt, nonce) })
    }

    fn seal_as(&self, commitment: Commitment, body: &[u8], salt: Salt, nonce: [u8; 12]) -> Vec<u8> {
        let mut content = [&salt.as_bytes()[..], body].concat();
        let tag = seal_in_place(&self.key, nonce, &sealing(commitment), &mut content);
        [&SEALED_MAGIC[..], &nonce, &content, &tag].concat()
    }

    /// The body of a commitment. That it is the one that was committed to is checked.
    pub fn open(&self, sealed: &[u8], commitment: Commitment) -> Result<Opened, SealError> {
        let rest = sealed.strip_prefix(SEALED_MAGIC).ok_or(SealError::NotSealed)?;
        let content = open(&self.key, &sealing(commitment), rest)?;
        let (salt, body) = content.split_first_chunk().ok_or(SealError::NotSealed)?;
        let salt = Salt::from_bytes(*salt);
        if salt.commit(body) != commitment {
            return Err(SealError::DoesNotOpen);
        }
        Ok(Opened { salt, body: body.to_vec() })
    }
}

/// What a wrapped key is bound to: it opens for no other subject.
fn wrapping(master: &MasterKey, subject: Handle) -> Vec<u8> {
    [&b"cs/dek/v1"[..], &master.id, &subject.0].concat()
}

/// What a sealed body is bound to: it opens for no other leaf.
fn sealing(commitment: Commitment) -> Vec<u8> {
    [&b"cs/sealed/v1"[..], &commitment.0].concat()
}

fn aes(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes"))
}

fn seal_in_place(key: &LessSafeKey, nonce: [u8; 12], bound: &[u8], content: &mut [u8]) -> Vec<u8> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(bound), content);
    tag.expect("far shorter than AES-GCM can seal").as_ref().to_vec()
}

/// Of nonce, sealed bytes and tag.
fn open(key: &LessSafeKey, bound: &[u8], rest: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, sealed) = rest.split_first_chunk().ok_or(SealError::NotSealed)?;
    let mut content = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key
        .open_in_place(nonce, Aad::from(bound), &mut content)
        .map_err(|_| SealError::DoesNotOpen)?
        .len();
    content.truncate(length);
    Ok(content)
}

#[cfg(test)]
mod tests;
