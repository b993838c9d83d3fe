//! Sample views of a run: the story of Aldgate Mutual, a first run without a register, and logs
//! that hold nothing to judge. The golden tests draw each of them twice.

use super::{
    CellState, CellView, CommandView, CountView, CoverageRow, FindingMark, FindingView, FormatView,
    GapView, JudgementsView, LedgerView, LinkView, MatrixView, PathColumn, ProcessRow, Proof,
    ReadView, ReasonCount, Seal, Severity, Stamp, TraceView,
};

impl TraceView {
    /// Samples by name.
    pub fn samples() -> Vec<(&'static str, Self)> {
        vec![("aldgate", aldgate()), ("first-run", first_run()), ("nothing", nothing())]
    }
}

fn aldgate() -> TraceView {
    TraceView {
        headline: "For 92.9 % of privileged actions by outsiders we can say who stood behind \
                   them. For 1,311 we cannot."
            .into(),
        lead: "The weakest way into a critical process is Kestrel Assessors · portal: it changes \
               payee bank details at AAL1, from two accounts that people share."
            .into(),
        read: aldgate_read(),
        coverage: aldgate_coverage(),
        beside: vec![
            counted("own people", 61_207),
            counted("provider services", 8_114),
            counted("not privileged", 3_669),
        ],
        matrix: matrix(),
        judgements: aldgate_judgements(),
        findings: findings(),
        gaps: gaps(),
        links: vec![
            link("aws.session_key", Seal::Exact, 13_910),
            link("oidc.jti_role_window", Seal::Composite, 2_004),
            link("token.act", Seal::Declared, 1_187),
            link("portal.desk_window", Seal::Inferred, 612),
        ],
        ledger: Some(LedgerView {
            folder: "countersign-ledger".into(),
            added: 18_426,
            size: 48_260,
            origin: "evidence.aldgate.example".into(),
            root: "5htq3mFhDEQXzHPkT1aVZ1yJrXn5hS5hQ0Xl8Yb8lPo=".into(),
            public_key: "evidence.aldgate.example+a7c3f21e+ATsE0sOQ3mFhDEQXzHPkT1aVZ1yJrXn5".into(),
        }),
        next: commands(),
        foot: vec![
            "Facts as of 17 Nov 2026, 09:40:12 UTC".into(),
            "Register revision 41".into(),
            "countersign 0.1.0".into(),
        ],
    }
}

fn aldgate_read() -> ReadView {
    ReadView {
        files: 14,
        records: 91_402,
        formats: vec![
            format("aws.cloudtrail", 6, 40_118, Proof::Proven),
            format("okta.system", 3, 28_004, Proof::Unproven),
            format("keycloak.events", 2, 14_210, Proof::Proven),
            format("envoy.access", 3, 9_070, Proof::Proven),
        ],
        quarantined: 3,
        quarantine: vec![
            "logs/portal/access-03.json:90114: not JSON after column 1".into(),
            "logs/portal/access-03.json:90115: not JSON after column 1".into(),
            "logs/okta/2026-11.json:12: `published` is not a time".into(),
        ],
        beside: vec![("lines of a server's log".into(), 64)],
        duplicates: 212,
        from: "18 Oct 2026".into(),
        until: "17 Nov 2026".into(),
    }
}

fn aldgate_coverage() -> Vec<CoverageRow> {
    vec![
        coverage("payments-prod", "Brightwater Adjusting", [1_120, 150, 27, 9, 2, 2]),
        coverage("claims-core", "Brightwater Adjusting", [8_010, 902, 200, 60, 20, 12]),
        coverage("policy-admin", "Tamsin Fleet Group", [2_301, 400, 200, 74, 0, 47]),
        coverage("pricing-api", "Paladin Valuation Data", [1_370, 200, 200, 68, 122, 20]),
        coverage("repair-portal", "Kestrel Assessors", [1_109, 352, 560, 401, 300, 174]),
    ]
}

fn aldgate_judgements() -> JudgementsView {
    JudgementsView {
        allow: 16_748,
        step_up: 41,
        deny: 312,
        unknown: 1_311,
        reasons: vec![
            reason(Stamp::Unknown, "actor.unknown", "Nobody is known to have acted.", 1_311),
            reason(Stamp::Deny, "grant.expired", "The grant had ended.", 188),
            reason(Stamp::Deny, "grant.none", "No grant covers this action.", 97),
            reason(
                Stamp::StepUp,
                "assurance.below",
                "AAL1 was accepted, the entitlement requires AAL2 that resists phishing.",
                41,
            ),
            reason(Stamp::Deny, "sponsor.departed", "Colin Marsh left on 30 Sep.", 27),
        ],
    }
}

