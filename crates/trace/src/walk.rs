//! From a key back to the root authentication.
//!
//! Each step looks up who brought a key into being and goes on with the keys that *that* event
//! presented, until an authentication, an account that owns its key, or nothing more is found. A
//! chain is as sure as its weakest link.

use countersign_model::attribution::Note;
use countersign_model::event::Verb;
use countersign_model::grade::{Gap, Grade};
use countersign_model::limits::{CANDIDATES_MAX, CHAIN_DEPTH_MAX};
use countersign_model::time::{Duration, Timestamp};

use crate::claims::{Claim, Index, NONE, Use};

/// Clocks of two sources may differ by this much before a use ahead of its issuance is an anomaly.
const SKEW: Duration = Duration(5 * 1_000_000_000);

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
    /// The account at the root; `NONE` if only a registered credential is.
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
    /// The chain is incomplete beyond `party`: this link rule found nothing.
    pub open: Option<(Gap, u16)>,
}

/// What a walk leaves behind beside where it ended.
#[derive(Debug, Default)]
pub struct Trail {
    pub steps: Vec<Step>,
    pub notes: Vec<Note>,
    /// Why nothing was reached: the gap, how many candidates, the rule that found nothing.
    pub gap: Option<(Gap, u32, u16)>,
}

impl Trail {
    fn miss(&mut self, gap: Gap, candidates: u32, rule: u16) {
        // The most telling reason wins: several candidates say more than none.
        let rank = |gap: Gap| match gap {
            Gap::Ambiguous => 0,
            Gap::OutsideValidity => 1,
            Gap::ChainTooDeep => 2,
            _ => 3,
        };
        if self.gap.is_none_or(|(known, ..)| rank(gap) < rank(known)) {
            self.gap = Some((gap, candidates, rule));
        }
    }
}

/// What a key resolves to at one time.
enum Selected<'i> {
    One(&'i Claim),
    Ambiguous(u32),
    Outside,
    Nothing,
}

/// Follows the first of `uses` that leads anywhere.
pub fn walk(index: &Index, uses: &[Use], at: Timestamp, resolution: Duration, trail: &mut Trail) -> Option<Reached> {
    Walk { index, resolution }.from_uses(uses, at, 0, trail)
}

/// Follows one claim, such as a portal's of a request id, as if its key had been used.
pub fn walk_claims(index: &Index, link: Use, at: Timestamp, resolution: Duration, trail: &mut Trail) -> Option<Reached> {
    Walk { index, resolution }.from_use(link, at, 0, trail)
}

struct Walk<'i> {
    index: &'i Index,
    resolution: Duration,
}

impl<'i> Walk<'i> {
    fn from_uses(&self, uses: &[Use], at: Timestamp, depth: usize, trail: &mut Trail) -> Option<Reached> {
        uses.iter().find_map(|link| self.from_use(*link, at, depth, trail))
    }

    fn from_use(&self, link: Use, at: Timestamp, depth: usize, trail: &mut Trail) -> Option<Reached> {
        if depth >= CHAIN_DEPTH_MAX {
            trail.miss(Gap::ChainTooDeep, 0, link.rule);
            return None;
        }
        let before = trail.notes.len();
        match self.select(link, at, &mut trail.notes) {
            Selected::One(claim) => {
                let steps = trail.steps.len();
                let reached = self.from_claim(link, claim, depth, trail);
                if reached.is_none() {
                    trail.steps.truncate(steps);
                    trail.notes.truncate(before);
                }
                reached
            }
            Selected::Ambiguous(candidates) => {
                trail.miss(Gap::Ambiguous, candidates, link.rule);
                None
            }
            Selected::Outside => {
                trail.miss(Gap::OutsideValidity, 0, link.rule);
                None
            }
            Selected::Nothing => {
                trail.miss(Gap::IssuanceNotCollected, 0, link.rule);
                None
            }
        }
    }

