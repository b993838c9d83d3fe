//! GitHub audit log, as streamed.

use serde_json::{Value, json};

use crate::time::Millis;

pub(crate) const ACTIONS: [&str; 6] = [
    "git.clone",
    "git.push",
    "repo.create",
    "protected_branch.policy_override",
    "org.add_member",
    "repo.destroy",
];

pub(crate) struct Entry<'a> {
    pub(crate) at: Millis,
    pub(crate) id: &'a str,
    pub(crate) action: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) actor_id: u64,
    pub(crate) name_id: &'a str,
    /// How the token's hash is written, and its number; none for the web pages.
    pub(crate) token: Option<(&'a str, &'a str)>,
    pub(crate) ip: &'a str,
}

pub(crate) fn entry(entry: &Entry<'_>) -> Value {
    let mut record = json!({
        "@timestamp": entry.at,
        "_document_id": entry.id,
        "action": entry.action,
        "actor": entry.actor,
        "actor_id": entry.actor_id,
        "actor_ip": entry.ip,
        "actor_is_bot": false,
        "business": "aldgate",
        "business_id": 4711,
        "created_at": entry.at,
        "external_identity_nameid": entry.name_id,
        "operation_type": "modify",
        "org": "aldgate-mutual",
        "org_id": 8_154_711,
        "repo": "aldgate-mutual/claims",
        "repo_id": 99_112,
        "user_agent": "git/2.51.0",
    });
    if let Some((hash, number)) = entry.token {
        record["hashed_token"] = json!(hash);
        record["programmatic_access_type"] = json!("Personal access token (classic)");
        record["token_id"] = json!(number);
        record["token_scopes"] = json!("repo,admin:org");
    }
    record
}
