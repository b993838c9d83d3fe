//! The register as code: what a folder says, held against what is; and back.

use std::collections::BTreeMap;

use countersign_model::register::Register;
use countersign_register::{Document, Noun, SETTINGS, documents, restore_document};
use countersign_store::batch::Batch;
use countersign_store::items::Item;
use serde_json::{Value as Json, json};

use crate::documents::parse;
use crate::effect::{self, Step};
use crate::ends::{ending_verb, is_over};
use crate::evidence::{Deed, Version};
use crate::policies::Policies;
use crate::{Act, App, AppError, Caller, people, two};

/// What will be, or was, done to make the server what the folder says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Planned>,
    pub unchanged: usize,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// `create`, `change`, or the verb that ends an item of this noun.
    pub verb: String,
    pub noun: String,
    pub id: String,
    /// The keys whose values differ, of a change.
    pub keys: Vec<String>,
}

/// An item with its step, before it is a version.
struct Draft {
    planned: Planned,
    before: Option<Item>,
    state: String,
    body: Json,
}

/// States in which an item is not, or never became, a fact: it waits for somebody, or was refused.
const NOT_FACTS: [(&str, &[&str]); 4] = [
    ("grant", &["requested", "approved", "countersigned", "refused", "withdrawn"]),
    ("exception", &["asked", "refused", "withdrawn"]),
    ("identity", &["proposed"]),
    ("trust_path", &["refused"]),
];

/// Nouns that are in no register.
pub(crate) const OF_THE_SERVER: [&str; 3] = ["member", "subscription", "invitation"];

impl App {
    /// # Errors
    /// `Forbidden` if the caller may not: asked before anything they sent is read.
    pub fn may_apply(&self, caller: &Caller) -> Result<(), AppError> {
        self.demand(caller, "apply", "register")
    }

    /// What an apply of this register would do.
    ///
    /// # Errors
    /// `Refused` if it would put an exception to a guardrail in force: that takes two people.
    pub fn plan(&self, caller: &Caller, register: &Register) -> Result<Plan, AppError> {
        self.demand(caller, "apply", "register")?;
        let (drafts, unchanged) = self.drafts(caller, register)?;
        let steps = drafts.into_iter().map(|draft| draft.planned).collect();
        Ok(Plan { steps, unchanged })
    }

