//! All claims, sorted, to be looked up by key.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;

use countersign_model::event::LinkRule;
use countersign_model::time::Timestamp;

use crate::claims::{Claim, Claims, Dropped, NONE, Pools, REVOKED, Seen};
use crate::hash::{Key, Secret};
use crate::pile::Pile;
use crate::shelf::{Pages, Shelves};

mod held;
mod shelved;
mod thin;

use held::Held;
use shelved::Frozen;
pub(crate) use thin::sort;

#[derive(Debug)]
pub struct Index {
    pub(crate) secret: Secret,
    body: Body,
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

#[derive(Debug)]
enum Body {
    Held(Held),
    Shelved(Frozen),
}

impl Index {
    /// The index over everything gathered. Repeated deliveries count once; of a key's restatements
    /// the earliest is kept, and of a guess by presence only what no answer can miss.
    pub fn freeze(gathered: Claims) -> Self {
        Self::freeze_without(gathered, &[])
    }

    /// As [`Self::freeze`], but as if there were no link rules of these names: what an answer
    /// loses by that is what the rule is worth.
    pub fn freeze_without(mut gathered: Claims, rules: &[&str]) -> Self {
        let mut claims = std::mem::take(&mut gathered.claims);
        let pools = &mut gathered.pools;
        if !rules.is_empty() {
            claims.retain(|claim| !is_of(claim, rules, pools));
            pools.rules.forget(rules);
        }
        let held = Held::new(claims, pools);
        Self::of_parts(gathered, Body::Held(held))
    }

    /// The index over what several readers gathered, as if there were no link rules of the names in
    /// `rules`. If one of them put claims away, all go to `shelves`, and look-ups hold at most about
    /// `pages_bytes` of them in memory.
    ///
    /// # Errors
    /// Those of the shelves.
    pub fn of_piles(
        secret: Secret,
        piles: Vec<Pile>,
        rules: &[&str],
        shelves: &dyn Shelves,
        pages_bytes: usize,
    ) -> io::Result<Self> {
        if !piles.iter().any(Pile::is_away) {
            return Ok(Self::freeze_without(Pile::join(secret, piles), rules));
        }
        let (gathered, sorted) = shelved::join(secret, piles, shelves, pages_bytes)?;
        let (gathered, frozen) = shelved::freeze(gathered, sorted, rules, shelves)?;
        let index = Self::of_parts(gathered, Body::Shelved(frozen));
        index.check()?;
        Ok(index)
    }

    fn of_parts(gathered: Claims, body: Body) -> Self {
        let Claims { secret, mut pools, seen, dropped, over_quota, keys_too_long, .. } = gathered;
        pools.settle();
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
        Self { secret, body, pools, seen, first_seen, closing, dropped, over_quota, keys_too_long }
    }

    /// Whether everything that was looked up so far could be read.
    ///
    /// # Errors
    /// If not: then no answer since the last check may be believed.
    pub fn check(&self) -> io::Result<()> {
        match self.pools.volumes.pages().and_then(|pages| pages.failure()) {
            None => Ok(()),
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }

    /// The claims about a key, by time.
    pub(crate) fn of(&self, key: Key) -> Found<'_> {
        let (place, length) = match &self.body {
            Body::Held(held) => held.find(key),
            Body::Shelved(frozen) => self.pages(|pages| frozen.find(key, pages)).unwrap_or((0, 0)),
        };
        Found { index: self, place, length }
    }

    fn pages<T>(&self, look: impl FnOnce(&Pages) -> Option<T>) -> Option<T> {
        self.pools.volumes.pages().and_then(look)
    }

    fn claim(&self, place: usize) -> Option<Claim> {
        match &self.body {
            Body::Held(held) => held.get(place),
            Body::Shelved(frozen) => {
                self.pages(|pages| frozen.get(place, pages)).map(|kept| kept.claim)
            }
        }
    }

    fn revoked_at(&self, place: usize, claim: &Claim) -> Option<Timestamp> {
        if claim.mark != REVOKED {
            return None;
        }
        match &self.body {
            Body::Held(held) => held.revoked_at(place),
            Body::Shelved(frozen) => {
                self.pages(|pages| frozen.get(place, pages)).and_then(|kept| kept.revoked)
            }
        }
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
        match &self.body {
            Body::Held(held) => held.len(),
            Body::Shelved(frozen) => frozen.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

/// The first place of which `is_before` does not hold, if it holds of none behind that.
fn partition(places: Range<usize>, is_before: impl Fn(usize) -> bool) -> usize {
    let Range { start: mut from, end: mut to } = places;
    while from < to {
        let middle = from + (to - from) / 2;
        if is_before(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

/// The claims about one key, by time.
#[derive(Clone, Copy)]
pub(crate) struct Found<'i> {
    index: &'i Index,
    place: usize,
    length: usize,
}

impl<'i> Found<'i> {
    pub(crate) fn len(self) -> usize {
        self.length
    }

    pub(crate) fn get(self, number: usize) -> Option<Claim> {
        if number >= self.length {
            return None;
        }
        self.index.claim(self.place + number)
    }

    /// How many stand before the first of which `is_before` does not hold.
    pub(crate) fn count_while(self, is_before: impl Fn(&Claim) -> bool) -> usize {
        partition(0..self.length, |number| self.get(number).is_some_and(|claim| is_before(&claim)))
    }

    /// Some of them, each with its number.
    pub(crate) fn range(
        self,
        numbers: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = (usize, Claim)> + use<'i> {
        let end = numbers.end.min(self.length);
        (numbers.start..end).filter_map(move |number| Some((number, self.get(number)?)))
    }

    pub(crate) fn revoked_at(self, number: usize, claim: &Claim) -> Option<Timestamp> {
        self.index.revoked_at(self.place + number, claim)
    }
}

fn is_of(claim: &Claim, rules: &[&str], pools: &Pools) -> bool {
    pools.rules.get(claim.rule).is_some_and(|rule| rules.contains(&rule.name))
}

/// For each leading bit pattern of keys that come in order, where those with it begin.
struct Starts {
    starts: Vec<u32>,
    shift: u32,
    buckets: usize,
}

impl Starts {
    /// About one pattern for each of `count`.
    fn new(count: usize) -> Self {
        let bits = count.max(1).ilog2().clamp(1, 28);
        let buckets = 1_usize << bits;
        Self { starts: Vec::with_capacity(buckets + 1), shift: 64 - bits, buckets }
    }

    fn next(&mut self, key: Key, place: usize) {
        let bucket = usize::try_from(key.high >> self.shift).unwrap_or(usize::MAX);
        while self.starts.len() <= bucket && self.starts.len() < self.buckets {
            self.starts.push(u32::try_from(place).unwrap_or(NONE));
        }
    }

    /// The starts and by how much a key is to be shifted.
    fn end(mut self, count: usize) -> (Vec<u32>, u32) {
        self.starts.resize(self.buckets + 1, u32::try_from(count).unwrap_or(NONE));
        (self.starts, self.shift)
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
