//! Erasing what is personal. The leaves stay and every proof holds; what they commit to can no
//! longer be opened or guessed, because its salt is gone and so is the text.

use countersign_ledger::entry::{Entry, Erasure};
use countersign_store::batch::{Also, Batch, Change, Erased};
use countersign_store::items::{Filter, Item};
use serde_json::Value as Json;

use crate::documents::parse;
use crate::effect::Step;
use crate::ends::{ending_verb, is_over};
use crate::evidence::{Deed, Version};
use crate::hold::bad_code;
use crate::{App, AppError, Caller, View};

/// An order to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasing<'a> {
    /// A UUID; carried out once.
    pub order: [u8; 16],
    /// The legal ground, as a code such as `gdpr.17.1.b`.
    pub ground: &'a str,
}

/// Of what was last erased from rows, and last from files.
pub(crate) const ERASED: &str = "erased_last";
const SCRUBBED: &str = "scrubbed_last";

/// What is personal in the documents of a noun: of the person, and of what is about the person.
fn personal(noun: &str) -> &'static [&'static str] {
    match noun {
        "identity" => &["name", "accounts", "owner", "networks"],
        "sponsor" => &["name", "email"],
        "member" => &["name", "email", "subject"],
        "grant" | "exception" => &["justification"],
        "credential" => &["consumer"],
        _ => &[],
    }
}

/// Texts that people write freely about why they did something.
const FREE: [&str; 3] = ["why", "justification", "note"];

impl App {
    /// Erases what is personal of an identity or a sponsor, in all versions, and in those of what is
    /// about them. An identity that is in force ends, with all that hangs on it. Gives how many
    /// versions were erased; 0 if the order was carried out before.
    ///
    /// # Errors
    /// `Refused` with `held` if a legal hold covers it.
    pub fn erase(
        &self,
        caller: &Caller,
        (noun, id): (&str, &str),
        erasing: &Erasing<'_>,
    ) -> Result<(View, usize), AppError> {
        let item = self.stored(noun, id)?;
        self.demand_on(caller, "erase", &item)?;
        if let Some(done) = self.store.change(&erasing.order)? {
            if done.noun == noun && done.item.as_deref() == Some(id) {
                // A stop may have come between the act and the journal.
                self.blank_decisions(noun, id)?;
                return Ok((self.view(&item)?, 0));
            }
            return Err(AppError::KeyReused);
        }
        let mut reads = self.not_held(&item)?;
        let about = self.about(&item)?;
        for other in &about {
            reads.extend(self.not_held(other)?);
        }
        reads.sort();
        reads.dedup();
        let at = self.now();
        let nothing = Json::Null;
        let ends = ending_verb(noun).filter(|_| noun == "identity" && !is_over(&item));
        let step = Step { caller, verb: ends.unwrap_or("erase"), at, arguments: &nothing };
        let mut versions = Vec::new();
        let mut erased = Vec::new();
        for one in std::iter::once(&item).chain(&about) {
            let mut version = match ends {
                Some(_) if !is_over(one) => self.ended_with(one, &step)?,
                _ => as_it_is(one)?,
            };
            redact(one.noun.as_str(), &mut version.body, &mut version.process);
            versions.push(version);
            erased.extend(self.erased(one)?);
        }
        let count = erased.len();
        let verb = format!("{noun}.erase");
        let deed = Deed { by: caller, verb: &verb, why: None, id: self.deed_id() };
        let change = self.change(&deed, versions, &|noun, id| self.organization_of(noun, id))?;
        let deed = Deed { id: erasing.order, ..deed };
        let evidence = self.evidence(&deed, &item, erasing, erased)?;
        let value = hex(&erasing.order);
        let also = vec![Also::Meta { name: ERASED.to_owned(), value }];
        self.commit(Batch { reads, changes: vec![change, evidence], also })?;
        self.blank_decisions(noun, id)?;
        Ok((self.view(&self.stored(noun, id)?)?, count))
    }

