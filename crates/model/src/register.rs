//! What the company knows: the register, as it stands in memory after parsing.
//!
//! `Option` means *unknown* throughout, never "none needed". A list that the register does not
//! mention is empty and says so by its `Option` where a guardrail reads it.

use std::collections::BTreeMap;

use crate::assurance::Assurance;
use crate::id::{
    CredentialId, EntitlementId, ExceptionId, GrantId, GroupId, IdentityId, OrganizationId,
    PolicyId, PortalId, SponsorId, TenantId, TrustPathId,
};
use crate::time::{Duration, End, Interval, Timestamp};
use crate::value::Record;

mod enforcement;

pub use enforcement::{Enforcement, EnforcementMode, Unattributed, UnknownSubject, WhenStale};

#[derive(Debug, Clone, Default)]
pub struct Register {
    pub company: Option<String>,
    pub tenants: BTreeMap<TenantId, Tenant>,
    pub organizations: BTreeMap<OrganizationId, Organization>,
    pub sponsors: BTreeMap<SponsorId, Sponsor>,
    pub trust_paths: BTreeMap<TrustPathId, TrustPath>,
    pub identities: BTreeMap<IdentityId, Identity>,
    pub credentials: BTreeMap<CredentialId, Credential>,
    pub entitlements: BTreeMap<EntitlementId, Entitlement>,
    pub grants: BTreeMap<GrantId, Grant>,
    pub groups: BTreeMap<GroupId, Group>,
    pub portals: BTreeMap<PortalId, Portal>,
    pub exceptions: BTreeMap<ExceptionId, Exception>,
    pub policies: BTreeMap<PolicyId, Policy>,
    /// Accounts that are our own people and systems.
    pub own: Vec<OwnRule>,
    /// What counts as privileged, beside what the source definitions say.
    pub privileged: Vec<PrivilegedRule>,
}

/// A security domain of ours in which logs arise.
#[derive(Debug, Clone, Default)]
pub struct Tenant {
    pub name: Option<String>,
    /// Name of the source definition whose records arise here.
    pub source: Option<String>,
    /// What its records call it: account numbers, directory ids, realms, issuers.
    pub accounts: Vec<String>,
    /// Patterns of log files that belong to it, for sources whose records do not name a tenant.
    pub files: Vec<String>,
    pub environment: Option<String>,
    /// Feeds that are known to be on and collected.
    pub feeds: Option<Vec<String>>,
    /// Since when its logs are complete; before it nothing can be concluded from absence.
    pub logs_from: Option<Timestamp>,
    /// What is answered when it asks for decisions.
    pub enforcement: Option<Enforcement>,
    /// What is known here of the things it protects.
    pub resources: Vec<Resource>,
}

/// A thing that an application protects, as the application names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub kind: String,
    pub id: String,
    /// What policies may read of it.
    pub properties: Record,
}

#[derive(Debug, Clone)]
pub struct Organization {
    pub name: Option<String>,
    pub kind: OrganizationKind,
    /// The reseller that brought it in.
    pub via: Option<OrganizationId>,
    pub state: Option<OrganizationState>,
    pub sponsor: Option<SponsorId>,
    pub contract: Interval,
    /// When it was, is or will be suspended; `until: never` while nobody knows how long.
    pub suspended: Vec<Interval>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrganizationKind {
    Partner,
    Customer,
    Supplier,
    Reseller,
    Contractor,
}

impl OrganizationKind {
    pub const ALL: [Self; 5] =
        [Self::Partner, Self::Customer, Self::Supplier, Self::Reseller, Self::Contractor];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Customer => "customer",
            Self::Supplier => "supplier",
            Self::Reseller => "reseller",
            Self::Contractor => "contractor",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrganizationState {
    Proposed,
    Active,
    Suspended,
    Ended,
}

impl OrganizationState {
    pub const ALL: [Self; 4] = [Self::Proposed, Self::Active, Self::Suspended, Self::Ended];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
        }
    }
}

