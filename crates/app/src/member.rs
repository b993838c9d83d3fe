//! What a member's document may say, and who must stay.

use countersign_store::items::Filter;
use serde_json::Value as Json;

use crate::documents::parse;
use crate::{App, AppError, effect};

const MEMBER: &str = "member";
const KEYS: [&str; 9] =
    ["id", "role", "name", "email", "organization", "sponsor", "tenant", "oidc_subject", "why"];
const TEXT_BYTES_MAX: usize = 256;

/// # Errors
/// `Invalid` if it has another key, or a value that is no short text.
pub(crate) fn check(document: &Json) -> Result<(), AppError> {
    for (key, value) in document.as_object().into_iter().flatten() {
        let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        if !KEYS.contains(&key.as_str()) {
            let fix = format!("its keys are {}", KEYS.join(", "));
            return Err(AppError::invalid(&pointer, "is no key of a member", &fix));
        }
        let is_text = value.as_str().is_some_and(|text| text.len() <= TEXT_BYTES_MAX);
        if !is_text && key != "why" {
            let fix = "write a text of up to 256 bytes";
            return Err(AppError::invalid(&pointer, "is no text", fix));
        }
    }
    Ok(())
}

impl App {
    /// # Errors
    /// `Refused` if nobody but `id` is an owner: nobody could make one again.
    pub(crate) fn demand_other_owner(&self, id: &str) -> Result<(), AppError> {
        let filter = Filter { state: Some(effect::CURRENT.to_owned()), ..Filter::default() };
        for item in self.every(MEMBER, &filter)? {
            if item.id != id && parse(&item.body)?["role"] == "owner" {
                return Ok(());
            }
        }
        let was_owner = match self.store.item(MEMBER, id)? {
            Some(item) => item.state == effect::CURRENT && parse(&item.body)?["role"] == "owner",
            None => false,
        };
        let text = "there is no other owner; make one first";
        if was_owner { Err(AppError::refused("member.last_owner", text)) } else { Ok(()) }
    }
}
