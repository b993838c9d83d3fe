//! A draft from logs passes the check, whatever the logs hold.

use std::collections::BTreeSet;

use countersign_model::register::{CredentialKind, TrustPathKind};
use countersign_model::time::Timestamp;
use countersign_register::{
    Seen, SeenApplication, SeenCredential, SeenIssuer, SeenPrincipal, SeenTenant, draft, gaps,
    parse,
};
use proptest::prelude::*;

use crate::check_golden;

fn principal(namespace: &str, value: &str, name: Option<&str>, count: u64) -> SeenPrincipal {
    SeenPrincipal {
        namespace: namespace.to_owned(),
        value: value.to_owned(),
        name: name.map(str::to_owned),
        kind: Some("IAMUser".to_owned()),
        count,
    }
}

fn seen() -> Seen {
    let account = "123837392027";
    let dora = "arn:aws:iam::123837392027:user/dora";
    let key = |handle: &str, long_lived| SeenCredential {
        kind: CredentialKind::ApiKey,
        namespace: account.to_owned(),
        handle: handle.to_owned(),
        long_lived,
        principal: Some((account.to_owned(), dora.to_owned())),
        count: 12,
    };
    Seen {
        tenants: vec![SeenTenant {
            source: "aws.cloudtrail".to_owned(),
            account: account.to_owned(),
            first: Some(Timestamp::from_seconds(1_688_989_500)),
            records: 3142,
        }],
        principals: vec![
            principal(account, "foo: bar\n- x: [", None, 2),
            principal(account, dora, Some("Dora \"D\" Field # not a comment"), 900),
        ],
        credentials: vec![key("AKIAIOSFODNN7EXAMPLE", true), key("ASIAIOSFODNN7EXAMPLE", false)],
        applications: vec![SeenApplication {
            namespace: account.to_owned(),
            name: "aws-cli/2.1\n\u{1b}[2J".to_owned(),
            count: 40,
        }],
        issuers: vec![
            SeenIssuer {
                issuer: "https://login.northwind.example".to_owned(),
                kind: Some(TrustPathKind::Oidc),
                count: 7,
            },
            SeenIssuer { issuer: "cognito".to_owned(), kind: None, count: 1 },
        ],
    }
}

#[test]
fn a_draft_says_what_was_seen_and_asks_for_the_rest() {
    let text = draft(&seen());
    check_golden("tests/it/draft.yaml", &text);
    let (register, mistakes) = parse(&[("draft".to_owned(), text)]);
    assert_eq!(mistakes, Vec::new());
    let gaps = gaps(&register);
    for (noun, field) in [
        ("organizations", "sponsor"),
        ("identities", "organization"),
        ("identities", "owner"),
        ("credentials", "issued"),
    ] {
        assert!(gaps.iter().any(|gap| gap.noun == noun && gap.field == field), "{noun} {field}");
    }
}

#[test]
fn nothing_seen_is_a_draft_too() {
    let (_, mistakes) = parse(&[("draft".to_owned(), draft(&Seen::default()))]);
    assert_eq!(mistakes, Vec::new());
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-a-z:#{}\\[\\]\"'\\\\\n\r\t &*!|>%@`,?~]{0,12}",
        Just("null".to_owned()),
        Just("- x\n  y: z".to_owned()),
    ]
}

proptest! {
    #[test]
    fn no_log_content_gets_out_of_its_place(
        values in prop::collection::vec((hostile(), hostile(), hostile(), 0u64..9), 0..8),
    ) {
        let mut seen = Seen::default();
        for (namespace, value, name, count) in &values {
            seen.tenants.push(SeenTenant {
                source: "aws.cloudtrail".to_owned(),
                account: namespace.clone(),
                first: None,
                records: *count,
            });
            seen.principals.push(SeenPrincipal {
                namespace: namespace.clone(),
                value: value.clone(),
                name: Some(name.clone()),
                kind: Some(name.clone()),
                count: *count,
            });
            seen.credentials.push(SeenCredential {
                kind: CredentialKind::Certificate,
                namespace: namespace.clone(),
                handle: name.clone(),
                long_lived: true,
                principal: Some((namespace.clone(), value.clone())),
                count: *count,
            });
            seen.applications.push(SeenApplication {
                namespace: namespace.clone(),
                name: value.clone(),
                count: *count,
            });
            let kind = (*count > 4).then_some(TrustPathKind::Saml);
            seen.issuers.push(SeenIssuer { issuer: name.clone(), kind, count: *count });
        }
        let text = draft(&seen);
        let (register, mistakes) = parse(&[("draft".to_owned(), text.clone())]);
        prop_assert_eq!(mistakes, Vec::new(), "{}", text);
        let drafted: BTreeSet<(&str, &str)> = register
            .identities
            .values()
            .flat_map(|identity| &identity.accounts)
            .map(|account| (account.namespace.as_str(), account.value.as_str()))
            .collect();
        let expected: BTreeSet<(&str, &str)> = values
            .iter()
            .filter(|(namespace, value, ..)| !namespace.trim().is_empty() && !value.trim().is_empty())
            .map(|(namespace, value, ..)| (namespace.as_str(), value.as_str()))
            .collect();
        prop_assert_eq!(drafted, expected);
    }
}
