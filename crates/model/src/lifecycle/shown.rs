//! What time makes of a stored state.

use super::{Noun, State};
use crate::register::{
    Credential, Exception, Grant, Identity, Organization, OrganizationState, Sponsor, TrustPath,
};
use crate::time::{Duration, End, Interval, NANOS_PER_SECOND, Timestamp, any_contains};

/// How long before a trust path must be revalidated, or a credential rotated, it is shown as due:
/// a month of notice, as both need the partner's hands.
const DUE_BEFORE: Duration = Duration(30 * 86_400 * NANOS_PER_SECOND);

/// The state in which an item is at `at`, given the state that is stored for it.
///
/// A pure function of facts, state and instant: a clock that jumps, either way, gets the answer of
/// the instant it jumped to. What the facts leave open keeps the stored state.
pub fn shown<T: Lives>(item: &T, stored: State, at: Timestamp) -> State {
    item.shown(stored, at)
}

/// The states of which one is stored for each item that can be shown in a state, so that the shown state
/// can be looked for by the stored one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    pub states: Vec<State>,
    /// The same, but only as long as the item's end, or its revocation, is to come.
    pub until_end: Vec<State>,
}

/// The stored states that can be shown as `wanted`.
///
/// Shown as [`State::Expired`] and stored in another state is nothing whose end has not come.
pub fn stored_for(noun: Noun, wanted: State) -> Stored {
    let runs = match noun {
        Noun::Organization | Noun::Identity | Noun::Grant => State::Active,
        Noun::Exception => State::Approved,
        Noun::TrustPath => State::Accepted,
        Noun::Credential => State::Issued,
        Noun::Sponsor => return of_a_sponsor(wanted),
    };
    let of_an_interval = [runs, State::Suspended, State::Scheduled, State::Due, State::Lapsed];
    let mut stored = Stored { states: vec![wanted], until_end: Vec::new() };
    let mut add = |states: &[State]| {
        stored.states.extend(states.iter().filter(|state| **state != wanted));
    };
    if of_an_interval.contains(&wanted) {
        add(&[runs, State::Suspended]);
        match noun {
            Noun::Grant => stored.until_end.push(State::Ended),
            Noun::Credential => stored.until_end.push(State::Revoked),
            _ => (),
        }
    } else if wanted == State::Expired {
        add(&[runs, State::Suspended]);
        match noun {
            Noun::Grant => add(&[State::Requested, State::Approved, State::Countersigned]),
            Noun::Exception => add(&[State::Asked]),
            Noun::Credential => add(&[State::Rotated]),
            _ => (),
        }
    }
    let known = noun.states();
    stored.states.retain(|state| known.contains(state));
    stored
}

/// But for what was decided about a successor, all of it is a matter of the clock.
fn of_a_sponsor(wanted: State) -> Stored {
    let decided = [State::Proposed, State::Succeeded];
    let states = match decided.contains(&wanted) {
        true => vec![wanted],
        false => {
            let all = Noun::Sponsor.states().iter().copied();
            all.filter(|state| !decided.contains(state)).collect()
        }
    };
    Stored { states, until_end: Vec::new() }
}

/// A noun of the register that has a life.
pub trait Lives {
    const NOUN: Noun;

    /// The state that the register itself says, for items that come as code.
    fn stated(&self) -> State;

    /// See [`shown`].
    fn shown(&self, stored: State, at: Timestamp) -> State;
}

impl Lives for Organization {
    const NOUN: Noun = Noun::Organization;

    /// What does not say its state is no more than proposed.
    fn stated(&self) -> State {
        match self.state {
            Some(OrganizationState::Active) => State::Active,
            Some(OrganizationState::Suspended) => State::Suspended,
            Some(OrganizationState::Ended) => State::Ended,
            Some(OrganizationState::Proposed) | None => State::Proposed,
        }
    }

    fn shown(&self, stored: State, at: Timestamp) -> State {
        // A state of `suspended` in the register has no interval, so it holds at any time.
        let always = self.state == Some(OrganizationState::Suspended);
        let suspended = if always { &[] } else { self.suspended.as_slice() };
        in_force(stored, State::Active, &self.contract, suspended, at)
    }
}

impl Lives for Identity {
    const NOUN: Noun = Noun::Identity;

    fn stated(&self) -> State {
        State::Active
    }

    fn shown(&self, stored: State, at: Timestamp) -> State {
        in_force(stored, State::Active, &self.active, &self.suspended, at)
    }
}

impl Lives for Grant {
    const NOUN: Noun = Noun::Grant;

    fn stated(&self) -> State {
        if self.revoked.is_some() { State::Ended } else { State::Active }
    }

    fn shown(&self, stored: State, at: Timestamp) -> State {
        let interval =
            Interval { until: sooner(self.interval.until, self.revoked), ..self.interval };
        let stored = revoked_by(
            stored,
            (State::Ended, State::Active),
            (self.interval.until, self.revoked),
            at,
        );
        let waits = matches!(stored, State::Requested | State::Approved | State::Countersigned);
        if waits && has_ended(&interval, at) {
            return State::Expired;
        }
        in_force(stored, State::Active, &interval, &self.suspended, at)
    }
}

