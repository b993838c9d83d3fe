//! All claims, sorted, to be looked up by key.

use std::collections::{BTreeMap, HashMap};

use countersign_model::event::{LinkRule, Verb};
use countersign_model::grade::Grade;
use countersign_model::time::Timestamp;

use crate::claims::{Claim, Claims, Dropped, NONE, Pools, REVOKED, Seen};
use crate::hash::{HashedMap, Key, Secret};

#[derive(Debug)]
pub struct Index {
    pub(crate) secret: Secret,
    claims: Vec<Claim>,
    /// When revoked claims were revoked, by the claim's place.
    revoked: HashedMap<usize, Timestamp>,
    /// For each leading bit pattern of a key, where its claims begin.
    starts: Vec<u32>,
    shift: u32,
    pub(crate) pools: Pools,
    seen: Vec<((u32, u32, u32), Seen)>,
    /// First record of each source and tenant.
    first_seen: HashMap<Box<str>, HashMap<Box<str>, Timestamp>>,
    /// For each rule, until when the feeds that would close it were seen, by tenant.
    closing: Vec<BTreeMap<u32, Timestamp>>,
    dropped: Dropped,
    /// Claims that were not kept, by tenant; the tenant is empty for all that are not registered.
    pub over_quota: BTreeMap<Box<str>, u64>,
    pub keys_too_long: u64,
}

impl Index {
    /// The index over everything gathered. Repeated deliveries count once; of a key's restatements
    /// the earliest is kept, and of a guess by presence only what no answer can miss.
    pub fn freeze(gathered: Claims) -> Self {
        Self::freeze_without(gathered, &[])
    }

    /// As [`Self::freeze`], but as if there were no link rules of these names: what an answer
    /// loses by that is what the rule is worth.
    pub fn freeze_without(gathered: Claims, rules: &[&str]) -> Self {
        let Claims {
            secret, mut claims, mut pools, seen, dropped, over_quota, keys_too_long, ..
        } = gathered;
        if !rules.is_empty() {
            let named = |at| pools.rules.get(at).is_some_and(|rule| rules.contains(&rule.name));
            claims.retain(|claim| !named(claim.rule));
            pools.rules.forget(rules);
        }
        sort(&mut claims, &pools);
        claims.dedup_by(|next, kept| is_copy(next, kept, &pools));
        let revoked = Tidy::default().all(&mut claims, &pools);
        claims.shrink_to_fit();
        let bits = claims.len().max(1).ilog2().clamp(1, 28);
        let shift = 64 - bits;
        let starts = starts(&claims, shift);
        let mut seen: Vec<((u32, u32, u32), Seen)> = seen.into_iter().collect();
        let text = |at| pools.string(at);
        seen.sort_unstable_by(|((a, b, c), _), ((d, e, f), _)| {
            (text(*a), text(*b), text(*c)).cmp(&(text(*d), text(*e), text(*f)))
        });
        let mut first_seen: HashMap<Box<str>, HashMap<Box<str>, Timestamp>> = HashMap::new();
        for ((source, _, tenant), seen) in &seen {
            let tenants = first_seen.entry(text(*source).into()).or_default();
            let first = tenants.entry(text(*tenant).into()).or_insert(seen.first);
            *first = (*first).min(seen.first);
        }
        let closing = closing(&seen, &pools);
        Self {
            secret,
            claims,
            revoked,
            starts,
            shift,
            pools,
            seen,
            first_seen,
            closing,
            dropped,
            over_quota,
            keys_too_long,
        }
    }

    /// The claims about a key, by time, and the place of the first.
    pub(crate) fn of(&self, key: Key) -> (usize, &[Claim]) {
        let bucket = usize::try_from(key.high >> self.shift).unwrap_or(usize::MAX);
        let (Some(&from), Some(&to)) = (self.starts.get(bucket), self.starts.get(bucket + 1))
        else {
            return (0, &[]);
        };
        let bucket = self.claims.get(from as usize..to as usize).unwrap_or_default();
        // Few claims are looked through one by one; a hot key's bucket is not.
        let few = bucket.len() <= 8;
        let skip = if few {
            bucket.iter().take_while(|claim| claim.key < key).count()
        } else {
            bucket.partition_point(|claim| claim.key < key)
        };
        let rest = bucket.get(skip..).unwrap_or_default();
        let length = if few {
            rest.iter().take_while(|claim| claim.key == key).count()
        } else {
            rest.partition_point(|claim| claim.key == key)
        };
        (from as usize + skip, rest.get(..length).unwrap_or_default())
    }

