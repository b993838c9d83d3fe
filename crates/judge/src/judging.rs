//! One question, one function; and a memory for those who ask millions of times.

use std::collections::HashMap;

use countersign_model::judgement::{Access, Judgement, Outcome, Reason};
use countersign_model::time::Timestamp;

use crate::context::{self, Context, context};
use crate::facts::Facts;
use crate::guardrails::Guardrails;

/// Was, or is, this access justified at `at`?
pub fn judge(guardrails: &Guardrails, facts: &Facts, access: &Access<'_>, at: Timestamp) -> Judgement {
    let mut found = context(facts, access, at);
    let identity = found.identity.map_or("unregistered", |(id, _)| id.as_str());
    let entitlement = found.grant.map_or("none", |(_, grant, _)| grant.entitlement.as_str());
    let values = std::mem::take(&mut found.values);
    let mut reasons = guardrails.ask(identity, entitlement, values);
    explain(&mut reasons, &found);
    let exceptions = set_aside(&mut reasons, &found, facts, access, at);
    let grant = found.grant.map(|(_, grant, _)| grant);
    let known = found.grant.map(|(_, _, entitlement)| entitlement);
    Judgement {
        outcome: reasons.iter().map(|reason| reason.outcome).max().unwrap_or(Outcome::Allow),
        reasons,
        organization: found.identity.map(|(_, identity)| identity.organization.to_string()),
        trust_path: found.trust_path.map(str::to_owned),
        grant: found.grant.map(|(id, ..)| id.to_string()),
        grant_until: grant.and_then(|grant| grant.interval.until),
        entitlement: grant.map(|grant| grant.entitlement.to_string()),
        business_process: known.and_then(|known| known.business_process.clone()),
        sponsor: grant.and_then(|grant| grant.sponsor.as_ref()).map(ToString::to_string),
        required: known.and_then(|known| known.required),
        accepted: found.accepted,
        accepted_by: found.accepted_by,
        exceptions,
    }
}

/// Says on which axes assurance lacks. A machine cannot step up, so for it that is a denial.
fn explain(reasons: &mut [Reason], found: &Context<'_>) {
    let machine = context::is_machine(found);
    for reason in reasons.iter_mut().filter(|reason| reason.outcome == Outcome::StepUp) {
        if reason.code == "assurance.below" {
            reason.text = format!("{}: {}", reason.text, found.lacks.join(", "));
        }
        if machine {
            reason.outcome = Outcome::Deny;
        }
    }
}

/// Takes out the reasons that an approved exception sets aside at `at`.
fn set_aside(
    reasons: &mut Vec<Reason>,
    found: &Context<'_>,
    facts: &Facts,
    access: &Access<'_>,
    at: Timestamp,
) -> Vec<String> {
    let subjects = context::subjects(found, access);
    let mut used = Vec::new();
    reasons.retain(|reason| {
        let holds = facts.register.exceptions.iter().find(|(_, exception)| {
            exception.rule == reason.code
                && subjects.contains(&exception.subject)
                && exception.approved_by.is_some()
                && exception.interval.contains(at) == Some(true)
        });
        used.extend(holds.map(|(id, _)| id.to_string()));
        // What failed to evaluate is not known to be the only thing wrong.
        holds.is_none() || reason.code == "policy.error"
    });
    used.sort();
    used.dedup();
    used
}

/// More remembered answers than this are forgotten at once: some 300 MB.
const REMEMBERED_MAX: usize = 200_000;

/// Judges many accesses of the past. The same question between two changes of the register has the
/// same answer, so it is asked once.
#[derive(Debug)]
pub struct Judge<'f> {
    guardrails: &'f Guardrails,
    facts: &'f Facts,
    remembered: HashMap<Vec<u8>, Judgement>,
    key: Vec<u8>,
}

impl<'f> Judge<'f> {
    pub fn new(guardrails: &'f Guardrails, facts: &'f Facts) -> Self {
        Self { guardrails, facts, remembered: HashMap::new(), key: Vec::new() }
    }

    pub fn judge(&mut self, access: &Access<'_>, at: Timestamp) -> Judgement {
        self.question(access, at);
        if let Some(known) = self.remembered.get(&self.key) {
            return known.clone();
        }
        let judgement = judge(self.guardrails, self.facts, access, at);
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(self.key.clone(), judgement.clone());
        judgement
    }

    /// Everything of a question that the answer can depend on. The resource alone is too many to
    /// remember: what it decides is which grants cover the access.
    fn question(&mut self, access: &Access<'_>, at: Timestamp) {
        self.key.clear();
        let identity = access.identity.and_then(|id| self.facts.identity(id));
        let inside = identity.and_then(|(_, identity)| context::inside_networks(identity, access.ip));
        self.part(access.identity);
        self.part(access.account.map(|(namespace, _)| namespace));
        self.part(access.account.map(|(_, value)| value));
        self.part(access.credential);
        self.part(Some(access.tenant));
        self.part(Some(access.action));
        for (namespace, value) in access.assurance {
            self.part(Some(namespace));
            self.part(Some(value));
        }
        let flags = [
            u8::from(access.actor_is_known),
            access.interactive.map_or(2, u8::from),
            inside.map_or(2, u8::from),
        ];
        self.key.extend_from_slice(&flags);
        self.key.extend_from_slice(&self.facts.interval(at).to_le_bytes());
        let facts = self.facts;
        for id in access.identity.iter().chain(access.through) {
            self.part(Some(id));
            for grant in facts.covering(id, access) {
                self.part(Some(grant.as_str()));
                let within = facts.grant(grant).and_then(|(grant, _)| facts.passed_on_within(grant, access, at));
                self.key.push(within.map_or(2, u8::from));
            }
        }
    }

    fn part(&mut self, text: Option<&str>) {
        match text {
            Some(text) => {
                self.key.extend_from_slice(&(text.len() as u32).to_le_bytes());
                self.key.extend_from_slice(text.as_bytes());
            }
            None => self.key.extend_from_slice(&u32::MAX.to_le_bytes()),
        }
    }
}
