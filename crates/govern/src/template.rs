//! The onboarding templates that come with the program, and the rule for departing from one.
//!
//! Templates are data (`templates/*.yaml`); `register` reads them and makes the items. Here is what
//! is decided: who may approve that something is otherwise than the template makes it, and for how
//! long.

use std::fmt;

use countersign_model::id::SponsorId;
use countersign_model::register::{Exception, Sponsor};
use countersign_model::time::{Duration, End, Timestamp};

/// By name; each text is one template.
pub const SHIPPED: [(&str, &str); 7] = [
    ("api-only", include_str!("../templates/api-only.yaml")),
    ("autonomous-agent", include_str!("../templates/autonomous-agent.yaml")),
    ("contractor-agency", include_str!("../templates/contractor-agency.yaml")),
    ("oidc-partner", include_str!("../templates/oidc-partner.yaml")),
    ("reseller", include_str!("../templates/reseller.yaml")),
    ("saml-partner", include_str!("../templates/saml-partner.yaml")),
    ("shared-portal", include_str!("../templates/shared-portal.yaml")),
];

/// A departure is looked at again at least once a year.
pub const LONGEST: Duration = Duration(365 * 86_400 * countersign_model::time::NANOS_PER_SECOND);

/// The text of a template that comes with the program.
pub fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Whether an exception records a departure from a template.
pub fn is_departure(exception: &Exception) -> bool {
    exception.rule.starts_with("template.")
}

/// Why a departure is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    NoApprover,
    /// Whoever fills the template in does not approve that it is departed from.
    Requester,
    /// The approver does not work here, or nobody knows.
    NotEmployed,
    NoJustification,
    NoEnd,
    TooLong,
    /// It has ended already.
    Over,
}

impl Refusal {
    /// Stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoApprover => "departure.no_approver",
            Self::Requester => "departure.by_requester",
            Self::NotEmployed => "departure.approver_not_employed",
            Self::NoJustification => "departure.no_justification",
            Self::NoEnd => "departure.no_end",
            Self::TooLong => "departure.too_long",
            Self::Over => "departure.over",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoApprover => "nobody approved it; name a sponsor who does",
            Self::Requester => "whoever fills the template in does not approve; name another",
            Self::NotEmployed => "the approver is not known to work here; name somebody who does",
            Self::NoJustification => "nothing says why; say it",
            Self::NoEnd => "it has no begin or no end; say from when until when",
            Self::TooLong => "it lasts longer than a year; end it sooner and look at it again",
            Self::Over => "its end is in the past; end it later, or keep to the template",
        })
    }
}

impl std::error::Error for Refusal {}

/// All that stands against a departure at `at`; empty if nothing does. `requester` is whoever fills
/// the template in, if it is one of us.
pub fn refusals(
    departure: &Exception,
    requester: Option<&SponsorId>,
    approver: Option<&Sponsor>,
    at: Timestamp,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    match (&departure.approved_by, approver) {
        (None, _) => refusals.push(Refusal::NoApprover),
        (Some(by), _) if requester == Some(by) => refusals.push(Refusal::Requester),
        (Some(_), known) => {
            let works = known.and_then(|sponsor| sponsor.employed.contains(at));
            if works != Some(true) {
                refusals.push(Refusal::NotEmployed);
            }
        }
    }
    if departure.justification.as_deref().is_none_or(|text| text.trim().is_empty()) {
        refusals.push(Refusal::NoJustification);
    }
    match (departure.interval.from, departure.interval.until) {
        (Some(from), Some(End::At(until))) => {
            if until.0.saturating_sub(from.0) > LONGEST.0 {
                refusals.push(Refusal::TooLong);
            }
            if until <= at {
                refusals.push(Refusal::Over);
            }
        }
        _ => refusals.push(Refusal::NoEnd),
    }
    refusals
}
