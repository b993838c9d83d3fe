//! A schema as it is needed to put a request into Cedar's terms.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity as CedarEntity, EntityId, EntityTypeName, EntityUid,
    Request as Asked, RequestValidationError, RestrictedExpression, Schema,
    schema_str_to_json_with_resolved_types,
};
use countersign_model::judgement::{Entity, Request};

use super::AccessFacts;
use super::index::Head;
use super::place::placed;

mod read;
mod value;

use value::{Fields, Kind, Put, shown};

/// The context that guardrails read, as a type that a schema may name.
const GUARDRAILS: &str = include_str!("../../policies/guardrails.cedarschema");

/// More that does not fit is not told.
const FAULTS_MAX: usize = 8;

#[derive(Debug)]
pub(super) struct Types {
    schema: Schema,
    entities: Vec<EntityKind>,
    by_name: HashMap<String, usize>,
    actions: Vec<Action>,
    by_action: HashMap<String, usize>,
}

#[derive(Debug)]
struct EntityKind {
    name: EntityTypeName,
    attributes: Fields,
}

#[derive(Debug)]
struct Action {
    uid: EntityUid,
    context: Fields,
    /// The action and all groups it is in: without them `in` would hold of nothing.
    entities: Vec<CedarEntity>,
    groups: HashSet<EntityUid>,
}

/// A request in Cedar's terms, and the heads by which its policies are found.
#[derive(Debug)]
pub(super) struct Question {
    pub request: Asked,
    pub entities: Entities,
    pub action: usize,
    pub principal: [Head; 3],
    pub resource: [Head; 3],
}

impl Types {
    /// `text` is in Cedar's schema syntax.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = format!("{text}\n{}", access_type());
        let (schema, _) =
            Schema::from_cedarschema_str(&text).map_err(|error| placed(&text, &error))?;
        let (json, _) =
            schema_str_to_json_with_resolved_types(&text).map_err(|error| error.to_string())?;
        let declared = read::declared(&json)?;
        let mut entities = Vec::new();
        let mut by_name = HashMap::new();
        for (name, attributes) in declared.entities {
            let type_name = name.parse::<EntityTypeName>().map_err(|error| error.to_string())?;
            by_name.insert(name, entities.len());
            entities.push(EntityKind { name: type_name, attributes });
        }
        let (actions, by_action) = actions(&schema, declared.contexts)?;
        Ok(Self { schema, entities, by_name, actions, by_action })
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub fn action_is(&self, uid: &EntityUid) -> Option<usize> {
        self.actions.iter().position(|action| action.uid == *uid)
    }

    /// Those that are one of `uids`, or in it.
    pub fn actions_in(&self, uids: &[EntityUid]) -> Vec<usize> {
        let is_in = |action: &Action| {
            uids.iter().any(|uid| action.uid == *uid || action.groups.contains(uid))
        };
        let all = self.actions.iter().enumerate();
        all.filter(|(_, action)| is_in(action)).map(|(nth, _)| nth).collect()
    }

    /// The request in Cedar's terms. What the schema does not declare is left out.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub fn question(
        &self,
        request: &Request,
        access: &dyn Fn() -> AccessFacts,
    ) -> Result<Question, Vec<String>> {
        let mut put = Put::default();
        let subject = self.kind(&mut put, "subject", &request.subject);
        let resource = self.kind(&mut put, "resource", &request.resource);
        let action = self.by_action.get(&request.action.name).copied();
        if action.is_none() {
            put.fault(format!("its schema has no action {}", shown(&request.action.name)));
        }
        let (Some(subject), Some(resource), Some(number)) = (subject, resource, action) else {
            return Err(put.faults);
        };
        let Some(action) = self.actions.get(number) else { return Err(put.faults) };
        let context = context(&mut put, &action.context, request, access);
        let entities = self.entities(&mut put, (subject, resource), request, action);
        let (Some(context), Some((principal, object, entities))) = (context, entities) else {
            return Err(put.faults);
        };
        let uid = action.uid.clone();
        let asked = Asked::new(principal, uid, object, context, Some(&self.schema));
        if let Err(error) = &asked {
            put.fault(not_asked(error));
        }
        let Some(asked) = asked.ok().filter(|_| put.faults.is_empty()) else {
            return Err(put.faults);
        };
        Ok(Question {
            request: asked,
            entities,
            action: number,
            principal: heads(subject, &request.subject),
            resource: heads(resource, &request.resource),
        })
    }

    fn kind(&self, put: &mut Put, what: &str, entity: &Entity) -> Option<usize> {
        let number = self.number(&entity.kind);
        if number.is_none() {
            put.fault(format!("its schema has no type {} of the {what}", shown(&entity.kind)));
        }
        number
    }

    fn entities(
        &self,
        put: &mut Put,
        (subject, resource): (usize, usize),
        request: &Request,
        action: &Action,
    ) -> Option<(EntityUid, EntityUid, Entities)> {
        let is_same = subject == resource && request.subject.id == request.resource.id;
        let mut all = action.entities.clone();
        let principal = self.entity(put, "subject", subject, &request.subject)?;
        let principal_uid = principal.uid();
        all.push(principal);
        let resource_uid = if is_same {
            // Two answers to one question are none.
            if request.subject.properties != request.resource.properties {
                put.fault("subject and resource are one, with different properties".to_owned());
            }
            principal_uid.clone()
        } else {
            let resource = self.entity(put, "resource", resource, &request.resource)?;
            let uid = resource.uid();
            all.push(resource);
            uid
        };
        match Entities::from_entities(all, None) {
            Ok(entities) => Some((principal_uid, resource_uid, entities)),
            Err(error) => {
                put.fault(error.to_string());
                None
            }
        }
    }

    fn entity(
        &self,
        put: &mut Put,
        what: &str,
        number: usize,
        entity: &Entity,
    ) -> Option<CedarEntity> {
        let kind = self.entities.get(number)?;
        let attributes = put.fields(what, &kind.attributes, &entity.properties);
        let uid = EntityUid::from_type_name_and_id(kind.name.clone(), EntityId::new(&entity.id));
        match CedarEntity::new(uid, attributes.into_iter().collect(), HashSet::new()) {
            Ok(entity) => Some(entity),
            Err(_) => {
                put.fault(format!("a property of the {what} {UNREADABLE}"));
                None
            }
        }
    }
}

