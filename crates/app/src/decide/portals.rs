//! Shared portals: many people before them, one account behind.

use std::collections::{BTreeMap, HashMap};

use countersign_judge::{Facts, Found};
use countersign_model::id::{IdentityId, PortalId};
use countersign_model::register::{Portal, Register};
use countersign_model::time::Timestamp;
use countersign_register::restore_document;
use countersign_store::items::Filter;

use super::Question;
use crate::apply::is_fact;
use crate::documents::parse;
use crate::{App, AppError, Caller};

const PAGE: usize = 200;

/// The portals of the register, and the identities that are their accounts elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Portals {
    all: BTreeMap<PortalId, Portal>,
    fronts: HashMap<IdentityId, Vec<PortalId>>,
}

impl Portals {
    pub fn learn(&mut self, portals: BTreeMap<PortalId, Portal>) {
        if !portals.is_empty() {
            self.all.extend(portals);
            self.index();
        }
    }

    pub fn forget(&mut self, id: &str) {
        if self.all.remove(id).is_some() {
            self.index();
        }
    }

    fn index(&mut self) {
        self.fronts.clear();
        for (id, portal) in &self.all {
            for identity in &portal.acts_as {
                self.fronts.entry(identity.clone()).or_default().push(id.clone());
            }
        }
    }

    /// Whether an identity is the account of a portal, so that somebody else is behind it.
    pub fn is_front(&self, identity: &IdentityId) -> bool {
        self.fronts.contains_key(identity)
    }

    /// Whether an identity is the account of the portal whose people sign in at a tenant.
    fn is_front_of(&self, identity: &IdentityId, tenant: &str) -> bool {
        let portals = self.fronts.get(identity).into_iter().flatten();
        portals.filter_map(|id| self.all.get(id)).any(|portal| portal.tenant.as_str() == tenant)
    }
}

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
        Ok(matches!(found, Found::One(id) if snapshot.portals.is_front_of(id, own)))
    }

    pub(crate) fn portals(&self) -> Result<Portals, AppError> {
        let mut portals = Portals::default();
        let mut filter = Filter { limit: PAGE, ..Filter::default() };
        loop {
            let page = self.store.page("portal", &filter)?;
            let mut register = Register::default();
            for item in page.iter().filter(|item| is_fact(&item.noun, &item.state)) {
                restore_document(&mut register, &item.noun, &parse(&item.body)?);
            }
            portals.learn(register.portals);
            match page.last() {
                Some(last) if page.len() >= PAGE => filter.after.clone_from(&last.id),
                _ => return Ok(portals),
            }
        }
    }
}
