//! From a route to its verb.

use countersign_app::{App, AppError, Caller, Register, SUBSCRIPTION, time_text};
use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, MEMBER, Route};
use countersign_wire::{bodies, cursor, openapi};
use serde_json::{Value as Json, json};

use crate::answer::Answer;
use crate::custody;
use crate::request::Asked;
use crate::{keys, past, people, scim, subscriptions};

const LIMIT: usize = 50;
const LIMIT_MAX: i64 = 200;

/// Does what a route is for. Runs on a thread that may wait for the store.
pub(crate) fn dispatch(app: &App, route: &Route, asked: &Asked) -> Result<Answer, Problem> {
    if route.is_open {
        return open(app, route, asked);
    }
    let token = asked.token.as_deref().ok_or(AppError::Unauthenticated)?;
    match route.kind {
        // Whoever is invited is nobody here yet but by what they hold.
        Kind::Invitation => return item(200, &app.invitation(token)?),
        Kind::Complete => return item(200, &app.complete_invitation(token, &asked.body)?),
        _ => (),
    }
    let caller = app.authenticate(token)?;
    match route.kind {
        Kind::List => list(app, &caller, route, asked),
        Kind::Read => item(200, &app.item(&caller, route.noun, &asked.id)?),
        Kind::Put => put(app, &caller, route, asked),
        Kind::Act => {
            item(200, &app.act(&caller, route.noun, &asked.id, route.verb, &asked.act()?)?)
        }
        Kind::History => history(app, &caller, route, asked),
        Kind::MakeKey | Kind::Keys | Kind::RevokeKey => keys::dispatch(app, &caller, route, asked),
        Kind::MakeCode => Ok(Answer::new(201, bodies::made(&app.code_for(&caller, &asked.id)?))),
        Kind::Templates | Kind::Fill | Kind::Invite => onboard(app, &caller, route, asked),
        Kind::MakeSecret => subscriptions::new_secret(app, &caller, asked),
        Kind::Deliveries => subscriptions::deliveries(app, &caller, asked),
        Kind::SignOut => {
            app.sign_out(&caller, token)?;
            Ok(Answer::empty(204))
        }
        Kind::Whoami => Ok(Answer::new(200, bodies::caller(&caller))),
        Kind::Export => {
            let files: Vec<Json> = app
                .export(&caller)?
                .into_iter()
                .map(|(name, text)| json!({"name": name, "text": text}))
                .collect();
            Ok(Answer::new(200, json!({"files": files})))
        }
        Kind::Plan | Kind::Apply => apply(app, &caller, route, asked),
        Kind::ImportPlan | Kind::Import => people::import(app, &caller, route, asked),
        Kind::Scim(kind) => scim::dispatch(app, &caller, kind, asked),
        Kind::Changes => changes(app, &caller, asked),
        Kind::Proof => crate::ledger::proof(app, &caller, asked),
        Kind::Explain | Kind::DecisionsReport | Kind::JudgeAt | Kind::TryPolicies => {
            past::dispatch(app, &caller, route, asked)
        }
        Kind::RotateKey => custody::rotate_key(app, &caller, asked),
        Kind::Erase => custody::erase(app, &caller, route, asked),
        Kind::Hold => custody::hold(app, &caller, route, asked),
        Kind::Release => {
            app.may_custody(&caller, route.noun, &asked.id, route.verb)?;
            let why = asked.act()?.why;
            item(200, &app.release(&caller, &asked.id, why.as_deref())?)
        }
        Kind::KeepHold => item(200, &app.keep_hold(&caller, &asked.id)?),
        Kind::Ledger
        | Kind::Metadata
        | Kind::ForwardAuth
        | Kind::ExtAuthz
        | Kind::SigningKeys
        | Kind::Evaluation
        | Kind::Evaluations
        | Kind::Search(_)
        | Kind::OpenApi
        | Kind::Health
        | Kind::Ready
        | Kind::SignIn
        | Kind::DirectorySignIn
        | Kind::DirectoryReturn
        | Kind::Invitation
        | Kind::Complete => open(app, route, asked),
    }
}

fn onboard(app: &App, caller: &Caller, route: &Route, asked: &Asked) -> Result<Answer, Problem> {
    match route.kind {
        Kind::Templates => {
            let all = app.templates(caller)?;
            let all: Vec<Json> = all.iter().map(bodies::template).collect();
            Ok(Answer::new(200, json!({"templates": all})))
        }
        Kind::Fill => {
            let made = app.fill_template(caller, &asked.id, &asked.act()?)?;
            Ok(Answer::new(201, bodies::items(&made)))
        }
        _ => {
            let (made, view) = app.invite(caller, &asked.id, &asked.act()?)?;
            Ok(Answer::new(201, bodies::invited(&made, &view)))
        }
    }
}

/// What needs no token.
fn open(app: &App, route: &Route, asked: &Asked) -> Result<Answer, Problem> {
    match route.kind {
        Kind::Scim(kind) => Ok(scim::about(kind)),
        Kind::OpenApi => Ok(Answer::new(200, openapi::document())),
        Kind::Ready => {
            app.ready()?;
            let mut body = json!({"status": "ready", "waiting": subscriptions::waiting(app)?});
            if let Some(seen) = app.facts_seen() {
                body["facts_as_of"] = time_text(seen).into();
            }
            Ok(Answer::new(200, body))
        }
        Kind::SignIn => {
            let code = text(asked, "code")?;
            Ok(Answer::new(201, bodies::made(&app.sign_in(code)?)))
        }
        _ => Ok(Answer::new(200, json!({"status": "up"}))),
    }
}

