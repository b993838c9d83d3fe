//! From a key back to the root authentication.
//!
//! Each step looks up who brought a key into being and goes on with the keys that *that* event
//! presented, until an authentication, an account that owns its key, or nothing more is found. A
//! chain is as sure as its weakest link. Of several keys of one record the surest chain wins, and
//! what the others say stands beside it as a rival.

use countersign_model::attribution::Note;
use countersign_model::event::{LinkRule, Verb};
use countersign_model::grade::{Gap, Grade};
use countersign_model::limits::{CANDIDATES_MAX, CHAIN_DEPTH_MAX};
use countersign_model::time::{Duration, Timestamp};

use crate::claims::{Claim, NONE, Use};
use crate::index::{Found, Index};
use crate::pools::Origin;

/// Clocks of two sources may differ by this much before a use ahead of its issuance is an anomaly.
const SKEW: Duration = Duration(5 * 1_000_000_000);

/// Claims that one walk may follow. A real record's keys need up to three for each hop; without an
/// end, sixteen hops of two keys each would be sixty-five thousand.
const CLAIMS_FOLLOWED_MAX: u32 = 128;

/// Claims of one key that are compared. A key with more has no one owner.
const CLAIMS_COMPARED_MAX: usize = 256;

/// Candidates that are each followed to see whether they lead to the same account.
const FOLLOWED_APART_MAX: usize = 8;

/// One step that was taken.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub rule: u16,
    pub grade: Grade,
    pub origin: u32,
}

/// Where a walk ended.
#[derive(Debug, Clone, Copy)]
pub struct Reached {
    /// The account at the root.
    pub party: u32,
    pub grade: Grade,
    /// The rule of the weakest step.
    pub rule: u16,
    /// The origin whose authentication or issuance the root is.
    pub origin: u32,
    /// Whether the root authentication itself was seen.
    pub authenticated: bool,
    /// The root is a long-lived credential, whose use says nothing about who used it.
    pub long_lived: bool,
    /// The registered credential at the root.
    pub credential: u32,
    /// Who really acted, if an event of the chain states an impersonation.
    pub actor: u32,
    /// Whom the account acts for, if the record of its token says so.
    pub subject: u32,
    /// The key was given out for somebody else than the event's principal: a machine's session.
    pub given: bool,
    /// The chain is incomplete beyond `party`: this link rule found nothing, or so many.
    pub open: Option<Missing>,
}

impl Reached {
    /// Less is surer.
    fn doubt(&self) -> (bool, bool, Grade, bool) {
        (self.open.is_some(), self.long_lived, self.grade, !self.authenticated)
    }

    fn is_complete(&self) -> bool {
        self.open.is_none() && !self.long_lived && self.grade.counts()
    }
}

/// Why a key leads nowhere.
#[derive(Debug, Clone, Copy)]
pub struct Missing {
    pub gap: Gap,
    pub candidates: u32,
    /// The rule that found nothing.
    pub rule: u16,
}

impl Missing {
    /// The most telling reason wins: several candidates say more than none.
    fn rank(&self) -> u8 {
        match self.gap {
            Gap::Ambiguous => 0,
            Gap::OutsideValidity => 1,
            Gap::ChainTooDeep => 2,
            _ => 3,
        }
    }
}

/// An account to which another key of the same record leads.
#[derive(Debug, Clone, Copy)]
pub struct Rival {
    pub party: u32,
    /// It is as sure as the winner.
    pub equal: bool,
}

/// What a walk leaves behind beside where it ended.
#[derive(Debug, Default)]
pub struct Trail {
    pub steps: Vec<Step>,
    pub notes: Vec<Note>,
    pub rivals: Vec<Rival>,
    /// A key was revoked whose issuance no record shows.
    pub revoked: bool,
    /// Why nothing was reached.
    pub missing: Option<Missing>,
}

/// How far a trail had come.
#[derive(Clone, Copy)]
struct Mark {
    steps: usize,
    notes: usize,
    rivals: usize,
}

impl Trail {
    fn miss(&mut self, missing: Missing) {
        if self.missing.is_none_or(|known| missing.rank() < known.rank()) {
            self.missing = Some(missing);
        }
    }