impl Lives for Exception {
    const NOUN: Noun = Noun::Exception;

    fn stated(&self) -> State {
        if self.approved_by.is_some() { State::Approved } else { State::Asked }
    }

    fn shown(&self, stored: State, at: Timestamp) -> State {
        if stored == State::Asked && has_ended(&self.interval, at) {
            return State::Expired;
        }
        in_force(stored, State::Approved, &self.interval, &[], at)
    }
}

impl Lives for TrustPath {
    const NOUN: Noun = Noun::TrustPath;

    fn stated(&self) -> State {
        if self.accepted_by.is_some() { State::Accepted } else { State::Proposed }
    }

    fn shown(&self, stored: State, at: Timestamp) -> State {
        let state = in_force(stored, State::Accepted, &self.active, &[], at);
        if state != State::Accepted {
            return state;
        }
        match self.revalidate_by {
            Some(by) if by <= at => State::Lapsed,
            Some(by) if is_near(by, at) => State::Due,
            _ => State::Accepted,
        }
    }
}

impl Lives for Credential {
    const NOUN: Noun = Noun::Credential;

    fn stated(&self) -> State {
        if self.revoked.is_some() { State::Revoked } else { State::Issued }
    }

    fn shown(&self, stored: State, at: Timestamp) -> State {
        let stored =
            revoked_by(stored, (State::Revoked, State::Issued), (self.until, self.revoked), at);
        let life = Interval { from: self.issued, until: sooner(self.until, self.revoked) };
        if stored == State::Rotated {
            return if has_ended(&life, at) { State::Expired } else { State::Rotated };
        }
        let state = in_force(stored, State::Issued, &life, &[], at);
        let ends = self.until.and_then(|until| match until {
            End::At(until) => Some(until),
            End::Never => None,
        });
        let mut limits = [self.rotate_by(at), ends].into_iter().flatten();
        match state {
            State::Issued if limits.any(|limit| is_near(limit, at)) => State::Due,
            state => state,
        }
    }
}

impl Credential {
    /// When it gets too old, as far as it had been issued and rotated at `at`.
    pub fn rotate_by(&self, at: Timestamp) -> Option<Timestamp> {
        let since = [self.issued, self.rotated].into_iter().flatten();
        let since = since.filter(|since| *since <= at).max()?;
        self.rotate_every.map(|every| since.plus_nanos(every.0))
    }
}

impl Lives for Sponsor {
    const NOUN: Noun = Noun::Sponsor;

    fn stated(&self) -> State {
        State::Employed
    }

    /// A successor who accepted, or is asked, is stored; the rest is a matter of the clock.
    fn shown(&self, stored: State, at: Timestamp) -> State {
        if matches!(stored, State::Proposed | State::Succeeded) {
            return stored;
        }
        if self.employed.from.is_some_and(|from| at < from) {
            return State::Scheduled;
        }
        let left = match self.employed.until {
            Some(End::At(left)) => left,
            // Nobody says when, so no clock runs.
            Some(End::Never) | None => return stored,
        };
        if at < left {
            return State::Employed;
        }
        // Without a time to find a successor there is none, and the guardrails say the same.
        if self.succession_until.is_none_or(|stopped| stopped <= at) {
            State::Stopped
        } else if self.reduced_from.is_some_and(|reduced| reduced <= at) {
            State::Reduced
        } else {
            State::Left
        }
    }
}

/// The state of what runs in an interval and may be suspended inside it. Only `running` and
/// suspended items feel time: the others wait for somebody, or are over.
fn in_force(
    stored: State,
    running: State,
    interval: &Interval,
    suspended: &[Interval],
    at: Timestamp,
) -> State {
    if stored != running && stored != State::Suspended {
        return stored;
    }
    if has_ended(interval, at) {
        return State::Expired;
    }
    // Where intervals say from when until when, they decide; a stored word decides what they leave
    // open.
    let is_suspended = match any_contains(suspended, at) {
        Some(inside) if !suspended.is_empty() => inside,
        _ => stored == State::Suspended,
    };
    if is_suspended {
        return State::Suspended;
    }
    match interval.from {
        Some(from) if at < from => State::Scheduled,
        _ => running,
    }
}

/// What is stored as over by a revocation that is set for later is still what it was, unless its own
/// end came before.
fn revoked_by(
    stored: State,
    (over, running): (State, State),
    (until, revoked): (Option<End>, Option<Timestamp>),
    at: Timestamp,
) -> State {
    let has_ended = until.is_some_and(|until| until.is_past(at));
    let is_later = !has_ended && revoked.is_some_and(|revoked| at < revoked);
    if stored == over && is_later { running } else { stored }
}

fn sooner(until: Option<End>, revoked: Option<Timestamp>) -> Option<End> {
    [until, revoked.map(End::At)].into_iter().flatten().min()
}

fn has_ended(interval: &Interval, at: Timestamp) -> bool {
    interval.until.is_some_and(|until| until.is_past(at))
}

fn is_near(limit: Timestamp, at: Timestamp) -> bool {
    limit.plus_nanos(-DUE_BEFORE.0) <= at
}
