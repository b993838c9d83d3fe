//! In which order claims stand, and what of one key's claims is kept.

use std::borrow::Cow;
use std::cmp::Ordering;

use countersign_model::event::Verb;
use countersign_model::grade::Grade;
use countersign_model::time::Timestamp;

use crate::claims::{Claim, NONE, Pools, REVOKED};
use crate::hash::{HashedMap, Key};

/// By key, then in an order that no arrival and no secret decides.
pub(crate) fn sort(claims: &mut [Claim], pools: &Pools) {
    claims.sort_unstable_by(|a, b| order(a, b, pools));
}

pub(crate) fn order(a: &Claim, b: &Claim, pools: &Pools) -> Ordering {
    (a.key, a.time)
        .cmp(&(b.key, b.time))
        .then_with(|| statement(a, pools).cmp(&statement(b, pools)))
        .then_with(|| detail(b, pools).cmp(&detail(a, pools)))
        .then_with(|| told(a, pools).cmp(&told(b, pools)))
}

/// What a statement is, wherever and however often it was delivered: a link of a version of a
/// record.
fn statement(claim: &Claim, pools: &Pools) -> (Option<(u64, u64)>, u8, Verb) {
    let origin = pools.origin(claim.origin).map(|origin| (origin.event, origin.content));
    (origin, claim.mark, claim.verb)
}

/// The same statement delivered again. A version with other content is another statement.
/// Of an action that several accounts logged, the side that shows the keys comes first.
fn detail<'p>(claim: &Claim, pools: &'p Pools) -> Option<(usize, Cow<'p, str>)> {
    let origin = pools.origin(claim.origin)?;
    Some((pools.uses_count(&origin), pools.id(&origin)))
}

/// What the statement says. The record of a shared action may state one key twice, and which of the
/// two is kept must not be chance.
fn told<'p>(claim: &Claim, pools: &'p Pools) -> impl Ord + use<'p> {
    let rule = pools.rules.get(claim.rule).map(|rule| {
        let flags = (rule.recycled, rule.long_lived);
        (rule.name, rule.grade, rule.window, flags, rule.closed_by)
    });
    let party = |at| pools.party(at).map(|party| (&*party.namespace, &*party.value));
    let by = pools.origin(claim.origin).and_then(|origin| party(origin.party));
    (rule, claim.until, party(claim.root), by)
}

pub(crate) fn is_copy(next: &Claim, kept: &Claim, pools: &Pools) -> bool {
    (next.key, next.time) == (kept.key, kept.time)
        && statement(next, pools) == statement(kept, pools)
}

/// Keeps of one key's claims what answers need, and no more. Takes them one by one in their order, so
/// that a hot key's claims need never be in memory together.
#[derive(Default)]
pub(crate) struct Thinning {
    /// The key's claims so far; the first waits for a second.
    first: Option<Claim>,
    count: usize,
    stated: HashedMap<(u8, u32, u32, Option<Key>), usize>,
    present: HashedMap<u32, Presence>,
    kept: Vec<Claim>,
    revocations: Vec<Timestamp>,
}

struct Presence {
    kept: Timestamp,
    /// The latest claim since, not kept yet.
    pending: Option<Claim>,
}

impl Thinning {
    /// Thins the claims of every key in place and returns when which were revoked.
    pub(crate) fn all(
        mut self,
        claims: &mut Vec<Claim>,
        pools: &Pools,
    ) -> HashedMap<usize, Timestamp> {
        let mut revoked = HashedMap::default();
        let (mut read, mut write) = (0, 0);
        while let Some(first) = claims.get(read).copied() {
            while let Some(claim) = claims.get(read).filter(|claim| claim.key == first.key) {
                self.take(*claim, pools);
                read += 1;
            }
            self.finish(pools, |claim, end| {
                if let Some(place) = claims.get_mut(write) {
                    *place = claim;
                }
                if let Some(end) = end {
                    revoked.insert(write, end);
                }
                write += 1;
            });
        }
        claims.truncate(write);
        revoked
    }

    pub(crate) fn take(&mut self, claim: Claim, pools: &Pools) {
        self.count += 1;
        match self.first {
            None => self.first = Some(claim),
            Some(first) => {
                if self.count == 2 {
                    self.weigh(&first, pools);
                }
                self.weigh(&claim, pools);
            }
        }
    }

    fn weigh(&mut self, claim: &Claim, pools: &Pools) {
        if claim.verb == Verb::Revokes {
            self.stated.clear();
            if self.revocations.last() != Some(&claim.time) {
                self.revocations.push(claim.time);
            }
        } else if !self.is_restated(claim, pools) && !self.is_present(claim, pools) {
            self.kept.push(*claim);
        }
    }

    /// Gives what is kept of the key, in order, each with the first revocation at or after it.
    pub(crate) fn finish(&mut self, pools: &Pools, mut each: impl FnMut(Claim, Option<Timestamp>)) {
        let Some(first) = self.first.take() else { return };
        let is_alone = std::mem::take(&mut self.count) == 1;
        if is_alone {
            each(Claim { mark: 0, ..first }, None);
            return;
        }
        self.kept.extend(self.present.drain().filter_map(|(_, presence)| presence.pending));
        if self.kept.is_empty() {
            // Nothing but revocations: the first says it all.
            each(Claim { mark: 0, ..first }, None);
        }
        sort(&mut self.kept, pools);
        let mut ends = self.revocations.iter().peekable();
        for claim in self.kept.drain(..) {
            while ends.next_if(|end| **end < claim.time).is_some() {}
            let end = ends.peek().map(|end| **end);
            each(Claim { mark: if end.is_some() { REVOKED } else { 0 }, ..claim }, end);
        }
        self.revocations.clear();
        self.stated.clear();
    }

    /// A key that one party states again and again, from the same parent, is stated once, and ends
    /// when the last of them says.
    fn is_restated(&mut self, claim: &Claim, pools: &Pools) -> bool {
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
            .or_insert(self.kept.len());
        match self.kept.get_mut(at) {
            Some(known) => {
                known.until = known.until.max(claim.until);
                true
            }
            None => false,
        }
    }

    /// A guess asks only whether a party was there within a window. Claims that stand closer than
    /// an eighth of the window to one before and one after them cannot change that.
    fn is_present(&mut self, claim: &Claim, pools: &Pools) -> bool {
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
            self.kept.push(pending);
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
