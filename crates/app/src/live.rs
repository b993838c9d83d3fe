//! The facts of this node, in memory, as new as the feed.
//!
//! A decision reads no store. The node loads what the store holds once and then follows the feed:
//! each change is taken over whole, under one lock, so that no decision sees half of an act. Whoever
//! commits on this node takes the change over before the commit is answered; other nodes see it when
//! they look next, which is many times a second. A node that could not look for longer than it may
//! says so, and its facts justify nothing.

use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use countersign_judge::{Facts, Guardrails};
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_register::restore_document;
use countersign_store::feed::{Changed, Cursor};

use crate::apply::is_fact;
use crate::decide::Portals;
use crate::documents::parse;
use crate::{App, AppError};

/// Changes taken over at a time.
const CHANGES_MAX: usize = 1_000;
/// Items learned at a time while all are loaded.
const ITEMS_MAX: usize = 10_000;

/// What decisions are made from.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub facts: Facts,
    pub portals: Portals,
    /// Every change up to it is in the facts, and none after it.
    pub place: Cursor,
    /// When the node last knew that there was nothing newer.
    pub seen: Timestamp,
    pub guardrails: Guardrails,
    /// SHA-256 of the text of all policies, in hexadecimal.
    pub policies: String,
}

#[derive(Debug)]
pub(crate) struct Live {
    snapshot: RwLock<Snapshot>,
    /// Held by whoever takes changes over: they come in order.
    follows: Mutex<()>,
}

impl Live {
    pub fn read(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Snapshot> {
        self.snapshot.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Loads the facts, so that this node can decide. Until then it refuses to.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn begin_to_judge(&self) -> Result<(), AppError> {
        let seen = self.now();
        let place = self.store.feed_end()?;
        let facts = self.facts_at(None)?;
        let portals = self.portals()?;
        let guardrails = Guardrails::shipped();
        let policies = version(&guardrails);
        let snapshot = RwLock::new(Snapshot { facts, portals, place, seen, guardrails, policies });
        // A second call changes nothing: the first one follows the feed.
        let _ = self.live.set(Live { snapshot, follows: Mutex::new(()) });
        self.follow()
    }

    /// The facts as they are now, or as they were when the feed was at a place.
    pub(crate) fn facts_at(&self, place: Option<Cursor>) -> Result<Facts, AppError> {
        let mut facts = Facts::default();
        let mut register = Register::default();
        let mut waiting = 0;
        let mut fault = None;
        let mut each = |noun: &str, state: &str, body: &str| {
            if !is_fact(noun, state) || fault.is_some() {
                return;
            }
            match parse(body) {
                Ok(body) => restore_document(&mut register, noun, &body),
                Err(error) => fault = Some(error),
            }
            waiting += 1;
            if waiting >= ITEMS_MAX {
                facts.learn(std::mem::take(&mut register));
                waiting = 0;
            }
        };
        match place {
            None => self.store.each_item(|noun, _, _, state, body| {
                each(noun, state, body);
                Ok(())
            })?,
            Some(place) => self.store.each_item_at(place, |noun, _, _, state, body| {
                each(noun, state, body);
                Ok(())
            })?,
        }
        facts.learn(register);
        fault.map_or(Ok(facts), Err)
    }

    /// Takes over what changed since the last look. Nothing, if this node does not judge.
    ///
    /// # Errors
    /// If the store cannot be read; the facts are then as old as they were.
    pub fn follow(&self) -> Result<(), AppError> {
        let Some(live) = self.live.get() else { return Ok(()) };
        let _turn = live.follows.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let seen = self.now();
            let place = live.read().place;
            let changes = self.store.changes(place, CHANGES_MAX)?;
            for change in &changes {
                self.take_over(live, change)?;
            }
            if changes.len() < CHANGES_MAX {
                live.write().seen = seen;
                return Ok(());
            }
        }
    }

    /// The versions that one change made, all at once.
    fn take_over(&self, live: &Live, change: &Changed) -> Result<(), AppError> {
        let mut items = self.store.made_by(change.cursor.seq)?;
        // An erasure makes no version: it takes away from those that are there.
        if let (true, Some(id)) = (items.is_empty(), &change.item) {
            items.extend(self.store.item(&change.noun, id)?);
        }
        let mut learned = Register::default();
        let mut forgotten = Vec::new();
        for item in items {
            if is_fact(&item.noun, &item.state) {
                restore_document(&mut learned, &item.noun, &parse(&item.body)?);
            } else {
                forgotten.push((item.noun, item.id));
            }
        }
        let mut snapshot = live.write();
        for (noun, id) in &forgotten {
            snapshot.facts.forget(noun, id);
            if noun == "portal" {
                snapshot.portals.forget(id);
            }
        }
        snapshot.portals.learn(std::mem::take(&mut learned.portals));
        snapshot.facts.learn(learned);
        snapshot.place = change.cursor;
        Ok(())
    }
}

/// One name for exactly these policies.
fn version(guardrails: &Guardrails) -> String {
    let mut all = Vec::new();
    for (name, text) in guardrails.texts() {
        for part in [name, text] {
            // The length first, so that no two lists of texts give the same bytes.
            all.extend_from_slice(&(part.len() as u64).to_be_bytes());
            all.extend_from_slice(part.as_bytes());
        }
    }
    crate::digest(&all).iter().map(|byte| format!("{byte:02x}")).collect()
}
