//! Govern from outside: whatever the split and the order, the same report; `cases/*.txt` for people
//! to read.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on stops with what is wrong"
)]

mod case;
mod cases;
mod properties;
mod templates;

use countersign_govern::report::{Seen, report};
use countersign_govern::tally::Tally;
use countersign_model::attribution::{Attribution, EventFacts, Note, Party, PrincipalClass};
use countersign_model::event::{EventKind, Outcome, PrincipalKind};
use countersign_model::grade::{Gap, Grade};
use countersign_model::id::{CredentialId, GrantId, IdentityId, OrganizationId, SponsorId};
use countersign_model::register::{
    Account, Credential, CredentialKind, Exception, Grant, Grantee, Identity, IdentityKind,
    Organization, OrganizationKind, OrganizationState, Register, Sponsor,
};
use countersign_model::time::{Duration, End, Interval, Timestamp};
use proptest::prelude::*;

fn day(number: i64) -> Timestamp {
    Timestamp::from_seconds(number * 86_400)
}

fn days(from: i64, until: i64) -> Interval {
    Interval { from: Some(day(from)), until: Some(End::At(day(until))) }
}

/// One organization whose sponsor left on day 50, one machine without an owner, one key that was
/// never rotated, one grant.
fn register() -> Register {
    let mut register = Register::default();
    register
        .sponsors
        .insert(SponsorId::from("gone"), Sponsor { employed: days(0, 50), ..Sponsor::default() });
    register.organizations.insert(
        OrganizationId::from("acme"),
        Organization {
            name: Some("Acme".into()),
            kind: OrganizationKind::Partner,
            via: None,
            state: Some(OrganizationState::Active),
            sponsor: Some("gone".into()),
            contract: days(0, 1000),
            suspended: Vec::new(),
        },
    );
    register.identities.insert(
        IdentityId::from("bot"),
        Identity {
            name: Some("Acme bot".into()),
            organization: "acme".into(),
            kind: IdentityKind::Service,
            owner: None,
            active: days(0, 1000),
            suspended: Vec::new(),
            accounts: vec![Account {
                namespace: "aws".into(),
                value: "bot".into(),
                trust_path: None,
                active: days(0, 1000),
            }],
            networks: None,
            mandate: None,
            properties: Default::default(),
        },
    );
    register.credentials.insert(
        CredentialId::from("key"),
        Credential {
            identity: "bot".into(),
            kind: CredentialKind::ApiKey,
            handle: "AKIAX".into(),
            namespace: None,
            trust_path: None,
            issued: Some(day(0)),
            until: Some(End::Never),
            revoked: None,
            rotated: None,
            rotate_every: Some(Duration::from_days(90)),
            consumer: None,
            shared: false,
        },
    );
    register.grants.insert(
        GrantId::from("unused"),
        Grant {
            entitlement: "e".into(),
            to: Grantee::Identity("bot".into()),
            sponsor: Some("gone".into()),
            justification: None,
            interval: days(0, 1000),
            revoked: None,
            suspended: Vec::new(),
            review_due: None,
            review_grace: None,
            passed_on_from: None,
            break_glass: false,
        },
    );
    register
}

#[derive(Debug, Clone)]
struct Case {
    id: String,
    day: i64,
    grade: Grade,
    gap: Option<Gap>,
    ip: &'static str,
    tenant: &'static str,
    off_instance: bool,
    deliveries: u32,
}

fn observe(tally: &mut Tally<'_>, case: &Case) {
    let holder = Party {
        identity: Some("bot"),
        account: Some(("aws", "bot")),
        name: None,
        kind: PrincipalKind::Service,
        grade: Grade::Declared,
        rule: "register.credential",
        gap: None,
        candidates: 0,
        feed: None,
    };
    let actor = match case.gap {
        Some(gap) => Party { feed: Some("a feed"), ..Party::unattributed(gap) },
        None => Party { grade: case.grade, ..holder },
    };
    let notes: &[Note] = if case.off_instance { &[Note::OffInstance] } else { &[] };
    tally.observe(
        &Attribution {
            event: EventFacts {
                source: "aws.cloudtrail",
                feed: "main",
                id: &case.id,
                time: day(case.day),
                kind: EventKind::Action,
                tenant: case.tenant,
                outcome: Outcome::Success,
                action: "s3:Get",
                resource: None,
                privileged: false,
                via: None,
                ip: Some(case.ip),
                user_agent: None,
            },
            class: PrincipalClass::External,
            holder,
            actor,
            chain: &[],
            through: &[],
            portal: None,
            credential: Some("key"),
            handle: None,
            assurance: &[],
            authenticated_at: None,
            notes,
            deliveries: case.deliveries,
        },
        None,
    );
}