fn matrix() -> MatrixView {
    let columns = [
        ("Brightwater", "partner", "oidc"),
        ("Brightwater", "partner", "workload"),
        ("Kestrel", "via Norvane", "saml"),
        ("Kestrel", "via Norvane", "portal"),
        ("Norvane", "reseller", "saml"),
        ("Paladin", "API only", "api_key"),
        ("Paladin", "API only", "mtls"),
        ("Tamsin", "customer", "local"),
    ];
    use CellState::{Below, Exception, Lapsed, Meets, Unknown};
    MatrixView {
        columns: columns
            .into_iter()
            .map(|(organization, note, path)| PathColumn {
                organization: organization.into(),
                note: note.into(),
                path: path.into(),
            })
            .collect(),
        rows: vec![
            process(
                ["Change payee bank details", "critical", "AAL2 PR"],
                &[(0, Meets, "AAL2", "PR"), (3, Below, "AAL1", "shared")],
                Some((3, "AAL1, two shared accounts")),
            ),
            process(
                ["Release claim payment", "critical", "AAL2 PR"],
                &[(0, Meets, "AAL2", "PR"), (2, Exception, "AAL2", "to 30 Nov")],
                Some((2, "AAL2 without PR, exception EX-31")),
            ),
            process(
                ["Provision partner accounts", "critical", "AAL2 PR"],
                &[(4, Lapsed, "floor", "lapsed")],
                Some((4, "lapsed to the floor on 9 Nov")),
            ),
            process(
                ["Look up valuation", "medium", "key ≤ 90 d"],
                &[
                    (1, Meets, "1 h", "attested"),
                    (5, Below, "412 d", "key"),
                    (6, Meets, "88 d", "cert"),
                ],
                Some((5, "key …7f3a is 412 days old")),
            ),
            process(
                ["Export fleet records", "medium", "AAL2"],
                &[(7, Unknown, "AAL ?", "no log")],
                Some((7, "the portal does not log how")),
            ),
            process(["Issue policy documents", "low", "AAL1"], &[(7, Meets, "AAL1", "")], None),
        ],
    }
}

fn process(
    [name, tier, requires]: [&str; 3],
    ways: &[(usize, CellState, &str, &str)],
    weakest: Option<(usize, &str)>,
) -> ProcessRow {
    let mut cells =
        vec![
            CellView { state: CellState::NoAccess, assurance: String::new(), why: String::new() };
            8
        ];
    for (column, state, assurance, why) in ways {
        cells[*column] =
            CellView { state: *state, assurance: (*assurance).into(), why: (*why).into() };
    }
    ProcessRow {
        process: name.into(),
        tier: tier.into(),
        requires: requires.into(),
        cells,
        weakest: weakest.map(|(column, _)| column),
        weakest_why: weakest.map_or_else(String::new, |(_, why)| why.into()),
    }
}

fn findings() -> Vec<FindingView> {
    vec![
        finding(
            (Severity::Critical, "shared.actor_missing"),
            "A shared account changed payee details, nobody is named",
            (6, "repair-portal/p-90114"),
            "Send the session id with repair-portal/access, or give the two people accounts.",
            FindingMark::New,
        ),
        finding(
            (Severity::Critical, "assurance.lapsed"),
            "Norvane · saml lapsed to the floor on 9 Nov",
            (3, "claims-core/c-20418"),
            "Revalidate the assurance map of Norvane · saml.",
            FindingMark::Open,
        ),
        finding(
            (Severity::High, "use.after_expiry"),
            "Grant G-0977 was used after it ended",
            (188, "policy-admin/x-1182"),
            "Ask Daniel Reyes to extend the grant or to end the access.",
            FindingMark::Open,
        ),
        finding(
            (Severity::High, "sponsor.departed"),
            "Four grants of Norvane have no sponsor",
            (27, "claims-core/c-19002"),
            "Name a sponsor, or let them end on 22 Nov.",
            FindingMark::Open,
        ),
        finding(
            (Severity::Medium, "credential.over_age"),
            "Key …7f3a of Paladin is 412 days old, the limit is 90",
            (1_980, "pricing-api/v-771"),
            "Rotate the key, then end the old one.",
            FindingMark::Accepted("EX-31 until 30 Nov 2026".into()),
        ),
        finding(
            (Severity::Low, "grant.never_used"),
            "Seven grants were never used",
            (7, ""),
            "Put them before their sponsors.",
            FindingMark::Open,
        ),
    ]
}

