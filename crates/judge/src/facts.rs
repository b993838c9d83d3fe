//! The register, indexed for questions about one access, and kept up with what changes.

mod grants;
mod index;
mod search;

use std::collections::{BTreeSet, HashMap};

use countersign_model::assurance::Assurance;
use countersign_model::id::{
    CredentialId, EntitlementId, ExceptionId, GrantId, GroupId, IdentityId, OrganizationId,
    PortalId, SponsorId, TenantId, TrustPathId,
};
use countersign_model::judgement::Judgement;
use countersign_model::register::{
    Account, AssuranceEntry, Credential, Entitlement, Exception, Grant, Grantee, Group, Identity,
    Organization, Portal, Register, Resource, Sponsor, Tenant, TrustPath,
};
use countersign_model::time::Timestamp;

use self::grants::Grants;
use self::index::Index;
pub use self::search::Deed;
use self::search::Holders;
use crate::network::Networks;

/// Everything a judgement may depend on. What is not here cannot matter.
///
/// An item is looked up where it is needed and may be missing there: what refers to something that is
/// no fact is judged as if that were not said.
#[derive(Debug, Default)]
pub struct Facts {
    tenants: HashMap<TenantId, Tenant>,
    organizations: HashMap<OrganizationId, Organization>,
    sponsors: HashMap<SponsorId, Sponsor>,
    trust_paths: HashMap<TrustPathId, TrustPath>,
    identities: HashMap<IdentityId, Identity>,
    networks: HashMap<IdentityId, Networks>,
    credentials: HashMap<CredentialId, Credential>,
    entitlements: HashMap<EntitlementId, Entitlement>,
    groups: HashMap<GroupId, Group>,
    exceptions: HashMap<ExceptionId, Exception>,
    grants: Grants,
    portals: HashMap<PortalId, Portal>,
    /// The portals that act as an identity.
    fronts: Index<IdentityId, PortalId>,
    /// What records call a tenant, to its id.
    accounts_of_tenants: Index<String, TenantId>,
    /// The groups that somebody is, was or will be in.
    memberships: Index<IdentityId, GroupId>,
    /// Whom an account's name may mean.
    accounts: Index<String, IdentityId>,
    /// Whose handle it may be.
    handles: Index<String, CredentialId>,
    /// By the code that they set aside and what they cover.
    departures: Index<(String, String), ExceptionId>,
    /// The entitlements of a tenant; `None`: of any.
    offers: Index<Option<TenantId>, EntitlementId>,
    /// Whom there are grants of an entitlement for.
    holders: HashMap<EntitlementId, Holders>,
    /// The identities of an organization.
    people: HashMap<OrganizationId, BTreeSet<IdentityId>>,
}

impl Facts {
    pub fn new(register: Register) -> Self {
        let mut facts = Self::default();
        facts.learn(register);
        facts
    }

    /// Adds each item, in the place of what had its id.
    pub fn learn(&mut self, register: Register) {
        register.tenants.into_iter().for_each(|(id, item)| self.tenant_is(id, item));
        self.organizations.extend(register.organizations);
        self.sponsors.extend(register.sponsors);
        self.trust_paths.extend(register.trust_paths);
        register.entitlements.into_iter().for_each(|(id, item)| self.entitlement_is(id, item));
        register.identities.into_iter().for_each(|(id, item)| self.identity_is(id, item));
        register.credentials.into_iter().for_each(|(id, item)| self.credential_is(id, item));
        register.groups.into_iter().for_each(|(id, item)| self.group_is(id, item));
        register.exceptions.into_iter().for_each(|(id, item)| self.exception_is(id, item));
        register.grants.into_iter().for_each(|(id, item)| self.grant_is(id, item));
        register.portals.into_iter().for_each(|(id, item)| self.portal_is(id, item));
    }

