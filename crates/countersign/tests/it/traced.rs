//! Spans, as a collector gets them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use countersign_testkit::Folder;
use serde_json::json;

use crate::node::Node;

/// Takes what is exported: the head of each request, and its body.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let send = send.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                loop {
                    let (mut head, mut length) = (String::new(), 0);
                    loop {
                        let mut line = String::new();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        let lower = line.to_lowercase();
                        if let Some(said) = lower.strip_prefix("content-length:") {
                            length = said.trim().parse().unwrap();
                        }
                        head.push_str(&lower);
                        if line.trim().is_empty() {
                            break;
                        }
                    }
                    let mut body = vec![0; length];
                    reader.read_exact(&mut body).unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    reader.get_mut().write_all(answer).unwrap();
                    let _ = send.send((head, body));
                }
            });
        }
    });
    (url, received)
}

#[test]
fn a_span_of_each_request_says_what_was_asked_for_and_nothing_of_whom() {
    let folder = Folder::new("traced");
    let (url, received) = collector();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-of-whom=a-tenant"),
        // Nothing is sent before the end, or what stands in a batch.
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
    ];
    let node = Node::start_in(folder.path(), (None, &[]), &variables);
    let code = node.code.clone().unwrap();
    let token = node.sign_in(&code);
    let body = json!({"id": "zebulon-corp", "name": "Zebulon Corp"});
    assert_eq!(node.ask("PUT", "/v1/tenants/zebulon-corp", &token, &body).0, 201);
    assert_eq!(node.get("/v1/tenants/zebulon-corp?x=1", &token).0, 200);
    node.stop();

    let mut exported = Vec::new();
    while let Ok((head, body)) = received.recv_timeout(Duration::from_secs(2)) {
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("x-of-whom: a-tenant"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        exported.extend(body);
    }
    let has = |text: &str| exported.windows(text.len()).any(|part| part == text.as_bytes());
    for said in [
        "countersign",
        "/v1/tenants/{id}",
        "http.request.method",
        "PUT",
        "http.response.status_code",
        "/v1/sign-in",
    ] {
        assert!(has(said), "no span says `{said}`");
    }
    for secret in [token.as_str(), code.as_str(), "zebulon", "Zebulon", "127.0.0.1", "x=1"] {
        assert!(!has(secret), "a span says `{secret}`");
    }
}

#[test]
fn a_collector_that_is_not_there_stands_in_nobodys_way() {
    let folder = Folder::new("untraced");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let node = Node::start_in(folder.path(), (None, &[]), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    let token = node.sign_in(node.code.as_deref().unwrap());
    assert_eq!(node.get("/v1/self", &token).0, 200);
    node.stop();
}
