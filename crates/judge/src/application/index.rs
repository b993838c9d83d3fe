//! Policies by the heads of their scopes, and many conditions asked at once.
//!
//! A request names one principal, one action and one resource, and nobody has parents, so `in` is
//! `==`: each policy belongs to the one bucket of its heads (to one for each action that a group of
//! actions has), and a request reads at most eighteen. In a bucket up to [`TOGETHER_MAX`] policies
//! are asked as one, `when { A || B || … }`. If that neither holds nor fails, none of them does; else
//! they are asked one by one, and so the reasons are those that each of them gives.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{
    ActionConstraint, Authorizer, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    PrincipalConstraint, ResourceConstraint,
};
use serde_json::{Value as Json, json};

use super::types::{Question, Types};

/// As many are asked as one: of a larger one more would be asked again when it holds.
const TOGETHER_MAX: usize = 64;

/// What a scope says of the principal or the resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Head {
    Any,
    /// Of the type, by its number.
    Type(usize),
    One(usize, String),
}

/// The number of an action, or any; principal; resource.
type Key = (Option<usize>, Head, Head);

#[derive(Debug)]
pub(super) struct Index {
    buckets: HashMap<Key, Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// One policy for each of `singles`, whose place is its id.
    together: PolicySet,
    singles: Vec<PolicySet>,
}

impl Index {
    pub fn new(types: &Types, policies: &[Policy]) -> Self {
        let mut by_key: BTreeMap<Key, Vec<&Policy>> = BTreeMap::new();
        for policy in policies {
            let (Some(principal), Some(resource)) =
                (principal_head(types, policy), resource_head(types, policy))
            else {
                // `is T in U::"…"` holds of nobody without parents.
                continue;
            };
            for action in actions(types, policy) {
                let key = (action, principal.clone(), resource.clone());
                by_key.entry(key).or_default().push(policy);
            }
        }
        let bucket = |(key, policies): (Key, Vec<&Policy>)| (key, Bucket::new(&policies));
        Self { buckets: by_key.into_iter().map(bucket).collect() }
    }

    /// Tells each policy that forbids, and what kept one from being evaluated.
    pub fn ask(
        &self,
        authorizer: &Authorizer,
        question: &Question,
        tell: &mut dyn FnMut(Result<&PolicyId, String>),
    ) {
        for action in [None, Some(question.action)] {
            for principal in &question.principal {
                for resource in &question.resource {
                    let key = (action, principal.clone(), resource.clone());
                    if let Some(bucket) = self.buckets.get(&key) {
                        bucket.ask(authorizer, question, tell);
                    }
                }
            }
        }
    }
}

impl Bucket {
    fn new(policies: &[&Policy]) -> Self {
        let mut bucket = Self::default();
        for (nth, some) in policies.chunks(TOGETHER_MAX).enumerate() {
            let id = PolicyId::new(nth.to_string());
            let together = match some {
                [one] => one.new_id(id),
                some => match together(some, id.clone()) {
                    Some(together) => together,
                    // Always asked one by one, then.
                    None => {
                        match Policy::parse(Some(id), "forbid (principal, action, resource);") {
                            Ok(policy) => policy,
                            Err(_) => continue,
                        }
                    }
                },
            };
            let mut singles = PolicySet::new();
            for policy in some {
                // The ids are unique over all documents.
                let _ = singles.add((*policy).clone());
            }
            let _ = bucket.together.add(together);
            bucket.singles.push(singles);
        }
        bucket
    }

    fn ask(
        &self,
        authorizer: &Authorizer,
        question: &Question,
        tell: &mut dyn FnMut(Result<&PolicyId, String>),
    ) {
        let Question { request, entities, .. } = question;
        let response = authorizer.is_authorized(request, &self.together, entities);
        let diagnostics = response.diagnostics();
        let failed = diagnostics.errors().map(|error| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        });
        for id in diagnostics.reason().chain(failed) {
            let id: &str = id.as_ref();
            let Some(singles) = id.parse().ok().and_then(|nth: usize| self.singles.get(nth)) else {
                continue;
            };
            let response = authorizer.is_authorized(request, singles, entities);
            response.diagnostics().reason().for_each(|id| tell(Ok(id)));
            response.diagnostics().errors().for_each(|error| tell(Err(error.to_string())));
        }
    }
}

/// One policy that holds or fails if any of them does. The scopes are those of the bucket, and hold.
fn together(policies: &[&Policy], id: PolicyId) -> Option<Policy> {
    let conditions = policies.iter().map(|policy| condition(policy)).collect::<Option<Vec<_>>>()?;
    let any = json!({ "op": "All" });
    let whole = json!({
        "effect": "forbid", "principal": any, "action": any, "resource": any,
        "conditions": [{ "kind": "when", "body": any_of(&conditions) }],
    });
    Policy::from_json(Some(id), whole).ok()
}

fn condition(policy: &Policy) -> Option<Json> {
    let json = policy.to_json().ok()?;
    let conditions = json.get("conditions")?.as_array()?;
    let mut whole: Option<Json> = None;
    for condition in conditions {
        let body = condition.get("body")?.clone();
        let body = match condition.get("kind")?.as_str()? {
            "when" => body,
            _ => json!({ "!": { "arg": body } }),
        };
        whole = Some(match whole {
            None => body,
            Some(left) => json!({ "&&": { "left": left, "right": body } }),
        });
    }
    Some(whole.unwrap_or_else(|| json!({ "Value": true })))
}

/// Balanced, so that what is evaluated is not nested as deep as there are policies.
fn any_of(conditions: &[Json]) -> Json {
    match conditions {
        [] => json!({ "Value": false }),
        [one] => one.clone(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            json!({ "||": { "left": any_of(left), "right": any_of(right) } })
        }
    }
}

/// `None`: it holds of nobody.
fn principal_head(types: &Types, policy: &Policy) -> Option<Head> {
    match policy.principal_constraint() {
        PrincipalConstraint::Any => Some(Head::Any),
        PrincipalConstraint::Is(name) => of_type(types, &name),
        PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => one(types, &uid),
        PrincipalConstraint::IsIn(name, uid) => both(types, &name, &uid),
    }
}

fn resource_head(types: &Types, policy: &Policy) -> Option<Head> {
    match policy.resource_constraint() {
        ResourceConstraint::Any => Some(Head::Any),
        ResourceConstraint::Is(name) => of_type(types, &name),
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => one(types, &uid),
        ResourceConstraint::IsIn(name, uid) => both(types, &name, &uid),
    }
}

fn of_type(types: &Types, name: &EntityTypeName) -> Option<Head> {
    types.number(&name.to_string()).map(Head::Type)
}

fn one(types: &Types, uid: &EntityUid) -> Option<Head> {
    let number = types.number(&uid.type_name().to_string())?;
    Some(Head::One(number, uid.id().unescaped().to_owned()))
}

fn both(types: &Types, name: &EntityTypeName, uid: &EntityUid) -> Option<Head> {
    if name == uid.type_name() { one(types, uid) } else { None }
}

/// The actions that the scope holds of; `None` for any.
fn actions(types: &Types, policy: &Policy) -> Vec<Option<usize>> {
    let of = |uids: &[EntityUid]| types.actions_in(uids).into_iter().map(Some).collect();
    match policy.action_constraint() {
        ActionConstraint::Any => vec![None],
        ActionConstraint::Eq(uid) => types.action_is(&uid).into_iter().map(Some).collect(),
        ActionConstraint::In(uids) => of(&uids),
    }
}
