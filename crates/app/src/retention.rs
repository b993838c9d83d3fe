//! How long bodies are kept, by class. What is past its period is blanked: the leaf and its digest stay,
//! so that the ledger still verifies, and what opened the commitment is gone. What is in force is never
//! blanked, nor what a legal hold covers.

use countersign_ledger::entry::{Entry, Erasure};
use countersign_model::time::{Duration, Timestamp};
use countersign_store::batch::{Also, Batch, Erased, Precondition};
use countersign_store::feed::{Changed, Cursor};
use countersign_store::items::Item;
use serde_json::json;

use crate::documents::parse;
use crate::ends::is_over;
use crate::erase::{ERASED, hex, redact};
use crate::evidence::Deed;
use crate::{App, AppError, Caller, micros};

/// What has a period of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Who people and machines were: identities, sponsors, members, credentials.
    People,
    /// Who could do what, and who approved it: grants, exceptions, entitlements.
    Access,
    /// The rest of the register.
    Register,
    /// Who read personal data.
    Readings,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::People, Self::Access, Self::Register, Self::Readings];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Access => "access",
            Self::Register => "register",
            Self::Readings => "readings",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// `None`: a hold is kept as long as the instance.
    fn of(noun: &str) -> Option<Self> {
        match noun {
            "identity" | "sponsor" | "member" | "credential" => Some(Self::People),
            "grant" | "exception" | "entitlement" => Some(Self::Access),
            "hold" => None,
            _ => Some(Self::Register),
        }
    }
}

/// The shortest period: what was superseded yesterday is still needed to understand today.
pub const SHORTEST: Duration = Duration(30 * 86_400 * 1_000_000_000);

/// Changes that one round looks at for a class, and items of one change at a time.
const CHANGES: usize = 500;
const ITEMS: usize = 200;
/// How long until what a hold kept is looked at again.
const AGAIN: Duration = Duration(86_400 * 1_000_000_000);

/// What is to be blanked in one commit.
#[derive(Default)]
struct Due {
    erased: Vec<Erased>,
    unnamed: Vec<Also>,
    reads: Vec<Precondition>,
    /// A hold kept something.
    kept: bool,
}

impl App {
    /// One round of the worker for a class: what was superseded, or was over, longer ago than
    /// `period` is blanked. Gives how many bodies and readings were.
    pub fn retain(&self, class: Class, period: Duration) -> Result<usize, AppError> {
        let now = self.now();
        let cutoff = micros(now.plus_nanos(-period.0.max(SHORTEST.0)));
        let from = self.retained(class, now)?;
        let mut blanked = 0;
        for change in self.store.changes(from, CHANGES)? {
            if change.at > cutoff {
                break;
            }
            blanked += self.retain_of(class, &change)?;
            let place = format!("{}.{}", change.cursor.transaction, change.cursor.seq);
            let also = vec![Also::Meta { name: name("retained", class), value: place }];
            self.commit(Batch { also, ..Batch::default() })?;
        }
        Ok(blanked)
    }

    /// Up to which change a class was looked at; from the beginning again if a hold kept something.
    fn retained(&self, class: Class, now: Timestamp) -> Result<Cursor, AppError> {
        let kept = self.store.meta(&name("retained_again", class))?;
        let kept = kept.and_then(|text| text.parse::<i64>().ok());
        if kept.is_some_and(|kept| kept <= micros(now)) {
            let meta = |of: &str| Also::Meta { name: name(of, class), value: String::new() };
            let also = vec![meta("retained"), meta("retained_again")];
            self.commit(Batch { also, ..Batch::default() })?;
            return Ok(Cursor::default());
        }
        let place = self.store.meta(&name("retained", class))?;
        let place = place.as_deref().and_then(|place| {
            let (transaction, seq) = place.split_once('.')?;
            Some(Cursor { transaction: transaction.parse().ok()?, seq: seq.parse().ok()? })
        });
        Ok(place.unwrap_or_default())
    }

