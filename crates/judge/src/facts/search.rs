//! Who and what a search may find: by indexes from what is asked for to whom it was granted, so that
//! no search asks everybody there is.

use std::collections::BTreeSet;

use countersign_model::id::{EntitlementId, GroupId, IdentityId, OrganizationId};
use countersign_model::register::{Entitlement, Grant, Grantee, Identity};

use super::Facts;
use crate::grant::covers_what;

/// Whom the grants of one entitlement are for, whether they run or not.
#[derive(Debug, Default)]
pub(super) struct Holders {
    identities: BTreeSet<IdentityId>,
    groups: BTreeSet<GroupId>,
    organizations: BTreeSet<OrganizationId>,
}

impl Holders {
    pub fn add(&mut self, to: &Grantee) {
        match to {
            Grantee::Identity(id) => self.identities.insert(id.clone()),
            Grantee::Group(id) => self.groups.insert(id.clone()),
            Grantee::Organization(id) => self.organizations.insert(id.clone()),
        };
    }

    pub fn remove(&mut self, to: &Grantee) {
        match to {
            Grantee::Identity(id) => self.identities.remove(id),
            Grantee::Group(id) => self.groups.remove(id),
            Grantee::Organization(id) => self.organizations.remove(id),
        };
    }

    pub fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.groups.is_empty() && self.organizations.is_empty()
    }
}

/// What is done where, as far as a search says it.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    pub tenant: &'a str,
    pub action: &'a str,
    /// As patterns of entitlements name it: `record:17`.
    pub resource: &'a str,
}

/// A code that an exception may set aside, so that no grant is needed.
const NO_GRANT: &str = "grant.none";

impl Facts {
    /// The identities that a grant or an exception may let do this, whatever its time: from this id
    /// on, in the order of ids, each once, so many at most.
    pub fn may_be_let(&self, deed: Deed<'_>, from: &str, count: usize) -> Vec<&IdentityId> {
        let mut least = Least { ids: BTreeSet::new(), count };
        let from = IdentityId::from(from);
        let covering = self.offered(deed.tenant).filter(|(_, offered)| {
            covers_what(self, offered, (deed.tenant, deed.action, Some(deed.resource)))
                != Some(false)
        });
        for (id, _) in covering {
            let Some(holders) = self.holders.get(id) else { continue };
            least.take(holders.identities.range(from.clone()..));
            for group in &holders.groups {
                let members = self.groups.get(group).into_iter().flat_map(|group| &group.members);
                let members = members.map(|member| &member.identity);
                members.filter(|id| **id >= from).for_each(|id| {
                    let _ = least.offer(id);
                });
            }
            for organization in &holders.organizations {
                least.take(self.people_of(organization, &from));
            }
        }
        for exception in self.exceptions.values().filter(|exception| exception.rule == NO_GRANT) {
            match exception.subject.split_once(':') {
                Some(("identity", id)) => {
                    let known = self.identities.get_key_value(id).map(|(id, _)| id);
                    least.take(known.filter(|id| **id >= from).into_iter());
                }
                Some(("organization", id)) => least.take(self.people_of(&id.into(), &from)),
                Some(("trust_path", id)) => {
                    if let Some(path) = self.trust_paths.get(id) {
                        least.take(self.people_of(&path.organization, &from));
                    }
                }
                _ => (),
            }
        }
        least.ids.into_iter().filter(|id| self.identities.contains_key(*id)).collect()
    }

    /// The actions that the entitlements of a tenant name, in order. A pattern names none.
    pub fn actions_of(&self, tenant: &str) -> BTreeSet<&str> {
        let all = self.offered(tenant).flat_map(|(_, offered)| &offered.actions);
        all.map(String::as_str).filter(|action| !action.contains('*')).collect()
    }

    /// The ids of what a tenant lists of a type, in order.
    pub fn resources_of(&self, tenant: &str, kind: &str) -> BTreeSet<&str> {
        let tenant = self.tenants.get(self.namespace(tenant));
        let all = tenant.into_iter().flat_map(|tenant| &tenant.resources);
        all.filter(|it| it.kind == kind).map(|it| it.id.as_str()).collect()
    }

