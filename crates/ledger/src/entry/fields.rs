//! Reading and writing the fields of an entry.

use super::{CODE_BYTES_MAX, EntryError, PREFIX, REASONS_MAX};
use crate::handles::Handle;
use crate::merkle::Hash;

pub(super) struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    pub fn begin(bytes: &'a mut Vec<u8>, kind: u8) -> Self {
        bytes.clear();
        bytes.extend_from_slice(&PREFIX);
        bytes.push(kind);
        Self(bytes)
    }

    pub fn time(&mut self, nanos: i64) {
        self.0.extend_from_slice(&nanos.to_be_bytes());
    }

    pub fn long(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub fn short(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    /// A number of things of which there is at least one.
    pub fn count(&mut self, count: u32) -> Result<(), EntryError> {
        if count == 0 {
            return Err(EntryError::Empty);
        }
        self.0.extend_from_slice(&count.to_be_bytes());
        Ok(())
    }

    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub fn id(&mut self, id: &[u8; 16]) {
        self.0.extend_from_slice(id);
    }

    pub fn signature(&mut self, signature: &[u8; 64]) {
        self.0.extend_from_slice(signature);
    }

    pub fn handle(&mut self, handle: Handle) {
        self.0.extend_from_slice(&handle.0);
    }

    pub fn hash(&mut self, hash: &Hash) {
        self.0.extend_from_slice(hash);
    }

    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub fn code(&mut self, code: &str) -> Result<(), EntryError> {
        if !is_code(code.as_bytes()) {
            return Err(EntryError::Code(code.chars().take(CODE_BYTES_MAX).collect()));
        }
        self.0.push(code.len() as u8);
        self.0.extend_from_slice(code.as_bytes());
        Ok(())
    }

    pub fn optional_code(&mut self, code: Option<&str>) -> Result<(), EntryError> {
        self.0.push(u8::from(code.is_some()));
        code.map_or(Ok(()), |code| self.code(code))
    }

    /// Codes in any order; written sorted, each once.
    pub fn any_codes(&mut self, codes: &[&str]) -> Result<(), EntryError> {
        if codes.is_sorted_by(|left, right| left < right) {
            return self.codes(codes);
        }
        let mut sorted = codes.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        self.codes(&sorted)
    }

    /// `codes` are sorted and without repeats.
    fn codes(&mut self, codes: &[&str]) -> Result<(), EntryError> {
        if codes.len() > REASONS_MAX {
            return Err(EntryError::Reasons(codes.len()));
        }
        self.0.push(codes.len() as u8);
        codes.iter().try_for_each(|code| self.code(code))
    }
}

/// Each reads a field off the front; `None` if it is not there or not canonical.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn time(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub fn long(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn count(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes).filter(|&count| count > 0)
    }

    pub fn id(&mut self) -> Option<[u8; 16]> {
        self.array()
    }

    pub fn signature(&mut self) -> Option<[u8; 64]> {
        self.array()
    }

    pub fn handle(&mut self) -> Option<Handle> {
        self.array().map(Handle)
    }

    pub fn hash(&mut self) -> Option<Hash> {
        self.array()
    }

    pub fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    pub fn code(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let (code, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        if is_code(code) { str::from_utf8(code).ok() } else { None }
    }

    pub fn codes(&mut self) -> Option<Vec<&'a str>> {
        let count = self.byte()?;
        let codes: Vec<&str> = (0..count).map(|_| self.code()).collect::<Option<_>>()?;
        codes.is_sorted_by(|left, right| left < right).then_some(codes)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}

fn is_code(code: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=CODE_BYTES_MAX).contains(&code.len()) && code.iter().all(is_allowed)
}
