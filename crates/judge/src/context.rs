//! What holds of one access at one time, as the plain facts that the policies read.

use std::collections::BTreeMap;

use cedar_policy::RestrictedExpression as Value;
use countersign_model::assurance::Assurance;
use countersign_model::id::{GrantId, IdentityId};
use countersign_model::judgement::Access;
use countersign_model::register::{Entitlement, Grant, Identity, IdentityKind, matches};
use countersign_model::time::{End, Timestamp};
use ipnet::IpNet;

use crate::facts::{self, Facts};

/// The facts, and what of them the answer repeats.
pub(crate) struct Context<'f> {
    pub values: BTreeMap<&'static str, Value>,
    pub identity: Option<(&'f IdentityId, &'f Identity)>,
    pub trust_path: Option<&'f str>,
    pub grant: Option<(&'f GrantId, &'f Grant, &'f Entitlement)>,
    pub accepted: Assurance,
    pub accepted_by: Option<String>,
    /// Axes on which what was accepted does not reach what is required.
    pub lacks: Vec<&'static str>,
}

/// Whether an address is inside the networks a machine is registered for.
pub(crate) fn inside_networks(identity: &Identity, ip: Option<&str>) -> Option<bool> {
    let networks = identity.networks.as_ref()?;
    let ip: std_ip::Ip = ip?.parse().ok()?;
    Some(networks.iter().filter_map(|network| network.parse::<IpNet>().ok()).any(|network| network.contains(&ip)))
}

mod std_ip {
    // Addresses are plain values; only their type happens to live beside the sockets.
    pub(crate) use core::net::IpAddr as Ip;
}

pub(crate) fn context<'f>(facts: &'f Facts, access: &Access<'_>, at: Timestamp) -> Context<'f> {
    let mut context = Context {
        values: BTreeMap::new(),
        identity: access.identity.and_then(|id| facts.identity(id)),
        trust_path: None,
        grant: None,
        accepted: Assurance::NONE,
        accepted_by: None,
        lacks: Vec::new(),
    };
    context.time("at", Some(at));
    context.flag("registered", context.identity.is_some());
    context.flag("actor_known", access.actor_is_known);
    context.flag("interactive", access.interactive == Some(true));
    context.identity(facts, access, at);
    context.credential(facts, access);
    context.grant(facts, access, at);
    context.through(facts, access, at);
    context
}

impl<'f> Context<'f> {
    fn flag(&mut self, name: &'static str, value: bool) {
        self.values.insert(name, Value::new_bool(value));
    }

