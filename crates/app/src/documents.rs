//! Items as people and programs read them, and their documents as they are made and corrected.

use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_register::{Reference, read_document, references};
use countersign_store::batch::{Batch, Precondition};
use countersign_store::feed::Changed;
use countersign_store::items::{Filter, Item};
use countersign_store::used::Used;
use serde_json::{Value as Json, json};

use crate::act::retried;
use crate::caller::Reach;
use crate::correct::may_correct;
use crate::evidence::{Deed, Version};
use crate::{Act, App, AppError, Caller, effect};

/// An item as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub noun: String,
    pub id: String,
    /// Also its ETag.
    pub rev: i64,
    /// As of now: what time alone does to a state is in it.
    pub state: String,
    pub organization: Option<String>,
    pub sponsor: Option<String>,
    /// As the register has it.
    pub document: Json,
    /// How it came about: who asked, who approved, what is still needed.
    pub process: Json,
    /// Of a grant or credential that was read: how often decisions allowed something by it.
    pub used: Option<Used>,
}

/// Nouns whose use is counted.
const COUNTED: [&str; 2] = ["grant", "credential"];

/// Items of one noun, by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub items: Vec<View>,
    /// Give it as `after` for the next page; `None`: this was the last. There may be one although this
    /// page is not full.
    pub next: Option<String>,
}

impl App {
    /// # Errors
    /// `NotFound`, also for whom it is a secret that there is one.
    pub fn item(&self, caller: &Caller, noun: &str, id: &str) -> Result<View, AppError> {
        let item = self.stored(noun, id)?;
        self.demand_on(caller, "read", &item)?;
        self.has_read(caller, "read", noun, &[&item])?;
        let mut views = [self.view(&item)?];
        self.say_use(noun, &mut views)?;
        let [view] = views;
        Ok(view)
    }

    /// Says of each how often it was used.
    fn say_use(&self, noun: &str, views: &mut [View]) -> Result<(), AppError> {
        let (true, [first, ..], [.., last]) = (COUNTED.contains(&noun), &*views, &*views) else {
            return Ok(());
        };
        let used = self.store.used(noun, (&first.id, &last.id))?;
        for view in views {
            view.used = used.iter().find(|used| used.id == view.id).cloned();
        }
        Ok(())
    }

    /// One page of what the caller may see; `filter.state` is the state as it is shown now.
    pub fn list(&self, caller: &Caller, noun: &str, mut filter: Filter) -> Result<Page, AppError> {
        let (column, own) = match self.reach(caller, noun)? {
            Reach::All => (None, None),
            Reach::OwnOrganization => {
                (Some(&mut filter.organization), caller.organization.as_ref())
            }
            Reach::Sponsored => (Some(&mut filter.sponsor), caller.sponsor.as_ref()),
            Reach::OwnTenant => (Some(&mut filter.about), caller.tenant.as_ref()),
        };
        if let Some(column) = column {
            let is_other = column.as_ref().is_some_and(|wanted| Some(wanted) != own);
            if is_other || own.is_none() {
                return Ok(Page { items: Vec::new(), next: None });
            }
            *column = own.cloned();
        }
        let (items, next) = self.shown_page(noun, filter)?;
        self.has_read(caller, "list", noun, &items.iter().collect::<Vec<_>>())?;
        let mut items: Vec<View> =
            items.iter().map(|item| self.view(item)).collect::<Result<_, _>>()?;
        self.say_use(noun, &mut items)?;
        Ok(Page { items, next })
    }

    /// What was done to an item, the newest first.
    pub fn history(
        &self,
        caller: &Caller,
        noun: &str,
        id: &str,
        before: Option<i64>,
    ) -> Result<Vec<Changed>, AppError> {
        let item = self.stored(noun, id)?;
        self.demand_on(caller, "history", &item)?;
        Ok(self.store.changes_of(noun, id, before, 100)?)
    }

    /// Makes an item from its document, by the verb with which its noun begins, or corrects the
    /// document of one that is there (`act.rev` says which version was read).
    pub fn put(
        &self,
        caller: &Caller,
        noun: &str,
        document: &Json,
        act: &Act,
    ) -> Result<View, AppError> {
        let mut register = Register::default();
        read_document(&mut register, noun, document).map_err(AppError::Invalid)?;
        let id = document["id"].as_str().unwrap_or(countersign_register::SETTINGS_ID);
        if let Some(view) = self.answered(caller, act, noun, id)? {
            return Ok(view);
        }
        let now = self.store.item(noun, id)?;
        if now.is_none() && act.rev.is_none() && noun == "grant" {
            return retried(act, || self.ask_for_grant(caller, &register, act));
        }
        if now.is_none() {
            effect::unclaimed(&mut register);
        }
        effect::with_clock(&mut register);
        let body = canonical(&register)?;
        let (verb, state, process) = match &now {
            None => self.beginning(caller, noun, &register, act)?,
            Some(item) => self.correction(caller, item, &body, act)?,
        };
        if !register.policies.is_empty() {
            self.policies_with(register.policies.clone())?;
        }
        let reads = self.resolved(noun, &body, now.as_ref())?;
        let name = format!("{noun}.{verb}");
        let deed =
            Deed { by: caller, verb: &name, why: act.why.as_deref(), id: self.act_id(caller, act) };
        let version = Version { noun, id, after: now.as_ref(), state, body, process };
        let change =
            self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
        let also = self.remembered(caller, act, noun, id);
        self.commit(Batch { reads, changes: vec![change], also })?;
        self.view(&self.stored(noun, id)?)
    }

