//! What is remembered is what would be answered.

use countersign_judge::{Facts, Guardrails, Judge, judge};
use countersign_model::time::Timestamp;
use proptest::prelude::*;

use crate::case::{Question, edit, parse, questions, register, time};

/// Changes of the register that move an instant, or take a fact away.
pub const EDITS: [&str; 31] = [
    "identities.dora.active.until = T",
    "identities.dora.accounts = [{namespace: shop, value: d-1, trust_path: sign-in, active: {from: 2025-01-01, until: T}}, {namespace: shop, value: d-2, trust_path: desk-login}]",
    "identities.dora.suspended = [{from: T, until: 2026-06-01}]",
    "identities.sync.suspended = [{from: 2025-06-01, until: T}]",
    "organizations.north.suspended = [{from: T, until: never}]",
    "grants.g-dora.suspended = [{from: T}]",
    "grants.g-agency.suspended = [{from: T, until: 2026-03-01}]",
    "identities.sync.active.from = T",
    "identities.helper.mandate.until = T",
    "identities.sync.networks -",
    "organizations.north.contract.until = T",
    "organizations.agency.contract.until = T",
    "trust_paths.sign-in.active.from = T",
    "trust_paths.sign-in.revalidate_by = T",
    "trust_paths.keys.revalidate_by = T",
    "credentials.key.issued = T",
    "credentials.key.until = T",
    "credentials.key.revoked = T",
    "credentials.key.rotated = T",
    "grants.g-dora.from = T",
    "grants.g-dora.until = T",
    "grants.g-agency.revoked = T",
    "grants.g-dora.review_due = T",
    "grants.g-sync.revoked = T",
    "grants.g-helper.until -",
    "groups.counting.members = [{identity: desk, active: {from: 2025-01-01, until: T}}]",
    "sponsors.sam = {employed: {from: 2020-01-01, until: T}, succession_until: 2026-05-01}",
    "sponsors.sam = {employed: {from: 2020-01-01, until: 2026-01-15}, reduced_from: T, succession_until: 2026-05-01}",
    "organizations.agency.state = suspended",
    "exceptions.x = {rule: grant.expired, subject: 'grant:g-dora', approved_by: sam, from: 2026-01-01, until: T}",
    "grants.g-x = {entitlement: approve, identity: dora, sponsor: sam, from: 2026-01-01, until: T, review_due: 2026-06-01}",
];

/// All within the life of everything else, so that each can decide.
pub const TIMES: [&str; 5] = [
    "2026-01-31T00:00:00Z",
    "2026-02-10T00:00:00Z",
    "2026-02-20T10:00:00Z",
    "2026-03-01T00:00:00Z",
    "2026-04-01T00:00:00Z",
];

const CHANGES: [&str; 22] = [
    "",
    "identity=?",
    "identity=nobody",
    "identity=sync",
    "account=?",
    "account=shop/d-2",
    "account=111/d-1",
    "action=stock:write",
    "action=approve:x",
    "resource=?",
    "resource=stock/1",
    "resource=order/8",
    "tenant=111",
    "claims=?",
    "claims=acr:pwd",
    "claims=acr:pwd,amr:hwk",
    "signed_in=?",
    "credential=?",
    "through=-",
    "through=helper,sync",
    "ip=?",
    "ip=198.51.100.9",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn remembered_is_what_would_be_answered(
        edits in prop::collection::btree_map(0..EDITS.len(), 0..TIMES.len(), 0..6),
        asked in prop::collection::vec(
            (0..5_usize, 0..CHANGES.len(), 0..CHANGES.len(), 0..TIMES.len(), -1..2_i64),
            1..60,
        ),
        with_own in any::<bool>(),
    ) {
        let guardrails = if with_own { own() } else { Guardrails::shipped() };
        let mut tree = register();
        for (edit_at, time) in edits {
            edit(&mut tree, &EDITS[edit_at].replace('T', TIMES[time]));
        }
        let Ok(register) = parse(&tree) else { return Ok(()) };
        let facts = Facts::new(register);
        let mut remembering = Judge::new(&guardrails, &facts);
        let names = questions();
        for (number, (name, one, other, at, nanos)) in asked.into_iter().enumerate() {
            let text = format!("{} {} {}", names[name], CHANGES[one], CHANGES[other]);
            let mut question = Question::parse(&text);
            question.at = Timestamp(time(TIMES[at]).0 + nanos);
            let fresh = question.ask(|access, at| judge(&guardrails, &facts, access, at));
            if number % 8 == 7 {
                // By policies that have answered nothing yet; to load them takes a while.
                let policies = if with_own { own() } else { Guardrails::shipped() };
                let asked_first = question.ask(|access, at| judge(&policies, &facts, access, at));
                prop_assert_eq!(&fresh, &asked_first, "{}", text);
            }
            let first = question.ask(|access, at| remembering.judge(access, at));
            let again = question.ask(|access, at| remembering.judge(access, at));
            prop_assert_eq!(&*first, &fresh, "{}", text);
            prop_assert_eq!(&*again, &fresh, "{}", text);
        }
    }
}

/// Added policies that read what the shipped ones do not.
fn own() -> Guardrails {
    let policy = |id: &str, condition: &str| {
        format!(
            "@id(\"{id}\") @reason(\"{id}\") @outcome(\"deny\") @text(\"t\") \
             forbid (principal, action, resource) when {{ {condition} }};"
        )
    };
    let second = time("2026-02-10T00:00:00Z").0;
    let text = policy("own.resource", "context has resource && context.resource == \"order/8\"")
        + &policy("own.time", &format!("context.at == {second}"));
    Guardrails::with(&[("own".to_owned(), text)]).unwrap()
}
