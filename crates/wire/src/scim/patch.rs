//! Changes of a user by operations (RFC 7644, section 3.5.2), as the large directories send them:
//! `op` in any case, values in an object without a path, keys of it that are paths themselves.

use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, PatchPath, ValFilter};
use serde_json::{Value as Json, json};

use super::filter::{is_ours, value_holds};
use super::{EMAIL_PARTS, NAME_PARTS, PATCH, attribute, emails, known, parts, wrong};
use crate::problem::Problem;

const OPERATIONS_MAX: usize = 100;
const PATH_BYTES_MAX: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

/// A user after all operations of a request, or none of them.
///
/// # Errors
/// `invalidSyntax`, `invalidPath`, `invalidValue`, `noTarget` or `mutability`.
pub fn apply(user: &Json, request: &Json) -> Result<Json, Problem> {
    let field = |name: &str| field(request, name);
    let is_patch = field("schemas")
        .and_then(Json::as_array)
        .is_some_and(|schemas| schemas.iter().any(|schema| schema == PATCH));
    let operations = field("Operations").and_then(Json::as_array);
    let Some(operations) = operations.filter(|list| is_patch && !list.is_empty()) else {
        let detail = format!("a patch has the schema `{PATCH}` and a list of `Operations`");
        return Err(wrong("invalidSyntax", detail));
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(wrong("tooMany", format!("at most {OPERATIONS_MAX} operations at once")));
    }
    let mut user = super::canonical(user)?;
    for operation in operations {
        operate(&mut user, operation)?;
    }
    Ok(user)
}

fn field<'a>(of: &'a Json, name: &str) -> Option<&'a Json> {
    let mut fields = of.as_object()?.iter();
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn operate(user: &mut Json, operation: &Json) -> Result<(), Problem> {
    let word = field(operation, "op").and_then(Json::as_str).unwrap_or_default().to_lowercase();
    let op = match word.as_str() {
        "add" => Op::Add,
        "replace" => Op::Replace,
        "remove" => Op::Remove,
        _ => return Err(wrong("invalidSyntax", "`op` is add, replace or remove")),
    };
    let value = field(operation, "value").unwrap_or(&Json::Null);
    match field(operation, "path") {
        Some(Json::String(path)) if !path.is_empty() => at_path(user, op, path, value),
        None | Some(Json::Null | Json::String(_)) => match (op, value.as_object()) {
            (Op::Remove, _) => Err(wrong("noTarget", "say by `path` what to remove")),
            (_, Some(fields)) => {
                fields.iter().try_for_each(|(path, value)| at_path(user, op, path, value))
            }
            (_, None) => Err(wrong("invalidValue", "without a `path`, `value` is an object")),
        },
        Some(_) => Err(wrong("invalidPath", "`path` is a text")),
    }
}

fn at_path(user: &mut Json, op: Op, path: &str, value: &Json) -> Result<(), Problem> {
    if path.len() > PATH_BYTES_MAX {
        return Err(wrong("invalidPath", format!("a path has up to {PATH_BYTES_MAX} bytes")));
    }
    // The name of a schema, as a key of a value: an extension, none of which is kept.
    if path.eq_ignore_ascii_case("schemas") || is_schema(path) {
        return Ok(());
    }
    let parsed: PatchPath = path.parse().map_err(|_| {
        let detail = "the path cannot be read; one such as `name.givenName` can";
        wrong("invalidPath", detail)
    })?;
    match &parsed {
        PatchPath::Attr(attribute) => at_attribute(user, op, attribute, value),
        PatchPath::Value(path) => {
            if !is_ours(&path.attr) || known(&path.attr.name) != Some("emails") {
                return Ok(());
            }
            at_emails(user, op, (&path.filter, path.sub_attr.as_deref()), value)
        }
    }
}

fn is_schema(path: &str) -> bool {
    let is_urn = path.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    let last = path.rsplit(':').next().unwrap_or_default();
    is_urn && (last.eq_ignore_ascii_case("user") || path.ends_with(":2.0"))
}

fn at_attribute(user: &mut Json, op: Op, path: &AttrPath, value: &Json) -> Result<(), Problem> {
    let lower = path.name.to_lowercase();
    if is_ours(path) && ["id", "meta"].contains(&lower.as_str()) {
        return Err(wrong("mutability", format!("`{}` is ours to say", path.name)));
    }
    let Some(name) = known(&path.name).filter(|_| is_ours(path)) else { return Ok(()) };
    let is_removed = op == Op::Remove || value.is_null();
    if is_removed && ["userName", "active"].contains(&name) {
        return Err(wrong("mutability", format!("a user always has `{name}`")));
    }
    match (&path.sub_attr, is_removed) {
        (None, true) => remove(user, name),
        (None, false) => set(user, op, name, value)?,
        (Some(sub), _) => at_part(user, (name, sub), is_removed, value)?,
    }
    Ok(())
}

fn remove(of: &mut Json, name: &str) {
    if let Some(fields) = of.as_object_mut() {
        fields.remove(name);
    }
}

