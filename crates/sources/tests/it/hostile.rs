//! Rubbish, floods and forgeries.

use countersign_sources::Definitions;
use proptest::prelude::*;

use crate::render::read_bytes;

const RECORD: &str = r#"{"uuid":"1","published":"2026-01-05T10:00:00Z","eventType":"a","actor":{"id":"1","type":"User"}}"#;

const SAMPLES: [&str; 4] = [
    include_str!("../../samples/aws.cloudtrail.made.ndjson"),
    include_str!("../../samples/okta.system_log.ndjson"),
    include_str!("../../samples/keycloak.events.made.ndjson"),
    include_str!("../../samples/keycloak.events.made.log"),
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        read_bytes("any", &bytes);
    }

    #[test]
    fn damaged_samples_are_read_or_refused(
        which in 0..SAMPLES.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..20),
    ) {
        let mut bytes = SAMPLES[which].as_bytes().to_vec();
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, b"{}[]\",:\\"[usize::from(byte) % 8]),
            }
        }
        read_bytes("damaged", &bytes);
    }

    #[test]
    fn any_definition_is_taken_or_refused(text in "[a-z:{}\\[\\]\"' \n-]{0,200}") {
        let _ = Definitions { all: Vec::new() }.add("x.yaml", &text);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for text in [
        "[".repeat(300_000),
        "{\"log\":".repeat(100_000),
        format!("{{\"log\":{}1{}}}", "{\"log\":".repeat(300), "}".repeat(300)),
    ] {
        let found = read_bytes("deep.json", text.as_bytes());
        assert_eq!((found.events, found.bad.len()), (0, 1));
    }
}

#[test]
fn a_thousand_sentinels_link_nothing() {
    let words = [
        "unknown",
        "-",
        "",
        "0",
        "null",
        "UNKNOWN",
        "00000000-0000-0000-0000-000000000000",
        "0001-01-01T00:00:00Z",
    ];
    let lines: String = (0..1000)
        .map(|at| {
            let word = words[at % words.len()];
            format!("{{\"uuid\":\"{at}\",\"published\":\"2026-01-05T10:00:00Z\",\"eventType\":\"x.y\",\"actor\":{{\"id\":\"{word}\",\"type\":\"User\"}},\"authenticationContext\":{{\"externalSessionId\":\"{word}\",\"rootSessionId\":\"{word}\"}}}}\n")
        })
        .collect();
    let found = read_bytes("sentinels.ndjson", lines.as_bytes());
    assert_eq!(found.events, 1000);
    assert!(!found.text.contains("session") && !found.text.contains("principal"), "{}", found.text);
}

#[test]
fn a_key_that_is_there_twice_with_two_values_is_refused() {
    let line = "{\"uuid\":\"1\",\"published\":\"2026-01-05T10:00:00Z\",\"eventType\":\"a\",\"actor\":{\"id\":\"1\",\"id\":\"2\",\"type\":\"User\"}}\n";
    let found = read_bytes("twice.ndjson", line.repeat(2).as_bytes());
    assert_eq!((found.events, found.bad.len()), (0, 2));
}

#[test]
fn a_packed_bomb_is_stopped() {
    let bomb = zstd::encode_all(&vec![b' '; 64 << 20][..], 1).unwrap();
    assert!(bomb.len() < 64 << 10, "the test needs a bomb");
    let found = read_bytes("bomb.zst", &bomb);
    assert!(found.text.contains("stopped: it unpacks to more"), "{}", found.text);
}

#[test]
fn a_line_or_a_row_without_end_is_stopped() {
    let line = [
        RECORD.as_bytes(),
        b"\n{\"a\":\"",
        &vec![b'a'; 40 << 20],
        b"\"}\n",
        RECORD.as_bytes(),
        b"\n",
    ]
    .concat();
    let found = read_bytes("long.ndjson", &line);
    assert_eq!((found.events, found.bad.len()), (2, 1));
    let row = [b"a,b\n1,\"", &vec![b'a'; 40 << 20][..]].concat();
    assert!(read_bytes("long.csv", &row).text.contains("does not end"));
}

#[test]
fn a_pair_cannot_forge_another() {
    let line = r#"2026-01-05 10:00:00,000 DEBUG [x] (y) type="LOGIN", realmId="r", clientId="c", userId="1", ipAddress="1.2.3.4", username="x", userId="2""#;
    assert_eq!((read_bytes("forged.log", line.as_bytes()).events), 0);
}
