//! What events say about keys, as one reader gathers it.

use std::collections::{BTreeMap, HashMap};

use countersign_model::event::{DelegateRole, Event, Link, LinkRule, Outcome, Principal, PrincipalKind, Verb};
use countersign_model::grade::Grade;
use countersign_model::key::KeyKind;
use countersign_model::limits::KEY_BYTES_MAX;
use countersign_model::time::{Duration, Timestamp};

use crate::directory::{AccountAt, Directory, PortalHit};
use crate::hash::{HashedMap, Key, Secret, event_hash};
use crate::rules::Rules;
pub(crate) use crate::rules::NO_RULE;

/// "None" for indices into pools.
pub const NONE: u32 = u32::MAX;

/// Claims kept for one tenant by one reader: more than real tenants make in a run, and a flood of
/// invented keys stays the flooded tenant's own trouble. Tenants the register does not name share
/// one quota, since names can be invented too.
pub const CLAIMS_PER_TENANT_MAX: u64 = 16_000_000;

/// Keys one record may present. Real records have up to six.
const USES_MAX: usize = 32;

/// Different (source, feed, tenant) that are counted apart.
const SEEN_MAX: usize = 1 << 16;

/// Bits that remember which keys' claims were not kept.
const DROPPED_BITS: u64 = 1 << 26;

/// One statement of one event about one key.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    pub key: Key,
    pub time: Timestamp,
    /// `Timestamp::MAX` if no end is stated.
    pub until: Timestamp,
    /// Index of the event's [`Origin`].
    pub origin: u32,
    /// Whom the key belongs to, if the event says so beside its principal.
    pub root: u32,
    /// Index of the [`Use`] it explicitly comes from; without one, everything its origin used.
    pub parent: u32,
    pub rule: u16,
    pub verb: Verb,
    /// A later event revoked it; when, is beside the index.
    pub revoked: bool,
}

/// A key that an event presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub key: Key,
    /// Index of the registered credential, in register order.
    pub credential: u32,
    pub rule: u16,
}

/// The event behind one or more claims.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    pub time: Timestamp,
    /// Half of the event's hash, and its content: versions of one id are told apart.
    pub event: u64,
    pub content: u64,
    id: u32,
    id_bytes: u16,
    source: u32,
    pub party: u32,
    /// Who really acted, where the event states an impersonation.
    pub actor: u32,
    /// Whom the principal acts for, where the event says so.
    pub subject: u32,
    uses: u32,
    assurance: u32,
    uses_count: u8,
}

/// An account as logs name it. `name` and `kind` are chosen by value, not by arrival.
#[derive(Debug, Clone)]
pub struct Party {
    pub namespace: Box<str>,
    pub value: Box<str>,
    pub name: Option<Box<str>>,
    pub kind: PrincipalKind,
}

/// When records of one source, feed and tenant were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: u64,
}

/// What claims refer to by number.
#[derive(Debug, Default)]
pub struct Pools {
    origins: Vec<Origin>,
    ids: String,
    uses: Vec<Use>,
    parties: Vec<Party>,
    party_by_key: HashedMap<Key, u32>,
    strings: Vec<Box<str>>,
    string_by_text: HashMap<Box<str>, u32>,
    assurances: Vec<Box<[(u32, u32)]>>,
    assurance_by_list: HashMap<Box<[(u32, u32)]>, u32>,
    pub rules: Rules,
}

impl Pools {
    pub fn origin(&self, at: u32) -> Option<&Origin> {
        self.origins.get(at as usize)
    }

    pub fn party(&self, at: u32) -> Option<&Party> {
        self.parties.get(at as usize)
    }

    pub fn string(&self, at: u32) -> &str {
        self.strings.get(at as usize).map_or("", |text| text)
    }

    pub fn used(&self, at: u32) -> Option<&Use> {
        self.uses.get(at as usize)
    }

    pub fn id(&self, origin: &Origin) -> &str {
        let from = origin.id as usize;
        self.ids.get(from..from + origin.id_bytes as usize).unwrap_or_default()
    }

    pub fn source(&self, origin: &Origin) -> &str {
        self.string(origin.source)
    }

    /// The keys that an event presented.
    pub fn uses(&self, origin: &Origin) -> &[Use] {
        let from = origin.uses as usize;
        self.uses.get(from..from + usize::from(origin.uses_count)).unwrap_or_default()
    }

