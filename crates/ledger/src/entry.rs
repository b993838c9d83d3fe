//! The canonical bytes of leaves. One record has one encoding; `docs/ledger-format.md` is its text.
//!
//! Every entry begins with `cs`, the version 1 and a kind. Integers are big-endian, an optional
//! field is a byte 0 or a byte 1 and the field, a code is its length in one byte and its ASCII.

mod change;
mod custody;
mod decision;
mod fields;

pub use change::{Change, ChangeBatch};
pub use custody::{Epoch, Erasure, Hold, HoldStep, KeyRotation, Read};
pub use decision::{Decision, FactsAt};

use crate::handles::{Commitment, Handle};
use crate::merkle::Hash;
use fields::{Reader, Writer};

/// The longest leaf: an entry bundle has 16 bits for a length.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// The longest code, such as `grant.expired`.
pub const CODE_BYTES_MAX: usize = 64;
/// Reasons in one row.
pub const REASONS_MAX: usize = 255;

const VERSION: u8 = 1;
const PREFIX: [u8; 3] = [b'c', b's', VERSION];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("the code `{0}` is not 1 to 64 letters, digits, `.`, `_` or `-`")]
    Code(String),
    #[error("{0} reasons; a row holds up to 255")]
    Reasons(usize),
    #[error("a batch of no changes")]
    Empty,
    #[error("not an entry of Countersign, version 1")]
    Foreign,
    #[error("an entry of an unknown kind, {0}; a newer version of Countersign may know it")]
    UnknownKind(u8),
    #[error("the entry ends too early, goes on too long or is not in its one canonical form")]
    NotCanonical,
}

