//! The register, indexed for questions about one access.

mod changes;

use std::collections::HashMap;

use countersign_model::id::{EntitlementId, GrantId, IdentityId, OrganizationId, TenantId};
use countersign_model::register::{
    Credential, Entitlement, Grant, Grantee, Identity, Organization, Register, Sponsor,
};
use countersign_model::time::Timestamp;

use crate::network::Networks;

/// Everything a judgement may depend on. What is not here cannot matter.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(crate) register: Register,
    /// What records call a tenant, to its id.
    tenants: HashMap<String, TenantId>,
    /// Grants that may reach an identity, by any membership at any time.
    grants: HashMap<String, Vec<GrantId>>,
    networks: HashMap<String, Networks>,
    /// Instants at which any fact begins or ends, sorted: between two of them nothing changes.
    changes: Vec<Timestamp>,
}

impl Facts {
    pub fn new(register: &Register) -> Self {
        let mut tenants = HashMap::new();
        for (id, tenant) in &register.tenants {
            tenants.extend(tenant.accounts.iter().map(|account| (account.clone(), id.clone())));
        }
        // An id is never taken for another tenant's account.
        tenants.extend(register.tenants.keys().map(|id| (id.to_string(), id.clone())));
        let networks = register.identities.iter().filter_map(|(id, identity)| {
            Some((id.to_string(), Networks::new(identity.networks.as_deref()?)))
        });
        Self {
            tenants,
            grants: grants(register),
            networks: networks.collect(),
            changes: changes::changes(register),
            register: register.clone(),
        }
    }

    /// The number of the elementary interval that `at` lies in.
    pub(crate) fn interval(&self, at: Timestamp) -> usize {
        self.changes.partition_point(|change| *change <= at)
    }

    pub(crate) fn identity(&self, id: &str) -> Option<(&IdentityId, &Identity)> {
        self.register.identities.get_key_value(id)
    }

    pub(crate) fn credential(&self, id: &str) -> Option<&Credential> {
        self.register.credentials.get(id)
    }

    pub(crate) fn organization(&self, id: &OrganizationId) -> Option<&Organization> {
        self.register.organizations.get(id)
    }

    pub(crate) fn entitlement(&self, id: &EntitlementId) -> Option<&Entitlement> {
        self.register.entitlements.get(id)
    }

    pub(crate) fn sponsor(&self, grant: &Grant) -> Option<&Sponsor> {
        self.register.sponsors.get(grant.sponsor.as_ref()?)
    }

    /// A namespace or tenant as the register calls it: several accounts may be one tenant.
    pub(crate) fn namespace<'a>(&'a self, name: &'a str) -> &'a str {
        self.tenants.get(name).map_or(name, TenantId::as_str)
    }

    /// Grants that may reach an identity, in the order of their ids.
    pub(crate) fn grants(&self, identity: &str) -> impl Iterator<Item = (&GrantId, &Grant)> {
        let ids = self.grants.get(identity).into_iter().flatten();
        ids.filter_map(|id| self.register.grants.get_key_value(id))
    }

    /// Whether an address is inside the networks a machine is registered for; `None` if either is
    /// not known.
    pub(crate) fn inside_networks(&self, identity: &str, ip: Option<&str>) -> Option<bool> {
        self.networks.get(identity)?.contain(ip?)
    }
}

fn grants(register: &Register) -> HashMap<String, Vec<GrantId>> {
    let mut grants: HashMap<String, Vec<GrantId>> = HashMap::new();
    for (id, grant) in &register.grants {
        for identity in grantees(register, &grant.to) {
            let known = grants.entry(identity.to_string()).or_default();
            // Somebody may be a member twice, of one time and another.
            if known.last() != Some(id) {
                known.push(id.clone());
            }
        }
    }
    grants
}

fn grantees<'r>(register: &'r Register, to: &'r Grantee) -> Vec<&'r IdentityId> {
    match to {
        Grantee::Identity(id) => vec![id],
        Grantee::Group(id) => {
            let members = register.groups.get(id).into_iter().flat_map(|group| &group.members);
            members.map(|member| &member.identity).collect()
        }
        Grantee::Organization(id) => {
            let identities = register.identities.iter();
            let own = identities.filter(|(_, identity)| identity.organization == *id);
            own.map(|(id, _)| id).collect()
        }
    }
}
