//! People as the company's directory knows them: here they are sponsors. The directory says who is
//! there and who has left; a departure starts the clock of succession by itself.

mod import;

use countersign_model::register::Register;
use countersign_model::time::{End, Interval, Timestamp};
use countersign_register::{read_document, restore_document, time_text};
use countersign_store::batch::{Batch, Precondition};
use countersign_store::items::{Filter, Item, PAGE_MAX};
use serde_json::{Value as Json, json};

use crate::act::note;
use crate::caller::Reach;
use crate::documents::{canonical, parse};
use crate::effect::{self, Step};
use crate::evidence::{Deed, Version};
use crate::index::Index;
use crate::{Act, App, AppError, Caller, View};

pub use import::{Missing, Row};

const SPONSOR: &str = "sponsor";
/// What the directory says of a sponsor beside their document stands under this key of `process`.
const DIRECTORY: &str = "directory";
const TEXT_BYTES_MAX: usize = 256;
const ID_BYTES_MAX: usize = 100;
const TRIES: usize = 5;

/// Somebody as the directory knows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Unique in any case of its letters, as in RFC 7643, section 4.1.1.
    pub user_name: String,
    /// The directory's own id.
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub is_active: bool,
    /// What else the directory said, to be given back as it came.
    pub attributes: Json,
    /// When the directory first and last said something of them.
    pub made: Option<String>,
    pub changed: Option<String>,
}

/// Whom to look for. `None` means any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sought<'a> {
    pub id: Option<&'a str>,
    pub user_name: Option<&'a str>,
    pub external_id: Option<&'a str>,
}

/// What is to become of somebody's employment.
enum Stay {
    /// They are with us now.
    Here,
    Gone,
    /// As the interval says, as far as it does.
    During(Interval),
}

/// A turn of somebody's employment.
enum Turn {
    None,
    Leave(Timestamp),
    Return,
}

/// A sponsor as they are to be.
struct Wanted<'a> {
    id: &'a str,
    name: Option<Option<&'a str>>,
    email: Option<Option<&'a str>>,
    stay: Stay,
    directory: Json,
}

/// A version to be, with the verb that makes it.
struct Draft {
    verb: &'static str,
    id: String,
    before: Option<Item>,
    state: String,
    body: Json,
    process: Json,
}

impl Person {
    /// A sponsor as the directory is shown them. Whom it never spoke of is known by their address, or
    /// else their id.
    pub fn of(view: &View) -> Self {
        let known = &view.process[DIRECTORY];
        let text = |value: &Json| value.as_str().map(str::to_owned);
        Self {
            user_name: user_name(&view.id, &view.document, &view.process),
            external_id: text(&known["external_id"]),
            name: text(&view.document["name"]),
            email: text(&view.document["email"]),
            is_active: is_here(&view.state),
            attributes: known["attributes"].clone(),
            made: text(&known["made"]),
            changed: text(&known["changed"]),
        }
    }

    fn check(&self) -> Result<(), AppError> {
        let texts = [
            ("/userName", Some(self.user_name.as_str())),
            ("/externalId", self.external_id.as_deref()),
            ("/displayName", self.name.as_deref()),
        ];
        for (pointer, text) in texts {
            if text.is_some_and(|text| text.len() > TEXT_BYTES_MAX || text.trim().is_empty()) {
                let fix = format!("give 1 to {TEXT_BYTES_MAX} bytes");
                return Err(AppError::invalid(pointer, "is empty or too long", &fix));
            }
        }
        Ok(())
    }
}

impl App {
    /// # Errors
    /// `Forbidden` if the caller may not bring people: asked before anything they sent is read.
    pub fn may_provision(&self, caller: &Caller) -> Result<(), AppError> {
        self.demand(caller, "arrive", SPONSOR)
    }

    /// Somebody, and what they are here.
    ///
    /// # Errors
    /// `NotFound` also if the directory deleted them; as a sponsor they are still there.
    pub fn person(&self, caller: &Caller, id: &str) -> Result<View, AppError> {
        let item = self.stored(SPONSOR, id)?;
        self.demand_on(caller, "read", &item)?;
        self.directory_view(&item)
    }

    /// # Errors
    /// As of [`App::person`]; `Forbidden` if the caller may see them and not change them.
    pub fn person_to_change(&self, caller: &Caller, id: &str) -> Result<View, AppError> {
        let item = self.stored(SPONSOR, id)?;
        self.demand_on(caller, "provision", &item)?;
        self.directory_view(&item)
    }

    fn directory_view(&self, item: &Item) -> Result<View, AppError> {
        let view = self.view(item)?;
        match is_deleted(&view.process) {
            true => Err(AppError::not_found(SPONSOR, &item.id)),
            false => Ok(view),
        }
    }

