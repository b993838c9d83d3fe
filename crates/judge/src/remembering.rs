//! A memory for those who ask millions of times.

use std::collections::HashMap;
use std::rc::Rc;

use countersign_model::judgement::{Access, Judgement};
use countersign_model::time::Timestamp;

use crate::changes::changes;
use crate::facts::Facts;
use crate::grant;
use crate::guardrails::Guardrails;
use crate::judging::judge;

/// More remembered answers than this are forgotten at once: some 100 MB for each judge.
const REMEMBERED_MAX: usize = 1 << 16;

/// Judges many accesses of the past. The same question between two changes of the register has the
/// same answer, so it is asked once.
#[derive(Debug)]
pub struct Judge<'f> {
    guardrails: &'f Guardrails,
    facts: &'f Facts,
    changes: Vec<Timestamp>,
    remembered: HashMap<Vec<u8>, Rc<Judgement>>,
    question: Question,
}

impl<'f> Judge<'f> {
    pub fn new(guardrails: &'f Guardrails, facts: &'f Facts) -> Self {
        let (changes, remembered) = (changes(facts), HashMap::new());
        Self { guardrails, facts, changes, remembered, question: Question(Vec::new()) }
    }

    /// The same as [`judge`](crate::judge()), sooner.
    pub fn judge(&mut self, access: &Access<'_>, at: Timestamp) -> Rc<Judgement> {
        // Between two changes every moment is alike.
        let interval = self.changes.partition_point(|change| *change <= at);
        self.question.0.clear();
        self.question.number(interval);
        self.question.put(self.guardrails, self.facts, access, at);
        if let Some(known) = self.remembered.get(&self.question.0) {
            return Rc::clone(known);
        }
        let judgement = Rc::new(judge(self.guardrails, self.facts, access, at));
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(self.question.0.clone(), Rc::clone(&judgement));
        judgement
    }
}

/// Everything of a question that the answer can depend on, as bytes that differ if any of it does:
/// each text and each list is preceded by its length.
#[derive(Debug)]
struct Question(Vec<u8>);

impl Question {
    fn put(&mut self, guardrails: &Guardrails, facts: &Facts, access: &Access<'_>, at: Timestamp) {
        if guardrails.compares_times() {
            self.0.extend_from_slice(&at.0.to_le_bytes());
        }
        // Of somebody who is not registered nothing is looked up by account or by claims, and there
        // are as many of them as log lines.
        let is_known = access.identity.is_some_and(|id| facts.identity(id).is_some());
        let account = access.account.filter(|_| is_known);
        self.text(account.map(|(namespace, _)| facts.namespace(namespace)));
        self.text(account.map(|(_, value)| value));
        self.text(access.credential);
        self.text(Some(access.tenant));
        self.text(Some(access.action));
        // Addresses and resources are too many to remember: what counts is which networks and
        // which grants they are in, unless somebody's own policy reads them.
        self.text(access.resource.filter(|_| guardrails.reads_resources()));
        let claims = if is_known { access.assurance } else { &[] };
        self.number(claims.len());
        for (namespace, value) in claims {
            self.text(Some(namespace));
            self.text(Some(value));
        }
        self.flag(Some(access.actor_is_known));
        self.flag(access.interactive);
        self.flag(Some(access.authenticated_at.is_some()));
        self.text(access.identity);
        self.number(access.through.len());
        for id in access.identity.iter().chain(access.through) {
            self.identity(facts, id, access, at);
        }
    }

    fn identity(&mut self, facts: &Facts, id: &str, access: &Access<'_>, at: Timestamp) {
        self.text(Some(id));
        self.flag(facts.inside_networks(id, access.ip));
        let known = facts.identity(id).map(|(id, _)| id);
        let covering = known.into_iter().flat_map(|id| grant::covering(facts, id, access));
        for (grant_id, grant, _, surely) in covering {
            self.text(Some(grant_id.as_str()));
            self.flag(Some(surely));
            self.flag(grant::is_within_what_is_held(facts, grant, access, at));
        }
        self.text(None);
    }

    fn flag(&mut self, flag: Option<bool>) {
        self.0.push(flag.map_or(2, u8::from));
    }

    fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_le_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        // No text is as long as the length that stands for none.
        self.number(text.map_or(usize::MAX, str::len));
        self.0.extend_from_slice(text.unwrap_or("").as_bytes());
    }
}
