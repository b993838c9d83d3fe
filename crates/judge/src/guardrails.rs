//! The policies: those that come with the program and those a customer adds.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, EntityUid, Policy, PolicyId, PolicySet,
    Request, Schema, ValidationMode, Validator,
};
use countersign_model::id::{PolicyId as DocumentId, TenantId};
use countersign_model::judgement::{Access, Outcome, Reason};
use countersign_model::register::Policy as Own;
use serde_json::json;

use crate::application::ApplicationPolicies;
use crate::shape::{Readings, Remembered};
use crate::values::{Attribute, Values};

const SCHEMA: &str = include_str!("../policies/guardrails.cedarschema");

const SHIPPED: &[(&str, &str)] = &[
    ("base", include_str!("../policies/base.cedar")),
    ("identity", include_str!("../policies/identity.cedar")),
    ("organization", include_str!("../policies/organization.cedar")),
    ("reseller", include_str!("../policies/reseller.cedar")),
    ("trust_path", include_str!("../policies/trust_path.cedar")),
    ("credential", include_str!("../policies/credential.cedar")),
    ("grant", include_str!("../policies/grant.cedar")),
    ("sponsor", include_str!("../policies/sponsor.cedar")),
    ("review", include_str!("../policies/review.cedar")),
    ("assurance", include_str!("../policies/assurance.cedar")),
    ("shared", include_str!("../policies/shared.cedar")),
    ("machine", include_str!("../policies/machine.cedar")),
    ("agent", include_str!("../policies/agent.cedar")),
    ("through", include_str!("../policies/through.cedar")),
];

/// The longest text of a code, as the ledger takes it.
const CODE_BYTES_MAX: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("`{file}` is no set of Cedar policies: {what}")]
    Form { file: String, what: String },
    #[error("policy `{policy}` of `{file}` {what}")]
    Annotation { file: String, policy: String, what: String },
    #[error("the policies do not fit the schema: {0}")]
    Schema(String),
    #[error("`{file}` and its schema do not fit: {what}")]
    Types { file: String, what: String },
}

impl PolicyError {
    /// A policy without an `@id` goes by the parser's number.
    pub(crate) fn of(file: &str, policy: &Policy, what: &str) -> Self {
        let id = policy.annotation("id").filter(|id| !id.is_empty());
        Self::Annotation {
            file: file.to_owned(),
            policy: id.map_or_else(|| policy.id().to_string(), str::to_owned),
            what: what.to_owned(),
        }
    }
}

/// All policies of a run, checked.
#[derive(Debug)]
pub struct Guardrails {
    policies: PolicySet,
    reasons: HashMap<PolicyId, Reason>,
    schema: Schema,
    authorizer: Authorizer,
    request: Asked,
    readings: Readings,
    remembered: Remembered,
    applications: ApplicationPolicies,
    /// Names and texts, in order: what judgements are by.
    texts: Vec<(String, String)>,
}

/// The fixed part of each request: everything that differs is in its context.
#[derive(Debug)]
struct Asked {
    principal: EntityUid,
    action: EntityUid,
    resource: EntityUid,
}

impl Guardrails {
    /// The guardrails that come with the program.
    pub fn shipped() -> Self {
        Self::with(&[]).expect("a test loads the policies that are compiled in")
    }

    /// The shipped guardrails and more: `(name, Cedar text)`. A customer may add, never take away,
    /// so every added policy must be a `forbid`.
    ///
    /// # Errors
    /// `PolicyError` with the name, the policy and what would work.
    pub fn with(extra: &[(String, String)]) -> Result<Self, PolicyError> {
        Self::of(extra, std::iter::empty())
    }

