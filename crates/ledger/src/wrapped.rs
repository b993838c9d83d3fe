//! Key files wrapped under the master key of an instance, which is kept elsewhere: whoever copies the
//! folder has no key then.
//!
//! One line: `COUNTERSIGN+WRAPPED+KEY+1+` and base64 of the master key's id (8 bytes), a nonce (12),
//! the content sealed by AES-256-GCM, and its tag (16). What it is sealed for (`signing`, `handle`,
//! `webhooks`) and the id are bound to it, so that no file can stand in another one's place. The nonce
//! is drawn from the content by a secret of the master key: the same content gives the same line, and
//! no nonce comes twice with another content.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub use crate::keys::KeyError;
use crate::keys::{IfMissing, create_private, read_secret};
use crate::seal::MasterKey;

const PREFIX: &[u8] = b"COUNTERSIGN+WRAPPED+KEY+1+";

/// How the key files of a folder are kept: as they are, readable by their owner only, or wrapped.
#[derive(Debug, Clone, Default)]
pub struct KeyFiles {
    master: Option<Arc<MasterKey>>,
}

impl KeyFiles {
    pub fn new(master: Option<MasterKey>) -> Self {
        Self { master: master.map(Arc::new) }
    }

    /// The content of a key file; `None` if there is none. `purpose` is what it is a key for.
    ///
    /// # Errors
    /// `Wrapped` and `OtherMaster` if the master key is missing or another one.
    pub fn read(&self, path: &Path, purpose: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let Some(bytes) = read_secret(path)? else { return Ok(None) };
        if !bytes.starts_with(PREFIX) {
            return Ok(Some(bytes));
        }
        let file = || path.display().to_string();
        let master = self.master.as_deref().ok_or_else(|| KeyError::Wrapped { file: file() })?;
        match unwrap(master, purpose, &bytes) {
            Some(Ok(content)) => Ok(Some(content)),
            Some(Err(other)) => Err(KeyError::OtherMaster {
                file: file(),
                wrapped: crate::note::hex(&other),
                given: crate::note::hex(&master.id()),
            }),
            None => Err(KeyError::Malformed { file: file() }),
        }
    }

    /// Writes a key file, readable by its owner only, in the place of one that is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path, purpose: &str, content: &[u8]) -> Result<(), KeyError> {
        let text = match self.master.as_deref() {
            Some(master) => Zeroizing::new(wrap(master, purpose, content)),
            None => Zeroizing::new(content.to_vec()),
        };
        create_private(path, &text)
            .map_err(|source| KeyError::Io { file: path.display().to_string(), source })
    }

    /// As [`KeyFiles::read`], and wraps a file that is plain if there is a master key.
    ///
    /// # Errors
    /// As [`KeyFiles::read`] and [`KeyFiles::write`].
    pub fn take(&self, path: &Path, purpose: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        let Some(content) = self.read(path, purpose)? else { return Ok(None) };
        if self.master.is_some() && read_secret(path)?.is_some_and(|file| *file == *content) {
            self.write(path, purpose, &content)?;
        }
        Ok(Some(content))
    }

    pub(crate) fn create(
        &self,
        path: &Path,
        purpose: &str,
        (content, if_missing): (&str, IfMissing),
    ) -> Result<(), KeyError> {
        if if_missing == IfMissing::Refuse {
            return Err(KeyError::Missing { file: path.display().to_string() });
        }
        self.write(path, purpose, content.as_bytes())
    }
}

/// Copies a key file as it is: what is wrapped stays so. `false` if there is none.
///
/// # Errors
/// If it cannot be read or written.
pub fn copy_file(from: &Path, to: &Path) -> Result<bool, KeyError> {
    let Some(bytes) = read_secret(from)? else { return Ok(false) };
    let io = |source| KeyError::Io { file: to.display().to_string(), source };
    create_private(to, &bytes).map_err(io)?;
    Ok(true)
}

