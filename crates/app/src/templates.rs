//! Onboarding: the answers to a template's questions make all its items in one act.

use countersign_govern::template::{Refusal, SHIPPED, refusals, shipped};
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_register::{
    Answer, Answers, Departure, Document, Fault, Mistake, Reference, Template, documents,
    references,
};
use countersign_store::batch::{Also, Batch, Precondition};
use serde_json::{Value as Json, json};

use crate::act::retried;
use crate::effect;
use crate::evidence::{Deed, Version};
use crate::grants::{Case, Record, needed, unable};
use crate::{Act, App, AppError, Caller, View, micros};

/// Departures in one request.
const DEPARTURES_MAX: usize = 64;
/// Who approves is not said here: the exceptions are asked, and approved as any other.
const NOBODY_YET: &str = "nobody-yet";

impl App {
    /// The templates there are, with their questions.
    pub fn templates(&self, caller: &Caller) -> Result<Vec<Template>, AppError> {
        self.demand(caller, "list", "template")?;
        SHIPPED.iter().map(|(name, text)| parsed(name, text)).collect()
    }

    /// Makes what a template says, by `act.arguments`: `answers` by the keys of its questions, and
    /// `departures`. Nothing of it holds before somebody accepted it: organizations, trust paths and
    /// identities are proposed, grants requested, departures asked as exceptions.
    ///
    /// # Errors
    /// `Invalid` with every mistake; `Exists` if an item is there; `Violations` if an approval that a
    /// grant takes is nobody's to give.
    pub fn fill_template(
        &self,
        caller: &Caller,
        name: &str,
        act: &Act,
    ) -> Result<Vec<View>, AppError> {
        self.demand(caller, "fill", "template")?;
        if let Some(views) = self.filled(caller, act)? {
            return Ok(views);
        }
        retried(act, || self.fill_once(caller, name, act))
    }

    fn fill_once(&self, caller: &Caller, name: &str, act: &Act) -> Result<Vec<View>, AppError> {
        let text = shipped(name).ok_or_else(|| AppError::not_found("template", name))?;
        let at = self.now();
        let answers = answers(&act.arguments, at)?;
        let mut register = parsed(name, text)?.fill(&answers).map_err(|all| invalid(&all))?;
        effect::unclaimed(&mut register);
        departures_hold(&register, at)?;
        let made = documents(&register);
        let reads = self.free_and_resolved(&made)?;
        let process = json!({"by": caller.principal, "template": name});
        let mut also = self.remembered_list(caller, act, &made);
        let mut versions = Vec::with_capacity(made.len());
        for document in &made {
            let (_, state) = effect::beginning(document.noun, None)?;
            let mut process = process.clone();
            if let Some(sponsor) = &caller.sponsor {
                process["sponsor"] = sponsor.as_str().into();
            }
            if document.noun == "grant" {
                also.extend(self.asked_by_template(
                    caller,
                    &register,
                    document,
                    &mut process,
                    at,
                )?);
            }
            let (noun, id, body) = (document.noun, document.id.as_str(), document.body.clone());
            versions.push(Version { noun, id, after: None, state, body, process });
        }
        let deed = Deed {
            by: caller,
            verb: "template.fill",
            why: act.why.as_deref(),
            id: self.act_id(caller, act),
        };
        let change = self.change(&deed, versions, &self.organizations_in(&register))?;
        self.commit(Batch { reads, changes: vec![change], also })?;
        made.iter().map(|it| self.view(&self.stored(it.noun, &it.id)?)).collect()
    }

    /// None of the items is there, and all that they name is, or is made with them.
    fn free_and_resolved(&self, made: &[Document]) -> Result<Vec<Precondition>, AppError> {
        let mut missing = Vec::new();
        let mut reads = Vec::new();
        for document in made {
            if self.store.item(document.noun, &document.id)?.is_some() {
                let (noun, id) = (document.noun.to_owned(), document.id.clone());
                return Err(AppError::Exists { noun, id });
            }
            for Reference { noun, id, .. } in references(document.noun, &document.body) {
                if made.iter().any(|other| other.noun == noun && other.id == id) {
                    continue;
                }
                match self.store.item(noun, &id)? {
                    Some(item) => {
                        let noun = noun.to_owned();
                        reads.push(Precondition { noun, id, rev: Some(item.rev) });
                    }
                    None => missing.push(Fault {
                        pointer: "/answers".to_owned(),
                        message: format!("names no {noun}: `{id}`"),
                        fix: Some("make that first, or name one that is there".to_owned()),
                    }),
                }
            }
        }
        reads.sort();
        reads.dedup();
        if missing.is_empty() { Ok(reads) } else { Err(AppError::Invalid(missing)) }
    }

