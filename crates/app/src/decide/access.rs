//! From what an application asks to what is judged.
//!
//! An application vouches for what it says of its own sign-in. Of the subject's properties these are
//! read: `iss` (RFC 7519), `acr`, `amr` and `auth_time` (OpenID Connect Core, section 2), `act` (RFC
//! 8693, section 4.1), `credential` (a public handle), `actor` (the person behind a shared account: a
//! name, or `{sub, iss}` where it is a name elsewhere, such as at a portal).
//! Of the context: `ip`.

use countersign_judge::{Facts, Found};
use countersign_model::id::{CredentialId, IdentityId};
use countersign_model::judgement::{Access, Entity, Named, Request};
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::time::Timestamp;
use countersign_model::value::{DEPTH_MAX, Record, Value};
use serde_json::{Map, Value as Json};

use super::portals::Actor;
use super::{Question, Thing};

/// Who and what a question means, by the register.
#[derive(Debug)]
pub(crate) struct Meant<'a> {
    pub identity: Option<&'a IdentityId>,
    /// The name may mean several identities, so it means none.
    pub is_ambiguous: bool,
    name: &'a str,
    /// Who acts for the subject, the one who acts now first; `""` is not registered.
    through: Vec<&'a str>,
    pub credential: Option<&'a str>,
    claims: Vec<(&'a str, &'a str)>,
    authenticated_at: Option<Timestamp>,
    pub actor: Actor<'a>,
    ip: Option<&'a str>,
    resource: String,
}

impl<'a> Meant<'a> {
    pub fn new(facts: &'a Facts, tenant: &str, question: &'a Question, at: Timestamp) -> Self {
        let properties = &question.subject.properties;
        let text = |name: &str| properties.get(name).and_then(Json::as_str);
        let issuer = text("iss");
        let found = facts.who(tenant, issuer, &question.subject.id, at);
        let identity = match found {
            Found::One(id) => Some(id),
            Found::Nobody | Found::Several => None,
        };
        Self {
            identity,
            is_ambiguous: found == Found::Several,
            name: &question.subject.id,
            through: through(facts, tenant, properties, at),
            credential: text("credential").map(|handle| {
                facts.credential_of(tenant, handle).map_or(handle, CredentialId::as_str)
            }),
            claims: claims(properties),
            authenticated_at: properties
                .get("auth_time")
                .and_then(Json::as_i64)
                .map(Timestamp::from_seconds),
            actor: actor(facts, (tenant, issuer), properties.get("actor"), at),
            ip: question.context.get("ip").and_then(Json::as_str),
            resource: format!("{}:{}", question.resource.kind, question.resource.id),
        }
    }

    pub fn access<'s>(&'s self, tenant: &'s str, question: &'s Question) -> Access<'s> {
        Access {
            identity: self.identity.map(IdentityId::as_str),
            account: Some((tenant, self.name)),
            through: &self.through,
            actor_is_known: matches!(self.actor, Actor::Known(_)),
            credential: self.credential,
            tenant,
            action: &question.action.name,
            resource: Some(&self.resource),
            assurance: &self.claims,
            authenticated_at: self.authenticated_at,
            ip: self.ip,
            interactive: None,
            request: None,
        }
    }
}

impl Meant<'_> {
    pub fn actor_id(&self) -> Option<&IdentityId> {
        match self.actor {
            Actor::Known(id) => Some(id),
            Actor::Unnamed | Actor::Unknown => None,
        }
    }

    /// Whether somebody is said to act for the subject.
    pub fn is_delegated(&self) -> bool {
        !self.through.is_empty()
    }
}

fn actor<'a>(
    facts: &'a Facts,
    (tenant, issuer): (&str, Option<&str>),
    said: Option<&Json>,
    at: Timestamp,
) -> Actor<'a> {
    let (issuer, name) = match said {
        None | Some(Json::Null) => return Actor::Unnamed,
        Some(Json::String(name)) => (issuer, name.as_str()),
        Some(said) => {
            let text = |name: &str| said.get(name).and_then(Json::as_str);
            (text("iss").or(issuer), text("sub").unwrap_or_default())
        }
    };
    Actor::named(facts, facts.who(tenant, issuer, name, at), at)
}

impl Meant<'_> {
    /// The question with what is known here of subject and resource; what the application says itself
    /// comes before it.
    pub fn request(&self, facts: &Facts, tenant: &str, question: &Question) -> Request {
        let known = self.identity.and_then(|id| facts.identity_of(id.as_str()));
        let of_subject = known.map(|known| &known.properties);
        let Thing { kind, id, .. } = &question.resource;
        let of_resource = facts.resource(tenant, kind, id).map(|known| &known.properties);
        Request {
            subject: entity(&question.subject, of_subject),
            action: Named {
                name: question.action.name.clone(),
                properties: record(&question.action.properties),
            },
            resource: entity(&question.resource, of_resource),
            context: record(&question.context),
        }
    }
}

fn entity(thing: &Thing, known: Option<&Record>) -> Entity {
    let mut properties = known.cloned().unwrap_or_default();
    properties.extend(record(&thing.properties));
    Entity { kind: thing.kind.clone(), id: thing.id.clone(), properties }
}

fn record(map: &Map<String, Json>) -> Record {
    map.iter().filter_map(|(name, value)| Some((name.clone(), plain(value, 1)?))).collect()
}

/// A value as policies can compare it; what they cannot, a fraction or none, is not there for them.
fn plain(value: &Json, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value {
        Json::Null => None,
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(number) => number.as_i64().map(Value::Whole),
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Array(items) => {
            let items = items.iter().map(|item| plain(item, depth + 1));
            items.collect::<Option<_>>().map(Value::List)
        }
        Json::Object(map) => {
            let named = map
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), plain(value, depth + 1)?)));
            Some(Value::Record(named.collect()))
        }
    }
}

fn claims(properties: &Map<String, Json>) -> Vec<(&str, &str)> {
    let acr = properties.get("acr").and_then(Json::as_str).map(|value| ("acr", value));
    let amr = properties.get("amr").and_then(Json::as_array).into_iter().flatten();
    acr.into_iter().chain(amr.filter_map(Json::as_str).map(|value| ("amr", value))).collect()
}

/// The chain of actors, which may be deeper than anything is permitted: one more than may be is kept,
/// so that it is refused and not cut.
fn through<'a>(
    facts: &'a Facts,
    tenant: &str,
    properties: &'a Map<String, Json>,
    at: Timestamp,
) -> Vec<&'a str> {
    let mut chain = Vec::new();
    let mut next = properties.get("act");
    while let Some(actor) = next.filter(|_| chain.len() <= CHAIN_DEPTH_MAX) {
        let text = |name: &str| actor.get(name).and_then(Json::as_str);
        let found = facts.who(tenant, text("iss"), text("sub").unwrap_or_default(), at);
        chain.push(match found {
            Found::One(id) => id.as_str(),
            Found::Nobody | Found::Several => "",
        });
        next = actor.get("act");
    }
    chain
}