    fn evidence(
        &self,
        deed: &Deed<'_>,
        item: &Item,
        erasing: &Erasing<'_>,
        erased: Vec<Erased>,
    ) -> Result<Change, AppError> {
        let bodies = erased.len() as u64;
        let leaf = Entry::Erasure(Erasure {
            time: self.now().0,
            order: erasing.order,
            ground: erasing.ground,
            subject: self.item_handle(&item.noun, &item.id),
            by: self.handle_of(&deed.by.principal),
            // Each version has a salt of its own, which is what opens it.
            keys: bodies,
            bodies,
        });
        let leaf = leaf.encode().map_err(|_| bad_code("/ground"))?;
        Ok(Change { erased, ..self.beside(deed, (&item.noun, &item.id), leaf) })
    }

    /// What is about a person and may say something personal.
    fn about(&self, item: &Item) -> Result<Vec<Item>, AppError> {
        let by = |about: &str| Filter { about: Some(about.to_owned()), ..Filter::default() };
        let name = format!("{}:{}", item.noun, item.id);
        let mut about = self.every("exception", &by(&name))?;
        if item.noun == "identity" {
            about.extend(self.every("credential", &by(&item.id))?);
            about.extend(self.every("grant", &by(&item.id))?);
            // What hangs on them ends with them.
            if !is_over(item) {
                for hanging in self.hanging("identity", &item.id, "end")? {
                    let is_known =
                        |known: &Item| (&known.noun, &known.id) == (&hanging.noun, &hanging.id);
                    if !about.iter().any(is_known) {
                        about.push(hanging);
                    }
                }
            }
        } else {
            let members = self.every("member", &Filter::default())?;
            let is_theirs = |member: &Item| {
                parse(&member.body).is_ok_and(|body| body["sponsor"] == item.id.as_str())
            };
            about.extend(members.into_iter().filter(is_theirs));
        }
        Ok(about)
    }

    /// Every version of an item, without what is personal.
    fn erased(&self, item: &Item) -> Result<Vec<Erased>, AppError> {
        let versions = self.store.versions(&item.noun, &item.id)?;
        let erase = |version: Item| -> Result<Erased, AppError> {
            let (mut body, mut process) = (parse(&version.body)?, parse(&version.process)?);
            redact(&version.noun, &mut body, &mut process);
            let (body, process) = (body.to_string(), process.to_string());
            Ok(Erased { noun: version.noun, id: version.id, rev: version.rev, body, process })
        };
        versions.into_iter().map(erase).collect()
    }

    /// Takes out of the files what was erased from the rows, if anything was since the last time;
    /// for the worker. What was erased may stand in files until it returns true.
    pub fn scrub(&self) -> Result<bool, AppError> {
        let erased = self.store.meta(ERASED)?;
        let Some(value) = erased.filter(|last| !last.is_empty()) else { return Ok(true) };
        if self.store.meta(SCRUBBED)?.as_ref() == Some(&value) {
            return Ok(true);
        }
        if !self.store.scrub()? {
            return Ok(false);
        }
        let also = vec![Also::Meta { name: SCRUBBED.to_owned(), value }];
        self.commit(Batch { also, ..Batch::default() })?;
        Ok(true)
    }
}

fn as_it_is(item: &Item) -> Result<Version<'_>, AppError> {
    Ok(Version {
        noun: &item.noun,
        id: &item.id,
        after: Some(item),
        state: item.state.clone(),
        body: parse(&item.body)?,
        process: parse(&item.process)?,
    })
}

pub(crate) fn redact(noun: &str, body: &mut Json, process: &mut Json) {
    if let Some(body) = body.as_object_mut() {
        for key in personal(noun) {
            body.shift_remove(*key);
        }
    }
    forget_texts(process);
}

fn forget_texts(json: &mut Json) {
    match json {
        Json::Object(map) => {
            map.retain(|key, _| !FREE.contains(&key.as_str()));
            map.values_mut().for_each(forget_texts);
        }
        Json::Array(items) => items.iter_mut().for_each(forget_texts),
        _ => (),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Erasing<'_> {
    /// A UUID with or without hyphens.
    pub fn order(text: &str) -> Option<[u8; 16]> {
        let digits: String = text.chars().filter(|digit| *digit != '-').collect();
        let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&digits, 16).ok().filter(|_| is_hex)?;
        Some(number.to_be_bytes())
    }
}
