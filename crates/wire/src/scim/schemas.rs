//! What a SCIM client is told of this server (RFC 7643, sections 5 to 7).

use serde_json::{Value as Json, json};

use super::{BASE, LIST, USER};

/// Users on one page.
pub const PAGE_MAX: usize = 200;

/// What of SCIM there is.
pub fn config() -> Json {
    let no = json!({"supported": false});
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": PAGE_MAX},
        "changePassword": no,
        "sort": no,
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Key",
            "description": "A key with the role `directory`, as a bearer token.",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{BASE}/ServiceProviderConfig"),
        },
    })
}

pub fn resource_types() -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "An employee, who may sponsor outsiders.",
        "schema": USER,
        "meta": {"resourceType": "ResourceType", "location": format!("{BASE}/ResourceTypes/User")},
    })
}

/// All schemas, as a list.
pub fn schemas(one: Json) -> Json {
    json!({
        "schemas": [LIST], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1,
        "Resources": [one],
    })
}

/// The schema of a user: what of the one in RFC 7643, section 4.1, is kept.
pub fn schema() -> Json {
    let mut user_name = text("userName", "What the directory calls them; theirs alone.");
    user_name["required"] = true.into();
    user_name["uniqueness"] = "server".into();
    let mut external = text("externalId", "The directory's own id.");
    external["caseExact"] = true.into();
    let mut name = text("name", "The parts of their name.");
    name["type"] = "complex".into();
    name["subAttributes"] = json!([
        text("formatted", "The whole name."),
        text("familyName", "The family's name."),
        text("givenName", "The given name."),
        text("middleName", "The name between."),
    ]);
    let mut emails =
        text("emails", "Where mail reaches them: the primary one, else the one for work.");
    emails["type"] = "complex".into();
    emails["multiValued"] = true.into();
    emails["subAttributes"] = json!([
        text("value", "The address."),
        text("display", "How it is shown."),
        text("type", "Such as `work`."),
        flag("primary", "Whether it is the one to write to."),
    ]);
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": USER,
        "name": "User",
        "description": "An employee, who may sponsor outsiders.",
        "attributes": [
            user_name,
            external,
            text("displayName", "Their name as it is shown."),
            name,
            emails,
            flag("active", "Whether they are with us. When it becomes false, they leave, and the \
                time to find a successor for what they sponsor begins."),
        ],
        "meta": {"resourceType": "Schema", "location": format!("{BASE}/Schemas/{USER}")},
    })
}

fn text(name: &str, description: &str) -> Json {
    json!({
        "name": name, "type": "string", "multiValued": false, "description": description,
        "required": false, "caseExact": false, "mutability": "readWrite", "returned": "default",
        "uniqueness": "none",
    })
}

fn flag(name: &str, description: &str) -> Json {
    let mut flag = text(name, description);
    flag["type"] = "boolean".into();
    flag
}