    fn from_claim(&self, link: Use, claim: &Claim, depth: usize, trail: &mut Trail) -> Option<Reached> {
        let origin = self.index.origin(claim.origin)?;
        let rule = self.index.rule(link.rule)?;
        let grade = self.index.rule(claim.rule).map_or(rule.grade, |own| own.grade.max(rule.grade));
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
            open: None,
        };
        // A long-lived key, or one that is said to belong to somebody, is not its maker's.
        if rule.long_lived || claim.root != NONE {
            return (here.party != NONE && !(rule.long_lived && claim.root == NONE)).then_some(here);
        }
        let parents = claim.parent.as_slice();
        let parents = if parents.is_empty() { &origin.uses } else { parents };
        let parents: Vec<Use> = parents.iter().copied().filter(|up| up.key != claim.key).collect();
        let mut above = Trail::default();
        if let Some(root) = self.from_uses(&parents, origin.time, depth + 1, &mut above) {
            trail.steps.append(&mut above.steps);
            trail.notes.append(&mut above.notes);
            return Some(Reached {
                grade: root.grade.max(grade),
                rule: if root.grade > grade { root.rule } else { link.rule },
                actor: if origin.actor == NONE { root.actor } else { origin.actor },
                ..root
            });
        }
        if here.party == NONE || matches!(above.gap, Some((Gap::ChainTooDeep, ..))) {
            let (gap, candidates, rule) = above.gap.unwrap_or((Gap::NoKey, 0, link.rule));
            trail.miss(gap, candidates, rule);
            return None;
        }
        Some(self.at_issuer(here, &parents, above.gap))
    }

    /// The chain ends at the account that the issuing record names, because what that account
    /// presented leads no further.
    fn at_issuer(&self, here: Reached, parents: &[Use], gap: Option<(Gap, u32, u16)>) -> Reached {
        let long_lived = parents
            .iter()
            .find(|parent| self.index.rule(parent.rule).is_some_and(|rule| rule.long_lived));
        let credential = parents.iter().map(|parent| parent.credential).find(|at| *at != NONE);
        let long_lived_root = long_lived.is_some();
        let open = gap.filter(|_| !here.authenticated && !long_lived_root);
        Reached {
            long_lived: long_lived_root,
            credential: credential.unwrap_or(NONE),
            open: open.map(|(gap, _, rule)| (gap, rule)),
            ..here
        }
    }

    /// Which claim about a key holds at a time.
    fn select(&self, link: Use, at: Timestamp, notes: &mut Vec<Note>) -> Selected<'i> {
        let all = self.index.of(link.key);
        let Some(rule) = self.index.rule(link.rule) else { return Selected::Nothing };
        let states = |claim: &&Claim| claim.verb != Verb::Revokes;
        if let Some(window) = rule.window {
            return self.in_window(all, at, window, rule.grade);
        }
        let mut candidates = all.iter().filter(states);
        let (Some(first), more) = (candidates.next(), candidates.next()) else {
            return Selected::Nothing;
        };
        if more.is_none() && !rule.recycled {
            self.note_times(all, first, at, notes);
            return Selected::One(first);
        }
        if rule.recycled {
            return self.recycled(all, at);
        }
        self.several(all, at, rule.grade, notes)
    }

    /// Candidates must lie within `window`; two different ones cannot be told apart. For a guess
    /// they differ by whom they name, else by event.
    fn in_window(&self, all: &'i [Claim], at: Timestamp, window: Duration, grade: Grade) -> Selected<'i> {
        let from = at.plus_nanos(-window.0);
        // A guess looks back only; a documented key may be logged a little later on one side.
        let until = at.plus_nanos(if grade == Grade::Inferred { SKEW.0 } else { window.0 });
        let begin = all.partition_point(|claim| claim.time < from);
        let end = all.partition_point(|claim| claim.time <= until);
        let mut distinct: Vec<(u128, u32)> = Vec::new();
        let mut first = None;
        for claim in all.get(begin..end).unwrap_or(&[]) {
            if claim.verb == Verb::Revokes {
                continue;
            }
            let Some(origin) = self.index.origin(claim.origin) else { continue };
            let same = |(event, party): &(u128, u32)| match grade {
                Grade::Inferred => *party == origin.party,
                _ => *event == origin.event,
            };
            if !distinct.iter().any(same) {
                distinct.push((origin.event, origin.party));
            }
            first = first.or(Some(claim));
            if distinct.len() >= CANDIDATES_MAX {
                break;
            }
        }
        match (distinct.len(), first) {
            (1, Some(claim)) => Selected::One(claim),
            (0, _) | (_, None) => Selected::Nothing,
            (several, Some(_)) => Selected::Ambiguous(several as u32),
        }
    }

    /// Values that are given out again: each belongs to its latest issuance, until its end.
    fn recycled(&self, all: &'i [Claim], at: Timestamp) -> Selected<'i> {
        let late = at.plus_nanos(self.resolution.0);
        let latest = all.iter().rev().filter(|claim| claim.verb != Verb::Revokes).find(|claim| claim.time <= late);
        match latest {
            Some(claim) if end_of(all, claim).is_none_or(|end| at < end) => Selected::One(claim),
            Some(_) | None => Selected::Outside,
        }
    }

    fn several(&self, all: &'i [Claim], at: Timestamp, grade: Grade, notes: &mut Vec<Note>) -> Selected<'i> {
        let late = at.plus_nanos(SKEW.0.max(self.resolution.0));
        let valid = |claim: &&Claim| {
            claim.verb != Verb::Revokes
                && claim.time <= late
                && end_of(all, claim).is_none_or(|end| at < end)
        };
        let mut parties: Vec<(u32, u128)> = Vec::new();
        let mut chosen = None;
        for claim in all.iter().filter(valid) {
            let Some(origin) = self.index.origin(claim.origin) else { continue };
            let party = if claim.root == NONE { origin.party } else { claim.root };
            let same = |(known, event): &(u32, u128)| match grade {
                Grade::Exact => *known == party || party == NONE,
                _ => *event == origin.event,
            };
            if !parties.iter().any(same) {
                parties.push((party, origin.event));
            }
            chosen = chosen.or(Some(claim));
            if parties.len() >= CANDIDATES_MAX {
                break;
            }
        }
        match (parties.len(), chosen) {
            (1, Some(claim)) => {
                self.note_times(all, claim, at, notes);
                Selected::One(claim)
            }
            (0, _) | (_, None) => self.nearest(all, at, notes),
            (several, Some(_)) => Selected::Ambiguous(several as u32),
        }
    }

    /// None of several claims holds: the link is kept to the latest before, else the first after.
    fn nearest(&self, all: &'i [Claim], at: Timestamp, notes: &mut Vec<Note>) -> Selected<'i> {
        let mut states = all.iter().filter(|claim| claim.verb != Verb::Revokes);
        let before = states.clone().rev().find(|claim| claim.time <= at);
        match before.or_else(|| states.next()) {
            Some(claim) => {
                self.note_times(all, claim, at, notes);
                Selected::One(claim)
            }
            None => Selected::Nothing,
        }
    }

    fn note_times(&self, all: &[Claim], claim: &Claim, at: Timestamp, notes: &mut Vec<Note>) {
        let early = claim.time.0.saturating_sub(at.0);
        if early > self.resolution.0 {
            let skew = early <= SKEW.0;
            notes.push(if skew { Note::Skew } else { Note::UsedBeforeIssued });
        }
        // One unit of the source's clock: what is logged as the same second may be before.
        let late = at.plus_nanos(-self.resolution.0);
        if claim.until.is_some_and(|until| until <= late) {
            notes.push(Note::AfterExpiry);
        }
        if revoked(all, claim).is_some_and(|revoked| revoked <= late) {
            notes.push(Note::AfterRevocation);
        }
    }
}

fn revoked(all: &[Claim], claim: &Claim) -> Option<Timestamp> {
    let revokes = |other: &&Claim| other.verb == Verb::Revokes && other.time >= claim.time;
    all.iter().find(revokes).map(|revokes| revokes.time)
}

fn end_of(all: &[Claim], claim: &Claim) -> Option<Timestamp> {
    match (claim.until, revoked(all, claim)) {
        (Some(until), Some(revoked)) => Some(until.min(revoked)),
        (one, other) => one.or(other),
    }
}
