//! Who must approve a grant before it is given, who may, and why somebody may not.
//!
//! The policy is the entitlement's: its sponsor, its owner, or both. High, critical and unknown
//! risk, and whatever was taken by break-glass, take both, and both are two people.

use std::fmt;

use countersign_model::id::{IdentityId, SponsorId};
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::{ApprovalPolicy, Entitlement, RiskTier, Sponsor};
use countersign_model::time::Timestamp;

/// In whose name somebody approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Accountable for the grant.
    Sponsor,
    EntitlementOwner,
}

impl Role {
    pub const ALL: [Self; 2] = [Self::Sponsor, Self::EntitlementOwner];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sponsor => "sponsor",
            Self::EntitlementOwner => "entitlement_owner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// How a grant is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manner {
    /// Approved first.
    Ordinary,
    /// Taken at once in an emergency; two people look at it afterwards.
    BreakGlass,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requester<'a> {
    /// One of us, who may be a sponsor elsewhere.
    Employee(&'a SponsorId),
    Outsider(&'a IdentityId),
}

/// What is to be approved.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub entitlement: &'a Entitlement,
    /// Who is to be accountable for the grant.
    pub sponsor: Option<&'a SponsorId>,
    pub requester: Requester<'a>,
    pub manner: Manner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval<'a> {
    pub by: &'a SponsorId,
    pub role: Role,
    pub at: Timestamp,
}

/// Looks a sponsor up.
pub type Sponsors<'s, 'a> = &'s dyn Fn(&SponsorId) -> Option<&'a Sponsor>;

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Roles that have still to approve, each with who holds it at that moment, or why nobody does.
    pub needed: Vec<(Role, Result<SponsorId, Refusal>)>,
    /// Approvals that do not count, by their place in the list.
    pub refused: Vec<(usize, Refusal)>,
}

impl Standing {
    pub fn is_complete(&self) -> bool {
        self.needed.is_empty()
    }
}

/// Why an approval does not count, or why nobody can give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Whoever asks does not approve.
    Requester,
    /// The other of two approvals is the same person's.
    SamePerson,
    AlreadyApproved,
    /// The policy does not ask this role.
    NotAsked(Role),
    /// It is somebody else's to approve.
    NotTheirs(Role),
    /// They no longer work here, and nobody took over.
    Ended(Role),
    /// They do not work here yet.
    NotBegun(Role),
    /// From when until when they work here is not said.
    Unknown(Role),
    /// The grant names no sponsor, or the entitlement no owner, who is in the register.
    Nobody(Role),
    /// It was given later than the moment that is asked about.
    Later,
}

