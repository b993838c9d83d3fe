//! What has run out, to be tidied, and what will, to be told ahead.
//!
//! A pure function of one item, its stored state and an instant: whoever calls it late, twice or
//! with a clock that jumped gets what is right at that instant. Each notice has a stable key, so
//! that it is told once; [`next_look`] says when an item must be looked at again.

use countersign_model::lifecycle::{Lives, Noun, State, Verb, act};
use countersign_model::register::{
    Credential, Exception, Grant, Identity, Organization, Sponsor, TrustPath,
};
use countersign_model::time::{Duration, End, Timestamp};

use crate::bounds::BREAK_GLASS;

mod cascade;

pub use cascade::{Cascade, Item, Plan, Relation, Step, plan};

/// How long ahead is told, in days; the nearest that has been reached counts.
pub const AHEAD_DAYS: [i64; 3] = [1, 7, 30];

/// What of an item has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// The item itself.
    End,
    Mandate,
    Revalidation,
    Rotation,
    Review,
    /// The time after a review was due in which access still works.
    ReviewGrace,
    /// The succession clock of a sponsor: first high and critical risk stops, then all.
    Reduction,
    Succession,
    /// Two people must have looked at what was taken by break-glass.
    Look,
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Mandate => "mandate",
            Self::Revalidation => "revalidation",
            Self::Rotation => "rotation",
            Self::Review => "review",
            Self::ReviewGrace => "review_grace",
            Self::Reduction => "reduction",
            Self::Succession => "succession",
            Self::Look => "look",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Within so many days of the limit.
    Ahead(i64),
    /// The limit has passed.
    RanOut,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Whoever is accountable for it, or approved it.
    Sponsor,
    /// The owner of the entitlement or of the machine.
    Owner,
    /// The partner's administrator.
    Partner,
    Security,
}

impl Audience {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sponsor => "sponsor",
            Self::Owner => "owner",
            Self::Partner => "partner",
            Self::Security => "security",
        }
    }
}

/// One limit of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub what: What,
    pub at: Timestamp,
    /// Since when it runs. What is shorter than a notice is not told that far ahead.
    pub since: Option<Timestamp>,
    pub tell: &'static [Audience],
    /// What tidies the item once the limit has passed; `None` if somebody must decide.
    pub tidy: Option<Verb>,
}

/// A noun's limits, in the order of [`What`].
pub trait Limited: Lives {
    /// As far as the item had come at `at`.
    fn limits(&self, at: Timestamp) -> Vec<Limit>;
}

/// Something to tell, and to tidy if it has run out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Stable while the limit is; a limit that is moved is told anew.
    pub key: String,
    /// Keys of earlier notices of the same limit, which this one makes superfluous: they count as
    /// told, so that a clock that goes back does not bring them up again.
    pub covers: Vec<String>,
    pub noun: Noun,
    pub id: String,
    pub what: What,
    pub limit: Timestamp,
    pub moment: Moment,
    pub tell: &'static [Audience],
    pub tidy: Option<Verb>,
}

/// What is to be told of an item at `at`, and how it is tidied.
///
/// [`What::Look`] goes on until two people have looked: whoever calls knows that (see
/// [`crate::approval::standing`]) and leaves it out from then on.
pub fn notices<T: Limited>(id: &str, item: &T, stored: State, at: Timestamp) -> Vec<Notice> {
    let limits = concerning(item, stored, at);
    let end = limits.iter().find(|limit| limit.what == What::End).map(|limit| limit.at);
    let has_ended = end.is_some_and(|end| end <= at);
    let told = limits.into_iter().filter(|limit| !has_ended || outlives(limit.what));
    let notices = told.filter_map(|limit| {
        let moment = moment(&limit, at)?;
        // What was tidied already is only told.
        let tidied = |verb: &Verb| act(item, stored, *verb, at).is_ok_and(|to| to != stored);
        let tidy = limit.tidy.filter(|_| moment == Moment::RanOut).filter(tidied);
        Some(notice::<T>(id, &Limit { tidy, ..limit }, moment))
    });
    notices.collect()
}

