//! The record of a decision: everything that it takes to make it again.

use countersign_register::time_text;
use serde::Serialize;

use super::shown::Shown;
use super::{Asking, Decision, Question};
use crate::live::Basis;

/// The version of the program is part of what was decided: another may judge otherwise.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Written as JSON, in this order: the same decision is the same bytes.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    id: String,
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
    credential: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    /// A portal's account that named nobody: passed, and counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unattributed: bool,
    judgement: Shown<'a>,
}

impl<'a> Body<'a> {
    pub(super) fn new(decision: &'a Decision, asking: Asking<'a>, basis: &Basis<'a>) -> Self {
        Self {
            id: decision.id.to_string(),
            at: time_text(decision.at),
            way: asking.way.as_str(),
            application: asking.application,
            tenant: &decision.tenant,
            request: asking.question,
            facts: (basis.place.transaction, basis.place.seq),
            policies: &basis.policies.name,
            version: VERSION,
            mode: decision.mode.as_str(),
            answered: if decision.allowed { "allow" } else { "deny" },
            identity: decision.identity.as_deref(),
            credential: decision.credential.as_deref(),
            actor: decision.actor.as_deref(),
            unattributed: decision.is_unattributed,
            judgement: Shown::new(&decision.judgement),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can always be written")
    }
}
