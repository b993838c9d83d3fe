//! Claims that do not fit in memory: sorted runs, made one on a shelf.

use std::io;

use countersign_model::time::Timestamp;

use super::thin::{self, Thinning};
use super::{Starts, is_of};
use crate::claims::{Claim, Claims};
use crate::hash::Secret;
use crate::pile::Pile;
use crate::pools::{Numbers, Pools};
use crate::shelf::{Fields, Filling, Fixed, Full, Pages, Shelves};
use crate::volume::Volumes;

/// Claims for one entry of the directory that is kept in memory.
const CLAIMS_PER_START: usize = 16;
/// Claims of a run that are read at once.
const CLAIMS_READ: usize = 2048;

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

/// What is looked up.
pub(super) struct Frozen {
    pub(super) claims: Full,
    pub(super) starts: (Vec<u32>, u32),
}

/// One sorted run, being read.
pub(super) struct Run {
    claims: Full,
    /// Whose numbers it is told in.
    volume: usize,
    /// Claims read so far.
    read: u64,
    bytes: Vec<u8>,
    taken: usize,
}

/// Joins the words and counts of several readers; their events become volumes.
pub(super) fn join(
    secret: Secret,
    piles: Vec<Pile>,
    shelves: &dyn Shelves,
    pages_bytes: usize,
) -> io::Result<(Claims, Vec<Run>)> {
    let mut whole = Claims::new(secret);
    whole.pools.volumes = Volumes::with(Pages::new(pages_bytes));
    let mut runs = Vec::new();
    for (volume, mut pile) in piles.into_iter().enumerate() {
        pile.put_away(shelves)?;
        let Pile { mut claims, away: Some(away) } = pile else { continue };
        let begin = whole.pools.volumes.end();
        let numbers = whole.pools.absorb_words(&mut claims.pools, secret, begin);
        whole.absorb_counts(&numbers, claims);
        for run in away.runs {
            let number = whole.pools.volumes.shelf_number();
            let claims = run.full(number)?;
            runs.push(Run { claims, volume, read: 0, bytes: Vec::new(), taken: 0 });
        }
        whole.pools.volumes.add(away.written, numbers)?;
    }
    Ok((whole, runs))
}

/// Merges the runs into one shelf of what is kept, as [`super::Index::freeze`] does in memory.
pub(super) fn freeze(
    mut gathered: Claims,
    mut runs: Vec<Run>,
    rules: &[&str],
    shelves: &dyn Shelves,
) -> io::Result<(Claims, Frozen)> {
    let all: u64 = runs.iter().map(|run| run.claims.length() / Claim::BYTES as u64).sum();
    let all = usize::try_from(all).map_err(io::Error::other)?;
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
    let mut heads = Heads::new(&mut runs, pools)?;
    let mut last: Option<Claim> = None;
    while let Some(claim) = heads.next(&mut runs, pools)? {
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
    let starts = starts.end(place);
    gathered.pools.rules.forget(rules);
    let claims = out.full(gathered.pools.volumes.shelf_number())?;
    Ok((gathered, Frozen { claims, starts }))
}

/// The next claim of each run, the first of all last.
struct Heads {
    heads: Vec<(Claim, usize)>,
}

impl Heads {
    fn new(runs: &mut [Run], pools: &Pools) -> io::Result<Self> {
        let mut heads = Self { heads: Vec::with_capacity(runs.len()) };
        for (number, run) in runs.iter_mut().enumerate() {
            heads.refill(run, number, pools)?;
        }
        Ok(heads)
    }

    fn next(&mut self, runs: &mut [Run], pools: &Pools) -> io::Result<Option<Claim>> {
        let Some((claim, number)) = self.heads.pop() else { return Ok(None) };
        if let Some(run) = runs.get_mut(number) {
            self.refill(run, number, pools)?;
        }
        Ok(Some(claim))
    }

    fn refill(&mut self, run: &mut Run, number: usize, pools: &Pools) -> io::Result<()> {
        let Some(numbers) = pools.volumes.numbers(run.volume) else { return Ok(()) };
        if let Some(claim) = run.next(numbers)? {
            let is_later = |(other, _): &(Claim, usize)| thin::order(other, &claim, pools).is_gt();
            let at = self.heads.partition_point(is_later);
            self.heads.insert(at, (claim, number));
        }
        Ok(())
    }
}

impl Run {
    fn next(&mut self, numbers: &Numbers) -> io::Result<Option<Claim>> {
        if self.taken >= self.bytes.len() {
            let left = self.claims.length() - self.read;
            let count = left.min((CLAIMS_READ * Claim::BYTES) as u64);
            self.bytes.resize(usize::try_from(count).map_err(io::Error::other)?, 0);
            self.claims.read(self.read, &mut self.bytes)?;
            self.read += count;
            self.taken = 0;
        }
        let Some(bytes) = self.bytes.get(self.taken..self.taken + Claim::BYTES) else {
            return Ok(None);
        };
        self.taken += Claim::BYTES;
        let claim = Claim::take(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some(claim.renumbered(numbers)))
    }
}
