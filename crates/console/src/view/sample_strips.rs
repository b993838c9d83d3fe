//! Sample strips: whole, broken with a guess in it, and one that nothing is known about.

use super::{HopView, ReasonView, Seal, SegmentState, SegmentView, Stamp, StripView};

impl StripView {
    /// Samples by name.
    pub fn samples() -> Vec<(&'static str, Self)> {
        vec![("whole", whole()), ("broken", broken()), ("unknown", unknown())]
    }
}

fn whole() -> StripView {
    StripView {
        event: "payments-prod/r-77f0c2ce".into(),
        kicker: vec!["16 Nov 2026, 14:02:11.338 UTC".into(), "payments-prod".into()],
        headline: "Anna Sorel of Brightwater Adjusting released a claim payment, acting through \
                   bw-casework. It was justified."
            .into(),
        lead: "The weakest link is declared: the exchanged token says that bw-casework acts for \
               Anna Sorel. Sponsored by Ingrid Vale until 31 Jan 2027."
            .into(),
        segments: whole_segments(),
        stamp: Stamp::Allow,
        stamped: vec!["as of 14:02:11.338 UTC".into(), "11 guardrails held".into()],
        reasons: Vec::new(),
        chain: whole_chain(),
        raw: "logs/payments/2026-11-16.json.gz:90114".into(),
        notes: Vec::new(),
    }
}

fn broken() -> StripView {
    StripView {
        event: "repair-portal/p-90114".into(),
        kicker: vec!["16 Nov 2026, 11:18:40 UTC".into(), "repair-portal".into()],
        headline: "Somebody at kestrel-desk-2 changed the bank details of PY-88120. We infer \
                   Edie Marlow, and do not count it."
            .into(),
        lead: String::new(),
        segments: broken_segments(),
        stamp: Stamp::Deny,
        stamped: vec!["seen in logs, not enforced there".into()],
        reasons: broken_reasons(),
        chain: vec![
            hop(
                "11:12:02",
                "authentication",
                "Desk sign-in of Edie Marlow · kestrel desk",
                "",
                Seal::Exact,
                "desk/d-7",
            ),
            hop(
                "11:18:40",
                "action",
                "payee.change · repair-portal",
                "portal.desk_window",
                Seal::Inferred,
                "repair-portal/p-90114",
            ),
        ],
        raw: "logs/portal/access-03.json:90114".into(),
        notes: vec!["The portal is observed, not enforced, so it carried the change out.".into()],
    }
}

fn unknown() -> StripView {
    let not_reached =
        |label| segment(label, (SegmentState::NotReached, Seal::Unknown, ""), &[], "");
    StripView {
        event: "aws/3f2c".into(),
        kicker: Vec::new(),
        headline: "We cannot say who listed the buckets.".into(),
        lead: String::new(),
        segments: vec![
            not_reached("Organization"),
            not_reached("Trust path"),
            not_reached("Assurance"),
            segment(
                "Identity",
                (SegmentState::Broken, Seal::Broken, "unattributed"),
                &["nobody known"],
                "a key was used whose owner the register does not name",
            ),
            intact("Credential", Seal::Exact, &["AKIA…7Q2M", "access key"]),
            not_reached("Grant"),
            intact("Action", Seal::Exact, &["s3:ListBuckets", "aws 111122223333"]),
        ],
        stamp: Stamp::Unknown,
        stamped: Vec::new(),
        reasons: vec![ReasonView {
            code: "organization.unknown".into(),
            sentence: "The register does not say whose identity it is.".into(),
            stamp: Stamp::Unknown,
            controls: Vec::new(),
        }],
        chain: Vec::new(),
        raw: "events.json:1".into(),
        notes: Vec::new(),
    }
}

