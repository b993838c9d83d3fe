//! Lists by the state that is shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use countersign_app::Filter;

use crate::house::{COMPANY, House, owner};

/// All of a noun in a state, by pages of `limit`, and how many pages it took.
fn listed(house: &House, noun: &str, state: Option<&str>, limit: usize) -> (Vec<String>, usize) {
    let mut ids = Vec::new();
    let mut filter = Filter { state: state.map(str::to_owned), limit, ..Filter::default() };
    for pages in 1.. {
        let page = house.app.list(&owner(), noun, filter.clone()).unwrap();
        assert!(page.items.len() <= limit);
        if let Some(state) = state {
            assert!(page.items.iter().all(|item| item.state == state));
        }
        ids.extend(page.items.into_iter().map(|item| item.id));
        match page.next {
            Some(next) => filter.after = next,
            None => return (ids, pages),
        }
    }
    unreachable!("the last page says so")
}

/// What `state` lists is what is shown in that state, whoever is asked.
fn is_as_shown(house: &House, nouns: &[&str]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for noun in nouns {
        let mut by_state: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (ids, _) = listed(house, noun, None, 400);
        for id in ids {
            let state = house.app.item(&owner(), noun, &id).unwrap().state;
            by_state.entry(state).or_default().push(id);
        }
        let all = "proposed active suspended scheduled expired ended accepted due lapsed issued \
                   employed left reduced stopped asked approved requested nonsense";
        for state in all.split(' ') {
            let expected = by_state.remove(state).unwrap_or_default();
            assert_eq!(listed(house, noun, Some(state), 3).0, expected, "{noun} {state}");
            if !expected.is_empty() {
                counted.insert(format!("{noun} {state}"), expected.len());
            }
        }
        assert!(by_state.is_empty(), "{by_state:?}");
    }
    counted
}

#[test]
fn a_state_lists_what_is_shown_in_it_before_and_after_the_worker() {
    let house = House::new();
    let mut register = COMPANY.to_owned();
    for nth in 1..9 {
        writeln!(
            register,
            "  - {{id: h-{nth}, entitlement: orders, identity: rita, sponsor: ann, justification: x, \
             from: 2026-0{nth}-01, until: 2026-12-0{nth}}}"
        )
        .unwrap();
    }
    register.push_str(
        "  - {id: h-later, entitlement: orders, identity: rita, sponsor: ann, justification: x, \
         from: 2026-01-01, until: 2027-06-01, revoked: 2026-12-20}\n\
         trust_paths:\n  - {id: path, kind: oidc, organization: pi, issuer: \"https://idp.example\", \
         accepted_by: bob, revalidate_by: 2026-12-10, active: {from: 2026-01-01, until: never}}\n",
    );
    house.apply(&register);
    let nouns = ["grant", "organization", "identity", "credential", "trust_path", "sponsor"];
    let mut seen = BTreeMap::new();
    // The clock jumps, and back: nobody has to be awake.
    for day in ["2026-11-25", "2026-12-05", "2026-12-24", "2026-05-15", "2027-03-01", "2026-12-05"]
    {
        house.set_clock(day);
        seen.extend(is_as_shown(&house, &nouns));
    }
    for state in
        ["grant expired", "grant scheduled", "grant ended", "credential due", "trust_path lapsed"]
    {
        assert!(seen.contains_key(state), "{state}: {seen:?}");
    }
    let before = is_as_shown(&house, &nouns);
    assert!(house.app.tidy_ended().unwrap() > 0);
    assert_eq!(is_as_shown(&house, &nouns), before, "the worker changes nothing of it");
}

#[test]
fn what_is_rare_is_found_in_steps_of_a_bounded_size() {
    let house = House::new();
    let mut register = COMPANY.to_owned();
    let mut identities = String::new();
    for nth in 0..5_600 {
        let suspended =
            if nth == 5_599 { ", suspended: [{from: 2026-11-01, until: never}]" } else { "" };
        writeln!(
            identities,
            "  - {{id: n-{nth:05}, kind: human, organization: rho, active: {{from: 2026-01-01, until: \
             2027-01-01}}{suspended}}}"
        )
        .unwrap();
    }
    register = register.replace("credentials:\n", &format!("{identities}credentials:\n"));
    house.apply(&register);
    let (ids, pages) = listed(&house, "identity", Some("suspended"), 50);
    assert_eq!((ids, pages), (vec!["n-05599".to_owned()], 2), "one page reads at most 5,000");
    let (ids, pages) = listed(&house, "identity", Some("active"), 499);
    assert_eq!((ids.len(), pages), (5_602, 12));
}