/// What is told though the item has ended.
fn outlives(what: What) -> bool {
    matches!(what, What::End | What::Look | What::Reduction | What::Succession)
}

/// The limits that matter in a stored state.
fn concerning<T: Limited>(item: &T, stored: State, at: Timestamp) -> Vec<Limit> {
    let is_over = T::NOUN.is_over(stored) || stored == State::Succeeded;
    let waits = is_waiting(T::NOUN, stored);
    let mut limits = item.limits(at);
    limits.retain_mut(|limit| {
        if waits && limit.what == What::End {
            // Nobody has decided on it yet, so its end is told only once it has passed.
            limit.since = Some(limit.at);
        }
        (limit.what == What::Look) || (!is_over && (!waits || limit.what == What::End))
    });
    limits
}

/// When the item must be looked at again: the earliest moment after `at` at which something is told.
pub fn next_look<T: Limited>(item: &T, stored: State, at: Timestamp) -> Option<Timestamp> {
    let limits = concerning(item, stored, at);
    let end = limits.iter().find(|limit| limit.what == What::End).map(|limit| limit.at);
    let moments = limits.into_iter().flat_map(|limit| {
        let ahead = AHEAD_DAYS.into_iter().filter_map(move |days| ahead(&limit, days));
        let own = ahead.chain([limit.at]);
        own.filter(move |moment| outlives(limit.what) || end.is_none_or(|end| *moment < end))
    });
    moments.filter(|moment| at < *moment).min()
}

fn is_waiting(noun: Noun, stored: State) -> bool {
    match stored {
        State::Proposed => noun != Noun::Sponsor,
        State::Requested | State::Countersigned | State::Asked => true,
        State::Approved => noun == Noun::Grant,
        _ => false,
    }
}

/// When a notice of so many days is due; `None` if the limit did not run as long before.
fn ahead(limit: &Limit, days: i64) -> Option<Timestamp> {
    let moment = limit.at.plus_nanos(-Duration::from_days(days).0);
    limit.since.is_none_or(|since| since < moment).then_some(moment)
}

fn moment(limit: &Limit, at: Timestamp) -> Option<Moment> {
    if limit.at <= at {
        return Some(Moment::RanOut);
    }
    let reached = |days: &i64| ahead(limit, *days).is_some_and(|moment| moment <= at);
    AHEAD_DAYS.into_iter().find(reached).map(Moment::Ahead)
}

fn notice<T: Limited>(id: &str, limit: &Limit, moment: Moment) -> Notice {
    let key = |moment: Moment| {
        let (noun, what, at) = (T::NOUN, limit.what.as_str(), limit.at.0);
        match moment {
            Moment::Ahead(days) => format!("{noun}:{id}/{what}/{at}/{days}d"),
            Moment::RanOut => format!("{noun}:{id}/{what}/{at}/over"),
        }
    };
    let earlier = |days: &i64| match moment {
        Moment::Ahead(reached) => reached < *days,
        Moment::RanOut => true,
    };
    let covers = AHEAD_DAYS.into_iter().filter(earlier);
    Notice {
        key: key(moment),
        covers: covers.map(|days| key(Moment::Ahead(days))).collect(),
        noun: T::NOUN,
        id: id.to_owned(),
        what: limit.what,
        limit: limit.at,
        moment,
        tell: limit.tell,
        tidy: limit.tidy,
    }
}

const SPONSOR_AND_PARTNER: &[Audience] = &[Audience::Sponsor, Audience::Partner];
const ALL_THREE: &[Audience] = &[Audience::Sponsor, Audience::Owner, Audience::Partner];
const OWNER_AND_PARTNER: &[Audience] = &[Audience::Owner, Audience::Partner];

/// Collects limits; what has no end, or none that is known, has no limit.
struct Limits(Vec<Limit>);

impl Limits {
    fn of(mut self, what: What, limit: Limit) -> Self {
        self.0.push(Limit { what, ..limit });
        self
    }