    /// The same, and those of a register that have no schema: they read what guardrails read, and where
    /// one names a tenant it is about that tenant alone.
    ///
    /// # Errors
    /// `PolicyError` with the name, the policy and what would work.
    pub fn of<'a>(
        extra: &[(String, String)],
        own: impl Iterator<Item = (&'a DocumentId, &'a Own)>,
    ) -> Result<Self, PolicyError> {
        let fault = |error: &dyn std::fmt::Display| PolicyError::Schema(error.to_string());
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| fault(&error))?;
        let uid = |text: &str| text.parse::<EntityUid>().map_err(|error| fault(&error));
        let request = Asked {
            principal: uid("Identity::\"it\"")?,
            action: uid("Action::\"use\"")?,
            resource: uid("Entitlement::\"it\"")?,
        };
        let mut guardrails = Self {
            policies: PolicySet::new(),
            reasons: HashMap::new(),
            schema,
            authorizer: Authorizer::new(),
            request,
            readings: Readings::default(),
            remembered: Remembered::default(),
            applications: ApplicationPolicies::default(),
            texts: Vec::new(),
        };
        for (file, text) in SHIPPED {
            guardrails.add(file, text, Origin::Shipped)?;
        }
        for (file, text) in extra {
            guardrails.add(file, text, Origin::Added(None))?;
        }
        for (id, policy) in own.filter(|(_, policy)| policy.schema.is_none()) {
            let tenant = policy.tenant.as_ref().map(TenantId::as_str);
            guardrails.add(id.as_str(), &policy.cedar, Origin::Added(tenant))?;
        }
        let validator = Validator::new(guardrails.schema.clone());
        let result = validator.validate(&guardrails.policies, ValidationMode::Strict);
        match result.validation_errors().next() {
            Some(error) => Err(fault(error)),
            None => Ok(guardrails),
        }
    }

    /// The same, and what an application's own policies say of what it asks.
    #[must_use]
    pub fn and(self, applications: ApplicationPolicies) -> Self {
        Self { applications, ..self }
    }

    /// Whether an application's own policies are asked for a tenant.
    pub fn asks_of(&self, tenant: &str) -> bool {
        !self.applications.is_empty(tenant)
    }

    /// All reasons the policies can give, one for each code, sorted.
    pub fn reasons(&self) -> Vec<Reason> {
        one_for_each_code(self.reasons.values().cloned().collect())
    }

    /// The schema and each policy file with its name, in order: what a version of them is made of.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        std::iter::once(("schema", SCHEMA)).chain(all)
    }

    /// A customer's policy reads the name of the resource, or its presence.
    pub(crate) fn reads_resources(&self) -> bool {
        self.readings.reads(Attribute::Resource)
    }

    /// A customer's policy reads the clock, beyond comparing it with a fact.
    pub(crate) fn compares_times(&self) -> bool {
        self.readings.reads_value(Attribute::At)
    }

    /// Every reason of all policies: those that read plain facts, and the application's own.
    pub(crate) fn reasons_against(&self, values: &Values<'_>, access: &Access<'_>) -> Vec<Reason> {
        let mut reasons = self.ask(values).to_vec();
        if let Some(request) = access.request.filter(|_| self.asks_of(access.tenant)) {
            let facts = || values.expressions().collect();
            reasons.extend(self.applications.ask(access.tenant, request, facts));
            reasons = one_for_each_code(reasons);
        }
        reasons
    }

    /// Every reason that the policies give, sorted; none if all is well. A policy that fails to
    /// evaluate, which Cedar skips, is a denial that names it.
    pub(crate) fn ask(&self, values: &Values<'_>) -> Arc<[Reason]> {
        let shape = self.readings.shape(values);
        if let Some(known) = self.remembered.get(&shape) {
            return known;
        }
        let reasons: Arc<[Reason]> = match self.request(values) {
            Ok(request) => self.reasons_of(&request).into(),
            Err(what) => vec![policy_error(what)].into(),
        };
        self.remembered.keep(shape, &reasons);
        reasons
    }

    fn reasons_of(&self, request: &Request) -> Vec<Reason> {
        let response = self.authorizer.is_authorized(request, &self.policies, &Entities::empty());
        let diagnostics = response.diagnostics();
        let mut reasons: Vec<Reason> = diagnostics
            .reason()
            .filter_map(|id| self.reasons.get(id).cloned())
            .chain(diagnostics.errors().map(|error| policy_error(error.to_string())))
            .collect();
        if reasons.is_empty() && response.decision() == Decision::Deny {
            reasons.push(policy_error("no policy permits anything".to_owned()));
        }
        one_for_each_code(reasons)
    }

    fn request(&self, values: &Values<'_>) -> Result<Request, String> {
        let pairs = values.expressions().map(|(name, value)| (name.to_owned(), value));
        let context = Context::from_pairs(pairs).map_err(|error| error.to_string())?;
        let Asked { principal, action, resource } = &self.request;
        let (principal, action, resource) = (principal.clone(), action.clone(), resource.clone());
        Request::new(principal, action, resource, context, Some(&self.schema))
            .map_err(|error| error.to_string())
    }

    fn add(&mut self, file: &str, text: &str, origin: Origin<'_>) -> Result<(), PolicyError> {
        let form = |what: String| PolicyError::Form { file: file.to_owned(), what };
        let set: PolicySet =
            text.parse().map_err(|error: cedar_policy::ParseErrors| form(error.to_string()))?;
        if set.templates().next().is_some() {
            return Err(form("a template forbids nothing: write the policy out".to_owned()));
        }
        for policy in set.policies() {
            match origin {
                Origin::Added(Some(tenant)) => {
                    let scoped = about(tenant, policy).map_err(form)?;
                    self.add_policy(file, &scoped, origin)?;
                }
                Origin::Shipped | Origin::Added(None) => self.add_policy(file, policy, origin)?,
            }
        }
        self.texts.push((file.to_owned(), text.to_owned()));
        Ok(())
    }

    fn add_policy(
        &mut self,
        file: &str,
        policy: &Policy,
        origin: Origin<'_>,
    ) -> Result<(), PolicyError> {
        let fault = |what: &str| PolicyError::of(file, policy, what);
        let id = id_of(file, policy)?;
        let is_forbid = policy.effect() == Effect::Forbid;
        if matches!(origin, Origin::Added(_)) && !is_forbid {
            return Err(fault("permits: an added policy may only forbid"));
        }
        self.readings.add(policy);
        if is_forbid {
            self.reasons.insert(PolicyId::new(id), reason(policy, &fault)?);
        }
        let named = policy.new_id(PolicyId::new(id));
        self.policies.add(named).map_err(|_| fault("has the @id of another policy"))
    }
}

