//! What the register does not say although a guardrail or a finding asks for it. A gap is no
//! mistake: the register can be used, and what depends on the gap is answered `unknown`.

use std::collections::BTreeSet;
use std::fmt;

use countersign_model::register::{
    Credential, Entitlement, Exception, Grant, Group, Identity, IdentityKind, Organization, Portal,
    Register, Sponsor, Tenant, TrustPath, TrustPathKind,
};
use countersign_model::time::{End, Interval};

use crate::draft::TO_BE_NAMED;
use crate::noun::Noun;

/// Something that is not said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The list it is in, such as `identities`; empty for the register as a whole.
    pub noun: &'static str,
    /// The id of the item; empty for the register as a whole.
    pub id: String,
    /// The key, as in the file; `active.until` for one inside another.
    pub field: &'static str,
    /// What is unknown because of it.
    pub effect: &'static str,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { noun, id, field, effect } = self;
        match id.as_str() {
            "" => write!(f, "the register does not say `{field}`: unknown {effect}"),
            id => write!(f, "`{id}` of `{noun}` does not say `{field}`: unknown {effect}"),
        }
    }
}

/// All gaps, by noun in the order of the documentation, then id, then key.
pub fn gaps(register: &Register) -> Vec<Gap> {
    let mut found = Found(Vec::new());
    if register.company.is_none() {
        found.add("", "", "company", "whose register it is");
    }
    if register.own.is_empty() {
        found.add("", "", "own", "which accounts are our own, so all count as outsiders");
    }
    found.all(Noun::Tenant, &register.tenants, |id| id.as_str(), TENANT);
    found.all(Noun::Organization, &register.organizations, |id| id.as_str(), ORGANIZATION);
    found.all(Noun::Sponsor, &register.sponsors, |id| id.as_str(), SPONSOR);
    found.all(Noun::TrustPath, &register.trust_paths, |id| id.as_str(), TRUST_PATH);
    found.all(Noun::Identity, &register.identities, |id| id.as_str(), IDENTITY);
    namespaces(register, &mut found);
    found.all(Noun::Credential, &register.credentials, |id| id.as_str(), CREDENTIAL);
    found.all(Noun::Entitlement, &register.entitlements, |id| id.as_str(), ENTITLEMENT);
    found.all(Noun::Grant, &register.grants, |id| id.as_str(), GRANT);
    found.all(Noun::Group, &register.groups, |id| id.as_str(), GROUP);
    found.all(Noun::Portal, &register.portals, |id| id.as_str(), PORTAL);
    found.all(Noun::Exception, &register.exceptions, |id| id.as_str(), EXCEPTION);
    found.0
}

struct Found(Vec<Gap>);

impl Found {
    fn add(&mut self, noun: &'static str, id: &str, field: &'static str, effect: &'static str) {
        self.0.push(Gap { noun, id: id.to_owned(), field, effect });
    }

    fn all<'a, K, T>(
        &mut self,
        noun: Noun,
        items: impl IntoIterator<Item = (&'a K, &'a T)>,
        id: fn(&K) -> &str,
        asked: &[Asked<T>],
    ) where
        K: 'a,
        T: 'a,
    {
        for (key, item) in items {
            for (field, effect, is_absent) in asked {
                if is_absent(item) {
                    self.add(noun.key(), id(key), field, effect);
                }
            }
        }
    }
}

/// Key, what is unknown without it, and whether it is absent.
type Asked<T> = (&'static str, &'static str, fn(&T) -> bool);

const TENANT: &[Asked<Tenant>] = &[
    ("source", "which records arise here", |t| t.source.is_none()),
    ("accounts", "which records are its own: it has neither accounts nor files", |t| {
        t.accounts.is_empty() && t.files.is_empty()
    }),
    ("feeds", "which feeds are collected, so nothing follows from their silence", |t| {
        t.feeds.is_none()
    }),
    ("logs_from", "since when its logs are complete", |t| t.logs_from.is_none()),
];

const WHEN_SUSPENDED: &str = "from when until when it was suspended";

const ORGANIZATION: &[Asked<Organization>] = &[
    ("state", "whether it is active", |o| o.state.is_none()),
    ("sponsor", "who of us is accountable for it", |o| o.sponsor.is_none()),
    ("contract.from", "when its contract began", |o| o.contract.from.is_none()),
    ("contract.until", "when its contract ends", |o| o.contract.until.is_none()),
    ("suspended", WHEN_SUSPENDED, |o| !o.suspended.iter().all(is_whole)),
];

const SPONSOR: &[Asked<Sponsor>] = &[
    ("employed.from", "since when they are with us", |s| s.employed.from.is_none()),
    ("employed.until", "whether they are still with us", |s| s.employed.until.is_none()),
    ("successor", "who takes over when they leave", |s| {
        s.successor.is_none() && matches!(s.employed.until, Some(End::At(_)))
    }),
];

const TRUST_PATH: &[Asked<TrustPath>] = &[
    ("issuer", "whose assertions arrive by it", |p| {
        p.issuer.is_none() && matches!(p.kind, TrustPathKind::Oidc | TrustPathKind::Saml)
    }),
    ("active.from", "since when it is accepted", |p| p.active.from.is_none()),
    ("active.until", "until when it is accepted", |p| p.active.until.is_none()),
    ("accepted_by", "who accepted it", |p| p.accepted_by.is_none()),
    ("revalidate_by", "whether its assurance has lapsed", |p| p.revalidate_by.is_none()),
    ("assurance_map", "what its claims are accepted as, so all get the floor", |p| {
        p.assurance_map.is_empty() && p.constant.is_none()
    }),
];

