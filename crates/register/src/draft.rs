//! A first register from logs alone: what was seen is written down, what only people know is left
//! open and marked. The draft passes the check, and the check shows its gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use countersign_model::register::{CredentialKind, TrustPathKind};
use countersign_model::time::Timestamp;

use crate::check::is_dotted;
use crate::scalar::time_text;
use crate::secret::{has_aws_key_id, has_aws_secret_form, kind_of_secret};
use crate::write::quoted;

/// The organization of all identities of a draft, until somebody says whose they are.
pub const TO_BE_NAMED: &str = "to-be-named";

/// More than this nobody sorts by hand; the most used come first, the rest is counted.
const ITEMS_MAX: usize = 2000;
/// Longer names are cut in ids only, never in values.
const SLUG_CHARS_MAX: usize = 60;
/// The longest value that the check takes back.
const VALUE_BYTES_MAX: usize = 4096;

/// What logs showed. Lists in any order; an entry for each distinct thing.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub tenants: Vec<SeenTenant>,
    pub principals: Vec<SeenPrincipal>,
    pub credentials: Vec<SeenCredential>,
    pub applications: Vec<SeenApplication>,
    pub issuers: Vec<SeenIssuer>,
}

/// An account, directory or realm in which records arose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenTenant {
    /// Name of the source definition.
    pub source: String,
    /// What its records call it; empty if they do not say.
    pub account: String,
    /// The time of its earliest record.
    pub first: Option<Timestamp>,
    pub records: u64,
}

/// Somebody or something that acted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenPrincipal {
    pub namespace: String,
    pub value: String,
    /// A display name, if a record gave one.
    pub name: Option<String>,
    /// What the record says it is, in its own words.
    pub kind: Option<String>,
    pub count: u64,
}

/// A credential by its public handle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenCredential {
    pub kind: CredentialKind,
    pub namespace: String,
    pub handle: String,
    /// Keys and certificates, as opposed to what a session leaves behind. Only these are drafted.
    pub long_lived: bool,
    /// Namespace and value of the principal that used it, if there was exactly one.
    pub principal: Option<(String, String)>,
    pub count: u64,
}

/// An application or user agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenApplication {
    pub namespace: String,
    pub name: String,
    pub count: u64,
}

/// Somebody whose assertions were accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenIssuer {
    pub issuer: String,
    /// How its assertions arrive, if the records say so; without it only a comment is drafted.
    pub kind: Option<TrustPathKind>,
    pub count: u64,
}

/// A register in YAML that says what was seen and asks for the rest. Log content is hostile: every
/// value is quoted, also in comments, and what looks like a secret is left out.
pub fn draft(seen: &Seen) -> String {
    let mut draft =
        Draft { out: HEAD.to_owned(), ids: BTreeSet::new(), identities: BTreeMap::new() };
    draft.tenants(&seen.tenants);
    draft.out.push_str(ORGANIZATIONS);
    draft.issuers(&seen.issuers);
    draft.principals(&seen.principals);
    draft.credentials(&seen.credentials);
    draft.applications(&seen.applications);
    draft.out.push_str(TAIL);
    draft.out
}

const HEAD: &str = "\
# Drafted from logs. It says what was seen; a `?` marks what only people know.
#
# 1. Name the outsiders: give each an organization, and set the `organization` of its identities.
# 2. Move what is yours from `identities` to `own`, at the end.
# 3. Set each `kind`: human, service, agent or shared. A draft says `shared`, which names no person.
# 4. Then `countersign check` says what is still unknown. Unknown is never taken for allowed.

# company: ?
";

const ORGANIZATIONS: &str = "
# One stand-in for all organizations. Its kind is a stand-in as well: rename it, or add your own.
organizations:
  - id: to-be-named
    kind: partner
    # name: ?
    # state: ?  proposed, active, suspended or ended
    # sponsor: ?  the employee who is accountable for it, an id under `sponsors`
    # contract: ?  {from: 2026-01-01, until: 2027-01-01}

# sponsors: ?
#  - id: first-last
#    name: ?
#    employed: ?  {from: 2020-01-01, until: never}
";

const TAIL: &str = "
# own: ?  accounts that are yours; `*` matches anything
#  - {namespace: \"…\", value: \"…\"}

# entitlements: ?  what may be done, and which assurance it takes
# grants: ?  who may do it, by whose word, from when until when
";