/// A master key as its file or variable has it: 32 bytes in base64 or hexadecimal.
///
/// # Errors
/// `NoMaster` if it is neither.
pub fn parse_master(text: &str) -> Result<MasterKey, KeyError> {
    let text = text.trim();
    let bytes = Zeroizing::new(match text.len() {
        64 => from_hex(text).unwrap_or_default(),
        _ => STANDARD.decode(text).unwrap_or_default(),
    });
    let key = bytes.as_slice().try_into().map_err(|_| KeyError::NoMaster)?;
    Ok(MasterKey::new(key))
}

/// A master key from a file. Its owner's group may read it, as where secrets are mounted; others may
/// not.
///
/// # Errors
/// If it cannot be read, is readable by everybody, or holds no key.
pub fn read_master(path: &Path) -> Result<MasterKey, KeyError> {
    let file = || path.display().to_string();
    let io = |source| KeyError::Io { file: file(), source };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(path).map_err(io)?.permissions().mode() & 0o007 != 0 {
            return Err(KeyError::Readable { file: file() });
        }
    }
    let bytes = crate::disk::read_bounded(path, 4_096).map_err(io)?;
    let absent = || io(io::Error::from(io::ErrorKind::NotFound));
    let bytes = Zeroizing::new(bytes.ok_or_else(absent)?);
    parse_master(std::str::from_utf8(&bytes).map_err(|_| KeyError::NoMaster)?)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn bound(master: &MasterKey, purpose: &str) -> Vec<u8> {
    [b"cs/keyfile/v1".as_slice(), &master.id(), purpose.as_bytes()].concat()
}

fn wrap(master: &MasterKey, purpose: &str, content: &[u8]) -> Vec<u8> {
    let bound = bound(master, purpose);
    let nonce = master.nonce_for(&[&bound, content].concat());
    let mut sealed = Zeroizing::new(content.to_vec());
    let tag = master.seal(nonce, &bound, &mut sealed);
    let whole = [&master.id()[..], &nonce, &sealed, &tag].concat();
    [PREFIX, STANDARD.encode(whole).as_bytes(), b"\n"].concat()
}

/// `None` if it is no wrapped key, or not this one's; the id of the master key that it wants, if that is
/// another one.
fn unwrap(
    master: &MasterKey,
    purpose: &str,
    line: &[u8],
) -> Option<Result<Zeroizing<Vec<u8>>, [u8; 8]>> {
    let whole = STANDARD.decode(line.strip_prefix(PREFIX)?.trim_ascii()).ok()?;
    let (id, rest) = whole.split_first_chunk::<8>()?;
    if *id != master.id() {
        return Some(Err(*id));
    }
    master.open(&bound(master, purpose), rest).ok().map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_opens_for_its_master_and_its_purpose_only() {
        let (one, other) = (MasterKey::new(&[1; 32]), MasterKey::new(&[2; 32]));
        let line = wrap(&one, "signing", b"a secret");
        assert!(!line.windows(8).any(|part| part == b"a secret"));
        assert_eq!(line, wrap(&one, "signing", b"a secret"));
        assert_ne!(line, wrap(&one, "signing", b"a secrft"));
        let opened = unwrap(&one, "signing", &line).unwrap().unwrap();
        assert_eq!(opened.as_slice(), b"a secret");
        assert_eq!(unwrap(&other, "signing", &line).unwrap().unwrap_err(), one.id());
        assert!(unwrap(&one, "handle", &line).is_none());
        for at in PREFIX.len()..line.len() - 1 {
            let mut changed = line.clone();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(!matches!(unwrap(&one, "signing", &changed), Some(Ok(_))), "byte {at}");
        }
        assert!(unwrap(&one, "signing", PREFIX).is_none());
    }

    #[test]
    fn a_master_key_is_32_bytes_in_base64_or_hexadecimal() {
        let base64 = STANDARD.encode([7; 32]);
        let id = |text: &str| parse_master(text).map(|key| key.id());
        assert_eq!(id(&format!("{base64}\n")).unwrap(), MasterKey::new(&[7; 32]).id());
        assert_eq!(id(&"07".repeat(32)).unwrap(), MasterKey::new(&[7; 32]).id());
        for wrong in ["", "07", &"0g".repeat(32), &base64[..40], &"é".repeat(32)] {
            let error = id(wrong).unwrap_err().to_string();
            assert!(error.contains("openssl rand -base64 32"), "{error}");
        }
    }
}
