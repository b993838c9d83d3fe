//! What is written reads back as the same register, to the byte.

use countersign_model::assurance::Assurance;
use countersign_model::id::{EntitlementId, IdentityId, OrganizationId, PolicyId, TenantId};
use countersign_model::register::{
    Account, ApprovalPolicy, Catalog, Enforcement, EnforcementMode, Entitlement, Identity,
    IdentityKind, Mandate, Organization, OrganizationKind, OrganizationState, OwnRule, Policy,
    Register, Resource, RiskTier, Tenant, Unattributed, UnknownSubject, WhenStale, WhoMayAsk,
};
use countersign_model::time::{Duration, End, Interval, Timestamp};
use countersign_model::value::{Record, Value};
use countersign_register::{parse, write, write_files};
use proptest::prelude::*;

use crate::documented;

#[test]
fn the_documented_register_reads_and_is_written_back() {
    let (register, mistakes) = parse(&[("docs".to_owned(), documented())]);
    assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let text = write(&register);
    let (again, mistakes) = parse(&[("written".to_owned(), text.clone())]);
    assert_eq!(mistakes, Vec::new(), "{text}");
    assert_eq!(format!("{again:#?}"), format!("{register:#?}"));
    assert_eq!(write(&again), text);
    let (from_files, mistakes) = parse(&write_files(&register));
    assert_eq!(mistakes, Vec::new());
    assert_eq!(format!("{from_files:#?}"), format!("{register:#?}"));
}

/// A valid register with the given texts wherever a text may stand.
fn register_of(texts: &[String], times: &[i64]) -> Register {
    let text = |at: usize| texts[at % texts.len()].clone();
    let time = |at: usize| Timestamp(times[at % times.len()]);
    let organization = OrganizationId::from("o.1");
    let mut register = Register { company: Some(text(0)), ..Register::default() };
    for (at, value) in texts.iter().enumerate() {
        let kind = IdentityKind::ALL[at % 4];
        let agent = kind == IdentityKind::Agent;
        let account = Account {
            namespace: text(at + 1),
            value: value.clone(),
            trust_path: None,
            active: Interval::default(),
        };
        let identity = Identity {
            name: Some(value.clone()),
            organization: organization.clone(),
            kind,
            owner: (at % 2 == 0).then(|| text(at + 2)),
            active: Interval { from: Some(time(at)), until: (at % 3 == 0).then_some(End::Never) },
            suspended: vec![Interval { from: Some(time(at)), until: None }, Interval::default()],
            accounts: vec![account],
            networks: (at % 2 == 1).then(Vec::new),
            mandate: agent.then(|| Mandate { actions: vec![text(at)], ..Mandate::default() }),
            properties: properties(texts, times[at % times.len()]),
        };
        register.identities.insert(IdentityId::from(format!("i-{at}")), identity);
        let tenant = Tenant {
            name: Some(text(at)),
            accounts: vec![text(at), text(at + 1)],
            feeds: Some(texts.to_vec()),
            logs_from: Some(time(at + 1)),
            enforcement: Some(enforcement(at, time(at))),
            resources: vec![Resource {
                kind: value.clone(),
                id: text(at),
                properties: properties(texts, times[0]),
            }],
            ..Tenant::default()
        };
        register.tenants.insert(TenantId::from(format!("{at}")), tenant);
        register.own.push(OwnRule { namespace: value.clone(), value: text(at + 3) });
    }
    let policy = Policy { tenant: Some(TenantId::from("0")), cedar: cedar(texts), schema: None };
    register.policies.insert(PolicyId::from("p"), policy);
    let entitlement = entitlement(texts, times[0]);
    register.entitlements.insert(EntitlementId::from("null"), entitlement);
    let partner = Organization {
        name: Some(text(2)),
        kind: OrganizationKind::Partner,
        via: None,
        state: Some(OrganizationState::Active),
        sponsor: None,
        contract: Interval { from: None, until: Some(End::At(time(2))) },
        suspended: Vec::new(),
    };
    register.organizations.insert(organization, partner);
    register
}

