//! What is written: changes with their evidence, and what goes with them, in one transaction.

use std::collections::BTreeSet;

use crate::feed::Sequenced;

/// Microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// The revision at which a version of an item was learned: the sequence number of its change.
pub type Rev = i64;

/// All of it becomes durable together, or none of it.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Items that the decision was based on: as they were read, or nothing is written.
    pub reads: Vec<Precondition>,
    pub changes: Vec<Change>,
    pub also: Vec<Also>,
}

impl Batch {
    /// What was read and is not put as well: a put looks by itself at the version that it succeeds,
    /// and two that first share a row and then both want it for themselves wait for each other.
    pub(crate) fn decided_on(&self) -> Vec<&Precondition> {
        if self.reads.is_empty() {
            return Vec::new();
        }
        let puts = self.changes.iter().flat_map(|change| &change.puts);
        let own: BTreeSet<(&str, &str, Option<Rev>)> =
            puts.map(|put| (put.noun.as_str(), put.id.as_str(), put.after)).collect();
        let is_own = |read: &&Precondition| own.contains(&(&read.noun, &read.id, read.rev));
        self.reads.iter().filter(|read| !is_own(read)).collect()
    }

    /// Every text that becomes a value of a column.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let reads = self.reads.iter().flat_map(|read| [read.noun.as_str(), &read.id]);
        let changes = self.changes.iter().flat_map(|change| {
            let optional = [change.item.as_deref(), change.why.as_deref()];
            let own = [change.by.as_str(), &change.verb, &change.noun];
            let puts = change.puts.iter().flat_map(Put::texts);
            own.into_iter().chain(optional.into_iter().flatten()).chain(puts)
        });
        reads.chain(changes).chain(self.also.iter().flat_map(Also::texts))
    }
}

/// An item as it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precondition {
    pub noun: String,
    pub id: String,
    /// `None`: there was none.
    pub rev: Option<Rev>,
}

/// One act, its evidence and the versions of items that it makes. There is no version without a
/// change and no change without a leaf.
#[derive(Debug, Clone)]
pub struct Change {
    /// Random; the same act given twice is written once.
    pub id: [u8; 16],
    pub at: Micros,
    /// Who: `sponsor:ann`, `token:…`, `worker`.
    pub by: String,
    /// Such as `grant.approve`.
    pub verb: String,
    /// The item it is about, or what the versions are of if there are many.
    pub noun: String,
    pub item: Option<String>,
    pub why: Option<String>,
    /// The canonical leaf, as it goes into the ledger.
    pub leaf: Vec<u8>,
    pub puts: Vec<Put>,
    /// What it erases of versions that are there. There is no other way to change one.
    pub erased: Vec<Erased>,
}

/// A version after an erasure: what remains of it. Its digest stands, as its leaf does, and what opened
/// the commitment is gone. The reason given for the act that made the version goes as well.
#[derive(Debug, Clone)]
pub struct Erased {
    pub noun: String,
    pub id: String,
    pub rev: Rev,
    /// Its document without what is personal, as JSON.
    pub body: String,
    pub process: String,
}

/// A new version of an item.
#[derive(Debug, Clone)]
pub struct Put {
    pub noun: String,
    pub id: String,
    /// The version it succeeds; `None` if the item is new.
    pub after: Option<Rev>,
    pub state: String,
    pub organization: Option<String>,
    pub sponsor: Option<String>,
    /// What it is about: a grant's or credential's identity, a trust path's organization.
    pub about: Option<String>,
    /// What it ends with: the grant it is passed on from, the reseller of an organization.
    pub parent: Option<String>,
    /// When it ends by itself.
    pub ends: Option<Micros>,
    /// When it must be looked at again, because time alone makes something of it that is told.
    pub look: Option<Micros>,
    /// The register's document, as JSON.
    pub body: String,
    /// How it came about and what is still asked, as JSON: who requested, who approved.
    pub process: String,
    /// The commitment to this version that the leaf holds.
    pub digest: [u8; 32],
    /// Opens the commitment. Deleted by an erasure.
    pub salt: Option<[u8; 32]>,
}

