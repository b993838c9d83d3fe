//! What events say about keys, gathered and then frozen into an index.

use std::collections::HashMap;

use countersign_model::event::{DelegateRole, Event, Link, LinkRule, Outcome, Principal, PrincipalKind, Verb};
use countersign_model::key::KeyKind;
use countersign_model::limits::KEY_BYTES_MAX;
use countersign_model::time::{Duration, Timestamp};

use crate::directory::{Directory, PortalHit};
use crate::hash::{Secret, event_hash};

/// "None" for indices into pools.
pub const NONE: u32 = u32::MAX;

/// One statement of one event about one key.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    pub key: u128,
    pub time: Timestamp,
    pub until: Option<Timestamp>,
    pub verb: Verb,
    pub rule: u16,
    /// Index of the event's [`Origin`].
    pub origin: u32,
    /// Whom the key belongs to, if the event says so beside its principal.
    pub root: u32,
    /// The key it explicitly comes from; without one, everything its origin used.
    pub parent: Option<Use>,
}

/// A key that an event presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub key: u128,
    pub rule: u16,
    /// Index of the registered credential, in register order.
    pub credential: u32,
}

/// The event behind one or more claims.
#[derive(Debug, Clone)]
pub struct Origin {
    pub event: u128,
    pub time: Timestamp,
    pub source: u32,
    pub id: Box<str>,
    pub party: u32,
    /// Who really acted, where the event states an impersonation.
    pub actor: u32,
    pub uses: Box<[Use]>,
    pub assurance: Box<[(u32, u32)]>,
}

/// An account as logs name it. `name` and `kind` are chosen by order of value, not of arrival.
#[derive(Debug, Clone)]
pub struct Party {
    pub namespace: Box<str>,
    pub value: Box<str>,
    pub name: Option<Box<str>>,
    pub kind: PrincipalKind,
}

/// When records of one source and tenant were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: u64,
}

/// Claims as they are gathered by one reader.
#[derive(Debug)]
pub struct Claims {
    secret: Secret,
    pub(crate) claims: Vec<Claim>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) parties: Vec<Party>,
    party_by_key: HashMap<u128, u32>,
    pub(crate) rules: Vec<LinkRule>,
    pub(crate) strings: Vec<Box<str>>,
    string_by_text: HashMap<Box<str>, u32>,
    pub(crate) seen: HashMap<(u32, u32, u32), Seen>,
    pub(crate) keys_too_long: u64,
}

