//! The limits of a request: how long, until when, together with what, for whom, passed on how far.
//! All that stands in the way is said at once, each with what would work.

use countersign_model::id::{EntitlementId, OrganizationId};
use countersign_model::lifecycle::{Lives, State, shown};
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::{
    Catalog, Entitlement, Grant, Identity, IdentityKind, Organization, OrganizationKind, Sponsor,
};
use countersign_model::time::{Duration, End, Interval, Timestamp};

use crate::approval::Manner;
use crate::catalogue::{ACCESS_BREAK_GLASS, Kind};

mod passed_on;

pub use passed_on::Above;

/// The rule of break-glass. It sets aside approval before, who may ask, and how long is usual; never
/// that an organization, a contract, an identity or a sponsor has ended.
#[derive(Debug, Clone, Copy)]
pub struct BreakGlass {
    /// How long it may last at most: a shift is over by then, and an ordinary request decided.
    pub longest: Duration,
    /// Within which time after its begin two people must have looked at it.
    pub looked_at_within: Duration,
    /// What it always is.
    pub finding: &'static Kind,
}

pub const BREAK_GLASS: BreakGlass = BreakGlass {
    longest: Duration(4 * HOUR),
    looked_at_within: Duration(72 * HOUR),
    finding: &ACCESS_BREAK_GLASS,
};

const HOUR: i64 = 3_600 * countersign_model::time::NANOS_PER_SECOND;

/// What is asked for, and all facts that bound it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub entitlement: (&'a EntitlementId, &'a Entitlement),
    /// Whose the grantee is, then the resellers on the way to us, nearest first.
    pub organizations: &'a [(&'a OrganizationId, &'a Organization)],
    /// `None` if it is for a group or a whole organization.
    pub identity: Option<&'a Identity>,
    pub interval: Interval,
    /// When it was asked for; no grant reaches back before that.
    pub asked_at: Timestamp,
    pub justification: Option<&'a str>,
    /// Who is to be accountable for it.
    pub sponsor: Option<&'a Sponsor>,
    /// What the grantee holds that has not ended.
    pub held: &'a [Held<'a>],
    /// If a reseller passes it on: the reseller's own grant first, then what that is passed on from.
    pub passed_on_from: &'a [Above<'a>],
    pub manner: Manner,
}

/// A grant that the grantee has already.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    pub entitlement: (&'a EntitlementId, &'a Entitlement),
    pub grant: &'a Grant,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Stable, such as `request.too_long`.
    pub code: &'static str,
    pub weight: Weight,
    pub says: String,
    /// What would work.
    pub remedy: String,
    /// The latest end that would work, if the end is what is wrong.
    pub latest: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    Refused,
    /// The register does not say, so the sponsor is asked expressly.
    SponsorDecides,
}

impl Weight {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::SponsorDecides => "sponsor_decides",
        }
    }
}

/// Everything that stands in the way of a request at `at`, sorted by code; empty if nothing does.
pub fn violations(wanted: &Wanted<'_>, at: Timestamp) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    times(wanted, at, &mut found);
    organizations(wanted, at, &mut found);
    whom(wanted, at, &mut found);
    sponsor(wanted, at, &mut found);
    if wanted.manner == Manner::Ordinary {
        who_may_ask(wanted, &mut found);
    }
    incompatible(wanted, &mut found);
    passed_on::check(wanted, at, &mut found);
    found.0.sort();
    found.0.dedup();
    found.0
}

/// The latest end that no limit of time stands against; `None` if nothing bounds it.
pub fn latest_end(wanted: &Wanted<'_>) -> Option<Timestamp> {
    let (_, entitlement) = wanted.entitlement;
    let longest = match wanted.manner {
        Manner::Ordinary => entitlement.longest,
        Manner::BreakGlass => Some(BREAK_GLASS.longest),
    };
    let by_length = wanted.interval.from.zip(longest).map(|(from, most)| from.plus_nanos(most.0));
    let contracts = wanted.organizations.iter().map(|(_, known)| known.contract.until);
    let identity = wanted.identity.map(|identity| identity.active.until);
    let above = wanted.passed_on_from.iter().map(|above| above.grant.interval.until);
    let ends = contracts.chain(identity).chain(above).flatten().filter_map(instant);
    ends.chain(by_length).min()
}

pub(crate) struct Found(Vec<Violation>);

impl Found {
    fn refuse(&mut self, code: &'static str, says: impl Into<String>, remedy: impl Into<String>) {
        self.add(code, Weight::Refused, says, remedy, None);
    }

    fn ask(&mut self, code: &'static str, says: impl Into<String>, remedy: impl Into<String>) {
        self.add(code, Weight::SponsorDecides, says, remedy, None);
    }