    /// What an event said about how its principal authenticated.
    pub fn assurance(&self, origin: &Origin) -> impl Iterator<Item = (&str, &str)> {
        let list = self.assurances.get(origin.assurance as usize).map_or(&[][..], |list| list);
        list.iter().map(|(namespace, value)| (self.string(*namespace), self.string(*value)))
    }

    fn intern(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.string_by_text.get(text) {
            return at;
        }
        let at = index(self.strings.len());
        self.strings.push(text.into());
        self.string_by_text.insert(text.into(), at);
        at
    }

    fn intern_assurance(&mut self, list: Vec<(u32, u32)>) -> u32 {
        if list.is_empty() {
            return NONE;
        }
        if let Some(&at) = self.assurance_by_list.get(list.as_slice()) {
            return at;
        }
        let at = index(self.assurances.len());
        let list: Box<[(u32, u32)]> = list.into();
        self.assurances.push(list.clone());
        self.assurance_by_list.insert(list, at);
        at
    }

    fn push_origin(&mut self, origin: Origin, id: &str, uses: &[Use]) -> u32 {
        // An id that no longer fits is not shown; nothing else depends on it.
        let fits = u32::try_from(self.ids.len() + id.len()).is_ok();
        let fits = fits && u16::try_from(id.len()).is_ok();
        let id = if fits { id } else { "" };
        let origin = Origin {
            id: index(self.ids.len()),
            id_bytes: id.len() as u16,
            uses: index(self.uses.len()),
            uses_count: uses.len() as u8,
            ..origin
        };
        self.ids.push_str(id);
        self.uses.extend_from_slice(uses);
        self.origins.push(origin);
        index(self.origins.len() - 1)
    }

    fn insert_party(&mut self, secret: Secret, party: Party) -> u32 {
        let key = secret.key(KeyKind::Identity, &party.namespace, &party.value);
        let next = index(self.parties.len());
        let at = *self.party_by_key.entry(key).or_insert(next);
        match self.parties.get_mut(at as usize) {
            None => self.parties.push(party),
            Some(known) => merge(known, party.kind, party.name.as_deref()),
        }
        at
    }
}

fn merge(known: &mut Party, kind: PrincipalKind, name: Option<&str>) {
    known.kind = known.kind.min_by_caution(kind);
    if let Some(name) = name
        && known.name.as_deref().is_none_or(|known| name < known)
    {
        known.name = Some(name.into());
    }
}

/// Records that disagree about what an account is: the kind that concludes least wins, so that one
/// record cannot make a person of the root account or take an account out of the count.
trait Caution {
    fn min_by_caution(self, other: Self) -> Self;
}

