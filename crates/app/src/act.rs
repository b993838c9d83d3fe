//! The life of an item: who does what to it, by the tables of `countersign_model::lifecycle`.

use aws_lc_rs::digest::{Context, SHA256};
use countersign_model::register::Register;
use countersign_store::batch::{Also, Batch, Precondition};
use countersign_store::items::Item;
use countersign_store::{Outcome, StoreError};
use serde_json::{Value as Json, json};

use crate::documents::{canonical, parse};
use crate::evidence::{Deed, Version};
use crate::grants::DECIDES;
use crate::known::Known;
use crate::two::{self, Word};
use crate::{App, AppError, Caller, View, effect, micros};

/// How a verb is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Act {
    /// The verb by which a new item begins, if its noun has several.
    pub verb: Option<String>,
    /// The item, if the document does not say.
    pub id: Option<String>,
    /// The version that was read: what is newer makes it stale.
    pub rev: Option<i64>,
    pub why: Option<String>,
    /// The same request again has the same effect once. Given by the client, and whose it is.
    pub key: Option<String>,
    /// SHA-256 of the request, so that another one under the same key is refused.
    pub digest: Vec<u8>,
    /// What the verb needs beside: `until`, `successor`, …
    pub arguments: Json,
}

/// A verb that loses a race this often says so.
const TRIES: usize = 5;

impl App {
    /// Does a verb to an item.
    ///
    /// # Errors
    /// `Refused` with the verbs that would work from its state; `Stale` if `act.rev` is not the
    /// newest; `NotFound` and `Forbidden` as for reading.
    pub fn act(
        &self,
        caller: &Caller,
        noun: &str,
        id: &str,
        verb: &str,
        act: &Act,
    ) -> Result<View, AppError> {
        if let Some(view) = self.answered(caller, act, noun, id)? {
            return Ok(view);
        }
        retried(act, || match (noun, verb) {
            ("grant", verb) if DECIDES.contains(&verb) => self.decide_grant(caller, id, verb, act),
            ("sponsor", "propose") => self.propose_successor(caller, id, act),
            ("sponsor", "accept") => self.succeed(caller, id, act),
            ("invitation", "accept") => self.accept_invitation(caller, id, act),
            ("invitation", verb) => self.close_invitation(caller, id, verb, act),
            _ => self.act_once(caller, (noun, id), verb, act),
        })
    }

    fn act_once(
        &self,
        caller: &Caller,
        (noun, id): (&str, &str),
        verb: &str,
        act: &Act,
    ) -> Result<View, AppError> {
        let item = self.stored(noun, id)?;
        self.demand_on(caller, verb, &item)?;
        fresh(act, &item)?;
        if noun == "member" && verb == "end" {
            self.demand_other_owner(id)?;
        }
        let at = self.now();
        let body = parse(&item.body)?;
        let mut register = Register::default();
        countersign_register::restore_document(&mut register, noun, &body);
        let step = effect::Step { caller, verb, at, arguments: &act.arguments };
        let shown = effect::shown(noun, &register, &item.state, at);
        let state = effect::next(noun, &shown, verb)?;
        let mut reads = self.answers_for(noun, &step)?;
        effect::apply(noun, &mut register, &step)?;
        let mut process = parse(&item.process)?;
        reads.extend(self.departures(noun, id, verb)?);
        if (noun, verb) == ("exception", "approve") {
            reads.extend(self.may_approve_exception(caller, &register, &process, at)?);
        }
        if two::needs_two(noun, verb, &body)
            && two::word(&mut process, verb, caller, at)? == Word::First
        {
            return self.first_word(&item, &step, process, act);
        }
        note(&mut process, &step, act);
        let after = match crate::apply::OF_THE_SERVER.contains(&noun) {
            true => body,
            false => canonical(&register)?,
        };
        let version = Version { noun, id, after: Some(&item), state, body: after, process };
        let mut versions = vec![version];
        let hanging = self.hanging(noun, id, verb)?;
        for other in &hanging {
            versions.push(self.ended_with(other, &step)?);
        }
        let name = format!("{noun}.{verb}");
        let why = act.why.as_deref();
        let deed = Deed { by: caller, verb: &name, why, id: self.act_id(caller, act) };
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        let also = self.remembered(caller, act, noun, id);
        self.commit(Batch { reads, changes: vec![change], also })?;
        self.view(&self.stored(noun, id)?)
    }

    /// Whoever accepts something in a sponsor's name names one who works here.
    pub(crate) fn answers_for(
        &self,
        noun: &str,
        step: &effect::Step<'_>,
    ) -> Result<Vec<Precondition>, AppError> {
        let accepts = matches!(
            (noun, step.verb),
            ("organization" | "trust_path" | "invitation", "accept" | "revalidate")
                | ("exception", "approve")
                | ("identity", "activate")
        );
        let Some(sponsor) = step.own_sponsor().filter(|_| accepts) else {
            return Ok(Vec::new());
        };
        let mut known = Known::new(self);
        if self.employed(sponsor, &mut known)? != Some(true) {
            let text =
                format!("`{sponsor}` is not known to work here; it takes an employee who does");
            return Err(AppError::refused("sponsor.gone", text));
        }
        Ok(known.reads(("", "")))
    }