    pub(crate) fn revoked_at(&self, place: usize, claim: &Claim) -> Option<Timestamp> {
        if claim.mark == REVOKED { self.revoked.get(&place).copied() } else { None }
    }

    /// Whether claims about this key may be missing because a quota was full.
    pub(crate) fn may_have_dropped(&self, key: Key) -> bool {
        self.dropped.contains(key)
    }

    pub fn rule(&self, at: u16) -> Option<&LinkRule> {
        self.pools.rules.get(at).filter(|rule| !rule.name.is_empty())
    }

    /// Claims kept.
    pub fn len(&self) -> usize {
        self.claims.len()
    }

    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// When the first record of a source and tenant was seen, by any feed.
    pub fn first_seen(&self, source: &str, tenant: &str) -> Option<Timestamp> {
        self.first_seen.get(source)?.get(tenant).copied()
    }

    /// Until when the feeds that would close a rule were seen: those of `tenant`, if it has any,
    /// else those of every tenant. `None`: none of them was seen.
    pub(crate) fn closing_seen_until(&self, rule: u16, tenant: &str) -> Option<Timestamp> {
        let tenants = self.closing.get(usize::from(rule))?;
        let own = tenants.iter().find(|(of, _)| self.pools.string(**of) == tenant);
        own.map(|(_, last)| *last).or_else(|| tenants.values().copied().max())
    }

    /// What was seen of each (source, feed, tenant), sorted.
    pub fn seen(&self) -> Vec<((&str, &str, &str), Seen)> {
        let text = |at| self.pools.string(at);
        self.seen
            .iter()
            .map(|((source, feed, tenant), seen)| {
                ((text(*source), text(*feed), text(*tenant)), *seen)
            })
            .collect()
    }
}

/// By key, then in an order that no arrival and no secret decides.
fn sort(claims: &mut [Claim], pools: &Pools) {
    claims.sort_unstable_by(|a, b| {
        (a.key, a.time)
            .cmp(&(b.key, b.time))
            .then_with(|| statement(a, pools).cmp(&statement(b, pools)))
            .then_with(|| detail(b, pools).cmp(&detail(a, pools)))
    });
}

/// What a statement is, wherever and however often it was delivered: a link of a version of a
/// record.
fn statement(claim: &Claim, pools: &Pools) -> (Option<(u64, u64)>, u8, Verb) {
    let origin = pools.origin(claim.origin).map(|origin| (origin.event, origin.content));
    (origin, claim.mark, claim.verb)
}

/// The same statement delivered again. A version with other content is another statement.
/// Of an action that several accounts logged, the side that shows the keys comes first.
fn detail<'p>(claim: &Claim, pools: &'p Pools) -> Option<(usize, &'p str)> {
    let origin = pools.origin(claim.origin)?;
    Some((pools.uses(origin).len(), pools.id(origin)))
}

fn is_copy(next: &Claim, kept: &Claim, pools: &Pools) -> bool {
    (next.key, next.time) == (kept.key, kept.time)
        && statement(next, pools) == statement(kept, pools)
}

/// Keeps of one key's claims what answers need, and no more.
#[derive(Default)]
struct Tidy {
    stated: HashedMap<(u8, u32, u32, Option<Key>), usize>,
    present: HashedMap<u32, Presence>,
}

struct Presence {
    kept: Timestamp,
    /// The latest claim since, not kept yet.
    pending: Option<Claim>,
}

impl Tidy {
    /// Thins the claims of every key in place and returns when which were revoked.
    fn all(mut self, claims: &mut Vec<Claim>, pools: &Pools) -> HashedMap<usize, Timestamp> {
        let mut revoked = HashedMap::default();
        let (mut read, mut write) = (0, 0);
        let (mut all, mut kept) = (Vec::new(), Vec::new());
        while let Some(first) = claims.get(read).copied() {
            let rest = claims.get(read..).unwrap_or_default();
            all.clear();
            all.extend(rest.iter().take_while(|claim| claim.key == first.key));
            read += all.len();
            kept.clear();
            self.key(&all, pools, &mut kept);
            revoke(&all, &mut kept, write, &mut revoked);
            if let Some(place) = claims.get_mut(write..write + kept.len()) {
                place.copy_from_slice(&kept);
            }
            write += kept.len();
        }
        claims.truncate(write);
        revoked
    }

