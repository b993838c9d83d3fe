//! The record of a decision: everything that it takes to make it again.

use countersign_register::time_text;
use serde::Serialize;

use super::shown::Shown;
use super::{Decision, Question, Way};
use crate::Caller;
use crate::live::Snapshot;

/// The version of the program is part of what was decided: another may judge otherwise.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Written as JSON, in this order: the same decision is the same bytes.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    id: &'a str,
    at: String,
    way: &'static str,
    application: &'a str,
    tenant: &'a str,
    request: &'a Question,
    /// Where the feed was: transaction and number.
    facts: (i64, i64),
    /// SHA-256 of all policies, in hexadecimal.
    policies: &'a str,
    version: &'static str,
    mode: &'static str,
    answered: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    /// A portal's account that named nobody: passed, and counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unattributed: bool,
    judgement: Shown<'a>,
}

impl<'a> Record<'a> {
    pub(super) fn new(
        decision: &'a Decision,
        (caller, tenant): (&'a Caller, &'a str),
        way: Way,
        request: &'a Question,
        snapshot: &'a Snapshot,
    ) -> Self {
        Self {
            id: &decision.id,
            at: time_text(decision.at),
            way: way.as_str(),
            application: &caller.principal,
            tenant,
            request,
            facts: (snapshot.place.transaction, snapshot.place.seq),
            policies: &snapshot.policies,
            version: VERSION,
            mode: decision.mode.as_str(),
            answered: if decision.allowed { "allow" } else { "deny" },
            identity: decision.identity.as_deref(),
            actor: decision.actor.as_deref(),
            unattributed: decision.is_unattributed,
            judgement: Shown::new(&decision.judgement),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can always be written")
    }
}
