//! Legal holds: what must be kept, whatever somebody orders to be erased. One for each thing that is
//! held; placed by one person, released by two.

use countersign_ledger::entry::{Entry, Hold, HoldStep};
use countersign_ledger::handles::Handle;
use countersign_store::batch::{Batch, Change, Precondition};
use countersign_store::items::Item;
use serde_json::{Value as Json, json};

use crate::documents::parse;
use crate::evidence::{Deed, Version};
use crate::two::{self, Word};
use crate::{App, AppError, Caller, View};

const NOUN: &str = "hold";
const PLACED: &str = "placed";
const RELEASED: &str = "released";

/// The id of the hold on an item.
fn hold_id(noun: &str, id: &str) -> String {
    format!("{noun}.{id}")
}

impl App {
    /// # Errors
    /// If the caller may not `erase` or `hold` this item: asked before what they sent is read.
    pub fn may_custody(
        &self,
        caller: &Caller,
        noun: &str,
        id: &str,
        verb: &str,
    ) -> Result<(), AppError> {
        self.demand_on(caller, verb, &self.stored(noun, id)?)
    }

    /// Holds an item, and with an organization all that is its own.
    ///
    /// # Errors
    /// `Exists` if it is held already.
    pub fn hold(
        &self,
        caller: &Caller,
        (noun, id): (&str, &str),
        ground: &str,
        why: Option<&str>,
    ) -> Result<View, AppError> {
        let subject = self.stored(noun, id)?;
        self.demand_on(caller, "hold", &subject)?;
        let hold = hold_id(noun, id);
        let before = self.store.item(NOUN, &hold)?;
        if before.as_ref().is_some_and(|item| item.state != RELEASED) {
            return Err(AppError::Exists { noun: NOUN.to_owned(), id: hold });
        }
        let number = self.deed_id();
        let hex: String = number.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = json!({
            "id": hold, "subject": format!("{noun}:{id}"), "ground": ground, "number": hex,
        });
        let process = json!({"by": caller.principal, "why": why});
        let state = PLACED.to_owned();
        let version =
            Version { noun: NOUN, id: &hold, after: before.as_ref(), state, body, process };
        let deed = Deed { by: caller, verb: "hold.place", why, id: self.deed_id() };
        let change = self.change(&deed, vec![version], &|_| Ok(None))?;
        let by = self.handle_of(&caller.principal);
        let leaf = self.hold_leaf(number, HoldStep::Place, (noun, id), ground, (by, None))?;
        let leaf = self.beside(&Deed { id: number, ..deed }, (NOUN, &hold), leaf);
        // What is about to be erased and what is about to be held know of each other.
        let read =
            Precondition { noun: noun.to_owned(), id: id.to_owned(), rev: Some(subject.rev) };
        self.commit(Batch { reads: vec![read], changes: vec![change, leaf], ..Batch::default() })?;
        self.view(&self.stored(NOUN, &hold)?)
    }

    /// Releases a hold, if somebody else has asked for it; else asks.
    pub fn release(
        &self,
        caller: &Caller,
        hold: &str,
        why: Option<&str>,
    ) -> Result<View, AppError> {
        let item = self.stored(NOUN, hold)?;
        self.demand_on(caller, "release", &item)?;
        if item.state == RELEASED {
            return Err(AppError::refused("lifecycle.refused", "the hold is released already"));
        }
        let body = parse(&item.body)?;
        let mut process = parse(&item.process)?;
        let word = two::word(&mut process, "release", caller, self.now())?;
        let (verb, state) = match &word {
            Word::First => ("hold.ask_release", PLACED),
            Word::Second(_) => ("hold.release", RELEASED),
        };
        if let Word::Second(first) = &word {
            process["released_by"] = json!([first, caller.principal]);
        }
        let deed = Deed { by: caller, verb, why, id: self.deed_id() };
        let mut changes = Vec::new();
        let state = state.to_owned();
        let (after, body_of) = (Some(&item), body.clone());
        let version = Version { noun: NOUN, id: hold, after, state, body: body_of, process };
        changes.push(self.change(&deed, vec![version], &|_| Ok(None))?);
        if let Word::Second(first) = &word {
            changes.push(self.released(&deed, hold, &body, first)?);
        }
        self.commit(Batch { changes, ..Batch::default() })?;
        self.view(&self.stored(NOUN, hold)?)
    }