    /// By which names an identity is known in a tenant, in order; `issuer` is one more namespace.
    pub fn names_in(
        &self,
        tenant: &str,
        issuer: Option<&str>,
        identity: &Identity,
    ) -> BTreeSet<String> {
        let namespaces =
            [Some(self.namespace(tenant)), issuer.map(|issuer| self.namespace(issuer))];
        let own = identity
            .accounts
            .iter()
            .filter(|account| namespaces.contains(&Some(self.namespace(&account.namespace))));
        own.map(|account| account.value.clone()).collect()
    }

    fn people_of(
        &self,
        organization: &OrganizationId,
        from: &IdentityId,
    ) -> impl Iterator<Item = &IdentityId> {
        let people = self.people.get(organization);
        people.into_iter().flat_map(move |people| people.range(from.clone()..))
    }

    /// The entitlements of a tenant, and those of any.
    fn offered(&self, tenant: &str) -> impl Iterator<Item = (&EntitlementId, &Entitlement)> {
        let own = self.namespace(tenant).to_owned();
        let own = self.offers.get(&Some(own.as_str().into()));
        let ids = own.chain(self.offers.get(&None));
        ids.filter_map(|id| self.entitlements.get_key_value(id))
    }
}

/// Keeping the indexes.
impl Facts {
    pub(super) fn entitlement_is(&mut self, id: EntitlementId, entitlement: Entitlement) {
        self.forget_entitlement(id.as_str());
        self.offers.add(entitlement.tenant.clone(), id.clone());
        self.entitlements.insert(id, entitlement);
    }

    pub(super) fn forget_entitlement(&mut self, id: &str) {
        let Some(entitlement) = self.entitlements.remove(id) else { return };
        self.offers.remove(&entitlement.tenant, id);
    }

    pub(super) fn holds(&mut self, grant: &Grant) {
        self.holders.entry(grant.entitlement.clone()).or_default().add(&grant.to);
    }

    /// A grant was taken away; another may still be for the same.
    pub(super) fn holds_no_more(&mut self, grant: &Grant) {
        let other = self.grants.of(&grant.to).any(|(_, it)| it.entitlement == grant.entitlement);
        let Some(holders) = self.holders.get_mut(&grant.entitlement).filter(|_| !other) else {
            return;
        };
        holders.remove(&grant.to);
        if holders.is_empty() {
            self.holders.remove(&grant.entitlement);
        }
    }

    pub(super) fn belongs(&mut self, id: &IdentityId, organization: &OrganizationId) {
        self.people.entry(organization.clone()).or_default().insert(id.clone());
    }

    pub(super) fn belongs_no_more(&mut self, id: &str, organization: &OrganizationId) {
        let Some(people) = self.people.get_mut(organization) else { return };
        people.remove(id);
        if people.is_empty() {
            self.people.remove(organization);
        }
    }
}

/// The smallest of many, so many at most.
struct Least<'a> {
    ids: BTreeSet<&'a IdentityId>,
    count: usize,
}

impl<'a> Least<'a> {
    /// Whether one that is greater might still be among them.
    fn offer(&mut self, id: &'a IdentityId) -> bool {
        if self.ids.len() < self.count {
            self.ids.insert(id);
            return true;
        }
        if self.ids.last().is_none_or(|greatest| id >= *greatest) {
            return false;
        }
        if self.ids.insert(id) {
            self.ids.pop_last();
        }
        true
    }

    /// From an order of ids, as far as they can be among the smallest.
    fn take(&mut self, ids: impl Iterator<Item = &'a IdentityId>) {
        for id in ids {
            if !self.offer(id) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_are_kept_from_any_order() {
        let ids: Vec<IdentityId> = ["d", "a", "c", "b", "a"].map(IdentityId::from).into();
        let mut least = Least { ids: BTreeSet::new(), count: 2 };
        for id in &ids {
            let _ = least.offer(id);
        }
        let found: Vec<&str> = least.ids.iter().map(|id| id.as_str()).collect();
        assert_eq!(found, ["a", "b"]);
    }
}
