//! What to invent: how much, when, and what goes wrong.

/// A world to be made. The same plan makes the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub seed: u64,
    /// How many actions the truth tells of. Logs hold more records than that.
    pub actions: u64,
    /// Start of the logs, milliseconds since 1970 UTC.
    pub start: i64,
    pub days: u32,
    /// How many organizations; people, machines and keys follow from it.
    pub organizations: u32,
    pub faults: Faults,
}

impl Plan {
    /// A world of this size: 2026-11-02 to 2026-11-09, with every fault.
    pub fn new(seed: u64, actions: u64) -> Self {
        let organizations = u32::try_from((actions / 1500).clamp(8, 240)).expect("at most 240");
        Self {
            seed,
            actions,
            start: 1_793_577_600_000,
            days: 7,
            organizations,
            faults: Faults::all(),
        }
    }

    pub(crate) fn span(&self) -> i64 {
        i64::from(self.days.max(1)) * crate::time::DAY
    }
}

/// What goes wrong, each as a rate from 0 to 1 of what it can befall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// Records delivered late, up to the horizon of their feed.
    pub late: f64,
    /// Records delivered 2 to 118 times.
    pub duplicates: f64,
    /// Scenes whose sources' clocks differ by up to two seconds.
    pub skew: f64,
    /// Scenes joined by exact keys whose clocks differ by five minutes.
    pub large_skew: f64,
    /// Feeds left out of the logs.
    pub missing_feeds: f64,
    /// Single issuance records lost.
    pub lost: f64,
    /// Logins preceded by a failed one.
    pub failed_logins: f64,
    /// Logins where the documented key fits two.
    pub twins: f64,
    /// Sentinel values where a key should be.
    pub sentinels: f64,
    /// Less usual encodings of the same value.
    pub encodings: f64,
    /// Records whose linking values the source removed.
    pub redaction: f64,
    /// The same raw key value in another tenant, held by somebody else.
    pub collisions: f64,
    /// Names that are given to another person halfway.
    pub renames: f64,
    /// Long-lived keys in several hands.
    pub shared_keys: f64,
    /// Sessions a thief takes over.
    pub stolen: f64,
    /// Keys and grants used after their end or revocation.
    pub expired: f64,
}

impl Faults {
    /// Everything that goes wrong in real logs, often enough to be seen in a small world.
    pub fn all() -> Self {
        Self {
            late: 0.5,
            duplicates: 0.05,
            skew: 0.5,
            large_skew: 0.1,
            missing_feeds: 0.12,
            lost: 0.03,
            failed_logins: 0.1,
            twins: 0.15,
            sentinels: 0.1,
            encodings: 0.5,
            redaction: 0.05,
            collisions: 0.15,
            renames: 0.5,
            shared_keys: 0.4,
            stolen: 0.08,
            expired: 0.1,
        }
    }

    /// A company whose logs are as good as logs can be.
    pub fn none() -> Self {
        Self {
            late: 0.0,
            duplicates: 0.0,
            skew: 0.0,
            large_skew: 0.0,
            missing_feeds: 0.0,
            lost: 0.0,
            failed_logins: 0.0,
            twins: 0.0,
            sentinels: 0.0,
            encodings: 0.0,
            redaction: 0.0,
            collisions: 0.0,
            renames: 0.0,
            shared_keys: 0.0,
            stolen: 0.0,
            expired: 0.0,
        }
    }
}
