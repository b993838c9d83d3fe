//! What a page shows, in words already chosen. Numbers stay numbers, so that both outputs can
//! align and add them; everything else is text, of which none is trusted.

mod sample_strips;
mod samples;
mod strip;
mod trace;

pub use strip::{HopView, ReasonView, SegmentState, SegmentView, StripView};
pub use trace::{
    CellState, CellView, CommandView, CountView, CoverageRow, FindingMark, FindingView, FormatView,
    GapView, JudgementsView, LedgerView, LinkView, MatrixView, PathColumn, ProcessRow, Proof,
    ReadView, ReasonCount, Severity, TraceView,
};

/// The mark that says how sure a segment, link or cell is. Shape first, then word, then colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seal {
    /// One unique key on both sides; outside a strip: it holds.
    Exact,
    /// Several documented fields together.
    Composite,
    /// The record, or a person, says so.
    Declared,
    /// A named rule over time or attributes; shown, never counted.
    Inferred,
    /// A control did not hold.
    Broken,
    /// An approved departure that ends.
    Exception,
    /// Data is missing; never a pass.
    Unknown,
}

impl Seal {
    pub const ALL: [Self; 7] = [
        Self::Exact,
        Self::Composite,
        Self::Declared,
        Self::Inferred,
        Self::Broken,
        Self::Exception,
        Self::Unknown,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Composite => "composite",
            Self::Declared => "declared",
            Self::Inferred => "inferred",
            Self::Broken => "broken",
            Self::Exception => "exception",
            Self::Unknown => "unknown",
        }
    }

    /// What it means, for the key beside a strip.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Exact => "one unique key on both sides",
            Self::Composite => "several documented fields",
            Self::Declared => "the record names the actor",
            Self::Inferred => "shown, never counted",
            Self::Broken => "says why",
            Self::Exception => "approved, and ends",
            Self::Unknown => "data is missing, never a pass",
        }
    }
}

/// A judgement as a word that can be stamped on paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stamp {
    Deny,
    Unknown,
    StepUp,
    Allow,
}

impl Stamp {
    /// Worst first.
    pub const ALL: [Self; 4] = [Self::Deny, Self::Unknown, Self::StepUp, Self::Allow];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Unknown => "unknown",
            Self::StepUp => "step_up",
            Self::Allow => "allow",
        }
    }
}
