//! What was decided of late: above all, what would have been refused of what is only observed.

use std::collections::{BTreeMap, BTreeSet};

use countersign_model::time::Timestamp;
use countersign_register::time_text;
use serde_json::Value as Json;

use super::{first_since, leaf};
use crate::decide::Way;
use crate::{App, AppError, Caller};

/// Records read for one report, at most: the newest.
const RECORDS_MAX: u64 = 1_000_000;
/// Decisions named for each reason.
const EXAMPLES_MAX: usize = 3;

/// Decisions of one tenant, counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    pub decisions: u64,
    pub allowed: u64,
    pub refused: u64,
    /// Answered allow because the tenant observes, and not justified.
    pub would_be_refused: u64,
    /// Behind a portal, and naming nobody: what a portal that keeps its actors would save.
    pub unattributed: u64,
    pub by_reason: Vec<Count>,
    /// Since when; later than was asked if there were too many.
    pub since: String,
}

/// What one reason was given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub code: String,
    pub decisions: u64,
    /// How many identities, of those that are registered.
    pub identities: u64,
    pub actions: Vec<String>,
    pub first: String,
    pub last: String,
    pub examples: Vec<String>,
}

#[derive(Default)]
struct Gathered {
    decisions: u64,
    identities: BTreeSet<String>,
    actions: BTreeSet<String>,
    first: String,
    last: String,
    examples: Vec<String>,
}

impl App {
    /// What this node decided for a tenant since a moment.
    ///
    /// # Errors
    /// `NotFound` if there is no such tenant.
    pub fn decisions_report(
        &self,
        caller: &Caller,
        tenant: &str,
        since: Timestamp,
    ) -> Result<Report, AppError> {
        self.demand(caller, "list", "decision")?;
        self.stored("tenant", tenant)?;
        // A search is no permission, so nothing is allowed or refused by it.
        let is_decision =
            |body: &Json| body["tenant"] == tenant && body["way"] != Way::Search.as_str();
        let journal = &self.judging()?.journal;
        let (_, next) = journal.range();
        let from = first_since(journal, since)?.max(next.saturating_sub(RECORDS_MAX));
        let mut report = Report { since: time_text(since), ..Report::default() };
        let mut reasons: BTreeMap<String, Gathered> = BTreeMap::new();
        for (number, stored) in journal.read_from(from).enumerate() {
            let stored = stored?;
            let Some(leaf) = leaf(&stored).filter(|leaf| leaf.time >= since.0) else { continue };
            if number == 0 && from > 0 {
                report.since = time_text(Timestamp(leaf.time.max(since.0)));
            }
            let body = stored
                .opening
                .as_ref()
                .and_then(|opening| serde_json::from_slice::<Json>(&opening.body).ok());
            let Some(body) = body.filter(is_decision) else { continue };
            report.count(&body, stored.count, &mut reasons);
        }
        self.count_reading(caller, ("list", "decision"), None, report.decisions)?;
        report.by_reason =
            reasons.into_iter().map(|(code, found)| found.into_count(code)).collect();
        report
            .by_reason
            .sort_by(|one, other| (other.decisions, &one.code).cmp(&(one.decisions, &other.code)));
        Ok(report)
    }
}

impl Report {
    fn count(&mut self, body: &Json, count: u32, reasons: &mut BTreeMap<String, Gathered>) {
        let count = u64::from(count);
        let is_justified = body["judgement"]["outcome"] == "allow";
        self.decisions += count;
        let is_refused_for_it = body["judgement"]["reasons"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["code"] == "actor.unattributed"));
        if body["unattributed"] == true || is_refused_for_it {
            self.unattributed += count;
        }
        match (body["answered"] == "allow", is_justified) {
            (true, true) => self.allowed += count,
            (true, false) => self.would_be_refused += count,
            (false, _) => self.refused += count,
        }
        for reason in body["judgement"]["reasons"].as_array().into_iter().flatten() {
            let code = reason["code"].as_str().unwrap_or_default();
            reasons.entry(code.to_owned()).or_default().add(body, count);
        }
    }
}

impl Gathered {
    fn add(&mut self, body: &Json, count: u64) {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        self.decisions += count;
        if let Some(identity) = body["identity"].as_str() {
            self.identities.insert(identity.to_owned());
        }
        self.actions.insert(text(&body["request"]["action"]["name"]));
        let at = text(&body["at"]);
        if self.first.is_empty() {
            self.first.clone_from(&at);
        }
        self.last = at;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(text(&body["id"]));
        }
    }

    fn into_count(self, code: String) -> Count {
        Count {
            code,
            decisions: self.decisions,
            identities: self.identities.len() as u64,
            actions: self.actions.into_iter().take(20).collect(),
            first: self.first,
            last: self.last,
            examples: self.examples,
        }
    }
}
