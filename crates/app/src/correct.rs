//! What of a document may be corrected. A correction never does what takes a verb or an approval; the
//! one other way is an apply as code, which is evidence of its own.

use countersign_model::lifecycle;
use countersign_store::items::Item;
use serde_json::Value as Json;

use crate::apply::is_no_fact;
use crate::ends::is_over;
use crate::{AppError, two};

/// Keys that only verbs change.
const BY_VERBS: [(&str, &[&str]); 5] = [
    ("organization", &["state", "suspended"]),
    ("identity", &["suspended"]),
    ("credential", &["revoked"]),
    ("trust_path", &["accepted_by"]),
    ("sponsor", &["successor"]),
];

/// # Errors
/// `Refused` with what would work.
pub(crate) fn may_correct(item: &Item, old: &Json, new: &Json) -> Result<(), AppError> {
    let (noun, id) = (item.noun.as_str(), &item.id);
    if lifecycle::Noun::parse(noun).is_some() && is_over(item) && !is_no_fact(noun, &item.state) {
        let text = format!("`{id}` is {}: make what succeeds it, or apply it as code", item.state);
        return Err(AppError::refused("change.over", text));
    }
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return Ok(()) };
    let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    for key in keys.filter(|key| old.get(*key) != new.get(*key)) {
        let by_verbs =
            BY_VERBS.iter().find(|(of, _)| *of == noun).map_or(&[][..], |(_, keys)| keys);
        if by_verbs.contains(&key.as_str()) {
            let text = format!("`{key}` is changed by the verbs of a {noun}, not by its document");
            return Err(AppError::refused("change.by_verb", text));
        }
        let was_approved = match noun {
            "grant" | "exception" => true,
            "trust_path" => item.state != "proposed",
            _ => false,
        };
        if was_approved && !is_less(key, old.get(key), new.get(key)) {
            let or = match two::needs_two(noun, "approve", &Json::Object(old.clone())) {
                true => "",
                false => ", or apply it as code",
            };
            let text =
                format!("`{key}` was approved as it is; end this one and ask for another{or}");
            return Err(AppError::refused("change.needs_approval", text));
        }
    }
    Ok(())
}

/// Whether the new value of a key permits less than the old one.
pub(crate) fn is_less(key: &str, old: Option<&Json>, new: Option<&Json>) -> bool {
    let time = |value: Option<&Json>| value?.as_str().and_then(countersign_register::time);
    let (before, after) = (time(old), time(new));
    match key {
        "justification" => true,
        "until" | "review_due" | "revalidate_by" => {
            after.is_some_and(|after| before.is_none_or(|before| after < before))
        }
        "from" => before.zip(after).is_some_and(|(before, after)| before < after),
        _ => false,
    }
}
