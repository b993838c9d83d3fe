//! What changed in the register, and by whom: one leaf for each transition, in the transaction of
//! the state it is evidence of.

use super::fields::{Reader, Writer};
use super::{CHANGE, CHANGE_BATCH, EntryError};
use crate::handles::{Commitment, Handle};
use crate::merkle::Hash;

/// One transition of one item of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// When it was decided; nanoseconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// Of the change; a UUID. Its leaf is in a ledger once.
    pub id: [u8; 16],
    /// What was done, such as `grant.approve`.
    pub verb: &'a str,
    /// To what, such as `grant`.
    pub noun: &'a str,
    pub item: Handle,
    /// Who did it: a person, a machine or the service itself.
    pub by: Handle,
    /// The commitment that the item's last change had as `after`; `None` if there is none before.
    pub before: Option<Hash>,
    /// Commits to the item as it was from then on.
    pub after: Commitment,
}

/// Many items changed by one act, such as an import: the changes are rows outside the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeBatch<'a> {
    pub time: i64,
    pub id: [u8; 16],
    pub by: Handle,
    /// Such as `register.apply`.
    pub verb: &'a str,
    /// Of its rows; not 0.
    pub count: u32,
    /// RFC 6962 root ([`crate::merkle::root_of`]) over the leaf hashes of its rows, each an encoded
    /// [`Change`], in their order.
    pub root: Hash,
}

impl<'a> Change<'a> {
    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, CHANGE);
        writer.time(self.time);
        writer.id(&self.id);
        writer.code(self.verb)?;
        writer.code(self.noun)?;
        writer.handle(self.item);
        writer.handle(self.by);
        writer.optional(self.before, |writer, before| writer.hash(&before));
        writer.hash(&self.after.0);
        Ok(())
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            id: reader.id()?,
            verb: reader.code()?,
            noun: reader.code()?,
            item: reader.handle()?,
            by: reader.handle()?,
            before: reader.optional(Reader::hash)?,
            after: Commitment(reader.hash()?),
        })
    }
}

impl<'a> ChangeBatch<'a> {
    pub(super) fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, CHANGE_BATCH);
        writer.time(self.time);
        writer.id(&self.id);
        writer.handle(self.by);
        writer.code(self.verb)?;
        writer.count(self.count)?;
        writer.hash(&self.root);
        Ok(())
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            id: reader.id()?,
            by: reader.handle()?,
            verb: reader.code()?,
            count: reader.count()?,
            root: reader.hash()?,
        })
    }
}