    /// Keeps the word of the first of two people; the item stays as it is.
    fn first_word(
        &self,
        item: &Item,
        step: &effect::Step<'_>,
        mut process: Json,
        act: &Act,
    ) -> Result<View, AppError> {
        note(&mut process, step, act);
        let (noun, id) = (item.noun.as_str(), item.id.as_str());
        let (state, body) = (item.state.clone(), parse(&item.body)?);
        let version = Version { noun, id, after: Some(item), state, body, process };
        let name = format!("{noun}.ask_{}", step.verb);
        let deed = Deed {
            by: step.caller,
            verb: &name,
            why: act.why.as_deref(),
            id: self.act_id(step.caller, act),
        };
        let change =
            self.change(&deed, vec![version], &|noun, id| self.organization_of(noun, id))?;
        let also = self.remembered(step.caller, act, noun, id);
        self.commit(Batch { reads: Vec::new(), changes: vec![change], also })?;
        self.view(&self.stored(noun, id)?)
    }

    /// The id of an act: of a repeated request, the same.
    pub(crate) fn act_id(&self, caller: &Caller, act: &Act) -> [u8; 16] {
        let Some(key) = &act.key else { return self.deed_id() };
        let mut context = Context::new(&SHA256);
        context.update(b"cs/act/v1");
        for text in [&caller.principal, key] {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        let digest = context.finish();
        let (id, _) = digest.as_ref().split_first_chunk().expect("16 of 32 bytes");
        *id
    }

    /// The item as the first request under this key left it, if there was one.
    pub(crate) fn answered(
        &self,
        caller: &Caller,
        act: &Act,
        noun: &str,
        id: &str,
    ) -> Result<Option<View>, AppError> {
        let Some(key) = answer_key(caller, act) else { return Ok(None) };
        let Some(answered) = self.store.answered(&key)? else { return Ok(None) };
        if answered.digest != act.digest {
            return Err(AppError::KeyReused);
        }
        Ok(Some(self.view(&self.stored(noun, id)?)?))
    }

    /// Whether there was a request under this key, whose answer cannot be given again.
    pub(crate) fn was_answered(&self, caller: &Caller, act: &Act) -> Result<bool, AppError> {
        let Some(key) = answer_key(caller, act) else { return Ok(false) };
        match self.store.answered(&key)? {
            Some(answered) if answered.digest != act.digest => Err(AppError::KeyReused),
            answered => Ok(answered.is_some()),
        }
    }

    pub(crate) fn remembered(&self, caller: &Caller, act: &Act, noun: &str, id: &str) -> Vec<Also> {
        let answer = json!({"noun": noun, "id": id}).to_string();
        let at = micros(self.now());
        answer_key(caller, act)
            .map(|key| Also::Answer { key, digest: act.digest.clone(), at, answer })
            .into_iter()
            .collect()
    }

    /// # Errors
    /// `Stale` if what it was decided on has changed.
    pub(crate) fn commit(&self, batch: Batch) -> Result<Vec<i64>, AppError> {
        let outcome = self.store.commit(batch).map_err(|error| match error {
            StoreError::Text => AppError::invalid("", error.to_string(), "leave it out"),
            error => error.into(),
        })?;
        match outcome {
            Outcome::Done(revs) => {
                // Who is told that it is done can rely on it here. If it cannot be taken over now,
                // the node is stale soon, and says so.
                let _ = self.follow();
                Ok(revs)
            }
            Outcome::Conflict { noun, id } => Err(AppError::Stale { noun, id }),
            Outcome::TokenSpent => Err(AppError::Unauthenticated),
        }
    }
}

/// Does it, and decides again if somebody was quicker, unless the caller insists on a version.
pub(crate) fn retried<T>(act: &Act, once: impl Fn() -> Result<T, AppError>) -> Result<T, AppError> {
    for _ in 1..TRIES {
        match once() {
            Err(AppError::Stale { .. }) if act.rev.is_none() => (),
            result => return result,
        }
    }
    once()
}

/// # Errors
/// `Stale` if the caller read another version.
pub(crate) fn fresh(act: &Act, item: &Item) -> Result<(), AppError> {
    if act.rev.is_some_and(|rev| rev != item.rev) {
        return Err(AppError::Stale { noun: item.noun.clone(), id: item.id.clone() });
    }
    Ok(())
}

pub(crate) fn answer_key(caller: &Caller, act: &Act) -> Option<String> {
    act.key.as_ref().map(|key| format!("{} {key}", caller.principal))
}

/// Keeps of an act what later acts need to know: who, when, as which verb.
pub(crate) fn note(process: &mut Json, step: &effect::Step<'_>, act: &Act) {
    let mut entry = json!({
        "verb": step.verb,
        "by": step.caller.principal,
        "at": countersign_register::time_text(step.at),
    });
    if let Some(why) = &act.why {
        entry["why"] = why.as_str().into();
    }
    if !process.is_object() {
        *process = json!({});
    }
    match process["acts"].as_array_mut() {
        Some(acts) => acts.push(entry),
        None => process["acts"] = json!([entry]),
    }
}