    /// Takes an item away: it is no fact any more. Nouns are named as in the register.
    pub fn forget(&mut self, noun: &str, id: &str) {
        match noun {
            "tenant" => self.forget_tenant(id),
            "organization" => drop(self.organizations.remove(id)),
            "sponsor" => drop(self.sponsors.remove(id)),
            "trust_path" => drop(self.trust_paths.remove(id)),
            "identity" => self.forget_identity(id),
            "credential" => self.forget_credential(id),
            "entitlement" => self.forget_entitlement(id),
            "group" => self.forget_group(id),
            "exception" => self.forget_exception(id),
            "grant" => self.forget_grant(id),
            "portal" => self.forget_portal(id),
            _ => (),
        }
    }

    fn tenant_is(&mut self, id: TenantId, tenant: Tenant) {
        self.forget_tenant(id.as_str());
        for account in &tenant.accounts {
            self.accounts_of_tenants.add(account.clone(), id.clone());
        }
        self.tenants.insert(id, tenant);
    }

    fn forget_tenant(&mut self, id: &str) {
        let Some(tenant) = self.tenants.remove(id) else { return };
        tenant.accounts.iter().for_each(|account| self.accounts_of_tenants.remove(account, id));
    }

    fn identity_is(&mut self, id: IdentityId, identity: Identity) {
        self.forget_identity(id.as_str());
        for account in &identity.accounts {
            self.accounts.add(account.value.clone(), id.clone());
        }
        self.belongs(&id, &identity.organization);
        if let Some(networks) = &identity.networks {
            self.networks.insert(id.clone(), Networks::new(networks));
        }
        self.identities.insert(id, identity);
    }

    fn forget_identity(&mut self, id: &str) {
        let Some(identity) = self.identities.remove(id) else { return };
        identity.accounts.iter().for_each(|account| self.accounts.remove(&account.value, id));
        self.networks.remove(id);
        self.belongs_no_more(id, &identity.organization);
    }

    fn credential_is(&mut self, id: CredentialId, credential: Credential) {
        self.forget_credential(id.as_str());
        self.handles.add(credential.handle.clone(), id.clone());
        self.credentials.insert(id, credential);
    }

    fn forget_credential(&mut self, id: &str) {
        let Some(credential) = self.credentials.remove(id) else { return };
        self.handles.remove(&credential.handle, id);
    }

    fn group_is(&mut self, id: GroupId, group: Group) {
        self.forget_group(id.as_str());
        for member in &group.members {
            self.memberships.add(member.identity.clone(), id.clone());
        }
        self.groups.insert(id, group);
    }

    fn forget_group(&mut self, id: &str) {
        let Some(group) = self.groups.remove(id) else { return };
        group.members.iter().for_each(|member| self.memberships.remove(&member.identity, id));
    }

    fn exception_is(&mut self, id: ExceptionId, exception: Exception) {
        self.forget_exception(id.as_str());
        let covers = (exception.rule.clone(), exception.subject.clone());
        self.departures.add(covers, id.clone());
        self.exceptions.insert(id, exception);
    }

    fn forget_exception(&mut self, id: &str) {
        let Some(exception) = self.exceptions.remove(id) else { return };
        self.departures.remove(&(exception.rule, exception.subject), id);
    }

    fn portal_is(&mut self, id: PortalId, portal: Portal) {
        self.forget_portal(id.as_str());
        for identity in &portal.acts_as {
            self.fronts.add(identity.clone(), id.clone());
        }
        self.portals.insert(id, portal);
    }

    fn forget_portal(&mut self, id: &str) {
        let Some(portal) = self.portals.remove(id) else { return };
        portal.acts_as.iter().for_each(|identity| self.fronts.remove(identity, id));
    }

    /// What it names is shared with the items it names, and what nobody judges by is let go.
    fn grant_is(&mut self, id: GrantId, mut grant: Grant) {
        grant.justification = None;
        if let Some((known, _)) = self.entitlements.get_key_value(&grant.entitlement) {
            grant.entitlement = known.clone();
        }
        if let Some((known, _)) =
            grant.sponsor.as_ref().and_then(|id| self.sponsors.get_key_value(id))
        {
            grant.sponsor = Some(known.clone());
        }
        if let Grantee::Identity(to) = &grant.to
            && let Some((known, _)) = self.identities.get_key_value(to)
        {
            grant.to = Grantee::Identity(known.clone());
        }
        self.forget_grant(id.as_str());
        self.holds(&grant);
        self.grants.insert(id, grant);
    }

