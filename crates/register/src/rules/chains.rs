//! Chains of references that must have an end: resellers, successors, grants passed on.

use std::collections::{BTreeMap, BTreeSet};

use countersign_model::register::OrganizationKind;

use super::{At, Rules};
use crate::noun::Noun;

pub(super) fn check(rules: &mut Rules<'_>) {
    let register = rules.register;
    let via = register
        .organizations
        .iter()
        .filter_map(|(id, organization)| Some((id.as_str(), organization.via.as_ref()?.as_str())));
    refuse_loops(rules, Noun::Organization, "via", via.collect());
    let successors = register
        .sponsors
        .iter()
        .filter_map(|(id, sponsor)| Some((id.as_str(), sponsor.successor.as_ref()?.as_str())));
    refuse_loops(rules, Noun::Sponsor, "successor", successors.collect());
    let passed = register
        .grants
        .iter()
        .filter_map(|(id, grant)| Some((id.as_str(), grant.passed_on_from.as_ref()?.as_str())));
    refuse_loops(rules, Noun::Grant, "passed_on_from", passed.collect());
    resellers(rules);
}

/// Reports each loop once, at its first member by id.
fn refuse_loops(rules: &mut Rules<'_>, noun: Noun, key: &'static str, next: BTreeMap<&str, &str>) {
    let mut cleared: BTreeSet<&str> = BTreeSet::new();
    for start in next.keys() {
        let mut walked: Vec<&str> = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut at = *start;
        while !cleared.contains(at) && seen.insert(at) {
            walked.push(at);
            match next.get(at) {
                Some(further) => at = further,
                None => break,
            }
        }
        if let Some(begin) = walked.iter().position(|id| *id == at && next.contains_key(at))
            && !cleared.contains(at)
        {
            let mut members: Vec<&str> = walked[begin..].to_vec();
            // The loop begins at its least id, wherever the walk came into it.
            let least =
                members.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(at, _)| at);
            members.rotate_left(least);
            let shown: Vec<&str> = members.iter().copied().take(8).chain([members[0]]).collect();
            let message = format!("`{key}` leads back to itself: {}", shown.join(" > "));
            let fix = "a chain needs an end: leave it out where the chain begins";
            rules.wrong(noun, members[0], At::Key(key), message, fix);
        }
        cleared.extend(walked);
    }
}

fn resellers(rules: &mut Rules<'_>) {
    for (id, organization) in &rules.register.organizations {
        let Some(via) = &organization.via else {
            continue;
        };
        let Some(reseller) = rules.register.organizations.get(via) else {
            continue;
        };
        if reseller.kind != OrganizationKind::Reseller && via != id {
            let kind = reseller.kind.as_str();
            let message = format!("`{via}` is a {kind}, and `via` names a reseller");
            let fix = "make its kind `reseller`, or leave `via` out";
            rules.wrong(Noun::Organization, id.as_str(), At::Key("via"), message, fix);
        }
    }
}
