//! Subscriptions, whose secrets are in answers and nowhere else.

use countersign_app::{Act, App, AppError, Caller};
use countersign_wire::bodies;
use countersign_wire::problem::Problem;
use serde_json::{Value as Json, json};

use crate::answer::Answer;
use crate::dispatch::item;
use crate::request::Asked;

pub(crate) fn put(app: &App, caller: &Caller, act: &Act, asked: &Asked) -> Result<Answer, Problem> {
    let (view, secret) = app.put_subscription(caller, &asked.body, act)?;
    let mut answer = item(if act.rev.is_some() { 200 } else { 201 }, &view)?;
    if let (Some(body), Some(secret)) = (&mut answer.body, secret) {
        body["secret"] = secret.into();
    }
    Ok(answer)
}

pub(crate) fn new_secret(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    let secret = app.rotate_secret(caller, &asked.id, &asked.act()?)?;
    Ok(Answer::new(201, json!({"secret": secret})))
}

pub(crate) fn deliveries(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    let deliveries = app.subscription_deliveries(caller, &asked.id)?;
    let deliveries: Vec<Json> = deliveries.iter().map(bodies::delivery).collect();
    Ok(Answer::new(200, json!({"deliveries": deliveries})))
}

/// How many messages of each kind have not been sent.
pub(crate) fn waiting(app: &App) -> Result<Json, Problem> {
    let mut waiting = json!({});
    for count in app.store().outbox_counts().map_err(AppError::from)? {
        waiting[count.kind.as_str()] = count.waiting.into();
    }
    Ok(waiting)
}