impl Claims {
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            claims: Vec::new(),
            origins: Vec::new(),
            parties: Vec::new(),
            party_by_key: HashMap::new(),
            rules: Vec::new(),
            strings: Vec::new(),
            string_by_text: HashMap::new(),
            seen: HashMap::new(),
            keys_too_long: 0,
        }
    }

    /// Takes what `event` says about keys. A failed attempt brings no key into being.
    pub fn observe(&mut self, event: &Event<'_>, directory: &Directory<'_>) {
        let tenant = directory.namespace(&event.tenant);
        self.count(event, tenant);
        for link in &event.links {
            self.rule(&link.rule);
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
        let origin = self.origin(event, directory, tenant);
        for link in &event.links {
            if link.verb != Verb::Uses {
                self.claim(event, link, origin, directory);
            }
        }
        for portal in portals {
            self.presence(event, *portal, origin, directory);
        }
    }

    fn count(&mut self, event: &Event<'_>, tenant: &str) {
        let at = (self.string(event.source), self.string(event.feed), self.string(tenant));
        let seen =
            self.seen.entry(at).or_insert(Seen { first: event.time, last: event.time, count: 0 });
        seen.first = seen.first.min(event.time);
        seen.last = seen.last.max(event.time);
        seen.count += 1;
    }

    fn claim(&mut self, event: &Event<'_>, link: &Link<'_>, origin: u32, directory: &Directory<'_>) {
        if link.value.len() > KEY_BYTES_MAX {
            self.keys_too_long += 1;
            return;
        }
        let parent = link
            .parent
            .and_then(|parent| event.links.get(usize::from(parent)))
            .map(|parent| self.use_of(event, parent, directory));
        let root = link.root.as_ref().map_or(NONE, |root| self.party(root, directory));
        let claim = Claim {
            key: key_of(self.secret, link, &event.tenant, directory),
            time: event.time,
            until: link.until,
            verb: link.verb,
            rule: self.rule(&link.rule),
            origin,
            root,
            parent,
        };
        self.claims.push(claim);
    }

    /// A person seen in a portal may be who acts behind it for a while.
    fn presence(
        &mut self,
        event: &Event<'_>,
        portal: PortalHit<'_>,
        origin: u32,
        directory: &Directory<'_>,
    ) {
        let Some(principal) = &event.principal else { return };
        let acts_as_itself = matches!(
            directory.account(&principal.namespace, &principal.value, event.time),
            crate::directory::AccountAt::Known(id, _) if portal.portal.acts_as.contains(id)
        );
        if acts_as_itself {
            return;
        }
        let rule = self.rule(&presence_rule(portal.idle()));
        self.claims.push(Claim {
            key: presence_key(self.secret, portal.id),
            time: event.time,
            until: None,
            verb: Verb::Authenticates,
            rule,
            origin,
            root: NONE,
            parent: None,
        });
    }

    fn origin(&mut self, event: &Event<'_>, directory: &Directory<'_>, tenant: &str) -> u32 {
        let uses = event
            .links
            .iter()
            .filter(|link| link.verb == Verb::Uses && link.kind != KeyKind::Request)
            .filter(|link| link.value.len() <= KEY_BYTES_MAX)
            .map(|link| self.use_of(event, link, directory))
            .collect();
        let actor = event.delegation.iter().find(|delegate| delegate.role == DelegateRole::Actor);
        let actor = actor.map_or(NONE, |delegate| self.party(&delegate.principal, directory));
        let assurance = event
            .assurance
            .iter()
            .map(|(namespace, value)| (self.string(namespace), self.string(value)))
            .collect();
        let origin = Origin {
            event: event_hash(event.source, tenant, &event.id),
            time: event.time,
            source: self.string(event.source),
            id: event.id.as_ref().into(),
            party: event.principal.as_ref().map_or(NONE, |party| self.party(party, directory)),
            actor,
            uses,
            assurance,
        };
        self.origins.push(origin);
        index(self.origins.len() - 1)
    }

    fn use_of(&mut self, event: &Event<'_>, link: &Link<'_>, directory: &Directory<'_>) -> Use {
        Use {
            key: self.secret.key(link.kind, directory.namespace(&link.namespace), &link.value),
            rule: self.rule(&link.rule),
            credential: registered(event, link, directory),
        }
    }

    fn party(&mut self, principal: &Principal<'_>, directory: &Directory<'_>) -> u32 {
        let namespace = directory.namespace(&principal.namespace);
        let party = Party {
            namespace: namespace.into(),
            value: principal.value.as_ref().into(),
            name: principal.name.as_deref().map(Into::into),
            kind: principal.kind,
        };
        self.insert_party(party)
    }

    fn insert_party(&mut self, party: Party) -> u32 {
        let key = self.secret.key(KeyKind::Identity, &party.namespace, &party.value);
        let next = index(self.parties.len());
        let at = *self.party_by_key.entry(key).or_insert(next);
        if at == next {
            self.parties.push(party);
            return at;
        }
        if let Some(known) = self.parties.get_mut(at as usize) {
            known.kind = known.kind.min(party.kind);
            known.name = match (known.name.take(), party.name) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        at
    }

    pub(crate) fn rule(&mut self, rule: &LinkRule) -> u16 {
        let at = self.rules.iter().position(|known| known == rule).unwrap_or_else(|| {
            self.rules.push(*rule);
            self.rules.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    fn string(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.string_by_text.get(text) {
            return at;
        }
        let at = index(self.strings.len());
        self.strings.push(text.into());
        self.string_by_text.insert(text.into(), at);
        at
    }

    /// Takes over everything that another reader gathered.
    pub fn absorb(&mut self, other: Self) {
        let parties: Vec<u32> =
            other.parties.into_iter().map(|party| self.insert_party(party)).collect();
        let rules: Vec<u16> = other.rules.iter().map(|rule| self.rule(rule)).collect();
        let strings: Vec<u32> = other.strings.iter().map(|text| self.string(text)).collect();
        let party = |at: u32| parties.get(at as usize).copied().unwrap_or(NONE);
        let rule = |at: u16| rules.get(usize::from(at)).copied().unwrap_or(u16::MAX);
        let string = |at: u32| strings.get(at as usize).copied().unwrap_or(NONE);
        let again = |link: Use| Use { rule: rule(link.rule), ..link };
        let base = index(self.origins.len());
        self.origins.extend(other.origins.into_iter().map(|origin| Origin {
            source: string(origin.source),
            party: party(origin.party),
            actor: party(origin.actor),
            uses: origin.uses.iter().map(|link| again(*link)).collect(),
            assurance: origin.assurance.iter().map(|(a, b)| (string(*a), string(*b))).collect(),
            ..origin
        }));
        self.claims.extend(other.claims.into_iter().map(|claim| Claim {
            rule: rule(claim.rule),
            origin: claim.origin + base,
            root: party(claim.root),
            parent: claim.parent.map(again),
            ..claim
        }));
        for ((source, feed, tenant), seen) in other.seen {
            let at = (string(source), string(feed), string(tenant));
            let known = self.seen.entry(at).or_insert(seen);
            if *known != seen {
                known.first = known.first.min(seen.first);
                known.last = known.last.max(seen.last);
                known.count += seen.count;
            }
        }
        self.keys_too_long += other.keys_too_long;
    }
}

/// The key a link names. A request id is only unique inside the tenant that gave it out.
fn key_of(secret: Secret, link: &Link<'_>, tenant: &str, directory: &Directory<'_>) -> u128 {
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

pub(crate) fn presence_key(secret: Secret, portal: &str) -> u128 {
    // A space of its own: no record can name it.
    secret.key(KeyKind::Identity, "\u{0}portal presence", portal)
}

pub(crate) fn presence_rule(idle: Duration) -> LinkRule {
    LinkRule {
        name: "portal_presence",
        grade: countersign_model::grade::Grade::Inferred,
        window: Some(idle),
        recycled: false,
        long_lived: false,
        closed_by: "request id in both the portal's and the application's log",
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

/// All claims, sorted, to be looked up by key.
#[derive(Debug)]
pub struct Index {
    pub(crate) secret: Secret,
    claims: Vec<Claim>,
    /// For each leading bit pattern of a key, where its claims begin.
    starts: Vec<u32>,
    shift: u32,
    pub(crate) origins: Vec<Origin>,
    pub(crate) parties: Vec<Party>,
    pub(crate) rules: Vec<LinkRule>,
    pub(crate) strings: Vec<Box<str>>,
    pub(crate) seen: HashMap<(u32, u32, u32), Seen>,
    pub keys_too_long: u64,
}

impl Index {
    /// The index over everything gathered. Repeated deliveries count once; of an exact key's
    /// restatements the earliest is kept.
    pub fn freeze(gathered: Claims) -> Self {
        let Claims { secret, mut claims, origins, parties, rules, strings, seen, keys_too_long, .. } =
            gathered;
        let event = |claim: &Claim| origins.get(claim.origin as usize).map(|origin| origin.event);
        claims.sort_unstable_by_key(|claim| (claim.key, claim.time, event(claim), claim.verb));
        claims.dedup_by(|next, kept| {
            next.key == kept.key && next.verb == kept.verb && event(next) == event(kept)
        });
        collapse_restatements(&mut claims, &origins, &rules);
        let bits = (claims.len() / 4).max(1).ilog2().min(28);
        let shift = 128 - bits.max(1);
        let starts = starts(&claims, shift);
        Self { secret, claims, starts, shift, origins, parties, rules, strings, seen, keys_too_long }
    }

    /// The claims about a key, by time.
    pub fn of(&self, key: u128) -> &[Claim] {
        let bucket = usize::try_from(key >> self.shift).unwrap_or(usize::MAX);
        let (Some(&from), Some(&to)) = (self.starts.get(bucket), self.starts.get(bucket + 1))
        else {
            return &[];
        };
        let bucket = self.claims.get(from as usize..to as usize).unwrap_or(&[]);
        let from = bucket.partition_point(|claim| claim.key < key);
        let rest = bucket.get(from..).unwrap_or(&[]);
        let length = rest.partition_point(|claim| claim.key == key);
        rest.get(..length).unwrap_or(&[])
    }

    pub fn rule(&self, at: u16) -> Option<&LinkRule> {
        self.rules.get(usize::from(at))
    }

    /// The index of a rule that some reader met; what no reader met links nothing.
    pub(crate) fn rule_index(&self, rule: &LinkRule) -> u16 {
        let at = self.rules.iter().position(|known| known == rule);
        at.and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX)
    }

    /// When the first record of a source and tenant was seen, by any feed.
    pub fn first_seen(&self, source: &str, tenant: &str) -> Option<Timestamp> {
        let same = |(of_source, _, of_tenant): &(u32, u32, u32)| {
            self.string(*of_source) == source && self.string(*of_tenant) == tenant
        };
        self.seen.iter().filter(|(at, _)| same(at)).map(|(_, seen)| seen.first).min()
    }

    pub fn party(&self, at: u32) -> Option<&Party> {
        self.parties.get(at as usize)
    }

    pub fn origin(&self, at: u32) -> Option<&Origin> {
        self.origins.get(at as usize)
    }

    pub fn string(&self, at: u32) -> &str {
        self.strings.get(at as usize).map_or("", |text| text)
    }

    /// What was seen of each (source, feed, tenant), sorted.
    pub fn seen(&self) -> Vec<((&str, &str, &str), Seen)> {
        let text = |at| self.string(at);
        let mut seen: Vec<_> = self
            .seen
            .iter()
            .map(|(&(source, feed, tenant), seen)| {
                ((text(source), text(feed), text(tenant)), *seen)
            })
            .collect();
        seen.sort_unstable_by_key(|(at, _)| *at);
        seen
    }
}

/// Sources restate a session with every event; only the first statement matters, unless time
/// decides whose the key was.
fn collapse_restatements(claims: &mut Vec<Claim>, origins: &[Origin], rules: &[LinkRule]) {
    let mut stated: std::collections::HashSet<(Verb, u32, u32, Option<u128>)> =
        std::collections::HashSet::new();
    let mut key = None;
    claims.retain(|claim| {
        if key != Some(claim.key) {
            key = Some(claim.key);
            stated.clear();
        }
        let restates = claim.verb == Verb::Authenticates || claim.parent.is_some();
        let by_time = rules.get(usize::from(claim.rule)).is_none_or(|rule| {
            rule.recycled || rule.window.is_some() || rule.grade > countersign_model::grade::Grade::Exact
        });
        if by_time || !restates {
            return true;
        }
        let party = origins.get(claim.origin as usize).map_or(NONE, |origin| origin.party);
        stated.insert((claim.verb, party, claim.root, claim.parent.map(|parent| parent.key)))
    });
}

fn starts(claims: &[Claim], shift: u32) -> Vec<u32> {
    let buckets = 1_usize << (128 - shift);
    let mut starts = Vec::with_capacity(buckets + 1);
    let mut at = 0_usize;
    for bucket in 0..buckets {
        while claims.get(at).is_some_and(|claim| (claim.key >> shift) < bucket as u128) {
            at += 1;
        }
        starts.push(index(at));
    }
    starts.push(index(claims.len()));
    starts
}
