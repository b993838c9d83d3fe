//! Who asks, and what they may.

use countersign_judge::permission::{Ask, Role};
use countersign_store::items::Item;

use crate::{App, AppError};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// As changes name it: `sponsor:ann`, `identity:billing-bot`, `member:…`.
    pub principal: String,
    pub role: Role,
    /// The organization whose administrator it is.
    pub organization: Option<String>,
    /// The sponsor it is: an employee of the company.
    pub sponsor: Option<String>,
    /// The tenant that the application is.
    pub tenant: Option<String>,
}

impl Caller {
    /// The program itself: the worker that tidies what has ended, the first start.
    pub fn system() -> Self {
        let principal = "system".to_owned();
        Self { principal, role: Role::Owner, organization: None, sponsor: None, tenant: None }
    }
}

/// Which items of a noun somebody may list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    All,
    OwnOrganization,
    Sponsored,
    OwnTenant,
}

impl App {
    fn ask<'a>(&self, caller: &Caller, verb: &'a str, noun: &'a str) -> Ask<'a> {
        Ask {
            role: caller.role,
            verb,
            noun,
            same_organization: false,
            same_tenant: false,
            sponsors: false,
            owns: false,
            asked: false,
        }
    }

    /// Whether the caller may do this to no item in particular.
    pub(crate) fn demand(&self, caller: &Caller, verb: &str, noun: &str) -> Result<(), AppError> {
        let permitted = self.permissions.permits(&self.ask(caller, verb, noun));
        permitted.then_some(()).ok_or_else(|| forbidden(caller, verb, noun))
    }

    /// Whether the caller may do this to an item.
    ///
    /// # Errors
    /// `NotFound` if they may not even know of it, else `Forbidden`.
    pub(crate) fn demand_on(
        &self,
        caller: &Caller,
        verb: &str,
        item: &Item,
    ) -> Result<(), AppError> {
        let mut ask = self.ask(caller, verb, &item.noun);
        let is_own = |mine: &Option<String>, whose: Option<&str>| {
            mine.as_deref().is_some_and(|mine| whose == Some(mine))
        };
        ask.same_organization = is_own(&caller.organization, item.organization.as_deref())
            || self.passed_on_by(caller, item)?;
        let tenant =
            if item.noun == "tenant" { Some(item.id.as_str()) } else { item.about.as_deref() };
        ask.same_tenant = is_own(&caller.tenant, tenant);
        let own_self = item.noun == "sponsor" && is_own(&caller.sponsor, Some(&item.id));
        ask.sponsors = own_self
            || is_own(&caller.sponsor, item.sponsor.as_deref())
            || self.sponsors_organization(caller, item)?;
        ask.owns = self.owns(caller, item)?;
        let process = crate::documents::parse(&item.process)?;
        ask.asked = process["request"]["by"].as_str() == Some(&caller.principal);
        if self.permissions.permits(&ask) {
            return Ok(());
        }
        if self.permissions.permits(&Ask { verb: "read", ..ask }) {
            return Err(forbidden(caller, verb, &item.noun));
        }
        Err(AppError::not_found(&item.noun, &item.id))
    }

    /// Whether the caller is accountable for the organization that the item belongs to.
    fn sponsors_organization(&self, caller: &Caller, item: &Item) -> Result<bool, AppError> {
        let (
            Some(sponsor),
            "trust_path" | "identity" | "credential" | "exception",
            Some(organization),
        ) = (caller.sponsor.as_deref(), item.noun.as_str(), item.organization.as_deref())
        else {
            return Ok(false);
        };
        let whose = self.store.item("organization", organization)?;
        Ok(whose.is_some_and(|whose| whose.sponsor.as_deref() == Some(sponsor)))
    }

    /// Whether a grant is passed on from one of the caller's organization.
    fn passed_on_by(&self, caller: &Caller, item: &Item) -> Result<bool, AppError> {
        let (Some(own), "grant", Some(above)) =
            (caller.organization.as_deref(), item.noun.as_str(), item.parent.as_deref())
        else {
            return Ok(false);
        };
        let above = self.store.item("grant", above)?;
        Ok(above.is_some_and(|above| above.organization.as_deref() == Some(own)))
    }

    /// Whether the caller owns the entitlement that a grant is about, or is proposed to succeed a
    /// sponsor.
    fn owns(&self, caller: &Caller, item: &Item) -> Result<bool, AppError> {
        let Some(sponsor) = caller.sponsor.as_deref() else { return Ok(false) };
        match item.noun.as_str() {
            "sponsor" => return Ok(crate::sponsors::proposed(item)?.as_deref() == Some(sponsor)),
            "grant" => (),
            _ => return Ok(false),
        }
        let body = crate::documents::parse(&item.body)?;
        let Some(entitlement) = body["entitlement"].as_str() else { return Ok(false) };
        let entitlement = self.store.item("entitlement", entitlement)?;
        Ok(entitlement.is_some_and(|entitlement| entitlement.sponsor.as_deref() == Some(sponsor)))
    }

    pub(crate) fn reach(&self, caller: &Caller, noun: &str) -> Result<Reach, AppError> {
        let ask = self.ask(caller, "list", noun);
        let reaches = [
            (Reach::All, ask),
            (Reach::OwnOrganization, Ask { same_organization: true, ..ask }),
            (Reach::Sponsored, Ask { sponsors: true, ..ask }),
            (Reach::OwnTenant, Ask { same_tenant: true, ..ask }),
        ];
        let found = reaches.into_iter().find(|(_, ask)| self.permissions.permits(ask));
        found.map(|(reach, _)| reach).ok_or_else(|| forbidden(caller, "list", noun))
    }
}

fn forbidden(caller: &Caller, verb: &str, noun: &str) -> AppError {
    AppError::Forbidden {
        role: caller.role.as_str(),
        verb: verb.to_owned(),
        noun: noun.replace('_', " "),
    }
}
