//! SCIM 2.0 (RFC 7643, RFC 7644) as it is written: a user is a sponsor.
//!
//! Of a user only what a sponsor needs is kept: names, addresses of mail, the directory's id and
//! whether they are active. Everything else a directory sends is not read.

pub mod filter;
mod openapi;
pub mod patch;
mod schemas;

use countersign_app::{Person, View};
use serde_json::{Map, Value as Json, json};

use crate::problem::Problem;
use crate::routes::{Kind, Method, Route};

pub(crate) use openapi::{add_schemas, parameters, responses};
pub use schemas::{PAGE_MAX, config, resource_types, schema, schemas};

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const BASE: &str = "/scim/v2";
/// Addresses of mail of one user.
const EMAILS_MAX: usize = 16;
const TEXT_BYTES_MAX: usize = 256;

/// What a route of SCIM does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scim {
    Config,
    ResourceTypes,
    ResourceType,
    Schemas,
    Schema,
    List,
    Read,
    Create,
    Replace,
    Patch,
    Delete,
}

/// Whether errors of this path are SCIM's.
pub fn is_scim(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) fn routes() -> Vec<Route> {
    use Method::{Delete, Get, Patch, Post, Put};
    let user = "/Users/{id}";
    let about = |path: &str, kind, summary: &str| Route {
        method: Get,
        path: format!("{BASE}{path}"),
        kind: Kind::Scim(kind),
        noun: "instance",
        verb: "read",
        is_open: true,
        summary: summary.to_owned(),
    };
    let people = |method, path: &str, kind, verb, summary: &str| Route {
        method,
        path: format!("{BASE}{path}"),
        kind: Kind::Scim(kind),
        noun: "sponsor",
        verb,
        is_open: false,
        summary: summary.to_owned(),
    };
    vec![
        about("/ServiceProviderConfig", Scim::Config, "What of SCIM 2.0 there is."),
        about("/ResourceTypes", Scim::ResourceTypes, "The kinds of resources: users."),
        about("/ResourceTypes/User", Scim::ResourceType, "The kind `User`."),
        about("/Schemas", Scim::Schemas, "The schemas of resources."),
        about(&format!("/Schemas/{USER}"), Scim::Schema, "The schema of a user."),
        people(Get, "/Users", Scim::List, "list", "Sponsors as users of a directory."),
        people(Post, "/Users", Scim::Create, "arrive", "A new user: a sponsor arrives."),
        people(Get, user, Scim::Read, "read", "One user."),
        people(Put, user, Scim::Replace, "provision", "What a user is, in full."),
        people(Patch, user, Scim::Patch, "provision", "What of a user is another now."),
        people(Delete, user, Scim::Delete, "leave", "The user is gone: the sponsor leaves."),
    ]
}

/// A user.
pub fn user(view: &View) -> Json {
    let person = Person::of(view);
    let mut user = json!({"schemas": [USER], "id": view.id});
    // The register has the last word on name and address: somebody may have corrected them here.
    let said = &person.attributes;
    if let Some(id) = &person.external_id {
        user["externalId"] = id.as_str().into();
    }
    user["userName"] = person.user_name.as_str().into();
    let same_name = name_of(said) == person.name;
    for key in ["displayName", "name"] {
        if same_name && !said[key].is_null() {
            user[key] = said[key].clone();
        }
    }
    if let (false, Some(name)) = (same_name, &person.name) {
        user["displayName"] = name.as_str().into();
    }
    match (&person.email, email_of(said) == person.email) {
        (_, true) if !said["emails"].is_null() => user["emails"] = said["emails"].clone(),
        (Some(email), false) => user["emails"] = json!([{"value": email, "primary": true}]),
        _ => (),
    }
    user["active"] = person.is_active.into();
    user["meta"] = json!({
        "resourceType": "User",
        "location": format!("{BASE}/Users/{}", view.id),
        "version": format!("\"{}\"", view.rev),
    });
    for (key, time) in [("created", &person.made), ("lastModified", &person.changed)] {
        if let Some(time) = time {
            // The register writes midnight as a day; SCIM has no days (RFC 7643, section 2.3.5).
            let hour = if time.contains('T') { "" } else { "T00:00:00Z" };
            user["meta"][key] = format!("{time}{hour}").into();
        }
    }
    user
}

/// A page of users. `start` counts from 1.
pub fn list(users: Vec<Json>, total: usize, start: usize) -> Json {
    json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": users.len(),
        "Resources": users,
    })
}

