//! Approvals: who may give them, and what is given once they are complete.

use countersign_govern::approval::{Approval, Manner, Refusal, Role, may_approve};
use countersign_govern::bounds::{Violation, Weight};
use countersign_model::id::{GrantId, SponsorId};
use countersign_model::register::Register;
use countersign_model::time::{End, Timestamp};
use countersign_store::batch::{Batch, Precondition};
use countersign_store::items::Item;
use serde_json::Value as Json;

use super::record::{Given, left_open, needed};
use super::request::body;
use super::{Case, Record};
use crate::act::{fresh, note};
use crate::documents::parse;
use crate::evidence::{Deed, Version};
use crate::{Act, App, AppError, Caller, View, effect};

/// Verbs by which somebody decides on a grant.
pub(crate) const DECIDES: [&str; 4] = ["approve", "countersign", "activate", "look"];

impl App {
    /// Approves a grant, as the first or the second of those who must; what is complete is active in
    /// the same act. `look` is what two people do about break-glass, afterwards.
    pub(crate) fn decide_grant(
        &self,
        caller: &Caller,
        id: &str,
        verb: &str,
        act: &Act,
    ) -> Result<View, AppError> {
        let item = self.stored("grant", id)?;
        self.demand_on(caller, verb, &item)?;
        fresh(act, &item)?;
        let at = self.now();
        let mut process = parse(&item.process)?;
        let mut case = self.case(&item)?;
        let mut record = self.asked_for(&case, &process, verb)?;
        if verb != "look" {
            effect::next_of(&item, verb, at)?;
        }
        if verb != "activate" {
            let given = self.approval(caller, &mut case, &record, act, at)?;
            record.approvals.push(given);
        }
        let standing = case.standing(&record, at)?;
        let is_complete = standing.is_complete();
        if verb == "activate" && !is_complete {
            let text = "approvals are still needed; `needed` says whose";
            return Err(AppError::refused("approval.needed", text));
        }
        record.write(&mut process);
        let state = match (verb, is_complete) {
            ("look", _) => item.state.clone(),
            (_, true) => {
                activate(&mut case, &record, &mut process, at)?;
                "active".to_owned()
            }
            // Of two approvals one may have lost its force meanwhile; then it waits as it did.
            (_, false) => "approved".to_owned(),
        };
        process["needed"] = needed(&standing);
        note(&mut process, &effect::Step { caller, verb, at, arguments: &act.arguments }, act);
        let reads = self.departures("grant", id, verb)?;
        self.decided(caller, &item, (&case, reads), (verb, state, process), act)
    }

    fn decided(
        &self,
        caller: &Caller,
        item: &Item,
        (case, mut reads): (&Case<'_>, Vec<Precondition>),
        (verb, state, process): (&str, String, Json),
        act: &Act,
    ) -> Result<View, AppError> {
        let id = item.id.as_str();
        let body = body(&case.id, &case.grant)?;
        let version = Version { noun: "grant", id, after: Some(item), state, body, process };
        let name = format!("grant.{verb}");
        let why = act.why.as_deref();
        let deed = Deed { by: caller, verb: &name, why, id: self.act_id(caller, act) };
        let change =
            self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
        let also = self.remembered(caller, act, "grant", id);
        reads.extend(case.known.reads(("grant", id)));
        self.commit(Batch { reads, changes: vec![change], also })?;
        self.view(&self.stored("grant", id)?)
    }

    /// A stored grant with the facts that bound it.
    pub(crate) fn case(&self, item: &Item) -> Result<Case<'_>, AppError> {
        let mut register = Register::default();
        let body = parse(&item.body)?;
        countersign_register::restore_document(&mut register, "grant", &body);
        let id = GrantId::from(item.id.as_str());
        let grant = register.grants.remove(&id);
        let grant = grant.ok_or_else(|| AppError::Stored(format!("grant `{id}` is none")))?;
        Case::read(self, &id, grant)
    }

