//! Decides: judges an access now, from the facts in memory, and makes its evidence.
//!
//! One path for every way of asking: an application's AuthZEN request, a proxy's, a search. What is
//! asked becomes an [`Access`] (`decide/access.rs`), `judge` answers, the terms of the tenant say what
//! of it is answered to the application (`decide/terms.rs`), and the record says all of it
//! (`decide/record.rs`).

mod access;
mod portals;
mod record;
mod shown;
mod terms;

use countersign_judge::permission::Role;
use countersign_judge::{Facts, judge};
use countersign_model::judgement::{Judgement, Outcome, Reason};
use countersign_model::time::{End, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use self::access::Meant;
pub(crate) use self::portals::Portals;
use self::record::Record;
pub use self::shown::{Levels, Shown, Why};
pub use self::terms::Mode;
use self::terms::Terms;
use crate::live::Snapshot;
use crate::{App, AppError, Caller};

/// A subject or a resource, as AuthZEN names it (Authorization API 1.0, section 5).
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Thing {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Json>,
}

/// An action, as AuthZEN names it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Action {
    pub name: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Json>,
}

/// May this subject do this to this resource?
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Question {
    pub subject: Thing,
    pub action: Action,
    pub resource: Thing,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Json>,
}

/// How it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Evaluation,
    Search,
    Forward,
}

impl Way {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Search => "search",
            Self::Forward => "forward",
        }
    }
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// `dec_` and a UUID, version 7.
    pub id: String,
    pub at: Timestamp,
    /// What the application is answered. In `observe` it is told to allow what is not justified.
    pub allowed: bool,
    pub mode: Mode,
    pub identity: Option<String>,
    /// The person who acts by it, where that is another one.
    pub actor: Option<String>,
    /// The account is a portal's, and nobody was named behind it; the tenant lets that pass.
    pub is_unattributed: bool,
    pub judgement: Judgement,
    /// Seconds for which the answer may be kept.
    pub max_age: u64,
    /// Claims with which the same access would be justified, as (namespace, value).
    pub would_suffice: Vec<(String, String)>,
}

impl Decision {
    /// The moment at which what was allowed must end.
    pub fn ends(&self) -> Option<Timestamp> {
        match self.judgement.grant_until {
            Some(End::At(until)) => Some(until),
            Some(End::Never) | None => None,
        }
    }
}

/// A decision whose record is on its way to the disk.
#[derive(Debug)]
#[must_use = "no answer leaves before its record is durable"]
pub struct Decided {
    pub decision: Decision,
}

impl Decided {
    /// The decision, once its record is durable.
    ///
    /// # Errors
    /// If it cannot be made durable: nothing may be answered then but a refusal.
    pub async fn durable(self) -> Result<Decision, AppError> {
        Ok(self.decision)
    }
}

impl App {
    /// Judges, and says what is to be answered. The record is not durable yet.
    ///
    /// # Errors
    /// `Forbidden` if the caller is no application of a tenant.
    pub(crate) fn judge_now(
        &self,
        caller: &Caller,
        way: Way,
        question: &Question,
    ) -> Result<(Decision, Vec<u8>), AppError> {
        let tenant = self.own_tenant(caller)?;
        let live = self.live.get().ok_or_else(not_ready)?;
        let snapshot = live.read();
        let at = self.now();
        let terms = Terms::of(&snapshot, tenant, at);
        let meant = Meant::new(&snapshot.facts, tenant, question, at);
        let judgement = self.judge_meant(&snapshot, tenant, &meant, question, at);
        let judgement = terms.applied(judgement, &meant, &snapshot);
        let decision = Decision {
            id: self.decision_id(at),
            at,
            allowed: terms.answers(&judgement),
            mode: terms.mode,
            identity: meant.identity.map(ToString::to_string),
            actor: meant.actor_id().map(ToString::to_string),
            is_unattributed: terms.records_unattributed(&meant, &snapshot),
            max_age: terms.max_age(&judgement, at),
            would_suffice: would_suffice(&snapshot.facts, &judgement),
            judgement,
        };
        let record = Record::new(&decision, (caller, tenant), way, question, &snapshot);
        let body = record.bytes();
        Ok((decision, body))
    }

    fn judge_meant(
        &self,
        snapshot: &Snapshot,
        tenant: &str,
        meant: &Meant<'_>,
        question: &Question,
        at: Timestamp,
    ) -> Judgement {
        let access = meant.access(tenant, question);
        judge(&snapshot.guardrails, &snapshot.facts, &access, at)
    }

    /// # Errors
    /// `Forbidden` if the caller is no application of a tenant.
    pub fn may_ask(&self, caller: &Caller) -> Result<(), AppError> {
        self.own_tenant(caller).map(|_| ())
    }

    /// The tenant that the caller is.
    fn own_tenant<'c>(&self, caller: &'c Caller) -> Result<&'c str, AppError> {
        let own = caller.tenant.as_deref().filter(|_| caller.role == Role::Application);
        own.ok_or_else(|| AppError::Forbidden {
            role: caller.role.as_str(),
            verb: "ask for".to_owned(),
            noun: "decision: an application's key for one tenant may".to_owned(),
        })
    }

    /// Decides, and gives the record to the journal.
    ///
    /// # Errors
    /// `Forbidden` if the caller is no application of a tenant.
    pub fn decide(
        &self,
        caller: &Caller,
        way: Way,
        question: &Question,
    ) -> Result<Decided, AppError> {
        let (decision, _body) = self.judge_now(caller, way, question)?;
        Ok(Decided { decision })
    }

    fn decision_id(&self, at: Timestamp) -> String {
        let mut bytes: [u8; 16] = self.random();
        // UUID version 7 (RFC 9562, section 5.7): milliseconds, then chance.
        let millis = u64::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0).to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut id = String::with_capacity(36);
        id.push_str("dec_");
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                id.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        id
    }
}

fn not_ready() -> AppError {
    AppError::refused("facts.not_loaded", "this node has not loaded its facts yet; ask again soon")
}

/// A reason that no guardrail gives.
fn reason(code: &str, outcome: Outcome, text: &str) -> Reason {
    let controls = vec!["PR.AA-05".to_owned()];
    Reason { code: code.to_owned(), outcome, text: text.to_owned(), controls }
}

/// The entries of the trust path's map that the requirement would accept.
fn would_suffice(facts: &Facts, judgement: &Judgement) -> Vec<(String, String)> {
    if judgement.outcome != Outcome::StepUp {
        return Vec::new();
    }
    let all = facts.sufficient(judgement);
    all.map(|entry| (entry.namespace.clone(), entry.value.clone())).collect()
}
