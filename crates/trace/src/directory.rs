//! What the register knows about accounts, credentials and portals, ready to be looked up.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use countersign_model::event::{Event, Link};
use countersign_model::id::{IdentityId, TenantId};
use countersign_model::register::{
    Credential, Identity, IdentityKind, Portal, PrivilegedRule, Register, matches,
};
use countersign_model::time::{Duration, Timestamp};

/// How long a person counts as present in a portal if its register entry does not say.
const PORTAL_IDLE: Duration = Duration(15 * 60 * 1_000_000_000);

/// No source has this name.
const ITSELF: &str = "";

#[derive(Debug)]
pub struct Directory<'r> {
    register: &'r Register,
    /// What records call a tenant, to its register id.
    tenants: HashMap<&'r str, &'r TenantId>,
    /// Source and what its records call the tenant, to the tenant's register id; [`ITSELF`] and the
    /// register id, to the same.
    by_source: HashMap<(&'r str, &'r str), &'r TenantId>,
    accounts: HashMap<(&'r str, &'r str), Vec<AccountHit<'r>>>,
    credentials: Vec<(&'r str, &'r Credential)>,
    credentials_by_handle: HashMap<Cow<'r, str>, Vec<u32>>,
    portals_by_identity: HashMap<&'r IdentityId, Vec<PortalHit<'r>>>,
    portals_by_tenant: HashMap<&'r str, Vec<PortalHit<'r>>>,
}

#[derive(Debug, Clone, Copy)]
pub struct AccountHit<'r> {
    pub id: &'r IdentityId,
    pub identity: &'r Identity,
    /// Whether the account was this identity's at the time asked for; `None` is not known.
    active: countersign_model::time::Interval,
}

#[derive(Debug, Clone, Copy)]
pub struct PortalHit<'r> {
    pub id: &'r str,
    pub portal: &'r Portal,
}

impl PortalHit<'_> {
    pub fn idle(&self) -> Duration {
        self.portal.idle.unwrap_or(PORTAL_IDLE)
    }
}

/// What the register says about an account at one time.
#[derive(Debug, Clone, Copy)]
pub enum AccountAt<'r> {
    Known(&'r IdentityId, &'r Identity),
    /// Registered, but for another time only, or for two at once.
    Reassigned,
    Unknown,
}

struct SeveralOwners;

/// The one owner among hits, if there is one.
fn only<'h, 'r>(
    hits: impl Iterator<Item = &'h AccountHit<'r>>,
) -> Result<Option<&'h AccountHit<'r>>, SeveralOwners>
where
    'r: 'h,
{
    let mut one = None;
    for hit in hits {
        if one.is_some_and(|known: &AccountHit<'_>| known.id != hit.id) {
            return Err(SeveralOwners);
        }
        one = Some(hit);
    }
    Ok(one)
}

impl<'r> Directory<'r> {
    pub fn new(register: &'r Register) -> Self {
        let mut directory = Self {
            register,
            tenants: HashMap::new(),
            by_source: HashMap::new(),
            accounts: HashMap::new(),
            credentials: register.credentials.iter().map(|(id, c)| (id.as_str(), c)).collect(),
            credentials_by_handle: HashMap::new(),
            portals_by_identity: HashMap::new(),
            portals_by_tenant: HashMap::new(),
        };
        directory.index_tenants();
        directory.index_accounts();
        directory.index_portals();
        for (at, credential) in (0..).zip(register.credentials.values()) {
            let handles = &mut directory.credentials_by_handle;
            handles.entry(credential.handle.as_str().into()).or_default().push(at);
            // Some consoles show the hash of a token in base64, some logs in hex.
            if let Some(hex) = sha256_in_hex(&credential.handle) {
                handles.entry(hex.into()).or_default().push(at);
            }
        }
        directory
    }

    /// Tenants that share an account (the sign-in and the audit log of one directory) are one
    /// namespace, called after the first of them by id.
    fn index_tenants(&mut self) {
        let register = self.register;
        let mut first: BTreeMap<&'r TenantId, &'r TenantId> =
            register.tenants.keys().map(|id| (id, id)).collect();
        let mut changed = true;
        while changed {
            changed = false;
            let mut of_account: HashMap<&str, &'r TenantId> = HashMap::new();
            for (id, tenant) in &register.tenants {
                for account in &tenant.accounts {
                    let own = first.get(id).copied().unwrap_or(id);
                    let known = *of_account.entry(account).or_insert(own);
                    let least = known.min(own);
                    for of in [own, known, id] {
                        changed |= first.insert(of, least) != Some(least);
                    }
                    of_account.insert(account, least);
                }
            }
        }
        for (id, tenant) in &register.tenants {
            let canonical = first.get(id).copied().unwrap_or(id);
            self.tenants.insert(id.as_str(), canonical);
            self.by_source.insert((ITSELF, id.as_str()), id);
            for account in &tenant.accounts {
                self.tenants.insert(account, canonical);
                if let Some(source) = &tenant.source {
                    self.by_source.entry((source, account)).or_insert(id);
                }
            }
        }
    }

    fn index_accounts(&mut self) {
        for (id, identity) in &self.register.identities {
            for account in &identity.accounts {
                let namespace = self.namespace(&account.namespace);
                self.accounts
                    .entry((namespace, account.value.as_str()))
                    .or_default()
                    .push(AccountHit { id, identity, active: account.active });
            }
        }
    }