    /// How it was asked for.
    fn asked_for(&self, case: &Case<'_>, process: &Json, verb: &str) -> Result<Record, AppError> {
        if verb == "look" && !case.grant.break_glass {
            let text = "only what was taken by break-glass is looked at afterwards";
            return Err(AppError::refused("look.not_break_glass", text));
        }
        let from = case.grant.interval.from.unwrap_or(Timestamp::MIN);
        let by = process["by"].as_str().unwrap_or_default().to_owned();
        let manner = if case.grant.break_glass { Manner::BreakGlass } else { Manner::Ordinary };
        // What came as code was asked for by whoever applied it.
        let code = Record { by, sponsor: None, at: from, manner, approvals: Vec::new() };
        Ok(Record::read(process).unwrap_or(code))
    }

    /// The approval that the caller can give: in the role that is named, or the first that is theirs.
    fn approval(
        &self,
        caller: &Caller,
        case: &mut Case<'_>,
        record: &Record,
        act: &Act,
        at: Timestamp,
    ) -> Result<Given, AppError> {
        let Some(sponsor) = caller.sponsor.as_deref() else {
            let text = "only an employee approves: sign in as the sponsor or the owner";
            return Err(AppError::refused("approval.not_an_employee", text));
        };
        let by = SponsorId::from(sponsor);
        if record.by == caller.principal {
            return Err(not_allowed(Refusal::Requester));
        }
        case.known.read_sponsor(sponsor)?;
        let named = match act.arguments["role"].as_str() {
            None => None,
            Some(text) => Some(Role::parse(text).ok_or_else(|| {
                AppError::invalid("/role", "is no role", "say `sponsor` or `entitlement_owner`")
            })?),
        };
        let asked = case.roles(record, at)?;
        let roles = named.as_ref().map_or(asked, std::slice::from_ref);
        let mut why_not = Vec::new();
        for role in roles {
            let new = Approval { by: &by, role: *role, at };
            let may = case.with_asked(record, at, |asked, given| {
                let sponsors = &|id: &SponsorId| case.known.register.sponsors.get(id);
                may_approve(asked, given, &new, sponsors)
            })?;
            match may {
                Ok(()) => {
                    let (principal, why) = (caller.principal.clone(), act.why.clone());
                    return Ok(Given { by, principal, role: *role, at, why });
                }
                Err(refusal) => why_not.push(refusal),
            }
        }
        // Of a role that is somebody else's there is less to say than of one's own.
        let own = |refusal: &Refusal| {
            !matches!(refusal, Refusal::NotTheirs(_) | Refusal::AlreadyApproved)
        };
        let refusal = why_not.iter().copied().find(own).or(why_not.first().copied());
        Err(not_allowed(refusal.unwrap_or(Refusal::NotAsked(Role::Sponsor))))
    }
}

fn not_allowed(refusal: Refusal) -> AppError {
    AppError::refused(refusal.code(), refusal.to_string())
}

/// From now, or later if it was asked for later; until no longer than every limit allows by now.
fn activate(
    case: &mut Case<'_>,
    record: &Record,
    process: &mut Json,
    at: Timestamp,
) -> Result<(), AppError> {
    let from = case.grant.interval.from.map_or(at, |from| from.max(at));
    case.grant.interval.from = Some(from);
    if let Some(latest) = case.latest_end(record)? {
        let until =
            case.grant.interval.until.map_or(End::At(latest), |until| until.min(End::At(latest)));
        case.grant.interval.until = Some(until);
    }
    if let Some(every) = case.entitlement()?.review_every {
        let due = from.plus_nanos(every.0);
        case.grant.review_due = Some(case.grant.review_due.map_or(due, |known| known.min(due)));
    }
    let found = case.violations(record, at)?;
    let (refused, open): (Vec<Violation>, Vec<Violation>) =
        found.into_iter().partition(|found| found.weight == Weight::Refused);
    if !refused.is_empty() {
        return Err(AppError::Violations(refused));
    }
    process["left_open"] = left_open(&open);
    Ok(())
}