fn whole_segments() -> Vec<SegmentView> {
    use Seal::{Composite, Declared, Exact};
    vec![
        intact(
            "Organization",
            Exact,
            &["Brightwater Adjusting", "partner, contract until 28 Feb 2027"],
        ),
        intact("Trust path", Exact, &["oidc", "login.brightwater.example"]),
        intact(
            "Assurance",
            Exact,
            &[
                "AAL2, resists phishing",
                "required AAL2 PR",
                "map entry 1, accepted by Jonas Pettit",
            ],
        ),
        intact("Identity", Exact, &["Anna Sorel", "human, adjuster"]),
        intact("Acting through", Declared, &["bw-casework", "service, owner Wim de Graaf"]),
        intact("Credential", Composite, &["payout-writer", "token x-5Rk2pQ, 15 min"]),
        intact("Grant", Exact, &["G-1182", "sponsor Ingrid Vale", "until 31 Jan 2027"]),
        intact("Action", Exact, &["payout.release", "CL-20418", "payments-prod"]),
    ]
}

fn whole_chain() -> Vec<HopView> {
    use Seal::{Composite, Declared, Exact};
    vec![
        hop(
            "13:41:07.212",
            "authentication",
            "Anna Sorel signs in · okta",
            "",
            Exact,
            "okta/a-31c7",
        ),
        hop(
            "14:01:55.640",
            "token_issue",
            "Exchanged: subject Anna Sorel, actor bw-casework · keycloak",
            "token.act",
            Declared,
            "keycloak/k-9001",
        ),
        hop(
            "14:01:56.002",
            "token_issue",
            "Role payout-writer assumed with that token · payments-prod",
            "oidc.jti_role_window",
            Composite,
            "payments-prod/r-77f0c2aa",
        ),
        hop(
            "14:02:11.338",
            "action",
            "payout.release · payments-prod",
            "aws.session_key",
            Exact,
            "payments-prod/r-77f0c2ce",
        ),
    ]
}

fn broken_segments() -> Vec<SegmentView> {
    vec![
        intact("Organization", Seal::Exact, &["Kestrel Assessors", "partner, via Norvane"]),
        intact("Trust path", Seal::Exact, &["portal", "repair-portal, local accounts"]),
        segment(
            "Assurance",
            (SegmentState::Broken, Seal::Broken, "below"),
            &["AAL1", "required AAL2 PR"],
            "the password alone was accepted",
        ),
        segment(
            "Identity",
            (SegmentState::Inferred, Seal::Inferred, ""),
            &["Edie Marlow?", "shared account kestrel-desk-2"],
            "only desk sign-in within 10 min",
        ),
        segment(
            "Credential",
            (SegmentState::Broken, Seal::Broken, "missing"),
            &["no session id"],
            "add it to repair-portal/access",
        ),
        intact("Grant", Seal::Exact, &["G-1043", "sponsor Tomas Okafor", "until 30 Apr 2027"]),
        intact("Action", Seal::Exact, &["payee.change", "PY-88120", "repair-portal"]),
    ]
}

fn broken_reasons() -> Vec<ReasonView> {
    vec![
        ReasonView {
            code: "assurance.below".into(),
            sentence: "AAL1 was accepted, the entitlement requires AAL2 that resists phishing."
                .into(),
            stamp: Stamp::StepUp,
            controls: vec!["PR.AA-03".into()],
        },
        ReasonView {
            code: "shared.actor_missing".into(),
            sentence: "kestrel-desk-2 is shared and the record names nobody.".into(),
            stamp: Stamp::Deny,
            controls: vec!["NHI9:2025".into(), "PR.AA-01".into()],
        },
    ]
}

fn intact(label: &str, seal: Seal, lines: &[&str]) -> SegmentView {
    segment(label, (SegmentState::Intact, seal, ""), lines, "")
}

fn segment(
    label: &str,
    (state, seal, word): (SegmentState, Seal, &str),
    lines: &[&str],
    because: &str,
) -> SegmentView {
    SegmentView {
        label: label.into(),
        state,
        seal,
        word: word.into(),
        lines: lines.iter().map(|line| (*line).into()).collect(),
        because: because.into(),
    }
}

fn hop(time: &str, kind: &str, what: &str, rule: &str, grade: Seal, event: &str) -> HopView {
    HopView {
        time: time.into(),
        kind: kind.into(),
        what: what.into(),
        rule: rule.into(),
        grade,
        event: event.into(),
    }
}
