//! What events say about keys, as one reader gathers it.

use std::collections::BTreeMap;

use countersign_model::event::{DelegateRole, Event, Link, LinkRule, Outcome, Principal, Verb};
use countersign_model::grade::Grade;
use countersign_model::key::KeyKind;
use countersign_model::limits::KEY_BYTES_MAX;
use countersign_model::time::{Duration, Timestamp};

use crate::directory::{AccountAt, Directory, PortalHit};
use crate::hash::{HashedMap, Key, Secret, event_hash};
pub use crate::pools::{NONE, Origin, Party, Pools, Use};
use crate::pools::{Numbers, reserve};
pub(crate) use crate::rules::NO_RULE;
use crate::shelf::{Fields, Fixed};

/// Claims kept for one tenant by one reader: more than real tenants make in a run, and a flood of
/// invented keys stays the flooded tenant's own trouble. Tenants the register does not name share
/// one quota, since names can be invented too.
pub const CLAIMS_PER_TENANT_MAX: u64 = 16_000_000;

/// Keys one record may present. Real records have up to six.
const USES_MAX: usize = 32;

/// Different (source, feed, tenant) that are counted apart.
const SEEN_MAX: usize = 1 << 16;

const RECENT: usize = 64;

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
    /// While gathered: the place of the link in its record, which tells two statements of one record
    /// apart. Once frozen: [`REVOKED`] if a later event revoked it; when, is beside the index.
    pub mark: u8,
}

/// The [`Claim::mark`] of a frozen claim that was revoked.
pub const REVOKED: u8 = 1;

/// Links of one record that are looked at. Real records have up to eight.
const LINKS_MAX: usize = 255;

impl Fixed for Claim {
    const BYTES: usize = 48;

    fn put(&self, out: &mut Vec<u8>) {
        self.key.put(out);
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&self.until.0.to_le_bytes());
        for number in [self.origin, self.root, self.parent] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.rule.to_le_bytes());
        out.extend_from_slice(&[self.verb as u8, self.mark]);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let key = Key::take(bytes)?;
        let mut fields = Fields(bytes.get(Key::BYTES..)?);
        Some(Self {
            key,
            time: Timestamp(fields.i64()?),
            until: Timestamp(fields.i64()?),
            origin: fields.u32()?,
            root: fields.u32()?,
            parent: fields.u32()?,
            rule: fields.u16()?,
            verb: *Verb::ALL.get(usize::from(fields.u8()?))?,
            mark: fields.u8()?,
        })
    }
}

impl Claim {
    /// With the numbers of all readers together in place of its reader's.
    pub(crate) fn renumbered(self, numbers: &Numbers) -> Self {
        Self {
            rule: numbers.rule(self.rule),
            origin: numbers.origin(self.origin),
            root: numbers.party(self.root),
            parent: numbers.used(self.parent),
            ..self
        }
    }
}

