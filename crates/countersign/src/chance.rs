//! The one place that asks the machine for randomness, and the digests that go with it.

use anyhow::{Context, Result};
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand::fill;

/// Random bytes of the operating system.
pub fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes).ok().context("the operating system gave no randomness")?;
    Ok(bytes)
}

pub fn digest(bytes: &[u8]) -> [u8; 32] {
    whole(&digest::digest(&SHA256, bytes))
}

fn whole(digest: &digest::Digest) -> [u8; 32] {
    digest.as_ref().try_into().expect("SHA-256 yields 32 bytes")
}

pub fn digest_text(text: &str) -> String {
    countersign_ledger::note::hex(&digest(text.as_bytes()))
}

/// How many threads the machine runs at once.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A SHA-256 in the making.
#[derive(Clone)]
pub struct Digest(digest::Context);

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

impl Digest {
    pub fn new() -> Self {
        Self(digest::Context::new(&SHA256))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> [u8; 32] {
        whole(&self.0.finish())
    }
}
