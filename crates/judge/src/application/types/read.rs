//! What a schema declares, out of its JSON form.

use std::collections::BTreeMap;

use cedar_policy::EntityTypeName;
use serde_json::{Map, Value as Json};

use super::value::{Extension, Field, Fields, Kind};

pub(super) struct Declared {
    /// Attributes by the name of the type.
    pub entities: BTreeMap<String, Fields>,
    /// By action, as `Action::"read"`; those that apply to nothing are left out.
    pub contexts: BTreeMap<String, Fields>,
}

/// Deeper types are refused: they are read by recursion.
const DEPTH_MAX: usize = 32;

/// The common types, by full name.
struct Common<'a>(BTreeMap<String, &'a Json>);

pub(super) fn declared(schema: &Json) -> Result<Declared, String> {
    let namespaces = schema.as_object().into_iter().flatten();
    let namespaces: Vec<(&String, &Json)> = namespaces.collect();
    let mut common = Common(BTreeMap::new());
    for (namespace, body) in &namespaces {
        for (name, kind) in objects(body, "commonTypes") {
            common.0.insert(qualified(namespace, name), kind);
        }
    }
    let mut declared = Declared { entities: BTreeMap::new(), contexts: BTreeMap::new() };
    for (namespace, body) in &namespaces {
        for (name, kind) in objects(body, "entityTypes") {
            let name = qualified(namespace, name);
            refuse_parents(&name, kind)?;
            let fields = match kind.get("shape") {
                Some(shape) => common.fields(shape, namespace, 0)?,
                None => Fields::new(),
            };
            declared.entities.insert(name, fields);
        }
        for (name, action) in objects(body, "actions") {
            let Some(applies) = action.get("appliesTo") else { continue };
            let is_empty = |key: &str| applies[key].as_array().is_none_or(Vec::is_empty);
            if is_empty("principalTypes") || is_empty("resourceTypes") {
                continue;
            }
            let fields = match applies.get("context") {
                Some(context) => common.fields(context, namespace, 0)?,
                None => Fields::new(),
            };
            check_context(name, &fields)?;
            let uid = format!("{}::{:?}", qualified(namespace, "Action"), name);
            declared.contexts.insert(uid, fields);
        }
    }
    Ok(declared)
}

/// No request says who is in what, so a policy that asks would forbid nothing.
fn refuse_parents(name: &str, kind: &Json) -> Result<(), String> {
    let has_parents = kind["memberOfTypes"].as_array().is_some_and(|types| !types.is_empty());
    let has_tags = kind.get("tags").is_some();
    match (has_parents, has_tags) {
        (true, _) => Err(format!(
            "`{name}` is declared `in` other types, which no request says; declare an attribute \
             such as `groups: Set<String>`"
        )),
        (_, true) => {
            Err(format!("`{name}` has tags, which no request has; declare an attribute instead"))
        }
        _ => Ok(()),
    }
}

fn check_context(action: &str, fields: &Fields) -> Result<(), String> {
    for (name, field) in fields {
        let is_known = matches!(name.as_str(), "action" | "request" | "access");
        let is_record = matches!(field.kind, Kind::Record(_));
        if !is_known || !is_record {
            return Err(format!(
                "the context of action `{action}` has `{name}`, which nobody gives; it may have \
                 the records `action` and `request`, and `access: Countersign::Access`"
            ));
        }
    }
    Ok(())
}

fn objects<'a>(body: &'a Json, key: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    body.get(key).and_then(Json::as_object).into_iter().flatten()
}

fn qualified(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        _ if name.contains("::") => name.to_owned(),
        namespace => format!("{namespace}::{name}"),
    }
}

impl Common<'_> {
    fn fields(&self, kind: &Json, namespace: &str, depth: usize) -> Result<Fields, String> {
        match self.kind(kind, namespace, depth)? {
            Kind::Record(fields) => Ok(fields),
            _ => Err("a shape that is no record".to_owned()),
        }
    }

    fn kind(&self, kind: &Json, namespace: &str, depth: usize) -> Result<Kind, String> {
        if depth > DEPTH_MAX {
            return Err(format!("its types are nested more than {DEPTH_MAX} deep"));
        }
        let text = |key: &str| kind[key].as_str().unwrap_or("");
        let name = text("name").rsplit("::").next().unwrap_or("");
        match text("type") {
            "Set" => {
                let inner = self.kind(&kind["element"], namespace, depth + 1)?;
                Ok(Kind::Set(Box::new(inner)))
            }
            "Record" => {
                let none = Map::new();
                let attributes = kind["attributes"].as_object().unwrap_or(&none);
                let field = |(name, field): (&String, &Json)| {
                    let is_required = field["required"].as_bool().unwrap_or(true);
                    let kind = self.kind(field, namespace, depth + 1)?;
                    Ok((name.clone(), Field { kind, is_required }))
                };
                attributes.iter().map(field).collect::<Result<_, String>>().map(Kind::Record)
            }
            "Entity" => {
                let name = text("name").parse::<EntityTypeName>();
                name.map(Kind::Entity).map_err(|error| error.to_string())
            }
            "Extension" => extension(name),
            other => self.named(other, namespace, depth),
        }
    }

    /// A primitive, or a type that the schema names itself. Its own come first, as in Cedar.
    fn named(&self, name: &str, namespace: &str, depth: usize) -> Result<Kind, String> {
        let own = [qualified(namespace, name), name.to_owned()];
        for full in &own {
            if let Some(kind) = self.0.get(full) {
                let namespace = full.rsplit_once("::").map_or("", |(namespace, _)| namespace);
                return self.kind(kind, namespace, depth + 1);
            }
        }
        match name.strip_prefix("__cedar::").unwrap_or(name) {
            "Bool" | "Boolean" => Ok(Kind::Bool),
            "Long" => Ok(Kind::Long),
            "String" => Ok(Kind::Text),
            other => extension(other),
        }
    }
}

fn extension(name: &str) -> Result<Kind, String> {
    let extension = match name {
        "ipaddr" => Extension::Ip,
        "decimal" => Extension::Decimal,
        "datetime" => Extension::Datetime,
        "duration" => Extension::Duration,
        other => return Err(format!("a type `{other}` that no request can give")),
    };
    Ok(Kind::Extension(extension))
}