/// Only what was asked for of a resource (RFC 7644, section 3.9): `id` and `schemas` always are there.
pub fn projected(user: &Json, only: Option<&str>, without: Option<&str>) -> Json {
    let names = |list: &str| -> Vec<String> {
        let names = list.split(',').map(|name| {
            let name = name.trim().to_lowercase();
            let prefix = format!("{}:", USER.to_lowercase());
            name.strip_prefix(&prefix).map_or(name.clone(), str::to_owned)
        });
        names.filter(|name| !name.is_empty()).collect()
    };
    let mut kept = user.clone();
    let Some(fields) = kept.as_object_mut() else { return kept };
    let only = only.map(names);
    let without = without.map(names).unwrap_or_default();
    let is_always = |key: &str| ["id", "schemas"].contains(&key);
    fields.retain(|key, value| {
        let key = key.to_lowercase();
        if is_always(&key) {
            return true;
        }
        if let Some(only) = &only
            && !only.contains(&key)
        {
            let prefix = format!("{key}.");
            let subs: Vec<&str> =
                only.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
            keep_subs(value, &|sub| subs.contains(&sub));
            return !subs.is_empty();
        }
        let prefix = format!("{key}.");
        let not: Vec<&str> = without.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
        if !not.is_empty() {
            keep_subs(value, &|sub| !not.contains(&sub));
        }
        !without.contains(&key)
    });
    kept
}

fn keep_subs(value: &mut Json, keeps: &dyn Fn(&str) -> bool) {
    match value {
        Json::Array(values) => values.iter_mut().for_each(|value| keep_subs(value, keeps)),
        Json::Object(fields) => fields.retain(|key, _| keeps(&key.to_lowercase())),
        _ => (),
    }
}

/// An error (RFC 7644, section 3.12).
pub fn error(problem: &Problem) -> Json {
    let mut detail = problem.detail.clone();
    for (_, faults) in problem.more.iter().filter(|(key, _)| *key == "faults") {
        for fault in faults.as_array().into_iter().flatten() {
            let text = |key: &str| fault[key].as_str().unwrap_or_default();
            detail.push_str(&format!("; {}: {}", text("pointer"), text("message")));
            if fault["fix"].is_string() {
                detail.push_str(&format!(", {}", text("fix")));
            }
        }
    }
    let status = status(problem);
    let mut body = json!({"schemas": [ERROR], "status": status.to_string(), "detail": detail});
    let kind = match problem.code.as_str() {
        "exists" => Some("uniqueness"),
        "invalid" => Some("invalidValue"),
        "body.json" | "body.object" | "body.form" => Some("invalidSyntax"),
        code => code.strip_prefix("scim."),
    };
    if let Some(kind) = kind {
        body["scimType"] = kind.into();
    }
    body
}

/// SCIM says 400 where we say 422.
pub fn status(problem: &Problem) -> u16 {
    if problem.status == 422 { 400 } else { problem.status }
}

/// A mistake by one of SCIM's words for them: `invalidFilter`, `invalidPath`, `invalidValue`, …
pub(crate) fn wrong(kind: &str, detail: impl Into<String>) -> Problem {
    Problem::new(400, &format!("scim.{kind}"), detail)
}

/// What of a user we keep, under the names of the schema: names are the same in any case.
///
/// # Errors
/// `invalidValue` if something kept is of another type.
pub fn canonical(user: &Json) -> Result<Json, Problem> {
    let mut kept = Map::new();
    for (key, value) in user.as_object().into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        if let Some((name, value)) = attribute(key, value)?
            && kept.insert(name.to_owned(), value).is_some()
        {
            return Err(wrong("invalidValue", format!("`{name}` is there twice")));
        }
    }
    Ok(Json::Object(kept))
}

/// One attribute by any spelling of its name; `None` if it is none that we keep.
pub(crate) fn attribute(key: &str, value: &Json) -> Result<Option<(&'static str, Json)>, Problem> {
    let Some(name) = known(key) else { return Ok(None) };
    let value = match name {
        "active" => flag(name, value)?,
        "name" => parts(name, value, &NAME_PARTS)?,
        "emails" => emails(value)?,
        _ => text(name, value)?,
    };
    Ok(Some((name, value)))
}