    fn add(
        &mut self,
        code: &'static str,
        weight: Weight,
        says: impl Into<String>,
        remedy: impl Into<String>,
        latest: Option<Timestamp>,
    ) {
        let (says, remedy) = (says.into(), remedy.into());
        self.0.push(Violation { code, weight, says, remedy, latest });
    }

    /// Against an end that lies beyond a limit.
    fn beyond(
        &mut self,
        code: &'static str,
        (until, limit): (Option<End>, Option<End>),
        says: &str,
        remedy: &str,
    ) {
        if let (Some(until), Some(limit)) = (until, limit)
            && limit < until
        {
            self.add(code, Weight::Refused, says, remedy, instant(limit));
        }
    }
}

fn instant(end: End) -> Option<Timestamp> {
    match end {
        End::At(at) => Some(at),
        End::Never => None,
    }
}

fn times(wanted: &Wanted<'_>, at: Timestamp, found: &mut Found) {
    if wanted.justification.is_none_or(|text| text.trim().is_empty()) {
        found.refuse("request.no_justification", "nothing says why", "say what it is needed for");
    }
    let Interval { from, until } = wanted.interval;
    let Some(from) = from else {
        return found.refuse("request.no_begin", "it has no begin", "say from when");
    };
    let Some(until) = until.and_then(instant) else {
        return found.refuse("request.no_end", "it has no end", "say until when");
    };
    if until <= from {
        found.refuse("request.never_holds", "it ends before it begins", "end it after its begin");
    } else if until <= at {
        found.refuse("request.over", "its end is in the past", "end it later than now");
    }
    if from < wanted.asked_at {
        let says = "it begins before it was asked for";
        found.refuse("request.backdated", says, "begin when it is asked for, or later");
    }
    let length = Duration(until.0.saturating_sub(from.0));
    let (_, entitlement) = wanted.entitlement;
    let limit = |most: Duration| Some(from.plus_nanos(most.0));
    match (wanted.manner, entitlement.longest) {
        (Manner::BreakGlass, _) => {
            if at < from {
                let remedy = "begin now, or make an ordinary request";
                found.refuse(
                    "break_glass.not_now",
                    "break-glass is for now, not for later",
                    remedy,
                );
            }
            if BREAK_GLASS.longest < length {
                let says =
                    format!("break-glass lasts {} hours at most", hours(BREAK_GLASS.longest));
                let remedy = "end it by then, and make an ordinary request for the rest";
                let latest = limit(BREAK_GLASS.longest);
                found.add("break_glass.too_long", Weight::Refused, says, remedy, latest);
            }
        }
        (Manner::Ordinary, Some(most)) if most < length => {
            let says = format!("a grant of this entitlement lasts {} days at most", most.days());
            let remedy = "end it by then; it can be asked for again";
            found.add("request.too_long", Weight::Refused, says, remedy, limit(most));
        }
        (Manner::Ordinary, Some(_)) => {}
        (Manner::Ordinary, None) => found.ask(
            "request.longest_unknown",
            "how long a grant of this entitlement may last is not said",
            "say `longest` of the entitlement",
        ),
    }
}

fn hours(length: Duration) -> i64 {
    length.0 / HOUR
}

/// The grantee's organization and each reseller on the way: in force, and its contract long enough.
fn organizations(wanted: &Wanted<'_>, at: Timestamp, found: &mut Found) {
    if wanted.organizations.len() > CHAIN_DEPTH_MAX {
        let says = format!("more than {CHAIN_DEPTH_MAX} resellers are on the way");
        found.refuse("organization.too_far", says, "bring it in by fewer");
    }
    if wanted.organizations.is_empty() {
        let says = "whose the grantee is, is not known";
        found.refuse("organization.unknown", says, "register its organization");
    }
    for (id, organization) in wanted.organizations.iter().take(CHAIN_DEPTH_MAX) {
        let state = shown(*organization, organization.stated(), at);
        if !matches!(state, State::Active | State::Scheduled) {
            let says = format!("organization `{id}` is {state}");
            let remedy = match state {
                State::Suspended => "resume it first",
                State::Proposed => "accept it first",
                _ => "nothing of it can be granted; register what succeeds it",
            };
            found.refuse("organization.not_active", says, remedy);
        }
        let contract = organization.contract;
        let says = format!("the contract of `{id}` ends sooner");
        let ends = (wanted.interval.until, contract.until);
        found.beyond("organization.contract_ends", ends, &says, "end it with the contract");
        let begins = wanted.interval.from.zip(contract.from);
        if begins.is_some_and(|(from, contract)| from < contract) {
            let says = format!("the contract of `{id}` begins later");
            found.refuse("organization.contract_begins", says, "begin with the contract");
        }
        if contract.from.is_none() || contract.until.is_none() {
            let says = format!("from when until when `{id}` has a contract is not said");
            found.ask("organization.contract_unknown", says, "say `contract` of the organization");
        }
    }
}

