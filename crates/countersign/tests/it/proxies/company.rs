//! A node with a company in it, whose shop stands behind the proxies.

use std::path::Path;

use serde_json::json;

use crate::node::Node;

pub struct Company {
    pub node: Node,
    /// The key of the shop, for its proxy.
    pub shop: String,
    /// The key of the portal before it.
    pub front: String,
}

impl Company {
    pub fn new(data: &Path) -> Self {
        let more = ["--ext-authz", "127.0.0.1:0", "--client-requests", "0"];
        let node = Node::start_with(data, None, &more);
        let owner = node.sign_in(node.code.as_deref().unwrap());
        let files =
            json!({"files": [{"name": "company.yaml", "text": include_str!("company.yaml")}]});
        let (status, answer) = node.ask("POST", "/v1/register/apply", &owner, &files);
        assert_eq!(status, 200, "{answer}");
        let key = |tenant: &str| {
            let member = json!({"id": tenant, "role": "application", "tenant": tenant});
            let path = format!("/v1/members/{tenant}");
            assert_eq!(node.ask("PUT", &path, &owner, &member).0, 201);
            let (_, made) = node.ask("POST", &format!("{path}/codes"), &owner, &json!({}));
            node.sign_in(made["secret"].as_str().unwrap())
        };
        let (shop, front) = (key("shop"), key("front"));
        Self { node, shop, front }
    }
}
