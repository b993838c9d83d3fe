//! Files as pipelines leave them.

use std::io::Write;

use countersign_sources::{Definitions, Limits, plan};

use crate::render::{Rendered, read_bytes, read_bytes_with};

const RECORD: &str = r#"{"eventVersion":"1.08","eventName":"GetObject","eventSource":"s3.amazonaws.com","eventTime":"2023-07-10T11:54:47Z","eventID":"e1","recipientAccountId":"1","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::1:user/a","accountId":"1","accessKeyId":"AKIAX"},"responseElements":null}"#;

fn block(rendered: &Rendered) -> Vec<&str> {
    rendered
        .text
        .split("\n\n")
        .filter(|block| !block.is_empty())
        .map(|block| block.split_once(": ").unwrap().1)
        .collect()
}

#[test]
fn one_record_is_the_same_event_however_it_is_wrapped() {
    let expected = read_bytes("plain.json", RECORD.as_bytes());
    let expected = block(&expected);
    assert_eq!(expected.len(), 1);
    let text = serde_json::to_string(RECORD).unwrap();
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(RECORD).unwrap())
            .unwrap();
    let cell = RECORD.replace('"', "\"\"");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(RECORD.as_bytes()).unwrap();
    let many = [
        ("array.json", format!("[{RECORD},\n{RECORD}]").into_bytes(), 2),
        ("trail.json", format!("{{\"Records\":[{RECORD},{RECORD}]}}").into_bytes(), 2),
        ("azure.json", format!("{{\"records\":[{RECORD}]}}").into_bytes(), 1),
        ("lines.ndjson", format!("\u{feff}{RECORD}\r\n\r\n{RECORD}\r\n").into_bytes(), 2),
        (
            "wrapped.ndjson",
            format!("{{\"rule\":\"x\",\"log\":{RECORD}}}\n{{\"message\":{text}}}\n").into_bytes(),
            2,
        ),
        ("pretty.json", format!("{pretty}{pretty}").into_bytes(), 2),
        ("cells.csv", format!("a,AuditData\n1,\"{cell}\"\n").into_bytes(), 1),
        (
            "mapped.ndjson",
            format!("{{\"class_uid\":6003,\"time\":1,\"metadata\":{{\"version\":\"1.3.0\"}},\"raw_data\":{text}}}\n").into_bytes(),
            1,
        ),
        (
            "cluster.ndjson",
            format!("{{\"time\":\"2023\",\"category\":\"kube-audit\",\"properties\":{{\"log\":{text}}}}}\n").into_bytes(),
            1,
        ),
        ("packed.gz", gzip.finish().unwrap(), 1),
        ("packed.zst", zstd::encode_all(RECORD.as_bytes(), 1).unwrap(), 1),
        ("folded.ndjson", format!("{}\n", folded(RECORD)).into_bytes(), 1),
        (
            "mixed.ndjson",
            format!("{0}\n{0}\n{RECORD}\n{0}\n", folded(RECORD)).into_bytes(),
            4,
        ),
    ];
    for (name, bytes, count) in many.into_iter().chain(exported(&text, &cell)) {
        let found = read_bytes(name, &bytes);
        assert!(found.bad.is_empty(), "{name}: {:?}", found.bad);
        assert_eq!(block(&found), vec![expected[0]; count], "{name}");
    }
}

