//! Names in leaves: keyed handles instead of ids, salted commitments instead of bodies.
//!
//! Whoever has the handle key can find the leaves of an id; whoever has not learns nothing from a
//! leaf but which leaves share a handle. When the key is destroyed, nobody can.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};

use crate::merkle::{Hash, sha256};

/// Texts remembered with their handle; beyond it the memory is emptied, not grown.
const REMEMBERED_MAX: usize = 1 << 17;
/// Longer texts are not worth remembering.
const REMEMBERED_BYTES_MAX: usize = 512;

/// Stands for an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(pub [u8; 16]);

/// Commits to a body without showing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub Hash);

/// Makes what commitments hide unguessable. To prove a body, its salt is shown with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(Hash);

/// What a handle stands for. The same text as two nouns has two handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noun {
    Tenant,
    Identity,
    /// An account as the logs name it, if it is not a registered identity.
    Account,
    Grant,
    Sponsor,
    Finding,
    Subject,
    Exception,
    /// Any other noun of the register, by its word: `organization`, `credential`, `person`.
    Named(&'static str),
}

/// The nouns of which texts are remembered.
const NOUNS: usize = 8;

impl Noun {
    /// Where its texts are remembered; those of other nouns come too seldom.
    fn place(self) -> Option<usize> {
        Some(match self {
            Self::Tenant => 0,
            Self::Identity => 1,
            Self::Account => 2,
            Self::Grant => 3,
            Self::Sponsor => 4,
            Self::Finding => 5,
            Self::Subject => 6,
            Self::Exception => 7,
            Self::Named(_) => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Identity => "identity",
            Self::Account => "account",
            Self::Grant => "grant",
            Self::Sponsor => "sponsor",
            Self::Finding => "finding",
            Self::Subject => "subject",
            Self::Exception => "exception",
            Self::Named(word) => word,
        }
    }
}

/// Makes handles and salts under one key.
pub struct Handles {
    key: Key,
    /// By noun.
    remembered: [HashMap<Box<str>, Handle>; NOUNS],
    count: usize,
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handles(secret key, {} remembered)", self.count)
    }
}

/// The same key, with nothing remembered: one for each thread.
impl Clone for Handles {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), remembered: Default::default(), count: 0 }
    }
}

impl Handles {
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: Key::new(HMAC_SHA256, key), remembered: Default::default(), count: 0 }
    }

    /// The handle of a text. Texts that come back cost a look-up.
    pub fn handle(&mut self, noun: Noun, text: &str) -> Handle {
        let place = noun.place();
        if let Some(handle) = place.and_then(|place| self.remembered[place].get(text)) {
            return *handle;
        }
        let mac = self.mac(b"cs/handle/v1", &[noun.as_str(), text]);
        let handle = truncate(&mac);
        if let Some(place) = place.filter(|_| text.len() <= REMEMBERED_BYTES_MAX) {
            if self.count >= REMEMBERED_MAX {
                self.remembered = Default::default();
                self.count = 0;
            }
            self.remembered[place].insert(text.into(), handle);
            self.count += 1;
        }
        handle
    }

    /// The handle of an event and the salt of its body. They come of one HMAC: both are needed once
    /// for each of millions of events, and the salt does not follow from the handle.
    pub fn event(&self, source: &str, id: &str) -> (Handle, Salt) {
        let salt = self.mac(b"cs/salt/v1", &["event", source, id]);
        (truncate(&sha256(&[b"cs/event/v1", &salt])), Salt(salt))
    }

    /// The salt of a body that is not an event's row.
    pub fn salt(&self, noun: Noun, text: &str) -> Salt {
        Salt(self.mac(b"cs/salt/v1", &[noun.as_str(), text]))
    }

    fn mac(&self, tag: &[u8], texts: &[&str]) -> Hash {
        let mut context = Context::with_key(&self.key);
        context.update(tag);
        for text in texts {
            // The length first, so that no two lists of texts give the same bytes.
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        context.sign().as_ref().try_into().expect("HMAC-SHA256 yields 32 bytes")
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(secret)")
    }
}

impl Salt {
    /// The salt as somebody showed it.
    pub fn from_bytes(bytes: Hash) -> Self {
        Self(bytes)
    }

    /// For showing the body it belongs to.
    pub fn as_bytes(&self) -> &Hash {
        &self.0
    }

    pub fn commit(&self, body: &[u8]) -> Commitment {
        self.commit_digest(&sha256(&[body]))
    }

    /// The same by the body's SHA-256, for who needs that for something else as well.
    pub fn commit_digest(&self, body: &Hash) -> Commitment {
        Commitment(sha256(&[b"cs/body/v1", &self.0, body]))
    }
}

fn truncate(hash: &Hash) -> Handle {
    let (handle, _) = hash.split_first_chunk().expect("16 of 32 bytes");
    Handle(*handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_depends_on_key_noun_and_text_and_on_nothing_else() {
        let mut handles = Handles::new(&[1; 32]);
        let ann = handles.handle(Noun::Identity, "ann");
        assert_eq!(handles.handle(Noun::Identity, "ann"), ann);
        assert_eq!(Handles::new(&[1; 32]).handle(Noun::Identity, "ann"), ann);
        assert_ne!(handles.handle(Noun::Account, "ann"), ann);
        assert_ne!(handles.handle(Noun::Identity, "bob"), ann);
        assert_ne!(Handles::new(&[2; 32]).handle(Noun::Identity, "ann"), ann);
    }

    #[test]
    fn source_and_id_of_an_event_cannot_be_shifted_into_each_other() {
        let handles = Handles::new(&[1; 32]);
        assert_ne!(handles.event("ab", "c").0, handles.event("a", "bc").0);
    }

    #[test]
    fn forgetting_changes_no_handle() {
        let mut handles = Handles::new(&[1; 32]);
        let first = handles.handle(Noun::Account, "0");
        for number in 1..=REMEMBERED_MAX {
            handles.handle(Noun::Account, &number.to_string());
        }
        assert!(handles.count <= REMEMBERED_MAX);
        assert_eq!(handles.handle(Noun::Account, "0"), first);
    }

    #[test]
    fn no_secret_is_printed() {
        let handles = Handles::new(&[0xAB; 32]);
        let (_, salt) = handles.event("a", "b");
        assert_eq!(format!("{salt:?}"), "Salt(secret)");
        assert!(!format!("{handles:?}").contains("171"));
    }

    #[test]
    fn the_documented_vectors_hold() {
        let document = include_str!("../../../docs/ledger-format.md");
        let mut handles = Handles::new(&[1; 32]);
        let identity = handles.handle(Noun::Identity, "ann");
        let (event, salt) = handles.event("aws.cloudtrail", "e1");
        let commitment = salt.commit(b"{}");
        for bytes in [&identity.0[..], &event.0, salt.as_bytes(), &commitment.0] {
            let hex = crate::note::hex(bytes);
            assert!(document.contains(&format!("`{hex}`")), "no `{hex}`");
        }
    }
}
