//! What a verb does to the document of an item, beside moving its state.

use countersign_govern::succession;
use countersign_model::id::SponsorId;
use countersign_model::lifecycle::{self, Lives, Noun, State, Verb};
use countersign_model::register::{OrganizationState, Register};
use countersign_model::time::{Duration, End, Interval, Timestamp};
use countersign_store::items::Item;
use serde_json::Value as Json;

use crate::{AppError, Caller};

/// A state of nouns that have no life of their own: they are there, or no longer.
pub(crate) const CURRENT: &str = "current";
pub(crate) const ENDED: &str = "ended";

/// Until when a trust path is accepted if nobody says: a year, after which somebody looks again.
const REVALIDATE_AFTER: Duration = Duration(365 * 86_400 * 1_000_000_000);
/// How long a rotated credential still works if nobody says.
const OVERLAP: Duration = Duration(7 * 86_400 * 1_000_000_000);

/// One verb done once.
pub(crate) struct Step<'a> {
    pub caller: &'a Caller,
    pub verb: &'a str,
    pub at: Timestamp,
    pub arguments: &'a Json,
}

impl Step<'_> {
    fn time(&self, key: &str) -> Result<Option<Timestamp>, AppError> {
        let Some(text) = self.arguments[key].as_str() else { return Ok(None) };
        let fix = "write a time such as `2026-11-17T09:30:00Z`";
        countersign_register::time(text)
            .map(Some)
            .ok_or_else(|| AppError::invalid(&format!("/{key}"), "is no time", fix))
    }

    /// The sponsor who the caller is.
    pub fn own_sponsor(&self) -> Option<&str> {
        self.caller.sponsor.as_deref()
    }

    /// Who of us accepts or approves by this step. Nobody does so in another's name, not even the
    /// owner.
    pub fn sponsor(&self) -> Result<SponsorId, AppError> {
        self.own_sponsor().map(SponsorId::from).ok_or_else(|| {
            AppError::refused(
                "sponsor.missing",
                "it takes an employee who answers for it: sign in as a member who is a sponsor",
            )
        })
    }
}

/// The verb and the state with which a new item begins; `wanted` if its noun has several.
pub(crate) fn beginning(noun: &str, wanted: Option<&str>) -> Result<(String, String), AppError> {
    let Some(noun) = Noun::parse(noun) else {
        return Ok(("create".to_owned(), CURRENT.to_owned()));
    };
    let first = || noun.verbs().first().copied().map_or("", Verb::as_str);
    let verb = verb(wanted.unwrap_or_else(first))?;
    let state = lifecycle::begin(noun, verb).map_err(refused)?;
    Ok((verb.as_str().to_owned(), state.as_str().to_owned()))
}

/// The state to which a verb leads.
pub(crate) fn next(noun: &str, state: &str, verb_name: &str) -> Result<String, AppError> {
    let Some(life) = Noun::parse(noun) else {
        return match (state, verb_name) {
            (CURRENT, "end") => Ok(ENDED.to_owned()),
            _ => Err(AppError::refused(
                "lifecycle.refused",
                format!("`{verb_name}` does not work on a {noun} that is {state}; `end` would"),
            )),
        };
    };
    let state = State::parse(state)
        .ok_or_else(|| AppError::Stored(format!("`{state}` is no state of a {noun}")))?;
    let next = lifecycle::next(life, state, verb(verb_name)?).map_err(refused)?;
    Ok(next.as_str().to_owned())
}

/// The state to which a verb leads from the one in which a stored item is at an instant.
pub(crate) fn next_of(item: &Item, verb: &str, at: Timestamp) -> Result<String, AppError> {
    let shown = crate::documents::shown(item, &crate::documents::parse(&item.body)?, at);
    next(&item.noun, &shown, verb)
}

/// Takes out of a new item's document what only somebody of ours can say of it later.
pub(crate) fn unclaimed(register: &mut Register) {
    for organization in register.organizations.values_mut() {
        organization.state = Some(OrganizationState::Proposed);
        organization.suspended = Vec::new();
    }
    for path in register.trust_paths.values_mut() {
        path.accepted_by = None;
    }
    for credential in register.credentials.values_mut() {
        credential.revoked = None;
    }
    for exception in register.exceptions.values_mut() {
        exception.approved_by = None;
    }
    for sponsor in register.sponsors.values_mut() {
        sponsor.successor = None;
    }
    for identity in register.identities.values_mut() {
        identity.suspended = Vec::new();
    }
}