/// Whether it is for such a grantee, and the grantee is in force.
fn whom(wanted: &Wanted<'_>, at: Timestamp, found: &mut Found) {
    let (_, entitlement) = wanted.entitlement;
    let is_machine = wanted
        .identity
        .map(|identity| matches!(identity.kind, IdentityKind::Service | IdentityKind::Agent));
    let kind = wanted.organizations.first().map(|(_, organization)| organization.kind);
    let is_customer = kind.map(|kind| kind == OrganizationKind::Customer);
    let fits = match entitlement.catalog {
        Catalog::Machines => is_machine != Some(false),
        Catalog::Customers => is_machine != Some(true) && is_customer != Some(false),
        Catalog::Partners => is_machine != Some(true) && is_customer != Some(true),
    };
    if !fits {
        let says = format!("the entitlement is of the catalog of {}", entitlement.catalog.as_str());
        let remedy = "ask for one of the grantee's own catalog";
        found.refuse("entitlement.other_catalog", says, remedy);
    }
    let Some(identity) = wanted.identity else { return };
    let state = shown(identity, identity.stated(), at);
    if !matches!(state, State::Active | State::Scheduled) {
        let remedy = if state == State::Suspended { "resume it first" } else { "name another" };
        found.refuse("identity.not_active", format!("the identity is {state}"), remedy);
    }
    if identity.active.until.is_none() {
        let says = "until when the identity may be used is not said";
        found.ask("identity.end_unknown", says, "say `active` of the identity");
    }
    let ends = (wanted.interval.until, identity.active.until);
    let says = "the identity ends sooner";
    found.beyond("identity.ends", ends, says, "end it with the identity");
    if identity.kind != IdentityKind::Human && identity.owner.is_none() {
        let says = "nobody answers for the machine or shared account";
        found.refuse("identity.no_owner", says, "name its owner");
    }
}

fn sponsor(wanted: &Wanted<'_>, at: Timestamp, found: &mut Found) {
    let remedy = "name an employee who is accountable for it";
    match wanted.sponsor.map(|sponsor| sponsor.employed.contains(at)) {
        None => found.refuse("sponsor.missing", "it names no sponsor", remedy),
        Some(Some(false)) => found.refuse("sponsor.gone", "its sponsor does not work here", remedy),
        Some(None) => {
            let says = "whether its sponsor works here is not known";
            found.refuse("sponsor.unknown", says, "say `employed` of the sponsor");
        }
        Some(Some(true)) => {}
    }
}

fn who_may_ask(wanted: &Wanted<'_>, found: &mut Found) {
    let (_, entitlement) = wanted.entitlement;
    let Some((id, organization)) = wanted.organizations.first() else { return };
    let Some(who) = &entitlement.who_may_ask else {
        let says = "who may ask for this entitlement is not said";
        return found.ask("request.who_unknown", says, "say `who_may_ask` of the entitlement");
    };
    if !who.kinds.contains(&organization.kind) && !who.organizations.contains(id) {
        let says = format!("`{id}`, a {}, may not ask for it", organization.kind.as_str());
        let remedy = "ask for another, or have its owner add the organization to `who_may_ask`";
        found.refuse("request.may_not_ask", says, remedy);
    }
}

fn incompatible(wanted: &Wanted<'_>, found: &mut Found) {
    let (id, entitlement) = wanted.entitlement;
    for held in wanted.held {
        let (other_id, other) = held.entitlement;
        let excludes = entitlement.incompatible_with.contains(other_id)
            || other.incompatible_with.contains(id);
        let revoked = held.grant.revoked.map(End::At);
        let until = [held.grant.interval.until, revoked].into_iter().flatten().min();
        let theirs = Interval { from: held.grant.interval.from, until };
        if excludes && may_overlap(&wanted.interval, &theirs) {
            let says = format!("`{other_id}` is held at the same time and must not be");
            let remedy = "end that grant first, or begin when it has ended";
            found.refuse("entitlement.incompatible", says, remedy);
        }
    }
}

/// Whether two intervals can share an instant. A side that is not known is open.
fn may_overlap(one: &Interval, other: &Interval) -> bool {
    let before = |from: Option<Timestamp>, until: Option<End>| match (from, until) {
        (Some(from), Some(End::At(until))) => from < until,
        _ => true,
    };
    before(one.from, other.until) && before(other.from, one.until)
}
