//! What holds of one access at one time, as the plain facts that the policies read.

use countersign_model::assurance::Assurance;
use countersign_model::id::{IdentityId, TrustPathId};
use countersign_model::judgement::Access;
use countersign_model::register::{Identity, IdentityKind, TrustPath, matches};
use countersign_model::time::{End, Timestamp, any_contains};

use crate::facts::Facts;
use crate::grant::{self, Candidate};
use crate::values::{Attribute, Plain, Values};
use crate::{organization, trust_path};

/// The facts, and what of them the answer repeats.
#[derive(Debug, Clone)]
pub(crate) struct Context<'f> {
    pub values: Values<'f>,
    pub identity: Option<(&'f IdentityId, &'f Identity)>,
    pub trust_path: Option<(&'f TrustPathId, &'f TrustPath)>,
    pub grant: Option<Candidate<'f>>,
    pub accepted: Assurance,
    pub accepted_by: Option<String>,
    /// Axes on which what was accepted does not reach what is required.
    pub lacks: Vec<&'static str>,
}

impl<'f> Context<'f> {
    /// Everything but the grant and the chain of delegation.
    pub(crate) fn new(facts: &'f Facts, access: &'f Access<'f>, at: Timestamp) -> Self {
        let mut context = Self {
            values: Values::NONE,
            identity: access.identity.and_then(|id| facts.identity(id)),
            trust_path: None,
            grant: None,
            accepted: Assurance::NONE,
            accepted_by: None,
            lacks: Vec::new(),
        };
        context.access(facts, access, at);
        context.identity(facts, access, at);
        context.mandate(access);
        context.organization(facts, at);
        context.trust_path(facts, access, at);
        context.credential(facts, access, at);
        context
    }

    /// The same access, justified by `candidate` if by anything.
    pub(crate) fn by_grant(
        &self,
        facts: &'f Facts,
        candidate: Option<Candidate<'f>>,
        access: &'f Access<'f>,
        at: Timestamp,
    ) -> Self {
        let mut context = self.clone();
        context.grant = candidate;
        context.flag(Attribute::Granted, candidate.is_some());
        context.grant(facts, access, at);
        context.sponsor(facts);
        context.requirement();
        context
    }

    /// Whether each identity it acted through is itself permitted.
    pub(crate) fn through(&mut self, is_permitted: Option<bool>) {
        self.known_flag(Attribute::ThroughPermitted, is_permitted);
    }

    /// Whether it is a machine, which cannot step up.
    pub(crate) fn is_machine(&self) -> bool {
        self.kind().is_some_and(|kind| matches!(kind, IdentityKind::Service | IdentityKind::Agent))
    }

    fn kind(&self) -> Option<IdentityKind> {
        self.identity.map(|(_, identity)| identity.kind)
    }

    fn access(&mut self, facts: &'f Facts, access: &'f Access<'f>, at: Timestamp) {
        self.time(Attribute::At, Some(at));
        self.text(Attribute::Tenant, Some(facts.namespace(access.tenant)));
        self.text(Attribute::Action, Some(access.action));
        self.text(Attribute::Resource, access.resource);
        self.flag(Attribute::Registered, self.identity.is_some());
        self.flag(Attribute::ActorKnown, access.actor_is_known);
        self.flag(Attribute::Interactive, access.interactive == Some(true));
        self.text(Attribute::Kind, Some(self.kind().map_or("unknown", IdentityKind::as_str)));
    }

    fn identity(&mut self, facts: &'f Facts, access: &'f Access<'f>, at: Timestamp) {
        let known = self.identity.map(|(_, identity)| identity);
        self.time(Attribute::IdentityFrom, known.and_then(|identity| identity.active.from));
        self.end(Attribute::IdentityUntil, known.and_then(|identity| identity.active.until));
        let suspended = known.and_then(|identity| any_contains(&identity.suspended, at));
        self.known_flag(Attribute::IdentitySuspended, suspended);
        self.flag(Attribute::HasOwner, known.is_some_and(|identity| identity.owner.is_some()));
        let inside =
            self.identity.and_then(|(id, _)| facts.inside_networks(id.as_str(), access.ip));
        self.known_flag(Attribute::InsideNetworks, inside);
    }

    fn mandate(&mut self, access: &'f Access<'f>) {
        let mandate = self.identity.and_then(|(_, identity)| identity.mandate.as_ref());
        self.flag(Attribute::MandateKnown, mandate.is_some());
        let Some(mandate) = mandate else { return };
        let allows = mandate.actions.iter().any(|pattern| matches(pattern, access.action));
        self.flag(Attribute::MandateAllows, allows);
        self.flag(Attribute::MandateApproved, mandate.approved_by.is_some());
        self.end(Attribute::MandateUntil, mandate.until);
    }

    fn organization(&mut self, facts: &'f Facts, at: Timestamp) {
        let id = self.identity.map(|(_, identity)| &identity.organization);
        self.text(Attribute::Organization, id.map(|id| id.as_str()));
        let Some(known) = id.and_then(|id| facts.organization(id)) else { return };
        self.text(Attribute::OrganizationKind, Some(known.kind.as_str()));
        self.text(Attribute::OrganizationState, known.state.map(|state| state.as_str()));
        self.known_flag(Attribute::OrganizationSuspended, any_contains(&known.suspended, at));
        self.time(Attribute::ContractFrom, known.contract.from);
        self.end(Attribute::ContractUntil, known.contract.until);
        self.known_flag(
            Attribute::ResellersActive,
            organization::resellers_active(facts, known, at),
        );
    }

