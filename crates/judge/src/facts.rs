//! The register, indexed for questions about one access.

use std::collections::HashMap;

use countersign_model::assurance::Assurance;
use countersign_model::id::{IdentityId, OrganizationId, TenantId, TrustPathId};
use countersign_model::judgement::Access;
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::{
    Credential, Entitlement, Grant, Grantee, Identity, Organization, OrganizationState, Register,
    Sponsor, TrustPath, matches,
};
use countersign_model::time::{End, Interval, Timestamp};

/// Everything a judgement may depend on. What is not here cannot matter.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(crate) register: Register,
    /// What records call a tenant, to its id.
    tenants: HashMap<String, TenantId>,
    /// Grant ids that may apply to an identity, in register order.
    grants: HashMap<String, Vec<countersign_model::id::GrantId>>,
    /// Instants at which any fact begins or ends, sorted: between two of them nothing changes.
    changes: Vec<Timestamp>,
}

impl Facts {
    pub fn new(register: &Register) -> Self {
        let mut tenants = HashMap::new();
        for (id, tenant) in &register.tenants {
            tenants.insert(id.to_string(), id.clone());
            tenants.extend(tenant.accounts.iter().map(|account| (account.clone(), id.clone())));
        }
        let mut grants: HashMap<String, Vec<_>> = HashMap::new();
        for (id, grant) in &register.grants {
            for identity in grantees(register, &grant.to) {
                grants.entry(identity.to_string()).or_default().push(id.clone());
            }
        }
        Self { changes: changes(register), register: register.clone(), tenants, grants }
    }

    /// The number of the elementary interval that `at` lies in.
    pub(crate) fn interval(&self, at: Timestamp) -> usize {
        self.changes.partition_point(|change| *change <= at)
    }

    pub(crate) fn identity(&self, id: &str) -> Option<(&IdentityId, &Identity)> {
        self.register.identities.get_key_value(&id.into())
    }

    pub(crate) fn credential(&self, id: &str) -> Option<&Credential> {
        self.register.credentials.get(&id.into())
    }

    pub(crate) fn organization(&self, id: &OrganizationId) -> Option<&Organization> {
        self.register.organizations.get(id)
    }

    pub(crate) fn sponsor(&self, grant: &Grant) -> Option<&Sponsor> {
        self.register.sponsors.get(grant.sponsor.as_ref()?)
    }

    pub(crate) fn grant(&self, id: &countersign_model::id::GrantId) -> Option<(&Grant, &Entitlement)> {
        let grant = self.register.grants.get(id)?;
        Some((grant, self.register.entitlements.get(&grant.entitlement)?))
    }

    fn namespace<'a>(&'a self, name: &'a str) -> &'a str {
        self.tenants.get(name).map_or(name, TenantId::as_str)
    }

    /// Grants of an identity whose entitlement covers the access, whatever their time.
    pub(crate) fn covering(&self, identity: &str, access: &Access<'_>) -> Vec<&countersign_model::id::GrantId> {
        let tenant = self.namespace(access.tenant);
        let covers = |id: &&countersign_model::id::GrantId| {
            self.grant(id).is_some_and(|(_, entitlement)| covers(entitlement, tenant, access))
        };
        self.grants.get(identity).into_iter().flatten().filter(covers).collect()
    }

    pub(crate) fn all_grants(&self, identity: &str) -> &[countersign_model::id::GrantId] {
        self.grants.get(identity).map_or(&[], Vec::as_slice)
    }

    /// Whether the grant reaches the identity at `at`: at once, or by a membership that holds then.
    pub(crate) fn reaches(&self, grant: &Grant, identity: &IdentityId, at: Timestamp) -> bool {
        match &grant.to {
            Grantee::Identity(_) | Grantee::Organization(_) => true,
            Grantee::Group(group) => self.register.groups.get(group).is_some_and(|group| {
                let holds = |active: &Interval| active.contains(at) != Some(false);
                group.members.iter().any(|member| member.identity == *identity && holds(&member.active))
            }),
        }
    }