struct Draft {
    out: String,
    /// Ids given, by noun and id.
    ids: BTreeSet<(&'static str, String)>,
    identities: BTreeMap<(String, String), String>,
}

impl Draft {
    fn tenants(&mut self, tenants: &[SeenTenant]) {
        let mut distinct = tenants.to_vec();
        distinct.sort();
        distinct.dedup_by(|a, b| a.source == b.source && a.account == b.account);
        let fits = |tenant: &SeenTenant| is_fit(&tenant.account) && is_dotted(&tenant.source);
        let chosen = self.list("tenants", &distinct, |tenant| tenant.records, fits);
        for tenant in chosen {
            let name = format!("{} {}", tenant.source, tenant.account);
            let id = self.id("tenants", &name);
            self.line(&format!("  - id: {}", quoted(&id)));
            self.line(&format!("    source: {}", quoted(&tenant.source)));
            if tenant.account.is_empty() {
                self.line("    # files: ?  which log files are its own, such as [\"portal/**\"]");
            } else {
                self.line(&format!("    accounts: [{}]", quoted(&tenant.account)));
            }
            let first = tenant.first.map_or("?".to_owned(), time_text);
            self.line(&format!(
                "    # logs_from: ?  the earliest of {} records: {first}",
                tenant.records
            ));
            self.line("    # feeds: ?  those known to be on and collected");
        }
    }

    fn issuers(&mut self, issuers: &[SeenIssuer]) {
        let fit = |issuer: &SeenIssuer| is_fit(&issuer.issuer) && !issuer.issuer.is_empty();
        let known: Vec<SeenIssuer> =
            issuers.iter().filter(|issuer| issuer.kind.is_some()).cloned().collect();
        let chosen = self.list("trust_paths", &known, |issuer| issuer.count, fit);
        for issuer in chosen {
            let Some(kind) = issuer.kind else { continue };
            let id = self.id("trust_paths", &issuer.issuer);
            self.line(&format!("  - id: {}", quoted(&id)));
            self.line(&format!("    organization: {TO_BE_NAMED}"));
            self.line(&format!("    kind: {}", kind.as_str()));
            self.line(&format!("    issuer: {}", quoted(&issuer.issuer)));
            self.line(&format!("    # seen {} times", issuer.count));
            self.line("    # accepted_by: ?  who accepted it, an id under `sponsors`");
            self.line(
                "    # assurance_map: ?  which of its claims counts as what; none: the floor",
            );
        }
        let unknown: Vec<&SeenIssuer> =
            issuers.iter().filter(|issuer| issuer.kind.is_none() && fit(issuer)).collect();
        self.comments("issuers whose kind the logs do not say", &unknown, |issuer| {
            (issuer.count, quoted(&issuer.issuer))
        });
    }

    fn principals(&mut self, principals: &[SeenPrincipal]) {
        let chosen = self.list(
            "identities",
            principals,
            |principal| principal.count,
            |principal| {
                [&principal.namespace, &principal.value]
                    .into_iter()
                    .all(|text| is_fit(text) && !text.trim().is_empty())
            },
        );
        for principal in chosen {
            let key = (principal.namespace.clone(), principal.value.clone());
            if self.identities.contains_key(&key) {
                continue;
            }
            let named =
                principal.name.as_ref().filter(|name| is_fit(name) && !name.trim().is_empty());
            let id = self.id("identities", named.unwrap_or(&principal.value));
            self.line(&format!("  - id: {}", quoted(&id)));
            if let Some(name) = named {
                self.line(&format!("    name: {}", quoted(name)));
            }
            self.line(&format!("    organization: {TO_BE_NAMED}   # ?"));
            let kind = principal.kind.as_deref().filter(|kind| is_fit(kind) && !kind.is_empty());
            let says =
                kind.map_or(String::new(), |kind| format!("; the logs say {}", quoted(kind)));
            self.line(&format!("    kind: shared   # ?{says}"));
            self.line("    # owner: ?  for all but humans: who answers for it");
            self.line("    # active: ?  {from: 2026-01-01, until: 2027-01-01}");
            self.line("    accounts:");
            self.line(&format!(
                "      - {{namespace: {}, value: {}}}   # seen {} times",
                quoted(&principal.namespace),
                quoted(&principal.value),
                principal.count
            ));
            self.identities.insert(key, id);
        }
    }