    fn retain_of(&self, class: Class, change: &Changed) -> Result<usize, AppError> {
        if class == Class::Readings {
            let is_reading = matches!(Entry::decode(&change.leaf), Ok(Entry::Read(_)));
            if !is_reading || change.by.is_empty() {
                return Ok(0);
            }
            let unnamed = vec![Also::Unnamed { seq: change.cursor.seq }];
            return self.blank(class, Due { unnamed, ..Due::default() });
        }
        let (mut blanked, mut after) = (0, (String::new(), String::new()));
        loop {
            let made = self.store.made_after(change.cursor.seq, (&after.0, &after.1), ITEMS)?;
            let Some(last) = made.last() else { return Ok(blanked) };
            after = (last.noun.clone(), last.id.clone());
            let mut due = Due::default();
            for item in made.iter().filter(|item| Class::of(&item.noun) == Some(class)) {
                self.due(item, &mut due)?;
            }
            blanked += self.blank(class, due)?;
        }
    }

    /// What of an item became old with one of its versions.
    fn due(&self, item: &Item, due: &mut Due) -> Result<(), AppError> {
        let before = self.store.superseded(&item.noun, &item.id, item.rev)?;
        // A sponsor may return, whatever became of them.
        let is_last = |item: &&Item| item.until_rev.is_none() && item.noun != "sponsor";
        let over = Some(item).filter(is_last).filter(|item| is_over(item));
        let is_open = |version: &&Item| version.salt.is_some();
        let (before, over) = (before.as_ref().filter(is_open), over.filter(is_open));
        if before.is_none() && over.is_none() {
            return Ok(());
        }
        match self.not_held(item) {
            Ok(reads) => due.reads.extend(reads),
            Err(error) if error.code() == "held" => {
                due.kept = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        if let Some(version) = before {
            let body = json!({"id": version.id}).to_string();
            due.erased.push(erased(version, body, "{}".to_owned()));
        }
        // What is over is still referred to: that it was there stays, and who it was goes.
        if let Some(version) = over {
            let (mut body, mut process) = (parse(&version.body)?, parse(&version.process)?);
            redact(&version.noun, &mut body, &mut process);
            due.erased.push(erased(version, body.to_string(), process.to_string()));
        }
        Ok(())
    }

    fn blank(&self, class: Class, due: Due) -> Result<usize, AppError> {
        let Due { erased, unnamed, mut reads, kept } = due;
        let count = erased.len() + unnamed.len();
        let mut also = unnamed;
        if kept {
            let value = micros(self.now().plus_nanos(AGAIN.0)).to_string();
            also.push(Also::Meta { name: name("retained_again", class), value });
        }
        if count == 0 {
            return self.commit(Batch { also, ..Batch::default() }).map(|_| 0);
        }
        let system = Caller::system();
        let order = self.deed_id();
        let leaf = Entry::Erasure(Erasure {
            time: self.now().0,
            order,
            ground: &format!("retention.{}", class.as_str()),
            subject: self.item_handle("retention", class.as_str()),
            by: self.handle_of(&system.principal),
            keys: erased.len() as u64,
            bodies: count as u64,
        })
        .encode()?;
        let why = Some("its period is over");
        let deed = Deed { by: &system, verb: "retention.erase", why, id: order };
        let mut change = self.beside(&deed, ("retention", class.as_str()), leaf);
        change.erased = erased;
        also.push(Also::Meta { name: ERASED.to_owned(), value: hex(&order) });
        reads.sort();
        reads.dedup();
        // If a hold was placed meanwhile, nothing is done, and the next round asks it.
        self.commit(Batch { reads, changes: vec![change], also }).map(|_| count)
    }
}

fn erased(version: &Item, body: String, process: String) -> Erased {
    let (noun, id) = (version.noun.clone(), version.id.clone());
    Erased { noun, id, rev: version.rev, body, process }
}

fn name(of: &str, class: Class) -> String {
    format!("{of}_{}", class.as_str())
}