/// When records of one source, feed and tenant were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: u64,
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
    /// Entries of `seen` that were met lately, by a rough hash: a text compared is a text not hashed.
    recent: [(u32, u32, u32); RECENT],
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
            recent: [(NONE, NONE, NONE); RECENT],
            quota,
            kept: HashedMap::default(),
            dropped: Dropped::default(),
            over_quota: BTreeMap::new(),
            keys_too_long: 0,
        }
    }

    /// Takes what `event` says about keys. A failed attempt brings no key into being.
    pub fn observe(&mut self, event: &Event<'_>, directory: &Directory<'_>) {
        let tenant = directory.tenant(event.source, &event.tenant);
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
        let links = (0_u8..).zip(event.links.iter().take(LINKS_MAX));
        for (place, link) in links.filter(|(_, link)| link.verb != Verb::Uses) {
            if link.value.len() > KEY_BYTES_MAX {
                self.keys_too_long += 1;
                continue;
            }
            let key = key_of(self.secret, link, &event.tenant, directory);
            if self.may_keep(kept, key) {
                if origin == NONE {
                    origin = self.origin(event, directory, tenant);
                }
                let claim = self.claim(event, link, origin, directory);
                reserve(&mut self.claims, 1);
                let mark = if event.shared_id.is_some() { 0 } else { place };
                self.claims.push(Claim { key, mark, ..claim });
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
        let last = |text: &str| usize::from(text.bytes().next_back().unwrap_or(0));
        let rough =
            last(tenant) + tenant.len() * 7 + event.feed.len() * 31 + event.source.len() * 13;
        let Some(recent) = self.recent.get_mut(rough % RECENT) else { return };
        let text = |at| self.pools.string(at);
        let (source, feed, of) = *recent;
        let again = source != NONE
            && text(source) == event.source
            && text(feed) == event.feed
            && text(of) == tenant;
        let at = if again {
            *recent
        } else if self.seen.len() < SEEN_MAX {
            let pools = &mut self.pools;
            (pools.intern(event.source), pools.intern(event.feed), pools.intern(tenant))
        } else {
            return;
        };
        *recent = at;
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

    /// All but its key and place.
    fn claim(
        &mut self,
        event: &Event<'_>,
        link: &Link<'_>,
        origin: u32,
        directory: &Directory<'_>,
    ) -> Claim {
        let parent = link.parent.and_then(|parent| event.links.get(usize::from(parent)));
        let parent = parent.filter(|parent| parent.value.len() <= KEY_BYTES_MAX);
        let parent = parent.map_or(NONE, |parent| {
            let parent = self.use_of(event, parent, directory);
            self.pools.push_use(parent)
        });
        let root = link.root.as_ref().map_or(NONE, |root| self.party(root, directory));
        Claim {
            key: Key::default(),
            time: event.time,
            until: link.until.unwrap_or(Timestamp::MAX),
            verb: link.verb,
            rule: self.pools.rules.intern(&link.rule),
            origin,
            root,
            parent,
            mark: 0,
        }
    }

    /// A person seen in a portal may be who acts behind it for a while.
    fn presence(&mut self, event: &Event<'_>, portal: PortalHit<'_>, key: Key, origin: u32) {
        reserve(&mut self.claims, 1);
        self.claims.push(Claim {
            key,
            time: event.time,
            until: Timestamp::MAX,
            verb: Verb::Authenticates,
            rule: self.pools.rules.intern(&presence_rule(portal.idle())),
            origin,
            root: NONE,
            parent: NONE,
            mark: u8::MAX,
        });
    }

    fn origin(&mut self, event: &Event<'_>, directory: &Directory<'_>, tenant: &str) -> u32 {
        let uses: Vec<Use> = presented(event)
            .take(USES_MAX)
            .map(|link| self.use_of(event, link, directory))
            .collect();
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
        // The sides of an action that several accounts logged are one event, told alike by all.
        let (hash, content) = match &event.shared_id {
            Some(shared) => (event_hash(event.source, "", shared), 0),
            None => (event_hash(event.source, tenant, &event.id), event.content),
        };
        let mut origin = Origin::new(event.time, hash as u64, content);
        origin.source = self.pools.intern(event.source);
        origin.party = event.principal.as_ref().map_or(NONE, |party| self.party(party, directory));
        (origin.actor, origin.subject) = (actor, subject);
        origin.assurance = self.pools.intern_assurance(assurance);
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
        self.pools.party_of(self.secret, directory.namespace(&principal.namespace), principal)
    }

    /// Takes over everything that another reader gathered.
    pub fn absorb(&mut self, other: Self) {
        // Whoever counted nothing yet has nothing that must be renumbered.
        if self.seen.is_empty() && self.claims.is_empty() && self.kept.is_empty() {
            *self = Self { secret: self.secret, quota: self.quota, ..other };
            return;
        }
        let Self { claims, pools, .. } = other;
        let numbers = self.pools.absorb(pools, self.secret);
        self.claims.extend(claims.into_iter().map(|claim| claim.renumbered(&numbers)));
        self.absorb_counts(&numbers, Self { claims: Vec::new(), pools: Pools::default(), ..other });
    }

    /// Takes over what another reader counted.
    pub(crate) fn absorb_counts(&mut self, numbers: &Numbers, other: Self) {
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
pub(crate) fn key_of(
    secret: Secret,
    link: &Link<'_>,
    tenant: &str,
    directory: &Directory<'_>,
) -> Key {
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

#[cfg(test)]
mod tests {
    use super::{Claim, Origin, Use};

    /// Ten million claims must fit beside everything else in two gigabytes.
    #[test]
    fn what_a_run_has_millions_of_stays_small() {
        assert_eq!((size_of::<Claim>(), size_of::<Origin>(), size_of::<Use>()), (48, 56, 24));
    }
}