pub(crate) fn item(status: u16, view: &countersign_app::View) -> Result<Answer, Problem> {
    Ok(Answer { status, body: Some(bodies::item(view)), rev: Some(view.rev) })
}

fn list(app: &App, caller: &Caller, route: &Route, asked: &Asked) -> Result<Answer, Problem> {
    const KNOWN: [&str; 7] =
        ["state", "organization", "sponsor", "about", "parent", "cursor", "limit"];
    if let Some(other) = asked.query.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        let detail = format!("there is no filter `{other}`; there are {}", KNOWN.join(", "));
        return Err(Problem::new(400, "query.unknown", detail));
    }
    let after = match asked.query.get("cursor") {
        Some(text) => cursor::to_id(text).ok_or_else(bad_cursor)?,
        None => String::new(),
    };
    let limit = match asked.number("limit")? {
        None => LIMIT,
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => usize::try_from(limit).unwrap_or(LIMIT),
        Some(_) => {
            let detail = format!("`limit` is from 1 to {LIMIT_MAX}");
            return Err(Problem::new(400, "query.limit", detail));
        }
    };
    let wanted = |name: &str| asked.query.get(name).cloned();
    let filter = countersign_app::Filter {
        state: wanted("state"),
        organization: wanted("organization"),
        sponsor: wanted("sponsor"),
        about: wanted("about"),
        parent: wanted("parent"),
        among: None,
        after,
        limit,
    };
    Ok(Answer::new(200, bodies::page(&app.list(caller, route.noun, filter)?)))
}

fn bad_cursor() -> Problem {
    Problem::new(400, "query.cursor", "give `cursor` as it came in `next`, or leave it out")
}

fn put(app: &App, caller: &Caller, route: &Route, asked: &Asked) -> Result<Answer, Problem> {
    let own = asked.body["id"].as_str();
    let is_settings = route.noun == countersign_app::SETTINGS;
    if !is_settings && own != Some(asked.id.as_str()) {
        let detail = "the document's `id` is the one in the path";
        return Err(Problem::new(422, "invalid", detail));
    }
    if is_settings && asked.id != countersign_app::SETTINGS_ID {
        return Err(Problem::new(
            404,
            "not_found",
            "there is one document of settings: `register`",
        ));
    }
    let act = countersign_app::Act { why: None, ..asked.act()? };
    let view = match route.noun {
        SUBSCRIPTION => return subscriptions::put(app, caller, &act, asked),
        MEMBER => app.put_member(caller, &asked.body, &act)?,
        noun => app.put(caller, noun, &asked.body, &act)?,
    };
    item(if act.rev.is_some() { 200 } else { 201 }, &view)
}

fn history(app: &App, caller: &Caller, route: &Route, asked: &Asked) -> Result<Answer, Problem> {
    let before = asked.number("before")?;
    let changes = app.history(caller, route.noun, &asked.id, before)?;
    let next = changes.last().map(|change| change.cursor.seq.to_string());
    let changes: Vec<Json> = changes.iter().map(bodies::change).collect();
    Ok(Answer::new(200, json!({"changes": changes, "next": next})))
}

fn changes(app: &App, caller: &Caller, asked: &Asked) -> Result<Answer, Problem> {
    let after = match asked.query.get("cursor") {
        Some(text) => cursor::to_place(text).ok_or_else(bad_cursor)?,
        None => (0, 0),
    };
    let (changes, next) = app.changes(caller, after)?;
    let changes: Vec<Json> = changes.iter().map(bodies::change).collect();
    let next = cursor::of_place(next.0, next.1);
    Ok(Answer::new(200, json!({"changes": changes, "next": next})))
}

fn apply(app: &App, caller: &Caller, route: &Route, asked: &Asked) -> Result<Answer, Problem> {
    app.may_apply(caller)?;
    let register = register_of(asked)?;
    let plan = match route.kind {
        Kind::Plan => app.plan(caller, &register)?,
        _ => app.apply(caller, &register, &asked.act()?)?,
    };
    Ok(Answer::new(200, bodies::plan(&plan)))
}

/// The register that was sent as files.
pub(crate) fn register_of(asked: &Asked) -> Result<Register, Problem> {
    let files = asked.body["files"].as_array().ok_or_else(|| {
        Problem::new(422, "invalid", "`files` is a list of `{\"name\": …, \"text\": …}`")
    })?;
    let mut read = Vec::with_capacity(files.len());
    for file in files {
        let (Some(name), Some(text)) = (file["name"].as_str(), file["text"].as_str()) else {
            return Err(Problem::new(422, "invalid", "each file has a `name` and a `text`"));
        };
        read.push((name.to_owned(), text.to_owned()));
    }
    let (register, mistakes) = countersign_app::parse_register(&read);
    if mistakes.is_empty() { Ok(register) } else { Err(Problem::mistakes(&mistakes)) }
}

pub(crate) fn text<'a>(asked: &'a Asked, name: &str) -> Result<&'a str, Problem> {
    asked.body[name].as_str().ok_or_else(|| {
        Problem::new(422, "invalid", format!("`{name}` is a text, and must be there"))
    })
}
