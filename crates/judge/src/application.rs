//! Policies of the company's own about an application's own types: who may do what to what, in the
//! words in which the application asks.
//!
//! Cedar's time is linear in the policies it is handed, so it is handed few: [`index`] keeps them by
//! the heads of their scopes and asks many conditions at once. What is asked is built here from the
//! request and the schema, by [`types`], so that nothing reaches a policy that its schema does not
//! declare, and a request that lacks what the schema demands is refused rather than half understood.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Effect, Policy as Cedar, PolicyId as CedarId, PolicySet, RestrictedExpression,
    ValidationMode, Validator,
};
use countersign_model::id::PolicyId;
use countersign_model::judgement::{Outcome, Reason, Request};
use countersign_model::register::Policy;

use self::index::Index;
use self::place::placed;
use self::types::Types;
use crate::guardrails::{PolicyError, id_of, one_for_each_code, policy_error, reason};

mod index;
mod place;
mod types;

/// What a policy may read of our own facts: pairs of the names of `guardrails.cedarschema`.
pub type AccessFacts = Vec<(&'static str, RestrictedExpression)>;

/// All policies that have a schema, checked.
#[derive(Debug, Default)]
pub struct ApplicationPolicies {
    /// By tenant; those of `None` are about every tenant. One for each schema.
    domains: BTreeMap<Option<String>, Vec<Domain>>,
    reasons: HashMap<CedarId, Reason>,
}

/// The policies of one tenant that read the same types.
#[derive(Debug)]
struct Domain {
    types: Arc<Types>,
    index: Index,
}

/// Those that were read so far.
#[derive(Default)]
struct Reading {
    types: HashMap<String, Arc<Types>>,
    domains: BTreeMap<(Option<String>, String), Vec<Cedar>>,
    /// Which document has an id.
    ids: HashMap<String, String>,
    reasons: HashMap<CedarId, Reason>,
    errors: Vec<PolicyError>,
}

impl ApplicationPolicies {
    /// The policies of those documents that have a schema; the others are for
    /// [`Guardrails::with`](crate::Guardrails::with), and count here only for their ids.
    ///
    /// # Errors
    /// Everything that is wrong, document by document; `file` is the id of the document.
    pub fn new<'a>(
        policies: impl Iterator<Item = (&'a PolicyId, &'a Policy)>,
    ) -> Result<Self, Vec<PolicyError>> {
        let mut reading = Reading::default();
        for (id, policy) in policies {
            reading.document(id.as_str(), policy);
        }
        if !reading.errors.is_empty() {
            return Err(reading.errors);
        }
        let mut domains: BTreeMap<Option<String>, Vec<Domain>> = BTreeMap::new();
        for ((tenant, schema), policies) in reading.domains {
            let Some(types) = reading.types.get(&schema) else { continue };
            let index = Index::new(types, &policies);
            domains.entry(tenant).or_default().push(Domain { types: Arc::clone(types), index });
        }
        Ok(Self { domains, reasons: reading.reasons })
    }

    /// Whether nothing is ever asked for this tenant.
    pub fn is_empty(&self, tenant: &str) -> bool {
        self.of(tenant).next().is_none()
    }

    /// All reasons the policies can give, one for each code, sorted.
    pub fn reasons(&self) -> Vec<Reason> {
        one_for_each_code(self.reasons.values().cloned().collect())
    }

    /// Every reason that the policies of a tenant give, one for each code, sorted; none if all is
    /// well. A request that does not fit a schema is denied by `policy.request`, and a policy that
    /// fails to evaluate denies by `policy.error`.
    ///
    /// `access` is asked for our own facts at most once, and only if a policy may read them.
    pub fn ask(
        &self,
        tenant: &str,
        request: &Request,
        access: impl Fn() -> AccessFacts,
    ) -> Vec<Reason> {
        let facts = OnceCell::new();
        let facts = || facts.get_or_init(&access).clone();
        let mut reasons = Vec::new();
        for domain in self.of(tenant) {
            match domain.types.question(request, &facts) {
                Ok(question) => {
                    let authorizer = Authorizer::new();
                    domain.index.ask(&authorizer, &question, &mut |id| {
                        reasons.extend(match id {
                            Ok(id) => self.reasons.get(id).cloned(),
                            Err(what) => Some(policy_error(what)),
                        });
                    });
                }
                Err(faults) => reasons.push(does_not_fit(&faults)),
            }
        }
        one_for_each_code(reasons)
    }

    fn of(&self, tenant: &str) -> impl Iterator<Item = &Domain> {
        let own = self.domains.get(&Some(tenant.to_owned()));
        self.domains.get(&None).into_iter().chain(own).flatten()
    }
}

