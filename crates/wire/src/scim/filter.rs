//! Filters of RFC 7644, section 3.4.2.2, asked of a user as we write it.

use std::cmp::Ordering;

use countersign_app::Sought;
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};
use serde_json::Value as Json;

use super::{USER, wrong};
use crate::problem::Problem;

const FILTER_BYTES_MAX: usize = 4_096;
/// The same in any case of letters, unless it is one of these (RFC 7643, section 4.1.1).
const CASE_EXACT: [&str; 5] = ["id", "externalid", "meta", "schemas", "version"];

/// A filter that can be asked.
#[derive(Debug, Clone)]
pub struct Wanted(Filter);

/// Reads a filter.
///
/// # Errors
/// `invalidFilter`, also if it compares what has no order.
pub fn parse(text: &str) -> Result<Wanted, Problem> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(wrong("invalidFilter", format!("a filter has up to {FILTER_BYTES_MAX} bytes")));
    }
    let filter: Filter = text.parse().map_err(|_| {
        let detail = "the filter cannot be read; one such as `userName eq \"ann@example.com\"` can";
        wrong("invalidFilter", detail)
    })?;
    orders(&filter)?;
    Ok(Wanted(filter))
}

impl Wanted {
    /// Whether a user is one of those sought.
    pub fn holds(&self, user: &Json) -> bool {
        holds(&self.0, user)
    }

    /// By what they are found without a look at everybody.
    pub fn sought(&self) -> Sought<'_> {
        let mut sought = Sought::default();
        narrow(&self.0, &mut sought);
        sought
    }
}

fn narrow<'a>(filter: &'a Filter, sought: &mut Sought<'a>) {
    match filter {
        Filter::And(parts) => parts.as_slice().iter().for_each(|part| narrow(part, sought)),
        Filter::Attr(AttrExp::Comparison(path, CompareOp::Eq, CompValue::Str(text)))
            if path.sub_attr.is_none() && is_ours(path) =>
        {
            match path.name.to_lowercase().as_str() {
                "id" => sought.id = Some(text),
                "username" => sought.user_name = Some(text),
                "externalid" => sought.external_id = Some(text),
                _ => (),
            }
        }
        _ => (),
    }
}

/// True and false have no order (RFC 7644, table 3).
fn orders(filter: &Filter) -> Result<(), Problem> {
    match filter {
        Filter::Attr(expression) => ordered(expression),
        Filter::ValuePath(path) => value_orders(&path.filter),
        Filter::Not(inner) => orders(inner),
        Filter::And(parts) | Filter::Or(parts) => parts.as_slice().iter().try_for_each(orders),
    }
}

fn value_orders(filter: &ValFilter) -> Result<(), Problem> {
    match filter {
        ValFilter::Attr(expression) => ordered(expression),
        ValFilter::Not(inner) => value_orders(inner),
        ValFilter::And(parts) | ValFilter::Or(parts) => {
            parts.as_slice().iter().try_for_each(value_orders)
        }
    }
}

fn ordered(expression: &AttrExp) -> Result<(), Problem> {
    let AttrExp::Comparison(_, op, value) = expression else { return Ok(()) };
    let is_plain = matches!(op, CompareOp::Eq | CompareOp::Ne);
    let has_order = matches!(value, CompValue::Str(_) | CompValue::Number(_));
    if is_plain || has_order {
        return Ok(());
    }
    let detail =
        format!("`{op}` compares texts and numbers; ask `eq` or `ne` of true, false and null");
    Err(wrong("invalidFilter", detail))
}

fn holds(filter: &Filter, user: &Json) -> bool {
    match filter {
        Filter::Attr(expression) => expressed(expression, user),
        Filter::ValuePath(path) => {
            values(user, &path.attr).iter().any(|value| value_holds(&path.filter, value))
        }
        Filter::Not(inner) => !holds(inner, user),
        Filter::And(parts) => parts.as_slice().iter().all(|part| holds(part, user)),
        Filter::Or(parts) => parts.as_slice().iter().any(|part| holds(part, user)),
    }
}

