//! The countersign strip of one action.

use super::{Seal, Stamp};

/// What stood behind one action, from the organization to the judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripView {
    /// How the action is asked for again, such as `payments/r-77f0c2ce`.
    pub event: String,
    /// Small facts above the headline: time, tenant, source.
    pub kicker: Vec<String>,
    /// One sentence that a sponsor can read aloud.
    pub headline: String,
    /// One or two further sentences; may be empty.
    pub lead: String,
    /// In order: Organization, Trust path, Assurance, Identity, Acting through (one a hop),
    /// Credential, Grant, Action. A segment is never dropped; the judgement is `stamp`.
    pub segments: Vec<SegmentView>,
    pub stamp: Stamp,
    /// Lines under the stamp, such as `at 14:02:11.198 UTC`.
    pub stamped: Vec<String>,
    pub reasons: Vec<ReasonView>,
    /// From the root authentication to the action.
    pub chain: Vec<HopView>,
    /// Where the raw record lies, as `file:line`.
    pub raw: String,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentView {
    /// Such as `Trust path`.
    pub label: String,
    pub state: SegmentState,
    pub seal: Seal,
    /// The word beside the seal where it says more than the seal's own, such as `below` or
    /// `missing`; otherwise empty.
    pub word: String,
    /// The first line is the value, the others explain it. Empty if there is nothing to say.
    pub lines: Vec<String>,
    /// Why it is broken or inferred, and what would close it; otherwise empty.
    pub because: String,
}

impl SegmentView {
    pub(crate) fn word(&self) -> &str {
        match (self.word.is_empty(), self.state) {
            (false, _) => &self.word,
            (true, SegmentState::NotReached) => "not reached",
            (true, _) => self.seal.as_str(),
        }
    }
}

/// How the wire runs into the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentState {
    Intact,
    /// A dashed wire.
    Inferred,
    /// A gap before the seal.
    Broken,
    /// A dotted wire: the chain ends before it.
    NotReached,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonView {
    /// Stable, such as `grant.expired`.
    pub code: String,
    pub sentence: String,
    /// What this reason alone would have answered.
    pub stamp: Stamp,
    /// Such as `NHI1:2025`, `PR.AA-05`.
    pub controls: Vec<String>,
}

/// One record of the chain and how it was tied to the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopView {
    /// As it is to be shown, such as `16 Nov 14:01:55.640`.
    pub time: String,
    /// Such as `token_issue`.
    pub kind: String,
    /// What happened, and which feed says so.
    pub what: String,
    /// The rule or key that tied it; empty for the root.
    pub rule: String,
    pub grade: Seal,
    pub event: String,
}
