//! Keycloak events: JSON as an event store keeps them, `key="value"` as the logging listener writes.

use serde_json::{Map, Value, json};

use crate::time::{Millis, java};

pub(crate) struct Entry<'a> {
    pub(crate) at: Millis,
    pub(crate) id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) realm_id: &'a str,
    pub(crate) client: &'a str,
    pub(crate) user: &'a str,
    pub(crate) session: Option<&'a str>,
    pub(crate) ip: &'a str,
    pub(crate) error: Option<&'a str>,
    pub(crate) details: Value,
}

pub(crate) fn json_line(entry: &Entry<'_>) -> String {
    let mut record = json!({
        "id": entry.id,
        "time": entry.at,
        "type": entry.kind,
        "realmId": entry.realm_id,
        "realmName": entry.realm,
        "clientId": entry.client,
        "userId": entry.user,
        "sessionId": entry.session,
        "ipAddress": entry.ip,
    });
    if let Some(error) = entry.error {
        record["error"] = json!(error);
    }
    record["details"] = entry.details.clone();
    record.to_string()
}

pub(crate) fn text_line(entry: &Entry<'_>) -> String {
    let level = if entry.error.is_some() { "WARN " } else { "DEBUG" };
    let mut line = format!(
        "{} {level} [org.keycloak.events] (executor-thread-7) type=\"{}\", realmId=\"{}\", \
         realmName=\"{}\", clientId=\"{}\", userId=\"{}\"",
        java(entry.at),
        entry.kind,
        entry.realm_id,
        entry.realm,
        entry.client,
        entry.user,
    );
    let mut say = |key: &str, value: &str| {
        line.push_str(&format!(", {key}=\"{value}\""));
    };
    if let Some(session) = entry.session {
        say("sessionId", session);
    }
    say("ipAddress", entry.ip);
    if let Some(error) = entry.error {
        say("error", error);
    }
    let none = Map::new();
    for (key, value) in entry.details.as_object().unwrap_or(&none) {
        say(key, value.as_str().unwrap_or_default());
    }
    line
}