    fn key(&mut self, claims: &[Claim], pools: &Pools, out: &mut Vec<Claim>) {
        if let [one] = claims {
            out.push(*one);
            return;
        }
        if claims.iter().all(|claim| claim.verb == Verb::Revokes) {
            out.extend(claims.first());
            return;
        }
        self.stated.clear();
        self.present.clear();
        for claim in claims {
            if claim.verb == Verb::Revokes {
                self.stated.clear();
            } else if !self.is_restated(claim, pools, out) && !self.is_present(claim, pools, out) {
                out.push(*claim);
            }
        }
        out.extend(self.present.drain().filter_map(|(_, presence)| presence.pending));
        sort(out, pools);
    }

    /// A key that one party states again and again, from the same parent, is stated once, and ends
    /// when the last of them says.
    fn is_restated(&mut self, claim: &Claim, pools: &Pools, out: &mut [Claim]) -> bool {
        let restates = claim.verb == Verb::Authenticates || claim.parent != NONE;
        let by_time = pools
            .rules
            .get(claim.rule)
            .is_none_or(|rule| rule.recycled || rule.window.is_some() || rule.grade > Grade::Exact);
        let Some(origin) = pools.origin(claim.origin).filter(|_| restates && !by_time) else {
            return false;
        };
        let parent = pools.used(claim.parent).map(|parent| parent.key);
        let at = *self
            .stated
            .entry((claim.verb as u8, origin.party, claim.root, parent))
            .or_insert(out.len());
        match out.get_mut(at) {
            Some(known) => {
                known.until = known.until.max(claim.until);
                true
            }
            None => false,
        }
    }

    /// A guess asks only whether a party was there within a window. Claims that stand closer than
    /// an eighth of the window to one before and one after them cannot change that.
    fn is_present(&mut self, claim: &Claim, pools: &Pools, out: &mut Vec<Claim>) -> bool {
        let rule = pools.rules.get(claim.rule).filter(|rule| rule.grade == Grade::Inferred);
        let Some(window) = rule.and_then(|rule| rule.window) else { return false };
        let near = window.0 / 8;
        let party = if claim.root == NONE {
            pools.origin(claim.origin).map_or(NONE, |origin| origin.party)
        } else {
            claim.root
        };
        let Some(presence) = self.present.get_mut(&party) else {
            self.present.insert(party, Presence { kept: claim.time, pending: None });
            return false;
        };
        if claim.time.0.saturating_sub(presence.kept.0) <= near {
            presence.pending = Some(*claim);
            return true;
        }
        if let Some(pending) = presence.pending.take() {
            out.push(pending);
            presence.kept = pending.time;
            if claim.time.0.saturating_sub(pending.time.0) <= near {
                presence.pending = Some(*claim);
                return true;
            }
        }
        presence.kept = claim.time;
        false
    }
}

/// Notes for each claim the first revocation at or after it.
fn revoke(
    all: &[Claim],
    kept: &mut [Claim],
    begin: usize,
    revoked: &mut HashedMap<usize, Timestamp>,
) {
    let mut ends = all.iter().filter(|claim| claim.verb == Verb::Revokes).peekable();
    for (place, claim) in (begin..).zip(kept) {
        claim.mark = 0;
        while ends.next_if(|end| end.time < claim.time).is_some() {}
        if let Some(end) = ends.peek().filter(|_| claim.verb != Verb::Revokes) {
            claim.mark = REVOKED;
            revoked.insert(place, end.time);
        }
    }
}

fn closing(seen: &[((u32, u32, u32), Seen)], pools: &Pools) -> Vec<BTreeMap<u32, Timestamp>> {
    let of_rule = |rule: &LinkRule| {
        let mut tenants = BTreeMap::new();
        for ((source, feed, tenant), seen) in seen {
            if names(rule.closed_by, pools.string(*feed))
                || names(rule.closed_by, pools.string(*source))
            {
                let last = tenants.entry(*tenant).or_insert(seen.last);
                *last = (*last).max(seen.last);
            }
        }
        tenants
    };
    pools.rules.iter().map(of_rule).collect()
}

/// Whether words about what would close a gap name a feed or source. `main` is every source's.
pub(crate) fn names(words: &str, feed: &str) -> bool {
    let part = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '\'' | '"');
    !matches!(feed, "" | "main") && (words == feed || words.split(part).any(|word| word == feed))
}

fn starts(claims: &[Claim], shift: u32) -> Vec<u32> {
    let buckets = 1_usize << (64 - shift);
    let mut starts = Vec::with_capacity(buckets + 1);
    let mut at = 0_usize;
    for bucket in 0..buckets {
        while claims.get(at).is_some_and(|claim| (claim.key.high >> shift) < bucket as u64) {
            at += 1;
        }
        starts.push(u32::try_from(at).unwrap_or(NONE));
    }
    starts.push(u32::try_from(claims.len()).unwrap_or(NONE));
    starts
}