/// Whoever's end is known has their succession clock in their facts from then on: nobody has to be
/// awake when it comes.
pub(crate) fn with_clock(register: &mut Register) {
    for sponsor in register.sponsors.values_mut() {
        if let (Some(End::At(left)), None) = (sponsor.employed.until, sponsor.succession_until) {
            *sponsor = succession::departed(sponsor, left, succession::Clock::default());
        }
    }
}

fn verb(name: &str) -> Result<Verb, AppError> {
    Verb::parse(name)
        .ok_or_else(|| AppError::refused("lifecycle.unknown", format!("there is no verb `{name}`")))
}

fn refused(refused: lifecycle::Refused) -> AppError {
    AppError::refused("lifecycle.refused", refused.to_string())
}

/// What is stored for an item that comes as code: the state that the register itself says.
pub(crate) fn stated(noun: &str, register: &Register) -> &'static str {
    each(noun, register, |item| item.stated_name()).unwrap_or(CURRENT)
}

/// The state at an instant.
pub(crate) fn shown(noun: &str, register: &Register, stored: &str, at: Timestamp) -> String {
    let Some(state) = State::parse(stored) else { return stored.to_owned() };
    each(noun, register, |item| item.shown_name(state, at)).unwrap_or(stored).to_owned()
}

/// [`Lives`] without its constant, so that one item of any noun can be asked.
trait Living {
    fn stated_name(&self) -> &'static str;
    fn shown_name(&self, stored: State, at: Timestamp) -> &'static str;
}

impl<T: Lives> Living for T {
    fn stated_name(&self) -> &'static str {
        self.stated().as_str()
    }

    fn shown_name(&self, stored: State, at: Timestamp) -> &'static str {
        self.shown(stored, at).as_str()
    }
}

/// Asks the one item of a register that holds one.
fn each<T>(noun: &str, register: &Register, ask: impl Fn(&dyn Living) -> T) -> Option<T> {
    let item: &dyn Living = match Noun::parse(noun)? {
        Noun::Organization => register.organizations.values().next()?,
        Noun::TrustPath => register.trust_paths.values().next()?,
        Noun::Identity => register.identities.values().next()?,
        Noun::Credential => register.credentials.values().next()?,
        Noun::Grant => register.grants.values().next()?,
        Noun::Exception => register.exceptions.values().next()?,
        Noun::Sponsor => register.sponsors.values().next()?,
    };
    Some(ask(item))
}

/// Changes the one item of `register` as the verb says.
pub(crate) fn apply(noun: &str, register: &mut Register, step: &Step<'_>) -> Result<(), AppError> {
    match (Noun::parse(noun), Verb::parse(step.verb)) {
        (Some(noun), Some(verb)) => of(noun, verb, register, step),
        _ => Ok(()),
    }
}

fn of(noun: Noun, verb: Verb, register: &mut Register, step: &Step<'_>) -> Result<(), AppError> {
    match noun {
        Noun::Organization => organization(verb, register, step),
        Noun::TrustPath => trust_path(verb, register, step)?,
        Noun::Identity => identity(verb, register, step),
        Noun::Credential => credential(verb, register, step)?,
        Noun::Grant => grant(verb, register, step),
        Noun::Exception => exception(verb, register, step)?,
        Noun::Sponsor => sponsor(verb, register, step)?,
    }
    Ok(())
}

fn organization(verb: Verb, register: &mut Register, step: &Step<'_>) {
    for organization in register.organizations.values_mut() {
        match verb {
            Verb::Accept => {
                organization.state = Some(OrganizationState::Active);
                organization.contract.from.get_or_insert(step.at);
            }
            Verb::Suspend => suspend(&mut organization.suspended, step.at),
            Verb::Resume => {
                organization.state = Some(OrganizationState::Active);
                resume(&mut organization.suspended, step.at);
            }
            // The interval says since when; the state alone would hold for the past as well.
            Verb::End => end(&mut organization.contract, step.at),
            _ => (),
        }
    }
}

