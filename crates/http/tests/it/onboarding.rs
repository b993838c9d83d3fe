//! Templates and invitations.

use serde_json::{Value as Json, json};

use crate::node::Node;

#[test]
fn a_partner_is_onboarded_by_one_request() {
    let node = Node::new();
    let owner = node.owner();
    let (_, body) = node.get("/v1/templates", &owner);
    assert_eq!(body["templates"].as_array().unwrap().len(), 7);
    let answers = json!({"answers": {
        "id": "north", "name": "North", "sponsor": "bob", "issuer": "https://login.north.example",
        "from": "2026-11-25", "until": "2027-11-25",
    }});
    let (status, body) = node.post("/v1/templates/oidc-partner", &owner, &answers);
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["items"][0]["state"], "proposed");
    assert_eq!(node.post("/v1/templates/oidc-partner", &owner, &answers).0, 409);
    assert_eq!(node.post("/v1/templates/none-such", &owner, &answers).0, 404);
    let (status, body) = node.post("/v1/templates/oidc-partner", &owner, &json!({"answers": {}}));
    assert_eq!(status, 422);
    assert!(body["faults"].as_array().unwrap().len() >= 5, "{body}");
}

#[test]
fn an_administrator_completes_their_side_with_the_link_alone() {
    let node = Node::new();
    let owner = node.owner();
    let contact = json!({"contact": "pia@partner.example"});
    let (status, body) = node.post("/v1/organizations/pi/invitations", &owner, &contact);
    assert_eq!(status, 201, "{body}");
    let link = body["secret"].as_str().unwrap().to_owned();
    let id = body["invitation"]["id"].as_str().unwrap().to_owned();
    // It opens this one door and no other.
    assert_eq!(node.get("/v1/invitation", &link).1["document"]["organization"], "pi");
    assert_eq!(node.get("/v1/organizations/pi", &link).0, 401);
    assert_eq!(node.get("/v1/invitation", &owner).0, 401);
    let given = json!({
        "contacts": [{"name": "Pia", "email": "pia@partner.example"}],
        "trust_path": {"kind": "oidc", "issuer": "https://login.partner.example"},
        "domains": ["partner.example"],
    });
    let (status, body) = node.post("/v1/invitation/complete", &link, &given);
    assert_eq!((status, &body["state"]), (200, &json!("given")), "{body}");
    let record = &body["document"]["given"]["domains"][0]["record"];
    assert_eq!(record, "_countersign.partner.example");
    assert_eq!(node.post("/v1/invitation/complete", &link, &given).0, 401);
    let accept = format!("/v1/invitations/{id}/accept");
    let (status, body) = node.post(&accept, &owner, &Json::Null);
    assert_eq!((status, &body["code"]), (409, &json!("invitation.domain_unproven")));
    let (_, page) = node.get("/v1/invitations?state=given", &owner);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
}