fn heads(number: usize, entity: &Entity) -> [Head; 3] {
    [Head::Any, Head::Type(number), Head::One(number, entity.id.clone())]
}

/// `action` are the action's properties, `request` is the context of the request, and `access` are
/// our own facts.
fn context(
    put: &mut Put,
    declared: &Fields,
    request: &Request,
    access: &dyn Fn() -> AccessFacts,
) -> Option<Context> {
    let mut pairs: Vec<(String, RestrictedExpression)> = Vec::new();
    for (name, field) in declared {
        let Kind::Record(fields) = &field.kind else { continue };
        let given: Vec<(String, RestrictedExpression)> = match name.as_str() {
            "action" => put.fields("context.action", fields, &request.action.properties),
            "request" => put.fields("context.request", fields, &request.context),
            _ => facts(put, fields, access()),
        };
        if let Ok(record) = RestrictedExpression::new_record(given) {
            pairs.push((name.clone(), record));
        }
    }
    match Context::from_pairs(pairs) {
        Ok(context) => Some(context),
        Err(_) => {
            put.fault(format!("a value of the context {UNREADABLE}"));
            None
        }
    }
}

fn facts(
    put: &mut Put,
    fields: &Fields,
    given: AccessFacts,
) -> Vec<(String, RestrictedExpression)> {
    for (name, field) in fields {
        if field.is_required && !given.iter().any(|(given, _)| given == name) {
            put.fault(format!("`context.access.{name}` is missing"));
        }
    }
    let given = given.into_iter().filter(|(name, _)| fields.contains_key(*name));
    given.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Without the values, which may be somebody's.
const UNREADABLE: &str =
    "is a text that cannot be read as the address, number or time that its schema says";

fn not_asked(error: &RequestValidationError) -> String {
    match error {
        // It would tell the whole context.
        RequestValidationError::InvalidContext(_) => {
            "the context is not what the schema says".to_owned()
        }
        other => other.to_string(),
    }
}

fn actions(
    schema: &Schema,
    mut contexts: BTreeMap<String, Fields>,
) -> Result<(Vec<Action>, HashMap<String, usize>), String> {
    let hierarchy = schema.action_entities().map_err(|error| error.to_string())?;
    let mut actions = Vec::new();
    let mut by_action = HashMap::new();
    let mut uids: Vec<EntityUid> = schema.actions().cloned().collect();
    uids.sort_by_key(ToString::to_string);
    for uid in uids {
        // What is nobody's is a group only.
        let Some(context) = contexts.remove(&uid.to_string()) else { continue };
        let groups: HashSet<EntityUid> =
            hierarchy.ancestors(&uid).into_iter().flatten().cloned().collect();
        let name = uid.id().unescaped().to_owned();
        let entities = if groups.is_empty() {
            Vec::new()
        } else {
            std::iter::once(&uid)
                .chain(&groups)
                .filter_map(|uid| hierarchy.get(uid))
                .cloned()
                .collect()
        };
        if by_action.insert(name.clone(), actions.len()).is_some() {
            return Err(format!(
                "two actions are called {}: a request could mean either",
                shown(&name)
            ));
        }
        actions.push(Action { uid, context, entities, groups });
    }
    Ok((actions, by_action))
}

/// `Countersign::Access`: what guardrails read, in the same words.
fn access_type() -> String {
    let after = GUARDRAILS.split_once("context: {").map_or("", |(_, after)| after);
    let attributes = after.rsplit_once("},").map_or("", |(attributes, _)| attributes);
    format!("namespace Countersign {{ type Access = {{{attributes}}}; }}")
}
