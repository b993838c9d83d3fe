//! Decides: judges an access now, from the facts in memory, and makes its evidence.
//!
//! One path for every way of asking: an application's AuthZEN request, a proxy's, a search. What is
//! asked becomes an [`Access`] (`decide/access.rs`), `judge` answers, the terms of the tenant say what
//! of it is answered to the application (`decide/terms.rs`), and the record says all of it
//! (`decide/record.rs`).

mod access;
mod evidence;
mod portals;
mod record;
mod search;
mod shown;
mod terms;
mod token;

use countersign_judge::permission::Role;
use countersign_judge::{Facts, judge};
use countersign_model::judgement::{Access, Judgement, Outcome, Reason};
use countersign_model::time::{End, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use self::access::Meant;
pub use self::evidence::Decided;
use self::evidence::Recording;
pub(crate) use self::evidence::UNAVAILABLE;
use self::record::Body;
pub use self::search::{Found, PAGE_TOKEN, RESULTS_MAX, Search, Searched, Seek};
pub use self::shown::{Levels, Shown, Why};
pub use self::terms::Mode;
use self::terms::Terms;
use crate::live::Basis;
use crate::{App, AppError, Caller};

/// A subject or a resource, as AuthZEN names it (Authorization API 1.0, section 5).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Thing {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Json>,
}

/// An action, as AuthZEN names it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Action {
    pub name: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Json>,
}

/// May this subject do this to this resource?
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Question {
    pub subject: Thing,
    pub action: Action,
    pub resource: Thing,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
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
    pub const ALL: [Self; 3] = [Self::Evaluation, Self::Search, Self::Forward];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Search => "search",
            Self::Forward => "forward",
        }
    }
}

/// A UUID, version 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionId(pub [u8; 16]);

/// `dec_` and 32 hexadecimal digits.
impl std::fmt::Display for DecisionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "dec_{:032x}", u128::from_be_bytes(self.0))
    }
}

impl DecisionId {
    /// `None` if it is no id of a decision.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("dec_").filter(|digits| digits.len() == 32)?;
        let is_plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let number = digits.bytes().all(is_plain).then(|| u128::from_str_radix(digits, 16))?;
        number.ok().map(|number| Self(number.to_be_bytes()))
    }

    /// When it was made, to the millisecond.
    pub fn made(self) -> Timestamp {
        let millis = self.0[..6].iter().fold(0_i64, |time, byte| time << 8 | i64::from(*byte));
        Timestamp(millis.saturating_mul(1_000_000))
    }
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub id: DecisionId,
    pub at: Timestamp,
    /// What the application is answered. In `observe` it is told to allow what is not justified.
    pub allowed: bool,
    pub mode: Mode,
    pub tenant: String,
    pub identity: Option<String>,
    pub credential: Option<String>,
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

/// Who asks, for what, by which way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// As changes name it.
    pub application: &'a str,
    pub tenant: &'a str,
    pub way: Way,
    pub question: &'a Question,
}

impl Basis<'_> {
    /// Judges, and says what is to be answered and recorded. Given the same, it says the same: this is
    /// also how a decision of the past is made again.
    pub(crate) fn decide<'a>(
        &self,
        asking: Asking<'a>,
        id: DecisionId,
        at: Timestamp,
    ) -> (Decision, Recording<'a>) {
        let Asking { application, tenant, way, question } = asking;
        let terms = Terms::of(self, tenant, at);
        let meant = Meant::new(self.facts, tenant, question, at);
        let judgement = self.judged(&meant, (tenant, question), at);
        let judgement = terms.applied(judgement, &meant, self);
        let decision = Decision {
            id,
            at,
            allowed: terms.answers(&judgement),
            mode: terms.mode,
            tenant: tenant.to_owned(),
            identity: meant.identity.map(ToString::to_string),
            credential: meant.credential.map(ToOwned::to_owned),
            actor: meant.actor_id().map(ToString::to_string),
            is_unattributed: terms.records_unattributed(&meant, self),
            max_age: terms.max_age(&judgement, at),
            would_suffice: would_suffice(self.facts, &judgement),
            judgement,
        };
        let body = Body::new(&decision, asking, self).bytes();
        let (place, policies) = (self.place, self.policies.digest);
        (decision, Recording { way, place, policies, application, body })
    }

    /// What guardrails and policies say, before the tenant's own terms.
    fn judged(
        &self,
        meant: &Meant<'_>,
        (tenant, question): (&str, &Question),
        at: Timestamp,
    ) -> Judgement {
        let policies = &self.policies.guardrails;
        let request = policies.asks_of(tenant).then(|| meant.request(self.facts, tenant, question));
        let access = Access { request: request.as_ref(), ..meant.access(tenant, question) };
        let mut judgement = judge(policies, self.facts, &access, at);
        if let Some(fault) = &self.policies.fault {
            let text = format!("the company's own policies cannot be read: {fault}");
            judgement.reasons.push(reason("policy.error", Outcome::Deny, &text));
            judgement.outcome = Outcome::Deny;
        }
        judgement
    }
}

impl App {
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
        let tenant = self.own_tenant(caller)?;
        let live = self.live.get().ok_or_else(not_ready)?;
        let asking = Asking { application: &caller.principal, tenant, way, question };
        let at = self.now();
        let (decision, recording) = live.read().basis().decide(asking, self.decision_id(at), at);
        self.recorded(live, decision, recording)
    }

    fn decision_id(&self, at: Timestamp) -> DecisionId {
        let mut bytes: [u8; 16] = self.random();
        // UUID version 7 (RFC 9562, section 5.7): milliseconds, then chance.
        let millis = u64::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0).to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        DecisionId(bytes)
    }
}

pub(crate) fn not_ready() -> AppError {
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
