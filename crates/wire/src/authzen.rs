//! The bodies of the OpenID AuthZEN Authorization API 1.0.
//!
//! What is not known in a request is ignored (section 5); what is missing or of another type is a
//! mistake that names its place. Answers carry what Countersign has to say in `context`.

mod search;

use countersign_app::{Action, Decision, Levels, Question, Reason, Thing, Why, time_text};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

pub use self::search::{search, search_answer};

/// Evaluations in one request, at most.
pub const EVALUATIONS_MAX: usize = 256;

/// What is wrong with a request, as its answer says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake(pub String);

fn mistake<T>(text: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake(text.into()))
}

/// How several are answered (section 7.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// One question, or several with what they share filled in.
#[derive(Debug)]
pub enum Evaluations {
    One(Box<Question>),
    Several { each: Vec<Result<Question, Mistake>>, semantics: Semantics },
}

/// Reads a body, which must be a JSON object.
pub fn object(bytes: &[u8]) -> Result<Map<String, Json>, Mistake> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return mistake("the body is empty; send a JSON object with subject, action and resource");
    }
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(body)) => Ok(body),
        Ok(_) => mistake("the body is not a JSON object"),
        Err(error) => mistake(format!("the body is not JSON: {error}")),
    }
}

/// The body of `/access/v1/evaluation`.
pub fn evaluation(mut body: Map<String, Json>) -> Result<Question, Mistake> {
    let mut take = |name: &str| body.remove(name);
    question(take("subject"), take("action"), take("resource"), take("context"))
}

/// The body of `/access/v1/evaluations`: without `evaluations`, one question (section 7.1).
pub fn evaluations(mut body: Map<String, Json>) -> Result<Evaluations, Mistake> {
    let items = match body.remove("evaluations") {
        None => Vec::new(),
        Some(Json::Array(items)) => items,
        Some(_) => return mistake("`evaluations` is not an array"),
    };
    if items.is_empty() {
        return evaluation(body).map(|question| Evaluations::One(Box::new(question)));
    }
    if items.len() > EVALUATIONS_MAX {
        return mistake(format!(
            "more than {EVALUATIONS_MAX} evaluations; ask in several requests"
        ));
    }
    let semantics = semantics(body.get("options"))?;
    let shared = |item: &mut Map<String, Json>, name: &str| {
        item.remove(name).or_else(|| body.get(name).cloned())
    };
    let each = items.into_iter().map(|item| match item {
        Json::Object(mut item) => {
            let [subject, action, resource, context] =
                ["subject", "action", "resource", "context"].map(|name| shared(&mut item, name));
            question(subject, action, resource, context)
        }
        _ => mistake("an evaluation is a JSON object"),
    });
    Ok(Evaluations::Several { each: each.collect(), semantics })
}

fn semantics(options: Option<&Json>) -> Result<Semantics, Mistake> {
    let Some(options) = options else { return Ok(Semantics::ExecuteAll) };
    let Json::Object(options) = options else { return mistake("`options` is not an object") };
    match options.get("evaluations_semantic") {
        None => Ok(Semantics::ExecuteAll),
        Some(Json::String(text)) => match text.as_str() {
            "execute_all" => Ok(Semantics::ExecuteAll),
            "deny_on_first_deny" => Ok(Semantics::DenyOnFirstDeny),
            "permit_on_first_permit" => Ok(Semantics::PermitOnFirstPermit),
            _ => mistake(
                "`evaluations_semantic` is execute_all, deny_on_first_deny or \
                 permit_on_first_permit",
            ),
        },
        Some(_) => mistake("`evaluations_semantic` is not a text"),
    }
}

fn question(
    subject: Option<Json>,
    action: Option<Json>,
    resource: Option<Json>,
    context: Option<Json>,
) -> Result<Question, Mistake> {
    Ok(Question {
        subject: thing("subject", subject, Needs::Id)?,
        action: named(action)?,
        resource: thing("resource", resource, Needs::Id)?,
        context: map("context", context)?,
    })
}

/// Whether an entity must be named, or is what is searched for, whose id is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Id,
    Type,
}

pub(crate) fn thing(name: &str, value: Option<Json>, needs: Needs) -> Result<Thing, Mistake> {
    let mut value = object_of(name, value)?;
    let kind = text(name, "type", value.remove("type"))?;
    let id = match needs {
        Needs::Id => text(name, "id", value.remove("id"))?,
        Needs::Type => String::new(),
    };
    let properties = map(&format!("{name}.properties"), value.remove("properties"))?;
    Ok(Thing { kind, id, properties })
}

pub(crate) fn named(value: Option<Json>) -> Result<Action, Mistake> {
    let mut value = object_of("action", value)?;
    let name = text("action", "name", value.remove("name"))?;
    let properties = map("action.properties", value.remove("properties"))?;
    Ok(Action { name, properties })
}