fn seen() -> [Seen<'static>; 1] {
    let (source, feed, tenant) = ("aws.cloudtrail", "main", "t1");
    [Seen { source, feed, tenant, first: day(60), last: day(200), count: 1 }]
}

fn text(tally: Tally<'_>) -> String {
    let report = report(tally, &seen());
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        report.findings,
        report.tally.coverage,
        report.tally.gaps,
        report.tally.rules,
        report.tally.duplicates
    )
}

fn case() -> impl Strategy<Value = Case> {
    let gap = prop_oneof![
        Just(None),
        Just(Some(Gap::SharedCredential)),
        Just(Some(Gap::IssuanceNotCollected)),
        Just(Some(Gap::Ambiguous)),
    ];
    let grade = prop_oneof![Just(Grade::Exact), Just(Grade::Composite), Just(Grade::Inferred)];
    let ip = prop_oneof![Just("10.0.0.1"), Just("10.0.0.2"), Just("10.0.0.3")];
    let tenant = prop_oneof![Just("t1"), Just("t2")];
    ("[a-f]{1,4}", 60_i64..200, gap, grade, ip, tenant, any::<bool>(), 1_u32..4).prop_map(
        |(id, day, gap, grade, ip, tenant, off_instance, deliveries)| Case {
            id,
            day,
            grade,
            gap,
            ip,
            tenant,
            off_instance,
            deliveries,
        },
    )
}

proptest! {
    #[test]
    fn any_split_and_order_gives_the_same_report(
        cases in proptest::collection::vec((case(), any::<bool>(), any::<u32>()), 0..60)
    ) {
        let register = register();
        let mut whole = Tally::new(&register);
        cases.iter().for_each(|(case, ..)| observe(&mut whole, case));
        let mut shuffled = cases.clone();
        shuffled.sort_by_key(|(.., order)| *order);
        let (mut one, mut other) = (Tally::new(&register), Tally::new(&register));
        for (case, left, _) in &shuffled {
            observe(if *left { &mut one } else { &mut other }, case);
        }
        other.merge(one);
        prop_assert_eq!(text(whole), text(other));
    }
}

#[test]
fn what_stands_is_found_without_any_use() {
    let register = register();
    let report = report(Tally::new(&register), &seen());
    let found: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("{} {}", finding.code, finding.subject))
        .collect();
    let expected = [
        "nhi.no_owner identity:bot",
        "sponsor.gone grant:unused",
        "sponsor.gone organization:acme",
        "credential.never_rotated credential:key",
        "credential.over_age credential:key",
        "grant.never_used grant:unused",
    ];
    assert_eq!(found, expected);
}

#[test]
fn without_a_record_nothing_is_concluded() {
    let register = register();
    assert!(report(Tally::new(&register), &[]).findings.is_empty());
}

#[test]
fn an_exception_accepts_a_finding_only_while_it_runs_and_is_approved() {
    for (interval, approved, accepted) in [
        (days(100, 300), true, true),
        (days(100, 200), true, false),
        (days(100, 300), false, false),
        (Interval { from: Some(day(100)), until: None }, true, false),
    ] {
        let mut register = register();
        register.exceptions.insert(
            "ex".into(),
            Exception {
                rule: "nhi.no_owner".into(),
                subject: "identity:bot".into(),
                approved_by: approved.then(|| "gone".into()),
                justification: None,
                interval,
            },
        );
        let report = report(Tally::new(&register), &seen());
        let finding =
            report.findings.iter().find(|finding| finding.code == "nhi.no_owner").unwrap();
        assert_eq!(finding.accepted_by.is_some(), accepted, "{interval:?}");
    }
}
