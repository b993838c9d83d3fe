//! Recognises what must not be in a register: a secret instead of its public handle.
//!
//! Known formats only, so that no fingerprint, key id or account name is taken for one.

/// The kind of secret that `text` looks like, if it looks like one.
pub(crate) fn kind_of_secret(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    if has_password_in_url(text) {
        return Some("a password in an address");
    }
    words(text).find_map(|word| {
        if is_jwt(word) {
            return Some("a signed token (JWT)");
        }
        PREFIXES.iter().find_map(|(prefix, rest_min, kind)| {
            let rest = word.strip_prefix(prefix)?;
            (rest.len() >= *rest_min).then_some(*kind)
        })
    })
}

/// Whether a run of `text` has the form of an AWS secret key. Other things have it too, so it
/// counts as one only beside an access key id or where a handle is expected.
pub(crate) fn has_aws_secret_form(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '/' || c == '+')).any(|run| {
        run.len() == 40
            && run.bytes().any(|b| b.is_ascii_uppercase())
            && run.bytes().any(|b| b.is_ascii_lowercase())
            && run.bytes().any(|b| b.is_ascii_digit())
            && !run.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

pub(crate) fn has_aws_key_id(text: &str) -> bool {
    words(text).any(|word| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

/// Whether a message must not repeat `text`. Hides more than is refused.
pub(crate) fn hides(text: &str) -> bool {
    kind_of_secret(text).is_some() || has_aws_secret_form(text)
}

/// Prefix, how much must follow, what it is.
const PREFIXES: [(&str, usize, &str); 26] = [
    ("ghp_", 20, "a GitHub token"),
    ("gho_", 20, "a GitHub token"),
    ("ghu_", 20, "a GitHub token"),
    ("ghs_", 20, "a GitHub token"),
    ("ghr_", 20, "a GitHub token"),
    ("github_pat_", 20, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("xoxb-", 10, "a Slack token"),
    ("xoxp-", 10, "a Slack token"),
    ("xoxa-", 10, "a Slack token"),
    ("xoxr-", 10, "a Slack token"),
    ("xoxs-", 10, "a Slack token"),
    ("xapp-", 10, "a Slack token"),
    ("sk_live_", 16, "a Stripe key"),
    ("rk_live_", 16, "a Stripe key"),
    ("sk-ant-", 20, "an API key"),
    ("sk-proj-", 20, "an API key"),
    ("AIza", 35, "a Google API key"),
    ("ya29.", 20, "a Google access token"),
    ("GOCSPX-", 20, "a Google client secret"),
    ("npm_", 30, "an npm token"),
    ("pypi-", 40, "a PyPI token"),
    ("hvs.", 20, "a Vault token"),
    ("SG.", 40, "a SendGrid key"),
    ("dop_v1_", 40, "a DigitalOcean token"),
    ("AGE-SECRET-KEY-", 20, "a private key"),
];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .filter(|word| !word.is_empty())
}

/// Three base64url parts, the first an encoded JSON object. The header and payload of a token
/// without its signature can be used by nobody, so all three must be there.
fn is_jwt(word: &str) -> bool {
    let mut parts = word.split('.');
    let (Some(head), Some(body), Some(signature)) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    head.starts_with("eyJ") && body.starts_with("eyJ") && signature.len() >= 16
}

fn has_password_in_url(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or("");
        let Some((user, _host)) = authority.rsplit_once('@') else {
            return false;
        };
        user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::{has_aws_key_id, has_aws_secret_form, kind_of_secret};

    #[test]
    fn secrets_are_told_from_handles() {
        // Put together here, so that no scanner of this repository takes them for real ones.
        let token = format!("ghp{}{}", "_", "0123456789abcdefghijABCDEFGHIJ012345");
        let jwt =
            format!("{}.{}.{}", "eyJhbGciOiJSUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJlLXNpZw");
        assert!(kind_of_secret(&token).is_some());
        assert!(kind_of_secret(&format!("Bearer {jwt}")).is_some());
        assert!(kind_of_secret("postgres://app:hunter2@db/claims").is_some());
        for handle in [
            "AKIAIOSFODNN7EXAMPLE",
            "sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "A9:3F:11:02",
            "https://login.example/realms/partners",
            "https://user@example.com/",
            "spiffe://brightwater.example/claims-triage",
            "SG.eu-west",
            "ghp_short",
        ] {
            assert_eq!(kind_of_secret(handle), None, "{handle}");
        }
    }

    #[test]
    fn an_aws_secret_is_told_from_a_fingerprint() {
        let secret = format!("{}{}", "wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY");
        assert!(has_aws_secret_form(&secret));
        assert!(!has_aws_secret_form("0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d"));
        assert!(!has_aws_secret_form("0A1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d"));
        assert!(has_aws_key_id("key AKIAIOSFODNN7EXAMPLE of dora"));
        assert!(!has_aws_key_id("AKIA"));
    }
}