    fn trust_path(&mut self, facts: &'f Facts, access: &'f Access<'f>, at: Timestamp) {
        let path = self.identity.and_then(|identity| trust_path::of(facts, identity, access, at));
        self.flag(Attribute::PathKnown, path.is_some());
        self.trust_path = path;
        let Some((id, path)) = path else { return };
        self.text(Attribute::Path, Some(id.as_str()));
        self.time(Attribute::PathFrom, path.active.from);
        self.end(Attribute::PathUntil, path.active.until);
        self.time(Attribute::PathRevalidateBy, path.revalidate_by);
        (self.accepted, self.accepted_by) = trust_path::accepts((id, path), access.assurance, at);
        // Of a person who surely signed in with claims that no log shows, nothing is known; a
        // claim that is there but on no map is accepted as nothing.
        let claims_matter = path.constant.is_none()
            && !path.assurance_map.is_empty()
            && !trust_path::has_lapsed(path, at)
            && !self.is_machine();
        let is_seen = !access.assurance.is_empty() || access.authenticated_at.is_some();
        self.flag(Attribute::SignInKnown, is_seen || !claims_matter);
    }

    fn credential(&mut self, facts: &'f Facts, access: &'f Access<'f>, at: Timestamp) {
        let credential = access.credential.and_then(|id| facts.credential(id));
        self.flag(Attribute::CredentialRegistered, credential.is_some());
        let Some(credential) = credential else { return };
        self.text(Attribute::CredentialKind, Some(credential.kind.as_str()));
        self.end(Attribute::CredentialUntil, credential.until);
        self.time(Attribute::CredentialRevoked, credential.revoked);
        // What was rotated later was older then.
        let since = [credential.issued, credential.rotated].into_iter().flatten();
        let since = since.filter(|since| *since <= at).max();
        self.time(Attribute::CredentialSince, since);
        let limit = since.zip(credential.rotate_every);
        self.time(
            Attribute::CredentialAgeMax,
            limit.map(|(since, every)| since.plus_nanos(every.0)),
        );
    }

    fn grant(&mut self, facts: &'f Facts, access: &'f Access<'f>, at: Timestamp) {
        let Some((candidate, (identity, _))) = self.grant.zip(self.identity) else { return };
        let Candidate { id, grant, entitlement, applies_surely } = candidate;
        self.text(Attribute::Grant, Some(id.as_str()));
        self.text(Attribute::Entitlement, Some(grant.entitlement.as_str()));
        self.text(Attribute::Risk, entitlement.risk.map(|risk| risk.as_str()));
        self.text(Attribute::BusinessProcess, entitlement.business_process.as_deref());
        self.flag(Attribute::GrantAppliesSurely, applies_surely);
        self.time(Attribute::GrantFrom, grant.interval.from);
        self.end(Attribute::GrantUntil, grant.interval.until);
        self.time(Attribute::GrantRevoked, grant.revoked);
        self.known_flag(Attribute::GrantSuspended, any_contains(&grant.suspended, at));
        self.time(Attribute::ReviewDue, grant.review_due);
        self.time(Attribute::ReviewLast, grant::review_last(grant));
        self.known_flag(
            Attribute::PassedOnWithin,
            grant::is_within_what_is_held(facts, grant, access, at),
        );
        let incompatible = grant::is_incompatible(facts, identity, &candidate, at);
        self.known_flag(Attribute::Incompatible, incompatible);
    }

    fn sponsor(&mut self, facts: &'f Facts) {
        let sponsor = self.grant.and_then(|candidate| facts.sponsor(candidate.grant));
        let Some(sponsor) = sponsor else { return };
        self.time(Attribute::SponsorFrom, sponsor.employed.from);
        self.end(Attribute::SponsorUntil, sponsor.employed.until);
        self.time(Attribute::SuccessionUntil, sponsor.succession_until);
        self.time(Attribute::SponsorReducedFrom, sponsor.reduced_from);
    }

    fn requirement(&mut self) {
        let Some(candidate) = self.grant else { return };
        let Some(required) = candidate.entitlement.required else { return };
        self.lacks = self.accepted.lacks(&required);
        self.flag(Attribute::AssuranceRequired, !Assurance::NONE.lacks(&required).is_empty());
        self.flag(Attribute::AssuranceLacks, !self.lacks.is_empty());
    }

    fn flag(&mut self, attribute: Attribute, value: bool) {
        self.values.set(attribute, Plain::Flag(value));
    }

    fn known_flag(&mut self, attribute: Attribute, value: Option<bool>) {
        self.values.set(attribute, value.map_or(Plain::Unknown, Plain::Flag));
    }

    fn text(&mut self, attribute: Attribute, value: Option<&'f str>) {
        self.values.set(attribute, value.map_or(Plain::Unknown, Plain::Text));
    }

    fn time(&mut self, attribute: Attribute, value: Option<Timestamp>) {
        self.values.set(attribute, value.map_or(Plain::Unknown, |time| Plain::Time(time.0)));
    }

    fn end(&mut self, attribute: Attribute, value: Option<End>) {
        let time = value.map(|end| match end {
            End::At(at) => at,
            End::Never => Timestamp::MAX,
        });
        self.time(attribute, time);
    }
}
