//! Files are hostile: what is read of them is bounded, and what is said of them is safe.

use countersign_register::{Mistake, parse};

fn mistakes(text: &str) -> Vec<Mistake> {
    parse(&[("file".to_owned(), text.to_owned())]).1
}

#[test]
fn size_is_limited_on_every_side() {
    let many_keys: String = (0..200).map(|at| format!("k{at}: x\n")).collect();
    for (text, says) in [
        (format!("company: {}", "x".repeat(20_000)), "the most is 16384"),
        ("#".repeat(33 * 1024 * 1024), "the most is 33554432"),
        (format!("own:\n  - {}", many_keys.replace('\n', "\n    ")), "more than 128 keys"),
        ("- ".repeat(100), "nested more than 16 deep"),
        ("organizations: [".to_owned() + &"{},".repeat(2000) + "]", "3000 more mistakes"),
    ] {
        let found = mistakes(&text);
        assert!(found.iter().any(|mistake| mistake.message.contains(says)), "{says}: {found:?}");
        assert!(found.len() <= 1001);
    }
}

#[test]
fn a_text_of_cedar_may_be_long_and_nested_without_end() {
    let policy = |cedar: &str| format!("policies:\n  - id: p\n    cedar: {cedar:?}\n");
    let long = format!("{}forbid (principal, action, resource);", "// why\n".repeat(10_000));
    assert_eq!(mistakes(&policy(&long)), Vec::new());
    let found = mistakes(&policy(&"x".repeat(300_000)));
    let is_told = |it: &Mistake| it.message.contains("the most is 262144");
    assert!(found.iter().any(is_told), "{found:?}");
    let opened = [
        ("(", ")"),
        ("!", ""),
        ("[", "]"),
        ("-", ""),
        ("{a: ", "}"),
        ("1 + ", ""),
        ("1 - ", ""),
        ("true && ", ""),
        ("true || ", ""),
        ("if true then 1 else ", ""),
        ("if ", " then 1 else 2"),
        ("", ".a"),
        ("", "[\"a\"]"),
        ("", " has a"),
        ("", ".contains(1)"),
    ];
    for (open, close) in opened {
        // Of those that can be read some are policies, and none may exhaust the stack.
        for times in [16, 300, 10_000] {
            let (open, close) = (open.repeat(times), close.repeat(times));
            let text = format!("forbid (principal, action, resource) when {{ {open}1{close} }};");
            let found = mistakes(&policy(&text));
            assert!(
                found.len() <= 1 && (times < 10_000 || found.len() == 1),
                "{open}1{close:.20}: {found:?}"
            );
        }
    }
    let schema = |schema: &str| {
        let one = "forbid (principal, action, resource);";
        format!("policies:\n  - id: p\n    cedar: {one:?}\n    schema: {schema:?}\n")
    };
    for (open, close) in [("{a: ", "}"), ("Set<", ">"), ("a::", "")] {
        for times in [20, 10_000] {
            let kind = format!("{}Long{}", open.repeat(times), close.repeat(times));
            let found = mistakes(&schema(&format!("entity a {{ b: {kind} }};")));
            assert!(found.len() <= 1, "{found:?}");
        }
    }
}

#[test]
fn no_message_repeats_a_secret_or_a_control_character() {
    let text = include_str!("../../cases/secrets.yaml");
    let secrets = [
        format!("ghp_{}", "0123456789abcdefghijABCDEFGHIJ012345"),
        format!("wJalrXUtnFEMI/K7MDENG/{}", "bPxRfiCYEXAMPLEKEY"),
        format!("xoxb-{}", "000000000000-EXAMPLE"),
        "MIIEexample".to_owned(),
        "dora:example".to_owned(),
    ];
    let found: String = mistakes(text).iter().map(|mistake| format!("{mistake}\n")).collect();
    for secret in secrets {
        assert!(text.contains(&secret), "the case has it");
        assert!(!found.contains(&secret), "a message repeats {secret}");
    }
    let hostile: String = mistakes(include_str!("../../cases/hostile.yaml"))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(!hostile.is_empty() && !hostile.chars().any(|c| c.is_control() || c == '\u{202e}'));
}

#[test]
fn a_mark_of_order_and_windows_lines_are_read() {
    let text =
        "\u{feff}company: A\r\nsponsors:\r\n  - {id: s}\r\n---\r\nsponsors:\r\n  - id: t\r\n";
    let (register, mistakes) = parse(&[("file".to_owned(), text.to_owned())]);
    assert_eq!(mistakes, Vec::new());
    assert_eq!((register.company.as_deref(), register.sponsors.len()), (Some("A"), 2));
}

#[test]
fn a_file_that_breaks_off_makes_no_reference_wrong() {
    let files = [
        ("a".to_owned(), "organizations: [{id: o, kind: partner, sponsor: s}]".to_owned()),
        ("b".to_owned(), "sponsors:\n  - id: \"s\n".to_owned()),
    ];
    let (_, mistakes) = parse(&files);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert_eq!(mistakes[0].file, "b");
}
