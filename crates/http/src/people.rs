//! Employees as a list.

use countersign_app::{App, Caller, End, Interval, Missing, PersonRow};
use countersign_wire::bodies;
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Route};
use serde_json::Value as Json;

use crate::answer::Answer;
use crate::request::Asked;

const ROWS_MAX: usize = 100_000;

pub(crate) fn import(
    app: &App,
    caller: &Caller,
    route: &Route,
    asked: &Asked,
) -> Result<Answer, Problem> {
    app.may_provision(caller)?;
    let invalid = |detail: String| Problem::new(422, "invalid", detail);
    let people = asked.body["people"].as_array().filter(|people| people.len() <= ROWS_MAX);
    let people = people
        .ok_or_else(|| invalid(format!("`people` is a list of up to {ROWS_MAX} employees")))?;
    let missing = match &asked.body["complete"] {
        Json::Null | Json::Bool(false) => Missing::Stay,
        Json::Bool(true) => Missing::Leave,
        _ => return Err(invalid("`complete` is true or false".to_owned())),
    };
    let rows = people
        .iter()
        .enumerate()
        .map(|(at, person)| row(person).map_err(|what| invalid(format!("`/people/{at}/{what}"))));
    let rows: Vec<PersonRow> = rows.collect::<Result<_, _>>()?;
    let plan = match route.kind {
        Kind::ImportPlan => app.plan_import(caller, &rows, missing)?,
        _ => app.import(caller, &rows, missing, &asked.act()?)?,
    };
    Ok(Answer::new(200, bodies::plan(&plan)))
}

/// One employee; else the rest of the pointer and what is wrong there.
fn row(person: &Json) -> Result<PersonRow, String> {
    let text = |key: &str| match &person[key] {
        Json::Null => Ok(None),
        Json::String(text) if text.is_empty() => Ok(None),
        Json::String(text) => Ok(Some(text.clone())),
        _ => Err(format!("{key}` is a text")),
    };
    let time = |key: &str| match text(key)? {
        None => Ok(None),
        Some(text) => countersign_app::time(&text)
            .map(Some)
            .ok_or_else(|| format!("{key}` is a time such as `2026-11-17`")),
    };
    let until = match person["employed_until"].as_str() {
        Some("never") => Some(End::Never),
        _ => time("employed_until")?.map(End::At),
    };
    let from = time("employed_from")?;
    if let (Some(from), Some(End::At(left))) = (from, until)
        && left < from
    {
        return Err("employed_until` is before `employed_from`".to_owned());
    }
    let id = text("id")?.ok_or("id` is missing")?;
    let (name, email) = (text("name")?, text("email")?);
    Ok(PersonRow { id, name, email, employed: Interval { from, until } })
}
