//! SCIM 2.0 over HTTP: users are sponsors.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, Response};
use countersign_app::{Act, App, AppError, Caller, Sought, View};
use countersign_wire::problem::Problem;
use countersign_wire::scim::{self as wire, PAGE_MAX, Scim, filter, patch};
use serde_json::Value as Json;

use crate::answer::{self, Answer};
use crate::request::Asked;

/// A patch that loses a race this often says so.
const TRIES: usize = 5;

/// As SCIM writes it: its media type, its errors, and where a new resource is.
pub(crate) fn response(answer: Result<Answer, Problem>) -> Response<Body> {
    let location = match &answer {
        Ok(Answer { status: 201, body: Some(body), .. }) => {
            body["meta"]["location"].as_str().and_then(|text| HeaderValue::from_str(text).ok())
        }
        _ => None,
    };
    let answer =
        answer.unwrap_or_else(|problem| Answer::new(wire::status(&problem), wire::error(&problem)));
    let mut response = answer::response(Ok(answer));
    let headers = response.headers_mut();
    if headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    }
    if let Some(location) = location {
        headers.insert(LOCATION, location);
    }
    response
}

/// What needs no token.
pub(crate) fn about(kind: Scim) -> Answer {
    let body = match kind {
        Scim::ResourceTypes => wire::schemas(wire::resource_types()),
        Scim::ResourceType => wire::resource_types(),
        Scim::Schemas => wire::schemas(wire::schema()),
        Scim::Schema => wire::schema(),
        _ => wire::config(),
    };
    Answer::new(200, body)
}

pub(crate) fn dispatch(
    app: &App,
    caller: &Caller,
    kind: Scim,
    asked: &Asked,
) -> Result<Answer, Problem> {
    let act = Act { why: None, id: None, arguments: Json::Null, ..asked.act()? };
    match kind {
        Scim::List => list(app, caller, asked),
        Scim::Read => user(200, &app.person(caller, &asked.id)?, asked),
        Scim::Create => {
            app.may_provision(caller)?;
            let person = wire::person(&asked.body)?;
            user(201, &app.person_arrives(caller, &person, &act)?, asked)
        }
        Scim::Replace => replace(app, caller, asked, &act),
        Scim::Patch => change(app, caller, asked, &act),
        Scim::Delete => {
            app.person_leaves(caller, &asked.id, &act)?;
            Ok(Answer::empty(204))
        }
        kind => Ok(about(kind)),
    }
}

fn user(status: u16, view: &View, asked: &Asked) -> Result<Answer, Problem> {
    let body = projected(&wire::user(view), asked);
    Ok(Answer { status, body: Some(body), rev: Some(view.rev) })
}

fn projected(user: &Json, asked: &Asked) -> Json {
    let wanted = |name: &str| {
        let mut pairs = asked.query.iter();
        let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    wire::projected(user, wanted("attributes"), wanted("excludedAttributes"))
}

fn replace(app: &App, caller: &Caller, asked: &Asked, act: &Act) -> Result<Answer, Problem> {
    let now = app.person_to_change(caller, &asked.id)?;
    let mut wanted = wire::canonical(&asked.body)?;
    // What is not said of `active` is not changed: a client that leaves it out takes nobody back.
    if wanted["active"].is_null() {
        wanted["active"] = wire::user(&now)["active"].clone();
    }
    user(200, &app.person_is(caller, &asked.id, &wire::person(&wanted)?, act)?, asked)
}

fn change(app: &App, caller: &Caller, asked: &Asked, act: &Act) -> Result<Answer, Problem> {
    let mut tries = 0;
    loop {
        tries += 1;
        let now = app.person_to_change(caller, &asked.id)?;
        let wanted = wire::person(&patch::apply(&wire::user(&now), &asked.body)?)?;
        let based = Act { rev: act.rev.or(Some(now.rev)), ..act.clone() };
        match app.person_is(caller, &asked.id, &wanted, &based) {
            Err(AppError::Stale { .. }) if act.rev.is_none() && tries < TRIES => (),
            result => return user(200, &result?, asked),
        }
    }
}

fn list(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    let number =
        |name: &str, default: i64| asked.number(name).map(|found| found.unwrap_or(default));
    // Below 1 means 1 and below 0 means 0 (RFC 7644, table 6).
    let start = usize::try_from(number("startIndex", 1)?.max(1)).unwrap_or(usize::MAX);
    let count = number("count", i64::try_from(PAGE_MAX).unwrap_or(i64::MAX))?.max(0);
    let count = usize::try_from(count).unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let wanted = asked.query.get("filter").map(|text| filter::parse(text)).transpose()?;
    let sought = wanted.as_ref().map_or(Sought::default(), filter::Wanted::sought);
    let mut users = Vec::new();
    let mut total = 0_usize;
    app.each_person(caller, sought, &mut |view| {
        let user = wire::user(&view);
        if wanted.as_ref().is_none_or(|wanted| wanted.holds(&user)) {
            total += 1;
            if total >= start && users.len() < count {
                users.push(projected(&user, asked));
            }
        }
    })?;
    Ok(Answer::new(200, wire::list(users, total, start)))
}
