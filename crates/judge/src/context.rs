//! What holds of one access at one time, as the plain facts that the policies read.

use std::collections::BTreeMap;

use cedar_policy::RestrictedExpression as Value;
use countersign_model::assurance::Assurance;
use countersign_model::id::{IdentityId, TrustPathId};
use countersign_model::judgement::Access;
use countersign_model::register::{Identity, IdentityKind, TrustPath, matches};
use countersign_model::time::{End, Timestamp, any_contains};

use crate::facts::Facts;
use crate::grant::{self, Candidate};
use crate::{organization, trust_path};

/// The facts, and what of them the answer repeats.
#[derive(Debug, Clone)]
pub(crate) struct Context<'f> {
    /// By the names of `policies/guardrails.cedarschema`. What is not known is absent.
    pub values: BTreeMap<&'static str, Value>,
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
    pub(crate) fn new(facts: &'f Facts, access: &Access<'_>, at: Timestamp) -> Self {
        let mut context = Self {
            values: BTreeMap::new(),
            identity: access.identity.and_then(|id| facts.identity(id)),
            trust_path: None,
            grant: None,
            accepted: Assurance::NONE,
            accepted_by: None,
            lacks: Vec::new(),
        };
        context.access(access, at);
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
        facts: &Facts,
        candidate: Option<Candidate<'f>>,
        access: &Access<'_>,
        at: Timestamp,
    ) -> Self {
        let mut context = self.clone();
        context.grant = candidate;
        context.flag("granted", candidate.is_some());
        context.grant(facts, access, at);
        context.sponsor(facts);
        context.requirement();
        context
    }

    /// Whether each identity it acted through is itself permitted.
    pub(crate) fn through(&mut self, is_permitted: Option<bool>) {
        self.known_flag("through_permitted", is_permitted);
    }

    /// Whether it is a machine, which cannot step up.
    pub(crate) fn is_machine(&self) -> bool {
        self.kind().is_some_and(|kind| matches!(kind, IdentityKind::Service | IdentityKind::Agent))
    }

    fn kind(&self) -> Option<IdentityKind> {
        self.identity.map(|(_, identity)| identity.kind)
    }

    fn access(&mut self, access: &Access<'_>, at: Timestamp) {
        self.time("at", Some(at));
        self.text("tenant", Some(access.tenant));
        self.text("action", Some(access.action));
        self.text("resource", access.resource);
        self.flag("registered", self.identity.is_some());
        self.flag("actor_known", access.actor_is_known);
        self.flag("interactive", access.interactive == Some(true));
        self.text("kind", Some(self.kind().map_or("unknown", IdentityKind::as_str)));
    }

    fn identity(&mut self, facts: &Facts, access: &Access<'_>, at: Timestamp) {
        let known = self.identity.map(|(_, identity)| identity);
        self.time("identity_from", known.and_then(|identity| identity.active.from));
        self.end("identity_until", known.and_then(|identity| identity.active.until));
        let suspended = known.and_then(|identity| any_contains(&identity.suspended, at));
        self.known_flag("identity_suspended", suspended);
        self.flag("has_owner", known.is_some_and(|identity| identity.owner.is_some()));
        let inside =
            self.identity.and_then(|(id, _)| facts.inside_networks(id.as_str(), access.ip));
        self.known_flag("inside_networks", inside);
    }

    fn mandate(&mut self, access: &Access<'_>) {
        let mandate = self.identity.and_then(|(_, identity)| identity.mandate.as_ref());
        self.flag("mandate_known", mandate.is_some());
        let Some(mandate) = mandate else { return };
        let allows = mandate.actions.iter().any(|pattern| matches(pattern, access.action));
        self.flag("mandate_allows", allows);
        self.flag("mandate_approved", mandate.approved_by.is_some());
        self.end("mandate_until", mandate.until);
    }

    fn organization(&mut self, facts: &Facts, at: Timestamp) {
        let id = self.identity.map(|(_, identity)| &identity.organization);
        self.text("organization", id.map(|id| id.as_str()));
        let Some(known) = id.and_then(|id| facts.organization(id)) else { return };
        self.text("organization_kind", Some(known.kind.as_str()));
        self.text("organization_state", known.state.map(|state| state.as_str()));
        self.known_flag("organization_suspended", any_contains(&known.suspended, at));
        self.time("contract_from", known.contract.from);
        self.end("contract_until", known.contract.until);
        self.known_flag("resellers_active", organization::resellers_active(facts, known, at));
    }

    fn trust_path(&mut self, facts: &'f Facts, access: &Access<'_>, at: Timestamp) {
        let path = self.identity.and_then(|identity| trust_path::of(facts, identity, access, at));
        self.flag("path_known", path.is_some());
        self.trust_path = path;
        let Some((id, path)) = path else { return };
        self.text("path", Some(id.as_str()));
        self.time("path_from", path.active.from);
        self.end("path_until", path.active.until);
        self.time("path_revalidate_by", path.revalidate_by);
        (self.accepted, self.accepted_by) = trust_path::accepts((id, path), access.assurance, at);
        // Of a person who surely signed in with claims that no log shows, nothing is known; a
        // claim that is there but on no map is accepted as nothing.
        let claims_matter = path.constant.is_none()
            && !path.assurance_map.is_empty()
            && !trust_path::has_lapsed(path, at)
            && !self.is_machine();
        let is_seen = !access.assurance.is_empty() || access.authenticated_at.is_some();
        self.flag("sign_in_known", is_seen || !claims_matter);
    }

    fn credential(&mut self, facts: &Facts, access: &Access<'_>, at: Timestamp) {
        let credential = access.credential.and_then(|id| facts.credential(id));
        self.flag("credential_registered", credential.is_some());
        let Some(credential) = credential else { return };
        self.text("credential_kind", Some(credential.kind.as_str()));
        self.end("credential_until", credential.until);
        self.time("credential_revoked", credential.revoked);
        // What was rotated later was older then.
        let since = [credential.issued, credential.rotated].into_iter().flatten();
        let since = since.filter(|since| *since <= at).max();
        self.time("credential_since", since);
        let limit = since.zip(credential.rotate_every);
        self.time("credential_age_max", limit.map(|(since, every)| since.plus_nanos(every.0)));
    }

    fn grant(&mut self, facts: &Facts, access: &Access<'_>, at: Timestamp) {
        let Some((candidate, (identity, _))) = self.grant.zip(self.identity) else { return };
        let Candidate { id, grant, entitlement, applies_surely } = candidate;
        self.text("grant", Some(id.as_str()));
        self.text("entitlement", Some(grant.entitlement.as_str()));
        self.text("risk", entitlement.risk.map(|risk| risk.as_str()));
        self.text("business_process", entitlement.business_process.as_deref());
        self.flag("grant_applies_surely", applies_surely);
        self.time("grant_from", grant.interval.from);
        self.end("grant_until", grant.interval.until);
        self.time("grant_revoked", grant.revoked);
        self.known_flag("grant_suspended", any_contains(&grant.suspended, at));
        self.time("review_due", grant.review_due);
        self.time("review_last", grant::review_last(grant));
        self.known_flag(
            "passed_on_within",
            grant::is_within_what_is_held(facts, grant, access, at),
        );
        let incompatible = grant::is_incompatible(facts, identity, &candidate, at);
        self.known_flag("incompatible", incompatible);
    }

    fn sponsor(&mut self, facts: &Facts) {
        let sponsor = self.grant.and_then(|candidate| facts.sponsor(candidate.grant));
        let Some(sponsor) = sponsor else { return };
        self.time("sponsor_from", sponsor.employed.from);
        self.end("sponsor_until", sponsor.employed.until);
        self.time("succession_until", sponsor.succession_until);
        self.time("sponsor_reduced_from", sponsor.reduced_from);
    }

    fn requirement(&mut self) {
        let Some(candidate) = self.grant else { return };
        let Some(required) = candidate.entitlement.required else { return };
        self.lacks = self.accepted.lacks(&required);
        self.flag("assurance_required", !Assurance::NONE.lacks(&required).is_empty());
        self.flag("assurance_lacks", !self.lacks.is_empty());
    }

    fn flag(&mut self, name: &'static str, value: bool) {
        self.values.insert(name, Value::new_bool(value));
    }

    fn known_flag(&mut self, name: &'static str, value: Option<bool>) {
        if let Some(value) = value {
            self.flag(name, value);
        }
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
        self.time(
            name,
            value.map(|end| match end {
                End::At(at) => at,
                End::Never => Timestamp::MAX,
            }),
        );
    }
}