fn gaps() -> Vec<GapView> {
    [
        (
            "repair-portal/access has no session id",
            474,
            "Add the session id to repair-portal/access.",
        ),
        ("pricing-api keys are shared", 142, "Add the gateway log of pricing-api."),
        (
            "policy-admin/audit has no request id",
            47,
            "Send policy-admin/audit with its request id.",
        ),
    ]
    .into_iter()
    .map(|(what, actions, close)| GapView { what: what.into(), actions, close: close.into() })
    .collect()
}

fn commands() -> Vec<CommandView> {
    [
        (
            "See who stood behind one action",
            "countersign trace show repair-portal/p-90114 --register register",
        ),
        (
            "Read the whole as one page",
            "countersign trace logs --register register --html run.html",
        ),
        (
            "Check the evidence",
            "countersign verify countersign-ledger --key countersign-ledger/ledger.pub",
        ),
    ]
    .into_iter()
    .map(|(what, command)| CommandView { what: what.into(), command: command.into() })
    .collect()
}

fn first_run() -> TraceView {
    TraceView {
        headline: "We cannot say who stood behind any of the 2,914 privileged actions.".into(),
        lead: "The register is empty. Draft one from these logs, then name sponsors and owners."
            .into(),
        read: ReadView {
            files: 1,
            records: 9_031,
            formats: vec![format("aws.cloudtrail", 1, 9_031, Proof::Proven)],
            quarantined: 0,
            quarantine: Vec::new(),
            beside: Vec::new(),
            duplicates: 0,
            from: "10 Jul 2023".into(),
            until: "10 Jul 2023".into(),
        },
        coverage: vec![coverage("aws 111122223333", "unknown", [0, 0, 0, 0, 2_900, 14])],
        beside: vec![counted("provider services", 6_117)],
        matrix: MatrixView::default(),
        judgements: JudgementsView {
            unknown: 2_914,
            reasons: vec![reason(
                Stamp::Unknown,
                "organization.unknown",
                "The register does not say whose identity it is.",
                2_914,
            )],
            ..JudgementsView::default()
        },
        findings: Vec::new(),
        gaps: vec![GapView {
            what: "No sign-in of these 3 keys is in the logs".into(),
            actions: 2_900,
            close: "Say in the register who owns each key.".into(),
        }],
        links: Vec::new(),
        ledger: None,
        next: vec![CommandView {
            what: "Draft a register from these logs".into(),
            command: "countersign register init --from logs --to register".into(),
        }],
        foot: Vec::new(),
    }
}

fn nothing() -> TraceView {
    TraceView {
        headline: "There is no privileged action by an outsider in these logs.".into(),
        lead: String::new(),
        read: ReadView {
            files: 0,
            records: 0,
            formats: Vec::new(),
            quarantined: 0,
            quarantine: Vec::new(),
            beside: Vec::new(),
            duplicates: 0,
            from: String::new(),
            until: String::new(),
        },
        coverage: Vec::new(),
        beside: Vec::new(),
        matrix: MatrixView::default(),
        judgements: JudgementsView::default(),
        findings: Vec::new(),
        gaps: Vec::new(),
        links: Vec::new(),
        ledger: None,
        next: Vec::new(),
        foot: Vec::new(),
    }
}

fn format(definition: &str, files: u64, records: u64, proof: Proof) -> FormatView {
    FormatView { definition: definition.into(), files, records, proof }
}

fn coverage(tenant: &str, organization: &str, parts: [u64; 6]) -> CoverageRow {
    let [exact, composite, declared, inferred, holder_only, unattributed] = parts;
    CoverageRow {
        tenant: tenant.into(),
        organization: organization.into(),
        actions: parts.iter().sum(),
        exact,
        composite,
        declared,
        inferred,
        holder_only,
        unattributed,
    }
}

fn counted(what: &str, count: u64) -> CountView {
    CountView { what: what.into(), count }
}

fn reason(stamp: Stamp, code: &str, sentence: &str, count: u64) -> ReasonCount {
    ReasonCount { stamp, code: code.into(), sentence: sentence.into(), count }
}

fn link(rule: &str, grade: Seal, count: u64) -> LinkView {
    LinkView { rule: rule.into(), grade, count }
}

fn finding(
    (severity, code): (Severity, &str),
    title: &str,
    (count, first): (u64, &str),
    remedy: &str,
    mark: FindingMark,
) -> FindingView {
    FindingView {
        severity,
        code: code.into(),
        title: title.into(),
        count,
        first: first.into(),
        remedy: remedy.into(),
        controls: vec!["NHI1:2025".into(), "PR.AA-05".into()],
        mark,
    }
}
