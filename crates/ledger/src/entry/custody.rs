//! What happened to the ledger itself and to the personal data behind it: keys, restores, readings,
//! erasures, holds.

use super::fields::{Reader, Writer};
use super::{EPOCH, ERASURE, EntryError, HOLD, KEY_ROTATION, READ};
use crate::handles::Handle;
use crate::merkle::Hash;

/// From the checkpoint that first covers this entry on, another key signs. The retiring key signs
/// the entry, so that whoever trusts the first key can follow the chain: [`crate::rotation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRotation<'a> {
    pub time: i64,
    /// The new Ed25519 public key. The log's name stays.
    pub key: [u8; 32],
    /// Such as `planned` or `leaked`.
    pub why: &'a str,
    /// The two people who ordered it; `None` if it was done at the machine, without the service.
    pub by: Option<Handle>,
    pub second: Option<Handle>,
    /// The tree before this entry: the index of the entry itself, and the root up to it.
    pub size: u64,
    pub root: Hash,
    /// Ed25519, of the retiring key.
    pub signature: [u8; 64],
}

/// The service began to count anew: after a restore, revisions of before are not those of after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch<'a> {
    pub time: i64,
    /// One more than the last.
    pub number: u64,
    /// Such as `first` or `restore`.
    pub why: &'a str,
    /// The last checkpoint that the service knew of when it began: size, and root.
    pub size: u64,
    pub root: Hash,
}

/// Somebody was shown personal data, or took it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read<'a> {
    pub time: i64,
    pub id: [u8; 16],
    pub by: Handle,
    /// How, such as `read` or `export`.
    pub verb: &'a str,
    /// Of what, such as `identity`.
    pub noun: &'a str,
    /// The item that was read, or the query if there were several.
    pub what: Handle,
    /// Of items; may be 0: that nothing was found is an answer too.
    pub count: u64,
    /// Such as `access.review`.
    pub purpose: &'a str,
}

/// Personal data was made unreadable for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure<'a> {
    pub time: i64,
    /// Of the order; a UUID. Carrying it out again is the same id.
    pub order: [u8; 16],
    /// The legal ground, such as `gdpr.17.1.b`.
    pub ground: &'a str,
    pub subject: Handle,
    pub by: Handle,
    /// Data keys destroyed, and the sealed bodies that nobody can open any more.
    pub keys: u64,
    pub bodies: u64,
}

/// Something must be kept, whatever its retention says; or need be no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold<'a> {
    pub time: i64,
    /// Of the hold; a UUID. Its release has the same.
    pub id: [u8; 16],
    pub step: HoldStep,
    /// What is held: a noun, such as `identity` or `organization`, and the item.
    pub noun: &'a str,
    pub subject: Handle,
    /// Such as `litigation`.
    pub why: &'a str,
    pub by: Handle,
    /// The second of the two people whom a release needs.
    pub second: Option<Handle>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldStep {
    Place,
    Release,
}

impl<'a> KeyRotation<'a> {
    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, KEY_ROTATION);
        writer.time(self.time);
        writer.hash(&self.key);
        writer.code(self.why)?;
        writer.optional(self.by, Writer::handle);
        writer.optional(self.second, Writer::handle);
        writer.long(self.size);
        writer.hash(&self.root);
        writer.signature(&self.signature);
        Ok(())
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            key: reader.hash()?,
            why: reader.code()?,
            by: reader.optional(Reader::handle)?,
            second: reader.optional(Reader::handle)?,
            size: reader.long()?,
            root: reader.hash()?,
            signature: reader.signature()?,
        })
    }
}

impl<'a> Epoch<'a> {
    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, EPOCH);
        writer.time(self.time);
        writer.long(self.number);
        writer.code(self.why)?;
        writer.long(self.size);
        writer.hash(&self.root);
        Ok(())
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            number: reader.long()?,
            why: reader.code()?,
            size: reader.long()?,
            root: reader.hash()?,
        })
    }
}

impl<'a> Read<'a> {
    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, READ);
        writer.time(self.time);
        writer.id(&self.id);
        writer.handle(self.by);
        writer.code(self.verb)?;
        writer.code(self.noun)?;
        writer.handle(self.what);
        writer.long(self.count);
        writer.code(self.purpose)
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            id: reader.id()?,
            by: reader.handle()?,
            verb: reader.code()?,
            noun: reader.code()?,
            what: reader.handle()?,
            count: reader.long()?,
            purpose: reader.code()?,
        })
    }
}

impl<'a> Erasure<'a> {
    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, ERASURE);
        writer.time(self.time);
        writer.id(&self.order);
        writer.code(self.ground)?;
        writer.handle(self.subject);
        writer.handle(self.by);
        writer.long(self.keys);
        writer.long(self.bodies);
        Ok(())
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            order: reader.id()?,
            ground: reader.code()?,
            subject: reader.handle()?,
            by: reader.handle()?,
            keys: reader.long()?,
            bodies: reader.long()?,
        })
    }
}

impl<'a> Hold<'a> {
    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, HOLD);
        writer.time(self.time);
        writer.id(&self.id);
        writer.byte(match self.step {
            HoldStep::Place => 1,
            HoldStep::Release => 2,
        });
        writer.code(self.noun)?;
        writer.handle(self.subject);
        writer.code(self.why)?;
        writer.handle(self.by);
        writer.optional(self.second, Writer::handle);
        Ok(())
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            id: reader.id()?,
            step: match reader.byte()? {
                1 => HoldStep::Place,
                2 => HoldStep::Release,
                _ => return None,
            },
            noun: reader.code()?,
            subject: reader.handle()?,
            why: reader.code()?,
            by: reader.handle()?,
            second: reader.optional(Reader::handle)?,
        })
    }
}