/// Whether one value of an attribute of many values is one of those sought.
pub(super) fn value_holds(filter: &ValFilter, value: &Json) -> bool {
    match filter {
        ValFilter::Attr(expression) => expressed(expression, value),
        ValFilter::Not(inner) => !value_holds(inner, value),
        ValFilter::And(parts) => parts.as_slice().iter().all(|part| value_holds(part, value)),
        ValFilter::Or(parts) => parts.as_slice().iter().any(|part| value_holds(part, value)),
    }
}

fn expressed(expression: &AttrExp, of: &Json) -> bool {
    match expression {
        AttrExp::Present(path) => values(of, path).into_iter().any(is_present),
        AttrExp::Comparison(path, op, wanted) => {
            let found = values(of, path);
            let equal = |value: &&Json| compares(path, value, &CompareOp::Eq, wanted);
            match (op, wanted) {
                (CompareOp::Eq, CompValue::Null) => !found.into_iter().any(is_present),
                (CompareOp::Ne, CompValue::Null) => found.into_iter().any(is_present),
                (CompareOp::Ne, _) => !found.iter().any(equal),
                (op, wanted) => found.into_iter().any(|value| compares(path, value, op, wanted)),
            }
        }
    }
}

fn is_present(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(values) => !values.is_empty(),
        Json::Object(fields) => !fields.is_empty(),
        Json::Bool(_) | Json::Number(_) => true,
    }
}

pub(super) fn is_ours(path: &AttrPath) -> bool {
    path.uri.as_ref().is_none_or(|uri| uri.eq_ignore_ascii_case(USER))
}

/// The values under a path: of many values each, and of those `value` if nothing else is said.
fn values<'a>(of: &'a Json, path: &AttrPath) -> Vec<&'a Json> {
    if !is_ours(path) {
        return Vec::new();
    }
    let many = |value: &'a Json| -> Vec<&'a Json> {
        match value {
            Json::Array(values) => values.iter().collect(),
            value => vec![value],
        }
    };
    let found = field(of, &path.name).map(many).unwrap_or_default();
    match &path.sub_attr {
        Some(sub) => found.into_iter().filter_map(|value| field(value, sub)).collect(),
        None => found,
    }
}

fn field<'a>(of: &'a Json, name: &str) -> Option<&'a Json> {
    let mut fields = of.as_object()?.iter();
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn compares(path: &AttrPath, value: &Json, op: &CompareOp, wanted: &CompValue) -> bool {
    // `emails eq "x"` asks of their `value`.
    let value = if value.is_object() { &value["value"] } else { value };
    match (value, wanted) {
        (Json::Bool(flag), CompValue::True) => *op == CompareOp::Eq && *flag,
        (Json::Bool(flag), CompValue::False) => *op == CompareOp::Eq && !*flag,
        (Json::String(text), CompValue::Str(wanted)) => texts(path, text, op, wanted),
        _ => false,
    }
}

fn texts(path: &AttrPath, text: &str, op: &CompareOp, wanted: &str) -> bool {
    let name = path.name.to_lowercase();
    let times = countersign_app::time(text).zip(countersign_app::time(wanted));
    if let ("meta", Some((time, wanted))) = (name.as_str(), times) {
        return in_order(time.cmp(&wanted), op);
    }
    let (text, wanted) = match CASE_EXACT.contains(&name.as_str()) {
        true => (text.to_owned(), wanted.to_owned()),
        false => (text.to_lowercase(), wanted.to_lowercase()),
    };
    match op {
        CompareOp::Co => text.contains(&wanted),
        CompareOp::Sw => text.starts_with(&wanted),
        CompareOp::Ew => text.ends_with(&wanted),
        op => in_order(text.cmp(&wanted), op),
    }
}

fn in_order(order: Ordering, op: &CompareOp) -> bool {
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}
