//! The facts of this node, in memory, as new as the feed.
//!
//! A decision reads no store. The node loads what the store holds once and then follows the feed:
//! each change is taken over whole, under one lock, so that no decision sees half of an act. Whoever
//! commits on this node takes the change over before the commit is answered; other nodes see it when
//! they look next, which is many times a second. A node that could not look for longer than it may
//! says so, and its facts justify nothing.

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use countersign_journal::Journal;
use countersign_judge::Facts;
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_register::restore_document;
use countersign_store::feed::{Changed, Cursor};

use crate::apply::is_fact;
use crate::documents::parse;
use crate::policies::{Own, Policies};
use crate::{App, AppError};

/// Changes taken over at a time.
const CHANGES_MAX: usize = 1_000;
/// Items learned at a time while all are loaded.
const ITEMS_MAX: usize = 10_000;

/// What decisions are made from.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub facts: Facts,
    /// Every change up to it is in the facts, and none after it.
    pub place: Cursor,
    /// When the node last knew that there was nothing newer.
    pub seen: Timestamp,
    pub policies: Arc<Policies>,
}

impl Snapshot {
    pub fn basis(&self) -> Basis<'_> {
        let Self { facts, place, seen, policies } = self;
        Basis { facts, policies, place: *place, seen: *seen }
    }
}

/// The same by parts, so that facts can be judged by other policies than those in force.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Basis<'a> {
    pub facts: &'a Facts,
    pub policies: &'a Policies,
    pub place: Cursor,
    pub seen: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Live {
    snapshot: RwLock<Snapshot>,
    /// Held by whoever takes changes over: they come in order.
    follows: Mutex<()>,
    /// Where decisions are recorded.
    pub journal: Journal,
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
    pub fn begin_to_judge(&self, journal: Journal) -> Result<(), AppError> {
        let place = self.store.feed_end()?;
        let (facts, _) = self.facts_at(None)?;
        self.begin_to_judge_by(facts, place, journal)
    }

    /// The same by facts that were loaded already, with every change up to a place of the feed.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn begin_to_judge_by(
        &self,
        facts: Facts,
        place: Cursor,
        journal: Journal,
    ) -> Result<(), AppError> {
        let seen = self.now();
        let policies = Arc::new(Policies::or_none(&self.own_policies()?));
        let snapshot = RwLock::new(Snapshot { facts, place, seen, policies });
        // A second call changes nothing: the first one follows the feed.
        let _ = self.live.set(Live { snapshot, follows: Mutex::new(()), journal });
        self.follow()
    }

    /// The facts as they are now, or as they were when the feed was at a place; and the company's own
    /// policies.
    pub(crate) fn facts_at(&self, place: Option<Cursor>) -> Result<(Facts, Own), AppError> {
        let (mut facts, mut own) = (Facts::default(), Own::new());
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
                own.append(&mut register.policies);
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
        own.append(&mut register.policies);
        facts.learn(register);
        fault.map_or(Ok((facts, own)), Err)
    }

    /// When this node last knew that nothing is newer than its facts; `None` if it does not judge.
    pub fn facts_seen(&self) -> Option<Timestamp> {
        self.live.get().map(|live| live.read().seen)
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
        let changes_policies =
            !learned.policies.is_empty() || forgotten.iter().any(|(noun, _)| noun == "policy");
        // To compile them takes a while, in which decisions go on by those before.
        let policies = match changes_policies {
            true => Some(Arc::new(Policies::or_none(&self.own_policies()?))),
            false => None,
        };
        let mut snapshot = live.write();
        if let Some(policies) = policies {
            snapshot.policies = policies;
        }
        forgotten.iter().for_each(|(noun, id)| snapshot.facts.forget(noun, id));
        snapshot.facts.learn(learned);
        snapshot.place = change.cursor;
        Ok(())
    }
}
