//! Who stood behind an event: the result of the trace.

use crate::event::{EventKind, Outcome, PrincipalKind};
use crate::grade::{Gap, Grade};
use crate::time::Timestamp;

/// The trace of one event. Borrowed, so that one is built for each of millions without allocation.
///
/// The *holder* is whom the credential belongs to; the *actor* is who really acted. They differ
/// behind shared credentials, portals, delegation and impersonation.
#[derive(Debug, Clone)]
pub struct Attribution<'a> {
    pub event: EventFacts<'a>,
    pub class: PrincipalClass,
    pub holder: Party<'a>,
    pub actor: Party<'a>,
    /// From the event back to the root authentication.
    pub chain: &'a [Hop<'a>],
    /// Identities through or for which the actor acted, outermost first.
    pub through: &'a [Through<'a>],
    /// The portal it came through.
    pub portal: Option<&'a str>,
    /// The registered credential that was presented, if any.
    pub credential: Option<&'a str>,
    /// The public handle of the key that was presented.
    pub handle: Option<&'a str>,
    /// Claims of the root authentication, for the assurance map: (namespace, value).
    pub assurance: &'a [(&'a str, &'a str)],
    /// When the root authentication took place, if it is in the logs.
    pub authenticated_at: Option<Timestamp>,
    /// Sorted, without repeats.
    pub notes: &'a [Note],
    /// How many times the record was delivered.
    pub deliveries: u32,
}

/// What the event itself says.
#[derive(Debug, Clone, Copy)]
pub struct EventFacts<'a> {
    pub source: &'a str,
    pub feed: &'a str,
    pub id: &'a str,
    pub time: Timestamp,
    pub kind: EventKind,
    /// Register id of the tenant, or the source's own name if it is not registered.
    pub tenant: &'a str,
    pub outcome: Outcome,
    pub action: &'a str,
    pub resource: Option<&'a str>,
    pub privileged: bool,
    pub via: Option<&'a str>,
    pub ip: Option<&'a str>,
    pub user_agent: Option<&'a str>,
}

/// An identity and how sure we are of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party<'a> {
    /// Register id, if the account is registered.
    pub identity: Option<&'a str>,
    /// The account as the logs name it: (namespace, value).
    pub account: Option<(&'a str, &'a str)>,
    pub name: Option<&'a str>,
    pub kind: PrincipalKind,
    pub grade: Grade,
    /// The rule that decided the grade, such as `access_key` or `register.credential`.
    pub rule: &'a str,
    /// Set if and only if `grade` is `Unattributed`.
    pub gap: Option<Gap>,
    /// For `Gap::Ambiguous`: how many candidates; 0 otherwise.
    pub candidates: u32,
    /// The feed that would close the gap.
    pub feed: Option<&'a str>,
}

impl<'a> Party<'a> {
    pub fn unattributed(gap: Gap) -> Self {
        Self {
            identity: None,
            account: None,
            name: None,
            kind: PrincipalKind::Unknown,
            grade: Grade::Unattributed,
            rule: "",
            gap: Some(gap),
            candidates: 0,
            feed: None,
        }
    }
}

/// One link of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop<'a> {
    /// Name of the link rule.
    pub rule: &'a str,
    pub grade: Grade,
    /// Source and id of the event that issued the key; the register if the source is `register`.
    pub source: &'a str,
    pub event: &'a str,
    pub time: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Through<'a> {
    pub identity: Option<&'a str>,
    pub account: (&'a str, &'a str),
}

/// Whose principal it is. Only external and unknown ones enter coverage and judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalClass {
    External,
    Own,
    ProviderService,
    Unknown,
}

impl PrincipalClass {
    pub const ALL: [Self; 4] = [Self::External, Self::Own, Self::ProviderService, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Own => "own",
            Self::ProviderService => "provider_service",
            Self::Unknown => "unknown",
        }
    }

    pub fn is_judged(self) -> bool {
        matches!(self, Self::External | Self::Unknown)
    }
}

/// What is worth knowing about an attribution beside its grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Note {
    /// Used before it was issued, within the clock skew the source is allowed.
    Skew,
    /// Used before it was issued, by more than the allowed skew.
    UsedBeforeIssued,
    /// Used after its end; the link is kept.
    AfterExpiry,
    /// Used after it was revoked; the link is kept.
    AfterRevocation,
    /// Another key of the same record leads to somebody else; the surest chain won.
    Conflict,
    /// The same id arrived with different content; both were kept.
    ContentConflict,
    /// An instance's key used from outside the provider: whoever acts holds a stolen key.
    OffInstance,
    /// Several accounts logged the same action; it is counted once.
    SharedAcrossTenants,
    /// The record is of an attempt that failed.
    Attempt,
    /// Later records of an impersonated session look like the victim.
    Impersonated,
    /// The identity was registered under this account only before or after the event.
    AccountReassigned,
}

impl Note {
    pub const ALL: [Self; 11] = [
        Self::Skew,
        Self::UsedBeforeIssued,
        Self::AfterExpiry,
        Self::AfterRevocation,
        Self::Conflict,
        Self::ContentConflict,
        Self::OffInstance,
        Self::SharedAcrossTenants,
        Self::Attempt,
        Self::Impersonated,
        Self::AccountReassigned,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skew => "skew",
            Self::UsedBeforeIssued => "used_before_issued",
            Self::AfterExpiry => "after_expiry",
            Self::AfterRevocation => "after_revocation",
            Self::Conflict => "conflict",
            Self::ContentConflict => "content_conflict",
            Self::OffInstance => "off_instance",
            Self::SharedAcrossTenants => "shared_across_tenants",
            Self::Attempt => "attempt",
            Self::Impersonated => "impersonated",
            Self::AccountReassigned => "account_reassigned",
        }
    }
}
