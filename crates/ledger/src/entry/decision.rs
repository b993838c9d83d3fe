//! A decision at the moment of use. Decisions stand in batches, as the rows of a trace do.

use super::fields::{Reader, Writer};
use super::{DECISION, EntryError};
use crate::handles::{Commitment, Handle};
use crate::merkle::Hash;

/// What was asked, what was answered, and by which facts and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// Of the decision; what its answer shows as its evidence.
    pub id: [u8; 16],
    /// Through which door: `evaluation`, `search`, `forward`.
    pub kind: &'a str,
    pub tenant: Handle,
    /// Who asked.
    pub application: Handle,
    /// About whom; `None` if nobody was named.
    pub subject: Option<Handle>,
    pub grant: Option<Handle>,
    /// The grant's sponsor then.
    pub sponsor: Option<Handle>,
    pub credential: Option<Handle>,
    /// What was judged: `allow`, `deny`, `step_up`, `unknown`.
    pub outcome: &'a str,
    /// What was answered: `allow` or `deny`.
    pub answered: &'a str,
    /// Why the two may differ: `enforce`, `observe`, `degraded`, `break_glass`.
    pub mode: &'a str,
    /// Codes; written sorted and without repeats.
    pub reasons: Vec<&'a str>,
    /// How far in the feed of changes the facts were.
    pub facts: FactsAt,
    /// Digest of the policies.
    pub policies: Hash,
    /// How many decisions it stands for; not 0. More than one if the same was asked again at once.
    pub count: u32,
    /// Commits to the whole decision, as the journal has it.
    pub body: Commitment,
}

/// A place in the feed of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FactsAt {
    pub transaction: i64,
    pub seq: i64,
}

impl<'a> Decision<'a> {
    /// Replaces what is in `bytes`, so that one buffer serves many decisions.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
        let mut writer = Writer::begin(bytes, DECISION);
        writer.time(self.time);
        writer.id(&self.id);
        writer.code(self.kind)?;
        writer.handle(self.tenant);
        writer.handle(self.application);
        for handle in [self.subject, self.grant, self.sponsor, self.credential] {
            writer.optional(handle, Writer::handle);
        }
        for code in [self.outcome, self.answered, self.mode] {
            writer.code(code)?;
        }
        writer.any_codes(&self.reasons)?;
        writer.time(self.facts.transaction);
        writer.time(self.facts.seq);
        writer.hash(&self.policies);
        writer.count(self.count)?;
        writer.hash(&self.body.0);
        Ok(())
    }

    pub(super) fn read_from(reader: &mut Reader<'a>) -> Option<Self> {
        Some(Self {
            time: reader.time()?,
            id: reader.id()?,
            kind: reader.code()?,
            tenant: reader.handle()?,
            application: reader.handle()?,
            subject: reader.optional(Reader::handle)?,
            grant: reader.optional(Reader::handle)?,
            sponsor: reader.optional(Reader::handle)?,
            credential: reader.optional(Reader::handle)?,
            outcome: reader.code()?,
            answered: reader.code()?,
            mode: reader.code()?,
            reasons: reader.codes()?,
            facts: FactsAt { transaction: reader.time()?, seq: reader.time()? },
            policies: reader.hash()?,
            count: reader.count()?,
            body: Commitment(reader.hash()?),
        })
    }
}
