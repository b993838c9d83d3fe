//! The closed list of transforms a definition may name, and what is absent everywhere.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// One step from a value to its canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    Lower,
    Trim,
    /// Without the prefix; a value that does not have it stays.
    StripPrefix(String),
    /// What follows the last occurrence; a value without it stays.
    AfterLast(String),
    AfterFirst(String),
    BeforeFirst(String),
    BeforeLast(String),
    /// A GUID as text, as base64 of its text, or as base64url of its bytes, to lower-case text.
    Guid,
    /// A SHA-256 in base64 or hex, to lower-case hex.
    Sha256,
    /// The account part of an ARN.
    ArnAccount,
    /// `assumed-role/ROLE/SESSION` to the ARN of the role; other ARNs stay.
    ArnRole,
    /// The host of a URL.
    Host,
}

impl Transform {
    /// The transforms by their names in a definition: `lower`, `strip_prefix:JTI=`, …
    pub fn parse(text: &str) -> Option<Self> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        let argument = argument.to_owned();
        Some(match name {
            "lower" => Self::Lower,
            "trim" => Self::Trim,
            "guid" => Self::Guid,
            "sha256" => Self::Sha256,
            "arn_account" => Self::ArnAccount,
            "arn_role" => Self::ArnRole,
            "host" => Self::Host,
            _ if argument.is_empty() => return None,
            "strip_prefix" => Self::StripPrefix(argument),
            "after_last" => Self::AfterLast(argument),
            "after_first" => Self::AfterFirst(argument),
            "before_first" => Self::BeforeFirst(argument),
            "before_last" => Self::BeforeLast(argument),
            _ => return None,
        })
    }

    pub const NAMES: &str = "lower, trim, guid, sha256, arn_account, arn_role, host, \
        strip_prefix:X, after_last:X, after_first:X, before_first:X, before_last:X";

    pub fn apply<'a>(&self, value: Cow<'a, str>) -> Option<Cow<'a, str>> {
        let cut = |value: Cow<'a, str>,
                   part: fn(&'_ str, &'_ str) -> Option<(usize, usize)>,
                   by: &str| {
            match part(&value, by) {
                Some((from, to)) => slice(value, from, to),
                None => value,
            }
        };
        Some(match self {
            Self::Lower if value.bytes().any(|byte| byte.is_ascii_uppercase() || byte >= 0x80) => {
                Cow::Owned(value.to_lowercase())
            }
            Self::Lower => value,
            Self::Trim => cut(
                value,
                |value, _| {
                    let from = value.len() - value.trim_start().len();
                    Some((from, from + value.trim().len()))
                },
                "",
            ),
            Self::StripPrefix(prefix) => cut(
                value,
                |value, prefix| value.starts_with(prefix).then_some((prefix.len(), value.len())),
                prefix,
            ),
            Self::AfterLast(mark) => cut(
                value,
                |value, mark| value.rfind(mark).map(|at| (at + mark.len(), value.len())),
                mark,
            ),
            Self::AfterFirst(mark) => cut(
                value,
                |value, mark| value.find(mark).map(|at| (at + mark.len(), value.len())),
                mark,
            ),
            Self::BeforeFirst(mark) => {
                cut(value, |value, mark| value.find(mark).map(|at| (0, at)), mark)
            }
            Self::BeforeLast(mark) => {
                cut(value, |value, mark| value.rfind(mark).map(|at| (0, at)), mark)
            }
            Self::Guid => guid(&value).map_or(value, Cow::Owned),
            Self::Sha256 => sha256(&value).map_or(value, Cow::Owned),
            Self::ArnAccount => {
                Cow::Owned(value.split(':').nth(4).filter(|part| !part.is_empty())?.to_owned())
            }
            Self::ArnRole => arn_role(&value).map_or(value, Cow::Owned),
            Self::Host => {
                let rest = value.split_once("://").map_or(value.as_ref(), |(_, rest)| rest);
                Cow::Owned(rest.split(['/', '?', '#']).next()?.to_owned())
            }
        })
    }
}

fn slice(value: Cow<'_, str>, from: usize, to: usize) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(text) => text.get(from..to).map_or(Cow::Borrowed(text), Cow::Borrowed),
        Cow::Owned(text) => Cow::Owned(text.get(from..to).unwrap_or(&text).to_owned()),
    }
}

