//! Shared portals: many people before them, one account behind.

use countersign_judge::{Facts, Found};
use countersign_model::id::IdentityId;
use countersign_model::time::Timestamp;

use super::Question;
use crate::{App, AppError, Caller};

/// Who acts behind a shared account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actor<'a> {
    Unnamed,
    Known(&'a IdentityId),
    /// Named, and nobody of that name is registered and active.
    Unknown,
}

impl<'a> Actor<'a> {
    pub fn named(facts: &'a Facts, found: Found<'a, IdentityId>, at: Timestamp) -> Self {
        let Found::One(id) = found else { return Self::Unknown };
        let known = facts.identity_of(id.as_str());
        match known.and_then(|known| known.active.contains(at)) {
            Some(false) => Self::Unknown,
            Some(true) | None => Self::Known(id),
        }
    }
}

impl App {
    /// Whether a portal may say who is behind a subject: it presented the key of its own tenant, and
    /// the subject is its account.
    ///
    /// # Errors
    /// `Forbidden` if one of them is no application of a tenant.
    pub fn speaks_for(
        &self,
        portal: &Caller,
        caller: &Caller,
        question: &Question,
    ) -> Result<bool, AppError> {
        let (own, tenant) = (self.own_tenant(portal)?, self.own_tenant(caller)?);
        let live = self.live.get().ok_or_else(super::not_ready)?;
        let snapshot = live.read();
        let issuer = question.subject.properties.get("iss").and_then(|issuer| issuer.as_str());
        let found = snapshot.facts.who(tenant, issuer, &question.subject.id, self.now());
        Ok(matches!(found, Found::One(id) if snapshot.facts.is_front_of(id, own)))
    }
}
