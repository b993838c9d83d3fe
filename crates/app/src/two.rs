//! What needs two people: the first one's word is kept as asked, and another one's makes it happen.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use countersign_judge::Guardrails;
use countersign_model::time::Timestamp;
use countersign_register::Document;
use countersign_store::items::Item;
use serde_json::{Value as Json, json};

use crate::apply::{changed_keys, is_no_fact};
use crate::correct::is_less;
use crate::documents::parse;
use crate::{AppError, Caller};

/// Where the first one's word stands in an item's process.
const ASKED: &str = "asked";

/// Whose word this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// Kept; nothing happens yet.
    First,
    /// The principal who asked first.
    Second(String),
}

/// Whether a verb switches off a guardrail: who approves an exception to one approves that what it
/// refuses is allowed.
pub(crate) fn needs_two(noun: &str, verb: &str, body: &Json) -> bool {
    let rule = body["rule"].as_str().unwrap_or_default();
    noun == "exception" && verb == "approve" && GUARDRAILS.contains(rule)
}

/// Whether a document, as code, says that an exception to a guardrail is in force which two people did
/// not approve as it is now.
pub(crate) fn lacks_two(document: &Document, before: Option<&Item>) -> Result<bool, AppError> {
    let (noun, new) = (document.noun, &document.body);
    // Without an approver it is asked, and sets nothing aside.
    if !needs_two(noun, "approve", new) || new["approved_by"].is_null() {
        return Ok(false);
    }
    let Some(item) = before.filter(|item| !is_no_fact(noun, &item.state)) else { return Ok(true) };
    let old = parse(&item.body)?;
    let keys = changed_keys(&old, new);
    Ok(keys.iter().any(|key| !is_less(key, old.get(key), new.get(key))))
}

/// # Errors
/// `Refused` if there is any, with what works in its place.
pub(crate) fn refuse_by_one(ids: &[String]) -> Result<(), AppError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "an exception to a guardrail takes two people, and no register puts one in force, extends it or \
         widens it: {ids}. Leave out `approved_by`, so that it is asked, and have two sponsors approve \
         it: `act exceptions ID approve`"
    );
    Err(AppError::refused("exception.needs_two", text))
}

/// The codes of the guardrails that are shipped, and of the one that no policy is: that a decision has
/// its record.
static GUARDRAILS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let shipped = Guardrails::shipped().reasons().into_iter().map(|reason| reason.code);
    shipped.chain([crate::decide::UNAVAILABLE.to_owned()]).collect()
});

/// Takes the caller's word for `verb`. A word for another verb is not counted.
///
/// # Errors
/// `Refused` if it is the same person again.
pub(crate) fn word(
    process: &mut Json,
    verb: &str,
    caller: &Caller,
    at: Timestamp,
) -> Result<Word, AppError> {
    let asked = &process[ASKED];
    let Some(first) = asked["by"].as_str().filter(|_| asked["verb"] == verb) else {
        if !process.is_object() {
            *process = json!({});
        }
        process[ASKED] = json!({
            "verb": verb,
            "by": caller.principal,
            "sponsor": caller.sponsor,
            "at": countersign_register::time_text(at),
        });
        return Ok(Word::First);
    };
    // One employee with a session and a key of their own is one person.
    let is_same_sponsor =
        caller.sponsor.is_some() && asked["sponsor"].as_str() == caller.sponsor.as_deref();
    if first == caller.principal || is_same_sponsor {
        let text = format!("you have asked for it; another person who may `{verb}` confirms it");
        return Err(AppError::refused("second_person", text));
    }
    let first = first.to_owned();
    if let Some(process) = process.as_object_mut() {
        process.remove(ASKED);
    }
    Ok(Word::Second(first))
}

/// Takes back what was asked; `false` if nothing was.
pub(crate) fn forget(process: &mut Json) -> bool {
    process.as_object_mut().is_some_and(|process| process.remove(ASKED).is_some())
}
