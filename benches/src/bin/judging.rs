//! What a judgement costs in this process: among ten thousand grants and among ten million, beside
//! Cedar alone on entities that are there already, and how many bytes a grant takes in memory.
//! `judging [GRANTS]`; a tenth as many identities.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cedar_policy::{Authorizer, Context, Decision, Entities, PolicySet, Request, Schema};
use countersign_bench::company;
use countersign_judge::{Facts, Guardrails, judge};
use countersign_model::judgement::{Access, Outcome};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FEW: u64 = 10_000;
const ROUNDS: u64 = 200_000;

fn main() -> Result<()> {
    let many: u64 = std::env::args().nth(1).map_or(Ok(10_000_000), |text| text.parse())?;
    let mut out = std::io::stdout().lock();
    let guardrails = Guardrails::shipped();
    let few = company::facts(FEW);
    let among_few = judged(&guardrails, &few, FEW)?;
    drop(few);
    let before = company::resident();
    let began = Instant::now();
    let facts = company::facts(many);
    let took = began.elapsed();
    let bytes = company::resident().saturating_sub(before) / many;
    writeln!(
        out,
        "{many} grants learned in {took:.1?}; {bytes} bytes a grant, identities included"
    )?;
    let among_many = judged(&guardrails, &facts, many)?;
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    writeln!(
        out,
        "a judgement among {many} grants: {among_many:.2?}, among {FEW}: {among_few:.2?}, ratio {:.2}",
        ratio(among_many, among_few)
    )?;
    let bare = bare()?;
    writeln!(
        out,
        "Cedar alone, ten policies, entities and request built before: {bare:.2?}; ours to it {:.2}",
        ratio(among_many, bare)
    )?;
    Ok(())
}

/// The mean of many judgements of different identities; three in ten are denied.
fn judged(guardrails: &Guardrails, facts: &Facts, grants: u64) -> Result<Duration> {
    let identities = grants / company::GRANTS_PER_IDENTITY;
    let mut best = Duration::MAX;
    for round in 0..3 {
        let mut denied = 0_u64;
        let began = Instant::now();
        for number in 0..ROUNDS {
            let asked = company::question(number.wrapping_mul(2_654_435_761) + round, identities);
            let access = Access {
                identity: Some(&asked.identity),
                account: Some((company::TENANT, &asked.name)),
                through: &[],
                actor_is_known: true,
                credential: None,
                tenant: company::TENANT,
                action: asked.action,
                resource: Some(&asked.resource),
                assurance: &[("acr", "phr")],
                authenticated_at: None,
                ip: None,
                interactive: None,
                request: None,
            };
            let judgement = judge(guardrails, facts, &access, company::NOW);
            denied += u64::from(judgement.outcome != Outcome::Allow);
            black_box(judgement);
        }
        best = best.min(began.elapsed() / u32::try_from(ROUNDS)?);
        let share = denied as f64 / ROUNDS as f64;
        ensure!((0.2..0.5).contains(&share), "{share} were denied");
    }
    Ok(best)
}

/// Ten policies over an organization, an assurance, a grant and its end.
fn bare() -> Result<Duration> {
    let schema = "
        entity Organization { active: Bool };
        entity Identity in [Organization] { aal: Long, until: Long };
        entity Order { owner: Organization };
        action read, write, approve appliesTo {
          principal: [Identity], resource: [Order],
          context: { now: Long, granted: Bool, grant_until: Long, required: Long },
        };";
    let (schema, _) = Schema::from_cedarschema_str(schema)?;
    let mut text = String::from("permit (principal, action, resource);\n");
    for condition in [
        "!context.granted",
        "context.grant_until <= context.now",
        "principal.until <= context.now",
        "principal.aal < context.required",
        "!(principal in resource.owner)",
        "!resource.owner.active",
        "principal.aal < 1",
        "context.now < 0",
        "principal.until < 0",
    ] {
        text.push_str(&format!("forbid (principal, action, resource) when {{ {condition} }};\n"));
    }
    let policies: PolicySet = text.parse()?;
    let entities = r#"[
        {"uid": {"type": "Organization", "id": "o"}, "attrs": {"active": true}, "parents": []},
        {"uid": {"type": "Identity", "id": "i"}, "attrs": {"aal": 3, "until": 9000},
         "parents": [{"type": "Organization", "id": "o"}]},
        {"uid": {"type": "Order", "id": "17"},
         "attrs": {"owner": {"__entity": {"type": "Organization", "id": "o"}}}, "parents": []}]"#;
    let entities = Entities::from_json_str(entities, Some(&schema))?;
    let context = r#"{"now": 5, "granted": true, "grant_until": 9, "required": 2}"#;
    let action = "Action::\"read\"".parse()?;
    let context = Context::from_json_str(context, Some((&schema, &action)))?;
    let request = Request::new(
        "Identity::\"i\"".parse()?,
        action,
        "Order::\"17\"".parse()?,
        context,
        Some(&schema),
    )?;
    let authorizer = Authorizer::new();
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        for _ in 0..ROUNDS / 10 {
            let response = authorizer.is_authorized(&request, &policies, &entities);
            ensure!(response.decision() == Decision::Allow, "{response:?}");
        }
        best = best.min(began.elapsed() / u32::try_from(ROUNDS / 10)?);
    }
    Ok(best)
}
