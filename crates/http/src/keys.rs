//! Keys over HTTP: of a machine of the register, and of a member that is an application.

use countersign_app::{App, Caller, time_text};
use countersign_wire::bodies;
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, MEMBER, Route};
use serde_json::{Value as Json, json};

use crate::answer::Answer;
use crate::request::Asked;

pub(crate) fn dispatch(
    app: &App,
    caller: &Caller,
    route: &Route,
    asked: &Asked,
) -> Result<Answer, Problem> {
    match route.kind {
        Kind::Keys => {
            let keys: Vec<Json> = app.member_keys(caller, &asked.id)?.iter().map(shown).collect();
            Ok(Answer::new(200, json!({"keys": keys})))
        }
        Kind::RevokeKey => {
            let key = asked.body["key"].as_str().unwrap_or_default();
            let why = asked.body["why"].as_str();
            app.revoke_member_key(caller, &asked.id, key, why)?;
            Ok(Answer::empty(204))
        }
        _ if route.noun == MEMBER => {
            let (made, key) = app.make_member_key(caller, &asked.id, until(asked)?)?;
            let mut body = bodies::made(&made);
            body["key"] = key.into();
            Ok(Answer::new(201, body))
        }
        _ => of_identity(app, caller, asked),
    }
}

fn shown(key: &countersign_app::Key) -> Json {
    let mut shown = json!({
        "key": key.id, "made": time_text(key.made), "ends": time_text(key.ends),
    });
    if let Some(revoked) = key.revoked {
        shown["revoked"] = time_text(revoked).into();
    }
    shown
}

fn until(asked: &Asked) -> Result<Option<countersign_app::Timestamp>, Problem> {
    match &asked.body["until"] {
        Json::Null => Ok(None),
        until => until.as_str().and_then(countersign_app::time).map(Some).ok_or_else(|| {
            Problem::new(422, "invalid", "`until` is a time such as `2026-12-24T00:00:00Z`")
        }),
    }
}

fn of_identity(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    let mut scope = json!({});
    for name in ["role", "organization", "sponsor", "tenant"] {
        if let Some(text) = asked.body[name].as_str() {
            scope[name] = text.into();
        }
    }
    let (made, credential) = app.make_key(caller, &asked.id, &scope, until(asked)?)?;
    let mut body = bodies::made(&made);
    body["credential"] = credential.into();
    Ok(Answer::new(201, body))
}