/// Microsoft writes one GUID in three ways: as text, base64 of that text, and base64url of its
/// bytes with the first three groups little-endian (the `uti` claim).
fn guid(value: &str) -> Option<String> {
    if is_guid(value) {
        return Some(value.to_ascii_lowercase());
    }
    if value.len() == 48 {
        let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        return is_guid(&text).then(|| text.to_ascii_lowercase());
    }
    if value.len() == 22 {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()?;
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut text = String::with_capacity(36);
        for (at, from) in order.into_iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{:02x}", bytes.get(from)?));
        }
        return Some(text);
    }
    None
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn sha256(value: &str) -> Option<String> {
    if value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(value.to_ascii_lowercase());
    }
    let trimmed = value.trim_end_matches('=');
    let bytes =
        STANDARD_NO_PAD.decode(trimmed).or_else(|_| URL_SAFE_NO_PAD.decode(trimmed)).ok()?;
    (bytes.len() == 32).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` to `arn:aws:iam::ACCOUNT:role/ROLE`: the session
/// name is chosen by the caller and proves nothing.
fn arn_role(value: &str) -> Option<String> {
    let (head, session) = value.split_once(":assumed-role/")?;
    let (role, _) = session.split_once('/')?;
    Some(format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1)))
}

/// Words that stand where a key would, and are none: a join on them would fuse strangers.
pub fn is_absent(value: &str) -> bool {
    match value.len() {
        0 | 1 => value.is_empty() || matches!(value, "-" | "0"),
        3..=9 => {
            let word = |word: &str| value.eq_ignore_ascii_case(word);
            word("unknown")
                || word("null")
                || word("none")
                || word("nil")
                || word("n/a")
                || word("undefined")
        }
        30 => value == REDACTED,
        32 | 36 => value.bytes().all(|byte| matches!(byte, b'0' | b'-')),
        _ => value.starts_with("0001-01-01"),
    }
}

/// What AWS writes instead of a name that might be a password.
pub const REDACTED: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

#[cfg(test)]
mod tests {
    use super::{Transform, is_absent};

    #[test]
    fn one_guid_in_three_encodings_is_one() {
        for (forms, expected) in [
            (
                [
                    "D5935DCA-86f2-4ac9-a42c-3593b00af801",
                    "ZDU5MzVkY2EtODZmMi00YWM5LWE0MmMtMzU5M2IwMGFmODAx",
                    "yl2T1fKGyUqkLDWTsAr4AQ",
                ],
                "d5935dca-86f2-4ac9-a42c-3593b00af801",
            ),
            (
                [
                    "4d81e7dd-bc8d-4048-9a02-bccc1d945802",
                    "NGQ4MWU3ZGQtYmM4ZC00MDQ4LTlhMDItYmNjYzFkOTQ1ODAy",
                    "3eeBTY28SECaArzMHZRYAg",
                ],
                "4d81e7dd-bc8d-4048-9a02-bccc1d945802",
            ),
        ] {
            for form in forms {
                assert_eq!(Transform::Guid.apply(form.into()).unwrap(), expected);
            }
        }
    }

    #[test]
    fn transforms_give_the_canonical_form() {
        for (transform, from, to) in [
            ("strip_prefix:JTI=", "JTI=2e63", "2e63"),
            ("after_last:/", "a/b/c", "c"),
            ("before_first::", "a:b:c", "a"),
            ("arn_role", "arn:aws:sts::1:assumed-role/R/s@x", "arn:aws:iam::1:role/R"),
            ("arn_account", "arn:aws:iam::123:user/x", "123"),
            (
                "sha256",
                "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            ("host", "https://a.example/x?y", "a.example"),
            ("lower", "ABC", "abc"),
        ] {
            let transform = Transform::parse(transform).unwrap();
            assert_eq!(transform.apply(from.into()).unwrap(), to);
        }
    }

    #[test]
    fn sentinels_are_absent() {
        for word in [
            "",
            "-",
            "0",
            "null",
            "unknown",
            "00000000-0000-0000-0000-000000000000",
            "0001-01-01T00:00:00Z",
            "HIDDEN_DUE_TO_SECURITY_REASONS",
        ] {
            assert!(is_absent(word), "{word}");
        }
        for word in ["1", "a", "unknown-user", "10000000-0000-0000-0000-000000000000"] {
            assert!(!is_absent(word), "{word}");
        }
    }
}
