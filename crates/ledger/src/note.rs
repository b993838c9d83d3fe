//! Signed notes (C2SP signed-note) with Ed25519: a text, a blank line, a line for each signature.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::sha256;

/// The longest note that is read.
pub const NOTE_BYTES_MAX: usize = 65_536;
/// Signature lines that are read; a log and its witnesses need a few.
pub const SIGNATURES_MAX: usize = 64;

/// The types of C2SP signed-note: what the bytes of a key or signature are.
pub(crate) const ED25519_TYPE: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a key name is not empty and has neither spaces nor `+`")]
    Name,
    #[error("a public key has the form `name+8 hex digits+base64` and is of type Ed25519")]
    PublicKey,
    #[error("a private key has the form `PRIVATE+KEY+name+8 hex digits+base64`")]
    PrivateKey,
    #[error("not a signed note: a text, an empty line and lines that begin with `— ` are expected")]
    Malformed,
    #[error("no signature of `{0}`")]
    NotSigned(String),
    #[error("the signature of `{0}` does not fit the text")]
    BadSignature(String),
}

/// Verifies notes. Its text form is `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    id: [u8; 4],
    key: [u8; 32],
}

impl PublicKey {
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, NoteError> {
        let id = key_id(name, ED25519_TYPE, &key)?;
        Ok(Self { name: name.to_owned(), id, key })
    }

    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, id, key) = split_key(text.trim(), ED25519_TYPE).ok_or(NoteError::PublicKey)?;
        let parsed = Self::new(name, key)?;
        if hex(&parsed.id) != id {
            return Err(NoteError::PublicKey);
        }
        Ok(parsed)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bare Ed25519 key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Whether the note has a signature of this key; an error if it has one that does not fit.
    pub fn has_signed(&self, note: &SignedNote<'_>) -> Result<bool, NoteError> {
        let mut is_signed = false;
        for signature in note.signatures_of(&self.name, self.id) {
            verify(&self.key, note.text.as_bytes(), &signature.bytes)
                .ok_or_else(|| NoteError::BadSignature(self.name.clone()))?;
            is_signed = true;
        }
        Ok(is_signed)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, hex(&self.id), encode_key(ED25519_TYPE, &self.key))
    }
}

/// Signs notes. It has no text form but the one [`SigningKey::to_private_text`] makes for its file.
pub struct SigningKey {
    public: PublicKey,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, secret)", self.public)
    }
}

impl SigningKey {
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteError::PrivateKey)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::PrivateKey)?;
        Ok(Self { public: PublicKey::new(name, key)?, seed, pair })
    }

    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(NoteError::PrivateKey)?;
        let (name, id, seed) = split_key(rest, ED25519_TYPE).ok_or(NoteError::PrivateKey)?;
        let key = Self::from_seed(name, seed)?;
        if hex(&key.public.id) != id {
            return Err(NoteError::PrivateKey);
        }
        Ok(key)
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A note of `text`, which must end with a line feed.
    pub fn sign(&self, text: &str) -> String {
        let signature = self.sign_bytes(text.as_bytes());
        format!("{text}\n{}", signature_line(&self.public.name, self.public.id, &signature))
    }

    /// Ed25519 over bytes that are not a note, told apart by how they begin.
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        sign(&self.pair, message)
    }

    /// For the key file, and for nothing else.
    pub(crate) fn to_private_text(&self) -> String {
        let PublicKey { name, id, .. } = &self.public;
        format!("PRIVATE+KEY+{name}+{}+{}\n", hex(id), encode_key(ED25519_TYPE, &self.seed))
    }
}

/// A note, taken apart. None of its signatures was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote<'a> {
    /// Ends with a line feed.
    pub text: &'a str,
    pub signatures: Vec<Signature<'a>>,
}

/// A signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature<'a> {
    pub name: &'a str,
    pub id: [u8; 4],
    /// What follows the id; never empty. The type of the key says what it is.
    pub bytes: Vec<u8>,
    /// The whole line, with its line feed.
    pub line: &'a str,
}

impl<'a> SignedNote<'a> {
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        let is_control = |byte: u8| byte < 0x20 && byte != b'\n';
        if note.len() > NOTE_BYTES_MAX || note.bytes().any(is_control) {
            return Err(NoteError::Malformed);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        Ok(Self { text, signatures: signature_lines(lines)? })
    }

    pub(crate) fn signatures_of(
        &self,
        name: &str,
        id: [u8; 4],
    ) -> impl Iterator<Item = &Signature<'a>> {
        let is_of = move |signature: &&Signature<'_>| signature.name == name && signature.id == id;
        self.signatures.iter().filter(is_of)
    }
}