    fn credentials(&mut self, credentials: &[SeenCredential]) {
        let mut lasting: Vec<SeenCredential> = credentials
            .iter()
            .filter(|credential| credential.long_lived && self.holder(credential).is_some())
            .cloned()
            .collect();
        // A handle is one credential; what was seen most often says whose.
        lasting.sort_by(|a, b| (&a.handle, b.count, a).cmp(&(&b.handle, a.count, b)));
        let sightings = lasting.len();
        lasting.dedup_by(|a, b| a.handle == b.handle);
        let repeated = sightings - lasting.len();
        let chosen = self.list(
            "credentials",
            &lasting,
            |credential| credential.count,
            |credential| {
                let handle = &credential.handle;
                is_fit(handle)
                    && is_fit(&credential.namespace)
                    && !has_aws_secret_form(handle)
                    && !handle.trim().is_empty()
            },
        );
        for credential in chosen {
            let Some(holder) = self.holder(&credential) else {
                continue;
            };
            let id = self.id("credentials", &credential.handle);
            self.line(&format!("  - id: {}", quoted(&id)));
            self.line(&format!("    identity: {}", quoted(&holder)));
            self.line(&format!("    kind: {}", credential.kind.as_str()));
            self.line(&format!("    handle: {}", quoted(&credential.handle)));
            if !credential.namespace.trim().is_empty() {
                self.line(&format!("    namespace: {}", quoted(&credential.namespace)));
            }
            self.line(&format!("    # issued: ?  seen {} times", credential.count));
            self.line("    # rotate_every: ?  such as 90d");
            self.line("    # consumer: ?  the one place that uses it");
        }
        let passing = credentials.iter().filter(|credential| !credential.long_lived).count();
        let lost = credentials
            .iter()
            .filter(|credential| credential.long_lived && self.holder(credential).is_none())
            .count();
        self.count(repeated, "more sightings of these handles, by others or elsewhere");
        self.count(passing, "short-lived credentials were seen and are not listed");
        self.count(lost, "lasting credentials were seen without one principal who used them");
    }

    fn holder(&self, credential: &SeenCredential) -> Option<String> {
        self.identities.get(credential.principal.as_ref()?).cloned()
    }

    fn applications(&mut self, applications: &[SeenApplication]) {
        let fit: Vec<&SeenApplication> = applications
            .iter()
            .filter(|application| is_fit(&application.name) && is_fit(&application.namespace))
            .collect();
        self.comments(
            "applications seen; those of outsiders belong under `identities`",
            &fit,
            |seen| (seen.count, format!("{} in {}", quoted(&seen.name), quoted(&seen.namespace))),
        );
    }

    /// Begins a list and chooses its items: the most used first, without what cannot be written.
    fn list<T: Clone + Ord>(
        &mut self,
        key: &str,
        items: &[T],
        count: fn(&T) -> u64,
        fits: impl Fn(&T) -> bool,
    ) -> Vec<T> {
        let mut chosen: Vec<T> = items.iter().filter(|item| fits(item)).cloned().collect();
        chosen.sort();
        chosen.dedup();
        chosen.sort_by_key(|item| std::cmp::Reverse(count(item)));
        let rest = chosen.len().saturating_sub(ITEMS_MAX);
        chosen.truncate(ITEMS_MAX);
        if !chosen.is_empty() {
            let _ = write!(self.out, "\n{key}:\n");
        }
        let left_out = items.iter().filter(|item| !fits(item)).count();
        self.count(
            left_out,
            &format!("of `{key}` are left out: empty, too long, or like a secret"),
        );
        self.count(rest, &format!("more of `{key}` were seen, each less often than these"));
        chosen
    }

    fn comments<T>(&mut self, title: &str, items: &[T], shown: impl Fn(&T) -> (u64, String)) {
        let mut lines: Vec<(u64, String)> = items.iter().map(shown).collect();
        lines.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        if !lines.is_empty() {
            let _ = write!(self.out, "\n# {title}:\n");
        }
        self.count(lines.len().saturating_sub(ITEMS_MAX), "more are not listed");
        for (count, text) in lines.into_iter().take(ITEMS_MAX) {
            self.line(&format!("#  - {text}, {count} times"));
        }
    }

    fn count(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.line(&format!("  # {count} {what}"));
        }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// A slug of `name` that the list does not have yet.
    fn id(&mut self, noun: &'static str, name: &str) -> String {
        let mut slug = String::new();
        for character in
            name.chars().rev().take(SLUG_CHARS_MAX).collect::<Vec<_>>().into_iter().rev()
        {
            if character.is_ascii_alphanumeric() || matches!(character, '.' | '_') {
                slug.push(character.to_ascii_lowercase());
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug = slug.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let slug = if slug.is_empty() || kind_of_secret(slug).is_some() { "unnamed" } else { slug };
        let mut id = slug.to_owned();
        let mut next = 2;
        while !self.ids.insert((noun, id.clone())) {
            id = format!("{slug}-{next}");
            next += 1;
        }
        id
    }
}

/// Whether the check would take the text back, or it is empty and is left out.
fn is_fit(text: &str) -> bool {
    let blank = !text.is_empty() && text.trim().is_empty();
    let secret =
        kind_of_secret(text).is_some() || (has_aws_key_id(text) && has_aws_secret_form(text));
    text.len() <= VALUE_BYTES_MAX && !blank && !secret
}