/// What a leaf says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    Row(Row<'a>),
    Batch(Batch),
    Finding(Finding<'a>),
    Run(Run<'a>),
    Change(Change<'a>),
    ChangeBatch(ChangeBatch<'a>),
    KeyRotation(KeyRotation<'a>),
    Epoch(Epoch<'a>),
    Read(Read<'a>),
    Erasure(Erasure<'a>),
    Hold(Hold<'a>),
    Decision(Decision<'a>),
}

/// The attribution and the judgement of one event. Rows stand in batches, not in the tree itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Of the event; nanoseconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    pub event: Handle,
    pub tenant: Handle,
    pub actor: Option<Handle>,
    pub holder: Option<Handle>,
    pub grant: Option<Handle>,
    /// The grant's sponsor then.
    pub sponsor: Option<Handle>,
    /// Such as `exact`.
    pub actor_grade: &'a str,
    pub holder_grade: &'a str,
    /// Why there is no actor, such as `shared_credential`.
    pub gap: Option<&'a str>,
    /// Such as `allow`; `None` if it was not judged.
    pub outcome: Option<&'a str>,
    /// Codes; written sorted and without repeats.
    pub reasons: Vec<&'a str>,
    /// Commits to the whole output row.
    pub body: Commitment,
}

/// Stands for up to 4096 rows or decisions, which are in the file `batches/<root>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// RFC 6962 root over the rows.
    pub root: Hash,
    pub count: u16,
    /// The earliest and the latest time of its rows.
    pub first: i64,
    pub last: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    /// The finding's stable id.
    pub finding: Handle,
    /// Such as `use.without_grant`.
    pub code: &'a str,
    pub severity: &'a str,
    pub subject: Handle,
    /// How many events prove it.
    pub events: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
    /// The exception that accepts it.
    pub exception: Option<Handle>,
    pub body: Commitment,
}

/// What a run read and what it said. No wall clock: the same input again is the same leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    /// Version of the program, such as `0.1.0`.
    pub version: &'a str,
    /// Digests of what was read and by which facts and rules it was judged.
    pub input: Hash,
    pub register: Hash,
    pub policies: Hash,
    /// SHA-256 over the SHA-256 of each row written, in order.
    pub output: Hash,
    pub rows: u64,
    pub findings: u64,
}

const ROW: u8 = 1;
const BATCH: u8 = 2;
const FINDING: u8 = 3;
const RUN: u8 = 4;
const CHANGE: u8 = 5;
const CHANGE_BATCH: u8 = 6;
const KEY_ROTATION: u8 = 7;
const EPOCH: u8 = 8;
const READ: u8 = 9;
const ERASURE: u8 = 10;
const HOLD: u8 = 11;
const DECISION: u8 = 12;

/// Whether it claims to be a row of a trace.
pub(crate) fn is_row(bytes: &[u8]) -> bool {
    bytes.strip_prefix(&PREFIX).is_some_and(|rest| rest.first() == Some(&ROW))
}

/// The time of an encoded row or decision; `None` if it is neither.
pub(crate) fn row_time(bytes: &[u8]) -> Option<i64> {
    let (&kind, rest) = bytes.strip_prefix(&PREFIX)?.split_first()?;
    let time = rest.first_chunk().filter(|_| matches!(kind, ROW | DECISION))?;
    Some(i64::from_be_bytes(*time))
}

impl Entry<'_> {
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let mut bytes = Vec::with_capacity(256);
        match self {
            Entry::Row(row) => row.encode_into(&mut bytes)?,
            Entry::Batch(batch) => batch.encode_into(&mut bytes),
            Entry::Finding(finding) => finding.encode_into(&mut bytes)?,
            Entry::Run(run) => run.encode_into(&mut bytes)?,
            Entry::Change(change) => change.encode_into(&mut bytes)?,
            Entry::ChangeBatch(batch) => batch.encode_into(&mut bytes)?,
            Entry::KeyRotation(rotation) => rotation.encode_into(&mut bytes)?,
            Entry::Epoch(epoch) => epoch.encode_into(&mut bytes)?,
            Entry::Read(read) => read.encode_into(&mut bytes)?,
            Entry::Erasure(erasure) => erasure.encode_into(&mut bytes)?,
            Entry::Hold(hold) => hold.encode_into(&mut bytes)?,
            Entry::Decision(decision) => decision.encode_into(&mut bytes)?,
        }
        Ok(bytes)
    }
}

impl<'a> Entry<'a> {
    pub fn decode(bytes: &'a [u8]) -> Result<Self, EntryError> {
        let rest = bytes.strip_prefix(&PREFIX).ok_or(EntryError::Foreign)?;
        let (&kind, rest) = rest.split_first().ok_or(EntryError::Foreign)?;
        let mut reader = Reader(rest);
        let entry = match kind {
            ROW => Row::read(&mut reader).map(Self::Row),
            BATCH => Batch::read(&mut reader).map(Self::Batch),
            FINDING => Finding::read(&mut reader).map(Self::Finding),
            RUN => Run::read(&mut reader).map(Self::Run),
            CHANGE => Change::read_from(&mut reader).map(Self::Change),
            CHANGE_BATCH => ChangeBatch::read_from(&mut reader).map(Self::ChangeBatch),
            KEY_ROTATION => KeyRotation::read_from(&mut reader).map(Self::KeyRotation),
            EPOCH => Epoch::read_from(&mut reader).map(Self::Epoch),
            READ => Read::read_from(&mut reader).map(Self::Read),
            ERASURE => Erasure::read_from(&mut reader).map(Self::Erasure),
            HOLD => Hold::read_from(&mut reader).map(Self::Hold),
            DECISION => Decision::read_from(&mut reader).map(Self::Decision),
            unknown => return Err(EntryError::UnknownKind(unknown)),
        };
        entry.filter(|_| reader.0.is_empty()).ok_or(EntryError::NotCanonical)
    }
}

impl<'a> Row<'a> {
    /// Replaces what is in `bytes`, so that one buffer serves millions of rows.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, ROW);
        writer.time(self.time);
        writer.handle(self.event);
        writer.handle(self.tenant);
        for handle in [self.actor, self.holder, self.grant, self.sponsor] {
            writer.optional(handle, Writer::handle);
        }
        writer.code(self.actor_grade)?;
        writer.code(self.holder_grade)?;
        writer.optional_code(self.gap)?;
        writer.optional_code(self.outcome)?;
        writer.any_codes(&self.reasons)?;
        writer.hash(&self.body.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            event: reader.handle()?,
            tenant: reader.handle()?,
            actor: reader.optional(Reader::handle)?,
            holder: reader.optional(Reader::handle)?,
            grant: reader.optional(Reader::handle)?,
            sponsor: reader.optional(Reader::handle)?,
            actor_grade: reader.code()?,
            holder_grade: reader.code()?,
            gap: reader.optional(Reader::code)?,
            outcome: reader.optional(Reader::code)?,
            reasons: reader.codes()?,
            body: Commitment(reader.hash()?),
        })
    }
}

impl Batch {
    pub(crate) fn encode_into(&self, bytes: &mut Vec<u8>) {
        let mut writer = Writer::begin(bytes, BATCH);
        writer.hash(&self.root);
        writer.short(self.count);
        writer.time(self.first);
        writer.time(self.last);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let root = reader.hash()?;
        let count = reader.short()?;
        let batch = Self { root, count, first: reader.time()?, last: reader.time()? };
        (count > 0).then_some(batch)
    }
}

impl<'a> Finding<'a> {
    fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, FINDING);
        writer.handle(self.finding);
        writer.code(self.code)?;
        writer.code(self.severity)?;
        writer.handle(self.subject);
        writer.long(self.events);
        writer.optional(self.first, Writer::time);
        writer.optional(self.last, Writer::time);
        writer.optional(self.exception, Writer::handle);
        writer.hash(&self.body.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            finding: reader.handle()?,
            code: reader.code()?,
            severity: reader.code()?,
            subject: reader.handle()?,
            events: reader.long()?,
            first: reader.optional(Reader::time)?,
            last: reader.optional(Reader::time)?,
            exception: reader.optional(Reader::handle)?,
            body: Commitment(reader.hash()?),
        })
    }
}

impl<'a> Run<'a> {
    fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, RUN);
        writer.code(self.version)?;
        for digest in [&self.input, &self.register, &self.policies, &self.output] {
            writer.hash(digest);
        }
        writer.long(self.rows);
        writer.long(self.findings);
        Ok(())
    }

    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            version: reader.code()?,
            input: reader.hash()?,
            register: reader.hash()?,
            policies: reader.hash()?,
            output: reader.hash()?,
            rows: reader.long()?,
            findings: reader.long()?,
        })
    }
}

#[cfg(test)]
mod tests;
