//! `countersign register init` and `format`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use countersign_console::plain;
use countersign_model::event::{Event, Verb};
use countersign_model::key::KeyKind;
use countersign_model::register::CredentialKind;
use countersign_model::time::Timestamp;
use countersign_register::{
    Known, Seen, SeenApplication, SeenCredential, SeenPrincipal, SeenTenant, draft, write,
};
use countersign_sources::read::Visitor;
use countersign_sources::{Limits, Place, Quarantined, plan};

use super::trace::definitions;
use super::{Told, load_register, wrapped};
use crate::out::{self, Exit};

/// Different things of one sort that are kept; more nobody reads.
const KEPT_MAX: usize = 100_000;

pub fn init(from: &[PathBuf], own: &[PathBuf], told: Told) -> Result<Exit> {
    let definitions = definitions(own)?;
    let limits = Limits::default();
    let plan = plan(from, &limits);
    for (path, why) in &plan.skipped {
        out::say(&format!("skipped {}: {}", plain(path), plain(why)));
    }
    if plan.units.is_empty() {
        bail!("there is nothing to read in what was given: name log files or folders of them");
    }
    let mut look = Look::default();
    for (at, unit) in plan.units.iter().enumerate() {
        out::progress(&format!("reading {at} of {}", plan.units.len()));
        if let Err(error) = unit.read(&definitions, &limits, &mut look) {
            out::say(&format!("skipped {}: {error}", plain(&unit.path.display().to_string())));
        }
    }
    out::progress_done();
    if look.quarantined > 0 {
        out::say(&format!("{} records could not be read", look.quarantined));
    }
    out::data(&wrapped("register", &draft(&look.seen()), told))?;
    Ok(Exit::Ok)
}

pub fn format(path: &Path, told: Told) -> Result<Exit> {
    match load_register(path, &Known::default())? {
        Ok(register) => {
            out::data(&wrapped("register", &write(&register), told))?;
            Ok(Exit::Ok)
        }
        Err(exit) => Ok(exit),
    }
}

#[derive(Default)]
struct Look {
    tenants: BTreeMap<(String, String), (Timestamp, u64)>,
    principals: BTreeMap<(String, String), (Option<String>, String, u64)>,
    /// By kind, namespace and handle: long-lived, its principals, count.
    credentials: BTreeMap<(KeyKind, String, String), Holders>,
    applications: BTreeMap<String, u64>,
    quarantined: u64,
}

#[derive(Default)]
struct Holders {
    long_lived: bool,
    one: Option<(String, String)>,
    several: bool,
    count: u64,
}

impl Visitor for Look {
    fn event(&mut self, event: &Event<'_>, _place: Place) {
        let tenant = (event.source.to_owned(), event.tenant.to_string());
        let (first, count) = self.tenants.entry(tenant).or_insert((event.time, 0));
        *first = (*first).min(event.time);
        *count += 1;
        if let Some(agent) =
            event.user_agent.as_deref().filter(|_| self.applications.len() < KEPT_MAX)
        {
            *self.applications.entry(agent.to_owned()).or_default() += 1;
        }
        let account =
            event.principal.as_ref().map(|p| (p.namespace.to_string(), p.value.to_string()));
        if let (Some(principal), Some(account)) = (&event.principal, &account)
            && (self.principals.len() < KEPT_MAX || self.principals.contains_key(account))
        {
            let name = principal.name.as_deref().map(str::to_owned);
            let kind = principal.kind.as_str().to_owned();
            self.principals.entry(account.clone()).or_insert((name, kind, 0)).2 += 1;
        }
        self.keys(event, account.as_ref());
    }

    fn quarantine(&mut self, _bad: Quarantined) {
        self.quarantined += 1;
    }
}

impl Look {
    fn keys(&mut self, event: &Event<'_>, account: Option<&(String, String)>) {
        for link in
            event.links.iter().filter(|link| link.verb == Verb::Uses && link.rule.long_lived)
        {
            let key = (link.kind, event.tenant.to_string(), link.value.to_string());
            if self.credentials.len() >= KEPT_MAX && !self.credentials.contains_key(&key) {
                continue;
            }
            let holders = self.credentials.entry(key).or_default();
            holders.long_lived = true;
            holders.count += 1;
            match (&holders.one, account) {
                (None, Some(account)) => holders.one = Some(account.clone()),
                (Some(one), Some(account)) if one != account => holders.several = true,
                _ => {}
            }
        }
    }

    fn seen(self) -> Seen {
        let kind = |kind| match kind {
            KeyKind::Certificate => CredentialKind::Certificate,
            KeyKind::Token => CredentialKind::Token,
            _ => CredentialKind::ApiKey,
        };
        Seen {
            tenants: self
                .tenants
                .into_iter()
                .map(|((source, account), (first, records))| SeenTenant {
                    source,
                    account,
                    first: Some(first),
                    records,
                })
                .collect(),
            principals: self
                .principals
                .into_iter()
                .filter(|(_, (_, kind, _))| kind != "provider_service")
                .map(|((namespace, value), (name, kind, count))| SeenPrincipal {
                    namespace,
                    value,
                    name,
                    kind: Some(kind),
                    count,
                })
                .collect(),
            credentials: self
                .credentials
                .into_iter()
                .map(|((of, namespace, handle), holders)| SeenCredential {
                    kind: kind(of),
                    namespace,
                    handle,
                    long_lived: holders.long_lived,
                    principal: holders.one.filter(|_| !holders.several),
                    count: holders.count,
                })
                .collect(),
            applications: self
                .applications
                .into_iter()
                .map(|(name, count)| SeenApplication { namespace: String::new(), name, count })
                .collect(),
            issuers: Vec::new(),
        }
    }
}