    /// The trust path of an access: its credential's, else its account's, else the only one all
    /// accounts of the identity agree on.
    pub(crate) fn trust_path(
        &self,
        id: &IdentityId,
        identity: &Identity,
        access: &Access<'_>,
    ) -> Option<(&TrustPathId, &TrustPath)> {
        // Behind a portal the credential is the portal's, and says nothing of how the person came.
        let own = |credential: &&Credential| credential.identity == *id;
        let credential = access.credential.and_then(|id| self.credential(id)).filter(own);
        let by_credential = credential.and_then(|credential| credential.trust_path.as_ref());
        let by_account = access.account.and_then(|(namespace, value)| {
            let same = |account: &&countersign_model::register::Account| {
                account.value == value && self.namespace(&account.namespace) == self.namespace(namespace)
            };
            identity.accounts.iter().find(same).and_then(|account| account.trust_path.as_ref())
        });
        let mut paths = identity.accounts.iter().map(|account| account.trust_path.as_ref());
        let first = paths.next().flatten();
        let only = first.filter(|_| paths.all(|path| path == first));
        let id = by_credential.or(by_account).or(only)?;
        self.register.trust_paths.get_key_value(id)
    }

    /// Whether every reseller on the way to an organization was active and inside its contract;
    /// `None` if the register does not say. The flag says whether there is one at all.
    pub(crate) fn resellers(&self, organization: &Organization, at: Timestamp) -> (bool, Option<bool>) {
        let mut known = Some(true);
        let mut via = organization.via.as_ref();
        let any = via.is_some();
        for _ in 0..CHAIN_DEPTH_MAX {
            let Some(id) = via else { return (any, known) };
            let Some(reseller) = self.organization(id) else { return (any, None) };
            let state = reseller.state.map(|state| state == OrganizationState::Active);
            match (state, reseller.contract.contains(at)) {
                (Some(false), _) | (_, Some(false)) => return (any, Some(false)),
                (Some(true), Some(true)) => {}
                (None, _) | (_, None) => known = None,
            }
            via = reseller.via.as_ref();
        }
        (any, Some(false))
    }

    /// Whether the grant that this one is passed on from covers as much, and as long, at `at`.
    pub(crate) fn passed_on_within(&self, grant: &Grant, access: &Access<'_>, at: Timestamp) -> Option<bool> {
        let mut below = grant;
        let tenant = self.namespace(access.tenant);
        for _ in 0..CHAIN_DEPTH_MAX {
            let Some(id) = below.passed_on_from.as_ref() else { return Some(true) };
            let (above, entitlement) = self.grant(id)?;
            let revoked = above.revoked.is_some_and(|revoked| revoked <= at);
            let longer = match (below.interval.until, above.interval.until) {
                (Some(below), Some(above)) => below > above,
                (_, None) | (None, _) => return None,
            };
            if revoked || longer || !covers(entitlement, tenant, access) || above.interval.contains(at) == Some(false) {
                return Some(false);
            }
            above.interval.contains(at)?;
            below = above;
        }
        Some(false)
    }

    /// Whether the identity holds, at `at`, an entitlement incompatible with this one.
    pub(crate) fn incompatible(&self, identity: &IdentityId, grant: &Grant, at: Timestamp) -> bool {
        let Some(own) = self.register.entitlements.get(&grant.entitlement) else { return false };
        self.all_grants(identity.as_str()).iter().filter_map(|id| self.grant(id)).any(|(other, entitlement)| {
            let conflicts = own.incompatible_with.contains(&other.entitlement)
                || entitlement.incompatible_with.contains(&grant.entitlement);
            conflicts && is_live(other, at) && self.reaches(other, identity, at)
        })
    }
}

/// Whether a grant runs at `at`, as far as is known.
pub(crate) fn is_live(grant: &Grant, at: Timestamp) -> bool {
    grant.interval.contains(at) != Some(false) && grant.revoked.is_none_or(|revoked| at < revoked)
}