    fn forget_grant(&mut self, id: &str) {
        if let Some(grant) = self.grants.remove(id) {
            self.holds_no_more(&grant);
        }
    }
}

/// Whom a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a, T> {
    Nobody,
    One(&'a T),
    /// The register lets it mean several, which is nobody for sure.
    Several,
}

/// Who and what a request speaks of.
impl Facts {
    /// The identity whose account in a tenant has this name at `at`; `issuer` is one more namespace
    /// in which the name may be given.
    pub fn who(
        &self,
        tenant: &str,
        issuer: Option<&str>,
        name: &str,
        at: Timestamp,
    ) -> Found<'_, IdentityId> {
        let tenant = self.namespace(tenant);
        let issuer = issuer.map(|issuer| self.namespace(issuer));
        let is_meant = |account: &&Account| {
            let namespace = self.namespace(&account.namespace);
            account.value == name
                && (namespace == tenant || issuer == Some(namespace))
                && account.active.contains(at) != Some(false)
        };
        let candidates = self.accounts.get(name).filter(|id| {
            let known = self.identities.get(*id);
            known.is_some_and(|known| known.accounts.iter().any(|account| is_meant(&account)))
        });
        one_of(candidates)
    }

    /// The credential that a tenant's records would show by this handle.
    pub fn credential_of(&self, tenant: &str, handle: &str) -> Option<&CredentialId> {
        let tenant = self.namespace(tenant);
        let candidates = self.handles.get(handle).filter(|id| {
            let known = self.credentials.get(*id);
            known.is_some_and(|known| {
                let namespace = known.namespace.as_deref();
                namespace.is_none_or(|namespace| self.namespace(namespace) == tenant)
            })
        });
        match one_of(candidates) {
            Found::One(id) => Some(id),
            Found::Nobody | Found::Several => None,
        }
    }

    /// Whether an identity is the account of a portal, so that somebody else is behind it.
    pub fn is_front(&self, identity: &IdentityId) -> bool {
        self.fronts.get(identity).next().is_some()
    }

    /// Whether an identity is the account of a portal whose people sign in at a tenant.
    pub fn is_front_of(&self, identity: &IdentityId, tenant: &str) -> bool {
        let portals = self.fronts.get(identity).filter_map(|id| self.portals.get(id));
        portals.into_iter().any(|portal| portal.tenant.as_str() == tenant)
    }

    /// What is known here of a resource that a tenant protects.
    pub fn resource(&self, tenant: &str, kind: &str, id: &str) -> Option<&Resource> {
        let known = self.tenants.get(tenant)?.resources.iter();
        known.into_iter().find(|resource| resource.kind == kind && resource.id == id)
    }

    pub fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.get(id)
    }

    pub fn identity_of(&self, id: &str) -> Option<&Identity> {
        self.identities.get(id)
    }
}

/// What would have been enough.
impl Facts {
    /// The entries of the trust path's map that would raise what was accepted to what is required.
    pub fn sufficient<'a>(
        &'a self,
        judged: &'a Judgement,
    ) -> impl Iterator<Item = &'a AssuranceEntry> {
        let path = judged.trust_path.as_deref().and_then(|id| self.trust_paths.get(id));
        let entries = path.into_iter().flat_map(|path| &path.assurance_map);
        let required = judged.required.unwrap_or(Assurance::NONE);
        entries.filter(move |entry| {
            judged.accepted.or_better(entry.accept).lacks(&required).is_empty()
        })
    }
}

fn one_of<'a, T>(mut candidates: impl Iterator<Item = &'a T>) -> Found<'a, T> {
    match (candidates.next(), candidates.next()) {
        (None, _) => Found::Nobody,
        (Some(one), None) => Found::One(one),
        (Some(_), Some(_)) => Found::Several,
    }
}

