//! Employees as a list: all of it in one act.

use std::collections::BTreeSet;

use countersign_model::time::Interval;
use countersign_store::items::Filter;
use serde_json::{Value as Json, json};

use super::{DIRECTORY, Draft, SPONSOR, Stay, Wanted, is_here};
use crate::{Act, App, AppError, Caller, Plan, Planned};

/// One employee of a list. What is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// Without an end they are with us.
    pub employed: Interval,
}

/// What becomes of sponsors whom a list does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Stay,
    /// The list is complete: who is not in it has left.
    Leave,
}

impl App {
    /// What an import would do.
    pub fn plan_import(
        &self,
        caller: &Caller,
        rows: &[Row],
        missing: Missing,
    ) -> Result<Plan, AppError> {
        self.may_provision(caller)?;
        Ok(plan(&self.import_drafts(caller, rows, missing, &Act::default())?))
    }

    /// Makes the sponsors what a list says, in one act: all of it, or nothing.
    ///
    /// # Errors
    /// `Stale` if somebody was changed meanwhile: plan again.
    pub fn import(
        &self,
        caller: &Caller,
        rows: &[Row],
        missing: Missing,
        act: &Act,
    ) -> Result<Plan, AppError> {
        self.may_provision(caller)?;
        let drafts = self.import_drafts(caller, rows, missing, act)?;
        let plan = plan(&drafts);
        self.provide(caller, drafts.0, act)?;
        Ok(plan)
    }

    fn import_drafts(
        &self,
        caller: &Caller,
        rows: &[Row],
        missing: Missing,
        act: &Act,
    ) -> Result<(Vec<Draft>, usize), AppError> {
        if rows.is_empty() {
            let text = "the list names nobody; nobody arrives or leaves by an empty list";
            return Err(AppError::refused("import.empty", text));
        }
        let mut drafts = Vec::new();
        let mut unchanged = 0;
        let mut named = BTreeSet::new();
        for row in rows {
            if !named.insert(row.id.as_str()) {
                let text = format!("`{}` is in the list twice; say it once", row.id);
                return Err(AppError::refused("import.twice", text));
            }
            let before = self.store.item(SPONSOR, &row.id)?;
            let directory = match &before {
                Some(item) => imported(crate::documents::parse(&item.process)?[DIRECTORY].take()),
                None => imported(Json::Null),
            };
            let wanted = Wanted {
                id: &row.id,
                name: row.name.as_deref().map(Some),
                email: row.email.as_deref().map(Some),
                stay: Stay::During(row.employed),
                directory,
            };
            match self.person_draft(caller, before, &wanted, act)? {
                Some(draft) => drafts.push(draft),
                None => unchanged += 1,
            }
        }
        if missing == Missing::Leave {
            for item in self.every(SPONSOR, &Filter::default())? {
                let view = self.view(&item)?;
                if named.contains(item.id.as_str()) || !is_here(&view.state) {
                    continue;
                }
                let id = item.id.clone();
                let directory = imported(view.process[DIRECTORY].clone());
                let wanted =
                    Wanted { id: &id, name: None, email: None, stay: Stay::Gone, directory };
                drafts.extend(self.person_draft(caller, Some(item), &wanted, act)?);
            }
        }
        Ok((drafts, unchanged))
    }
}

/// What the directory said stays; whom it deleted is back if a list names them.
fn imported(mut known: Json) -> Json {
    match known.as_object_mut() {
        Some(known) => {
            known.remove("deleted");
            Json::Object(std::mem::take(known))
        }
        None => json!({"imported": true}),
    }
}

fn plan((drafts, unchanged): &(Vec<Draft>, usize)) -> Plan {
    let steps = drafts.iter().map(|draft| {
        let old: Json = draft
            .before
            .as_ref()
            .and_then(|item| crate::documents::parse(&item.body).ok())
            .unwrap_or_default();
        let keys = match draft.before {
            Some(_) => crate::apply::changed_keys(&old, &draft.body),
            None => Vec::new(),
        };
        let (noun, id) = (SPONSOR.to_owned(), draft.id.clone());
        Planned { verb: draft.verb.to_owned(), noun, id, keys }
    });
    Plan { steps: steps.collect(), unchanged: *unchanged }
}