    fn end(
        self,
        what: What,
        (since, end): (Option<Timestamp>, Option<End>),
        tell: &'static [Audience],
        tidy: Option<Verb>,
    ) -> Self {
        match end {
            Some(End::At(at)) => self.of(what, Limit { what, at, since, tell, tidy }),
            Some(End::Never) | None => self,
        }
    }
}

impl Limited for Organization {
    fn limits(&self, _: Timestamp) -> Vec<Limit> {
        let contract = (self.contract.from, self.contract.until);
        Limits(Vec::new()).end(What::End, contract, SPONSOR_AND_PARTNER, Some(Verb::End)).0
    }
}

impl Limited for TrustPath {
    fn limits(&self, _: Timestamp) -> Vec<Limit> {
        let active = (self.active.from, self.active.until);
        let revalidate = (self.active.from, self.revalidate_by.map(End::At));
        Limits(Vec::new())
            .end(What::End, active, SPONSOR_AND_PARTNER, Some(Verb::Retire))
            .end(What::Revalidation, revalidate, SPONSOR_AND_PARTNER, None)
            .0
    }
}

impl Limited for Identity {
    fn limits(&self, _: Timestamp) -> Vec<Limit> {
        let active = (self.active.from, self.active.until);
        let mandate = self.mandate.as_ref().and_then(|mandate| mandate.until);
        Limits(Vec::new())
            .end(What::End, active, ALL_THREE, Some(Verb::End))
            .end(What::Mandate, (self.active.from, mandate), ALL_THREE, None)
            .0
    }
}

impl Limited for Credential {
    fn limits(&self, at: Timestamp) -> Vec<Limit> {
        let life = (self.issued, self.until);
        let since = [self.issued, self.rotated].into_iter().flatten().filter(|since| *since <= at);
        let rotation = (since.max(), self.rotate_by(at).map(End::At));
        Limits(Vec::new())
            .end(What::End, life, OWNER_AND_PARTNER, Some(Verb::Revoke))
            .end(What::Rotation, rotation, OWNER_AND_PARTNER, None)
            .0
    }
}

impl Limited for Grant {
    fn limits(&self, _: Timestamp) -> Vec<Limit> {
        let from = self.interval.from;
        let revoked = self.revoked.map(End::At);
        let until = [self.interval.until, revoked].into_iter().flatten().min();
        let due = self.review_due;
        let last = due.zip(self.review_grace).map(|(due, grace)| due.plus_nanos(grace.0));
        let look = from.filter(|_| self.break_glass);
        let look = look.map(|from| End::At(from.plus_nanos(BREAK_GLASS.looked_at_within.0)));
        Limits(Vec::new())
            .end(What::End, (from, until), ALL_THREE, Some(Verb::End))
            .end(What::Review, (from, due.map(End::At)), &[Audience::Sponsor], None)
            .end(What::ReviewGrace, (due, last.map(End::At)), &[Audience::Sponsor], None)
            .end(What::Look, (from, look), &[Audience::Sponsor, Audience::Security], None)
            .0
    }
}

impl Limited for Exception {
    fn limits(&self, _: Timestamp) -> Vec<Limit> {
        let interval = (self.interval.from, self.interval.until);
        let tell = &[Audience::Sponsor, Audience::Security];
        Limits(Vec::new()).end(What::End, interval, tell, Some(Verb::End)).0
    }
}

impl Limited for Sponsor {
    fn limits(&self, at: Timestamp) -> Vec<Limit> {
        let Some(End::At(left)) = self.employed.until else { return Vec::new() };
        let security: &[Audience] = &[Audience::Security];
        let limits = Limits(Vec::new()).end(
            What::End,
            (self.employed.from, self.employed.until),
            &[Audience::Sponsor, Audience::Security],
            Some(Verb::Leave),
        );
        if at < left {
            return limits.0;
        }
        limits
            .end(What::Reduction, (Some(left), self.reduced_from.map(End::At)), security, None)
            .end(What::Succession, (Some(left), self.succession_until.map(End::At)), security, None)
            .0
    }
}