fn entitlement(texts: &[String], longest: i64) -> Entitlement {
    let assurance =
        Assurance { aal: Some(2), phishing_resistant: Some(false), ..Assurance::default() };
    Entitlement {
        name: None,
        catalog: Catalog::Machines,
        tenant: Some(TenantId::from("0")),
        actions: texts.to_vec(),
        resources: Some(texts.to_vec()),
        business_process: texts.first().cloned(),
        owner: None,
        risk: Some(RiskTier::Critical),
        required: Some(assurance),
        longest: Some(Duration::from_seconds(longest.rem_euclid(1 << 30))),
        review_every: Some(Duration::from_days(90)),
        incompatible_with: Vec::new(),
        who_may_ask: Some(WhoMayAsk::default()),
        approval: Some(ApprovalPolicy::Both),
        passed_on_depth: Some(9),
    }
}

proptest! {
    #[test]
    fn any_text_and_time_reads_back_as_it_was(
        texts in prop::collection::btree_set(
            prop_oneof![
                any::<String>(),
                "[-a-z0-9:#{}\\[\\]\"'\\\\\n\r\t &*!|>%@`,?~.]{1,12}",
                Just("null".to_owned()),
                Just("~".to_owned()),
                Just("<<".to_owned()),
                Just("2026-11-17".to_owned()),
            ]
            .prop_filter("the form has no empty text", |text| !text.trim().is_empty()),
            1..6,
        ),
        times in prop::collection::vec(any::<i64>(), 1..5),
    ) {
        let texts: Vec<String> = texts.into_iter().collect();
        let register = register_of(&texts, &times);
        let text = write(&register);
        let (again, mistakes) = parse(&[("written".to_owned(), text.clone())]);
        prop_assert_eq!(mistakes, Vec::new(), "{}", text);
        prop_assert_eq!(format!("{again:#?}"), format!("{register:#?}"));
        prop_assert_eq!(write(&again), text);
    }

    #[test]
    fn no_text_makes_the_parser_fall_over(
        text in prop_oneof![
            any::<String>(),
            "([-:?{}\\[\\],&*!|>'\"%@`#~<] ?|\n {0,4}|\t|[a-c]|organizations:|id: |---\n|\\.\\.\\.){0,60}",
        ],
    ) {
        let (_, mistakes) = parse(&[("x".to_owned(), text)]);
        prop_assert!(mistakes.len() <= 1001);
    }
}

fn enforcement(at: usize, time: Timestamp) -> Enforcement {
    let observes = at.is_multiple_of(2);
    Enforcement {
        mode: if observes { EnforcementMode::Observe } else { EnforcementMode::Enforce },
        until: observes.then_some(time),
        unknown_subject: UnknownSubject::ALL[at % 2],
        unattributed: Unattributed::ALL[at / 2 % 2],
        stale: WhenStale::ALL[at / 4 % 2],
        max_age: (!at.is_multiple_of(3)).then_some(Duration::from_seconds(30)),
    }
}

/// Names of properties are those of the texts that can be one.
fn properties(texts: &[String], whole: i64) -> Record {
    let is_name = |text: &String| text.len() <= 128 && text != "<<";
    let list = texts.iter().cloned().map(Value::Text).chain([Value::Whole(whole)]).collect();
    let inner = texts.iter().filter(|text| is_name(text)).cloned();
    let inner = inner.map(|name| (name, Value::Bool(whole % 2 == 0))).collect();
    [
        ("list".to_owned(), Value::List(list)),
        ("record".to_owned(), Value::Record(inner)),
        ("whole".to_owned(), Value::Whole(whole)),
    ]
    .into()
}

/// A policy between texts that no parser minds, to its last byte.
fn cedar(texts: &[String]) -> String {
    let comment = |text: &String| format!("//{}\n", text.replace(['\n', '\r'], " "));
    let comments: String = texts.iter().map(comment).collect();
    let end = if texts.len().is_multiple_of(2) { "\n" } else { "" };
    format!("  {comments}\n\nforbid (principal, action, resource);{end}")
}
