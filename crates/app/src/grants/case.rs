//! All facts that bound one grant.

use countersign_govern::approval::{Approval, Asked, Requester, Role, Standing, standing};
use countersign_govern::bounds::{Above, Held, Violation, Wanted, Weight, latest_end, violations};
use countersign_model::id::{EntitlementId, GrantId, IdentityId, OrganizationId, SponsorId};
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::{ApprovalPolicy, Entitlement, Grant, Grantee};
use countersign_model::time::Timestamp;
use countersign_store::items::Filter;

use super::Record;
use crate::apply::is_no_fact;
use crate::ends::is_over;
use crate::known::Known;
use crate::{App, AppError};

/// A grant with what it was read beside.
pub(crate) struct Case<'a> {
    pub known: Known<'a>,
    pub id: GrantId,
    pub grant: Grant,
    /// Whose the grantee is, then the resellers on the way.
    pub organizations: Vec<OrganizationId>,
    held: Vec<GrantId>,
    above: Vec<(GrantId, Option<OrganizationId>)>,
}

impl<'a> Case<'a> {
    pub fn read(app: &'a App, id: &GrantId, grant: Grant) -> Result<Self, AppError> {
        let (organizations, held, above) = (Vec::new(), Vec::new(), Vec::new());
        let known = Known::new(app);
        let mut case = Self { known, id: id.clone(), grant, organizations, held, above };
        case.read_organizations()?;
        case.read_who_answers()?;
        case.read_above()?;
        case.read_held(app)?;
        Ok(case)
    }

    fn read_organizations(&mut self) -> Result<(), AppError> {
        let known = &mut self.known;
        let mut next = match &self.grant.to {
            Grantee::Identity(id) => {
                known.read("identity", id.as_str())?;
                let identity = known.register.identities.get(id);
                identity.map(|identity| identity.organization.clone())
            }
            Grantee::Group(id) => {
                known.read("group", id.as_str())?;
                known.register.groups.get(id).and_then(|group| group.organization.clone())
            }
            Grantee::Organization(id) => Some(id.clone()),
        };
        // One more than may be, so that it is told from those that may.
        for _ in 0..=CHAIN_DEPTH_MAX {
            let Some(id) = next else { return Ok(()) };
            known.read("organization", id.as_str())?;
            let Some(organization) = known.register.organizations.get(&id) else { return Ok(()) };
            next = organization.via.clone();
            self.organizations.push(id);
        }
        Ok(())
    }

    /// The entitlement, its owner, the sponsor, and whoever took over from them.
    fn read_who_answers(&mut self) -> Result<(), AppError> {
        let known = &mut self.known;
        known.read("entitlement", self.grant.entitlement.as_str())?;
        if self.grant.sponsor.is_none() {
            let first = self.organizations.first();
            let first = first.and_then(|id| known.register.organizations.get(id));
            self.grant.sponsor = first.and_then(|first| first.sponsor.clone());
        }
        let owner = known.register.entitlements.get(&self.grant.entitlement);
        let owner = owner.and_then(|entitlement| entitlement.owner.clone());
        let sponsor = self.grant.sponsor.as_ref().map(ToString::to_string);
        for id in [owner, sponsor].into_iter().flatten() {
            known.read_sponsor(&id)?;
        }
        Ok(())
    }

    fn read_above(&mut self) -> Result<(), AppError> {
        let mut next = self.grant.passed_on_from.clone();
        for _ in 0..=CHAIN_DEPTH_MAX {
            let Some(id) = next else { return Ok(()) };
            let item = self.known.read("grant", id.as_str())?;
            let whose = item.and_then(|item| item.organization.as_deref()).map(Into::into);
            let above = self.known.register.grants.get(&id);
            next = above.and_then(|above| above.passed_on_from.clone());
            self.above.push((id, whose));
        }
        Ok(())
    }

    /// Everything else that the grantee holds or waits for: by itself, by its groups, by its
    /// organization.
    fn read_held(&mut self, app: &App) -> Result<(), AppError> {
        let mut grantees = vec![self.grant.to.clone()];
        if let Some(organization) = self.organizations.first().cloned() {
            if let Grantee::Identity(identity) = &self.grant.to {
                let whose = Some(organization.to_string());
                let filter = Filter { organization: whose, ..Filter::default() };
                for group in app.every("group", &filter)? {
                    let id = group.id.as_str().into();
                    self.known.take(group)?;
                    let members = self.known.register.groups.get(&id).map(|group| &group.members);
                    if members.is_some_and(|all| all.iter().any(|one| one.identity == *identity)) {
                        grantees.push(Grantee::Group(id));
                    }
                }
            }
            grantees.push(Grantee::Organization(organization));
        }
        for grantee in grantees {
            self.read_grants_to(app, &grantee)?;
        }
        self.held.sort();
        self.held.dedup();
        Ok(())
    }

    fn read_grants_to(&mut self, app: &App, grantee: &Grantee) -> Result<(), AppError> {
        let about = match grantee {
            Grantee::Identity(id) => id.as_str(),
            Grantee::Group(id) => id.as_str(),
            Grantee::Organization(id) => id.as_str(),
        };
        let filter = Filter { about: Some(about.to_owned()), ..Filter::default() };
        for item in app.every("grant", &filter)? {
            let id = GrantId::from(item.id.as_str());
            if is_over(&item) || id == self.id {
                continue;
            }
            let waits = is_no_fact("grant", &item.state);
            self.known.take(item)?;
            let Some(grant) = self.known.register.grants.get(&id) else { continue };
            if grant.to != *grantee || waits {
                continue;
            }
            let entitlement = grant.entitlement.to_string();
            self.known.read("entitlement", &entitlement)?;
            self.held.push(id);
        }
        Ok(())
    }

