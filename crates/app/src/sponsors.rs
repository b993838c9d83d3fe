//! A sponsor leaves, a successor is proposed and accepts, and what was sponsored moves in one act.
//! The clock that runs meanwhile is in the sponsor's facts: `govern::succession`.

use countersign_govern::succession::{Refusal, Sponsored, may_succeed};
use countersign_model::id::SponsorId;
use countersign_model::register::{Register, Sponsor};
use countersign_model::time::Timestamp;
use countersign_store::batch::{Batch, Precondition};
use countersign_store::items::{Filter, Item};
use serde_json::Value as Json;

use crate::act::{fresh, note};
use crate::documents::{canonical, parse};
use crate::effect::{self, Step};
use crate::ends::is_over;
use crate::evidence::{Deed, Version};
use crate::known::Known;
use crate::{Act, App, AppError, Caller, View};

/// Who is proposed to take over, and has not answered yet.
pub(crate) fn proposed(item: &Item) -> Result<Option<String>, AppError> {
    Ok(parse(&item.process)?["successor"].as_str().map(str::to_owned))
}

impl App {
    /// Proposes `act.arguments.successor` for a sponsor who left.
    pub(crate) fn propose_successor(
        &self,
        caller: &Caller,
        id: &str,
        act: &Act,
    ) -> Result<View, AppError> {
        let item = self.stored("sponsor", id)?;
        self.demand_on(caller, "propose", &item)?;
        fresh(act, &item)?;
        let at = self.now();
        let state = effect::next_of(&item, "propose", at)?;
        let successor = act.arguments["successor"].as_str().ok_or_else(|| {
            AppError::invalid("/successor", "names nobody", "name the sponsor who is to take over")
        })?;
        let known = self.checked_successor(id, successor, at)?;
        let mut process = parse(&item.process)?;
        let step = Step { caller, verb: "propose", at, arguments: &act.arguments };
        note(&mut process, &step, act);
        process["successor"] = successor.into();
        let body = parse(&item.body)?;
        let version = Version { noun: "sponsor", id, after: Some(&item), state, body, process };
        self.succession(caller, ("propose", id), act, (vec![version], known.reads(("sponsor", id))))
    }

    /// The proposed successor takes over: organizations, grants, entitlements and the identities
    /// that were the other's are theirs from now on.
    pub(crate) fn succeed(&self, caller: &Caller, id: &str, act: &Act) -> Result<View, AppError> {
        let item = self.stored("sponsor", id)?;
        self.demand_on(caller, "accept", &item)?;
        fresh(act, &item)?;
        let at = self.now();
        let state = effect::next_of(&item, "accept", at)?;
        let successor = proposed(&item)?;
        let successor = successor.filter(|it| caller.sponsor.as_deref() == Some(it));
        let successor = successor.ok_or_else(|| {
            let text = "only who is proposed takes over, by their own word; propose another";
            AppError::refused("successor.not_proposed", text)
        })?;
        let known = self.checked_successor(id, &successor, at)?;
        let mut reads = known.reads(("sponsor", id));
        let (left, heir) = (SponsorId::from(id), SponsorId::from(successor.as_str()));
        let mut register = Register::default();
        countersign_register::restore_document(&mut register, "sponsor", &parse(&item.body)?);
        for sponsor in register.sponsors.values_mut() {
            sponsor.successor = Some(heir.clone());
        }
        let mut process = parse(&item.process)?;
        let step = Step { caller, verb: "accept", at, arguments: &act.arguments };
        note(&mut process, &step, act);
        drop(process.as_object_mut().and_then(|process| process.remove("successor")));
        let body = canonical(&register)?;
        let sponsored = self.sponsored(id)?;
        let mut versions =
            vec![Version { noun: "sponsor", id, after: Some(&item), state, body, process }];
        for one in &sponsored {
            if let Some(body) = moved(one, &left, &heir, at)? {
                let (noun, id, state) = (one.noun.as_str(), one.id.as_str(), one.state.clone());
                let mut process = parse(&one.process)?;
                note(&mut process, &step, act);
                versions.push(Version { noun, id, after: Some(one), state, body, process });
            }
        }
        reads.retain(|read| !versions.iter().any(|it| it.noun == read.noun && it.id == read.id));
        self.succession(caller, ("accept", id), act, (versions, reads))
    }

    fn succession(
        &self,
        caller: &Caller,
        (verb, id): (&str, &str),
        act: &Act,
        (versions, reads): (Vec<Version<'_>>, Vec<Precondition>),
    ) -> Result<View, AppError> {
        let name = format!("sponsor.{verb}");
        let why = act.why.as_deref();
        let deed = Deed { by: caller, verb: &name, why, id: self.act_id(caller, act) };
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        let also = self.remembered(caller, act, "sponsor", id);
        self.commit(Batch { reads, changes: vec![change], also })?;
        self.view(&self.stored("sponsor", id)?)
    }

    fn checked_successor(
        &self,
        left: &str,
        successor: &str,
        at: Timestamp,
    ) -> Result<Known<'_>, AppError> {
        let mut known = Known::new(self);
        known.read_sponsor(left)?;
        known.read_sponsor(successor)?;
        let id = SponsorId::from(left);
        let sponsors = &known.register.sponsors;
        let find = |id: &SponsorId| -> Option<&Sponsor> { sponsors.get(id) };
        let sponsor = find(&id).ok_or_else(|| AppError::not_found("sponsor", left))?;
        may_succeed((&id, sponsor), &successor.into(), &find, at)
            .map_err(|why: Refusal| AppError::refused(why.code(), why.to_string()))?;
        Ok(known)
    }

    /// Everything that names a sponsor as the one who answers for it.
    fn sponsored(&self, id: &str) -> Result<Vec<Item>, AppError> {
        let filter = Filter { sponsor: Some(id.to_owned()), ..Filter::default() };
        let mut found = Vec::new();
        for noun in ["organization", "identity", "grant", "entitlement", "invitation"] {
            found.extend(self.every(noun, &filter)?.into_iter().filter(|item| !is_over(item)));
        }
        Ok(found)
    }
}

/// The document with another sponsor; `None` if it stays as it is.
fn moved(
    item: &Item,
    left: &SponsorId,
    heir: &SponsorId,
    at: Timestamp,
) -> Result<Option<Json>, AppError> {
    let mut body = parse(&item.body)?;
    if item.noun == "invitation" {
        body["sponsor"] = heir.as_str().into();
        return Ok(Some(body));
    }
    let mut register = Register::default();
    countersign_register::restore_document(&mut register, &item.noun, &body);
    let mut is_moved = false;
    let mut moves = |it: &dyn Sponsored| {
        is_moved = it.moves(left, at);
        is_moved
    };
    for one in register.organizations.values_mut() {
        if moves(one) {
            one.sponsor = Some(heir.clone());
        }
    }
    for one in register.grants.values_mut() {
        if moves(one) {
            one.sponsor = Some(heir.clone());
        }
    }
    for one in register.identities.values_mut() {
        if moves(one) {
            one.owner = Some(heir.to_string());
        }
    }
    for one in register.entitlements.values_mut() {
        if moves(one) {
            one.owner = Some(heir.to_string());
        }
    }
    if is_moved { canonical(&register).map(Some) } else { Ok(None) }
}
