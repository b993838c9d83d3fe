//! What ends by itself, and what ends with something else.

use std::collections::BTreeMap;

use countersign_govern::ends::{Cascade, Item as Hanging, Relation};
use countersign_model::lifecycle::Noun;
use countersign_model::register::Register;
use countersign_model::time::{Duration, Timestamp};
use countersign_store::batch::Batch;
use countersign_store::items::{Filter, Item, PAGE_MAX};

use crate::documents::{canonical, parse};
use crate::effect::{self, Step};
use crate::evidence::{Deed, Version};
use crate::{App, AppError, Caller, micros};

/// Items that one round of the worker tidies.
const ROUND_MAX: usize = 256;

/// How long a repeated request still finds its answer.
const FORGET_AFTER: Duration = Duration(7 * 86_400 * 1_000_000_000);

/// The verb that ends an item of a noun.
pub(crate) fn ending_verb(noun: &str) -> Option<&'static str> {
    match noun {
        "organization" | "identity" | "grant" | "exception" => Some("end"),
        "trust_path" => Some("retire"),
        "credential" => Some("revoke"),
        _ => None,
    }
}

impl App {
    /// Everything that hangs on an item and ends with it.
    pub(crate) fn hanging(&self, noun: &str, id: &str, verb: &str) -> Result<Vec<Item>, AppError> {
        let Some(life) = Noun::parse(noun).filter(|_| ending_verb(noun) == Some(verb)) else {
            return Ok(Vec::new());
        };
        let mut found = BTreeMap::new();
        let mut cascade = Cascade::of(Hanging::new(life, id));
        while let Some((relation, on)) = cascade.open() {
            let mut items = self.hanging_by(relation, &on)?;
            items.retain(|item| !is_over(item));
            cascade.put(relation, &on, items.iter().map(|item| item.id.clone()));
            found.extend(items.into_iter().map(|item| ((relation.noun(), item.id.clone()), item)));
        }
        let plan = cascade.into_plan();
        if plan.is_cut {
            let text = "more hangs on it than ends in one act; end what hangs on it first";
            return Err(AppError::refused("too_many", text));
        }
        let steps = plan.steps.into_iter().filter(|step| step.because.is_some());
        Ok(steps.filter_map(|step| found.remove(&(step.item.noun, step.item.id))).collect())
    }

    fn hanging_by(&self, relation: Relation, on: &Hanging) -> Result<Vec<Item>, AppError> {
        let id = Some(on.id.clone());
        let by_parent = Filter { parent: id.clone(), ..Filter::default() };
        let by_organization = Filter { organization: id.clone(), ..Filter::default() };
        let about = Filter { about: id, ..Filter::default() };
        let filter = match relation {
            Relation::PassedOnFrom | Relation::Via => by_parent,
            Relation::IdentityOf | Relation::TrustPathOf => by_organization,
            // Of an organization: to itself, its groups and its identities.
            Relation::GrantedTo if on.noun == Noun::Organization => by_organization,
            Relation::GrantedTo | Relation::CredentialOf => about,
        };
        let mut found = self.every(relation.noun().as_str(), &filter)?;
        if relation == Relation::GrantedTo && on.noun == Noun::Identity {
            // A group may have the identity's name.
            let mut theirs = Vec::with_capacity(found.len());
            for item in found {
                if parse(&item.body)?["identity"].as_str() == Some(&on.id) {
                    theirs.push(item);
                }
            }
            found = theirs;
        }
        Ok(found)
    }

    /// All pages of a filter.
    pub(crate) fn every(&self, noun: &str, filter: &Filter) -> Result<Vec<Item>, AppError> {
        let mut found: Vec<Item> = Vec::new();
        loop {
            let after = found.last().map(|item| item.id.clone()).unwrap_or_default();
            let page =
                self.store.page(noun, &Filter { after, limit: PAGE_MAX, ..filter.clone() })?;
            let is_last = page.len() < PAGE_MAX;
            found.extend(page);
            if is_last {
                return Ok(found);
            }
        }
    }