impl Refusal {
    /// Stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::Requester => "approval.by_requester",
            Self::SamePerson => "approval.same_person",
            Self::AlreadyApproved => "approval.already_given",
            Self::NotAsked(_) => "approval.not_asked",
            Self::NotTheirs(_) => "approval.not_theirs",
            Self::Ended(_) => "approval.authority_ended",
            Self::NotBegun(_) => "approval.authority_not_begun",
            Self::Unknown(_) => "approval.authority_unknown",
            Self::Nobody(_) => "approval.nobody",
            Self::Later => "approval.later",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |role: &Role| match role {
            Role::Sponsor => "sponsor of the grant",
            Role::EntitlementOwner => "owner of the entitlement",
        };
        match self {
            Self::Requester => f.write_str(
                "whoever asks for a grant does not approve it; name another sponsor or owner",
            ),
            Self::SamePerson => f.write_str(
                "two people approve this; name another sponsor for the grant or another owner",
            ),
            Self::AlreadyApproved => f.write_str("it is approved in this role already"),
            Self::NotAsked(role) => write!(f, "the {} is not asked here", who(role)),
            Self::NotTheirs(role) => {
                write!(f, "only the {} approves in this role, or who took over", who(role))
            }
            Self::Ended(role) => {
                write!(f, "the {} no longer works here; name a successor", who(role))
            }
            Self::NotBegun(role) => {
                write!(f, "the {} does not work here yet; name another until then", who(role))
            }
            Self::Unknown(role) => {
                let who = who(role);
                write!(f, "whether the {who} works here is not known; say `employed` of them")
            }
            Self::Nobody(Role::Sponsor) => {
                f.write_str("no known sponsor is accountable for the grant; name one")
            }
            Self::Nobody(Role::EntitlementOwner) => f.write_str(
                "the entitlement has no owner who is in the register; name a sponsor as its owner",
            ),
            Self::Later => f.write_str("it was approved only later"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The roles that must approve.
pub fn roles(entitlement: &Entitlement, manner: Manner) -> &'static [Role] {
    let is_small = matches!(entitlement.risk, Some(RiskTier::Low | RiskTier::Medium));
    if manner == Manner::BreakGlass || !is_small {
        return &Role::ALL;
    }
    match entitlement.approval {
        Some(ApprovalPolicy::Sponsor) | None => &[Role::Sponsor],
        Some(ApprovalPolicy::Owner) => &[Role::EntitlementOwner],
        Some(ApprovalPolicy::Both) => &Role::ALL,
    }
}

/// What is still needed at `at`, and which of the approvals so far do not count then.
///
/// An approval counts if whoever gave it held the role when they gave it, and still works here.
pub fn standing(
    asked: &Asked<'_>,
    approvals: &[Approval<'_>],
    sponsors: Sponsors<'_, '_>,
    at: Timestamp,
) -> Standing {
    let mut counted: Vec<Approval<'_>> = Vec::new();
    let mut refused = Vec::new();
    for (number, approval) in approvals.iter().enumerate() {
        match count(asked, &counted, approval, sponsors, at) {
            Ok(()) => counted.push(*approval),
            Err(why) => refused.push((number, why)),
        }
    }
    let is_given = |role: &Role| counted.iter().any(|approval| approval.role == *role);
    let open = roles(asked.entitlement, asked.manner).iter().filter(|role| !is_given(role));
    let needed = open.map(|role| {
        let who = holder(asked, *role, sponsors, at).and_then(|who| {
            let mine = Approval { by: &who, role: *role, at };
            count(asked, &counted, &mine, sponsors, at)?;
            Ok(who)
        });
        (*role, who)
    });
    Standing { needed: needed.collect(), refused }
}

/// Whether `new` would count beside those already given; asked at the moment it is given.
///
/// # Errors
/// [`Refusal`], with what would work.
pub fn may_approve(
    asked: &Asked<'_>,
    approvals: &[Approval<'_>],
    new: &Approval<'_>,
    sponsors: Sponsors<'_, '_>,
) -> Result<(), Refusal> {
    let standing = standing(asked, approvals, sponsors, new.at);
    let refused = |number: &usize| standing.refused.iter().any(|(other, _)| other == number);
    let counted = approvals.iter().enumerate().filter(|(number, _)| !refused(number));
    let counted: Vec<Approval<'_>> = counted.map(|(_, approval)| *approval).collect();
    count(asked, &counted, new, sponsors, new.at)
}

fn count(
    asked: &Asked<'_>,
    counted: &[Approval<'_>],
    new: &Approval<'_>,
    sponsors: Sponsors<'_, '_>,
    at: Timestamp,
) -> Result<(), Refusal> {
    if at < new.at {
        return Err(Refusal::Later);
    }
    if !roles(asked.entitlement, asked.manner).contains(&new.role) {
        return Err(Refusal::NotAsked(new.role));
    }
    if asked.requester == Requester::Employee(new.by) {
        return Err(Refusal::Requester);
    }
    if counted.iter().any(|approval| approval.role == new.role) {
        return Err(Refusal::AlreadyApproved);
    }
    if counted.iter().any(|approval| approval.by == new.by) {
        return Err(Refusal::SamePerson);
    }
    let named = named(asked, new.role).ok_or(Refusal::Nobody(new.role))?;
    if named != new.by.as_str() && holder(asked, new.role, sponsors, new.at)? != *new.by {
        return Err(Refusal::NotTheirs(new.role));
    }
    let known = sponsors(new.by).ok_or(Refusal::Nobody(new.role))?;
    works(known, new.role, new.at)?;
    works(known, new.role, at)
}

fn works(sponsor: &Sponsor, role: Role, at: Timestamp) -> Result<(), Refusal> {
    match sponsor.employed.contains(at) {
        Some(true) => Ok(()),
        None => Err(Refusal::Unknown(role)),
        Some(false) if sponsor.employed.from.is_some_and(|from| at < from) => {
            Err(Refusal::NotBegun(role))
        }
        Some(false) => Err(Refusal::Ended(role)),
    }
}

fn named<'a>(asked: &Asked<'a>, role: Role) -> Option<&'a str> {
    match role {
        Role::Sponsor => asked.sponsor.map(SponsorId::as_str),
        Role::EntitlementOwner => asked.entitlement.owner.as_deref(),
    }
}

/// Who holds a role at `at`: whoever is named, or who took over from them when they left.
fn holder(
    asked: &Asked<'_>,
    role: Role,
    sponsors: Sponsors<'_, '_>,
    at: Timestamp,
) -> Result<SponsorId, Refusal> {
    let mut id = SponsorId::from(named(asked, role).ok_or(Refusal::Nobody(role))?);
    for _ in 0..CHAIN_DEPTH_MAX {
        let known = sponsors(&id).ok_or(Refusal::Nobody(role))?;
        match (works(known, role, at), &known.successor) {
            (Ok(()), _) => return Ok(id),
            (Err(Refusal::Ended(_)), Some(successor)) => id = successor.clone(),
            (Err(why), _) => return Err(why),
        }
    }
    // The register refuses loops; what comes from elsewhere must only end.
    Err(Refusal::Ended(role))
}
