//! No answer leaves before its record is durable.

use countersign_journal::{JournalError, Record, Ticket};
use countersign_ledger::Hash;
use countersign_ledger::entry::{Decision as Leaf, Entry, FactsAt};
use countersign_ledger::handles::{Noun, Salt};
use countersign_model::judgement::Outcome;
use countersign_store::feed::Cursor;
use serde_json::Value as Json;

use super::{Decision, Mode, Way, reason};
use crate::live::Live;
use crate::{App, AppError};

/// What a refusal for want of a record is called. An exception to it lets a decision go out on a
/// record in the journal's reserve.
pub(crate) const UNAVAILABLE: &str = "evidence.unavailable";

/// A decision whose record is on its way to the disk.
#[derive(Debug)]
#[must_use = "no answer leaves before its record is durable"]
pub struct Decided {
    pub decision: Decision,
    record: Record,
    ticket: Ticket,
}

/// What a record holds beside the decision.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    pub way: Way,
    /// Where the feed was.
    pub place: Cursor,
    pub policies: Hash,
    pub application: &'a str,
    pub body: Vec<u8>,
}

impl App {
    pub(super) fn recorded(
        &self,
        live: &Live,
        decision: Decision,
        recording: Recording<'_>,
    ) -> Result<Decided, AppError> {
        let salt: Hash = self.random();
        let row = self.row_of(&decision, &recording, Salt::from_bytes(salt))?;
        let record = Record { row, salt, body: recording.body, count: 1 };
        let ticket = live.journal.append(&record, None);
        Ok(Decided { decision, record, ticket })
    }

    fn row_of(
        &self,
        decision: &Decision,
        recording: &Recording<'_>,
        salt: Salt,
    ) -> Result<Vec<u8>, AppError> {
        let judged = &decision.judgement;
        let reasons = judged.reasons.iter().map(|reason| reason.code.as_str()).collect();
        let facts = FactsAt { transaction: recording.place.transaction, seq: recording.place.seq };
        let leaf = self.with_handles(|handles| {
            let mut named =
                |noun, id: &Option<String>| id.as_ref().map(|id| handles.handle(noun, id));
            let subject = named(Noun::Identity, &decision.identity);
            let grant = named(Noun::Grant, &judged.grant);
            let sponsor = named(Noun::Sponsor, &judged.sponsor);
            let credential = named(Noun::Named("credential"), &decision.credential);
            Leaf {
                time: decision.at.0,
                id: decision.id.0,
                kind: recording.way.as_str(),
                tenant: handles.handle(Noun::Tenant, &decision.tenant),
                application: handles.handle(Noun::Subject, recording.application),
                subject,
                grant,
                sponsor,
                credential,
                outcome: judged.outcome.as_str(),
                answered: if decision.allowed { "allow" } else { "deny" },
                mode: decision.mode.as_str(),
                reasons,
                facts,
                policies: recording.policies,
                count: 1,
                body: salt.commit(&recording.body),
            }
        });
        let mut row = Vec::with_capacity(256);
        leaf.encode_into(&mut row)?;
        Ok(row)
    }

    /// The decision, once its record is durable; a refusal that says so, if it cannot be made so.
    pub async fn durable(&self, decided: Decided) -> Decision {
        let Decided { decision, record, ticket } = decided;
        match ticket.await {
            Ok(_) => decision,
            Err(error) => self.without_journal(decision, record, &error),
        }
    }

    /// The one departure: an exception, approved by two and with an end, and room in the reserve.
    fn without_journal(
        &self,
        mut decision: Decision,
        mut record: Record,
        error: &JournalError,
    ) -> Decision {
        let live = self.live.get();
        let excepted = live.and_then(|live| {
            let tenant = format!("tenant:{}", decision.tenant);
            live.read().facts.excepted(UNAVAILABLE, &tenant, decision.at).map(ToString::to_string)
        });
        if let (Some(live), Some(exception), true) = (live, excepted, decision.allowed)
            && on_reserve(&mut record, &exception).is_ok()
            && live.journal.append_reserve(&record).is_ok()
        {
            decision.mode = Mode::BreakGlass;
            decision.judgement.exceptions.push(exception);
            return decision;
        }
        let text = format!("the record of the decision could not be made durable: {error}");
        decision.judgement.reasons.push(reason(UNAVAILABLE, Outcome::Deny, &text));
        decision.judgement.outcome = Outcome::Deny;
        decision.allowed = false;
        decision
    }
}

/// The record says by which exception it is where it is.
fn on_reserve(record: &mut Record, exception: &str) -> Result<(), AppError> {
    let mut body: Json = serde_json::from_slice(&record.body)
        .map_err(|error| AppError::Stored(error.to_string()))?;
    body["mode"] = Mode::BreakGlass.as_str().into();
    if let Some(exceptions) = body["judgement"]["exceptions"].as_array_mut() {
        exceptions.push(exception.into());
    }
    let body = body.to_string().into_bytes();
    let mut row = Vec::with_capacity(record.row.len());
    if let Entry::Decision(mut leaf) = Entry::decode(&record.row)? {
        leaf.mode = Mode::BreakGlass.as_str();
        leaf.body = Salt::from_bytes(record.salt).commit(&body);
        leaf.encode_into(&mut row)?;
    }
    (record.row, record.body) = (row, body);
    Ok(())
}
