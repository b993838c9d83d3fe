//! Bearer secrets that stand where a name or an address should: they must not travel further.

use std::borrow::Cow;

/// What stands where a secret was.
pub const STRIPPED: &str = "[stripped]";

/// How tokens begin that work for whoever holds them.
const HEADS: [&str; 20] = [
    // Session tokens of AWS, base64 of a fixed head.
    "IQoJb3JpZ2lu",
    "FwoGZXIvYXdz",
    "FQoGZXIvYXdz",
    "AQoDYXdz",
    "AQoEXAMP",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "ya29.",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "hvs.",
    "hvb.",
    "sk-ant-",
    "sk-proj-",
];
/// The shortest run of token letters that is looked at: a shorter one is no token that works.
const RUN_BYTES_MIN: usize = 16;

/// The value, unless a secret is anywhere in it.
pub fn without_bearer(value: Cow<'_, str>) -> Cow<'_, str> {
    if has_bearer(&value) { Cow::Borrowed(STRIPPED) } else { value }
}

/// Whether a text is a signed token itself.
pub fn is_bearer(value: &str) -> bool {
    let mut parts = value.split('.');
    let head = parts.next().is_some_and(|part| part.starts_with("eyJ") && part.len() > 8);
    head && parts.next().is_some_and(|part| part.len() > 8) && parts.next().is_some()
}

/// Letters of tokens.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Whether a text of 16 bytes or more is one run from end to end, as most ids are. All bytes of a
/// block are compared at once; the last block overlaps the one before it.
fn is_run(text: &[u8]) -> bool {
    let is_other = |byte: u8| {
        let is_digit = u8::from(byte.wrapping_sub(b'0') < 10);
        let is_letter = u8::from((byte | 0x20).wrapping_sub(b'a') < 26);
        let is_mark = u8::from(byte == b'-') | u8::from(byte == b'_') | u8::from(byte == b'.');
        1 ^ (is_digit | is_letter | is_mark)
    };
    let is_run =
        |block: &[u8; 16]| block.iter().fold(0, |other, byte| other | is_other(*byte)) == 0;
    text.as_chunks().0.iter().all(is_run) && text.last_chunk().is_some_and(is_run)
}

/// A run that is long enough covers one of every `RUN_BYTES_MIN` bytes: only those are looked at.
fn has_bearer(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < RUN_BYTES_MIN {
        return false;
    }
    if is_run(bytes) {
        return is_secret(value);
    }
    let is_part = |at: &usize| bytes.get(*at).is_some_and(|byte| is_part(*byte));
    let mut at = RUN_BYTES_MIN - 1;
    while at < bytes.len() {
        if !is_part(&at) {
            at += RUN_BYTES_MIN;
            continue;
        }
        let from = at - (0..at).rev().take_while(is_part).count();
        let to = at + (at..bytes.len()).take_while(is_part).count();
        if value.get(from..to).is_some_and(|run| run.len() >= RUN_BYTES_MIN && is_secret(run)) {
            return true;
        }
        at = to + RUN_BYTES_MIN;
    }
    false
}

fn is_secret(run: &str) -> bool {
    // Almost no run begins as any of them does: one byte tells.
    let first = run.as_bytes().first();
    first.is_some_and(|byte| b"eIFAgyxhs".contains(byte))
        && (is_bearer(run) || HEADS.iter().any(|head| run.starts_with(head)))
}

#[cfg(test)]
mod tests {
    use super::{STRIPPED, without_bearer};

    #[test]
    fn the_first_byte_of_every_head_is_looked_for() {
        for head in super::HEADS {
            assert!(super::is_secret(&format!("{head}0123456789abcdef")), "{head}");
        }
    }

    #[test]
    fn a_run_is_letters_of_tokens_only() {
        for byte in 0..=u8::MAX {
            for length in [16, 31, 32, 45] {
                for at in [0, length / 2, length - 1] {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    assert_eq!(super::is_run(&text), super::is_part(byte), "{byte} {length} {at}");
                }
            }
        }
    }

    #[test]
    fn a_token_inside_any_text_does_not_pass() {
        for token in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
            "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQD",
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        ] {
            for pad in 0..40 {
                let pad = " ".repeat(pad);
                for text in [
                    format!("{pad}{token}"),
                    format!("{pad}Bearer {token}"),
                    format!("/x{pad};t={token},y"),
                    format!("a?b=\"{token}\"{pad}"),
                ] {
                    assert_eq!(without_bearer(text.as_str().into()), STRIPPED, "{text}");
                }
            }
        }
        for text in [
            "arn:aws:iam::123456789012:user/eyJack",
            "keyJ.b.c and a longer text, nothing more",
            "d5935dca-86f2-4ac9-a42c-3593b00af801",
            "aws-cli/2.12.6 Python/3.11.4 Linux/5.10.16.3-microsoft-standard-WSL2 exe/x86_64.debian.10 prompt/off",
            "",
        ] {
            assert_eq!(without_bearer(text.into()), text);
        }
    }
}