    /// Everybody the directory may see, by id; of those sought, at least all.
    pub fn each_person(
        &self,
        caller: &Caller,
        sought: Sought<'_>,
        each: &mut dyn FnMut(View),
    ) -> Result<(), AppError> {
        if self.reach(caller, SPONSOR)? != Reach::All {
            return Err(AppError::Forbidden {
                role: caller.role.as_str(),
                verb: "list".to_owned(),
                noun: SPONSOR.to_owned(),
            });
        }
        let mut show = |item: &Item| {
            let view = self.view(item)?;
            if !is_deleted(&view.process) {
                each(view);
            }
            Ok::<(), AppError>(())
        };
        if let Some(id) = sought.id {
            return self.store.item(SPONSOR, id)?.map_or(Ok(()), |item| show(&item));
        }
        let mut filter = Filter {
            about: sought.user_name.map(str::to_lowercase),
            parent: sought.external_id.map(str::to_owned),
            limit: PAGE_MAX,
            ..Filter::default()
        };
        loop {
            let page = self.store.page(SPONSOR, &filter)?;
            page.iter().try_for_each(&mut show)?;
            match page.last() {
                Some(last) if page.len() == PAGE_MAX => filter.after.clone_from(&last.id),
                _ => return Ok(()),
            }
        }
    }