/// One or more signature lines, such as a witness answers with.
pub fn signature_lines(lines: &str) -> Result<Vec<Signature<'_>>, NoteError> {
    if lines.len() > NOTE_BYTES_MAX || !lines.ends_with('\n') {
        return Err(NoteError::Malformed);
    }
    let mut signatures = Vec::new();
    for line in lines.split_inclusive('\n') {
        let signature = Signature::parse(line).ok_or(NoteError::Malformed)?;
        if signatures.len() == SIGNATURES_MAX {
            return Err(NoteError::Malformed);
        }
        signatures.push(signature);
    }
    Ok(signatures)
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let rest = line.strip_suffix('\n')?.strip_prefix("— ")?;
        let (name, encoded) = rest.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (id, bytes) = decoded.split_first_chunk::<4>()?;
        let is_whole = !name.is_empty() && !bytes.is_empty();
        is_whole.then(|| Self { name, id: *id, bytes: bytes.to_vec(), line })
    }
}

/// The text of a note that `key` has signed. Signatures of other keys are passed over.
pub fn open<'a>(note: &'a str, key: &PublicKey) -> Result<&'a str, NoteError> {
    let note = SignedNote::parse(note)?;
    if key.has_signed(&note)? { Ok(note.text) } else { Err(NoteError::NotSigned(key.name.clone())) }
}

pub(crate) fn signature_line(name: &str, id: [u8; 4], signature: &[u8]) -> String {
    format!("— {name} {}\n", STANDARD.encode([&id, signature].concat()))
}

/// The first four bytes of SHA-256(name, line feed, type, key).
pub(crate) fn key_id(name: &str, kind: u8, key: &[u8; 32]) -> Result<[u8; 4], NoteError> {
    if name.is_empty()
        || name.contains('+')
        || name.contains(|char: char| char.is_whitespace() || char.is_control())
    {
        return Err(NoteError::Name);
    }
    let hash = sha256(&[name.as_bytes(), b"\n", &[kind], key]);
    Ok([hash[0], hash[1], hash[2], hash[3]])
}

pub(crate) fn sign(pair: &Ed25519KeyPair, message: &[u8]) -> [u8; 64] {
    pair.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
}

/// `None` if the signature does not fit.
pub(crate) fn verify(key: &[u8; 32], message: &[u8], signature: &[u8]) -> Option<()> {
    UnparsedPublicKey::new(&ED25519, key).verify(message, signature).ok()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Name, id and key of a text form, if it is of this type.
pub(crate) fn split_key(text: &str, kind: u8) -> Option<(&str, &str, [u8; 32])> {
    // The base64 part may itself contain `+`, the name and the id cannot.
    let (name, rest) = text.split_once('+')?;
    let (id, key) = rest.split_once('+')?;
    let bytes = STANDARD.decode(key).ok()?;
    match bytes.split_first()? {
        (&first, key) if first == kind => Some((name, id, key.try_into().ok()?)),
        _ => None,
    }
}

pub(crate) fn encode_key(kind: u8, key: &[u8; 32]) -> String {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(key);
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The keys and the note of the documentation of Go's `sumdb/note`, where the format comes from.
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PRIVATE: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const SIGNATURE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_key_signs_the_published_note() {
        let key = SigningKey::parse(PRIVATE).unwrap();
        assert_eq!(key.public().to_string(), PUBLIC);
        let note = format!("{TEXT}\n{SIGNATURE}");
        assert_eq!(key.sign(TEXT), note);
        assert_eq!(open(&note, &PublicKey::parse(PUBLIC).unwrap()), Ok(TEXT));
        assert_eq!(key.to_private_text().trim_end(), PRIVATE);
    }

    #[test]
    fn unknown_signatures_are_passed_over_and_an_unsigned_note_is_refused() {
        let key = PublicKey::parse(PUBLIC).unwrap();
        let witness = SigningKey::from_seed("witness", [7; 32]).unwrap();
        let both = format!("{}{SIGNATURE}", witness.sign(TEXT));
        assert_eq!(open(&both, &key), Ok(TEXT));
        let not_signed = NoteError::NotSigned("PeterNeumann".to_owned());
        assert_eq!(open(&witness.sign(TEXT), &key), Err(not_signed));
    }

    #[test]
    fn no_flipped_bit_of_a_note_is_accepted() {
        let key = SigningKey::from_seed("example.com/log", [1; 32]).unwrap();
        let note = key.sign("example.com/log\n1\nAAAA\n");
        for bit in 0..note.len() * 8 {
            let mut bytes = note.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let is_open =
                std::str::from_utf8(&bytes).is_ok_and(|note| open(note, key.public()).is_ok());
            assert!(!is_open, "bit {bit}");
        }
    }

    #[test]
    fn a_debug_print_does_not_show_the_secret() {
        let key = SigningKey::parse(PRIVATE).unwrap();
        assert!(!format!("{key:?}").contains("AYEKFALVFGyNhPJEMzD1QIDr"));
    }
}
