//! Erasures and holds.

use countersign_app::{App, Caller, Erasing};
use countersign_wire::bodies;
use countersign_wire::problem::Problem;
use countersign_wire::routes::Route;
use serde_json::json;

use crate::answer::Answer;
use crate::dispatch::{item, text};
use crate::request::Asked;

pub(crate) fn erase(
    app: &App,
    caller: &Caller,
    route: &Route,
    asked: &Asked,
) -> Result<Answer, Problem> {
    app.may_custody(caller, route.noun, &asked.id, "erase")?;
    let order = text(asked, "order")?;
    let id = Erasing::order(order).ok_or_else(|| {
        Problem::new(422, "invalid", "`order` is a UUID, such as that of the request to you")
    })?;
    let erasing = Erasing { order: id, ground: text(asked, "ground")? };
    let (view, versions) = app.erase(caller, (route.noun, &asked.id), &erasing)?;
    let body = json!({"item": bodies::item(&view), "order": order, "versions": versions});
    Ok(Answer { rev: Some(view.rev), ..Answer::new(200, body) })
}

pub(crate) fn hold(
    app: &App,
    caller: &Caller,
    route: &Route,
    asked: &Asked,
) -> Result<Answer, Problem> {
    app.may_custody(caller, route.noun, &asked.id, "hold")?;
    let (ground, why) = (text(asked, "ground")?, asked.act()?.why);
    item(201, &app.hold(caller, (route.noun, &asked.id), ground, why.as_deref())?)
}

pub(crate) fn rotate_key(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    app.may_rotate_key(caller)?;
    let why = asked.act()?.why;
    item(200, &app.rotate_key(caller, why.as_deref())?)
}
