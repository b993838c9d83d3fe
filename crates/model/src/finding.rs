//! A fact that breaks a control.

use crate::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable over runs: a hash of code and subject.
    pub id: String,
    /// Such as `use.without_grant`.
    pub code: &'static str,
    pub severity: Severity,
    /// What it is about, such as `identity:cl-bot` or `process:claims-payout`.
    pub subject: String,
    /// One sentence.
    pub title: String,
    /// What to do about it, one sentence.
    pub remedy: String,
    /// How many events prove it.
    pub count: u64,
    /// The first few events that prove it, as `source/id`, sorted by time then id.
    pub events: Vec<String>,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub controls: Vec<String>,
    /// The exception that accepts it, and until when.
    pub accepted_by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text)
    }
}
