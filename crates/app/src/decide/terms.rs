//! What a tenant has agreed to, and what becomes of a judgement by it.

use countersign_model::judgement::{Judgement, Outcome};
use countersign_model::register::{
    Enforcement, EnforcementMode, Unattributed, UnknownSubject, WhenStale,
};
use countersign_model::time::{Duration, End, NANOS_PER_SECOND, Timestamp};

use super::access::Meant;
use super::portals::Actor;
use super::reason;
use crate::live::Basis;

/// A node that knows of nothing newer than this is stale: what was revoked since may be missing.
const STALE_AFTER: Duration = Duration(2 * NANOS_PER_SECOND);
/// For how long an answer may be kept where the tenant does not say: a revocation takes as long to
/// reach a node.
const MAX_AGE: Duration = Duration(NANOS_PER_SECOND);

/// How what is judged is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Enforce,
    /// Judged and recorded; the application is told to allow.
    Observe,
    /// By facts that are older than they may be, as the tenant chose.
    Degraded,
    /// Recorded in the reserve, by an exception.
    BreakGlass,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
            Self::Degraded => "degraded",
            Self::BreakGlass => "break_glass",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Terms<'a> {
    pub mode: Mode,
    agreed: Option<&'a Enforcement>,
    is_known: bool,
    is_stale: bool,
}

impl<'a> Terms<'a> {
    pub fn of(basis: &Basis<'a>, tenant: &str, at: Timestamp) -> Self {
        let known = basis.facts.tenant(tenant);
        let agreed = known.and_then(|known| known.enforcement.as_ref());
        let is_stale = at.0.saturating_sub(basis.seen.0) > STALE_AFTER.0;
        let observes = agreed.is_some_and(|agreed| match agreed.mode {
            EnforcementMode::Enforce => false,
            EnforcementMode::Observe => agreed.until.is_some_and(|until| at < until),
        });
        let degrades = agreed.is_some_and(|agreed| agreed.stale == WhenStale::Degrade);
        let mode = match (observes, is_stale && degrades) {
            (true, _) => Mode::Observe,
            (false, true) => Mode::Degraded,
            (false, false) => Mode::Enforce,
        };
        Self { mode, agreed, is_known: known.is_some(), is_stale }
    }

    /// The judgement with what the tenant's own terms add to it or set aside.
    pub fn applied(
        &self,
        mut judgement: Judgement,
        meant: &Meant<'_>,
        basis: &Basis<'_>,
    ) -> Judgement {
        let passes = self.agreed.is_some_and(|terms| terms.unknown_subject == UnknownSubject::Pass);
        if meant.identity.is_none() && !meant.is_ambiguous && passes {
            // Whoever is not ours to judge is the application's own.
            judgement.reasons.clear();
        }
        let mut add = |code: &str, text: &str| {
            judgement.reasons.push(reason(code, Outcome::Deny, text));
        };
        if meant.is_ambiguous {
            add("identity.ambiguous", "the register lets this name mean several identities");
        }
        match (is_front(meant, basis), meant.actor) {
            (true, Actor::Unnamed) if !self.records_unattributed(meant, basis) => {
                add(
                    "actor.unattributed",
                    "a portal's account asks, and no person is named behind it",
                );
            }
            (true, Actor::Unknown) => {
                add(
                    "actor.unknown",
                    "the person named behind the portal is not registered or not active",
                );
            }
            _ => (),
        }
        if !self.is_known {
            add("tenant.unknown", "the tenant of this key is not in the register");
        } else if self.agreed.is_none() {
            let text = "the tenant does not say whether it observes, until when, or enforces";
            add("tenant.mode_unknown", text);
        }
        if self.is_stale && self.mode != Mode::Degraded {
            add(
                "facts.stale",
                "this node cannot read what changed, so what was revoked may be missing",
            );
        }
        judgement.reasons.sort();
        let worst = judgement.reasons.iter().map(|reason| reason.outcome).max();
        judgement.outcome = worst.unwrap_or(Outcome::Allow);
        judgement
    }

    /// Whether nobody is named behind a portal's account, and the tenant lets that pass.
    pub fn records_unattributed(&self, meant: &Meant<'_>, basis: &Basis<'_>) -> bool {
        let lets = self.agreed.is_some_and(|terms| terms.unattributed == Unattributed::Record);
        lets && meant.actor == Actor::Unnamed && is_front(meant, basis)
    }

    pub fn answers(&self, judgement: &Judgement) -> bool {
        judgement.outcome == Outcome::Allow || self.mode == Mode::Observe
    }

    /// Whole seconds: no longer than the tenant lets an answer be kept, nor than the grant runs.
    pub fn max_age(&self, judgement: &Judgement, at: Timestamp) -> u64 {
        let longest = self.agreed.and_then(|agreed| agreed.max_age).unwrap_or(MAX_AGE);
        let left = match judgement.grant_until {
            Some(End::At(until)) => until.0.saturating_sub(at.0),
            Some(End::Never) | None => i64::MAX,
        };
        u64::try_from(longest.0.min(left) / NANOS_PER_SECOND).unwrap_or(0)
    }
}

/// Whether the account is a portal's, and it does not say by whom it is used.
fn is_front(meant: &Meant<'_>, basis: &Basis<'_>) -> bool {
    !meant.is_delegated() && meant.identity.is_some_and(|id| basis.facts.is_front(id))
}