const IDENTITY: &[Asked<Identity>] = &[
    ("organization", "whose it is, and of what kind: it was drafted from logs", |i| {
        i.organization.as_str() == TO_BE_NAMED
    }),
    ("owner", "who answers for it", |i| i.kind != IdentityKind::Human && i.owner.is_none()),
    ("active.from", "since when it may be used", |i| i.active.from.is_none()),
    ("active.until", "until when it may be used", |i| i.active.until.is_none()),
    ("suspended", WHEN_SUSPENDED, |i| !i.suspended.iter().all(is_whole)),
    ("accounts", "how logs name it", |i| i.accounts.is_empty()),
    ("networks", "where it may be used from", |i| {
        i.kind != IdentityKind::Human && i.networks.is_none()
    }),
    ("mandate", "what the agent may do", |i| i.kind == IdentityKind::Agent && i.mandate.is_none()),
    ("mandate.actions", "what the agent may do: the mandate names no action", |i| {
        i.mandate.as_ref().is_some_and(|mandate| mandate.actions.is_empty())
    }),
    ("mandate.until", "when the mandate ends", |i| {
        i.mandate.as_ref().is_some_and(|mandate| mandate.until.is_none())
    }),
    ("mandate.approved_by", "who approved the mandate", |i| {
        i.mandate.as_ref().is_some_and(|mandate| mandate.approved_by.is_none())
    }),
    ("accounts.active", "from when until when an account is its own", |i| {
        !is_whole(&i.active) && i.accounts.iter().any(|account| !is_whole(&account.active))
    }),
];

const CREDENTIAL: &[Asked<Credential>] = &[
    ("trust_path", "by which path it arrives, so with which assurance", |c| c.trust_path.is_none()),
    ("issued", "how old it is", |c| c.issued.is_none()),
    ("until", "when it ends", |c| c.until.is_none()),
    ("rotate_every", "how old it may get", |c| c.rotate_every.is_none()),
    ("consumer", "who uses it", |c| c.consumer.is_none()),
];

const ENTITLEMENT: &[Asked<Entitlement>] = &[
    ("tenant", "where it applies", |e| e.tenant.is_none()),
    ("business_process", "what it is for", |e| e.business_process.is_none()),
    ("owner", "who answers for it", |e| e.owner.is_none()),
    ("risk", "how much harm it can do", |e| e.risk.is_none()),
    ("required", "which assurance it takes", |e| e.required.is_none()),
    ("longest", "how long a grant of it may last", |e| e.longest.is_none()),
    ("review_every", "how often its grants are reviewed", |e| e.review_every.is_none()),
];

const GRANT: &[Asked<Grant>] = &[
    ("sponsor", "who of us is accountable for it", |g| g.sponsor.is_none()),
    ("justification", "why it was given", |g| g.justification.is_none()),
    ("from", "since when it holds", |g| g.interval.from.is_none()),
    ("until", "when it ends", |g| g.interval.until.is_none()),
    ("suspended", WHEN_SUSPENDED, |g| !g.suspended.iter().all(is_whole)),
    ("review_due", "whether its review is overdue", |g| g.review_due.is_none()),
];

const GROUP: &[Asked<Group>] = &[
    ("members", "who is in it", |g| g.members.is_empty()),
    ("members.active", "from when until when somebody is in it", |g| {
        g.members.iter().any(|member| !is_whole(&member.active))
    }),
];

const PORTAL: &[Asked<Portal>] = &[
    ("organization", "whose it is", |p| p.organization.is_none()),
    ("acts_as", "under which identities it acts elsewhere", |p| p.acts_as.is_empty()),
    ("idle", "how long a person may still be the one who acts", |p| p.idle.is_none()),
];

const EXCEPTION: &[Asked<Exception>] = &[
    ("approved_by", "who approved it", |e| e.approved_by.is_none()),
    ("justification", "why it was approved", |e| e.justification.is_none()),
    ("from", "since when it holds", |e| e.interval.from.is_none()),
    ("until", "when it ends", |e| e.interval.until.is_none()),
];

fn is_whole(interval: &Interval) -> bool {
    interval.from.is_some() && interval.until.is_some()
}

/// Names given in a namespace that nothing else in the register mentions: most often a slip of the
/// pen, and records of it will match nothing.
fn namespaces(register: &Register, found: &mut Found) {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (id, tenant) in &register.tenants {
        known.insert(id.as_str());
        known.extend(tenant.accounts.iter().map(String::as_str));
    }
    known.extend(register.trust_paths.values().filter_map(|path| path.issuer.as_deref()));
    let effect = "what its namespace means: it is no tenant, account or issuer of this register";
    for (id, identity) in &register.identities {
        if identity.accounts.iter().any(|account| !known.contains(account.namespace.as_str())) {
            found.add(Noun::Identity.key(), id.as_str(), "accounts.namespace", effect);
        }
    }
    for (id, credential) in &register.credentials {
        if credential.namespace.as_deref().is_some_and(|name| !known.contains(name)) {
            found.add(Noun::Credential.key(), id.as_str(), "namespace", effect);
        }
    }
}