fn covers(entitlement: &Entitlement, tenant: &str, access: &Access<'_>) -> bool {
    entitlement.tenant.as_ref().is_none_or(|own| own.as_str() == tenant)
        && entitlement.actions.iter().any(|pattern| matches(pattern, access.action))
        && entitlement.resources.as_ref().is_none_or(|resources| {
            access.resource.is_some_and(|resource| resources.iter().any(|pattern| matches(pattern, resource)))
        })
}

fn grantees<'r>(register: &'r Register, to: &'r Grantee) -> Vec<&'r IdentityId> {
    match to {
        Grantee::Identity(id) => vec![id],
        Grantee::Group(id) => register
            .groups
            .get(id)
            .map_or_else(Vec::new, |group| group.members.iter().map(|member| &member.identity).collect()),
        Grantee::Organization(id) => register
            .identities
            .iter()
            .filter(|(_, identity)| identity.organization == *id)
            .map(|(id, _)| id)
            .collect(),
    }
}

/// Every instant that any guardrail compares with.
fn changes(register: &Register) -> Vec<Timestamp> {
    let mut all = Vec::new();
    let mut intervals: Vec<Interval> = Vec::new();
    intervals.extend(register.organizations.values().map(|known| known.contract));
    intervals.extend(register.sponsors.values().map(|known| known.employed));
    intervals.extend(register.trust_paths.values().map(|known| known.active));
    intervals.extend(register.grants.values().map(|known| known.interval));
    intervals.extend(register.exceptions.values().map(|known| known.interval));
    for identity in register.identities.values() {
        let until = identity.mandate.as_ref().and_then(|mandate| mandate.until);
        intervals.extend([identity.active, Interval { from: None, until }]);
    }
    intervals.extend(register.groups.values().flat_map(|group| &group.members).map(|member| member.active));
    for known in register.credentials.values() {
        intervals.push(Interval { from: known.revoked, until: known.until });
        let since = known.rotated.or(known.issued);
        // Over age is what lies after the limit, not at it.
        all.extend(since.zip(known.rotate_every).map(|(since, every)| since.plus_nanos(every.0).plus_nanos(1)));
    }
    for interval in intervals {
        all.extend(interval.from);
        if let Some(End::At(until)) = interval.until {
            all.push(until);
        }
    }
    for known in register.grants.values() {
        all.extend(known.revoked);
        all.extend(known.review_due);
        all.extend(known.review_due.map(|due| due.plus_nanos(known.review_grace.map_or(0, |grace| grace.0))));
    }
    all.extend(register.sponsors.values().filter_map(|known| known.succession_until));
    all.extend(register.trust_paths.values().filter_map(|known| known.revalidate_by));
    all.sort_unstable();
    all.dedup();
    all
}

/// What a trust path accepts for the claims of an authentication, and by which entry: the best on
/// each axis over the entries that apply.
pub(crate) fn accepted(id: &TrustPathId, path: &TrustPath, access: &Access<'_>, at: Timestamp) -> (Assurance, Option<String>) {
    if path.revalidate_by.is_some_and(|by| by <= at) || path.active.contains(at) == Some(false) {
        return (Assurance::NONE, None);
    }
    let mut best = path.constant.unwrap_or(Assurance::NONE);
    let mut by: Vec<String> = path.constant.map(|_| format!("{id}: constant")).into_iter().collect();
    for entry in &path.assurance_map {
        if !access.assurance.contains(&(entry.namespace.as_str(), entry.value.as_str())) {
            continue;
        }
        best = Assurance {
            ial: best.ial.max(entry.accept.ial),
            aal: best.aal.max(entry.accept.aal),
            fal: best.fal.max(entry.accept.fal),
            phishing_resistant: best.phishing_resistant.max(entry.accept.phishing_resistant),
            workload: best.workload.max(entry.accept.workload),
        };
        by.push(format!("{id}: {}={}", entry.namespace, entry.value));
    }
    (best, (!by.is_empty()).then(|| by.join(", ")))
}
