//! Keyed 128-bit hashes of linking keys.
//!
//! Logs are written by whoever is being logged, so two different keys must not be made to collide:
//! the hash has a secret, which never reaches any output. A key is the hash of its value combined
//! with the hash of its space (kind and namespace), so that the same value can be looked up in
//! another namespace where a portal allows it.

use std::hash::Hasher;

use countersign_model::key::KeyKind;
use siphasher::sip128::{Hasher128, SipHasher13};

#[derive(Clone, Copy)]
pub struct Secret {
    state: SipHasher13,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A hashed linking key: a `u128` in two halves, which pack more tightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key {
    pub high: u64,
    pub low: u64,
}

impl Secret {
    pub fn new(key: &[u8; 16]) -> Self {
        Self { state: SipHasher13::new_with_key(key) }
    }

    /// The identity of one key. Different kinds and namespaces never meet.
    pub fn key(&self, kind: KeyKind, namespace: &str, value: &str) -> Key {
        let hash = self.text(value) ^ self.space(kind, namespace);
        Key { high: (hash >> 64) as u64, low: hash as u64 }
    }

    pub fn space(&self, kind: KeyKind, namespace: &str) -> u128 {
        let mut hasher = self.state;
        hasher.write_u8(0xFF);
        hasher.write_u8(kind as u8);
        hasher.write(namespace.as_bytes());
        hasher.finish128().as_u128()
    }

    pub fn text(&self, text: &str) -> u128 {
        let mut hasher = self.state;
        hasher.write(text.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// The order and the identity of an event in every output: time first, then a hash of its source
/// and id. It must be the same on every run, so it has no secret; two events that are made to
/// collide are told apart by their content.
pub fn event_hash(source: &str, tenant: &str, id: &str) -> u128 {
    let mut hasher = SipHasher13::new();
    for part in [source, tenant, id] {
        hasher.write_u64(part.len() as u64);
        hasher.write(part.as_bytes());
    }
    hasher.finish128().as_u128()
}

/// A hasher for what is a keyed hash already, or a number that no log can choose.
#[derive(Debug, Default, Clone, Copy)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
}

pub type HashedMap<K, V> = std::collections::HashMap<K, V, std::hash::BuildHasherDefault<Hashed>>;
