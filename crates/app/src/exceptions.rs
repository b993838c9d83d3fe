//! Exceptions: who approves one, and what waits for it.

use countersign_govern::template::refusals;
use countersign_model::id::SponsorId;
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_store::batch::Precondition;
use countersign_store::items::Filter;
use serde_json::Value as Json;

use crate::documents::{parse, shown};
use crate::known::Known;
use crate::{App, AppError, Caller};

impl App {
    /// Whether the one exception of a register may be approved as it is: by an employee who did not
    /// ask for it, with a reason and an end.
    pub(crate) fn may_approve_exception(
        &self,
        caller: &Caller,
        register: &Register,
        process: &Json,
        at: Timestamp,
    ) -> Result<Vec<Precondition>, AppError> {
        let Some((id, exception)) = register.exceptions.iter().next() else {
            return Ok(Vec::new());
        };
        if process["by"].as_str() == Some(&caller.principal) {
            let text =
                "whoever asks for an exception does not approve it; have another sponsor do so";
            return Err(AppError::refused("departure.by_requester", text));
        }
        let mut known = Known::new(self);
        if let Some(by) = &exception.approved_by {
            known.read("sponsor", by.as_str())?;
        }
        let approver = exception.approved_by.as_ref();
        let approver = approver.and_then(|by| known.register.sponsors.get(by));
        let requester = process["sponsor"].as_str().map(SponsorId::from);
        match refusals(exception, requester.as_ref(), approver, at).first() {
            Some(refusal) => Err(AppError::refused(refusal.code(), refusal.to_string())),
            None => Ok(known.reads(("exception", id.as_str()))),
        }
    }

    /// What was made otherwise than its template says is accepted once each departure is approved.
    pub(crate) fn departures(
        &self,
        noun: &str,
        id: &str,
        verb: &str,
    ) -> Result<Vec<Precondition>, AppError> {
        if !matches!(verb, "accept" | "activate" | "approve" | "countersign") || noun == "exception"
        {
            return Ok(Vec::new());
        }
        let filter = Filter { about: Some(format!("{noun}:{id}")), ..Filter::default() };
        let at = self.now();
        let mut open: Vec<String> = Vec::new();
        let mut approved: Vec<String> = Vec::new();
        let mut reads = Vec::new();
        for item in self.every("exception", &filter)? {
            let body = parse(&item.body)?;
            let rule = body["rule"].as_str().unwrap_or_default().to_owned();
            if !rule.starts_with("template.") {
                continue;
            }
            let is_approved = matches!(shown(&item, &body, at).as_str(), "approved" | "scheduled");
            if is_approved {
                approved.push(rule)
            } else {
                open.push(rule)
            }
            reads.push(Precondition { noun: item.noun, id: item.id, rev: Some(item.rev) });
        }
        open.retain(|rule| !approved.contains(rule));
        match open.first() {
            None => Ok(reads),
            Some(rule) => Err(AppError::refused(
                "departure.not_approved",
                format!(
                    "it departs from its template (`{rule}`) and nobody approved that: approve the \
                     exception first"
                ),
            )),
        }
    }
}