/// The record as the tools of others export it.
fn exported(text: &str, cell: &str) -> Vec<(&'static str, Vec<u8>, usize)> {
    vec![
        (
            "lookup.json",
            format!("{{\"Events\":[{{\"EventId\":\"e1\",\"EventTime\":1.0,\"CloudTrailEvent\":{text}}}]}}").into_bytes(),
            1,
        ),
        (
            "cloudwatch.json",
            format!("{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{{\"id\":\"1\",\"timestamp\":1,\"message\":{text}}}]}}").into_bytes(),
            1,
        ),
        (
            "queue.json",
            format!("{{\"Messages\":[{{\"Body\":{}}}]}}", quoted(&format!("{{\"Message\":{text}}}"))).into_bytes(),
            1,
        ),
        (
            "search.ndjson",
            format!("{{\"_index\":\"i\",\"_source\":{{\"event\":{{\"original\":{text}}}}}}}\n{{\"preview\":false,\"result\":{{\"_raw\":{text}}}}}\n").into_bytes(),
            2,
        ),
        (
            "syslog.log",
            format!("<190>Mar  2 09:00:00 host app: {RECORD}\n2026-03-02T09:00:00Z stdout F {RECORD}\n").into_bytes(),
            2,
        ),
        (
            "powershell.csv",
            format!("\u{feff}#TYPE Selected.Object\r\n\"a\",\"AuditData\"\r\n\"1\",\"{cell}\"\r\n").into_bytes(),
            1,
        ),
    ]
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A server's log holds events between lines that are none; neither is lost, and neither is bad.
#[test]
fn other_lines_of_a_server_log_are_counted_beside() {
    let event = r#"type="LOGIN", realmId="r", realmName="p", clientId="c", userId="u", ipAddress="192.0.2.1""#;
    let text = format!(
        "2026-01-05 10:00:00,000 INFO  [io.quarkus] (main) started in 15 s\n\
         2026-01-05 10:00:01,000 DEBUG [org.keycloak.events] (x) {event}\n\
         \tat a.stack.trace(Line.java:1)\n"
    );
    let found = read_bytes("server.log", text.as_bytes());
    assert_eq!((found.events, found.bad.len()), (1, 0), "{:?}", found.bad);
    assert_eq!(found.beside["lines of a server's log"], 2);
    let console = format!(
        "{{\"timestamp\":\"2026-01-05T10:00:01Z\",\"sequence\":7,\"loggerName\":\"org.keycloak.events\",\"message\":{}}}\n\
         {{\"timestamp\":\"2026-01-05T10:00:02Z\",\"sequence\":8,\"loggerName\":\"io.quarkus\",\"message\":\"started\"}}\n",
        quoted(event)
    );
    let found = read_bytes("console.ndjson", console.as_bytes());
    assert_eq!((found.events, found.bad.len()), (1, 0), "{:?}", found.bad);
    assert!(found.text.contains("2026-01-05T10:00:01Z"), "{}", found.text);
    assert_eq!(found.beside["lines of a server's log"], 1);
}

/// Anybody can have a server write JSON into its log: only a header of syslog or of a container
/// runtime may stand before a record.
#[test]
fn a_record_in_the_middle_of_a_line_is_nobodys_record() {
    let line = format!("user said {RECORD}\n");
    assert_eq!(read_bytes("said.log", line.repeat(2).as_bytes()).events, 0);
}

/// The record with all keys in lower case.
fn folded(record: &str) -> String {
    [
        "eventVersion",
        "eventName",
        "eventSource",
        "eventTime",
        "eventID",
        "recipientAccountId",
        "userIdentity",
        "accountId",
        "accessKeyId",
        "responseElements",
    ]
    .into_iter()
    .fold(record.to_owned(), |text, key| {
        text.replace(&format!("\"{key}\""), &format!("\"{}\"", key.to_lowercase()))
    })
}

#[test]
fn a_bad_record_is_named_and_stops_nothing() {
    let text = [
        RECORD.as_bytes(),
        b"{\"cut\":",
        RECORD.as_bytes(),
        b"no json",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":1}",
        RECORD.as_bytes(),
    ]
    .join(&b'\n');
    let found = read_bytes("bad.ndjson", &text);
    assert_eq!(found.events, 3);
    let lines: Vec<u64> = found.bad.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 4, 5, 6]);
    assert!(found.bad[3].1.contains("no definition"), "{}", found.bad[3].1);
}

#[test]
fn whole_records_of_a_file_that_breaks_off_are_read() {
    let list = format!("{{\"Records\":[{RECORD},{RECORD},{RECORD}]}}");
    let cut = list.len() - RECORD.len() / 2;
    for text in [&list[..cut], &list["{\"Records\":".len()..cut]] {
        let found = read_bytes("cut.json", text.as_bytes());
        assert_eq!(found.events, 2, "{:?}", found.bad);
        assert_eq!(found.bad.len(), 1);
        assert!(found.bad[0].1.contains("cut here"), "{}", found.bad[0].1);
    }
}

#[test]
fn utf_16_is_said() {
    assert!(read_bytes("wide.json", &[0xFF, 0xFE, b'{', 0]).text.contains("convert it to UTF-8"));
}

/// A CSV export whose cells are objects as Python prints them.
#[test]
fn cells_that_python_wrote_are_read() {
    let definition = "
name: my.csv
title: An export
proof: captured
detect: [{path: Event Name, exists: true}]
fields:
  id: Event ID
  time: Event DateTime
  action: Event Name
  principal: {namespace: {const: x}, value: User ID.accountId, name: Request Parameters.quote}
  assurance: [{claim: flag, value: Request Parameters.flag}, {claim: none, value: Request Parameters.none}]
";
    let mut definitions = Definitions { all: Vec::new() };
    definitions.add("my.yaml", definition).unwrap();
    let csv = "Event Name,User ID,Request Parameters,Event ID,Event DateTime\r\n\
        ListObjects,\"{'type': 'AWSAccount', 'accountId': 'ANA'}\",\"{'quote': \"\"it's\"\", 'flag': True, 'none': None}\",e1,2022-02-18T17:34:57Z\r\n";
    let found = read_bytes_with("python.csv", csv.as_bytes(), &definitions);
    for line in
        ["ListObjects success", "id e1", "principal unknown x|ANA \"it's\"", "claim flag = true"]
    {
        assert!(found.text.contains(line), "{line} is not in\n{}", found.text);
    }
    assert!(!found.text.contains("claim none"), "{}", found.text);
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let folder = std::env::temp_dir().join(format!("countersign-link-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let outside = folder.with_extension("outside.ndjson");
    std::fs::write(&outside, RECORD).unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("link.ndjson")).unwrap();
    let plan = plan(std::slice::from_ref(&folder), &Limits::default());
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_file(&outside).unwrap();
    assert!(plan.units.is_empty() && plan.files.is_empty(), "{:?}", plan.files);
    assert_eq!(plan.skipped.len(), 1, "it is said: {:?}", plan.skipped);
}