    fn mark(&self) -> Mark {
        Mark { steps: self.steps.len(), notes: self.notes.len(), rivals: self.rivals.len() }
    }

    /// Forgets what was added after `mark`.
    fn rewind(&mut self, mark: Mark) {
        self.steps.truncate(mark.steps);
        self.notes.truncate(mark.notes);
        self.rivals.truncate(mark.rivals);
    }

    /// Forgets what was added between two marks.
    fn cut(&mut self, from: Mark, to: Mark) {
        self.steps.drain(from.steps..to.steps);
        self.notes.drain(from.notes..to.notes);
        self.rivals.drain(from.rivals..to.rivals);
    }
}

/// Follows all of `uses` and returns where the surest leads.
pub fn walk(
    index: &Index,
    uses: &[Use],
    at: Timestamp,
    resolution: Duration,
    trail: &mut Trail,
) -> Option<Reached> {
    if !uses.is_empty() {
        trail.steps.reserve(4);
    }
    Walk { index, resolution, left: CLAIMS_FOLLOWED_MAX }.follow_uses(uses, at, 0, trail)
}

/// What a key resolves to at one time.
enum Selected {
    One(Claim),
    /// Exact claims of different accounts, each to be followed.
    Apart(Vec<Claim>),
    Missing(Gap, u32),
}

struct Walk<'i> {
    index: &'i Index,
    resolution: Duration,
    left: u32,
}

