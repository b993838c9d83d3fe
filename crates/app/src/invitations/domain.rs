//! Domains and keys of an invitation that was completed.

use countersign_model::time::{Duration, Timestamp};
use serde_json::{Value as Json, json};

use super::Resolve;
use crate::AppError;

/// How long a key given by invitation is taken if they do not say.
const KEY_LASTS: Duration = Duration(365 * 86_400 * 1_000_000_000);

/// Marks the domains whose record is there; how many more that are than before. Where there is no
/// answer nothing is known, and it is asked again another time.
pub(super) fn prove(body: &mut Json, resolve: Resolve<'_>, at: Timestamp) -> usize {
    let Some(domains) = body["given"]["domains"].as_array_mut() else { return 0 };
    let mut proven = 0;
    for domain in domains.iter_mut().filter(|domain| domain["proven"].is_null()) {
        let Some(record) = domain["record"].as_str() else { continue };
        let Ok(texts) = resolve(record) else { continue };
        if texts.iter().any(|text| domain["value"].as_str() == Some(text.trim())) {
            domain["proven"] = countersign_register::time_text(at).into();
            proven += 1;
        }
    }
    proven
}

pub(super) fn all_proven(body: &Json) -> Result<(), AppError> {
    let domains = body["given"]["domains"].as_array().map_or(&[][..], Vec::as_slice);
    match domains.iter().find(|domain| domain["proven"].is_null()) {
        None => Ok(()),
        Some(domain) => {
            let text = |key: &str| domain[key].as_str().unwrap_or_default();
            Err(AppError::refused(
                "invitation.domain_unproven",
                format!(
                    "`{}` is not proven: its TXT record `{}` is to say `{}`",
                    text("domain"),
                    text("record"),
                    text("value")
                ),
            ))
        }
    }
}

/// The credentials that the keys become, with their ids.
pub(super) fn credentials(body: &Json, at: Timestamp) -> Vec<(String, Json)> {
    let keys = body["given"]["keys"].as_array().map_or(&[][..], Vec::as_slice);
    let credential = |key: &Json| {
        let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
        let digest = crate::digest(text("handle").as_bytes());
        let hex: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let id = format!("key-{hex}");
        let until = key["until"].as_str().map_or_else(
            || countersign_register::time_text(at.plus_nanos(KEY_LASTS.0)),
            str::to_owned,
        );
        let body = json!({
            "id": id, "identity": text("identity"), "kind": text("kind"),
            "handle": text("handle"), "issued": countersign_register::time_text(at),
            "until": until,
        });
        (id, body)
    };
    keys.iter().map(credential).collect()
}