/// An employee accountable for outsiders. `employed.until` in the past: they have left.
#[derive(Debug, Clone, Default)]
pub struct Sponsor {
    pub name: Option<String>,
    /// Where mail reaches them. Personal data.
    pub email: Option<String>,
    pub employed: Interval,
    /// Who took over, and until when access sponsored by the one who left may go on meanwhile.
    pub successor: Option<SponsorId>,
    pub succession_until: Option<Timestamp>,
    /// From when meanwhile only low and medium risk may go on. `None`: nothing is reduced.
    pub reduced_from: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct TrustPath {
    pub organization: OrganizationId,
    pub kind: TrustPathKind,
    /// The issuer (OIDC), entity id (SAML), realm or account whose names arrive by it.
    pub issuer: Option<String>,
    /// Accepted, and not yet retired.
    pub active: Interval,
    pub accepted_by: Option<SponsorId>,
    /// Must be revalidated by then; after it assurance falls to the floor.
    pub revalidate_by: Option<Timestamp>,
    pub assurance_map: Vec<AssuranceEntry>,
    /// The assurance of a path whose level is constant by agreement (api keys, certificates).
    pub constant: Option<Assurance>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrustPathKind {
    Oidc,
    Saml,
    Local,
    ApiKey,
    OauthClient,
    Mtls,
    Portal,
    Workload,
}

impl TrustPathKind {
    pub const ALL: [Self; 8] = [
        Self::Oidc,
        Self::Saml,
        Self::Local,
        Self::ApiKey,
        Self::OauthClient,
        Self::Mtls,
        Self::Portal,
        Self::Workload,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Local => "local",
            Self::ApiKey => "api_key",
            Self::OauthClient => "oauth_client",
            Self::Mtls => "mtls",
            Self::Portal => "portal",
            Self::Workload => "workload",
        }
    }
}

/// One row of an assurance map: this claim is accepted as this much.
#[derive(Debug, Clone)]
pub struct AssuranceEntry {
    pub namespace: String,
    pub value: String,
    pub accept: Assurance,
}

#[derive(Debug, Clone)]
pub struct Identity {
    pub name: Option<String>,
    pub organization: OrganizationId,
    pub kind: IdentityKind,
    /// For non-human identities: the person or sponsor who answers for it, by name.
    pub owner: Option<String>,
    pub active: Interval,
    /// When it was, is or will be suspended.
    pub suspended: Vec<Interval>,
    /// Accounts under which logs name it. An account belongs to one identity at a time.
    pub accounts: Vec<Account>,
    /// Networks it is registered to be used from, CIDR.
    pub networks: Option<Vec<String>>,
    /// For agents: what they may do.
    pub mandate: Option<Mandate>,
    /// What the company's own policies may read of it.
    pub properties: Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKind {
    Human,
    Service,
    Agent,
    Shared,
}

impl IdentityKind {
    pub const ALL: [Self; 4] = [Self::Human, Self::Service, Self::Agent, Self::Shared];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Agent => "agent",
            Self::Shared => "shared",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Account {
    /// The namespace in which the name is given: an account number, directory id, issuer; or a
    /// tenant's register id, which stands for all its accounts.
    pub namespace: String,
    pub value: String,
    pub trust_path: Option<TrustPathId>,
    pub active: Interval,
}

/// The bounds of an agent.
#[derive(Debug, Clone, Default)]
pub struct Mandate {
    /// Action patterns, `*` for any run of characters.
    pub actions: Vec<String>,
    pub until: Option<End>,
    pub approved_by: Option<SponsorId>,
}

#[derive(Debug, Clone)]
pub struct Credential {
    pub identity: IdentityId,
    pub kind: CredentialKind,
    /// Its public handle as logs show it: key id, certificate fingerprint, token hash.
    pub handle: String,
    /// The account or tenant whose logs show the handle; any if not given.
    pub namespace: Option<String>,
    pub trust_path: Option<TrustPathId>,
    pub issued: Option<Timestamp>,
    pub until: Option<End>,
    pub revoked: Option<Timestamp>,
    pub rotated: Option<Timestamp>,
    /// How old it may get before it must be rotated.
    pub rotate_every: Option<Duration>,
    /// The one consumer that uses it. `None`: unknown, so the actor behind it is unknown too.
    pub consumer: Option<String>,
    /// Known to be in several hands.
    pub shared: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialKind {
    FederatedLink,
    Passkey,
    Password,
    ApiKey,
    ClientSecret,
    ClientKey,
    Certificate,
    Token,
}

impl CredentialKind {
    pub const ALL: [Self; 8] = [
        Self::FederatedLink,
        Self::Passkey,
        Self::Password,
        Self::ApiKey,
        Self::ClientSecret,
        Self::ClientKey,
        Self::Certificate,
        Self::Token,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FederatedLink => "federated_link",
            Self::Passkey => "passkey",
            Self::Password => "password",
            Self::ApiKey => "api_key",
            Self::ClientSecret => "client_secret",
            Self::ClientKey => "client_key",
            Self::Certificate => "certificate",
            Self::Token => "token",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Entitlement {
    pub name: Option<String>,
    pub catalog: Catalog,
    pub tenant: Option<TenantId>,
    /// Action patterns, `*` for any run of characters.
    pub actions: Vec<String>,
    /// Resource patterns; any resource if not given.
    pub resources: Option<Vec<String>>,
    pub business_process: Option<String>,
    pub owner: Option<String>,
    pub risk: Option<RiskTier>,
    pub required: Option<Assurance>,
    pub longest: Option<Duration>,
    pub review_every: Option<Duration>,
    pub incompatible_with: Vec<EntitlementId>,
    /// `None`: not known, so the sponsor is asked.
    pub who_may_ask: Option<WhoMayAsk>,
    /// Who approves grants of it. `None`: by risk. High, critical and unknown risk take both.
    pub approval: Option<ApprovalPolicy>,
    /// How many levels below it a reseller's grant may be passed on; 0 is not at all.
    pub passed_on_depth: Option<u8>,
}

/// Who may ask for an entitlement: organizations of these kinds, and these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WhoMayAsk {
    pub kinds: Vec<OrganizationKind>,
    pub organizations: Vec<OrganizationId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApprovalPolicy {
    Sponsor,
    /// The owner of the entitlement.
    Owner,
    /// Both of them, and they are two people.
    Both,
}

impl ApprovalPolicy {
    pub const ALL: [Self; 3] = [Self::Sponsor, Self::Owner, Self::Both];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sponsor => "sponsor",
            Self::Owner => "owner",
            Self::Both => "both",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Catalog {
    Partners,
    Customers,
    Machines,
}

impl Catalog {
    pub const ALL: [Self; 3] = [Self::Partners, Self::Customers, Self::Machines];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Partners => "partners",
            Self::Customers => "customers",
            Self::Machines => "machines",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskTier {
    Low,
    Medium,
    High,
    Critical,
}

impl RiskTier {
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Grant {
    pub entitlement: EntitlementId,
    pub to: Grantee,
    pub sponsor: Option<SponsorId>,
    pub justification: Option<String>,
    pub interval: Interval,
    pub revoked: Option<Timestamp>,
    /// When it was, is or will be suspended.
    pub suspended: Vec<Interval>,
    /// When its next review is due, and how long after that it may still be used.
    pub review_due: Option<Timestamp>,
    pub review_grace: Option<Duration>,
    /// The grant of the reseller that this one is passed on from.
    pub passed_on_from: Option<GrantId>,
    /// Taken in an emergency: nobody approved it before, two people look at it afterwards.
    pub break_glass: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grantee {
    Identity(IdentityId),
    Group(GroupId),
    Organization(OrganizationId),
}

#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Whose people are in it; `None` if not known, or of several.
    pub organization: Option<OrganizationId>,
    pub members: Vec<Member>,
}

#[derive(Debug, Clone)]
pub struct Member {
    pub identity: IdentityId,
    pub active: Interval,
}

/// A front door: many people, one account behind it.
#[derive(Debug, Clone)]
pub struct Portal {
    pub organization: Option<OrganizationId>,
    /// The tenant in whose logs the people sign in to it.
    pub tenant: TenantId,
    /// The identity under which it acts elsewhere; requests of that identity may be followed back
    /// by request id, and only those.
    pub acts_as: Vec<IdentityId>,
    /// How long after a person's last request they may still be the one who acts.
    pub idle: Option<Duration>,
}

/// A recorded departure from the rules.
#[derive(Debug, Clone)]
pub struct Exception {
    /// The reason or finding code that it sets aside.
    pub rule: String,
    /// What it covers, such as `identity:cl-bot`, `grant:…`, `organization:…`.
    pub subject: String,
    pub approved_by: Option<SponsorId>,
    pub justification: Option<String>,
    pub interval: Interval,
}

/// Policies of the company's own. They may only forbid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The application that it is about; all of them if not given.
    pub tenant: Option<TenantId>,
    /// Cedar policies, to the byte as they were given.
    pub cedar: String,
    /// The application's own types, in Cedar's schema syntax. `None`: the policies read the facts
    /// that guardrails read.
    pub schema: Option<String>,
}

/// Accounts that are ours: `namespace` and `value` are patterns.
#[derive(Debug, Clone)]
pub struct OwnRule {
    pub namespace: String,
    pub value: String,
}

#[derive(Debug, Clone)]
pub struct PrivilegedRule {
    /// A tenant's register id; any if not given.
    pub tenant: Option<TenantId>,
    pub actions: Vec<String>,
    pub privileged: bool,
}

/// `*` in `pattern` stands for any run of characters, nothing else is special.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut rest = rest;
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, text, expected) in [
            ("iam:*", "iam:CreateUser", true),
            ("iam:*", "s3:GetObject", false),
            ("*", "", true),
            ("", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b", "ab-", false),
            ("*:Get*", "s3:GetObject", true),
            ("ab", "abc", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
