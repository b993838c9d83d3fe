//! Which stored states are shown as which, asked of every shape of an item's life.

use countersign_model::lifecycle::{Lives, State, shown, stored_for};
use countersign_model::register::{
    Credential, Exception, Grant, Identity, Organization, OrganizationState, Sponsor, TrustPath,
};
use countersign_model::time::{Duration, End, Interval, Timestamp};

/// Days, as a register would say them; the days that are asked about lie between and upon them.
const DAYS: [Option<i64>; 3] = [None, Some(100), Some(200)];

fn day(day: i64) -> Timestamp {
    Timestamp(day * 86_400_000_000_000)
}

/// Every interval between the days, and those that are open.
fn intervals() -> Vec<Interval> {
    let ends = |day_of: Option<i64>| match day_of {
        None => vec![None, Some(End::Never)],
        Some(at) => vec![Some(End::At(day(at)))],
    };
    let from = DAYS.iter().map(|from| from.map(day));
    from.flat_map(|from| {
        DAYS.iter().flat_map(move |until| ends(*until)).map(move |until| Interval { from, until })
    })
    .collect()
}

/// Asks one item, stored in each state, on each day: what is shown is looked for where it is stored.
fn is_found<T: Lives>(item: &T, ends: Option<End>, seen: &mut usize) {
    for stored in T::NOUN.states() {
        for at in [50, 75, 100, 150, 185, 200, 250].map(day) {
            let is = shown(item, *stored, at);
            let looked_for = stored_for(T::NOUN, is);
            let has_ended = ends.is_some_and(|ends| ends.is_past(at));
            let is_there = looked_for.states.contains(stored)
                || looked_for.until_end.contains(stored) && !has_ended;
            assert!(is_there, "{} stored as {stored} is shown as {is} on {at:?}", T::NOUN);
            // What is shown as expired and is stored otherwise is found by its end alone.
            if is == State::Expired && *stored != State::Expired {
                let is_over = ["ended", "revoked", "retired", "refused", "withdrawn"];
                assert!(has_ended && !is_over.contains(&stored.as_str()), "{} {stored}", T::NOUN);
            }
            *seen += usize::from(is != *stored);
        }
    }
}

#[test]
fn what_is_shown_is_looked_for_where_it_is_stored() {
    let (register, mistakes) =
        countersign_register::parse(&[("register.yaml".to_owned(), crate::documented())]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let an_organization = register.organizations.values().next().unwrap();
    let an_identity = register.identities.values().next().unwrap();
    let a_grant = register.grants.values().next().unwrap();
    let an_exception = register.exceptions.values().next().unwrap();
    let a_path = register.trust_paths.values().next().unwrap();
    let a_credential = register.credentials.values().next().unwrap();
    let a_sponsor = register.sponsors.values().next().unwrap();
    let mut seen = 0;
    let days = || DAYS.iter().map(|at| at.map(day));
    for life in intervals() {
        for inside in intervals().into_iter().map(|inside| vec![inside]).chain([Vec::new()]) {
            let organization = Organization {
                contract: life,
                suspended: inside.clone(),
                state: Some(OrganizationState::Active),
                ..an_organization.clone()
            };
            is_found(&organization, life.until, &mut seen);
            let identity =
                Identity { active: life, suspended: inside.clone(), ..an_identity.clone() };
            is_found(&identity, life.until, &mut seen);
            for revoked in days() {
                let ends = [life.until, revoked.map(End::At)].into_iter().flatten().min();
                let suspended = inside.clone();
                let grant = Grant { interval: life, revoked, suspended, ..a_grant.clone() };
                is_found(&grant, ends, &mut seen);
            }
        }
        is_found(&Exception { interval: life, ..an_exception.clone() }, life.until, &mut seen);
        for other in days() {
            let path = TrustPath { active: life, revalidate_by: other, ..a_path.clone() };
            is_found(&path, life.until, &mut seen);
            let sponsor = Sponsor { employed: life, succession_until: other, ..a_sponsor.clone() };
            is_found(&sponsor, life.until, &mut seen);
            for rotate_every in [None, Some(Duration(day(40).0))] {
                let credential = Credential {
                    issued: life.from,
                    until: life.until,
                    revoked: other,
                    rotate_every,
                    ..a_credential.clone()
                };
                let ends = [life.until, other.map(End::At)].into_iter().flatten().min();
                is_found(&credential, ends, &mut seen);
            }
        }
    }
    assert!(seen > 1_000, "time moves states: {seen}");
}
