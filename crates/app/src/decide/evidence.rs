//! No answer leaves before its record is durable.

use countersign_journal::{JournalError, Record, Ticket};
use countersign_model::judgement::Outcome;
use serde_json::Value as Json;

use super::{Decision, Mode, reason};
use crate::App;
use crate::live::Live;

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

impl App {
    pub(super) fn recorded(&self, live: &Live, decision: Decision, body: Vec<u8>) -> Decided {
        let record = Record { row: Vec::new(), salt: self.random(), body, count: 1 };
        let ticket = live.journal.append(&record, None);
        Decided { decision, record, ticket }
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
        if let (Some(live), Some(exception), true) = (live, excepted, decision.allowed) {
            record.body = on_reserve(&record.body, &exception);
            if live.journal.append_reserve(&record).is_ok() {
                decision.mode = Mode::BreakGlass;
                decision.judgement.exceptions.push(exception);
                return decision;
            }
        }
        let text = format!("the record of the decision could not be made durable: {error}");
        decision.judgement.reasons.push(reason(UNAVAILABLE, Outcome::Deny, &text));
        decision.judgement.outcome = Outcome::Deny;
        decision.allowed = false;
        decision
    }
}

/// The record, saying by which exception it is where it is.
fn on_reserve(body: &[u8], exception: &str) -> Vec<u8> {
    let Ok(mut body) = serde_json::from_slice::<Json>(body) else { return body.to_vec() };
    body["mode"] = Mode::BreakGlass.as_str().into();
    if let Some(exceptions) = body["judgement"]["exceptions"].as_array_mut() {
        exceptions.push(exception.into());
    }
    body.to_string().into_bytes()
}
