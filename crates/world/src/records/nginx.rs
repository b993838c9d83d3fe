//! nginx access log in JSON, keys named after nginx's variables.

use serde_json::{Value, json};

use crate::time::{Millis, nginx};

pub(crate) const PATHS: [(&str, &str); 6] = [
    ("GET", "/v1/claims/4711"),
    ("POST", "/v1/claims/4711/approve"),
    ("POST", "/v1/payments"),
    ("GET", "/v1/documents/88"),
    ("DELETE", "/v1/documents/88"),
    ("PUT", "/v1/policies/12"),
];

pub(crate) struct Entry<'a> {
    pub(crate) at: Millis,
    pub(crate) request_id: &'a str,
    pub(crate) user: &'a str,
    pub(crate) ip: &'a str,
    pub(crate) host: &'a str,
    pub(crate) what: (&'a str, &'a str),
}

pub(crate) fn entry(entry: &Entry<'_>) -> Value {
    let (method, path) = entry.what;
    json!({
        "time_iso8601": nginx(entry.at),
        "msec": format!("{}.{:03}", entry.at / 1000, entry.at % 1000),
        "remote_addr": entry.ip,
        "remote_user": entry.user,
        "request_id": entry.request_id,
        "host": entry.host,
        "server_name": entry.host,
        "request_method": method,
        "request_uri": path,
        "server_protocol": "HTTP/1.1",
        "status": 200,
        "body_bytes_sent": 733,
        "request_time": "0.012",
        "http_referer": "-",
        "http_user_agent": "Mozilla/5.0",
        "ssl_client_fingerprint": "",
    })
}