pub(crate) const NAME_PARTS: [&str; 4] = ["formatted", "familyName", "givenName", "middleName"];
pub(crate) const EMAIL_PARTS: [&str; 4] = ["value", "type", "primary", "display"];
const KNOWN: [&str; 6] = ["userName", "externalId", "displayName", "name", "emails", "active"];

/// The schema's spelling of an attribute that we keep.
pub(crate) fn known(name: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

fn text(name: &str, value: &Json) -> Result<Json, Problem> {
    let text = value.as_str().filter(|text| text.len() <= TEXT_BYTES_MAX);
    text.map(Json::from).ok_or_else(|| {
        wrong("invalidValue", format!("`{name}` is a text of up to {TEXT_BYTES_MAX} bytes"))
    })
}

/// Some directories write `"True"` for `true`.
pub(crate) fn flag(name: &str, value: &Json) -> Result<Json, Problem> {
    match value {
        Json::Bool(flag) => Ok(Json::Bool(*flag)),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Ok(Json::Bool(true)),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Ok(Json::Bool(false)),
        _ => Err(wrong("invalidValue", format!("`{name}` is true or false"))),
    }
}

pub(crate) fn parts(
    name: &str,
    value: &Json,
    known: &'static [&'static str],
) -> Result<Json, Problem> {
    let Some(fields) = value.as_object() else {
        return Err(wrong("invalidValue", format!("`{name}` has parts: {}", known.join(", "))));
    };
    let mut kept = Map::new();
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let part = known.iter().find(|known| known.eq_ignore_ascii_case(key));
        if let Some(part) = part {
            let value = if *part == "primary" { flag(part, value)? } else { text(part, value)? };
            kept.insert((*part).to_owned(), value);
        }
    }
    Ok(Json::Object(kept))
}

/// Addresses, at most one of which is the primary one: the last that says so.
pub(crate) fn emails(value: &Json) -> Result<Json, Problem> {
    let one = std::slice::from_ref(value);
    let given = value.as_array().map_or(one, Vec::as_slice);
    if given.len() > EMAILS_MAX {
        return Err(wrong("invalidValue", format!("at most {EMAILS_MAX} addresses of mail")));
    }
    let mut kept: Vec<Json> = Vec::new();
    for email in given {
        let email = match email {
            Json::String(_) => json!({"value": text("emails", email)?}),
            email => parts("emails", email, &EMAIL_PARTS)?,
        };
        if email["primary"] == true {
            for other in kept.iter_mut().filter(|other| other["primary"] == true) {
                other["primary"] = false.into();
            }
        }
        kept.push(email);
    }
    Ok(Json::Array(kept))
}

/// Who a user is.
///
/// # Errors
/// `invalidValue` without a `userName`.
pub fn person(user: &Json) -> Result<Person, Problem> {
    let user = canonical(user)?;
    let text = |key: &str| user[key].as_str().map(str::to_owned);
    let user_name = text("userName").filter(|name| !name.trim().is_empty());
    let user_name = user_name.ok_or_else(|| wrong("invalidValue", "a user has a `userName`"))?;
    let mut attributes = json!({});
    for key in ["displayName", "name", "emails"] {
        let is_said = match &user[key] {
            Json::Array(values) => !values.is_empty(),
            Json::Object(fields) => !fields.is_empty(),
            value => !value.is_null(),
        };
        if is_said {
            attributes[key] = user[key].clone();
        }
    }
    Ok(Person {
        user_name,
        external_id: text("externalId").filter(|id| !id.is_empty()),
        name: name_of(&attributes),
        email: email_of(&attributes),
        is_active: user["active"].as_bool().unwrap_or(true),
        attributes,
        made: None,
        changed: None,
    })
}

fn name_of(attributes: &Json) -> Option<String> {
    let name = &attributes["name"];
    let said = |value: &Json| {
        value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    said(&attributes["displayName"]).or_else(|| said(&name["formatted"])).or_else(|| {
        let parts = [said(&name["givenName"]), said(&name["familyName"])];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    })
}

/// The primary address, else the one for work, else the first.
fn email_of(attributes: &Json) -> Option<String> {
    let emails = attributes["emails"].as_array()?;
    let chosen = emails
        .iter()
        .find(|email| email["primary"] == true)
        .or_else(|| emails.iter().find(|email| email["type"] == "work"))
        .or(emails.first())?;
    chosen["value"].as_str().filter(|value| !value.is_empty()).map(str::to_owned)
}
