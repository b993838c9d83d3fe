//! Policies tried on what was asked of late, before they are in force.

use countersign_model::register::Register;
use countersign_model::time::Timestamp;

use super::{Past, first_since};
use crate::live::Basis;
use crate::{App, AppError, Caller};

/// Questions tried, at most: the newest.
const QUESTIONS_MAX: u64 = 200_000;
/// Changed answers that are shown, at most.
const SHOWN_MAX: usize = 100;

/// What would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trial {
    /// Questions that were asked again, of both.
    pub tried: u64,
    /// Records that could not be: searches, and what was erased.
    pub left_out: u64,
    /// How many answers would be others.
    pub changed: u64,
    /// The first of them.
    pub shown: Vec<Changed>,
}

/// An answer that would be another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub decision: String,
    pub tenant: String,
    pub subject: String,
    pub action: String,
    pub resource: String,
    pub before: String,
    pub after: String,
    /// The codes of the reasons then.
    pub reasons: Vec<String>,
}

impl App {
    /// Judges what was asked of this node since a moment by the policies in force, and by those with a
    /// register's in the place of those of their ids: with the facts of now and the clock of then, so
    /// that what differs is the policies' doing. Nothing comes into force.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong with the policies.
    pub fn try_policies(
        &self,
        caller: &Caller,
        register: &Register,
        since: Timestamp,
    ) -> Result<Trial, AppError> {
        self.demand(caller, "list", "decision")?;
        let policies = &self.policies_with(register.policies.clone())?;
        let live = self.judging()?;
        let (_, next) = live.journal.range();
        let from = first_since(&live.journal, since)?.max(next.saturating_sub(QUESTIONS_MAX));
        let mut trial = Trial::default();
        for stored in live.journal.read_from(from) {
            let opening = stored?.opening;
            let past = opening.as_ref().and_then(|opening| Past::read(&opening.body));
            let Some(past) = past else {
                trial.left_out += 1;
                continue;
            };
            if past.at >= since {
                // Decisions wait no longer than for one of these.
                let snapshot = live.read();
                let before = Basis { seen: past.at, ..snapshot.basis() };
                trial.ask(&past, before, Basis { policies, ..before });
            }
        }
        self.count_reading(caller, ("list", "decision"), None, trial.tried)?;
        Ok(trial)
    }
}

impl Trial {
    fn ask(&mut self, past: &Past, before: Basis<'_>, after: Basis<'_>) {
        let asking = past.asking();
        let (before, _) = before.decide(asking, past.id, past.at);
        let (after, _) = after.decide(asking, past.id, past.at);
        self.tried += 1;
        if before.judgement.outcome == after.judgement.outcome {
            return;
        }
        self.changed += 1;
        if self.shown.len() < SHOWN_MAX {
            let question = &past.question;
            let reasons = after.judgement.reasons.iter().map(|reason| reason.code.clone());
            self.shown.push(Changed {
                decision: past.id.to_string(),
                tenant: past.tenant.clone(),
                subject: question.subject.id.clone(),
                action: question.action.name.clone(),
                resource: format!("{}:{}", question.resource.kind, question.resource.id),
                before: before.judgement.outcome.as_str().to_owned(),
                after: after.judgement.outcome.as_str().to_owned(),
                reasons: reasons.collect(),
            });
        }
    }
}