impl Walk<'_> {
    fn follow_uses(
        &mut self,
        uses: &[Use],
        at: Timestamp,
        depth: usize,
        trail: &mut Trail,
    ) -> Option<Reached> {
        let start = trail.mark();
        let mut best: Option<Reached> = None;
        for link in uses {
            let before = trail.mark();
            let Some(found) = self.follow_use(*link, at, depth, trail) else {
                trail.rewind(before);
                continue;
            };
            let Some(known) = best else {
                best = Some(found);
                continue;
            };
            let wins = found.doubt() < known.doubt();
            let (winner, loser) = if wins { (found, known) } else { (known, found) };
            if wins {
                trail.cut(start, before);
            } else {
                trail.rewind(before);
            }
            if loser.is_complete() && winner.is_complete() && loser.party != winner.party {
                let equal = loser.doubt() == winner.doubt();
                trail.rivals.push(Rival { party: loser.party, equal });
            }
            best = Some(winner);
        }
        best
    }

    fn follow_use(
        &mut self,
        link: Use,
        at: Timestamp,
        depth: usize,
        trail: &mut Trail,
    ) -> Option<Reached> {
        if depth >= CHAIN_DEPTH_MAX || self.left == 0 {
            trail.miss(Missing { gap: Gap::ChainTooDeep, candidates: 0, rule: link.rule });
            return None;
        }
        match self.select(link, at, trail) {
            Selected::One(claim) => self.follow_claim(link, &claim, depth, trail),
            Selected::Apart(claims) => self.follow_each(link, &claims, depth, trail),
            Selected::Missing(gap, candidates) => {
                trail.miss(Missing { gap, candidates, rule: link.rule });
                None
            }
        }
    }

    /// Several events say they brought the key into being. If all lead to one account, as when two
    /// feeds log one issuance, that is the answer; else nobody can tell.
    fn follow_each(
        &mut self,
        link: Use,
        claims: &[Claim],
        depth: usize,
        trail: &mut Trail,
    ) -> Option<Reached> {
        let start = trail.mark();
        let mut best: Option<Reached> = None;
        for claim in claims {
            let before = trail.mark();
            let mut apart = Trail { steps: std::mem::take(&mut trail.steps), ..Trail::default() };
            let found = self.follow_claim(link, claim, depth, &mut apart);
            trail.steps = apart.steps;
            let same = found.is_some_and(|found| {
                best.is_none_or(|known| known.party == found.party && known.actor == found.actor)
            });
            let Some(found) = found.filter(|_| same && apart.rivals.is_empty()) else {
                trail.rewind(start);
                trail.miss(Missing {
                    gap: Gap::Ambiguous,
                    candidates: claims.len() as u32,
                    rule: link.rule,
                });
                return None;
            };
            match best {
                Some(known) if known.doubt() <= found.doubt() => trail.rewind(before),
                _ => {
                    trail.cut(start, before);
                    trail.notes.append(&mut apart.notes);
                    best = Some(found);
                }
            }
        }
        best
    }

    fn follow_claim(
        &mut self,
        link: Use,
        claim: &Claim,
        depth: usize,
        trail: &mut Trail,
    ) -> Option<Reached> {
        self.left = self.left.saturating_sub(1);
        let origin = self.index.pools.origin(claim.origin)?;
        let rule = *self.index.rule(link.rule)?;
        let grade = self.index.rule(claim.rule)?.grade.max(rule.grade);
        trail.steps.push(Step { rule: link.rule, grade, origin: claim.origin });
        let here = Reached {
            party: if claim.root == NONE { origin.party } else { claim.root },
            grade,
            rule: link.rule,
            origin: claim.origin,
            authenticated: claim.verb == Verb::Authenticates,
            long_lived: rule.long_lived,
            credential: link.credential,
            actor: origin.actor,
            subject: origin.subject,
            given: claim.root != NONE,
            open: None,
        };
        // One who acts for another was given a token of its own: the chain is its own, too.
        if origin.subject != NONE && here.party != NONE && !rule.long_lived {
            return Some(here);
        }
        // A long-lived key, or one that is said to belong to somebody, is not its maker's.
        if rule.long_lived || here.given {
            let actor = self.maker(&origin, depth);
            let here = Reached { actor, ..here };
            return (here.party != NONE && here.given).then_some(here);
        }
        let own = [self.index.pools.used(claim.parent)];
        let presented;
        let parents = match &own {
            [Some(parent)] => std::slice::from_ref(parent),
            [None] => {
                presented = self.index.pools.uses(&origin);
                &presented
            }
        };
        let mut others = Vec::new();
        let parents = if parents.iter().any(|up| up.key == claim.key) {
            others.extend(parents.iter().copied().filter(|up| up.key != claim.key));
            &others
        } else {
            parents
        };
        // What is missing above matters only if nothing is reached there.
        let (missing, revoked) = (trail.missing.take(), trail.revoked);
        let root = self.follow_uses(parents, origin.time, depth + 1, trail);
        let above = std::mem::replace(&mut trail.missing, missing);
        trail.revoked = revoked;
        if let Some(root) = root {
            return Some(Reached {
                grade: root.grade.max(grade),
                rule: if root.grade > grade { root.rule } else { link.rule },
                actor: if root.actor == NONE { origin.actor } else { root.actor },
                ..root
            });
        }
        let deep = above.filter(|missing| missing.gap == Gap::ChainTooDeep);
        if here.party == NONE || deep.is_some() {
            let none = Missing { gap: Gap::NoKey, candidates: 0, rule: link.rule };
            trail.miss(deep.or(above).unwrap_or(none));
            return None;
        }
        Some(self.at_issuer(here, parents, above))
    }

    /// Who really made a key that belongs to another, where the record says that it was made for
    /// use: whoever the maker's own keys lead to, else the account that the record states.
    fn maker(&mut self, origin: &Origin, depth: usize) -> u32 {
        if origin.actor == NONE {
            return NONE;
        }
        let uses = self.index.pools.uses(origin);
        let mut apart = Trail::default();
        match self.follow_uses(&uses, origin.time, depth + 1, &mut apart) {
            Some(maker) if !maker.long_lived => {
                if maker.actor == NONE {
                    maker.party
                } else {
                    maker.actor
                }
            }
            Some(_) | None => origin.actor,
        }
    }

    /// The chain ends at the account that the issuing record names, because what that account
    /// presented leads no further.
    fn at_issuer(&self, here: Reached, parents: &[Use], missing: Option<Missing>) -> Reached {
        let is_long = |parent: &&Use| {
            parent.credential != NONE
                || self.index.rule(parent.rule).is_some_and(|rule| rule.long_lived)
        };
        let long_lived = !here.authenticated && parents.iter().any(|parent| is_long(&parent));
        let credential = parents.iter().map(|parent| parent.credential).find(|at| *at != NONE);
        Reached {
            long_lived,
            credential: credential.unwrap_or(NONE),
            open: missing.filter(|_| !here.authenticated && !long_lived),
            ..here
        }
    }

    /// Which claim about a key holds at a time.
    fn select(&self, link: Use, at: Timestamp, trail: &mut Trail) -> Selected {
        let nothing = Selected::Missing(Gap::IssuanceNotCollected, 0);
        let Some(rule) = self.index.rule(link.rule) else { return nothing };
        if self.index.may_have_dropped(link.key) {
            return Selected::Missing(Gap::Ambiguous, CANDIDATES_MAX as u32);
        }
        let all = self.index.of(link.key);
        let Some(first) = all.get(0) else { return nothing };
        if first.verb == Verb::Revokes {
            trail.revoked |= first.time < at;
            return nothing;
        }
        // Either side may know that the value is only good for a while.
        let issued = self.index.rule(first.rule).unwrap_or(rule);
        let window = match (rule.window, issued.window) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if let Some(window) = window {
            return self.in_window(all, at, window, rule.grade.max(issued.grade));
        }
        if rule.recycled || issued.recycled {
            return self.recycled(all, at, trail);
        }
        if all.len() == 1 {
            self.note_times(all, 0, &first, at, trail);
            return Selected::One(first);
        }
        self.several(all, at, rule, trail)
    }

    /// Candidates must lie within `window`; two different ones cannot be told apart. For a guess
    /// they differ by whom they name, else by event.
    fn in_window(&self, all: Found<'_>, at: Timestamp, window: Duration, grade: Grade) -> Selected {
        let from = at.plus_nanos(-window.0);
        // A guess looks back only; a documented key may be logged a little later on one side.
        let until = at.plus_nanos(if grade == Grade::Inferred { SKEW.0 } else { window.0 });
        let begin = all.count_while(|claim| claim.time < from);
        let end = all.count_while(|claim| claim.time <= until);
        if end.saturating_sub(begin) > CLAIMS_COMPARED_MAX * 4 {
            return Selected::Missing(Gap::Ambiguous, CANDIDATES_MAX as u32);
        }
        // The latest says most about who is there now.
        let distinct = self.distinct(all.range(begin..end).rev(), grade);
        match distinct[..] {
            [] => Selected::Missing(Gap::IssuanceNotCollected, 0),
            [(_, one)] => Selected::One(one),
            _ => Selected::Missing(Gap::Ambiguous, distinct.len() as u32),
        }
    }

    /// One claim of each candidate with its number, up to [`CANDIDATES_MAX`]. Candidates differ by
    /// account; a key of several fields also by authentication, or by the session it came from.
    fn distinct(
        &self,
        claims: impl Iterator<Item = (usize, Claim)>,
        grade: Grade,
    ) -> Vec<(usize, Claim)> {
        let mut known: Vec<(u32, u64)> = Vec::new();
        let mut distinct = Vec::new();
        for (number, claim) in claims {
            let Some(origin) = self.index.pools.origin(claim.origin) else { continue };
            let party = if claim.root == NONE { origin.party } else { claim.root };
            let session = || self.index.pools.uses(&origin).first().map(|first| first.key.low);
            let event = if grade == Grade::Composite && claim.verb == Verb::Issues {
                session().unwrap_or(origin.event)
            } else if grade == Grade::Composite || party == NONE {
                origin.event
            } else {
                0
            };
            if !known.contains(&(party, event)) {
                known.push((party, event));
                distinct.push((number, claim));
            }
            if distinct.len() >= CANDIDATES_MAX {
                break;
            }
        }
        distinct
    }

    /// Values that are given out again: each belongs to its latest issuance, until its end. Where
    /// clocks leave open which issuance was the latest, nobody can tell.
    fn recycled(&self, all: Found<'_>, at: Timestamp, trail: &mut Trail) -> Selected {
        let next = all.count_while(|claim| claim.time.0 <= at.0.saturating_add(self.resolution.0));
        let holds = |(number, claim): &(usize, Claim)| {
            end_of(all, *number, claim)
                .is_none_or(|end| at.0 < end.0.saturating_add(self.resolution.0))
        };
        let numbered = |number: usize| all.get(number).map(|claim| (number, claim));
        let latest = next.checked_sub(1).and_then(numbered).filter(holds);
        let before = next.checked_sub(2).and_then(numbered);
        let tick = latest.map(|(_, latest)| latest.time.plus_nanos(-self.resolution.0));
        let tied = latest
            .is_some_and(|(_, latest)| latest.time.0 > at.0.saturating_sub(self.resolution.0))
            || before.is_some_and(|(_, before)| tick.is_some_and(|tick| before.time > tick));
        let before = before.filter(|_| tied).filter(holds);
        let after = numbered(next).filter(|(_, after)| after.time <= at.plus_nanos(SKEW.0));
        let candidates = [latest, before, after];
        let distinct = self.distinct(candidates.into_iter().flatten(), Grade::Exact);
        match distinct[..] {
            [] => Selected::Missing(Gap::OutsideValidity, 0),
            [(_, one)] => {
                if one.time.0 > at.0.saturating_add(self.resolution.0) {
                    trail.notes.push(Note::Skew);
                }
                Selected::One(one)
            }
            _ => Selected::Missing(Gap::Ambiguous, distinct.len() as u32),
        }
    }

    fn several(
        &self,
        all: Found<'_>,
        at: Timestamp,
        rule: &LinkRule,
        trail: &mut Trail,
    ) -> Selected {
        let late = at.plus_nanos(SKEW.0.max(self.resolution.0));
        let begun = all.count_while(|claim| claim.time <= late);
        if begun > CLAIMS_COMPARED_MAX {
            return Selected::Missing(Gap::Ambiguous, CANDIDATES_MAX as u32);
        }
        let valid = |(number, claim): &(usize, Claim)| {
            end_of(all, *number, claim).is_none_or(|end| at < end)
        };
        let distinct = self.distinct(all.range(0..begun).filter(valid), rule.grade);
        match distinct[..] {
            [] => self.nearest(all, begun, at, trail),
            [(number, one)] => {
                self.note_times(all, number, &one, at, trail);
                Selected::One(one)
            }
            _ if rule.grade == Grade::Exact && distinct.len() <= FOLLOWED_APART_MAX => {
                Selected::Apart(distinct.into_iter().map(|(_, claim)| claim).collect())
            }
            _ => Selected::Missing(Gap::Ambiguous, distinct.len() as u32),
        }
    }

    /// None of several claims holds: the link is kept to the latest before, else the first after.
    /// If those of different accounts have all ended, the last to hold it is no better than a guess.
    fn nearest(&self, all: Found<'_>, begun: usize, at: Timestamp, trail: &mut Trail) -> Selected {
        let number = begun.saturating_sub(1);
        let those = if begun == 0 { CLAIMS_COMPARED_MAX } else { begun };
        let accounts = self.distinct(all.range(0..those), Grade::Exact);
        if accounts.len() > 1 {
            return Selected::Missing(Gap::OutsideValidity, 0);
        }
        match all.get(number) {
            Some(claim) => {
                self.note_times(all, number, &claim, at, trail);
                Selected::One(claim)
            }
            None => Selected::Missing(Gap::IssuanceNotCollected, 0),
        }
    }

    fn note_times(
        &self,
        all: Found<'_>,
        number: usize,
        claim: &Claim,
        at: Timestamp,
        trail: &mut Trail,
    ) {
        let early = claim.time.0.saturating_sub(at.0);
        if early > self.resolution.0 {
            let skew = early <= SKEW.0;
            trail.notes.push(if skew { Note::Skew } else { Note::UsedBeforeIssued });
        }
        // One unit of the source's clock: what is logged as the same second may be before.
        let late = at.plus_nanos(-self.resolution.0);
        if claim.until <= late {
            trail.notes.push(Note::AfterExpiry);
        }
        if all.revoked_at(number, claim).is_some_and(|revoked| revoked <= late) {
            trail.notes.push(Note::AfterRevocation);
        }
    }
}

fn end_of(all: Found<'_>, number: usize, claim: &Claim) -> Option<Timestamp> {
    let until = Some(claim.until).filter(|until| *until != Timestamp::MAX);
    match (until, all.revoked_at(number, claim)) {
        (Some(until), Some(revoked)) => Some(until.min(revoked)),
        (one, other) => one.or(other),
    }
}
