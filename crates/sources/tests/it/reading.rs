//! Files as pipelines leave them.

use std::io::Write;

use crate::render::{Rendered, read_bytes};

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
        ("packed.gz", gzip.finish().unwrap(), 1),
        ("packed.zst", zstd::encode_all(RECORD.as_bytes(), 1).unwrap(), 1),
        ("folded.ndjson", format!("{}\n", folded(RECORD)).into_bytes(), 1),
    ];
    for (name, bytes, count) in many {
        let found = read_bytes(name, &bytes);
        assert!(found.bad.is_empty(), "{name}: {:?}", found.bad);
        assert_eq!(block(&found), vec![expected[0]; count], "{name}");
    }
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
fn utf_16_is_said() {
    assert!(read_bytes("wide.json", &[0xFF, 0xFE, b'{', 0]).text.contains("convert it to UTF-8"));
}