    /// Somebody new. Whom the directory had deleted comes back under their id.
    ///
    /// # Errors
    /// `Exists` if the name is taken.
    pub fn person_arrives(
        &self,
        caller: &Caller,
        person: &Person,
        act: &Act,
    ) -> Result<View, AppError> {
        self.may_provision(caller)?;
        person.check()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let before = self.named(&person.user_name, None)?;
            let id = match &before {
                Some(item) => item.id.clone(),
                None => self.free_id(&person.user_name)?,
            };
            let draft = self.person_draft(caller, before, &self.wanted(&id, person, None), act)?;
            match self.provide(caller, draft.into_iter().collect(), act) {
                Err(AppError::Stale { .. }) if tries < TRIES => (),
                Err(error) => return Err(error),
                Ok(()) => return self.view(&self.stored(SPONSOR, &id)?),
            }
        }
    }

    /// Makes somebody what the directory says they are.
    ///
    /// # Errors
    /// `Stale` if they were changed since `act.rev`.
    pub fn person_is(
        &self,
        caller: &Caller,
        id: &str,
        person: &Person,
        act: &Act,
    ) -> Result<View, AppError> {
        person.check()?;
        let view = self.person_to_change(caller, id)?;
        let item = self.fresh(id, act)?;
        self.named(&person.user_name, Some(id))?;
        let made = view.process[DIRECTORY]["made"].as_str();
        let draft = self.person_draft(caller, Some(item), &self.wanted(id, person, made), act)?;
        self.provide(caller, draft.into_iter().collect(), act)?;
        self.view(&self.stored(SPONSOR, id)?)
    }

    /// The directory deletes somebody: they have left. Nothing of them is deleted here.
    pub fn person_leaves(&self, caller: &Caller, id: &str, act: &Act) -> Result<(), AppError> {
        let item = self.stored(SPONSOR, id)?;
        self.demand_on(caller, "leave", &item)?;
        let view = self.directory_view(&item)?;
        let item = self.fresh(id, act)?;
        let mut directory = view.process[DIRECTORY].clone();
        directory["user_name"] = user_name(id, &view.document, &view.process).into();
        directory["deleted"] = true.into();
        directory["changed"] = time_text(self.now()).into();
        let wanted = Wanted { id, name: None, email: None, stay: Stay::Gone, directory };
        let draft = self.person_draft(caller, Some(item), &wanted, act)?;
        self.provide(caller, draft.into_iter().collect(), act)
    }

    fn fresh(&self, id: &str, act: &Act) -> Result<Item, AppError> {
        let item = self.stored(SPONSOR, id)?;
        match act.rev {
            Some(rev) if rev != item.rev => {
                Err(AppError::Stale { noun: SPONSOR.to_owned(), id: id.to_owned() })
            }
            _ => Ok(item),
        }
    }

    /// Who had this name and was deleted.
    ///
    /// # Errors
    /// `Exists` if somebody else has it now.
    fn named(&self, user_name: &str, own: Option<&str>) -> Result<Option<Item>, AppError> {
        let filter = Filter { about: Some(user_name.to_lowercase()), ..Filter::default() };
        let mut deleted = None;
        for item in self.every(SPONSOR, &filter)? {
            if own == Some(item.id.as_str()) {
                continue;
            }
            if !is_deleted(&parse(&item.process)?) {
                return Err(AppError::Exists { noun: SPONSOR.to_owned(), id: item.id });
            }
            deleted = deleted.or(Some(item));
        }
        Ok(deleted)
    }

    /// An id that says who it is, and is the same for the same name.
    fn free_id(&self, user_name: &str) -> Result<String, AppError> {
        let local = user_name.split_once('@').map_or(user_name, |(local, _)| local);
        let digest = crate::digest(user_name.to_lowercase().as_bytes());
        let handle: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let whole = slug(user_name);
        let last = format!("{whole}-{handle}");
        for id in [slug(local), whole] {
            if !id.is_empty() && self.store.item(SPONSOR, &id)?.is_none() {
                return Ok(id);
            }
        }
        Ok(last.trim_start_matches('-').to_owned())
    }

    fn wanted<'a>(&self, id: &'a str, person: &'a Person, made: Option<&str>) -> Wanted<'a> {
        let now = time_text(self.now());
        let directory = json!({
            "user_name": person.user_name,
            "external_id": person.external_id,
            "attributes": person.attributes,
            "made": made.unwrap_or(&now),
            "changed": now,
        });
        Wanted {
            id,
            name: Some(person.name.as_deref()),
            email: Some(person.email.as_deref()),
            stay: if person.is_active { Stay::Here } else { Stay::Gone },
            directory,
        }
    }

    /// `None` if everything is as wanted.
    fn person_draft(
        &self,
        caller: &Caller,
        before: Option<Item>,
        wanted: &Wanted<'_>,
        act: &Act,
    ) -> Result<Option<Draft>, AppError> {
        let now = self.now();
        let (old, mut process, shown) = match &before {
            Some(item) => {
                let view = self.view(item)?;
                (view.document, view.process, view.state)
            }
            None => (json!({"id": wanted.id}), json!({"by": caller.principal}), String::new()),
        };
        let mut register = Register::default();
        restore_document(&mut register, SPONSOR, &old);
        for sponsor in register.sponsors.values_mut() {
            if let Some(name) = wanted.name {
                sponsor.name = name.map(str::to_owned);
            }
            if let Some(email) = wanted.email {
                sponsor.email = email.map(str::to_owned);
            }
        }
        let turn = turn(&mut register, &wanted.stay, &shown, now);
        let (verb, state) = take(caller, &mut register, &turn, before.as_ref(), (&shown, now))?;
        let body = canonical(&register)?;
        read_document(&mut Register::default(), SPONSOR, &body).map_err(AppError::Invalid)?;
        let is_same = before.is_some()
            && matches!(turn, Turn::None)
            && body == old
            && says_the_same(&process[DIRECTORY], &wanted.directory);
        if is_same {
            return Ok(None);
        }
        if !matches!(turn, Turn::None) {
            let step = Step { caller, verb, at: now, arguments: &Json::Null };
            note(&mut process, &step, act);
        }
        process[DIRECTORY] = wanted.directory.clone();
        Ok(Some(Draft { verb, id: wanted.id.to_owned(), before, state, body, process }))
    }

    /// Writes drafts in one act.
    fn provide(&self, caller: &Caller, drafts: Vec<Draft>, act: &Act) -> Result<(), AppError> {
        for draft in &drafts {
            match &draft.before {
                Some(item) => self.demand_on(caller, draft.verb, item)?,
                None => self.demand(caller, draft.verb, SPONSOR)?,
            }
        }
        let verb = match drafts.as_slice() {
            [] => return Ok(()),
            [one] => one.verb,
            _ => "import",
        };
        let reads = drafts.iter().map(|draft| Precondition {
            noun: SPONSOR.to_owned(),
            id: draft.id.clone(),
            rev: draft.before.as_ref().map(|item| item.rev),
        });
        let reads = reads.collect();
        let versions = drafts.iter().map(|draft| Version {
            noun: SPONSOR,
            id: &draft.id,
            after: draft.before.as_ref(),
            state: draft.state.clone(),
            body: draft.body.clone(),
            process: draft.process.clone(),
        });
        let verb = format!("{SPONSOR}.{verb}");
        let id = self.act_id(caller, act);
        let deed = Deed { by: caller, verb: &verb, why: act.why.as_deref(), id };
        let change = self.change(&deed, versions.collect(), &|_, _| Ok(None))?;
        self.commit(Batch { reads, changes: vec![change], ..Batch::default() }).map(|_| ())
    }
}

