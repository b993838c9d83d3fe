//! What needs two people: the first one's word is kept as asked, and another one's makes it happen.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use countersign_judge::Guardrails;
use countersign_model::time::Timestamp;
use serde_json::{Value as Json, json};

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

/// The codes of the guardrails that are shipped.
static GUARDRAILS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    Guardrails::shipped().reasons().into_iter().map(|reason| reason.code.to_owned()).collect()
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
