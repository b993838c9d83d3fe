//! Okta System Log.

use serde_json::{Value, json};

use crate::rng::Rng;
use crate::time::{Millis, millis};

pub(crate) struct Entry<'a> {
    pub(crate) at: Millis,
    pub(crate) id: &'a str,
    pub(crate) kind: &'a str,
    /// (id, login, name) of the user who acts.
    pub(crate) actor: (&'a str, &'a str, &'a str),
    pub(crate) ip: &'a str,
    pub(crate) session: Option<&'a str>,
    pub(crate) root_session: Option<&'a str>,
    pub(crate) success: bool,
    pub(crate) target: Value,
    pub(crate) debug: Value,
}

pub(crate) fn entry(rng: &mut Rng, entry: &Entry<'_>) -> Value {
    let (actor_id, login, name) = entry.actor;
    json!({
        "actor": {
            "id": actor_id, "type": "User", "alternateId": login, "displayName": name,
            "detailEntry": null,
        },
        "client": {
            "userAgent": {"rawUserAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "os": "Windows 10", "browser": "CHROME"},
            "zone": "null", "device": "Computer", "id": null, "ipAddress": entry.ip,
            "geographicalContext": null,
        },
        "authenticationContext": {
            "authenticationProvider": null, "credentialProvider": null, "credentialType": null,
            "issuer": null, "interface": null, "authenticationStep": 0,
            "externalSessionId": entry.session, "rootSessionId": entry.root_session,
        },
        "displayMessage": entry.kind,
        "eventType": entry.kind,
        "outcome": if entry.success {
            json!({"result": "SUCCESS", "reason": null})
        } else {
            json!({"result": "FAILURE", "reason": "INVALID_CREDENTIALS"})
        },
        "published": millis(entry.at),
        "securityContext": {"asNumber": null, "asOrg": null, "isp": null, "domain": null, "isProxy": false},
        "severity": if entry.success { "INFO" } else { "WARN" },
        "debugContext": {"debugData": entry.debug},
        "legacyEventType": null,
        "transaction": {"type": "WEB", "id": rng.base62(26), "detail": {}},
        "uuid": entry.id,
        "version": "0",
        "request": {"ipChain": [{"ip": entry.ip, "geographicalContext": null, "version": "V4", "source": null}]},
        "target": entry.target,
    })
}