    pub fn entitlement(&self) -> Result<&Entitlement, AppError> {
        let id = &self.grant.entitlement;
        let found = self.known.register.entitlements.get(id);
        found.ok_or_else(|| AppError::not_found("entitlement", id.as_str()))
    }

    /// Everything that stands in the way at an instant, sorted.
    pub fn violations(&self, record: &Record, at: Timestamp) -> Result<Vec<Violation>, AppError> {
        let mut found = self.with_wanted(record, |wanted| violations(wanted, at))?;
        found.extend(self.not_yet_facts());
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// The latest end that no limit stands against.
    pub fn latest_end(&self, record: &Record) -> Result<Option<Timestamp>, AppError> {
        self.with_wanted(record, latest_end)
    }

    fn with_wanted<T>(
        &self,
        record: &Record,
        ask: impl FnOnce(&Wanted<'_>) -> T,
    ) -> Result<T, AppError> {
        let register = &self.known.register;
        let of = |id: &'_ OrganizationId| register.organizations.get_key_value(id);
        let organizations: Vec<_> = self.organizations.iter().filter_map(of).collect();
        let entitlement = |id: &EntitlementId| register.entitlements.get_key_value(id);
        let held = self.held.iter().filter_map(|id| {
            let grant = register.grants.get(id)?;
            Some(Held { entitlement: entitlement(&grant.entitlement)?, grant })
        });
        let held: Vec<Held<'_>> = held.collect();
        let above = self.above.iter().filter_map(|(id, organization)| {
            let grant = register.grants.get(id)?;
            Some(Above { id, grant, organization: organization.as_ref() })
        });
        let above: Vec<Above<'_>> = above.collect();
        let sponsor = self.grant.sponsor.as_ref();
        Ok(ask(&Wanted {
            entitlement: (&self.grant.entitlement, self.entitlement()?),
            organizations: &organizations,
            identity: self.identity().and_then(|id| register.identities.get(id)),
            interval: self.grant.interval,
            asked_at: record.at,
            justification: self.grant.justification.as_deref(),
            sponsor: sponsor.and_then(|id| register.sponsors.get(id)),
            held: &held,
            passed_on_from: &above,
            manner: record.manner,
        }))
    }

    fn identity(&self) -> Option<&IdentityId> {
        match &self.grant.to {
            Grantee::Identity(id) => Some(id),
            Grantee::Group(_) | Grantee::Organization(_) => None,
        }
    }

    /// What is stored but waits for somebody is no fact yet, whatever its document says.
    fn not_yet_facts(&self) -> Vec<Violation> {
        let identity = self.identity().map(|id| ("identity", id.as_str()));
        let above = self.above.iter().map(|(id, _)| ("grant", id.as_str()));
        let waiting = identity.into_iter().chain(above).filter_map(|(noun, id)| {
            let item = self.known.item(noun, id)?;
            let (code, remedy) = match noun {
                "identity" => ("identity.not_active", "activate it first"),
                _ => ("passed_on.not_active", "pass on a grant that is active"),
            };
            is_no_fact(noun, &item.state).then(|| Violation {
                code,
                weight: Weight::Refused,
                says: format!("{noun} `{id}` is {}", item.state),
                remedy: remedy.to_owned(),
                latest: None,
            })
        });
        waiting.collect()
    }

    /// Where its approvals stand.
    pub fn standing(&self, record: &Record, at: Timestamp) -> Result<Standing, AppError> {
        self.with_asked(record, at, |asked, given| {
            standing(asked, given, &|id: &SponsorId| self.known.register.sponsors.get(id), at)
        })
    }

    /// Asks something of the approvals.
    pub fn with_asked<T>(
        &self,
        record: &Record,
        at: Timestamp,
        ask: impl FnOnce(&Asked<'_>, &[Approval<'_>]) -> T,
    ) -> Result<T, AppError> {
        let mut entitlement = self.entitlement()?.clone();
        let is_open = |found: &Violation| found.weight == Weight::SponsorDecides;
        let sponsor_decides = self.violations(record, at)?.iter().any(is_open);
        // What the register leaves open is put before the sponsor, whoever else approves.
        if sponsor_decides && entitlement.approval == Some(ApprovalPolicy::Owner) {
            entitlement.approval = Some(ApprovalPolicy::Both);
        }
        let outsider = IdentityId::from(record.by.as_str());
        let requester = match &record.sponsor {
            Some(sponsor) => Requester::Employee(sponsor),
            None => Requester::Outsider(&outsider),
        };
        let asked = Asked {
            entitlement: &entitlement,
            sponsor: self.grant.sponsor.as_ref(),
            requester,
            manner: record.manner,
        };
        let given = record.approvals.iter();
        let given: Vec<Approval<'_>> =
            given.map(|one| Approval { by: &one.by, role: one.role, at: one.at }).collect();
        Ok(ask(&asked, &given))
    }

    /// The roles that are asked, in the order in which they are named.
    pub fn roles(&self, record: &Record, at: Timestamp) -> Result<&'static [Role], AppError> {
        self.with_asked(record, at, |asked, _| {
            countersign_govern::approval::roles(asked.entitlement, asked.manner)
        })
    }
}
