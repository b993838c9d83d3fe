//! Kubernetes audit events, level Metadata, stage ResponseComplete, as an EKS cluster writes them.

use serde_json::{Value, json};

use crate::time::{Millis, micros};

/// What is asked of the cluster: (verb, resource, subresource, namespace).
pub(crate) const REQUESTS: [(&str, &str, &str, &str); 6] = [
    ("list", "pods", "", "claims"),
    ("get", "secrets", "", "claims"),
    ("list", "secrets", "", "claims"),
    ("create", "pods", "exec", "claims"),
    ("create", "rolebindings", "", "claims"),
    ("get", "configmaps", "", "claims"),
];

pub(crate) struct Entry<'a> {
    pub(crate) at: Millis,
    pub(crate) id: &'a str,
    pub(crate) request: (&'a str, &'a str, &'a str, &'a str),
    pub(crate) name: &'a str,
    pub(crate) user: Value,
    pub(crate) ip: &'a str,
    pub(crate) annotations: Value,
}

pub(crate) fn entry(entry: &Entry<'_>) -> Value {
    let (verb, resource, sub, namespace) = entry.request;
    let mut object = json!({
        "resource": resource, "namespace": namespace, "name": entry.name, "apiVersion": "v1",
    });
    let mut uri = format!("/api/v1/namespaces/{namespace}/{resource}/{}", entry.name);
    if !sub.is_empty() {
        object["subresource"] = json!(sub);
        uri = format!("{uri}/{sub}");
    }
    let mut annotations = json!({
        "authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": "RBAC: allowed by RoleBinding \"claims\"",
    });
    if let Some(more) = entry.annotations.as_object() {
        for (key, value) in more {
            annotations[key.as_str()] = value.clone();
        }
    }
    json!({
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": entry.id,
        "stage": "ResponseComplete",
        "requestURI": uri,
        "verb": verb,
        "user": entry.user,
        "sourceIPs": [entry.ip],
        "userAgent": "kubectl/v1.34.1 (linux/amd64)",
        "objectRef": object,
        "responseStatus": {"metadata": {}, "code": if verb == "create" { 201 } else { 200 }},
        "requestReceivedTimestamp": micros(entry.at),
        "stageTimestamp": micros(entry.at + 12),
        "annotations": annotations,
    })
}
