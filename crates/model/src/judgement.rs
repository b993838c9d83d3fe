//! The answer to "was, or is, this access justified at time t?".

use crate::assurance::Assurance;
use crate::time::{End, Timestamp};
use crate::value::Record;

/// What is asked. Register ids where known; `None` is unknown and is answered as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access<'a> {
    /// The actor, or the holder if the actor is not known.
    pub identity: Option<&'a str>,
    /// The account under which it acted, as logs name it: (namespace, value). Tells which of the
    /// identity's trust paths was used, where the credential does not.
    pub account: Option<(&'a str, &'a str)>,
    /// Each further identity of the delegation chain; all must be permitted.
    pub through: &'a [&'a str],
    /// Whether a person named behind a shared identity is known.
    pub actor_is_known: bool,
    pub credential: Option<&'a str>,
    pub tenant: &'a str,
    pub action: &'a str,
    pub resource: Option<&'a str>,
    /// Claims of the root authentication: (namespace, value).
    pub assurance: &'a [(&'a str, &'a str)],
    pub authenticated_at: Option<Timestamp>,
    pub ip: Option<&'a str>,
    /// The user agent looks like a browser or an interactive tool, if anything is known of it.
    pub interactive: Option<bool>,
    /// What the application itself asks, in its own words. `None`: of the past.
    pub request: Option<&'a Request>,
}

/// The question of an application (OpenID AuthZEN Authorization API 1.0, section 5), with what is
/// known here of the subject and the resource already put to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    pub subject: Entity,
    pub action: Named,
    pub resource: Entity,
    pub context: Record,
}

/// Somebody or something, by the application's own type and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    pub kind: String,
    pub id: String,
    pub properties: Record,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    pub name: String,
    pub properties: Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Allow,
    /// Justified but for the assurance, which more authentication could raise (RFC 9470).
    StepUp,
    /// A fact that a guardrail reads is missing; never counted as justified.
    Unknown,
    Deny,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Allow, Self::StepUp, Self::Unknown, Self::Deny];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::StepUp => "step_up",
            Self::Unknown => "unknown",
            Self::Deny => "deny",
        }
    }
}

/// Every reason, not the first; sorted by code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    pub outcome: Outcome,
    pub reasons: Vec<Reason>,
    pub organization: Option<String>,
    pub trust_path: Option<String>,
    pub grant: Option<String>,
    pub grant_until: Option<End>,
    pub entitlement: Option<String>,
    pub business_process: Option<String>,
    /// The grant's sponsor then.
    pub sponsor: Option<String>,
    pub required: Option<Assurance>,
    pub accepted: Assurance,
    /// Which entry of which map accepted it, as `trust_path: namespace=value`; the floor has none.
    pub accepted_by: Option<String>,
    /// Exceptions that were in force and set a reason aside, by id.
    pub exceptions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    /// Stable, such as `grant.expired`.
    pub code: String,
    pub outcome: Outcome,
    /// One sentence in the register's own words.
    pub text: String,
    /// Controls it serves, such as `NHI1:2025`, `PR.AA-05`.
    pub controls: Vec<String>,
}
