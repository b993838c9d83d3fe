//! An account belongs to one identity at a time, and a handle to one credential.

use std::collections::BTreeMap;

use countersign_model::id::{OrganizationId, TenantId, TrustPathId};
use countersign_model::register::Credential;
use countersign_model::time::{End, Interval};

use super::{At, Rules, may_overlap, meet};
use crate::noun::Noun;
use crate::suggest::shown;

pub(super) fn check(rules: &mut Rules<'_>) {
    accounts(rules);
    handles(rules);
    trust_paths(rules);
    tenants(rules);
}

/// A use of a name, to be compared with the others of that name.
struct Use<'a> {
    id: &'a str,
    nth: usize,
    when: Interval,
    path: Option<&'a TrustPathId>,
}

/// How many uses of one name are compared with each other; a hand-over a month for five years.
const USES_COMPARED_MAX: usize = 64;

fn accounts(rules: &mut Rules<'_>) {
    let mut uses: BTreeMap<(&str, &str), Vec<Use<'_>>> = BTreeMap::new();
    for (id, identity) in &rules.register.identities {
        for (nth, account) in identity.accounts.iter().enumerate() {
            let when = meet(&identity.active, &account.active);
            for namespace in namespaces(rules, &account.namespace) {
                let path = account.trust_path.as_ref();
                let one = Use { id: id.as_str(), nth, when, path };
                uses.entry((namespace, &account.value)).or_default().push(one);
            }
        }
    }
    for ((_, value), uses) in uses {
        for (at, one) in uses.iter().enumerate() {
            let earlier = &uses[at.saturating_sub(USES_COMPARED_MAX)..at];
            let same = |other: &&Use<'_>| {
                may_overlap(&other.when, &one.when)
                    && (other.id != one.id || (other.path == one.path && other.nth != one.nth))
            };
            let Some(other) = earlier.iter().find(same) else {
                continue;
            };
            let message = if other.id == one.id {
                format!("account {} is listed twice for the same time", shown(value))
            } else {
                let whose = other.id;
                format!("account {} also belongs to `{whose}` at the same time", shown(value))
            };
            let fix = "give one `active` an `until` no later than the `from` of the other";
            rules.wrong(Noun::Identity, one.id, At::Nth("accounts", one.nth), message, fix);
        }
    }
}

/// The names for which a namespace stands: a tenant's id stands for all its accounts.
fn namespaces<'a>(rules: &Rules<'a>, namespace: &'a str) -> Vec<&'a str> {
    let mut names = vec![namespace];
    if let Some(tenant) = rules.register.tenants.get(&TenantId::from(namespace)) {
        names.extend(tenant.accounts.iter().map(String::as_str).filter(|name| *name != namespace));
    }
    names
}

fn handles(rules: &mut Rules<'_>) {
    let mut uses: BTreeMap<&str, Vec<(&str, &Credential)>> = BTreeMap::new();
    for (id, credential) in &rules.register.credentials {
        uses.entry(&credential.handle).or_default().push((id.as_str(), credential));
    }
    for uses in uses.into_values() {
        for (at, (id, one)) in uses.iter().enumerate() {
            let earlier = &uses[at.saturating_sub(USES_COMPARED_MAX)..at];
            let same = |(_, other): &&(&str, &Credential)| {
                may_overlap(&life(one), &life(other)) && share_namespace(rules, one, other)
            };
            let Some((other, _)) = earlier.iter().find(same) else {
                continue;
            };
            let message = format!("the same handle as `{other}` at the same time");
            let fix = "keep one, or say in `namespace` whose logs show each";
            rules.wrong(Noun::Credential, id, At::Key("handle"), message, fix);
        }
    }
}

fn life(credential: &Credential) -> Interval {
    let revoked = credential.revoked.map(End::At);
    let until = match (credential.until, revoked) {
        (Some(until), Some(revoked)) => Some(until.min(revoked)),
        (until, revoked) => until.or(revoked),
    };
    Interval { from: credential.issued, until }
}

fn share_namespace(rules: &Rules<'_>, one: &Credential, other: &Credential) -> bool {
    let (Some(one), Some(other)) = (&one.namespace, &other.namespace) else {
        return true;
    };
    let names = namespaces(rules, one);
    namespaces(rules, other).iter().any(|name| names.contains(name))
}

/// What arrives by a trust path belongs to its organization, or to one brought in by it.
fn trust_paths(rules: &mut Rules<'_>) {
    let register = rules.register;
    for (id, identity) in &register.identities {
        for (nth, account) in identity.accounts.iter().enumerate() {
            if let Some(path) = &account.trust_path {
                let at = At::Nth("accounts", nth);
                path_of(rules, Noun::Identity, id.as_str(), at, (path, &identity.organization));
            }
        }
    }
    for (id, credential) in &register.credentials {
        let identity = register.identities.get(&credential.identity);
        if let (Some(path), Some(identity)) = (&credential.trust_path, identity) {
            let at = At::Key("trust_path");
            path_of(rules, Noun::Credential, id.as_str(), at, (path, &identity.organization));
        }
    }
}

fn path_of(
    rules: &mut Rules<'_>,
    noun: Noun,
    id: &str,
    at: At,
    (path, organization): (&TrustPathId, &OrganizationId),
) {
    let Some(found) = rules.register.trust_paths.get(path) else {
        return;
    };
    let whose = found.organization.clone();
    if !rules.is_or_came_by(organization, &whose) {
        let message =
            format!("trust path `{path}` is of `{whose}`, the identity of `{organization}`");
        let fix = "name a trust path of its own organization or of the reseller it came by";
        rules.wrong(noun, id, at, message, fix);
    }
}

/// Records say which account they are of; of one source it can be one tenant only.
fn tenants(rules: &mut Rules<'_>) {
    let register = rules.register;
    let mut owners: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (id, tenant) in &register.tenants {
        let Some(source) = &tenant.source else {
            continue;
        };
        for (nth, account) in tenant.accounts.iter().enumerate() {
            let Some(first) = owners.insert((source, account), id.as_str()) else {
                continue;
            };
            let message =
                format!("account {} is also of `{first}`, by the same source", shown(account));
            let fix = "give it to one tenant";
            rules.wrong(Noun::Tenant, id.as_str(), At::Nth("accounts", nth), message, fix);
        }
    }
}