    fn text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.values.insert(name, Value::new_string(value.to_owned()));
        }
    }

    fn time(&mut self, name: &'static str, value: Option<Timestamp>) {
        if let Some(value) = value {
            self.values.insert(name, Value::new_long(value.0));
        }
    }

    fn end(&mut self, name: &'static str, value: Option<End>) {
        self.time(name, value.map(|end| match end {
            End::At(at) => at,
            End::Never => Timestamp::MAX,
        }));
    }

    fn identity(&mut self, facts: &'f Facts, access: &Access<'_>, at: Timestamp) {
        let known = self.identity.map(|(_, identity)| identity);
        let kind = known.map_or("unknown", |identity| identity.kind.as_str());
        self.text("kind", Some(kind));
        self.flag("has_owner", known.is_some_and(|identity| identity.owner.is_some()));
        self.flag("networks_known", known.is_some_and(|identity| identity.networks.is_some()));
        let mandate = known.and_then(|identity| identity.mandate.as_ref());
        self.flag("mandate_known", mandate.is_some());
        self.flag("mandate_approved", mandate.is_some_and(|mandate| mandate.approved_by.is_some()));
        self.flag("mandate_allows", mandate.is_some_and(|mandate| {
            mandate.actions.iter().any(|pattern| matches(pattern, access.action))
        }));
        self.end("mandate_until", mandate.and_then(|mandate| mandate.until));
        let inside = known.and_then(|identity| inside_networks(identity, access.ip));
        if let Some(inside) = inside {
            self.flag("inside_networks", inside);
        }
        let organization = known.and_then(|identity| facts.organization(&identity.organization));
        let (has_reseller, active) = organization.map_or((false, None), |own| facts.resellers(own, at));
        self.flag("has_reseller", has_reseller);
        if let Some(active) = active {
            self.flag("resellers_active", active);
        }
        self.text("organization", known.map(|identity| identity.organization.as_str()));
        self.text("organization_state", organization.and_then(|own| own.state).map(|state| state.as_str()));
        self.time("contract_from", organization.and_then(|own| own.contract.from));
        self.end("contract_until", organization.and_then(|own| own.contract.until));
        self.time("identity_from", known.and_then(|identity| identity.active.from));
        self.end("identity_until", known.and_then(|identity| identity.active.until));
        self.path(facts, access, at);
    }

    fn path(&mut self, facts: &'f Facts, access: &Access<'_>, at: Timestamp) {
        let path = self.identity.and_then(|(id, identity)| facts.trust_path(id, identity, access));
        self.flag("path_known", path.is_some());
        let Some((id, path)) = path else { return };
        self.trust_path = Some(id.as_str());
        self.time("path_from", path.active.from);
        self.end("path_until", path.active.until);
        self.time("path_revalidate_by", path.revalidate_by);
        (self.accepted, self.accepted_by) = facts::accepted(id, path, access, at);
    }

    fn credential(&mut self, facts: &Facts, access: &Access<'_>) {
        let credential = access.credential.and_then(|id| facts.credential(id));
        self.flag("credential_registered", credential.is_some());
        let Some(credential) = credential else { return };
        self.end("credential_until", credential.until);
        self.time("credential_revoked", credential.revoked);
        let since = credential.rotated.or(credential.issued);
        self.time("credential_since", since);
        let limit = since.zip(credential.rotate_every).map(|(since, every)| since.plus_nanos(every.0));
        self.time("credential_age_max", limit);
    }

    fn grant(&mut self, facts: &'f Facts, access: &Access<'_>, at: Timestamp) {
        self.grant = self.identity.and_then(|(id, _)| best_grant(facts, id, access, at));
        let grant = self.grant.map(|(_, grant, _)| grant);
        let entitlement = self.grant.map(|(_, _, entitlement)| entitlement);
        self.flag("granted", grant.is_some());
        self.flag("passed_on", grant.is_some_and(|grant| grant.passed_on_from.is_some()));
        let within = grant.and_then(|grant| facts.passed_on_within(grant, access, at));
        if let Some(within) = within {
            self.flag("passed_on_within", within);
        }
        self.time("grant_from", grant.and_then(|grant| grant.interval.from));
        self.end("grant_until", grant.and_then(|grant| grant.interval.until));
        self.time("grant_revoked", grant.and_then(|grant| grant.revoked));
        let sponsor = grant.and_then(|grant| facts.sponsor(grant));
        self.flag("sponsor_named", sponsor.is_some());
        self.time("sponsor_from", sponsor.and_then(|sponsor| sponsor.employed.from));
        self.end("sponsor_until", sponsor.and_then(|sponsor| sponsor.employed.until));
        self.time("succession_until", sponsor.and_then(|sponsor| sponsor.succession_until));
        let due = grant.and_then(|grant| grant.review_due);
        self.time("review_due", due);
        let grace = grant.and_then(|grant| grant.review_grace).map_or(0, |grace| grace.0);
        self.time("review_last", due.map(|due| due.plus_nanos(grace)));
        let required = entitlement.and_then(|entitlement| entitlement.required);
        self.flag("requirement_known", required.is_some());
        self.lacks = required.map_or_else(Vec::new, |required| self.accepted.lacks(&required));
        let lacks = !self.lacks.is_empty();
        self.flag("assurance_lacks", lacks);
        self.text("risk", entitlement.and_then(|own| own.risk).map(|risk| risk.as_str()));
        self.text("business_process", entitlement.and_then(|own| own.business_process.as_deref()));
        let holder = self.identity.map(|(id, _)| id);
        let incompatible = holder.zip(grant).is_some_and(|(id, grant)| facts.incompatible(id, grant, at));
        self.flag("incompatible", incompatible);
    }

    /// Each identity it acted through must itself be active and hold a live grant for this.
    fn through(&mut self, facts: &Facts, access: &Access<'_>, at: Timestamp) {
        let permitted = access.through.iter().all(|id| {
            facts.identity(id).is_some_and(|(id, identity)| {
                identity.active.contains(at) != Some(false)
                    && best_grant(facts, id, access, at).is_some_and(|(_, grant, _)| facts::is_live(grant, at))
            })
        });
        self.flag("through_permitted", permitted);
    }
}

/// Of the grants that cover an access, the one that justifies it best: live before ended, a known
/// sponsor before none, the one that runs longest, then the first by id.
fn best_grant<'f>(
    facts: &'f Facts,
    identity: &IdentityId,
    access: &Access<'_>,
    at: Timestamp,
) -> Option<(&'f GrantId, &'f Grant, &'f Entitlement)> {
    let candidates = facts.covering(identity.as_str(), access).into_iter().filter_map(|id| {
        let (grant, entitlement) = facts.grant(id)?;
        let id = facts.register.grants.get_key_value(id)?.0;
        facts.reaches(grant, identity, at).then_some((id, grant, entitlement))
    });
    candidates.min_by_key(|(id, grant, entitlement)| {
        let sponsor = facts.sponsor(grant);
        let gone = sponsor.is_none_or(|sponsor| sponsor.employed.contains(at) == Some(false));
        let overdue = grant.review_due.is_some_and(|due| due <= at);
        let unknown = grant.interval.contains(at).is_none();
        let required = entitlement.required.is_none();
        (!facts::is_live(grant, at), gone, overdue, unknown, required, std::cmp::Reverse(grant.interval.until), *id)
    })
}

/// What an exception may name as its subject for this access.
pub(crate) fn subjects(context: &Context<'_>, access: &Access<'_>) -> Vec<String> {
    let mut subjects = Vec::new();
    if let Some((id, identity)) = context.identity {
        subjects.push(format!("identity:{id}"));
        subjects.push(format!("organization:{}", identity.organization));
    }
    subjects.extend(context.trust_path.map(|id| format!("trust_path:{id}")));
    subjects.extend(access.credential.map(|id| format!("credential:{id}")));
    if let Some((id, grant, _)) = context.grant {
        subjects.push(format!("grant:{id}"));
        subjects.push(format!("entitlement:{}", grant.entitlement));
    }
    subjects
}

/// Whether the identity is a person.
pub(crate) fn is_machine(context: &Context<'_>) -> bool {
    context.identity.is_some_and(|(_, identity)| identity.kind != IdentityKind::Human)
}
