//! Decisions that were made.

use countersign_app::{App, Caller, time};
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Route};
use countersign_wire::{authzen, past};
use serde_json::Value as Json;

use crate::answer::Answer;
use crate::dispatch::{register_of, text};
use crate::request::Asked;

/// What is reported if no beginning is said: a day.
const LATELY: i64 = 86_400 * 1_000_000_000;

pub(crate) fn dispatch(
    app: &App,
    caller: &Caller,
    route: &Route,
    asked: &Asked,
) -> Result<Answer, Problem> {
    match route.kind {
        Kind::Explain => explain(app, caller, asked),
        Kind::DecisionsReport => report(app, caller, asked),
        Kind::TryPolicies => try_policies(app, caller, asked),
        _ => judge_at(app, caller, asked),
    }
}

fn explain(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    Ok(Answer::new(200, past::explained(&app.explain(caller, &asked.id)?)))
}

fn report(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    app.may_see_decisions(caller)?;
    let known = |name: &str| ["tenant", "since"].contains(&name);
    if let Some(other) = asked.query.keys().find(|name| !known(name)) {
        let detail = format!("there is no `{other}` here; there are tenant and since");
        return Err(Problem::new(400, "query.unknown", detail));
    }
    let tenant = asked
        .query
        .get("tenant")
        .ok_or_else(|| Problem::new(400, "query.tenant", "say which: `tenant` is a tenant's id"))?;
    let since = match asked.query.get("since") {
        None => app.now().plus_nanos(-LATELY),
        Some(text) => time(text).ok_or_else(|| no_time("since"))?,
    };
    Ok(Answer::new(200, past::report(&app.decisions_report(caller, tenant, since)?)))
}

fn judge_at(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    app.may_see_decisions(caller)?;
    let tenant = text(asked, "tenant")?;
    let at = time(text(asked, "at")?).ok_or_else(|| no_time("at"))?;
    let Json::Object(request) = &asked.body["request"] else {
        let detail = "`request` is a question as `/access/v1/evaluation` takes it";
        return Err(Problem::new(422, "invalid", detail));
    };
    let question = authzen::evaluation(request.clone())
        .map_err(|mistake| Problem::new(422, "invalid", mistake.0))?;
    Ok(Answer::new(200, app.decide_at(caller, tenant, &question, at)?))
}

fn try_policies(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    app.may_see_decisions(caller)?;
    let since = match &asked.body["since"] {
        Json::Null => app.now().plus_nanos(-LATELY),
        since => since.as_str().and_then(time).ok_or_else(|| no_time("since"))?,
    };
    let register = register_of(asked)?;
    Ok(Answer::new(200, past::trial(&app.try_policies(caller, &register, since)?)))
}

fn no_time(name: &str) -> Problem {
    let detail = format!("`{name}` is a time, such as `2026-11-17T09:30:00Z`");
    Problem::new(422, "invalid", detail)
}
