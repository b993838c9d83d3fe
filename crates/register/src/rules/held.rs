//! What must hold within one item, beyond the kind of each value.

use std::collections::BTreeSet;

use countersign_model::id::OrganizationId;
use countersign_model::register::{Grantee, Group, IdentityKind, Register};
use countersign_model::time::End;

use super::{At, Rules, may_overlap};
use crate::noun::Noun;
use crate::suggest::shown;

pub(super) fn check(rules: &mut Rules<'_>) {
    grants(rules);
    entitlements(rules);
    mandates(rules);
    lives(rules);
    maps(rules);
    members(rules);
}

fn grants(rules: &mut Rules<'_>) {
    let register = rules.register;
    for (id, grant) in &register.grants {
        if grant.review_grace.is_some() && grant.review_due.is_none() {
            let message = "`review_grace` without `review_due`".to_owned();
            let fix = "say when the review is due";
            rules.wrong(Noun::Grant, id.as_str(), At::Key("review_grace"), message, fix);
        }
        let Some(parent) = grant.passed_on_from.as_ref().and_then(|of| register.grants.get(of))
        else {
            continue;
        };
        if grant.to == parent.to {
            let message = "passed on by the one it is passed on to".to_owned();
            let fix = "name the reseller's own grant";
            rules.wrong(Noun::Grant, id.as_str(), At::Key("passed_on_from"), message, fix);
        }
        let (Some(to), Some(from)) = (whose(register, &grant.to), whose(register, &parent.to))
        else {
            continue;
        };
        if !rules.is_or_came_by(to, from) {
            let message = format!("passed on by `{from}`, which did not bring in `{to}`");
            let fix = "name a grant of the reseller in its `via`";
            rules.wrong(Noun::Grant, id.as_str(), At::Key("passed_on_from"), message, fix);
        }
    }
}

/// Whose the grantee is; a group may be of several, and then says none.
fn whose<'a>(register: &'a Register, to: &'a Grantee) -> Option<&'a OrganizationId> {
    match to {
        Grantee::Identity(id) => Some(&register.identities.get(id)?.organization),
        Grantee::Organization(id) => Some(id),
        Grantee::Group(id) => register.groups.get(id)?.organization.as_ref(),
    }
}

fn entitlements(rules: &mut Rules<'_>) {
    for (id, entitlement) in &rules.register.entitlements {
        if let Some(nth) = entitlement.incompatible_with.iter().position(|other| other == id) {
            let message = "incompatible with itself".to_owned();
            let fix = "name the other entitlement";
            rules.wrong(
                Noun::Entitlement,
                id.as_str(),
                At::Nth("incompatible_with", nth),
                message,
                fix,
            );
        }
        if entitlement.actions.is_empty() {
            let message = "no action, so it allows nothing".to_owned();
            let fix = "list the actions it covers, such as `s3:Get*`";
            rules.wrong(Noun::Entitlement, id.as_str(), At::Key("actions"), message, fix);
        }
    }
}

fn mandates(rules: &mut Rules<'_>) {
    for (id, identity) in &rules.register.identities {
        if identity.mandate.is_some() && identity.kind != IdentityKind::Agent {
            let message =
                format!("a mandate of a {}; only agents have one", identity.kind.as_str());
            let fix = "make its kind `agent`, or leave the mandate out";
            rules.wrong(Noun::Identity, id.as_str(), At::Key("mandate"), message, fix);
        }
    }
}

fn lives(rules: &mut Rules<'_>) {
    for (id, credential) in &rules.register.credentials {
        let Some(issued) = credential.issued else {
            continue;
        };
        let mut wrong = |key: &'static str, what: &str| {
            let message = format!("`{key}` {what} `issued`");
            let fix = "check both times";
            rules.wrong(Noun::Credential, id.as_str(), At::Key(key), message, fix);
        };
        if matches!(credential.until, Some(End::At(until)) if until <= issued) {
            wrong("until", "is not after");
        }
        if credential.revoked.is_some_and(|revoked| revoked < issued) {
            wrong("revoked", "is before");
        }
        if credential.rotated.is_some_and(|rotated| rotated < issued) {
            wrong("rotated", "is before");
        }
    }
}

fn maps(rules: &mut Rules<'_>) {
    for (id, path) in &rules.register.trust_paths {
        let mut seen = BTreeSet::new();
        for (nth, entry) in path.assurance_map.iter().enumerate() {
            if !seen.insert((&entry.namespace, &entry.value)) {
                let value = shown(&entry.value);
                let message = format!("{} {value} is mapped twice", shown(&entry.namespace));
                let fix = "keep the entry that was accepted";
                rules.wrong(
                    Noun::TrustPath,
                    id.as_str(),
                    At::Nth("assurance_map", nth),
                    message,
                    fix,
                );
            }
        }
    }
}

fn members(rules: &mut Rules<'_>) {
    let register = rules.register;
    for (id, group) in &register.groups {
        if let Some(whose) = &group.organization {
            members_of(rules, id.as_str(), group, whose);
        }
        let mut order: Vec<usize> = (0..group.members.len()).collect();
        order.sort_by_key(|nth| (&group.members[*nth].identity, *nth));
        for pair in order.windows(2) {
            let (one, other) = (&group.members[pair[0]], &group.members[pair[1]]);
            if one.identity == other.identity && may_overlap(&one.active, &other.active) {
                let message = format!("`{}` is a member twice at the same time", other.identity);
                let fix = "keep one, or give the first an `until`";
                rules.wrong(Noun::Group, id.as_str(), At::Nth("members", pair[1]), message, fix);
            }
        }
    }
}

/// A group that is of one organization has its people, and those of whom it brought in.
fn members_of(rules: &mut Rules<'_>, id: &str, group: &Group, whose: &OrganizationId) {
    let register = rules.register;
    for (nth, member) in group.members.iter().enumerate() {
        let Some(identity) = register.identities.get(&member.identity) else { continue };
        if !rules.is_or_came_by(&identity.organization, whose) {
            let of = &identity.organization;
            let message = format!("`{}` is of `{of}`, the group of `{whose}`", member.identity);
            let fix = "take it out, or leave the group's `organization` out if it is of several";
            rules.wrong(Noun::Group, id, At::Nth("members", nth), message, fix);
        }
    }
}
