//! Instants, how precisely a source states them, and the intervals in which facts hold.

/// Nanoseconds since 1970-01-01T00:00:00Z, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    pub fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// When a fact stops holding. What the register does not say is not an `End` at all but `None`:
/// unknown, never "for ever".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    At(Timestamp),
    /// The register says so in words: `until: never`.
    Never,
}

impl End {
    /// Whether the fact has ended at `at`. `until` is the first instant at which it no longer holds.
    pub fn is_past(self, at: Timestamp) -> bool {
        match self {
            Self::At(until) => until <= at,
            Self::Never => false,
        }
    }
}

/// `[from, until)`. Each side may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    pub from: Option<Timestamp>,
    pub until: Option<End>,
}

impl Interval {
    /// `Some(true)` if `at` is inside, `Some(false)` if it is surely outside, `None` if a missing
    /// side leaves it open.
    pub fn contains(&self, at: Timestamp) -> Option<bool> {
        let started = self.from.map(|from| from <= at);
        let running = self.until.map(|until| !until.is_past(at));
        match (started, running) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            (None, _) | (_, None) => None,
        }
    }
}

/// Whether any of the intervals contains `at`; `None` if only missing sides leave it open.
pub fn any_contains(intervals: &[Interval], at: Timestamp) -> Option<bool> {
    let mut known = Some(false);
    for interval in intervals {
        match interval.contains(at) {
            Some(true) => return Some(true),
            contains => known = known.and(contains),
        }
    }
    known
}

/// A length of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub i64);

impl Duration {
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    pub fn from_days(days: i64) -> Self {
        Self::from_seconds(days.saturating_mul(86_400))
    }

    pub fn days(self) -> i64 {
        self.0 / (86_400 * NANOS_PER_SECOND)
    }
}
