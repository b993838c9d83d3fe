//! The states that are shown and the judgement say the same: nothing is justified by what is not in
//! force.

use std::sync::LazyLock;

use countersign_judge::{Facts, Guardrails, judge};
use countersign_model::judgement::Outcome;
use countersign_model::lifecycle::{Lives, State, shown};
use countersign_model::register::{Register, RiskTier};
use countersign_model::time::Timestamp;
use proptest::prelude::*;

use crate::case::{Question, edit, parse, questions, register, time};
use crate::remembering::{EDITS, TIMES};

/// Takes a state apart from those in which an item is in force.
fn check<T: Lives>(what: &str, item: &T, in_force: &[State], at: Timestamp) -> Result<(), String> {
    let state = shown(item, item.stated(), at);
    if in_force.contains(&state) { Ok(()) } else { Err(format!("{what} is {state}")) }
}

fn in_force(register: &Register, question: &Question, at: Timestamp) -> Result<(), String> {
    static GUARDRAILS: LazyLock<Guardrails> = LazyLock::new(Guardrails::shipped);
    let guardrails = &*GUARDRAILS;
    let facts = Facts::new(register.clone());
    let judged = question.ask(|access, _| judge(guardrails, &facts, access, at));
    // An exception justifies on purpose what is not in force.
    if judged.outcome != Outcome::Allow || !judged.exceptions.is_empty() {
        return Ok(());
    }
    let active = [State::Active];
    let mut way = judged.organization.map(|id| id.as_str().into());
    while let Some(id) = way {
        let organization = &register.organizations[&id];
        check("an organization", organization, &active, at)?;
        way = organization.via.clone();
    }
    let mut grant = judged.grant.map(|id| id.as_str().into());
    let own = grant.as_ref().map(|id| &register.grants[id]);
    while let Some(id) = grant {
        check("a grant", &register.grants[&id], &active, at)?;
        grant = register.grants[&id].passed_on_from.clone();
    }
    let who = question.ask(|access, _| access.identity.map(str::to_owned));
    if let Some(id) = who {
        check("the identity", &register.identities[id.as_str()], &active, at)?;
    }
    if let Some(id) = question.ask(|access, _| access.credential.map(str::to_owned)) {
        let usable = [State::Issued, State::Due, State::Rotated];
        check("the credential", &register.credentials[id.as_str()], &usable, at)?;
    }
    if let Some(id) = judged.trust_path {
        let usable = [State::Accepted, State::Due, State::Lapsed];
        check("the trust path", &register.trust_paths[id.as_str()], &usable, at)?;
    }
    if let Some(own) = own {
        let risk = register.entitlements[&own.entitlement].risk;
        let small = matches!(risk, Some(RiskTier::Low | RiskTier::Medium));
        let all = [State::Employed, State::Left, State::Reduced];
        let goes_on = if small { &all[..] } else { &all[..2] };
        let sponsor = own.sponsor.as_ref().ok_or("no sponsor")?;
        check("the sponsor", &register.sponsors[sponsor], goes_on, at)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_justified_rests_on_what_is_in_force(
        edits in prop::collection::btree_map(0..EDITS.len(), 0..TIMES.len(), 0..4),
        asked in 0..5_usize,
        at in 0..TIMES.len(),
        nanos in -1..2_i64,
    ) {
        let mut tree = register();
        for (number, time) in edits {
            edit(&mut tree, &EDITS[number].replace('T', TIMES[time]));
        }
        let Ok(register) = parse(&tree) else { return Ok(()) };
        let question = Question::parse(questions()[asked]);
        let at = Timestamp(time(TIMES[at]).0 + nanos);
        prop_assert_eq!(in_force(&register, &question, at), Ok(()));
    }
}