    /// Verb, state and process of a new item.
    fn beginning(
        &self,
        caller: &Caller,
        noun: &str,
        register: &Register,
        act: &Act,
    ) -> Result<(String, String, Json), AppError> {
        if act.rev.is_some() {
            let id = act.id.clone().unwrap_or_default();
            return Err(AppError::not_found(noun, &id));
        }
        let (verb, state) = effect::beginning(noun, act.verb.as_deref())?;
        self.may_begin(caller, noun, &verb, register)?;
        let mut process = json!({"by": caller.principal});
        if let Some(sponsor) = &caller.sponsor {
            process["sponsor"] = sponsor.as_str().into();
        }
        Ok((verb, state, process))
    }

    /// Whether the caller may make the one item of a register.
    pub(crate) fn may_begin(
        &self,
        caller: &Caller,
        noun: &str,
        verb: &str,
        register: &Register,
    ) -> Result<(), AppError> {
        let probe = self.probe(noun, register)?;
        self.demand_on(caller, verb, &probe).map_err(|error| match error {
            // It is the caller's own document: there is nothing to hide.
            AppError::NotFound { .. } => AppError::Forbidden {
                role: caller.role.as_str(),
                verb: verb.to_owned(),
                noun: noun.replace('_', " "),
            },
            error => error,
        })
    }

    fn correction(
        &self,
        caller: &Caller,
        item: &Item,
        body: &Json,
        act: &Act,
    ) -> Result<(String, String, Json), AppError> {
        self.demand_on(caller, "change", item)?;
        may_correct(item, &parse(&item.body)?, body)?;
        match act.rev {
            None => Err(AppError::Exists { noun: item.noun.clone(), id: item.id.clone() }),
            Some(rev) if rev != item.rev => {
                Err(AppError::Stale { noun: item.noun.clone(), id: item.id.clone() })
            }
            Some(_) => Ok(("change".to_owned(), item.state.clone(), parse(&item.process)?)),
        }
    }

    /// An item as it would be stored, to ask whether somebody may make it.
    fn probe(&self, noun: &str, register: &Register) -> Result<Item, AppError> {
        let body = canonical(register)?;
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        let index =
            crate::index::index(noun, &id, &body, &|noun, id| self.organization_of(noun, id))?;
        Ok(Item {
            noun: noun.to_owned(),
            id,
            rev: 0,
            until_rev: None,
            state: String::new(),
            organization: index.organization,
            sponsor: index.sponsor,
            about: index.about,
            parent: index.parent,
            ends: index.ends,
            body: body.to_string(),
            process: "{}".to_owned(),
            digest: Vec::new(),
            salt: None,
        })
    }

    /// Everything a document refers to exists; it is part of what the change is decided on only as
    /// far as it exists, so that two changes of neighbours do not stand in each other's way.
    pub(crate) fn resolved(
        &self,
        noun: &str,
        body: &Json,
        now: Option<&Item>,
    ) -> Result<Vec<Precondition>, AppError> {
        let mut missing = Vec::new();
        for Reference { noun: other, id, pointer } in references(noun, body) {
            let is_itself = other == noun && body["id"].as_str() == Some(&id);
            if !is_itself && self.store.item(other, &id)?.is_none() {
                missing.push(countersign_register::Fault {
                    pointer,
                    message: format!("names no {other}: `{id}`"),
                    fix: Some("make that first, or name one that is there".to_owned()),
                });
            }
        }
        if !missing.is_empty() {
            return Err(AppError::Invalid(missing));
        }
        let rev = now.map(|item| item.rev);
        let id = body["id"].as_str().unwrap_or(countersign_register::SETTINGS_ID).to_owned();
        Ok(vec![Precondition { noun: noun.to_owned(), id, rev }])
    }

    pub(crate) fn stored(&self, noun: &str, id: &str) -> Result<Item, AppError> {
        self.store.item(noun, id)?.ok_or_else(|| AppError::not_found(noun, id))
    }

    pub(crate) fn view(&self, item: &Item) -> Result<View, AppError> {
        let document = parse(&item.body)?;
        Ok(View {
            noun: item.noun.clone(),
            id: item.id.clone(),
            rev: item.rev,
            state: shown(item, &document, self.now()),
            organization: item.organization.clone(),
            sponsor: item.sponsor.clone(),
            document,
            process: parse(&item.process)?,
            used: None,
        })
    }
}

/// The state of an item at an instant, which may have passed the one that is stored.
pub(crate) fn shown(item: &Item, document: &Json, at: Timestamp) -> String {
    if item.noun == "invitation" {
        return crate::invitations::shown(&item.state, document, at);
    }
    let mut register = Register::default();
    countersign_register::restore_document(&mut register, &item.noun, document);
    effect::shown(&item.noun, &register, &item.state, at)
}

pub(crate) fn parse(text: &str) -> Result<Json, AppError> {
    serde_json::from_str(text).map_err(|error| AppError::Stored(error.to_string()))
}

/// The one document of a register that holds one.
pub(crate) fn canonical(register: &Register) -> Result<Json, AppError> {
    let document = countersign_register::documents(register).into_iter().next();
    document
        .map(|document| document.body)
        .ok_or_else(|| AppError::invalid("", "the document says nothing", "give at least its `id`"))
}
