//! How sure an attribution is, and why there is none.

/// From surest to least sure; `Ord` follows that, so the weaker of two grades is their `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// The same unique key on both sides.
    Exact,
    /// A documented key of several fields.
    Composite,
    /// The record, or the register, names the identity.
    Declared,
    /// A named rule over time or attributes. Shown, never counted.
    Inferred,
    /// No identity, and a [`Gap`] says why.
    Unattributed,
}

impl Grade {
    pub const ALL: [Self; 5] =
        [Self::Exact, Self::Composite, Self::Declared, Self::Inferred, Self::Unattributed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Composite => "composite",
            Self::Declared => "declared",
            Self::Inferred => "inferred",
            Self::Unattributed => "unattributed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.as_str() == text)
    }

    /// Whether this grade enters coverage: a guess and a gap do not.
    pub fn counts(self) -> bool {
        self <= Self::Declared
    }
}

/// Why an action has no actor (or no holder).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// The record carries neither a key nor a principal.
    NoKey,
    /// A key was used whose issuance no collected record shows.
    IssuanceNotCollected,
    /// The session began before the first record of its feed.
    BeforeCoverageStart,
    /// A long-lived credential: its owner is known at best, who used it is not.
    SharedCredential,
    /// A shared account or portal, and nothing in the record narrows it.
    SharedAccount,
    /// The root account, without a checkout record.
    SharedRoot,
    /// Several candidates fit equally well; how many is in the attribution.
    Ambiguous,
    /// The middle of the chain comes by a feed that is not complete yet.
    AwaitingFeed,
    /// The source removed what would have linked the record.
    RedactedAtSource,
    /// The key was used outside the interval in which it belonged to anybody.
    OutsideValidity,
    /// The chain has more hops than [`crate::limits::CHAIN_DEPTH_MAX`].
    ChainTooDeep,
    /// The key is longer than [`crate::limits::KEY_BYTES_MAX`] and was not kept.
    KeyTooLong,
}

impl Gap {
    pub const ALL: [Self; 12] = [
        Self::NoKey,
        Self::IssuanceNotCollected,
        Self::BeforeCoverageStart,
        Self::SharedCredential,
        Self::SharedAccount,
        Self::SharedRoot,
        Self::Ambiguous,
        Self::AwaitingFeed,
        Self::RedactedAtSource,
        Self::OutsideValidity,
        Self::ChainTooDeep,
        Self::KeyTooLong,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no_key",
            Self::IssuanceNotCollected => "issuance_not_collected",
            Self::BeforeCoverageStart => "before_coverage_start",
            Self::SharedCredential => "shared_credential",
            Self::SharedAccount => "shared_account",
            Self::SharedRoot => "shared_root",
            Self::Ambiguous => "ambiguous",
            Self::AwaitingFeed => "awaiting_feed",
            Self::RedactedAtSource => "redacted_at_source",
            Self::OutsideValidity => "outside_validity",
            Self::ChainTooDeep => "chain_too_deep",
            Self::KeyTooLong => "key_too_long",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gap| gap.as_str() == text)
    }
}
