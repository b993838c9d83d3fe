//! Microsoft Entra sign-ins and audit, and Microsoft Graph activity, as Azure diagnostic settings
//! export them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::rng::uuid_text;
use crate::time::{Millis, eastern, ticks};

/// The three ways in which the same token id is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// 22 characters: base64url of the GUID's little-endian bytes, the `uti` claim.
    Claim,
    /// base64 of the GUID's text, as older exports have it.
    Text,
    /// The GUID itself.
    Guid,
}

/// A token id, from the GUID's bytes in network order.
pub(crate) fn token_id(raw: [u8; 16], encoding: Encoding) -> String {
    match encoding {
        Encoding::Guid => uuid_text(raw),
        Encoding::Text => STANDARD.encode(uuid_text(raw)),
        Encoding::Claim => {
            let mut little = raw;
            little[..4].reverse();
            little[4..6].reverse();
            little[6..8].reverse();
            URL_SAFE_NO_PAD.encode(little)
        }
    }
}

pub(crate) struct SignIn<'a> {
    pub(crate) at: Millis,
    pub(crate) category: &'a str,
    pub(crate) id: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) home_tenant: &'a str,
    pub(crate) token: &'a str,
    pub(crate) session: Option<&'a str>,
    pub(crate) ip: &'a str,
    /// Tells `createdDateTime` with an offset.
    pub(crate) offset: bool,
    /// The fields of who signed in: user or service principal.
    pub(crate) who: Value,
}

pub(crate) fn sign_in(entry: &SignIn<'_>) -> Value {
    let mut properties = json!({
        "id": entry.id,
        "createdDateTime": if entry.offset { eastern(entry.at) } else { ticks(entry.at) },
        "ipAddress": entry.ip,
        "clientAppUsed": "Browser",
        "correlationId": entry.id,
        "homeTenantId": entry.home_tenant,
        "resourceTenantId": entry.tenant,
        "resourceDisplayName": "Microsoft Graph",
        "resourceId": "00000003-0000-0000-c000-000000000000",
        "incomingTokenType": "none",
        "uniqueTokenIdentifier": entry.token,
        "status": {"errorCode": 0},
    });
    if let Some(session) = entry.session {
        properties["sessionId"] = json!(session);
    }
    if let Some(who) = entry.who.as_object() {
        for (key, value) in who {
            properties[key.as_str()] = value.clone();
        }
    }
    json!({
        "time": ticks(entry.at),
        "resourceId": format!("/tenants/{}/providers/Microsoft.aadiam", entry.tenant),
        "operationName": "Sign-in activity",
        "operationVersion": "1.0",
        "category": entry.category,
        "tenantId": entry.tenant,
        "resultType": "0",
        "resultSignature": "None",
        "durationMs": 0,
        "callerIpAddress": entry.ip,
        "correlationId": entry.id,
        "Level": 4,
        "properties": properties,
    })
}

/// What people and applications ask of Graph: (method, path below the version).
pub(crate) const REQUESTS: [(&str, &str); 8] = [
    ("GET", "users"),
    ("GET", "me/messages"),
    ("POST", "groups"),
    ("PATCH", "applications/0f3a"),
    ("POST", "servicePrincipals/0f3a/appRoleAssignments"),
    ("GET", "sites/root/drives"),
    ("POST", "directoryRoles/0f3a/members/$ref"),
    ("DELETE", "users/0f3a"),
];

pub(crate) struct Activity<'a> {
    pub(crate) at: Millis,
    pub(crate) request: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) token: &'a str,
    pub(crate) session: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
    pub(crate) service: Option<&'a str>,
    pub(crate) application: &'a str,
    pub(crate) ip: &'a str,
    pub(crate) what: (&'a str, &'a str),
    pub(crate) issued: Millis,
}

pub(crate) fn activity(entry: &Activity<'_>) -> Value {
    let (method, path) = entry.what;
    json!({
        "time": ticks(entry.at),
        "resourceId": format!("/tenants/{}/providers/microsoft.aadiam", entry.tenant),
        "operationName": "Microsoft Graph Activity",
        "operationVersion": "v1.0",
        "category": "MicrosoftGraphActivityLogs",
        "resultSignature": "200",
        "durationMs": "462680",
        "callerIpAddress": entry.ip,
        "correlationId": entry.request,
        "level": "Informational",
        "location": "West Europe",
        "tenantId": entry.tenant,
        "properties": {
            "timeGenerated": ticks(entry.at),
            "location": "West Europe",
            "requestId": entry.request,
            "operationId": entry.request,
            "clientRequestId": entry.request,
            "apiVersion": "v1.0",
            "requestMethod": method,
            "responseStatusCode": 200,
            "tenantId": entry.tenant,
            "durationMs": 462_680,
            "responseSizeBytes": 512,
            "signInActivityId": entry.token,
            "appId": entry.application,
            "userId": entry.user,
            "servicePrincipalId": entry.service,
            "clientAuthMethod": if entry.user.is_some() { 0 } else { 1 },
            "sessionId": entry.session,
            "tokenIssuedAt": ticks(entry.issued),
            "ipAddress": entry.ip,
            "userAgent": "python-requests/2.32",
            "requestUri": format!("https://graph.microsoft.com/v1.0/{path}"),
        },
    })
}

/// Changes that the directory audits.
pub(crate) const AUDITED: [&str; 3] = [
    "Add member to role",
    "Consent to application",
    "Update application – Certificates and secrets management",
];

pub(crate) struct Audit<'a> {
    pub(crate) at: Millis,
    pub(crate) id: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) operation: &'a str,
    /// The `who` of the sign-in.
    pub(crate) who: &'a Value,
    pub(crate) ip: &'a str,
}

pub(crate) fn audit(entry: &Audit<'_>) -> Value {
    json!({
        "time": ticks(entry.at),
        "resourceId": format!("/tenants/{}/providers/Microsoft.aadiam", entry.tenant),
        "operationName": entry.operation,
        "operationVersion": "1.0",
        "category": "AuditLogs",
        "tenantId": entry.tenant,
        "resultSignature": "None",
        "durationMs": 0,
        "callerIpAddress": entry.ip,
        "correlationId": entry.id.trim_start_matches("Directory_"),
        "Level": 4,
        "properties": {
            "id": entry.id,
            "category": "RoleManagement",
            "correlationId": entry.id.trim_start_matches("Directory_"),
            "result": "success",
            "activityDisplayName": entry.operation,
            "activityDateTime": ticks(entry.at),
            "loggedByService": "Core Directory",
            "operationType": "Assign",
            "initiatedBy": {"user": {
                "id": entry.who["userId"], "displayName": entry.who["userDisplayName"],
                "userPrincipalName": entry.who["userPrincipalName"], "ipAddress": entry.ip, "roles": [],
            }},
            "targetResources": [{"id": "0f3a0000-0000-4000-8000-000000000001", "displayName": "Claims", "type": "Role", "modifiedProperties": []}],
            "additionalDetails": [],
        },
    })
}