    /// Keeps of a grant who asks for it and whose approval it takes, and tells them.
    fn asked_by_template(
        &self,
        caller: &Caller,
        register: &Register,
        document: &Document,
        process: &mut Json,
        at: Timestamp,
    ) -> Result<Vec<Also>, AppError> {
        let Some((id, grant)) = register.grants.get_key_value(document.id.as_str()) else {
            return Ok(Vec::new());
        };
        let record = Record::ordinary(caller, at);
        record.write(process);
        let case = Case::read(self, id, grant.clone())?;
        let standing = case.standing(&record, at)?;
        let nobody = standing.needed.iter().filter_map(|(_, who)| who.as_ref().err());
        let nobody: Vec<_> = nobody.map(unable).collect();
        if !nobody.is_empty() {
            return Err(AppError::Violations(nobody));
        }
        process["needed"] = needed(&standing);
        self.tell_asked(&case, &record, &standing)
    }

    fn filled(&self, caller: &Caller, act: &Act) -> Result<Option<Vec<View>>, AppError> {
        let Some(key) = crate::act::answer_key(caller, act) else { return Ok(None) };
        let Some(answered) = self.store.answered(&key)? else { return Ok(None) };
        if answered.digest != act.digest {
            return Err(AppError::KeyReused);
        }
        let made = crate::documents::parse(&answered.answer)?;
        let made = made["items"].as_array().cloned().unwrap_or_default();
        let view = |one: &Json| {
            let text = |key: &str| one[key].as_str().unwrap_or_default();
            self.view(&self.stored(text("noun"), text("id"))?)
        };
        made.iter().map(view).collect::<Result<_, _>>().map(Some)
    }

    fn remembered_list(&self, caller: &Caller, act: &Act, made: &[Document]) -> Vec<Also> {
        let items: Vec<Json> =
            made.iter().map(|it| json!({"noun": it.noun, "id": it.id})).collect();
        let (at, answer) = (micros(self.now()), json!({"items": items}).to_string());
        let digest = act.digest.clone();
        let key = crate::act::answer_key(caller, act);
        key.map(|key| Also::Answer { key, digest, at, answer }).into_iter().collect()
    }
}

fn parsed(name: &str, text: &str) -> Result<Template, AppError> {
    Template::parse(name, text).map_err(|all| AppError::Stored(invalid(&all).to_string()))
}

fn invalid(mistakes: &[Mistake]) -> AppError {
    let fault = |mistake: &Mistake| Fault {
        pointer: "/answers".to_owned(),
        message: mistake.message.clone(),
        fix: mistake.fix.clone(),
    };
    AppError::Invalid(mistakes.iter().map(fault).collect())
}

/// A departure has its reason and its end when it is asked for; who approves it comes later.
fn departures_hold(register: &Register, at: Timestamp) -> Result<(), AppError> {
    let later = [Refusal::NoApprover, Refusal::NotEmployed, Refusal::Requester];
    for departure in register.exceptions.values() {
        let found = refusals(departure, None, None, at).into_iter();
        if let Some(refusal) = found.into_iter().find(|refusal| !later.contains(refusal)) {
            return Err(AppError::refused(refusal.code(), refusal.to_string()));
        }
    }
    Ok(())
}

fn answers(arguments: &Json, at: Timestamp) -> Result<Answers, AppError> {
    let mut read = Answers::default();
    let given = arguments["answers"].as_object().ok_or_else(|| {
        AppError::invalid(
            "/answers",
            "is not there",
            "give the answers by the keys of the questions",
        )
    })?;
    for (key, value) in given {
        let answer = match value {
            Json::Array(all) => all.iter().map(scalar).collect::<Option<_>>().map(Answer::Many),
            one => scalar(one).map(Answer::One),
        };
        let answer = answer.ok_or_else(|| {
            let fix = "give a text, or a list of texts; leave it out if it is not known";
            AppError::invalid(&format!("/answers/{key}"), "is neither", fix)
        })?;
        read.answers.insert(key.clone(), answer);
    }
    let departures = match &arguments["departures"] {
        Json::Null => &[][..],
        Json::Array(all) if all.len() <= DEPARTURES_MAX => all.as_slice(),
        _ => {
            let fix = format!("give a list of up to {DEPARTURES_MAX}");
            return Err(AppError::invalid("/departures", "is of another form", &fix));
        }
    };
    for (nth, one) in departures.iter().enumerate() {
        read.departures.push(departure(nth, one, at)?);
    }
    Ok(read)
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn departure(nth: usize, one: &Json, at: Timestamp) -> Result<Departure, AppError> {
    let text = |key: &str| {
        let found = one[key].as_str().filter(|text| !text.trim().is_empty());
        found.map(str::to_owned).ok_or_else(|| {
            let pointer = format!("/departures/{nth}/{key}");
            AppError::invalid(&pointer, "is not there", "each departure has one, as a text")
        })
    };
    let value = match &one["value"] {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    Ok(Departure {
        subject: text("subject")?,
        key: text("key")?,
        value,
        approved_by: NOBODY_YET.to_owned(),
        justification: text("justification")?,
        from: one["from"]
            .as_str()
            .map_or_else(|| countersign_register::time_text(at), str::to_owned),
        until: text("until")?,
    })
}