/// Which turn leads to `stay`; what is no turn is set at once.
fn turn(register: &mut Register, stay: &Stay, shown: &str, now: Timestamp) -> Turn {
    let is_new = shown.is_empty();
    for sponsor in register.sponsors.values_mut() {
        match stay {
            Stay::Here if is_new => {
                sponsor.employed = Interval { from: Some(now), until: Some(End::Never) };
            }
            Stay::Here if !is_here(shown) => return Turn::Return,
            Stay::Gone if is_new || is_here(shown) => return Turn::Leave(now),
            Stay::Here | Stay::Gone => (),
            Stay::During(interval) => {
                let from = interval.from.or(sponsor.employed.from);
                sponsor.employed.from = from.or(is_new.then_some(now));
                match interval.until {
                    Some(End::At(left)) if sponsor.employed.until != interval.until => {
                        sponsor.employed.until = None;
                        return Turn::Leave(left);
                    }
                    Some(End::At(_)) => (),
                    Some(End::Never) | None if is_new => sponsor.employed.until = Some(End::Never),
                    Some(End::Never) | None => {
                        let has_end = matches!(sponsor.employed.until, Some(End::At(_)));
                        if has_end || !is_here(shown) {
                            return Turn::Return;
                        }
                    }
                }
            }
        }
    }
    Turn::None
}

/// Takes a turn: the verb it is called, and the state to store.
fn take(
    caller: &Caller,
    register: &mut Register,
    turn: &Turn,
    before: Option<&Item>,
    (shown, at): (&str, Timestamp),
) -> Result<(&'static str, String), AppError> {
    let first = effect::beginning(SPONSOR, None)?.1;
    let stored = before.map_or(first, |item| item.state.clone());
    let from = if shown.is_empty() { stored.as_str() } else { shown };
    let (verb, arguments) = match turn {
        Turn::None => {
            let verb = if before.is_some() { "provision" } else { "arrive" };
            return Ok((verb, stored));
        }
        Turn::Leave(left) => ("leave", json!({"at": time_text(*left)})),
        Turn::Return => ("return", Json::Null),
    };
    let state = match effect::next(SPONSOR, from, verb) {
        Ok(state) => state,
        // They have not left yet, and now will not.
        Err(_) if verb == "return" => stored,
        // Somebody took over, or is about to: a corrected date does not start that again.
        Err(_) => {
            for sponsor in register.sponsors.values_mut() {
                if let Turn::Leave(left) = turn {
                    sponsor.employed.until = Some(End::At(*left));
                }
            }
            return Ok(("provision", stored));
        }
    };
    effect::apply(SPONSOR, register, &Step { caller, verb, at, arguments: &arguments })?;
    let verb = if before.is_some() { verb } else { "arrive" };
    Ok((verb, state))
}

fn is_here(state: &str) -> bool {
    matches!(state, "employed" | "scheduled")
}

fn is_deleted(process: &Json) -> bool {
    process[DIRECTORY]["deleted"] == true
}

/// Whether the directory says who they are: then an `apply` of a folder without them ends nothing.
pub(crate) fn is_of_directory(item: &Item) -> Result<bool, AppError> {
    Ok(item.noun == SPONSOR && parse(&item.process)?[DIRECTORY].is_object())
}

/// Keeps what the directory said in the process of a version that something else makes.
pub(crate) fn keep_directory(process: &mut Json, before: Option<&Item>) -> Result<(), AppError> {
    if let Some(item) = before.filter(|item| item.noun == SPONSOR) {
        let known = parse(&item.process)?[DIRECTORY].take();
        if known.is_object() {
            process[DIRECTORY] = known;
        }
    }
    Ok(())
}

/// Under what the directory finds somebody.
pub(crate) fn index(index: &mut Index, id: &str, body: &Json, process: &Json) {
    index.about = Some(user_name(id, body, process).to_lowercase());
    index.parent = process[DIRECTORY]["external_id"].as_str().map(str::to_owned);
}

fn user_name(id: &str, document: &Json, process: &Json) -> String {
    let known = process[DIRECTORY]["user_name"].as_str();
    known.or(document["email"].as_str()).unwrap_or(id).to_owned()
}

fn says_the_same(old: &Json, new: &Json) -> bool {
    ["user_name", "external_id", "attributes", "deleted", "imported"]
        .iter()
        .all(|key| old[*key] == new[*key])
}

fn slug(text: &str) -> String {
    let plain: String = text
        .to_lowercase()
        .chars()
        .take(ID_BYTES_MAX)
        .map(|letter| match letter {
            'a'..='z' | '0'..='9' | '.' | '_' | '-' => letter,
            _ => '-',
        })
        .collect();
    plain.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_an_id() {
        for (name, id) in
            [("Ann.Lee", "ann.lee"), ("ann+x@b.c", "ann-x-b.c"), ("_.ü.", ""), ("日本 a", "a")]
        {
            assert_eq!(slug(name), id, "{name}");
        }
    }
}
