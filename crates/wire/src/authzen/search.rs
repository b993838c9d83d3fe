//! Subject, resource and action search (Authorization API 1.0, section 8).

use countersign_app::{Action, Found, Question, Search, Seek};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{Mistake, Needs, map, mistake, named, thing, written};

/// The body of `/access/v1/search/…`. What is sought may have an id, which is ignored.
///
/// # Errors
/// What is missing or of another type.
pub fn search(seek: Seek, mut body: Map<String, Json>) -> Result<Search, Mistake> {
    let mut take = |name: &str| body.remove(name);
    let needs = |one: Seek| if seek == one { Needs::Type } else { Needs::Id };
    let subject = thing("subject", take("subject"), needs(Seek::Subject))?;
    let action = match seek {
        Seek::Action => Action::default(),
        Seek::Subject | Seek::Resource => named(take("action"))?,
    };
    let resource = thing("resource", take("resource"), needs(Seek::Resource))?;
    let context = map("context", take("context"))?;
    let mut page = map("page", take("page"))?;
    let token = match page.remove("token") {
        None | Some(Json::Null) => None,
        Some(Json::String(token)) if !token.is_empty() => Some(token),
        Some(Json::String(_)) => return mistake("`page.token` is empty: that page was the last"),
        Some(_) => return mistake("`page.token` is not a text"),
    };
    let limit = match page.remove("limit") {
        None | Some(Json::Null) => None,
        Some(limit) => match limit.as_u64() {
            Some(limit) => Some(usize::try_from(limit).unwrap_or(usize::MAX)),
            None => return mistake("`page.limit` is not a whole number from 0 on"),
        },
    };
    let question = Question { subject, action, resource, context };
    Ok(Search { seek, question, token, limit })
}

/// What was found, as section 8.3 has it: the page first.
pub fn search_answer(search: &Search, found: &Found) -> Vec<u8> {
    let results = found.results.iter().map(|result| match search.seek {
        Seek::Subject => Entity::Thing { kind: &search.question.subject.kind, id: result },
        Seek::Resource => Entity::Thing { kind: &search.question.resource.kind, id: result },
        Seek::Action => Entity::Action { name: result },
    });
    let next_token = found.next.as_deref().unwrap_or_default();
    written(&Answer {
        page: Page { next_token, count: found.results.len() },
        context: Said { evidence_id: found.id.to_string(), mode: found.mode.as_str() },
        results: results.collect(),
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    page: Page<'a>,
    context: Said,
    results: Vec<Entity<'a>>,
}

#[derive(Serialize)]
struct Page<'a> {
    next_token: &'a str,
    count: usize,
}

#[derive(Serialize)]
struct Said {
    evidence_id: String,
    mode: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entity<'a> {
    Thing {
        #[serde(rename = "type")]
        kind: &'a str,
        id: &'a str,
    },
    Action {
        name: &'a str,
    },
}