impl Caution for PrincipalKind {
    fn min_by_caution(self, other: Self) -> Self {
        let rank = |kind| match kind {
            Self::Root => 0,
            Self::Service => 1,
            Self::Agent => 2,
            Self::Human => 3,
            Self::ProviderService => 4,
            Self::Unknown => 5,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

/// Which keys' claims were not kept: bits set by their hash. A key that is asked for and has its
/// bit set has perhaps more claims than are known, so nothing is concluded from those that are.
#[derive(Debug, Default)]
pub struct Dropped {
    bits: Vec<u64>,
}

impl Dropped {
    fn insert(&mut self, key: Key) {
        if self.bits.is_empty() {
            self.bits = vec![0; (DROPPED_BITS / 64) as usize];
        }
        let at = key.low % DROPPED_BITS;
        if let Some(word) = self.bits.get_mut((at / 64) as usize) {
            *word |= 1 << (at % 64);
        }
    }

    pub fn contains(&self, key: Key) -> bool {
        let at = key.low % DROPPED_BITS;
        self.bits.get((at / 64) as usize).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    fn absorb(&mut self, other: Self) {
        if self.bits.is_empty() {
            self.bits = other.bits;
            return;
        }
        for (word, more) in self.bits.iter_mut().zip(other.bits) {
            *word |= more;
        }
    }
}

/// Claims as they are gathered by one reader.
#[derive(Debug)]
pub struct Claims {
    pub(crate) secret: Secret,
    pub(crate) claims: Vec<Claim>,
    pub(crate) pools: Pools,
    pub(crate) seen: HashedMap<(u32, u32, u32), Seen>,
    /// The entry of `seen` that the last event had: feeds come in long runs.
    last_seen: (u32, u32, u32),
    quota: u64,
    kept: HashedMap<u32, u64>,
    pub(crate) dropped: Dropped,
    /// Claims that were not kept, by tenant; the tenant is empty for all that are not registered.
    pub over_quota: BTreeMap<Box<str>, u64>,
    pub keys_too_long: u64,
}

impl Claims {
    pub fn new(secret: Secret) -> Self {
        Self::with_quota(secret, CLAIMS_PER_TENANT_MAX)
    }

    /// Keeps at most `quota` claims for each tenant.
    pub fn with_quota(secret: Secret, quota: u64) -> Self {
        Self {
            secret,
            claims: Vec::new(),
            pools: Pools::default(),
            seen: HashedMap::default(),
            last_seen: (NONE, NONE, NONE),
            quota,
            kept: HashedMap::default(),
            dropped: Dropped::default(),
            over_quota: BTreeMap::new(),
            keys_too_long: 0,
        }
    }

    /// Takes what `event` says about keys. A failed attempt brings no key into being.
    pub fn observe(&mut self, event: &Event<'_>, directory: &Directory<'_>) {
        let tenant = directory.namespace(&event.tenant);
        self.count(event, tenant);
        for link in &event.links {
            self.pools.rules.intern(&link.rule);
        }
        if event.outcome == Outcome::Failure {
            return;
        }
        let portals = match event.principal {
            Some(_) => directory.portals_in(tenant),
            None => &[],
        };
        if portals.is_empty() && event.links.iter().all(|link| link.verb == Verb::Uses) {
            return;
        }
        let quota = if directory.is_tenant(tenant) { tenant } else { "" };
        let kept = self.pools.intern(quota);
        let mut origin = NONE;
        for link in event.links.iter().filter(|link| link.verb != Verb::Uses) {
            if link.value.len() > KEY_BYTES_MAX {
                self.keys_too_long += 1;
                continue;
            }
            let key = key_of(self.secret, link, &event.tenant, directory);
            if self.may_keep(kept, key) {
                if origin == NONE {
                    origin = self.origin(event, directory, tenant);
                }
                self.claim(event, link, key, origin, directory);
            }
        }
        for portal in portals {
            let key = presence_key(self.secret, portal.id);
            if !acts_as_portal(event, *portal, directory) && self.may_keep(kept, key) {
                if origin == NONE {
                    origin = self.origin(event, directory, tenant);
                }
                self.presence(event, *portal, key, origin);
            }
        }
    }

    fn count(&mut self, event: &Event<'_>, tenant: &str) {
        let (source, feed, of) = self.last_seen;
        let text = |at| self.pools.string(at);
        let again = text(source) == event.source && text(feed) == event.feed && text(of) == tenant;
        let known = self.seen.len();
        let at = if again && known > 0 {
            self.last_seen
        } else if known < SEEN_MAX {
            let pools = &mut self.pools;
            (pools.intern(event.source), pools.intern(event.feed), pools.intern(tenant))
        } else {
            return;
        };
        self.last_seen = at;
        add_seen(&mut self.seen, at, Seen { first: event.time, last: event.time, count: 1 });
    }

    fn may_keep(&mut self, tenant: u32, key: Key) -> bool {
        let kept = self.kept.entry(tenant).or_insert(0);
        if *kept < self.quota {
            *kept += 1;
            return true;
        }
        self.dropped.insert(key);
        let name: Box<str> = self.pools.string(tenant).into();
        *self.over_quota.entry(name).or_insert(0) += 1;
        false
    }

    fn claim(&mut self, event: &Event<'_>, link: &Link<'_>, key: Key, origin: u32, directory: &Directory<'_>) {
        let parent = link.parent.and_then(|parent| event.links.get(usize::from(parent)));
        let parent = parent.filter(|parent| parent.value.len() <= KEY_BYTES_MAX);
        let parent = parent.map_or(NONE, |parent| {
            let parent = self.use_of(event, parent, directory);
            self.pools.uses.push(parent);
            index(self.pools.uses.len() - 1)
        });
        let root = link.root.as_ref().map_or(NONE, |root| self.party(root, directory));
        self.claims.push(Claim {
            key,
            time: event.time,
            until: link.until.unwrap_or(Timestamp::MAX),
            verb: link.verb,
            rule: self.pools.rules.intern(&link.rule),
            origin,
            root,
            parent,
            revoked: false,
        });
    }

    /// A person seen in a portal may be who acts behind it for a while.
    fn presence(&mut self, event: &Event<'_>, portal: PortalHit<'_>, key: Key, origin: u32) {
        self.claims.push(Claim {
            key,
            time: event.time,
            until: Timestamp::MAX,
            verb: Verb::Authenticates,
            rule: self.pools.rules.intern(&presence_rule(portal.idle())),
            origin,
            root: NONE,
            parent: NONE,
            revoked: false,
        });
    }

    fn origin(&mut self, event: &Event<'_>, directory: &Directory<'_>, tenant: &str) -> u32 {
        let uses: Vec<Use> =
            presented(event).take(USES_MAX).map(|link| self.use_of(event, link, directory)).collect();
        let mut delegate = |role| {
            let stated = event.delegation.iter().find(|delegate| delegate.role == role);
            stated.map_or(NONE, |delegate| self.party(&delegate.principal, directory))
        };
        let (actor, subject) = (delegate(DelegateRole::Actor), delegate(DelegateRole::Subject));
        let assurance = event
            .assurance
            .iter()
            .map(|(namespace, value)| (self.pools.intern(namespace), self.pools.intern(value)))
            .collect();
        let origin = Origin {
            time: event.time,
            event: event_hash(event.source, tenant, &event.id) as u64,
            content: event.content,
            id: 0,
            id_bytes: 0,
            source: self.pools.intern(event.source),
            party: event.principal.as_ref().map_or(NONE, |party| self.party(party, directory)),
            actor,
            subject,
            uses: 0,
            assurance: self.pools.intern_assurance(assurance),
            uses_count: 0,
        };
        self.pools.push_origin(origin, &event.id, &uses)
    }

    fn use_of(&mut self, event: &Event<'_>, link: &Link<'_>, directory: &Directory<'_>) -> Use {
        Use {
            key: key_of(self.secret, link, &event.tenant, directory),
            rule: self.pools.rules.intern(&link.rule),
            credential: registered(event, link, directory),
        }
    }

    fn party(&mut self, principal: &Principal<'_>, directory: &Directory<'_>) -> u32 {
        let namespace = directory.namespace(&principal.namespace);
        let key = self.secret.key(KeyKind::Identity, namespace, &principal.value);
        if let Some(&at) = self.pools.party_by_key.get(&key)
            && let Some(known) = self.pools.parties.get_mut(at as usize)
        {
            merge(known, principal.kind, principal.name.as_deref());
            return at;
        }
        let party = Party {
            namespace: namespace.into(),
            value: principal.value.as_ref().into(),
            name: principal.name.as_deref().map(Into::into),
            kind: principal.kind,
        };
        self.pools.insert_party(self.secret, party)
    }

    /// Takes over everything that another reader gathered.
    pub fn absorb(&mut self, mut other: Self) {
        let numbers = self.absorb_pools(&mut other.pools);
        let again = |link: Use| Use { rule: numbers.rule(link.rule), ..link };
        let (uses, origins) = (index(self.pools.uses.len()), index(self.pools.origins.len()));
        self.pools.uses.extend(other.pools.uses.into_iter().map(again));
        // Where both together no longer fit, the ids taken over are not shown.
        let fits = u32::try_from(self.pools.ids.len() + other.pools.ids.len()).is_ok();
        let ids = index(self.pools.ids.len());
        if fits {
            self.pools.ids.push_str(&other.pools.ids);
        }
        self.pools.origins.extend(other.pools.origins.into_iter().map(|origin| Origin {
            id: if fits { origin.id + ids } else { 0 },
            id_bytes: if fits { origin.id_bytes } else { 0 },
            source: numbers.string(origin.source),
            party: numbers.party(origin.party),
            actor: numbers.party(origin.actor),
            subject: numbers.party(origin.subject),
            uses: origin.uses + uses,
            assurance: numbers.assurance(origin.assurance),
            ..origin
        }));
        self.claims.extend(other.claims.into_iter().map(|claim| Claim {
            rule: numbers.rule(claim.rule),
            origin: claim.origin + origins,
            root: numbers.party(claim.root),
            parent: if claim.parent == NONE { NONE } else { claim.parent + uses },
            ..claim
        }));
        for ((source, feed, tenant), seen) in other.seen {
            let at = (numbers.string(source), numbers.string(feed), numbers.string(tenant));
            add_seen(&mut self.seen, at, seen);
        }
        for (tenant, kept) in other.kept {
            *self.kept.entry(numbers.string(tenant)).or_insert(0) += kept;
        }
        for (tenant, count) in other.over_quota {
            *self.over_quota.entry(tenant).or_insert(0) += count;
        }
        self.dropped.absorb(other.dropped);
        self.keys_too_long += other.keys_too_long;
    }

    fn absorb_pools(&mut self, other: &mut Pools) -> Numbers {
        let pools = &mut self.pools;
        let strings: Vec<u32> = other.strings.iter().map(|text| pools.intern(text)).collect();
        let string = |at: u32| strings.get(at as usize).copied().unwrap_or(NONE);
        let parties = std::mem::take(&mut other.parties).into_iter();
        let parties = parties.map(|party| pools.insert_party(self.secret, party)).collect();
        let rules = other.rules.iter().map(|rule| pools.rules.intern(rule)).collect();
        let assurances = other.assurances.iter().map(|list| {
            pools.intern_assurance(list.iter().map(|(a, b)| (string(*a), string(*b))).collect())
        });
        let assurances = assurances.collect();
        Numbers { parties, rules, strings, assurances }
    }
}

/// What another reader's numbers are here.
struct Numbers {
    parties: Vec<u32>,
    rules: Vec<u16>,
    strings: Vec<u32>,
    assurances: Vec<u32>,
}

impl Numbers {
    fn party(&self, at: u32) -> u32 {
        self.parties.get(at as usize).copied().unwrap_or(NONE)
    }

    fn rule(&self, at: u16) -> u16 {
        self.rules.get(usize::from(at)).copied().unwrap_or(u16::MAX)
    }

    fn string(&self, at: u32) -> u32 {
        self.strings.get(at as usize).copied().unwrap_or(NONE)
    }

    fn assurance(&self, at: u32) -> u32 {
        self.assurances.get(at as usize).copied().unwrap_or(NONE)
    }
}

fn add_seen(all: &mut HashedMap<(u32, u32, u32), Seen>, at: (u32, u32, u32), seen: Seen) {
    let known = all.entry(at).or_insert(Seen { count: 0, ..seen });
    known.first = known.first.min(seen.first);
    known.last = known.last.max(seen.last);
    known.count += seen.count;
}

/// The keys an event presents that may be followed. A request id proves nothing by itself.
pub(crate) fn presented<'e>(event: &'e Event<'e>) -> impl Iterator<Item = &'e Link<'e>> {
    event.links.iter().filter(|link| {
        link.verb == Verb::Uses
            && link.kind != KeyKind::Request
            && link.value.len() <= KEY_BYTES_MAX
    })
}

/// The key a link names. A request id is only unique inside the tenant that gave it out.
pub(crate) fn key_of(secret: Secret, link: &Link<'_>, tenant: &str, directory: &Directory<'_>) -> Key {
    let namespace = if link.kind == KeyKind::Request { tenant } else { &link.namespace };
    secret.key(link.kind, directory.namespace(namespace), &link.value)
}

/// Index of the registered credential that a link presents.
pub(crate) fn registered(event: &Event<'_>, link: &Link<'_>, directory: &Directory<'_>) -> u32 {
    let can_be = matches!(link.kind, KeyKind::Credential | KeyKind::Certificate | KeyKind::Token);
    if !can_be {
        return NONE;
    }
    directory.credential_index(event, link).unwrap_or(NONE)
}

pub(crate) fn presence_key(secret: Secret, portal: &str) -> Key {
    // A space of its own: no record can name it.
    secret.key(KeyKind::Identity, "\u{0}portal presence", portal)
}

pub(crate) fn presence_rule(idle: Duration) -> LinkRule {
    LinkRule {
        name: "portal_presence",
        grade: Grade::Inferred,
        window: Some(idle),
        recycled: false,
        long_lived: false,
        closed_by: "request id in both the portal's and the application's log",
    }
}

/// Whether the event is the portal's own doing, which says nothing about who is present.
fn acts_as_portal(event: &Event<'_>, portal: PortalHit<'_>, directory: &Directory<'_>) -> bool {
    event.principal.as_ref().is_some_and(|principal| {
        let known = directory.account(&principal.namespace, &principal.value, event.time);
        matches!(known, AccountAt::Known(id, _) if portal.portal.acts_as.contains(id))
    })
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