    /// Takes back what somebody asked: the hold goes on.
    pub fn keep_hold(&self, caller: &Caller, hold: &str) -> Result<View, AppError> {
        let item = self.stored(NOUN, hold)?;
        self.demand_on(caller, "release", &item)?;
        let mut process = parse(&item.process)?;
        if !two::forget(&mut process) {
            return Err(AppError::refused(
                "lifecycle.refused",
                "nobody asked to release this hold",
            ));
        }
        let (after, state) = (Some(&item), item.state.clone());
        let body = parse(&item.body)?;
        let version = Version { noun: NOUN, id: hold, after, state, body, process };
        let deed = Deed { by: caller, verb: "hold.keep", why: None, id: self.deed_id() };
        let changes = vec![self.change(&deed, vec![version], &|_| Ok(None))?];
        self.commit(Batch { changes, ..Batch::default() })?;
        self.view(&self.stored(NOUN, hold)?)
    }

    fn released(
        &self,
        deed: &Deed<'_>,
        hold: &str,
        body: &Json,
        first: &str,
    ) -> Result<Change, AppError> {
        let broken = || AppError::Stored(format!("the hold `{hold}` does not say what it holds"));
        let subject = body["subject"].as_str().and_then(|text| text.split_once(':'));
        let number = body["number"].as_str().and_then(|text| u128::from_str_radix(text, 16).ok());
        let (subject, number) = subject.zip(number).ok_or_else(broken)?;
        let ground = body["ground"].as_str().unwrap_or_default();
        let by = (self.handle_of(first), Some(self.handle_of(&deed.by.principal)));
        let leaf = self.hold_leaf(number.to_be_bytes(), HoldStep::Release, subject, ground, by)?;
        Ok(self.beside(&Deed { id: self.deed_id(), ..*deed }, (NOUN, hold), leaf))
    }

    fn hold_leaf(
        &self,
        id: [u8; 16],
        step: HoldStep,
        (noun, subject): (&str, &str),
        ground: &str,
        (by, second): (Handle, Option<Handle>),
    ) -> Result<Vec<u8>, AppError> {
        let time = self.now().0;
        let subject = self.item_handle(noun, subject);
        let hold = Hold { time, id, step, noun, subject, why: ground, by, second };
        Entry::Hold(hold).encode().map_err(|_| bad_code("/ground"))
    }

    /// That nothing holds an item: what must still be so when it is erased.
    ///
    /// # Errors
    /// `Refused` with `held`.
    pub(crate) fn not_held(&self, item: &Item) -> Result<Vec<Precondition>, AppError> {
        let mut reads = Vec::new();
        let of = item.organization.as_deref().map(|organization| ("organization", organization));
        let own = Some((item.noun.as_str(), item.id.as_str()));
        for (noun, id) in [own, of].into_iter().flatten() {
            let hold = hold_id(noun, id);
            let found = self.store.item(NOUN, &hold)?;
            if found.as_ref().is_some_and(|found| found.state != RELEASED) {
                let text =
                    format!("the hold `{hold}` covers it; once two people release it, ask again");
                return Err(AppError::refused("held", text));
            }
            let rev = found.map(|found| found.rev);
            reads.push(Precondition { noun: NOUN.to_owned(), id: hold, rev });
        }
        Ok(reads)
    }
}

pub(crate) fn bad_code(pointer: &str) -> AppError {
    let fix = "write a code of letters, digits, `.`, `_` and `-`, such as `gdpr.17.1.b`";
    AppError::invalid(pointer, "is no code", fix)
}
