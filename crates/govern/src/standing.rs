//! Findings that need no use: what the register says of things at the end of the data.

use std::collections::BTreeSet;

use countersign_model::register::{IdentityKind, Register};
use countersign_model::time::Timestamp;

use crate::catalogue::{
    ACCESS_BREAK_GLASS, CREDENTIAL_NEVER_ROTATED, CREDENTIAL_OVER_AGE, FEED_MISSING,
    GRANT_NEVER_USED, NHI_NO_OWNER, NHI_SEVERAL_CONSUMERS, NHI_TWO_ENVIRONMENTS,
    PROCESS_UNEQUAL_ASSURANCE, SOURCE_SILENT, SPONSOR_GONE,
};
use crate::report::Seen;
use crate::tally::Tally;

/// Adds them to the tally's evidence. `at` is the end of the data.
pub fn observe(tally: &mut Tally<'_>, seen: &[Seen<'_>], at: Timestamp) {
    sponsors(tally, at);
    credentials(tally, at);
    machines(tally, at);
    grants(tally, at);
    sources(tally, seen);
    feeds(tally);
    processes(tally);
}

/// A sponsor who has left, once the time for finding a successor has run out.
fn is_gone(register: &Register, sponsor: &countersign_model::id::SponsorId, at: Timestamp) -> bool {
    let Some(known) = register.sponsors.get(sponsor) else { return false };
    let left = known.employed.until.is_some_and(|until| until.is_past(at));
    let clock_runs = known.succession_until.is_some_and(|end| at < end);
    left && !clock_runs
}

fn sponsors(tally: &mut Tally<'_>, at: Timestamp) {
    let register = tally.register();
    for (id, organization) in &register.organizations {
        if organization.sponsor.as_ref().is_some_and(|sponsor| is_gone(register, sponsor, at)) {
            tally.evidence.of(&SPONSOR_GONE, &format!("organization:{id}"));
        }
    }
    for (id, grant) in &register.grants {
        let live =
            grant.interval.contains(at) != Some(false) && grant.revoked.is_none_or(|end| at < end);
        if live && grant.sponsor.as_ref().is_some_and(|sponsor| is_gone(register, sponsor, at)) {
            tally.evidence.of(&SPONSOR_GONE, &format!("grant:{id}"));
        }
    }
}

fn credentials(tally: &mut Tally<'_>, at: Timestamp) {
    for (id, credential) in &tally.register().credentials {
        let ended = credential.until.is_some_and(|until| until.is_past(at))
            || credential.revoked.is_some_and(|revoked| revoked <= at);
        let Some(limit) = credential.rotate_every.filter(|_| !ended) else { continue };
        let subject = format!("credential:{id}");
        let since = credential.rotated.or(credential.issued);
        if since.is_some_and(|since| since.plus_nanos(limit.0) < at) {
            tally.evidence.of(&CREDENTIAL_OVER_AGE, &subject);
            if credential.rotated.is_none() {
                tally.evidence.of(&CREDENTIAL_NEVER_ROTATED, &subject);
            }
        }
    }
}

fn machines(tally: &mut Tally<'_>, at: Timestamp) {
    let register = tally.register();
    for (id, identity) in &register.identities {
        let live = identity.active.contains(at) != Some(false);
        if live && identity.kind != IdentityKind::Human && identity.owner.is_none() {
            tally.evidence.of(&NHI_NO_OWNER, &format!("identity:{id}"));
        }
    }
    let used: Vec<(Box<str>, bool, bool)> = tally
        .usage
        .iter()
        .map(|(key, usage)| (key.clone(), usage.places.len() > 1, usage.environments.len() > 1))
        .collect();
    for (subject, places, environments) in used {
        if places {
            tally.evidence.of(&NHI_SEVERAL_CONSUMERS, &subject);
        }
        if environments {
            tally.evidence.of(&NHI_TWO_ENVIRONMENTS, &subject);
        }
    }
}

/// Standing access: live at the end of the data, begun before it, and not used in it.
fn grants(tally: &mut Tally<'_>, at: Timestamp) {
    for (id, grant) in &tally.register().grants {
        let live =
            grant.interval.contains(at) == Some(true) && grant.revoked.is_none_or(|end| at < end);
        if live && !tally.grants_used.contains_key(id.as_str()) {
            tally.evidence.of(&GRANT_NEVER_USED, &format!("grant:{id}"));
        }
        if grant.break_glass && grant.interval.from.is_none_or(|from| from <= at) {
            tally.evidence.of(&ACCESS_BREAK_GLASS, &format!("grant:{id}"));
        }
    }
}

/// A tenant that is registered to log, or a feed that is registered as on, without a record.
fn sources(tally: &mut Tally<'_>, seen: &[Seen<'_>]) {
    let present: BTreeSet<&str> = seen.iter().map(|seen| seen.tenant).collect();
    for (id, tenant) in &tally.register().tenants {
        if tenant.source.is_some() && !present.contains(id.as_str()) {
            tally.evidence.of(&SOURCE_SILENT, &format!("tenant:{id}"));
            continue;
        }
        for feed in tenant.feeds.iter().flatten() {
            let has = seen.iter().any(|seen| seen.tenant == id.as_str() && seen.feed == feed);
            if !has {
                tally.evidence.of(&SOURCE_SILENT, &format!("feed:{id}/{feed}"));
            }
        }
    }
}

/// Gaps by the feed that would close them, as counted.
fn feeds(tally: &mut Tally<'_>) {
    use countersign_model::grade::Gap;
    let mut missing: Vec<(String, u64)> = Vec::new();
    for (source, feeds) in &tally.gaps {
        for (feed, gaps) in feeds {
            let closes = |gap: &Gap| {
                matches!(
                    gap,
                    Gap::IssuanceNotCollected | Gap::AwaitingFeed | Gap::BeforeCoverageStart
                )
            };
            let count = gaps.iter().filter(|(gap, _)| closes(gap)).map(|(_, count)| count).sum();
            if count > 0 && !feed.is_empty() {
                missing.push((format!("feed:{source}: {feed}"), count));
            }
        }
    }
    for (subject, count) in missing {
        tally.evidence.of(&FEED_MISSING, &subject).count += count;
    }
}

fn processes(tally: &mut Tally<'_>) {
    let unequal: Vec<String> = tally
        .ways
        .iter()
        .filter(|(_, ways)| {
            let mut accepted = ways.values().map(|way| way.accepted);
            let first = accepted.next();
            accepted.any(|other| Some(other) != first)
        })
        .map(|(process, _)| format!("process:{process}"))
        .collect();
    for subject in unequal {
        tally.evidence.of(&PROCESS_UNEQUAL_ASSURANCE, &subject);
    }
}