/// Look-ups.
impl Facts {
    pub(crate) fn identity(&self, id: &str) -> Option<(&IdentityId, &Identity)> {
        self.identities.get_key_value(id)
    }

    pub(crate) fn credential(&self, id: &str) -> Option<&Credential> {
        self.credentials.get(id)
    }

    pub(crate) fn organization(&self, id: &OrganizationId) -> Option<&Organization> {
        self.organizations.get(id)
    }

    pub(crate) fn trust_path(&self, id: &TrustPathId) -> Option<(&TrustPathId, &TrustPath)> {
        self.trust_paths.get_key_value(id)
    }

    pub(crate) fn entitlement(&self, id: &EntitlementId) -> Option<&Entitlement> {
        self.entitlements.get(id)
    }

    pub(crate) fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups.get(id)
    }

    pub(crate) fn grant(&self, id: &GrantId) -> Option<&Grant> {
        self.grants.get(id.as_str()).map(|(_, grant)| grant)
    }

    pub(crate) fn sponsor(&self, grant: &Grant) -> Option<&Sponsor> {
        self.sponsors.get(grant.sponsor.as_ref()?)
    }

    /// A namespace or tenant as the register calls it: several accounts may be one tenant, but an id
    /// is never taken for another tenant's account.
    pub(crate) fn namespace<'a>(&'a self, name: &'a str) -> &'a str {
        if self.tenants.contains_key(name) {
            return name;
        }
        self.accounts_of_tenants.get(name).next().map_or(name, TenantId::as_str)
    }

    /// Grants that may reach an identity, by any membership at any time.
    pub(crate) fn grants<'a>(
        &'a self,
        identity: &'a IdentityId,
    ) -> impl Iterator<Item = (&'a GrantId, &'a Grant)> {
        let own = Grantee::Identity(identity.clone());
        let groups = self.memberships.get(identity).cloned().map(Grantee::Group);
        let known = self.identities.get(identity);
        let organization = known.map(|known| Grantee::Organization(known.organization.clone()));
        let to = std::iter::once(own).chain(groups).chain(organization);
        to.flat_map(|to| self.grants.of(&to).collect::<Vec<_>>())
    }

    /// The exceptions that set a reason aside for a subject, if they are in force.
    pub(crate) fn departures<'a>(
        &'a self,
        rule: &str,
        subject: &str,
    ) -> impl Iterator<Item = (&'a ExceptionId, &'a Exception)> {
        let ids = self.departures.get(&(rule.to_owned(), subject.to_owned()));
        ids.filter_map(|id| self.exceptions.get_key_value(id))
    }

    /// The exception that sets a reason aside for a subject at `at`, if one is in force.
    pub fn excepted(&self, rule: &str, subject: &str, at: Timestamp) -> Option<&ExceptionId> {
        let all = self.departures(rule, subject);
        let in_force = all.filter(|(_, exception)| {
            exception.approved_by.is_some() && exception.interval.contains(at) == Some(true)
        });
        in_force.map(|(id, _)| id).min()
    }

    /// Whether an address is inside the networks a machine is registered for; `None` if either is
    /// not known.
    pub(crate) fn inside_networks(&self, identity: &str, ip: Option<&str>) -> Option<bool> {
        self.networks.get(identity)?.contain(ip?)
    }
}

/// All items of a noun, in no order.
impl Facts {
    pub(crate) fn organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations.values()
    }

    pub(crate) fn sponsors(&self) -> impl Iterator<Item = &Sponsor> {
        self.sponsors.values()
    }

    pub(crate) fn trust_paths(&self) -> impl Iterator<Item = &TrustPath> {
        self.trust_paths.values()
    }

    pub(crate) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.identities.values()
    }

    pub(crate) fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.credentials.values()
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    pub(crate) fn exceptions(&self) -> impl Iterator<Item = &Exception> {
        self.exceptions.values()
    }

    pub(crate) fn all_grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.all()
    }
}