    fn index_portals(&mut self) {
        for (id, portal) in &self.register.portals {
            let hit = PortalHit { id: id.as_str(), portal };
            self.portals_by_tenant.entry(portal.tenant.as_str()).or_default().push(hit);
            for identity in &portal.acts_as {
                self.portals_by_identity.entry(identity).or_default().push(hit);
            }
        }
    }

    /// The register id of the tenant in which records of a source arise, by what they call it.
    pub fn tenant<'a>(&self, source: &str, name: &'a str) -> &'a str
    where
        'r: 'a,
    {
        let is_known = |source| self.by_source.get(&(source, name)).map(|id| id.as_str());
        is_known(source).or_else(|| is_known(ITSELF)).unwrap_or_else(|| self.namespace(name))
    }

    /// One name for all names of a namespace: those of a tenant and of all its accounts; `name`
    /// itself if no tenant has it.
    pub fn namespace<'a>(&self, name: &'a str) -> &'a str
    where
        'r: 'a,
    {
        self.tenants.get(name).map_or(name, |id| id.as_str())
    }

    pub fn account(&self, namespace: &str, value: &str, at: Timestamp) -> AccountAt<'r> {
        let namespace = self.namespace(namespace);
        let Some(hits) = self.accounts.get(&(namespace, value)) else {
            return AccountAt::Unknown;
        };
        // A known other time excludes; what is not said about the interval does not, unless it
        // leaves two possible owners.
        let sure = hits.iter().filter(|hit| hit.active.contains(at) == Some(true));
        let open = hits.iter().filter(|hit| hit.active.contains(at).is_none());
        match only(sure) {
            Ok(Some(hit)) => AccountAt::Known(hit.id, hit.identity),
            Ok(None) => match only(open) {
                Ok(Some(hit)) => AccountAt::Known(hit.id, hit.identity),
                Ok(None) | Err(SeveralOwners) => AccountAt::Reassigned,
            },
            Err(SeveralOwners) => AccountAt::Reassigned,
        }
    }

    /// The registered credential at an index.
    pub fn credential(&self, at: u32) -> Option<(&'r str, &'r Credential)> {
        self.credentials.get(at as usize).copied()
    }

    /// The index of the registered credential behind a key that an event presents. A credential
    /// registered for one namespace is nobody's in another: the key's, the tenant's and the
    /// account's are tried, since a definition may keep all keys of a provider in one namespace.
    pub fn credential_index(&self, event: &Event<'_>, link: &Link<'_>) -> Option<u32> {
        let hits = self.credentials_by_handle.get(link.value.as_ref())?;
        let account = event.principal.as_ref().map(|principal| principal.namespace.as_ref());
        let seen = [Some(link.namespace.as_ref()), Some(event.tenant.as_ref()), account];
        let fits = |at: &&u32| {
            let own = self.credential(**at).and_then(|(_, own)| own.namespace.as_deref());
            own.is_none_or(|own| {
                let own = self.namespace(own);
                seen.iter().flatten().any(|seen| self.namespace(seen) == own)
            })
        };
        hits.iter().find(fits).copied()
    }

    pub fn identity(&self, id: &IdentityId) -> Option<(&'r IdentityId, &'r Identity)> {
        self.register.identities.get_key_value(id)
    }

    pub fn portals_of(&self, id: &IdentityId) -> &[PortalHit<'r>] {
        self.portals_by_identity.get(id).map_or(&[], Vec::as_slice)
    }

    pub fn portals_in(&self, tenant: &str) -> &[PortalHit<'r>] {
        self.portals_by_tenant.get(tenant).map_or(&[], Vec::as_slice)
    }

    pub fn is_own(&self, namespace: &str, value: &str) -> bool {
        let namespace = self.namespace(namespace);
        self.register.own.iter().any(|rule| {
            matches(self.namespace(&rule.namespace), namespace) && matches(&rule.value, value)
        })
    }

    /// Whether the register overrides what the source definition says; the last rule wins.
    pub fn privileged(&self, tenant: &str, action: &str) -> Option<bool> {
        let applies = |rule: &&PrivilegedRule| {
            rule.tenant.as_ref().is_none_or(|id| id.as_str() == tenant)
                && rule.actions.iter().any(|pattern| matches(pattern, action))
        };
        self.register.privileged.iter().rev().find(applies).map(|rule| rule.privileged)
    }

    /// Whether the register names this tenant.
    pub fn is_tenant(&self, id: &str) -> bool {
        self.tenants.contains_key(id)
    }

    /// The feeds of a tenant that are known to be on and collected.
    pub fn feeds(&self, tenant: &str) -> &[String] {
        let tenant = self.tenants.get(tenant).and_then(|id| self.register.tenants.get(*id));
        tenant.and_then(|tenant| tenant.feeds.as_deref()).unwrap_or_default()
    }

    pub fn logs_from(&self, tenant: &str) -> Option<Timestamp> {
        let tenant = self.tenants.get(tenant).and_then(|id| self.register.tenants.get(*id));
        tenant.and_then(|tenant| tenant.logs_from)
    }
}

/// The lower-case hex of a SHA-256 that is written in base64, of either alphabet.
fn sha256_in_hex(handle: &str) -> Option<String> {
    let trimmed = handle.trim_end_matches('=');
    let bytes =
        STANDARD_NO_PAD.decode(trimmed).or_else(|_| URL_SAFE_NO_PAD.decode(trimmed)).ok()?;
    (trimmed.len() == 43).then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a registered credential names one consumer, so that its owner is also who uses it.
pub fn has_one_consumer(credential: &Credential, owner: &Identity) -> bool {
    !credential.shared && credential.consumer.is_some() && owner.kind != IdentityKind::Shared
}