    /// The version in which an item ended with another.
    pub(crate) fn ended_with<'a>(
        &self,
        item: &'a Item,
        step: &Step<'_>,
    ) -> Result<Version<'a>, AppError> {
        let verb = ending_verb(&item.noun).unwrap_or("end");
        let mut register = Register::default();
        countersign_register::restore_document(&mut register, &item.noun, &parse(&item.body)?);
        let shown = effect::shown(&item.noun, &register, &item.state, step.at);
        // What only waits for somebody is refused by the end of what it hangs on.
        let state = effect::next(&item.noun, &shown, verb).or_else(|_| {
            effect::next(&item.noun, &shown, "withdraw")
                .or_else(|_| effect::next(&item.noun, &shown, "end"))
        });
        let state = state.unwrap_or_else(|_| item.state.clone());
        effect::apply(&item.noun, &mut register, &Step { verb, ..*step })?;
        let body = canonical(&register)?;
        let process = parse(&item.process)?;
        let (noun, id) = (item.noun.as_str(), item.id.as_str());
        Ok(Version { noun, id, after: Some(item), state, body, process })
    }

    /// One round of the worker: what has run out by now is moved to its last state. Judgements do
    /// not wait for it: they read the intervals. Returns how many it tidied.
    pub fn tidy_ended(&self) -> Result<usize, AppError> {
        let now = self.now();
        let mut tidied = 0;
        let mut after = i64::MIN;
        loop {
            let ended = self.store.ending(after, micros(now), ROUND_MAX)?;
            for item in &ended {
                tidied += usize::from(self.tidy(item, now)?);
            }
            match ended.last().and_then(|last| last.ends) {
                Some(last) if ended.len() == ROUND_MAX => after = last,
                _ => return Ok(tidied),
            }
        }
    }

    /// Forgets what nobody can need any more: tokens and messages that ended, and answers to
    /// requests, a week ago.
    pub fn forget(&self) -> Result<(), AppError> {
        let before = micros(self.now().plus_nanos(-FORGET_AFTER.0));
        let also = vec![countersign_store::batch::Also::Prune { before }];
        self.commit(Batch { also, ..Batch::default() }).map(|_| ())
    }

    fn tidy(&self, item: &Item, now: Timestamp) -> Result<bool, AppError> {
        let caller = Caller::system();
        let Some(version) = self.expired(item, now)? else { return Ok(false) };
        let verb = format!("{}.expire", item.noun);
        let id = self.deed_id();
        let deed = Deed { by: &caller, verb: &verb, why: Some("its end has come"), id };
        let change =
            self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
        match self.commit(Batch { changes: vec![change], ..Batch::default() }) {
            Ok(_) => Ok(true),
            // Somebody changed it meanwhile: the next round looks at it again.
            Err(AppError::Stale { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The version in which an item has expired; `None` if it has not, whatever the column says.
    fn expired<'a>(&self, item: &'a Item, at: Timestamp) -> Result<Option<Version<'a>>, AppError> {
        let body = parse(&item.body)?;
        let mut register = Register::default();
        countersign_register::restore_document(&mut register, &item.noun, &body);
        if effect::shown(&item.noun, &register, &item.state, at) != "expired" {
            return Ok(None);
        }
        let process = parse(&item.process)?;
        let (noun, id) = (item.noun.as_str(), item.id.as_str());
        Ok(Some(Version {
            noun,
            id,
            after: Some(item),
            state: "expired".to_owned(),
            body,
            process,
        }))
    }
}

/// Whether nothing can happen to it any more.
pub(crate) fn is_over(item: &Item) -> bool {
    matches!(
        item.state.as_str(),
        "ended" | "expired" | "revoked" | "retired" | "refused" | "withdrawn" | "succeeded"
    )
}