impl Put {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let own = [self.noun.as_str(), &self.id, &self.state, &self.body, &self.process];
        let optional = [&self.organization, &self.sponsor, &self.about, &self.parent];
        own.into_iter().chain(optional.into_iter().filter_map(|text| text.as_deref()))
    }
}

/// Rows that are no items: they carry no right, or are gone soon.
#[derive(Debug, Clone)]
pub enum Also {
    /// A sign-in, key, invitation or one-time code.
    Token(Token),
    /// It no longer works.
    RevokeToken { hash: Vec<u8>, at: Micros },
    /// Counts one try; the batch fails if none is left.
    UseToken { hash: Vec<u8>, at: Micros },
    /// To be sent by `connect`.
    Outbox(Message),
    /// Something was used `count` times more, from `first` to `last`.
    Used { noun: String, id: String, first: Micros, last: Micros, count: i64 },
    /// So that a warning is told once.
    Told { key: String, at: Micros },
    /// A version was looked at; when next.
    Looked { noun: String, id: String, rev: Rev, next: Option<Micros> },
    /// The answer to a request that may come again.
    Answer { key: String, digest: Vec<u8>, at: Micros, answer: String },
    /// A name and a value of the instance.
    Meta { name: String, value: String },
    /// The changes up to `to.cursor` are the leaves up to `to.leaves`.
    Sequenced { from: Sequenced, to: Sequenced },
    /// A message was sent, or is to be tried again at `next_at`, or given up.
    Tried { id: String, at: Micros, next_at: Option<Micros>, error: Option<String> },
    /// A restored store begins to count anew, above every revision that was lost, and nothing that was
    /// presented before is taken any more.
    Epoch { number: u64, at: Micros },
    /// Who did a change, and to what, is said by its leaf alone from now on, which names nobody.
    Unnamed { seq: Rev },
    /// Tokens, answers and sent messages that ended before are deleted.
    Prune { before: Micros },
}

impl Also {
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Token(token) => vec![&token.kind, &token.principal, &token.scope],
            Self::Outbox(one) => vec![&one.id, &one.kind, &one.target, &one.body],
            Self::Told { key, .. } => vec![key],
            Self::Used { noun, id, .. } => vec![noun, id],
            Self::Looked { noun, id, .. } => vec![noun, id],
            Self::Answer { key, answer, .. } => vec![key, answer],
            Self::Meta { name, value } => vec![name, value],
            Self::Tried { id, error, .. } => {
                [Some(id), error.as_ref()].into_iter().flatten().map(String::as_str).collect()
            }
            Self::RevokeToken { .. }
            | Self::UseToken { .. }
            | Self::Sequenced { .. }
            | Self::Epoch { .. }
            | Self::Unnamed { .. }
            | Self::Prune { .. } => Vec::new(),
        }
    }
}

/// What can be presented, by its hash: the thing itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// `code`, `session`, `key`, `invitation`.
    pub kind: String,
    /// Whose it is, as changes name it.
    pub principal: String,
    /// What it may do, as JSON.
    pub scope: String,
    pub made: Micros,
    pub ends: Micros,
    pub tries_left: Option<i64>,
    pub revoked: Option<Micros>,
}

/// A message to somebody outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Also what the receiver tells repeats by.
    pub id: String,
    /// `webhook`, `mail`.
    pub kind: String,
    pub target: String,
    pub body: String,
    pub at: Micros,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Durable; the revisions of its changes in their order.
    Done(Vec<Rev>),
    /// An item is not as it was read, or exists already: read again and decide again.
    Conflict { noun: String, id: String },
    /// The token is unknown, used up, revoked or past its end.
    TokenSpent,
}
