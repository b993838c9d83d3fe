//! One log line, normalised: who it names, what it did, and what it says about keys.

use std::borrow::Cow;

use crate::grade::Grade;
use crate::key::KeyKind;
use crate::time::{Duration, Timestamp};

/// A normalised log line. Borrows from the raw record where it can: millions pass by a second.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The definition that read it, such as `aws.cloudtrail`.
    pub source: &'a str,
    /// The part of the source it came by, such as `signin.noninteractive`; `main` if there is one.
    pub feed: &'a str,
    /// The source's own id, unique within source and tenant; a content hash where it has none.
    pub id: Cow<'a, str>,
    pub time: Timestamp,
    /// How finely the source states time, in nanoseconds; one second is 1_000_000_000.
    pub resolution: Duration,
    pub kind: EventKind,
    /// The source's own name of the tenant, not yet a register id; empty if records have none.
    pub tenant: Cow<'a, str>,
    pub outcome: Outcome,
    /// `service:Operation` or the source's event name.
    pub action: Cow<'a, str>,
    pub resource: Option<Cow<'a, str>>,
    /// Whether the source definition calls this action privileged.
    pub privileged: bool,
    /// Who the record says acted.
    pub principal: Option<Principal<'a>>,
    /// Delegation that the record itself states, outermost subject first, actor last; does not
    /// repeat `principal`.
    pub delegation: Vec<Delegate<'a>>,
    /// The service of the provider that acted for the principal (`invokedBy`).
    pub via: Option<Cow<'a, str>>,
    pub ip: Option<Cow<'a, str>>,
    pub user_agent: Option<Cow<'a, str>>,
    /// Claims about how the principal authenticated: (namespace, value), such as (`amr`, `otp`).
    pub assurance: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub links: Vec<Link<'a>>,
    /// When the session or key that was used began, if the record says so.
    pub session_started: Option<Timestamp>,
    /// The id under which other accounts log the same action.
    pub shared_id: Option<Cow<'a, str>>,
    /// The source itself removed a linking value from this record.
    pub redacted: bool,
    /// Hash of the raw bytes, to tell a repeated delivery from a conflicting one.
    pub content: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    Authentication,
    TokenIssue,
    TokenUse,
    Action,
    AccountChange,
}

impl EventKind {
    pub const ALL: [Self; 5] =
        [Self::Authentication, Self::TokenIssue, Self::TokenUse, Self::Action, Self::AccountChange];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::TokenIssue => "token_issue",
            Self::TokenUse => "token_use",
            Self::Action => "action",
            Self::AccountChange => "account_change",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Success,
    Failure,
    Unknown,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// An account as a record names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal<'a> {
    /// Who issues such names: an account, directory tenant, realm or issuer.
    pub namespace: Cow<'a, str>,
    /// The immutable id where the record has one, else the name.
    pub value: Cow<'a, str>,
    /// For people to read; never a key.
    pub name: Option<Cow<'a, str>>,
    pub kind: PrincipalKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    Human,
    Service,
    Agent,
    /// The provider's own service, acting by itself.
    ProviderService,
    /// The root or break-glass account of a tenant.
    Root,
    Unknown,
}

impl PrincipalKind {
    pub const ALL: [Self; 6] =
        [Self::Human, Self::Service, Self::Agent, Self::ProviderService, Self::Root, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Agent => "agent",
            Self::ProviderService => "provider_service",
            Self::Root => "root",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One hop of a delegation that a record states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegate<'a> {
    pub role: DelegateRole,
    pub principal: Principal<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DelegateRole {
    /// The principal acts for this one (on behalf of, `sub` beside `act`).
    Subject,
    /// This one really acts; the principal is only the appearance (impersonation, `act`).
    Actor,
    /// Said to be at the source of the session (`sourceIdentity`): believed only where no key
    /// chain says otherwise.
    Source,
}

impl DelegateRole {
    pub const ALL: [Self; 3] = [Self::Subject, Self::Actor, Self::Source];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Actor => "actor",
            Self::Source => "source",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// One thing a record says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link<'a> {
    pub verb: Verb,
    pub kind: KeyKind,
    /// Who issues such values: an account, tenant, realm, issuer; empty if the value is unique by
    /// itself (it never is for requests, see [`crate::register::Portal`]).
    pub namespace: Cow<'a, str>,
    /// Canonical: decoded, and folded where the kind is not case-sensitive.
    pub value: Cow<'a, str>,
    pub rule: LinkRule,
    /// For `Issues`: the key it comes from; the index of another link of the same event. Without
    /// one, all keys the event uses, then its principal.
    pub parent: Option<u8>,
    /// For `Issues` and `Authenticates`: when the key stops being valid.
    pub until: Option<Timestamp>,
    /// For `Issues`: whom the key belongs to, if that is not the event's principal (a role session
    /// that a provider's service starts for a machine).
    pub root: Option<Principal<'a>>,
}

/// How a key may be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRule {
    /// Name of the rule in its definition, such as `access_key`; shown beside every link.
    pub name: &'static str,
    /// `Exact` for a unique key, `Composite` for a documented several-field one, `Inferred` for
    /// anything else. A chain is as sure as its weakest rule.
    pub grade: Grade,
    /// If set, the two sides must lie within this much time, and two candidates are ambiguous.
    pub window: Option<Duration>,
    /// The source reuses values after a while, so a use outside `[issued, until)` is nobody's.
    pub recycled: bool,
    /// The credential lives until somebody ends it: its issuance is usually not in any log.
    pub long_lived: bool,
    /// The feed whose records would show the other side, in words a log owner understands.
    pub closed_by: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// The event is the authentication at the root of this key.
    Authenticates,
    /// The event brings this key into being.
    Issues,
    /// The event was made by presenting this key.
    Uses,
    /// From this event on the key no longer holds.
    Revokes,
}

impl Verb {
    pub const ALL: [Self; 4] = [Self::Authenticates, Self::Issues, Self::Uses, Self::Revokes];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authenticates => "authenticates",
            Self::Issues => "issues",
            Self::Uses => "uses",
            Self::Revokes => "revokes",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text)
    }
}
