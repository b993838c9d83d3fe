use proptest::prelude::*;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::cosign::WitnessSigner;
use crate::note::SigningKey;

fn signer(number: u8) -> WitnessSigner {
    WitnessSigner::from_seed(&format!("w{number}.example"), [number; 32]).unwrap()
}

fn key(number: u8) -> String {
    signer(number).public().to_string()
}

/// A checkpoint that these witnesses cosigned.
fn cosigned(by: &[u8]) -> String {
    let log = SigningKey::from_seed("example.com/log", [99; 32]).unwrap();
    let note = Checkpoint { origin: "example.com/log".into(), size: 1, root: [7; 32] }.sign(&log);
    let text = SignedNote::parse(&note).unwrap().text;
    let lines: String =
        by.iter().map(|&number| signer(number).cosign(text, 1_000 + u64::from(number))).collect();
    format!("{note}{lines}")
}

fn is_met(policy: &Policy, by: &[u8]) -> bool {
    policy.judge(&SignedNote::parse(&cosigned(by)).unwrap()).unwrap().is_met
}

/// The example of the specification: two of three, and one of three others.
fn two_levels() -> String {
    let witness = |name: &str, number| format!("witness {name} {}\n", key(number));
    let log = SigningKey::from_seed("example.com/log", [99; 32]).unwrap();
    [
        format!("  # who must have seen it\n\nlog {} https://example.com/log\n", log.public()),
        witness("X1", 1),
        witness("X2", 2),
        witness("X3", 3),
        "group X-witnesses 2 X1 X2 X3\n".to_owned(),
        witness("Y1", 4),
        witness("Y2", 5),
        format!("\twitness \t Y3  {}  https://y3.example/ \n", key(6)),
        "group Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\n".to_owned(),
        "quorum X-and-Y\n".to_owned(),
    ]
    .concat()
}

#[test]
fn groups_of_groups_are_counted() {
    let policy = Policy::parse(&two_levels()).unwrap();
    assert_eq!(policy.logs().len(), 1);
    assert_eq!(policy.witnesses().count(), 6);
    for (by, expected) in [
        (&[][..], false),
        (&[1, 2], false),
        (&[1, 2, 4], true),
        (&[1, 4, 5, 6], false),
        (&[3, 1, 6], true),
        (&[1, 2, 3, 4, 5, 6], true),
        (&[1, 1, 4], false),
        (&[1, 7, 4], false),
    ] {
        assert_eq!(is_met(&policy, by), expected, "{by:?}");
    }
}

#[test]
fn who_cosigned_and_who_did_not_is_said() {
    let policy = Policy::parse(&two_levels()).unwrap();
    let note = cosigned(&[2, 6]);
    let quorum = policy.judge(&SignedNote::parse(&note).unwrap()).unwrap();
    assert_eq!(
        quorum.cosigned,
        [("w2.example".to_owned(), 1_002), ("w6.example".to_owned(), 1_006)]
    );
    assert_eq!(quorum.missing, ["w1.example", "w3.example", "w4.example", "w5.example"]);
}

#[test]
fn a_threshold_needs_no_file() {
    let keys: Vec<WitnessKey> = [1, 2, 3].map(|number| signer(number).public().clone()).into();
    let policy = Policy::threshold(2, &keys).unwrap();
    assert!(!is_met(&policy, &[3]));
    assert!(is_met(&policy, &[3, 1]));
    assert!(Policy::threshold(0, &keys).is_err());
    assert!(Policy::threshold(4, &keys).is_err());
    assert!(Policy::threshold(2, &[keys[0].clone(), keys[0].clone()]).is_err(), "one, not two");
}

#[test]
fn a_single_witness_or_none_can_be_the_quorum() {
    let one = Policy::parse(&format!("witness A {}\nquorum A\n", key(1))).unwrap();
    assert!(is_met(&one, &[1]));
    assert!(!is_met(&one, &[2]));
    assert!(is_met(&Policy::parse("quorum none").unwrap(), &[]));
}

#[test]
fn a_cosignature_that_does_not_fit_spoils_the_note() {
    let policy = Policy::parse(&two_levels()).unwrap();
    let other = cosigned(&[1]).replace("\n1\n", "\n2\n");
    let note = SignedNote::parse(&other).unwrap();
    assert_eq!(policy.judge(&note), Err(CosignError::BadCosignature("w1.example".into())));
}

#[test]
fn mistakes_are_told_with_their_line() {
    let (a, b) = (format!("witness A {}\n", key(1)), format!("witness B {}\n", key(2)));
    for (policy, line, what) in [
        (a.clone(), 0, "there is no `quorum` line"),
        ("quorum A\n".into(), 1, "`A` is not defined"),
        (format!("{a}{a}quorum A\n"), 2, "the name `A` is taken"),
        (format!("{a}witness B {}\nquorum A\n", key(1)), 2, "the key of `w1.example` is there"),
        (format!("{a}quorum A\nquorum A\n"), 3, "there is a `quorum` line"),
        (format!("{a}group g -1 A\n"), 2, "a group asks for"),
        (format!("{a}group g +1 A\n"), 2, "a group asks for"),
        (format!("{a}group g 01 A\n"), 2, "a group asks for"),
        (format!("{a}group g 0 A\n"), 2, "0 of 1 witnesses"),
        (format!("{a}group g 2 A\n"), 2, "2 of 1 witnesses"),
        ("group g all\n".into(), 1, "0 of 0 witnesses"),
        (format!("{a}group g any A A\n"), 2, "`A` is a member already"),
        (format!("{a}{b}group g any A\ngroup h all g A\n"), 4, "`A` is a member already"),
        (format!("{a}group g any g\n"), 2, "`g` is not defined"),
        (format!("witness none {}\n", key(1)), 1, "the name `none` is taken"),
        (format!("{a}group none any A\n"), 2, "the name `none` is taken"),
        ("witness A example.com+1+AA\n".into(), 1, "a witness's key has the form"),
        ("log example.com+1+AA\n".into(), 1, "a public key has the form"),
        ("quorum none\r\n".into(), 1, "the only control characters"),
        ("quorum\u{a0}none\n".into(), 1, "expected `log <vkey>`"),
        ("Quorum none\n".into(), 1, "expected `log <vkey>`"),
    ] {
        let error = Policy::parse(&policy).unwrap_err();
        assert!(error.line == line && error.what.starts_with(what), "{policy}: {error}");
    }
}

proptest! {
    #[test]
    fn any_policy_is_read_without_a_panic(
        lines in prop::collection::vec("(witness|group|quorum|log|#)?( [a-c]| all| any| none| [0-9]{1,3}|\\PC){0,5}", 0..20)
    ) {
        let mut text = format!("witness a {}\nwitness b {}\n", key(1), key(2));
        text.push_str(&lines.join("\n"));
        if let Ok(policy) = Policy::parse(&text) {
            is_met(&policy, &[1]);
        }
    }
}