fn trust_path(verb: Verb, register: &mut Register, step: &Step<'_>) -> Result<(), AppError> {
    for path in register.trust_paths.values_mut() {
        match verb {
            Verb::Accept | Verb::Revalidate => {
                path.accepted_by = Some(step.sponsor()?);
                path.active.from.get_or_insert(step.at);
                path.active.until.get_or_insert(End::Never);
                let by = step.time("revalidate_by")?;
                path.revalidate_by = by.or(Some(step.at.plus_nanos(REVALIDATE_AFTER.0)));
            }
            Verb::Retire | Verb::Refuse => end(&mut path.active, step.at),
            _ => (),
        }
    }
    Ok(())
}

fn identity(verb: Verb, register: &mut Register, step: &Step<'_>) {
    for identity in register.identities.values_mut() {
        match verb {
            Verb::Activate => {
                identity.active.from.get_or_insert(step.at);
                identity.active.until.get_or_insert(End::Never);
            }
            Verb::Suspend => suspend(&mut identity.suspended, step.at),
            Verb::Resume => resume(&mut identity.suspended, step.at),
            Verb::End => end(&mut identity.active, step.at),
            _ => (),
        }
    }
}

fn credential(verb: Verb, register: &mut Register, step: &Step<'_>) -> Result<(), AppError> {
    for credential in register.credentials.values_mut() {
        match verb {
            Verb::Rotate => {
                let until = step.time("until")?.unwrap_or(step.at.plus_nanos(OVERLAP.0));
                let mut life = Interval { from: credential.issued, until: credential.until };
                end(&mut life, until);
                credential.until = life.until;
            }
            Verb::Revoke => credential.revoked = Some(step.at),
            _ => (),
        }
    }
    Ok(())
}

fn grant(verb: Verb, register: &mut Register, step: &Step<'_>) {
    for grant in register.grants.values_mut() {
        match verb {
            Verb::Suspend => suspend(&mut grant.suspended, step.at),
            Verb::Resume => resume(&mut grant.suspended, step.at),
            Verb::End => grant.revoked = Some(step.at),
            _ => (),
        }
    }
}

fn exception(verb: Verb, register: &mut Register, step: &Step<'_>) -> Result<(), AppError> {
    for exception in register.exceptions.values_mut() {
        match verb {
            Verb::Approve => {
                if !matches!(exception.interval.until, Some(End::At(_))) {
                    let fix = "give it an end: no exception holds for ever";
                    return Err(AppError::invalid("/until", "an exception has an end", fix));
                }
                exception.interval.from.get_or_insert(step.at);
                exception.approved_by = step.caller.sponsor.as_deref().map(SponsorId::from);
            }
            Verb::End => end(&mut exception.interval, step.at),
            _ => (),
        }
    }
    Ok(())
}

fn sponsor(verb: Verb, register: &mut Register, step: &Step<'_>) -> Result<(), AppError> {
    for sponsor in register.sponsors.values_mut() {
        match verb {
            Verb::Leave => {
                let left = step.time("at")?.unwrap_or(step.at);
                *sponsor = succession::departed(sponsor, left, succession::Clock::default());
                // They never came.
                if sponsor.employed.from.is_some_and(|from| from >= left) {
                    sponsor.employed.from = None;
                }
            }
            // By hand what the clock does by itself, only sooner.
            Verb::Reduce => sponsor.reduced_from = Some(step.at),
            Verb::Stop => sponsor.succession_until = Some(step.at),
            Verb::Return => {
                sponsor.employed.until = Some(End::Never);
                sponsor.reduced_from = None;
                sponsor.succession_until = None;
                sponsor.successor = None;
            }
            _ => (),
        }
    }
    Ok(())
}

fn suspend(suspended: &mut Vec<Interval>, at: Timestamp) {
    suspended.push(Interval { from: Some(at), until: Some(End::Never) });
}

fn resume(suspended: &mut [Interval], at: Timestamp) {
    for interval in suspended.iter_mut().filter(|interval| interval.contains(at) != Some(false)) {
        interval.until = Some(End::At(at));
    }
}

/// Ends an interval at `at`, unless it ended before.
fn end(interval: &mut Interval, at: Timestamp) {
    let is_over = interval.until.is_some_and(|until| until.is_past(at));
    if !is_over {
        interval.until = Some(End::At(at));
    }
}
