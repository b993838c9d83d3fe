//! A grant begins: asked for, or taken in an emergency.

use countersign_govern::approval::{Manner, Standing};
use countersign_govern::bounds::{BREAK_GLASS, Violation, Weight};
use countersign_judge::permission::Role as CallerRole;
use countersign_model::id::GrantId;
use countersign_model::register::{Grant, Register};
use countersign_model::time::{End, Timestamp};
use countersign_store::batch::Batch;
use serde_json::{Value as Json, json};

use super::record::{left_open, needed};
use super::{Case, Record};
use crate::documents::canonical;
use crate::evidence::{Deed, Version};
use crate::{Act, App, AppError, Caller, View, effect};

impl App {
    /// Asks for a grant: refused with everything that stands in the way, or stored with what is
    /// still needed. By `break_glass` it is given at once, for hours, and looked at afterwards.
    pub(crate) fn ask_for_grant(
        &self,
        caller: &Caller,
        document: &Register,
        act: &Act,
    ) -> Result<View, AppError> {
        let (id, grant) = document.grants.iter().next().ok_or_else(|| {
            AppError::invalid("", "the document says no grant", "give its `id` and entitlement")
        })?;
        let (verb, state) = effect::beginning("grant", act.verb.as_deref())?;
        self.may_begin(caller, "grant", &verb, document)?;
        let at = self.now();
        let manner = if verb == "break_glass" { Manner::BreakGlass } else { Manner::Ordinary };
        let case = Case::read(self, id, begun(grant, manner, at))?;
        hide_strangers(caller, &case)?;
        let reads = self.resolved("grant", &canonical(document)?, None)?;
        let record = Record { manner, ..Record::ordinary(caller, at) };
        let (process, standing) = asked(&case, &record, at)?;
        let body = body(id, &case.grant)?;
        let id = id.to_string();
        let version = Version { noun: "grant", id: &id, after: None, state, body, process };
        let name = format!("grant.{verb}");
        let why = act.why.as_deref().or(case.grant.justification.as_deref());
        let deed = Deed { by: caller, verb: &name, why, id: self.act_id(caller, act) };
        let change =
            self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
        let mut also = self.remembered(caller, act, "grant", &id);
        also.extend(self.tell_asked(&case, &record, &standing)?);
        let mut reads = reads;
        reads.extend(case.known.reads(("grant", &id)));
        self.commit(Batch { reads, changes: vec![change], also })?;
        self.view(&self.stored("grant", &id)?)
    }
}

/// What is kept of a request that nothing stands against, and where its approvals stand.
fn asked(case: &Case<'_>, record: &Record, at: Timestamp) -> Result<(Json, Standing), AppError> {
    let found = case.violations(record, at)?;
    let (mut refused, open): (Vec<Violation>, Vec<Violation>) =
        found.into_iter().partition(|found| found.weight == Weight::Refused);
    let standing = case.standing(record, at)?;
    if record.manner == Manner::Ordinary {
        // An approval that nobody can give is said now, not when it is waited for.
        refused
            .extend(standing.needed.iter().filter_map(|(_, who)| who.as_ref().err()).map(unable));
        refused.sort();
    }
    if !refused.is_empty() {
        return Err(AppError::Violations(refused));
    }
    let mut process = json!({"by": record.by});
    record.write(&mut process);
    process["needed"] = needed(&standing);
    process["left_open"] = left_open(&open);
    Ok((process, standing))
}

/// Why nobody can approve, as something that stands in the way.
pub(crate) fn unable(why: &countersign_govern::approval::Refusal) -> Violation {
    let text = why.to_string();
    let (says, remedy) = text.split_once("; ").unwrap_or((&text, "name another sponsor or owner"));
    Violation {
        code: why.code(),
        weight: Weight::Refused,
        says: says.to_owned(),
        remedy: remedy.to_owned(),
        latest: None,
    }
}

/// The grant as it is asked for: nothing in a request claims what only comes later.
fn begun(grant: &Grant, manner: Manner, at: Timestamp) -> Grant {
    let mut grant = grant.clone();
    grant.revoked = None;
    grant.suspended = Vec::new();
    grant.break_glass = manner == Manner::BreakGlass;
    let from = *grant.interval.from.get_or_insert(at);
    if manner == Manner::BreakGlass {
        grant.interval.until.get_or_insert(End::At(from.plus_nanos(BREAK_GLASS.longest.0)));
    }
    grant
}

/// For a partner's administrator there is nobody but their own and those whom they brought in.
fn hide_strangers(caller: &Caller, case: &Case<'_>) -> Result<(), AppError> {
    let own = caller.organization.as_deref();
    let is_theirs = case.organizations.iter().any(|id| Some(id.as_str()) == own);
    if caller.role != CallerRole::PartnerAdmin || is_theirs {
        return Ok(());
    }
    let fix = "make that first, or name one that is there";
    Err(AppError::invalid("", "whom it is for is not there", fix))
}

/// The document of one grant.
pub(super) fn body(id: &GrantId, grant: &Grant) -> Result<Json, AppError> {
    let mut register = Register::default();
    register.grants.insert(id.clone(), grant.clone());
    canonical(&register)
}
