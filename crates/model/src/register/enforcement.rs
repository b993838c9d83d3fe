//! How the decisions of an application are answered.

use crate::time::{Duration, Timestamp};

/// How the decisions that an application asks for are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforcement {
    pub mode: EnforcementMode,
    /// When observing ends, and enforcing begins.
    pub until: Option<Timestamp>,
    /// What is answered of a subject that is not registered.
    pub unknown_subject: UnknownSubject,
    /// What is answered of a request behind a portal that names no person.
    pub unattributed: Unattributed,
    /// What is answered by a node that cannot read what changed.
    pub stale: WhenStale,
    /// For how long an answer may be kept.
    pub max_age: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnforcementMode {
    /// Judged and recorded; the application is told to allow.
    Observe,
    Enforce,
}

impl EnforcementMode {
    pub const ALL: [Self; 2] = [Self::Observe, Self::Enforce];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownSubject {
    #[default]
    Deny,
    /// Whoever is not registered is not ours to judge.
    Pass,
}

impl UnknownSubject {
    pub const ALL: [Self; 2] = [Self::Deny, Self::Pass];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Pass => "pass",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unattributed {
    #[default]
    Refuse,
    /// Answered as the portal's own, and recorded as nobody's.
    Record,
}

impl Unattributed {
    pub const ALL: [Self; 2] = [Self::Refuse, Self::Record];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Record => "record",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenStale {
    #[default]
    Refuse,
    /// Answered by the facts that are there, and marked.
    Degrade,
}

impl WhenStale {
    pub const ALL: [Self; 2] = [Self::Refuse, Self::Degrade];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Degrade => "degrade",
        }
    }
}