fn object_of(name: &str, value: Option<Json>) -> Result<Map<String, Json>, Mistake> {
    match value {
        Some(Json::Object(map)) => Ok(map),
        Some(_) => mistake(format!("`{name}` is not an object")),
        None => mistake(format!("`{name}` is missing")),
    }
}

pub(crate) fn map(name: &str, value: Option<Json>) -> Result<Map<String, Json>, Mistake> {
    match value {
        Some(Json::Object(map)) => Ok(map),
        None | Some(Json::Null) => Ok(Map::new()),
        Some(_) => mistake(format!("`{name}` is not an object")),
    }
}

fn text(of: &str, name: &str, value: Option<Json>) -> Result<String, Mistake> {
    match value {
        Some(Json::String(text)) if !text.is_empty() => Ok(text),
        Some(Json::String(_)) => mistake(format!("`{of}.{name}` is empty")),
        Some(_) => mistake(format!("`{of}.{name}` is not a text")),
        None => mistake(format!("`{of}.{name}` is missing")),
    }
}

/// One decision as an answer: the decision, and in its context why, by what, and for how long.
pub fn answer(decision: &Decision) -> Vec<u8> {
    written(&Answer { decision: decision.allowed, context: Said::new(decision) })
}

/// In place of a decision, where one of several questions could not be read (section 7.1.2.2).
pub fn item_mistake(mistake: &Mistake) -> Vec<u8> {
    let error = json!({"status": 400, "message": mistake.0});
    json!({"decision": false, "context": {"error": error}}).to_string().into_bytes()
}

/// Several answers, each as it was written.
pub fn evaluations_answer(answers: &[Vec<u8>]) -> Vec<u8> {
    let mut body = b"{\"evaluations\":[".to_vec();
    body.extend(answers.join(&b','));
    body.extend_from_slice(b"]}");
    body
}

fn written(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers can always be written")
}

#[derive(Serialize)]
struct Answer<'a> {
    decision: bool,
    context: Said<'a>,
}

/// What a decision says of itself. Codes are for whoever was refused, texts for who looks after it.
#[derive(Serialize)]
struct Said<'a> {
    evidence_id: String,
    mode: &'static str,
    outcome: &'static str,
    /// Seconds for which the answer may be kept.
    max_age: u64,
    reasons: Vec<Why<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_admin: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_user: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sponsor: Option<&'a str>,
    assurance: Assured<'a>,
    obligations: Vec<Json>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    exceptions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    acr_values: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr_values: Option<String>,
}

#[derive(Serialize)]
struct Assured<'a> {
    required: Option<Levels>,
    accepted: Levels,
    accepted_by: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn new(decision: &'a Decision) -> Self {
        let judged = &decision.judgement;
        let told = |text: fn(&Reason) -> &str, separator: &str| {
            let all: Vec<&str> = judged.reasons.iter().map(text).collect();
            (!all.is_empty()).then(|| all.join(separator))
        };
        let admin = told(|reason| &reason.text, "; ");
        let user = told(|reason| &reason.code, " ");
        Self {
            evidence_id: decision.id.to_string(),
            mode: decision.mode.as_str(),
            outcome: judged.outcome.as_str(),
            max_age: decision.max_age,
            reasons: judged.reasons.iter().map(Why::from).collect(),
            reason_admin: admin.map(|text| json!({"en": text})),
            reason_user: user.map(|text| json!({"en-403": text})),
            grant: judged.grant.as_deref(),
            sponsor: judged.sponsor.as_deref(),
            assurance: Assured {
                required: judged.required.map(Levels::from),
                accepted: judged.accepted.into(),
                accepted_by: judged.accepted_by.as_deref(),
            },
            obligations: obligations(decision),
            exceptions: &judged.exceptions,
            acr_values: sufficient(decision, "acr"),
            amr_values: sufficient(decision, "amr"),
        }
    }
}

/// Claims that would suffice, separated by spaces as in RFC 9470, section 4.
pub fn sufficient(decision: &Decision, namespace: &str) -> Option<String> {
    let all = decision.would_suffice.iter().filter(|(known, _)| known == namespace);
    let all: Vec<&str> = all.map(|(_, value)| value.as_str()).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// What the application must see to if it lets the access happen.
fn obligations(decision: &Decision) -> Vec<Json> {
    let end = decision.ends().filter(|_| decision.allowed);
    end.map(|at| json!({"id": "end_by", "at": time_text(at)})).into_iter().collect()
}

/// The metadata of the decision point (section 9.1), under an address without a slash at its end. An
/// application may be told of it as a decision point of its own; where it asks is the same: its key
/// says which tenant it is. There are no registered capabilities beyond the standard, so none is said.
pub fn metadata(base: &str, tenant: Option<&str>) -> Json {
    let own = tenant.map(|tenant| format!("{base}/{tenant}"));
    json!({
        "policy_decision_point": own.as_deref().unwrap_or(base),
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
    })
}
