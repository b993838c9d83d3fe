//! What is not said is listed, and only that.

use std::fmt::Write as _;

use countersign_register::{gaps, parse};

use crate::{check_golden, documented};

fn listed(text: &str) -> String {
    let (register, mistakes) = parse(&[("text".to_owned(), text.to_owned())]);
    assert_eq!(mistakes, Vec::new());
    gaps(&register).iter().fold(String::new(), |mut out, gap| {
        writeln!(out, "{} {} {}: {}", gap.noun, gap.id, gap.field, gap.effect)
            .expect("a text grows");
        out
    })
}

#[test]
fn the_gaps_of_the_documented_register() {
    check_golden("tests/it/gaps.txt", &listed(&documented()));
}

#[test]
fn a_register_that_says_all_has_no_gaps() {
    let when = "{from: 2025-01-01, until: 2027-01-01}";
    let full = format!(
        "company: A
tenants: [{{id: t, source: s, accounts: [a], feeds: [], logs_from: 2025-01-01}}]
organizations: [{{id: o, kind: partner, state: active, sponsor: s, contract: {when}}}]
sponsors: [{{id: s, employed: {when}}}]
trust_paths:
  - {{id: p, organization: o, kind: oidc, issuer: i, active: {when}, accepted_by: s,
     revalidate_by: 2027-01-01, constant: {{aal: 1}}}}
identities:
  - {{id: i, organization: o, kind: agent, owner: x, active: {when}, networks: [],
     accounts: [{{namespace: t, value: v}}],
     mandate: {{actions: [a], until: never, approved_by: s}}}}
own: [{{namespace: a, value: b}}]
"
    );
    assert_eq!(listed(&full), "");
    // What was there is missed when it goes: each of these is asked for.
    for (said, gap) in [
        (", state: active", "organizations o state"),
        ("feeds: [], ", "tenants t feeds"),
        (", sponsor: s", "organizations o sponsor"),
        (", owner: x", "identities i owner"),
        ("issuer: i, ", "trust_paths p issuer"),
        (", constant: {aal: 1}", "trust_paths p assurance_map"),
        ("until: never, ", "identities i mandate.until"),
        ("company: A", "  company"),
    ] {
        let without = listed(&full.replacen(said, "", 1));
        assert!(without.starts_with(gap), "without `{said}`: {without}");
    }
    assert!(listed(&full.replace("namespace: t", "namespace: u")).contains("accounts.namespace"));
}
