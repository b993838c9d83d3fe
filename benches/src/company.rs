//! A company with as many grants as are asked for: two hundred organizations, ten grants for each
//! identity.

use countersign_judge::Facts;
use countersign_model::id::{EntitlementId, GrantId, IdentityId, OrganizationId, SponsorId};
use countersign_model::register::{Account, Grant, Grantee, Identity, IdentityKind, Register};
use countersign_model::time::{End, Interval, Timestamp};
use countersign_register::parse;

pub const TENANT: &str = "erp";
pub const ORGANIZATIONS: u64 = 200;
pub const GRANTS_PER_IDENTITY: u64 = 10;
/// 25 November 2026.
pub const NOW: Timestamp = Timestamp(1_795_564_800_000_000_000);
const START: Timestamp = Timestamp(1_767_225_600_000_000_000);
const END: Timestamp = Timestamp(1_893_456_000_000_000_000);
/// Items learned at a time.
const BATCH: u64 = 10_000;

/// The facts, with this many grants.
pub fn facts(grants: u64) -> Facts {
    let mut facts = Facts::new(around());
    let identities = grants / GRANTS_PER_IDENTITY;
    for from in (0..identities).step_by(BATCH as usize) {
        let mut register = Register::default();
        for number in from..identities.min(from + BATCH) {
            register.identities.insert(IdentityId::from(identity_id(number)), identity(number));
        }
        facts.learn(register);
    }
    for from in (0..grants).step_by(BATCH as usize) {
        let mut register = Register::default();
        for number in from..grants.min(from + BATCH) {
            register.grants.insert(GrantId::from(format!("grt-{number:012}")), grant(number));
        }
        facts.learn(register);
    }
    facts
}

/// What everything else refers to.
pub fn around_text() -> String {
    let mut text = format!(
        "tenants:\n  - {{id: {TENANT}, accounts: [\"1\"], enforcement: {{mode: enforce}}}}\nsponsors:\n  \
         - {{id: ann, employed: {{from: 2020-01-01, until: never}}}}\norganizations:\n"
    );
    for number in 0..ORGANIZATIONS {
        text.push_str(&format!(
            "  - {{id: org-{number}, kind: partner, state: active, sponsor: ann, \
             contract: {{from: 2026-01-01, until: 2030-01-01}}}}\n"
        ));
    }
    text.push_str("trust_paths:\n");
    for number in 0..ORGANIZATIONS {
        text.push_str(&format!(
            "  - {{id: path-{number}, organization: org-{number}, kind: oidc, \
             issuer: \"https://{number}.example\", active: {{from: 2026-01-01, until: never}}, \
             accepted_by: ann, revalidate_by: 2029-01-01, assurance_map: [{{claim: acr, value: phr, \
             accept: {{ial: 2, aal: 2, fal: 2, phishing_resistant: true}}}}]}}\n"
        ));
    }
    text.push_str("entitlements:\n");
    for number in 0..GRANTS_PER_IDENTITY {
        text.push_str(&format!(
            "  - {{id: ent-{number}, catalog: partners, tenant: {TENANT}, actions: [\"act-{number}\"], \
             resources: [\"order:*\"], owner: ann, risk: low, required: {{aal: 2}}}}\n"
        ));
    }
    text
}

fn around() -> Register {
    let files = [("company.yaml".to_owned(), around_text())];
    let (register, mistakes) = parse(&files);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    register
}

fn identity_id(number: u64) -> String {
    format!("idn-{number:09}")
}

fn life() -> Interval {
    Interval { from: Some(START), until: Some(End::At(END)) }
}

fn identity(number: u64) -> Identity {
    let organization = number % ORGANIZATIONS;
    Identity {
        name: None,
        organization: OrganizationId::from(format!("org-{organization}")),
        kind: IdentityKind::Human,
        owner: None,
        active: life(),
        suspended: Vec::new(),
        accounts: vec![Account {
            namespace: TENANT.to_owned(),
            value: format!("user-{number}"),
            trust_path: Some(format!("path-{organization}").into()),
            active: life(),
        }],
        networks: None,
        mandate: None,
        properties: Default::default(),
    }
}

/// Two of ten have ended.
fn grant(number: u64) -> Grant {
    let entitlement = number % GRANTS_PER_IDENTITY;
    let until = if entitlement < 2 { Timestamp(NOW.0 - 1) } else { END };
    Grant {
        entitlement: EntitlementId::from(format!("ent-{entitlement}")),
        to: Grantee::Identity(IdentityId::from(identity_id(number / GRANTS_PER_IDENTITY))),
        sponsor: Some(SponsorId::from("ann")),
        justification: Some("as agreed".to_owned()),
        interval: Interval { from: Some(START), until: Some(End::At(until)) },
        revoked: None,
        suspended: Vec::new(),
        review_due: Some(END),
        review_grace: None,
        passed_on_from: None,
        break_glass: false,
    }
}

/// What is asked.
#[derive(Debug)]
pub struct Question {
    pub identity: String,
    pub name: String,
    pub action: &'static str,
    pub resource: String,
}

/// One of many: two in ten by a grant that has ended, one in ten by nobody that is known.
pub fn question(number: u64, identities: u64) -> Question {
    const ACTIONS: [&str; 10] =
        ["act-0", "act-1", "act-2", "act-3", "act-4", "act-5", "act-6", "act-7", "act-8", "act-9"];
    let stranger = if number.is_multiple_of(11) { identities } else { 0 };
    let identity = (number >> 8) % identities + stranger;
    Question {
        identity: identity_id(identity),
        name: format!("user-{identity}"),
        action: ACTIONS[(number % 10) as usize],
        resource: format!("order:{}", number % 97),
    }
}

/// Bytes of memory that this process has now.
pub fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}
