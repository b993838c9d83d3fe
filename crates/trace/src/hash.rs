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

impl Secret {
    pub fn new(key: &[u8; 16]) -> Self {
        Self { state: SipHasher13::new_with_key(key) }
    }

    /// The identity of one key. Different kinds and namespaces never meet.
    pub fn key(&self, kind: KeyKind, namespace: &str, value: &str) -> u128 {
        self.text(value) ^ self.space(kind, namespace)
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
