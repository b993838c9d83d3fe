//! Which grants may justify an access, and how far each is known to.

use std::cmp::Reverse;

use countersign_model::id::{GrantId, IdentityId};
use countersign_model::judgement::Access;
use countersign_model::limits::{CANDIDATES_MAX, CHAIN_DEPTH_MAX};
use countersign_model::register::{Entitlement, Grant, Grantee, matches};
use countersign_model::time::{Timestamp, any_contains};

use crate::facts::Facts;

/// A grant that covers an access, or may cover it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'f> {
    pub id: &'f GrantId,
    pub grant: &'f Grant,
    pub entitlement: &'f Entitlement,
    /// It is known to cover the action and resource, and to reach the identity then.
    pub applies_surely: bool,
}

/// Grants whose entitlement covers the access, whatever their time: `false` beside those of which
/// it is not known because the resource is not.
pub(crate) fn covering<'f>(
    facts: &'f Facts,
    identity: &'f IdentityId,
    access: &Access<'_>,
) -> impl Iterator<Item = (&'f GrantId, &'f Grant, &'f Entitlement, bool)> {
    facts.grants(identity).filter_map(move |(id, grant)| {
        let entitlement = facts.entitlement(&grant.entitlement)?;
        match covers(facts, entitlement, access) {
            Some(false) => None,
            known => Some((id, grant, entitlement, known.is_some())),
        }
    })
}

/// The grants that may justify an access at `at`, those first that explain it best: running before
/// ended, known before unknown, with a sponsor, begun before not begun, the longest first.
pub(crate) fn candidates<'f>(
    facts: &'f Facts,
    identity: &'f IdentityId,
    access: &Access<'_>,
    at: Timestamp,
) -> Vec<Candidate<'f>> {
    let all = covering(facts, identity, access);
    let mut all: Vec<Candidate<'f>> = all
        .filter_map(|(id, grant, entitlement, covers_surely)| {
            let reaches = reaches(facts, grant, identity, at);
            let applies_surely = covers_surely && reaches.is_some();
            let candidate = Candidate { id, grant, entitlement, applies_surely };
            (reaches != Some(false)).then_some(candidate)
        })
        .collect();
    all.sort_by_cached_key(|candidate| {
        let Candidate { id, grant, entitlement, applies_surely } = *candidate;
        let ended = match runs(grant, at) {
            Some(true) => 0,
            None => 1,
            Some(false) => 2,
        };
        let suspended = any_contains(&grant.suspended, at) != Some(false);
        let sponsor = facts.sponsor(grant).and_then(|sponsor| sponsor.employed.contains(at));
        let begun = grant.interval.from.is_some_and(|from| from <= at);
        let overdue = review_last(grant).is_none_or(|last| last <= at);
        let required = entitlement.required.is_some();
        let until = Reverse(grant.interval.until);
        (
            ended,
            suspended,
            !applies_surely,
            sponsor != Some(true),
            !begun,
            overdue,
            !required,
            until,
            id,
        )
    });
    // The best come first; more would let a register make one question cost without limit.
    all.truncate(CANDIDATES_MAX);
    all
}

/// Whether a grant runs at `at`, as far as the register says.
fn runs(grant: &Grant, at: Timestamp) -> Option<bool> {
    if grant.revoked.is_some_and(|revoked| revoked <= at) {
        return Some(false);
    }
    grant.interval.contains(at)
}

/// Until when a grant may be used without its review. A grace that is not said is none.
pub(crate) fn review_last(grant: &Grant) -> Option<Timestamp> {
    let grace = grant.review_grace.map_or(0, |grace| grace.0);
    grant.review_due.map(|due| due.plus_nanos(grace))
}

/// Whether the grant reaches the identity at `at`: at once, or by a membership.
fn reaches(facts: &Facts, grant: &Grant, identity: &IdentityId, at: Timestamp) -> Option<bool> {
    let Grantee::Group(group) = &grant.to else { return Some(true) };
    let members = facts.group(group).into_iter().flat_map(|group| &group.members);
    let own = members.filter(|member| member.identity == *identity);
    any(own.map(|member| member.active.contains(at)))
}

fn covers(facts: &Facts, entitlement: &Entitlement, access: &Access<'_>) -> Option<bool> {
    covers_what(facts, entitlement, (access.tenant, access.action, access.resource))
}

/// The same of a tenant, an action and a resource.
pub(crate) fn covers_what(
    facts: &Facts,
    entitlement: &Entitlement,
    (tenant, action, resource): (&str, &str, Option<&str>),
) -> Option<bool> {
    let tenant = facts.namespace(tenant);
    let elsewhere = entitlement.tenant.as_ref().is_some_and(|own| own.as_str() != tenant);
    if elsewhere || !entitlement.actions.iter().any(|pattern| matches(pattern, action)) {
        return Some(false);
    }
    let Some(resources) = &entitlement.resources else { return Some(true) };
    if resources.iter().any(|pattern| pattern == "*") {
        return Some(true);
    }
    let resource = resource?;
    Some(resources.iter().any(|pattern| matches(pattern, resource)))
}

/// Whether the grants that this one is passed on from cover as much, and as long, at `at`.
pub(crate) fn is_within_what_is_held(
    facts: &Facts,
    grant: &Grant,
    access: &Access<'_>,
    at: Timestamp,
) -> Option<bool> {
    let mut known = Some(true);
    let mut below = grant;
    for levels in 0..CHAIN_DEPTH_MAX {
        let Some(id) = &below.passed_on_from else {
            // The reseller's own grant, from us, says how far down it may go.
            let depth = facts.entitlement(&below.entitlement).and_then(|own| own.passed_on_depth);
            let too_deep = depth.is_some_and(|depth| usize::from(depth) < levels);
            return if too_deep { Some(false) } else { known };
        };
        let above = facts.grant(id)?;
        let ends = below.interval.until.zip(above.interval.until);
        let entitlement = facts.entitlement(&above.entitlement);
        for holds in [
            runs(above, at),
            any_contains(&above.suspended, at).map(|suspended| !suspended),
            ends.map(|(below, above)| below <= above),
            entitlement.and_then(|entitlement| covers(facts, entitlement, access)),
        ] {
            if holds == Some(false) {
                return Some(false);
            }
            known = known.and(holds);
        }
        below = above;
    }
    Some(false)
}

/// Whether the identity holds, at `at`, an entitlement that is incompatible with this one.
pub(crate) fn is_incompatible(
    facts: &Facts,
    identity: &IdentityId,
    candidate: &Candidate<'_>,
    at: Timestamp,
) -> Option<bool> {
    let own = &candidate.grant.entitlement;
    let others = facts.grants(identity).filter(|(_, other)| {
        let entitlement = facts.entitlement(&other.entitlement);
        candidate.entitlement.incompatible_with.contains(&other.entitlement)
            || entitlement.is_some_and(|other| other.incompatible_with.contains(own))
    });
    any(others.map(|(_, other)| match (runs(other, at), reaches(facts, other, identity, at)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (runs, reaches) => runs.and(reaches),
    }))
}

/// Whether any of them holds; `None` if only the unknown ones could.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(false);
    for one in all {
        if one == Some(true) {
            return Some(true);
        }
        known = known.and(one);
    }
    known
}