fn does_not_fit(faults: &[String]) -> Reason {
    Reason {
        code: "policy.request".to_owned(),
        outcome: Outcome::Deny,
        text: format!("the request does not fit the policies of the tenant: {}", faults.join("; ")),
        controls: vec!["PR.AA-05".to_owned()],
    }
}

impl Reading {
    fn document(&mut self, file: &str, document: &Policy) {
        let form = |what: String| PolicyError::Form { file: file.to_owned(), what };
        let set: PolicySet = match document.cedar.parse() {
            Ok(set) => set,
            Err(error) => {
                let error: cedar_policy::ParseErrors = error;
                return self.errors.push(form(placed(&document.cedar, &error)));
            }
        };
        let Some(schema) = &document.schema else {
            for policy in set.policies() {
                if let Some(id) = policy.annotation("id") {
                    self.take_id(file, id);
                }
            }
            return;
        };
        if set.templates().next().is_some() {
            let what = "a template forbids nothing: write the policy out".to_owned();
            return self.errors.push(form(what));
        }
        let types = match self.types.get(schema) {
            Some(types) => Arc::clone(types),
            None => match Types::new(schema) {
                Ok(types) => Arc::new(types),
                Err(what) => {
                    let file = file.to_owned();
                    return self.errors.push(PolicyError::Types { file, what });
                }
            },
        };
        self.types.insert(schema.clone(), Arc::clone(&types));
        let tenant = document.tenant.as_ref().map(ToString::to_string);
        let mut named = PolicySet::new();
        // In the order of the text, so that mistakes are told in it.
        let mut policies: Vec<&Cedar> = set.policies().collect();
        policies.sort_by_key(|policy| number(policy.id()));
        for policy in policies {
            match self.policy(file, policy) {
                Ok(policy) => {
                    let domain = self.domains.entry((tenant.clone(), schema.clone())).or_default();
                    domain.push(policy.clone());
                    // An id that is there twice was told already.
                    let _ = named.add(policy);
                }
                Err(error) => self.errors.push(error),
            }
        }
        let validator = Validator::new(types.schema().clone());
        let result = validator.validate(&named, ValidationMode::Strict);
        let wrong = result.validation_errors().map(|error| PolicyError::Types {
            file: file.to_owned(),
            what: placed(&document.cedar, error),
        });
        self.errors.extend(wrong);
    }

    fn policy(&mut self, file: &str, policy: &Cedar) -> Result<Cedar, PolicyError> {
        let fault = |what: &str| PolicyError::of(file, policy, what);
        let id = id_of(file, policy)?;
        if policy.effect() != Effect::Forbid {
            return Err(fault("permits: an added policy may only forbid"));
        }
        let reason = reason(policy, &fault)?;
        if !matches!(reason.outcome, Outcome::Deny | Outcome::StepUp) {
            return Err(fault("needs @outcome(\"deny\") or (\"step_up\")"));
        }
        self.take_id(file, id);
        let id = CedarId::new(id);
        self.reasons.insert(id.clone(), reason);
        Ok(policy.new_id(id))
    }

    fn take_id(&mut self, file: &str, id: &str) {
        if let Some(other) = self.ids.insert(id.to_owned(), file.to_owned()) {
            self.errors.push(PolicyError::Annotation {
                file: file.to_owned(),
                policy: id.to_owned(),
                what: format!("has the @id of another policy, of `{other}`"),
            });
        }
    }
}

/// The parser calls the policies of a text `policy0`, `policy1` and so on.
fn number(id: &CedarId) -> usize {
    let id: &str = id.as_ref();
    id.strip_prefix("policy").and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
