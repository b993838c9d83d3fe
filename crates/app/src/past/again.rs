//! A decision of the past, made again; and what would have been decided at a moment.

use std::sync::Arc;

use countersign_model::time::Timestamp;
use countersign_store::feed::Cursor;
use serde_json::{Value as Json, json};

use super::{Past, find};
use crate::decide::{Asking, DecisionId, Question, UNAVAILABLE, Way};
use crate::live::Snapshot;
use crate::policies::Policies;
use crate::{App, AppError, Caller, micros};

/// What came of making a decision again.
#[derive(Debug, Clone, PartialEq)]
pub enum Again {
    /// Byte for byte.
    Same,
    /// It comes out otherwise: this is it.
    Differs(Json),
    /// What it takes is not here any more.
    Missing(Vec<String>),
}

/// A decision with its record.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub id: DecisionId,
    /// As it was recorded; `None`: erased.
    pub record: Option<Json>,
    /// How many decisions the record stands for.
    pub count: u32,
    /// Its place in this node's journal.
    pub seq: u64,
    pub is_reserve: bool,
    pub again: Again,
}

impl App {
    /// A decision as it was recorded, and made again.
    ///
    /// # Errors
    /// `NotFound` if this node's journal does not have it.
    pub fn explain(&self, caller: &Caller, id: &str) -> Result<Explained, AppError> {
        self.demand(caller, "read", "decision")?;
        let wanted = DecisionId::parse(id).ok_or_else(|| AppError::not_found("decision", id))?;
        let stored = find(&self.judging()?.journal, wanted)?;
        let stored = stored.ok_or_else(|| AppError::not_found("decision", id))?;
        self.count_reading(caller, ("read", "decision"), Some(id), 1)?;
        let (record, again) = match &stored.opening {
            None => (None, Again::Missing(vec!["its record was erased".to_owned()])),
            Some(opening) => {
                let record = serde_json::from_slice(&opening.body).ok();
                (record, self.again(&opening.body)?)
            }
        };
        let (count, seq, is_reserve) = (stored.count, stored.seq, stored.is_reserve);
        Ok(Explained { id: wanted, record, count, seq, is_reserve, again })
    }

    fn again(&self, body: &[u8]) -> Result<Again, AppError> {
        let Some(past) = Past::read(body) else {
            let text = "it is the record of a search, which names what was found and no judgement";
            return Ok(Again::Missing(vec![text.to_owned()]));
        };
        let snapshot = self.snapshot_at(past.place, past.seen())?;
        let mut missing = Vec::new();
        let version = env!("CARGO_PKG_VERSION");
        if past.text("version") != version {
            let theirs = past.text("version");
            missing.push(format!("version {theirs} made it, and this is {version}"));
        }
        if past.text("policies") != snapshot.policies.name {
            let theirs = past.text("policies");
            missing.push(format!("the policies {theirs} are not those of this program and store"));
        }
        if !missing.is_empty() {
            return Ok(Again::Missing(missing));
        }
        let (_, recording) = snapshot.basis().decide(past.asking(), past.id, past.at);
        if recording.body == body {
            return Ok(Again::Same);
        }
        let mut remade: Json = serde_json::from_slice(&recording.body)
            .map_err(|error| AppError::Stored(error.to_string()))?;
        past.as_recorded(&mut remade);
        Ok(if remade == past.record { Again::Same } else { Again::Differs(remade) })
    }

    /// The facts and policies as they were at a place of the feed, to a node that had last looked at
    /// `seen`.
    fn snapshot_at(&self, place: Cursor, seen: Timestamp) -> Result<Snapshot, AppError> {
        let (facts, own) = self.facts_at(Some(place))?;
        let policies = Arc::new(Policies::or_none(&own));
        Ok(Snapshot { facts, place, seen, policies })
    }

    /// What is decided of a question at a moment: by what was known then, and by what is known of that
    /// moment now. Leaves no record of a decision: nobody is answered.
    ///
    /// # Errors
    /// `NotFound` if there is no such tenant.
    pub fn decide_at(
        &self,
        caller: &Caller,
        tenant: &str,
        question: &Question,
        at: Timestamp,
    ) -> Result<Json, AppError> {
        self.demand(caller, "read", "decision")?;
        self.stored("tenant", tenant)?;
        self.count_reading(caller, ("read", "decision"), None, 1)?;
        let place = self.store.place_at(micros(at))?;
        let id = DecisionId([0; 16]);
        let (application, way) = (caller.principal.as_str(), Way::Evaluation);
        let asking = Asking { application, tenant, way, question };
        let judged = |snapshot: &Snapshot| -> Result<Json, AppError> {
            let (_, recording) = snapshot.basis().decide(asking, id, at);
            let mut record: Json = serde_json::from_slice(&recording.body)
                .map_err(|error| AppError::Stored(error.to_string()))?;
            if let Some(record) = record.as_object_mut() {
                record.shift_remove("id");
            }
            Ok(record)
        };
        let then = judged(&self.snapshot_at(place, at)?)?;
        let now = judged(&self.snapshot_at(self.store.feed_end()?, at)?)?;
        let differ = then["judgement"] != now["judgement"] || then["answered"] != now["answered"];
        Ok(json!({"then": then, "now_known": now, "differ": differ}))
    }
}

impl Past {
    pub(super) fn asking(&self) -> Asking<'_> {
        let Self { way, application, tenant, question, .. } = self;
        Asking { application, tenant, way: *way, question }
    }

    /// When the node had last looked: long before, if it answered as a node that could not look.
    fn seen(&self) -> Timestamp {
        let was_stale = self.has_reason("facts.stale") || self.text("mode") == "degraded";
        if was_stale { Timestamp(self.at.0.saturating_sub(i64::MAX / 4)) } else { self.at }
    }

    fn has_reason(&self, code: &str) -> bool {
        let reasons = self.record["judgement"]["reasons"].as_array();
        reasons.is_some_and(|reasons| reasons.iter().any(|reason| reason["code"] == code))
    }

    /// What became of it after it was judged: it went to the reserve, by an exception.
    fn as_recorded(&self, remade: &mut Json) {
        if self.text("mode") != "break_glass" {
            return;
        }
        remade["mode"] = self.record["mode"].clone();
        remade["judgement"]["exceptions"] = self.record["judgement"]["exceptions"].clone();
        debug_assert!(!self.has_reason(UNAVAILABLE), "a refusal has no record");
    }
}
