//! Claims that do not fit in memory: sorted runs, made one on a shelf.

use std::io;
use std::ops::Range;

use countersign_model::time::Timestamp;

use super::thin::{self, Thinning};
use super::{Starts, is_of, partition};
use crate::claims::{Claim, Claims};
use crate::hash::{Key, Secret};
use crate::pile::Pile;
use crate::pools::Pools;
use crate::shelf::{Fields, Filling, Fixed, Full, Pages, Shelves};
use crate::volume::Volumes;

/// Claims of one bit pattern that are read at once: a hot key's are not.
const READ_WHOLE: usize = 48;
/// Claims for one entry of the directory that is kept in memory.
const CLAIMS_PER_START: usize = 16;
/// Bytes of all runs together that are read ahead.
const READ_AHEAD: usize = 32 << 20;

/// A frozen claim with when it was revoked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) claim: Claim,
    pub(super) revoked: Option<Timestamp>,
}

impl Fixed for Kept {
    const BYTES: usize = Claim::BYTES + 8;

    fn put(&self, out: &mut Vec<u8>) {
        self.claim.put(out);
        // The mark says whether there is one.
        out.extend_from_slice(&self.revoked.map_or(0, |at| at.0).to_le_bytes());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let claim = Claim::take(bytes)?;
        let at = Timestamp(Fields(bytes.get(Claim::BYTES..)?).i64()?);
        Some(Self { claim, revoked: (claim.mark == crate::claims::REVOKED).then_some(at) })
    }
}

/// Claims on a shelf by key, then by time.
#[derive(Debug)]
pub(super) struct Frozen {
    claims: Full,
    /// For each leading bit pattern of a key, where its claims begin.
    starts: Vec<u32>,
    shift: u32,
}

impl Frozen {
    /// Where the claims of a key begin, and how many they are.
    pub(super) fn find(&self, key: Key, pages: &Pages) -> Option<(usize, usize)> {
        let bucket = usize::try_from(key.high >> self.shift).ok()?;
        let from = *self.starts.get(bucket)? as usize;
        let count = (*self.starts.get(bucket + 1)? as usize).checked_sub(from)?;
        let (skip, length) = if count > READ_WHOLE {
            let at = |at: usize| self.get(from + at, pages).map(|kept| kept.claim.key);
            span(count, at, key)
        } else {
            let mut bytes = [0; READ_WHOLE * Kept::BYTES];
            let bytes = bytes.get_mut(..count * Kept::BYTES)?;
            if !pages.read(&self.claims, (from * Kept::BYTES) as u64, bytes) {
                return None;
            }
            span(count, |at| Key::take(bytes.get(at * Kept::BYTES..)?), key)
        };
        Some((from + skip, length))
    }

    pub(super) fn get(&self, place: usize, pages: &Pages) -> Option<Kept> {
        pages.fixed(&self.claims, place as u64)
    }

    pub(super) fn len(&self) -> usize {
        usize::try_from(self.claims.length()).unwrap_or(usize::MAX) / Kept::BYTES
    }
}

/// Of `count` sorted keys, how many stand before `key`, and how many are it.
fn span(count: usize, at: impl Fn(usize) -> Option<Key>, key: Key) -> (usize, usize) {
    let skip = partition(0..count, |place| at(place).is_some_and(|own| own < key));
    (skip, partition(skip..count, |place| at(place) == Some(key)) - skip)
}

/// What was put away by all readers.
pub(super) struct Sorted {
    /// One shelf for each reader.
    shelves: Vec<Full>,
    runs: Vec<Run>,
}

/// One sorted run, being read.
struct Run {
    /// Whose numbers it is told in, and on whose shelf it lies.
    volume: usize,
    /// What of it was not read yet, in bytes of the shelf.
    left: Range<u64>,
    bytes: Vec<u8>,
    taken: usize,
}

/// Joins the words and counts of several readers; their events become volumes.
pub(super) fn join(
    secret: Secret,
    piles: Vec<Pile>,
    shelves: &dyn Shelves,
    pages_bytes: usize,
) -> io::Result<(Claims, Sorted)> {
    let mut whole = Claims::new(secret);
    whole.pools.volumes = Volumes::with(Pages::new(pages_bytes));
    let mut sorted = Sorted { shelves: Vec::new(), runs: Vec::new() };
    for mut pile in piles {
        pile.put_away(shelves)?;
        let Pile { mut claims, away: Some(away) } = pile else { continue };
        let begin = whole.pools.volumes.end();
        let numbers = whole.pools.absorb_words(&mut claims.pools, secret, begin);
        whole.absorb_counts(&numbers, claims);
        let volume = whole.pools.volumes.add(away.written, numbers)?;
        let mut from = 0;
        for to in away.ends {
            let left = std::mem::replace(&mut from, to)..to;
            sorted.runs.push(Run { volume, left, bytes: Vec::new(), taken: 0 });
        }
        sorted.shelves.push(away.claims.full(whole.pools.volumes.shelf_number())?);
    }
    Ok((whole, sorted))
}

