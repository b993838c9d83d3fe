//! The policies: those that come with the program and those a customer adds.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId,
    PolicySet, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};
use countersign_model::judgement::{Outcome, Reason};

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
}

/// All policies of a run, checked.
#[derive(Debug)]
pub struct Guardrails {
    policies: PolicySet,
    reasons: HashMap<PolicyId, Reason>,
    authorizer: Authorizer,
    identity: EntityTypeName,
    entitlement: EntityTypeName,
    action: EntityUid,
}

impl Guardrails {
    /// The guardrails that come with the program.
    ///
    /// # Errors
    /// None that a test would let pass.
    pub fn shipped() -> Result<Self, PolicyError> {
        Self::with(&[])
    }

    /// The shipped guardrails and more: `(file, Cedar text)`. A customer may add, never take away,
    /// so every added policy must be a `forbid`.
    ///
    /// # Errors
    /// `PolicyError` with the file, the policy and what would work.
    pub fn with(extra: &[(String, String)]) -> Result<Self, PolicyError> {
        let mut policies = PolicySet::new();
        let mut reasons = HashMap::new();
        for (file, text) in SHIPPED {
            add(&mut policies, &mut reasons, file, text, Added::Shipped)?;
        }
        for (file, text) in extra {
            add(&mut policies, &mut reasons, file, text, Added::ByCustomer)?;
        }
        let schema = |error: &dyn std::fmt::Display| PolicyError::Schema(error.to_string());
        let (known, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| schema(&error))?;
        let result = Validator::new(known).validate(&policies, ValidationMode::Strict);
        if let Some(error) = result.validation_errors().next() {
            return Err(schema(error));
        }
        let name = |name: &str| name.parse::<EntityTypeName>().map_err(|error| schema(&error));
        let action = EntityUid::from_type_name_and_id(name("Action")?, EntityId::new("use"));
        Ok(Self {
            policies,
            reasons,
            authorizer: Authorizer::new(),
            identity: name("Identity")?,
            entitlement: name("Entitlement")?,
            action,
        })
    }

    /// Every reason that the policies give, sorted; none if all is well. A policy that fails to
    /// evaluate, which Cedar skips, is a denial that names it.
    pub(crate) fn ask(
        &self,
        identity: &str,
        entitlement: &str,
        values: BTreeMap<&'static str, RestrictedExpression>,
    ) -> Vec<Reason> {
        let broken = |what: String| vec![policy_error(&what)];
        let pairs = values.into_iter().map(|(name, value)| (name.to_owned(), value));
        let context = match Context::from_pairs(pairs) {
            Ok(context) => context,
            Err(error) => return broken(error.to_string()),
        };
        let principal = EntityUid::from_type_name_and_id(self.identity.clone(), EntityId::new(identity));
        let resource = EntityUid::from_type_name_and_id(self.entitlement.clone(), EntityId::new(entitlement));
        let request = match Request::new(principal, self.action.clone(), resource, context, None) {
            Ok(request) => request,
            Err(error) => return broken(error.to_string()),
        };
        let response = self.authorizer.is_authorized(&request, &self.policies, &Entities::empty());
        let mut reasons: Vec<Reason> = match response.decision() {
            Decision::Allow => Vec::new(),
            Decision::Deny => response.diagnostics().reason().filter_map(|id| self.reasons.get(id).cloned()).collect(),
        };
        reasons.extend(response.diagnostics().errors().map(|error| policy_error(&error.to_string())));
        if reasons.is_empty() && response.decision() == Decision::Deny {
            reasons.push(policy_error("no policy permits anything"));
        }
        reasons.sort();
        reasons.dedup_by(|next, kept| next.code == kept.code);
        reasons
    }

    /// All reasons the policies can give, by code.
    pub fn reasons(&self) -> BTreeMap<&str, &Reason> {
        self.reasons.values().map(|reason| (reason.code.as_str(), reason)).collect()
    }
}

fn policy_error(what: &str) -> Reason {
    Reason {
        code: "policy.error".to_owned(),
        outcome: Outcome::Deny,
        text: format!("a policy could not be evaluated: {what}"),
        controls: vec!["PR.AA-05".to_owned()],
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Added {
    Shipped,
    ByCustomer,
}

fn add(
    policies: &mut PolicySet,
    reasons: &mut HashMap<PolicyId, Reason>,
    file: &str,
    text: &str,
    by: Added,
) -> Result<(), PolicyError> {
    let form = |what: String| PolicyError::Form { file: file.to_owned(), what };
    let set: PolicySet = text.parse().map_err(|error: cedar_policy::ParseErrors| form(error.to_string()))?;
    for policy in set.policies() {
        let annotation = |name: &str| policy.annotation(name).unwrap_or("").to_owned();
        let id = annotation("id");
        let fault = |what: &str| PolicyError::Annotation {
            file: file.to_owned(),
            policy: if id.is_empty() { policy.id().to_string() } else { id.clone() },
            what: what.to_owned(),
        };
        let is_forbid = policy.effect() == cedar_policy::Effect::Forbid;
        if by == Added::ByCustomer && !is_forbid {
            return Err(fault("permits: an added policy may only forbid"));
        }
        let reason = reason(policy, &annotation, &fault)?;
        if id.is_empty() {
            return Err(fault("has no @id: give it one that no other policy has"));
        }
        let named = policy.new_id(PolicyId::new(&id));
        policies.add(named).map_err(|_| fault("has the @id of another policy"))?;
        if is_forbid {
            reasons.insert(PolicyId::new(&id), reason);
        }
    }
    Ok(())
}

fn reason(
    policy: &Policy,
    annotation: &dyn Fn(&str) -> String,
    fault: &dyn Fn(&str) -> PolicyError,
) -> Result<Reason, PolicyError> {
    let outcome = annotation("outcome");
    let outcome = Outcome::ALL
        .into_iter()
        .find(|known| known.as_str() == outcome)
        .filter(|known| (*known == Outcome::Allow) == (policy.effect() == cedar_policy::Effect::Permit))
        .ok_or_else(|| fault("needs @outcome(\"deny\"), (\"unknown\") or (\"step_up\")"))?;
    let code = annotation("reason");
    let is_code = |code: &str| {
        !code.is_empty()
            && code.len() <= CODE_BYTES_MAX
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    if !is_code(&code) {
        return Err(fault("needs @reason(\"noun.state\") of 1 to 64 letters, digits, `.`, `_` or `-`"));
    }
    let text = annotation("text");
    if text.is_empty() {
        return Err(fault("needs @text(\"what is the case, as a sentence without a full stop\")"));
    }
    // `GOVERN 1.7` has a space of its own: a word that begins with a digit belongs to the one before.
    let mut controls: Vec<String> = Vec::new();
    for word in annotation("controls").split_whitespace() {
        match controls.last_mut() {
            Some(last) if word.starts_with(|first: char| first.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => controls.push(word.to_owned()),
        }
    }
    Ok(Reason { code, outcome, text, controls })
}
