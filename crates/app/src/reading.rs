//! Evidence of who was shown personal data. The first reading of a minute is evidenced before it is
//! answered; what the same caller reads in the rest of the minute is counted and evidenced as one
//! leaf, so that reading stays cheap.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use countersign_ledger::entry::{Entry, Read};
use countersign_store::batch::{Batch, Change};
use countersign_store::items::Item;

use crate::evidence::Deed;
use crate::{App, AppError, Caller};

const MINUTE: i64 = 60_000_000_000;
/// Callers and nouns that are counted at a time; one more makes all of them evidence first.
const COUNTED_MAX: usize = 4096;

/// By caller, verb and noun.
pub(crate) type Readings = BTreeMap<(String, String, String), Counted>;

/// What was read in a minute since its first leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    minute: i64,
    count: u64,
}

/// Nouns whose documents say something of a person.
const PERSONAL: [&str; 3] = ["identity", "sponsor", "member"];

impl App {
    /// Keeps that the caller is shown these items, other than their own.
    pub(crate) fn has_read(
        &self,
        caller: &Caller,
        verb: &str,
        noun: &str,
        items: &[&Item],
    ) -> Result<(), AppError> {
        if !PERSONAL.contains(&noun) {
            return Ok(());
        }
        let others: Vec<&&Item> = items.iter().filter(|item| !is_own(caller, item)).collect();
        let one = match others.as_slice() {
            [] => return Ok(()),
            [one] => Some(one.id.as_str()),
            _ => None,
        };
        self.count_reading(caller, (verb, noun), one, others.len() as u64)
    }

    /// The same for something of which `count` items go out at once.
    pub(crate) fn count_reading(
        &self,
        caller: &Caller,
        (verb, noun): (&str, &str),
        one: Option<&str>,
        count: u64,
    ) -> Result<(), AppError> {
        let minute = self.now().0.div_euclid(MINUTE);
        let key = (caller.principal.clone(), verb.to_owned(), noun.to_owned());
        let mut due = Vec::new();
        {
            let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(counted) = readings.get_mut(&key)
                && counted.minute == minute
            {
                counted.count = counted.count.saturating_add(count);
                return Ok(());
            }
            if readings.len() >= COUNTED_MAX {
                due.extend(std::mem::take(&mut *readings));
            }
            let before = readings.insert(key.clone(), Counted { minute, count: 0 });
            due.extend(before.map(|before| (key.clone(), before)));
        }
        let mut changes = self.evidence_of(due.clone())?;
        changes.push(self.reading(&key, one, count)?);
        let committed = self.commit(Batch { changes, ..Batch::default() });
        committed.map(|_| ()).inspect_err(|_| self.count_again(due))
    }

    /// What could not be evidenced is counted on, so that the next time tries again.
    fn count_again(&self, due: Vec<((String, String, String), Counted)>) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, counted) in due {
            let now = readings.entry(key).or_insert(Counted { count: 0, ..counted });
            now.count = now.count.saturating_add(counted.count);
        }
    }

    /// Makes evidence of what was counted in minutes that are over; of this one as well if the
    /// program ends (`all`). For the worker.
    pub fn evidence_readings(&self, all: bool) -> Result<(), AppError> {
        let minute = self.now().0.div_euclid(MINUTE);
        let mut due = Vec::new();
        {
            let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
            readings.retain(|key, counted| {
                let is_due = all || counted.minute != minute;
                if is_due {
                    due.push((key.clone(), *counted));
                }
                !is_due
            });
        }
        let changes = self.evidence_of(due.clone())?;
        if changes.is_empty() {
            return Ok(());
        }
        let committed = self.commit(Batch { changes, ..Batch::default() });
        committed.map(|_| ()).inspect_err(|_| self.count_again(due))
    }

    fn evidence_of(
        &self,
        due: Vec<((String, String, String), Counted)>,
    ) -> Result<Vec<Change>, AppError> {
        let due = due.iter().filter(|(_, counted)| counted.count > 0);
        due.map(|(key, counted)| self.reading(key, None, counted.count)).collect()
    }

    fn reading(
        &self,
        (principal, verb, noun): &(String, String, String),
        one: Option<&str>,
        count: u64,
    ) -> Result<Change, AppError> {
        let what = match one {
            Some(id) => self.item_handle(noun, id),
            None => self.handle_of(noun),
        };
        let (time, id, by) = (self.now().0, self.deed_id(), self.handle_of(principal));
        let read = Read { time, id, by, verb, noun, what, count, purpose: "unstated" };
        let leaf = Entry::Read(read).encode()?;
        let by = Caller { principal: principal.clone(), ..Caller::system() };
        let name = format!("{noun}.{verb}");
        let deed = Deed { by: &by, verb: &name, why: None, id };
        let change = self.beside(&deed, (noun, one.unwrap_or_default()), leaf);
        Ok(Change { item: one.map(str::to_owned), ..change })
    }
}

/// Whether it is the caller's own, or of those they answer for.
fn is_own(caller: &Caller, item: &Item) -> bool {
    let is =
        |mine: &Option<String>, whose: Option<&str>| mine.is_some() && mine.as_deref() == whose;
    is(&caller.organization, item.organization.as_deref())
        || is(&caller.sponsor, item.sponsor.as_deref())
        || (item.noun == "sponsor" && is(&caller.sponsor, Some(&item.id)))
        || caller.principal == format!("{}:{}", item.noun, item.id)
}
