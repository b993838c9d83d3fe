//! A sponsor left: a clock runs in which a successor is found. What nobody takes over is reduced,
//! then stops, by facts that every guardrail reads and no worker has to bring about.

use std::fmt;

use countersign_model::id::SponsorId;
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::{Entitlement, Grant, Identity, Organization, RiskTier, Sponsor};
use countersign_model::time::{Duration, End, Timestamp};

use crate::approval::Sponsors;

/// How long things go on without a sponsor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// From the departure until high, critical and unknown risk stops.
    pub whole: Duration,
    /// From then until the rest stops.
    pub reduced: Duration,
}

impl Default for Clock {
    /// Two weeks each: a holiday of whoever must decide fits into the first.
    fn default() -> Self {
        Self { whole: Duration::from_days(14), reduced: Duration::from_days(14) }
    }
}

/// The facts of a sponsor who leaves at `left`, with the clock set.
pub fn departed(sponsor: &Sponsor, left: Timestamp, clock: Clock) -> Sponsor {
    let mut departed = sponsor.clone();
    let reduced = left.plus_nanos(clock.whole.0);
    departed.employed.until = Some(End::At(left));
    departed.reduced_from = Some(reduced);
    departed.succession_until = Some(reduced.plus_nanos(clock.reduced.0));
    departed
}

/// How far a sponsor's succession has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// They work here, or nobody said that they left.
    Employed,
    /// Everything goes on until then.
    Whole {
        until: Timestamp,
    },
    /// Only low and medium risk goes on until then.
    Reduced {
        until: Timestamp,
    },
    Stopped,
}

/// The stage at `at`, by the same facts that the guardrails read.
pub fn stage(sponsor: &Sponsor, at: Timestamp) -> Stage {
    if !sponsor.employed.until.is_some_and(|until| until.is_past(at)) {
        return Stage::Employed;
    }
    let Some(stopped) = sponsor.succession_until.filter(|stopped| at < *stopped) else {
        return Stage::Stopped;
    };
    match sponsor.reduced_from {
        Some(reduced) if reduced <= at => Stage::Reduced { until: stopped },
        Some(reduced) => Stage::Whole { until: reduced.min(stopped) },
        None => Stage::Whole { until: stopped },
    }
}

/// Whether access of that risk goes on. A risk that is not said is not small.
pub fn goes_on(stage: Stage, risk: Option<RiskTier>) -> bool {
    match stage {
        Stage::Employed | Stage::Whole { .. } => true,
        Stage::Reduced { .. } => matches!(risk, Some(RiskTier::Low | RiskTier::Medium)),
        Stage::Stopped => false,
    }
}

/// Why somebody cannot take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// They are the one who left.
    Themselves,
    /// They do not work here then.
    NotEmployed,
    /// From when until when they work here is not said.
    Unknown,
    /// They are known to leave before the clock has run out.
    LeavesToo,
    /// Following successors from them leads back to the one who left.
    Loop,
    Unregistered,
}

impl Refusal {
    /// Stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::Themselves => "successor.themselves",
            Self::NotEmployed => "successor.not_employed",
            Self::Unknown => "successor.unknown",
            Self::LeavesToo => "successor.leaves_too",
            Self::Loop => "successor.loop",
            Self::Unregistered => "successor.unregistered",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Themselves => "nobody succeeds themselves; name another",
            Self::NotEmployed => "they do not work here; name somebody who does",
            Self::Unknown => "whether they work here is not known; say `employed` of them",
            Self::LeavesToo => "they leave before the clock runs out; name somebody who stays",
            Self::Loop => "they were succeeded by the one who left; name another",
            Self::Unregistered => "they are not in the register; add them as a sponsor",
        })
    }
}

impl std::error::Error for Refusal {}

/// Whether `successor` can take over from `left` at `at`.
///
/// # Errors
/// [`Refusal`], with what would work.
pub fn may_succeed(
    (left, sponsor): (&SponsorId, &Sponsor),
    successor: &SponsorId,
    sponsors: Sponsors<'_, '_>,
    at: Timestamp,
) -> Result<(), Refusal> {
    if left == successor {
        return Err(Refusal::Themselves);
    }
    let known = sponsors(successor).ok_or(Refusal::Unregistered)?;
    match known.employed.contains(at) {
        Some(true) => {}
        Some(false) => return Err(Refusal::NotEmployed),
        None => return Err(Refusal::Unknown),
    }
    let stops = sponsor.succession_until.map(End::At);
    if known.employed.until.zip(stops).is_some_and(|(until, stops)| until <= stops) {
        return Err(Refusal::LeavesToo);
    }
    let mut next = known.successor.as_ref();
    for _ in 0..CHAIN_DEPTH_MAX {
        match next {
            None => return Ok(()),
            Some(id) if id == left => return Err(Refusal::Loop),
            Some(id) => next = sponsors(id).and_then(|known| known.successor.as_ref()),
        }
    }
    Err(Refusal::Loop)
}

/// What of a sponsor moves to whoever succeeds them. What they did (accepted a trust path, approved
/// a mandate or an exception) stays theirs: it is evidence.
pub trait Sponsored {
    /// Whether it is `left`'s at `at` and moves.
    fn moves(&self, left: &SponsorId, at: Timestamp) -> bool;
}

impl Sponsored for Organization {
    fn moves(&self, left: &SponsorId, at: Timestamp) -> bool {
        self.sponsor.as_ref() == Some(left)
            && !self.contract.until.is_some_and(|until| until.is_past(at))
    }
}

impl Sponsored for Grant {
    fn moves(&self, left: &SponsorId, at: Timestamp) -> bool {
        self.sponsor.as_ref() == Some(left)
            && !self.interval.until.is_some_and(|until| until.is_past(at))
            && self.revoked.is_none_or(|revoked| at < revoked)
    }
}

impl Sponsored for Entitlement {
    fn moves(&self, left: &SponsorId, _: Timestamp) -> bool {
        self.owner.as_deref() == Some(left.as_str())
    }
}

impl Sponsored for Identity {
    fn moves(&self, left: &SponsorId, at: Timestamp) -> bool {
        self.owner.as_deref() == Some(left.as_str())
            && !self.active.until.is_some_and(|until| until.is_past(at))
    }
}