    /// Brings the server to what the register says, in one act with one leaf: all of it, or nothing.
    ///
    /// # Errors
    /// `Stale` if somebody changed an item meanwhile: plan again.
    pub fn apply(&self, caller: &Caller, register: &Register, act: &Act) -> Result<Plan, AppError> {
        self.demand(caller, "apply", "register")?;
        let (drafts, unchanged) = self.drafts(caller, register)?;
        let steps: Vec<Planned> = drafts.iter().map(|draft| draft.planned.clone()).collect();
        if steps.is_empty() {
            return Ok(Plan { steps, unchanged });
        }
        let mut versions = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            let mut process = json!({"by": caller.principal, "applied": true});
            people::keep_directory(&mut process, draft.before.as_ref())?;
            versions.push(Version {
                noun: &draft.planned.noun,
                id: &draft.planned.id,
                after: draft.before.as_ref(),
                state: draft.state.clone(),
                body: draft.body.clone(),
                process,
            });
        }
        let id = self.act_id(caller, act);
        let deed = Deed { by: caller, verb: "register.apply", why: act.why.as_deref(), id };
        let change = self.change(&deed, versions, &self.organizations_in(register))?;
        self.commit(Batch { changes: vec![change], ..Batch::default() })?;
        Ok(Plan { steps, unchanged })
    }

    fn drafts(
        &self,
        caller: &Caller,
        register: &Register,
    ) -> Result<(Vec<Draft>, usize), AppError> {
        Policies::new(&register.policies).map_err(AppError::Invalid)?;
        let mut current = self.current()?;
        let mut drafts = Vec::new();
        let mut unchanged = 0;
        // On an empty server there is nobody yet who could be the second person.
        let is_first = current.is_empty();
        let mut by_one = Vec::new();
        for document in documents(register) {
            let before = current.remove(&(document.noun.to_owned(), document.id.clone()));
            if !is_first && two::lacks_two(&document, before.as_ref())? {
                by_one.push(document.id.clone());
            }
            match self.draft(document, before)? {
                Some(draft) => drafts.push(draft),
                None => unchanged += 1,
            }
        }
        two::refuse_by_one(&by_one)?;
        for item in current.into_values().filter(|item| !is_over(item)) {
            // Who comes from the directory leaves by it.
            if people::is_of_directory(&item)? {
                continue;
            }
            drafts.extend(self.ending_draft(caller, item)?);
        }
        Ok((drafts, unchanged))
    }

    /// All newest versions of what a register can hold.
    fn current(&self) -> Result<BTreeMap<(String, String), Item>, AppError> {
        let mut current = BTreeMap::new();
        let nouns = Noun::WITH_ID.iter().map(|noun| noun.singular());
        for noun in nouns.chain([SETTINGS]) {
            for item in self.every(noun, &countersign_store::items::Filter::default())? {
                current.insert((item.noun.clone(), item.id.clone()), item);
            }
        }
        Ok(current)
    }

    /// `None` if the item is as the document says.
    fn draft(&self, document: Document, before: Option<Item>) -> Result<Option<Draft>, AppError> {
        let Document { noun, id, body } = document;
        let stated = stated(noun, &body);
        let (verb, state, keys) = match &before {
            None => ("create", stated, Vec::new()),
            Some(item) => {
                let old = parse(&item.body)?;
                // Code makes a fact of what only waited for somebody.
                let ended = item.state == effect::ENDED && stated == effect::CURRENT
                    || is_no_fact(noun, &item.state);
                if old == body && !ended {
                    return Ok(None);
                }
                // A state that the register does not speak of is not touched by it.
                let was_stated = crate::apply::stated(noun, &old);
                let kept = was_stated == stated && !ended;
                let state = if kept { item.state.clone() } else { stated };
                ("change", state, changed_keys(&old, &body))
            }
        };
        let planned = Planned { verb: verb.to_owned(), noun: noun.to_owned(), id, keys };
        Ok(Some(Draft { planned, before, state, body }))
    }

    /// What the folder no longer says is ended, never deleted.
    fn ending_draft(&self, caller: &Caller, item: Item) -> Result<Option<Draft>, AppError> {
        let arguments = Json::Null;
        let verb = match item.noun.as_str() {
            "sponsor" => "leave",
            noun => ending_verb(noun).unwrap_or("end"),
        };
        let body = parse(&item.body)?;
        let mut register = Register::default();
        restore_document(&mut register, &item.noun, &body);
        let at = self.now();
        let shown = effect::shown(&item.noun, &register, &item.state, at);
        let Ok(state) = effect::next(&item.noun, &shown, verb) else { return Ok(None) };
        let by = Caller { sponsor: caller.sponsor.clone(), ..caller.clone() };
        let step = Step { caller: &by, verb, at, arguments: &arguments };
        let body = match item.noun.as_str() {
            // The settings have no life: they say nothing from now on.
            SETTINGS => body,
            noun => {
                effect::apply(noun, &mut register, &step)?;
                crate::documents::canonical(&register)?
            }
        };
        let (noun, id) = (item.noun.clone(), item.id.clone());
        let planned = Planned { verb: verb.to_owned(), noun, id, keys: Vec::new() };
        Ok(Some(Draft { planned, before: Some(item), state, body }))
    }

    /// The facts as they are: what `judge` reads, and what an export writes.
    pub fn facts(&self) -> Result<Register, AppError> {
        let mut kept: Vec<(String, String, Json)> = Vec::new();
        let mut fault = None;
        self.store.each_item(|noun, id, _, state, body| {
            if !is_fact(noun, state) {
                return Ok(());
            }
            match parse(body) {
                Ok(body) => kept.push((noun.to_owned(), id.to_owned(), body)),
                Err(error) => fault = Some(error),
            }
            Ok(())
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let mut register = Register::default();
        for (noun, _, body) in without_danglers(kept) {
            restore_document(&mut register, &noun, &body);
        }
        Ok(register)
    }

    /// The register as files that `apply` would find nothing to do about.
    pub fn export(&self, caller: &Caller) -> Result<Vec<(String, String)>, AppError> {
        self.demand(caller, "export", "register")?;
        let facts = self.facts()?;
        let count = countersign_register::documents(&facts).len() as u64;
        self.count_reading(caller, ("export", "register"), None, count)?;
        Ok(countersign_register::write_files(&facts))
    }
}

/// Whether an item is one that the register says: it does not wait for somebody, it was not refused,
/// and it is not of the server's own.
pub(crate) fn is_fact(noun: &str, state: &str) -> bool {
    let is_known = noun == SETTINGS || Noun::of_singular(noun).is_some();
    is_known && !is_no_fact(noun, state) && !(state == effect::ENDED && is_lifeless(noun))
}

/// Whether an item only waits for somebody, or was refused.
pub(crate) fn is_no_fact(noun: &str, state: &str) -> bool {
    NOT_FACTS.iter().any(|(of, states)| *of == noun && states.contains(&state))
}

fn is_lifeless(noun: &str) -> bool {
    countersign_model::lifecycle::Noun::parse(noun).is_none()
}

/// The state that a document itself says.
fn stated(noun: &str, body: &Json) -> String {
    let mut register = Register::default();
    restore_document(&mut register, noun, body);
    effect::stated(noun, &register).to_owned()
}

pub(crate) fn changed_keys(old: &Json, new: &Json) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    let all = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
    all.filter(|key| old.get(*key) != new.get(*key)).cloned().collect()
}

/// What refers to something that is no fact is none either.
fn without_danglers(mut kept: Vec<(String, String, Json)>) -> Vec<(String, String, Json)> {
    loop {
        let known: std::collections::BTreeSet<(String, String)> =
            kept.iter().map(|(noun, id, _)| (noun.clone(), id.clone())).collect();
        let before = kept.len();
        kept.retain(|(noun, _, body)| {
            countersign_register::references(noun, body)
                .into_iter()
                .all(|reference| known.contains(&(reference.noun.to_owned(), reference.id)))
        });
        if kept.len() == before {
            return kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_no_fact_is_no_fact() {
        let item = |noun: &str, id: &str, body: Json| (noun.to_owned(), id.to_owned(), body);
        let kept = without_danglers(vec![
            item("organization", "o", json!({"id": "o", "kind": "partner"})),
            item("identity", "i", json!({"id": "i", "kind": "human", "organization": "o"})),
            item("identity", "j", json!({"id": "j", "kind": "human", "organization": "p"})),
            item("credential", "c", json!({"id": "c", "identity": "j", "kind": "token"})),
        ]);
        let ids: Vec<&str> = kept.iter().map(|(_, id, _)| id.as_str()).collect();
        assert_eq!(ids, ["o", "i"]);
    }
}