/// Several policies may have one reason: the gravest outcome counts, so that an added policy cannot
/// soften a shipped one, and all they say is said.
pub(crate) fn one_for_each_code(mut reasons: Vec<Reason>) -> Vec<Reason> {
    reasons.sort();
    reasons.dedup();
    let mut merged: Vec<Reason> = Vec::with_capacity(reasons.len());
    for reason in reasons {
        match merged.last_mut().filter(|last| last.code == reason.code) {
            Some(last) => {
                last.outcome = last.outcome.max(reason.outcome);
                last.text = format!("{}; {}", last.text, reason.text);
                let more = reason.controls.into_iter();
                let more: Vec<_> = more.filter(|more| !last.controls.contains(more)).collect();
                last.controls.extend(more);
            }
            None => merged.push(reason),
        }
    }
    merged
}

pub(crate) fn policy_error(what: String) -> Reason {
    Reason {
        code: "policy.error".to_owned(),
        outcome: Outcome::Deny,
        text: format!("a policy could not be evaluated: {what}"),
        controls: vec!["PR.AA-05".to_owned()],
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin<'a> {
    Shipped,
    /// By a customer; for one tenant, or for all.
    Added(Option<&'a str>),
}

/// A policy with one more condition before its own: that it is this tenant.
fn about(tenant: &str, policy: &Policy) -> Result<Policy, String> {
    let mut written = policy.to_json().map_err(|error| error.to_string())?;
    let is_it = json!({"kind": "when", "body": {"==": {
        "left": {".": {"left": {"Var": "context"}, "attr": "tenant"}},
        "right": {"Value": tenant},
    }}});
    if let Some(conditions) = written["conditions"].as_array_mut() {
        conditions.insert(0, is_it);
    }
    Policy::from_json(Some(policy.id().clone()), written).map_err(|error| error.to_string())
}

/// The `@id` that a policy must have.
pub(crate) fn id_of<'a>(file: &str, policy: &'a Policy) -> Result<&'a str, PolicyError> {
    policy.annotation("id").filter(|id| !id.is_empty()).ok_or_else(|| {
        PolicyError::of(file, policy, "has no @id: give it one that no other policy has")
    })
}

pub(crate) fn reason(
    policy: &Policy,
    fault: &dyn Fn(&str) -> PolicyError,
) -> Result<Reason, PolicyError> {
    let annotation = |name: &str| policy.annotation(name).unwrap_or("");
    let outcome = Outcome::ALL
        .into_iter()
        .find(|known| known.as_str() == annotation("outcome"))
        .filter(|known| *known != Outcome::Allow)
        .ok_or_else(|| fault("needs @outcome(\"deny\"), (\"unknown\") or (\"step_up\")"))?;
    let code = annotation("reason");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if code.is_empty() || code.len() > CODE_BYTES_MAX || !code.bytes().all(is_plain) {
        let what = "needs @reason(\"noun.state\") of 1 to 64 letters, digits, `.`, `_` or `-`";
        return Err(fault(what));
    }
    let text = annotation("text");
    if text.is_empty() {
        return Err(fault("needs @text(\"what is the case, as a sentence without a full stop\")"));
    }
    let controls = controls(annotation("controls"));
    Ok(Reason { code: code.to_owned(), outcome, text: text.to_owned(), controls })
}

/// `GOVERN 1.7` has a space of its own: a word that begins with a digit belongs to the one before.
fn controls(text: &str) -> Vec<String> {
    let mut controls: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match controls.last_mut() {
            Some(last) if word.starts_with(|first: char| first.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => controls.push(word.to_owned()),
        }
    }
    controls
}

#[cfg(test)]
mod tests;