/// Merges the runs into one shelf of what is kept, as [`super::Index::freeze`] does in memory.
pub(super) fn freeze(
    mut gathered: Claims,
    mut sorted: Sorted,
    rules: &[&str],
    shelves: &dyn Shelves,
) -> io::Result<(Claims, Frozen)> {
    let all: u64 = sorted.shelves.iter().map(Full::length).sum();
    let all = usize::try_from(all).map_err(io::Error::other)? / Claim::BYTES;
    let mut starts = Starts::new(all / CLAIMS_PER_START);
    let mut out = Filling::new(shelves)?;
    let mut place = 0;
    let mut thinning = Thinning::default();
    let pools = &gathered.pools;
    let mut finish = |thinning: &mut Thinning| {
        let mut written = Ok(());
        thinning.finish(pools, |claim, revoked| {
            starts.next(claim.key, place);
            place += 1;
            if written.is_ok() {
                written = out.put_fixed(&Kept { claim, revoked });
            }
        });
        written
    };
    let mut heads = Heads::new(&mut sorted, pools)?;
    let mut last: Option<Claim> = None;
    while let Some(claim) = heads.next(&mut sorted, pools)? {
        if is_of(&claim, rules, pools) {
            continue;
        }
        if let Some(last) = last {
            if thin::is_copy(&claim, &last, pools) {
                continue;
            }
            if claim.key != last.key {
                finish(&mut thinning)?;
            }
        }
        thinning.take(claim, pools);
        last = Some(claim);
    }
    finish(&mut thinning)?;
    let (starts, shift) = starts.end(place);
    gathered.pools.rules.forget(rules);
    let claims = out.full(gathered.pools.volumes.shelf_number())?;
    Ok((gathered, Frozen { claims, starts, shift }))
}

/// The next claim of each run, the first of all last.
struct Heads {
    heads: Vec<(Claim, usize)>,
    /// Claims that are read at once of each run.
    read_ahead: usize,
}

impl Heads {
    fn new(sorted: &mut Sorted, pools: &Pools) -> io::Result<Self> {
        let runs = sorted.runs.len();
        let read_ahead = (READ_AHEAD / Claim::BYTES / runs.max(1)).clamp(64, 4096);
        let mut heads = Self { heads: Vec::with_capacity(runs), read_ahead };
        for number in 0..runs {
            heads.refill(sorted, number, pools)?;
        }
        Ok(heads)
    }

    fn next(&mut self, sorted: &mut Sorted, pools: &Pools) -> io::Result<Option<Claim>> {
        let Some((claim, number)) = self.heads.pop() else { return Ok(None) };
        self.refill(sorted, number, pools)?;
        Ok(Some(claim))
    }

    fn refill(&mut self, sorted: &mut Sorted, number: usize, pools: &Pools) -> io::Result<()> {
        let Some(run) = sorted.runs.get_mut(number) else { return Ok(()) };
        let volume = run.volume;
        let Some(shelf) = sorted.shelves.get(volume) else { return Ok(()) };
        let Some(claim) = run.next(shelf, self.read_ahead)? else { return Ok(()) };
        let numbers = pools.volumes.numbers(volume).ok_or(io::ErrorKind::NotFound)?;
        let claim = claim.renumbered(numbers);
        let is_later = |(other, _): &(Claim, usize)| thin::order(other, &claim, pools).is_gt();
        let at = self.heads.partition_point(is_later);
        self.heads.insert(at, (claim, number));
        Ok(())
    }
}

impl Run {
    /// The next claim, in the numbers of its volume.
    fn next(&mut self, shelf: &Full, read_ahead: usize) -> io::Result<Option<Claim>> {
        if self.taken >= self.bytes.len() {
            let count = self.left.end - self.left.start;
            let count = count.min((read_ahead * Claim::BYTES) as u64);
            self.bytes.resize(usize::try_from(count).map_err(io::Error::other)?, 0);
            shelf.read(self.left.start, &mut self.bytes)?;
            self.left.start += count;
            self.taken = 0;
        }
        let Some(bytes) = self.bytes.get(self.taken..self.taken + Claim::BYTES) else {
            self.bytes = Vec::new();
            return Ok(None);
        };
        self.taken += Claim::BYTES;
        Ok(Some(Claim::take(bytes).ok_or(io::ErrorKind::InvalidData)?))
    }
}
