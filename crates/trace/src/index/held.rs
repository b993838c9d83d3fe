//! Claims in memory, laid out by time.
//!
//! Rows are answered by time, and what a row asks for was mostly claimed not long before. So the
//! claims of one key stand together, and keys stand in the order in which they were first claimed:
//! what is looked up next lies near what was looked up last. Only the table that says where a key's
//! claims begin is gone through at random, and it is small.

use countersign_model::time::Timestamp;

use super::thin::{Thinning, is_copy, sort};
use super::{Starts, partition};
use crate::claims::{Claim, NONE, Pools};
use crate::hash::{HashedMap, Key};

#[derive(Debug)]
pub(super) struct Held {
    claims: Vec<Claim>,
    /// When revoked claims were revoked, by the claim's place.
    revoked: HashedMap<usize, Timestamp>,
    /// One for each key, by key.
    slots: Vec<Slot>,
    /// For each leading bit pattern of a key, where its slots begin.
    starts: Vec<u32>,
    shift: u32,
}

/// Where a key's claims begin.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The key's last bits: another key is nearly always told apart without a look at its claims.
    bits: u32,
    place: u32,
}

impl Held {
    pub(super) fn new(mut claims: Vec<Claim>, pools: &Pools) -> Self {
        sort(&mut claims, pools);
        claims.dedup_by(|next, kept| is_copy(next, kept, pools));
        let revoked = Thinning::default().all(&mut claims, pools);
        let mut slots = Vec::new();
        let mut order = Vec::new();
        let mut last = None;
        for (place, claim) in claims.iter().enumerate() {
            if last != Some(claim.key) {
                last = Some(claim.key);
                order.push((claim.time, index(slots.len())));
                slots.push(Slot { bits: claim.key.low as u32, place: index(place) });
            }
        }
        let mut starts = Starts::new(slots.len());
        for (number, slot) in slots.iter().enumerate() {
            if let Some(claim) = claims.get(slot.place as usize) {
                starts.next(claim.key, number);
            }
        }
        let (starts, shift) = starts.end(slots.len());
        // Those of one time stand by key.
        order.sort_unstable();
        let mut by_time = Vec::with_capacity(claims.len());
        let mut revoked_by_time = HashedMap::default();
        for (_, number) in order {
            let Some(slot) = slots.get_mut(number as usize) else { continue };
            let from = std::mem::replace(&mut slot.place, index(by_time.len())) as usize;
            let key = claims.get(from).map(|claim| claim.key);
            let rest = claims.get(from..).unwrap_or_default();
            for (old, claim) in (from..).zip(rest).take_while(|(_, claim)| Some(claim.key) == key) {
                if let Some(end) = revoked.get(&old) {
                    revoked_by_time.insert(by_time.len(), *end);
                }
                by_time.push(*claim);
            }
        }
        slots.shrink_to_fit();
        Self { claims: by_time, revoked: revoked_by_time, slots, starts, shift }
    }

    /// Where the claims of a key begin, and how many they are.
    pub(super) fn find(&self, key: Key) -> (usize, usize) {
        let bucket = usize::try_from(key.high >> self.shift).unwrap_or(usize::MAX);
        let (Some(&from), Some(&to)) = (self.starts.get(bucket), self.starts.get(bucket + 1))
        else {
            return (0, 0);
        };
        let slots = self.slots.get(from as usize..to as usize).unwrap_or_default();
        for slot in slots.iter().filter(|slot| slot.bits == key.low as u32) {
            let place = slot.place as usize;
            if self.is_of(place, key) {
                return (place, self.count(place, key));
            }
        }
        (0, 0)
    }

    fn is_of(&self, place: usize, key: Key) -> bool {
        self.claims.get(place).is_some_and(|claim| claim.key == key)
    }

    /// Claims of a key from its first on. Nearly all keys have one; a hot key's are not gone through.
    fn count(&self, place: usize, key: Key) -> usize {
        let mut reach = 1;
        while self.is_of(place + reach, key) {
            reach *= 2;
        }
        partition(place + reach / 2..place + reach, |at| self.is_of(at, key)) - place
    }

    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<Claim> {
        self.claims.get(place).copied()
    }

    pub(super) fn revoked_at(&self, place: usize) -> Option<Timestamp> {
        self.revoked.get(&place).copied()
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