fn set(user: &mut Json, op: Op, name: &'static str, value: &Json) -> Result<(), Problem> {
    let Some((name, value)) = attribute(name, value)? else { return Ok(()) };
    match (name, op) {
        // What is added to many values stands beside them; to parts, beside the other parts.
        ("emails", Op::Add) => {
            let mut all = user["emails"].as_array().cloned().unwrap_or_default();
            for email in value.as_array().into_iter().flatten() {
                all.retain(|other| other["value"] != email["value"]);
                all.push(email.clone());
            }
            user["emails"] = emails(&Json::Array(all))?;
        }
        ("name", Op::Add | Op::Replace) => {
            let mut all = user["name"].as_object().cloned().unwrap_or_default();
            all.extend(value.as_object().cloned().unwrap_or_default());
            user["name"] = Json::Object(all);
        }
        _ => user[name] = value,
    }
    Ok(())
}

/// `name.givenName`, or a part of every address.
fn at_part(
    user: &mut Json,
    (name, sub): (&'static str, &str),
    is_removed: bool,
    value: &Json,
) -> Result<(), Problem> {
    let known: &'static [&'static str] = match name {
        "name" => &NAME_PARTS,
        "emails" => &EMAIL_PARTS,
        _ => return Err(wrong("invalidPath", format!("`{name}` has no parts"))),
    };
    let Some(part) = known.iter().find(|known| known.eq_ignore_ascii_case(sub)) else {
        return Ok(());
    };
    let new = match is_removed {
        true => Json::Null,
        false => parts(name, &json!({ *part: value }), known)?[*part].clone(),
    };
    let change = |of: &mut Json| match is_removed {
        true => remove(of, part),
        false => of[*part] = new.clone(),
    };
    match &mut user[name] {
        Json::Array(values) => values.iter_mut().for_each(change),
        Json::Null if is_removed => (),
        Json::Null if name == "emails" => return Err(no_target()),
        Json::Null => user[name] = json!({ *part: new }),
        of => change(of),
    }
    Ok(())
}

fn no_target() -> Problem {
    wrong("noTarget", "no address is one of those the path names")
}

/// `emails[type eq "work"]` and `emails[type eq "work"].value`.
fn at_emails(
    user: &mut Json,
    op: Op,
    (filter, sub): (&ValFilter, Option<&str>),
    value: &Json,
) -> Result<(), Problem> {
    let mut all = user["emails"].as_array().cloned().unwrap_or_default();
    let is_wanted = |email: &Json| value_holds(filter, email);
    let is_removed = op == Op::Remove || value.is_null();
    let given = match sub {
        _ if is_removed => json!({}),
        Some(sub) => parts("emails", &json!({ sub: value }), &EMAIL_PARTS)?,
        None => parts("emails", value, &EMAIL_PARTS)?,
    };
    let given = given.as_object().cloned().unwrap_or_default();
    let has_any = all.iter().any(is_wanted);
    match (op, sub) {
        _ if is_removed && sub.is_none() => all.retain(|email| !is_wanted(email)),
        _ if is_removed => {
            let part = EMAIL_PARTS
                .iter()
                .find(|part| sub.is_some_and(|sub| part.eq_ignore_ascii_case(sub)));
            for email in all.iter_mut().filter(|email| is_wanted(email)) {
                part.iter().for_each(|part| remove(email, part));
            }
        }
        (Op::Replace, _) if !has_any => return Err(no_target()),
        // Nothing there yet: the filter says what it is to be.
        _ if !has_any => {
            let mut email = template(filter).ok_or_else(no_target)?;
            given.into_iter().for_each(|(key, value)| email[key] = value);
            all.push(email);
        }
        (op, sub) => {
            for email in all.iter_mut().filter(|email| is_wanted(email)) {
                if op == Op::Replace && sub.is_none() {
                    *email = json!({});
                }
                given.iter().for_each(|(key, value)| email[key.as_str()] = value.clone());
            }
        }
    }
    all.retain(|email| email["value"].is_string());
    user["emails"] = emails(&Json::Array(all))?;
    Ok(())
}

/// A value of which a plain filter holds.
fn template(filter: &ValFilter) -> Option<Json> {
    match filter {
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, value)) => {
            let part = EMAIL_PARTS.iter().find(|part| part.eq_ignore_ascii_case(&path.name))?;
            let value = match value {
                CompValue::Str(text) => Json::from(text.as_str()),
                CompValue::True => Json::Bool(true),
                CompValue::False => Json::Bool(false),
                CompValue::Null | CompValue::Number(_) => return None,
            };
            Some(json!({ *part: value }))
        }
        ValFilter::And(parts) => {
            let mut all = json!({});
            for part in parts.as_slice() {
                template(part)?.as_object()?.iter().for_each(|(key, value)| {
                    all[key.as_str()] = value.clone();
                });
            }
            Some(all)
        }
        ValFilter::Attr(_) | ValFilter::Not(_) | ValFilter::Or(_) => None,
    }
}
