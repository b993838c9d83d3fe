//! What a decision by the company's own policies costs: with many against few, and against Cedar
//! alone on entities that were built before. All of one run, so that the ratios hold on any machine.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use cedar_policy::{Authorizer, Context, Entities, PolicySet, Request as Asked, Schema};
use countersign_judge::ApplicationPolicies;
use countersign_model::id::PolicyId;
use countersign_model::judgement::{Entity, Named, Request};
use countersign_model::register::Policy;
use countersign_model::value::{Record, Value};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SCHEMA: &str = r#"
entity user { role: String, level: Long, region?: String };
entity record { status: String, region: String, floor?: Long };
action read, write appliesTo {
  principal: user, resource: record, context: { request: { hour?: Long } }
};
"#;

const ROUNDS: usize = 15;
const ASKED_EACH_ROUND: usize = 400;

fn main() -> Result<()> {
    let ten = compiled(&scoped(10))?;
    let started = Instant::now();
    let many = compiled(&scoped(10_000))?;
    let built = started.elapsed();
    let one_scope = compiled(&sharing(1_000))?;
    let bare = Bare::new(&scoped(10))?;
    let requests: Vec<Request> = (0..ASKED_EACH_ROUND).map(|nth| request(nth % 10)).collect();
    for request in &requests {
        if !ten.ask("erp", request, Vec::new).is_empty() {
            bail!("a request that is measured as allowed is denied");
        }
    }
    let mut least = [f64::MAX; 4];
    // In turns, so that what else the machine does falls on all of them.
    for _ in 0..ROUNDS {
        let ours = |policies: &ApplicationPolicies| {
            micros(|| {
                for request in &requests {
                    black_box(policies.ask("erp", request, Vec::new));
                }
            })
        };
        let found = [ours(&ten), ours(&many), ours(&one_scope), micros(|| bare.ask())];
        least.iter_mut().zip(found).for_each(|(least, found)| *least = least.min(found));
    }
    let [ten, many, one_scope, bare] = least;
    eprintln!(
        "10 policies {ten:.1} us; 10,000 over many scopes {many:.1} us, built in {built:.1?}"
    );
    eprintln!("1,000 of one scope {one_scope:.1} us; Cedar alone with 10 {bare:.1} us");
    eprintln!("10,000 / 10: {:.2} (asked: 2)", many / ten);
    eprintln!("1,000 of one scope / 10: {:.2}", one_scope / ten);
    eprintln!("ours / Cedar alone: {:.2} (asked: 3)", ten / bare);
    Ok(())
}

/// Of one question.
fn micros(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e6 / ASKED_EACH_ROUND as f64
}

/// One in a hundred has no scope; the first hundredth of ten is none.
fn scoped(count: usize) -> String {
    let one = |nth: usize| {
        let head = match nth % 100 {
            99 => "principal, action, resource".to_owned(),
            _ if nth.is_multiple_of(3) => {
                format!("principal == user::\"u{nth}\", action, resource is record")
            }
            _ if nth % 3 == 1 => {
                format!("principal, action == Action::\"read\", resource == record::\"r{nth}\"")
            }
            _ => format!("principal is user, action, resource in record::\"r{nth}\""),
        };
        policy(nth, &head)
    };
    (0..count).map(one).collect()
}

fn sharing(count: usize) -> String {
    let head = "principal is user, action == Action::\"read\", resource is record";
    (0..count).map(|nth| policy(nth, head)).collect()
}

fn policy(nth: usize, head: &str) -> String {
    format!(
        "@id(\"p{nth}\") @reason(\"p.{nth}\") @outcome(\"deny\") @text(\"it is {nth}\")\n\
         forbid ({head}) when {{ principal.role == \"guest-{nth}\" && resource.status == \"closed\" \
         && principal.level < {nth} }};\n"
    )
}

fn compiled(cedar: &str) -> Result<ApplicationPolicies> {
    let policy = Policy {
        tenant: Some("erp".into()),
        cedar: cedar.to_owned(),
        schema: Some(SCHEMA.to_owned()),
    };
    let id = PolicyId::from("all");
    ApplicationPolicies::new([(&id, &policy)].into_iter())
        .map_err(|errors| anyhow::anyhow!("{errors:?}"))
}

fn request(nth: usize) -> Request {
    let record = |pairs: &[(&str, Value)]| -> Record {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    let text = |text: &str| Value::Text(text.to_owned());
    Request {
        subject: Entity {
            kind: "user".to_owned(),
            id: format!("u{nth}"),
            properties: record(&[("role", text("admin")), ("level", Value::Whole(3))]),
        },
        action: Named { name: "read".to_owned(), properties: Record::new() },
        resource: Entity {
            kind: "record".to_owned(),
            id: format!("r{nth}"),
            properties: record(&[("status", text("active")), ("region", text("eu"))]),
        },
        context: record(&[("hour", Value::Whole(9))]),
    }
}

/// Cedar with the same policies, and everything that it is asked built before.
struct Bare {
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Asked>,
}

impl Bare {
    fn new(cedar: &str) -> Result<Self> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA)?;
        let mut entities = Vec::new();
        let mut requests = Vec::new();
        for nth in 0..10 {
            let user = serde_json::json!({
                "uid": {"type": "user", "id": format!("u{nth}")}, "parents": [],
                "attrs": {"role": "admin", "level": 3},
            });
            let record = serde_json::json!({
                "uid": {"type": "record", "id": format!("r{nth}")}, "parents": [],
                "attrs": {"status": "active", "region": "eu"},
            });
            entities.extend([user, record]);
            let action = "Action::\"read\"".parse()?;
            let context = serde_json::json!({"request": {"hour": 9}});
            let context = Context::from_json_value(context, Some((&schema, &action)))?;
            let (user, record) =
                (format!("user::\"u{nth}\"").parse()?, format!("record::\"r{nth}\"").parse()?);
            requests.push(Asked::new(user, action, record, context, Some(&schema))?);
        }
        let entities = Entities::from_json_value(entities.into(), Some(&schema))?;
        let policies = cedar.parse().context("the policies are Cedar")?;
        Ok(Self { policies, entities, requests })
    }

    fn ask(&self) {
        let authorizer = Authorizer::new();
        for request in self.requests.iter().cycle().take(ASKED_EACH_ROUND) {
            black_box(authorizer.is_authorized(request, &self.policies, &self.entities));
        }
    }
}
