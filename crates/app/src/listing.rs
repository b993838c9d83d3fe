//! Pages by the state that is shown, which time may have moved on from the one that is stored.

use countersign_model::lifecycle::{Noun, State, stored_for};
use countersign_model::time::Timestamp;
use countersign_store::items::{Among, Filter, Item, PAGE_MAX};

use crate::documents::{parse, shown};
use crate::{App, AppError, micros};

/// Items that are read for one page at most; what does not fill it until then is a shorter page.
const READ_MAX: usize = 5_000;

impl App {
    /// One page, and what to give as `after` for the next.
    pub(crate) fn shown_page(
        &self,
        noun: &str,
        filter: Filter,
    ) -> Result<(Vec<Item>, Option<String>), AppError> {
        let limit = filter.limit.clamp(1, PAGE_MAX - 1);
        let mut filter = Filter { limit, ..filter };
        let Some(wanted) = filter.state.take() else {
            // One more than asked tells whether there is a next page.
            let items = self.store.page(noun, &Filter { limit: limit + 1, ..filter })?;
            return Ok(cut(items, limit));
        };
        let now = self.now();
        let stored = candidates(noun, &wanted, now);
        let mut found = Vec::new();
        let mut read = 0;
        filter.limit = limit + 1;
        loop {
            let chunk = self.chunk(noun, &wanted, &filter, &stored)?;
            let is_last = chunk.len() < filter.limit;
            read += chunk.len();
            // What is rare takes larger steps.
            filter.limit = PAGE_MAX;
            for item in chunk {
                filter.after.clone_from(&item.id);
                if shown(&item, &parse(&item.body)?, now) == wanted {
                    found.push(item);
                }
                if found.len() > limit {
                    return Ok(cut(found, limit));
                }
            }
            if is_last {
                return Ok((found, None));
            }
            if read >= READ_MAX {
                return Ok((found, Some(filter.after)));
            }
        }
    }

    /// The next items that may be shown so, by id.
    fn chunk(
        &self,
        noun: &str,
        wanted: &str,
        filter: &Filter,
        stored: &Candidates,
    ) -> Result<Vec<Item>, AppError> {
        let as_stored = Filter { state: Some(wanted.to_owned()), ..filter.clone() };
        match stored {
            Candidates::AsStored => Ok(self.store.page(noun, &as_stored)?),
            Candidates::Among(among) => {
                let filter = Filter { among: Some(among.clone()), ..filter.clone() };
                Ok(self.store.page(noun, &filter)?)
            }
            Candidates::RunOut(now) => {
                let mut items = self.store.page_run_out(noun, filter, *now)?;
                items.extend(self.store.page(noun, &as_stored)?);
                // Each half is whole up to its last id, so the first ids of both are whole as well. Who
                // is tidied between the two statements stands in both.
                items.sort_by(|one, other| one.id.cmp(&other.id));
                items.dedup_by(|one, other| one.id == other.id);
                items.truncate(filter.limit);
                Ok(items)
            }
        }
    }
}

/// Where the items are that may be shown in a state.
enum Candidates {
    /// Nothing else that is stored is shown so.
    AsStored,
    /// In one of several stored states.
    Among(Among),
    /// Stored so, or their end has come and nobody has tidied them yet.
    RunOut(i64),
}

fn candidates(noun: &str, wanted: &str, now: Timestamp) -> Candidates {
    let now = micros(now);
    let among = |states: &[&str], until_end: &[&str]| {
        let owned = |states: &[&str]| states.iter().map(|state| (*state).to_owned()).collect();
        Candidates::Among(Among { states: owned(states), until_end: owned(until_end), now })
    };
    if noun == "invitation" {
        return match wanted {
            "expired" => among(&["expired", "open"], &[]),
            "open" => among(&["open"], &[]),
            _ => Candidates::AsStored,
        };
    }
    let (Some(noun), Some(state)) = (Noun::parse(noun), State::parse(wanted)) else {
        return Candidates::AsStored;
    };
    let stored = stored_for(noun, state);
    if state == State::Expired {
        return Candidates::RunOut(now);
    }
    let names = |states: &[State]| states.iter().map(|state| state.as_str()).collect::<Vec<_>>();
    match (stored.states.as_slice(), stored.until_end.as_slice()) {
        ([only], []) if *only == state => Candidates::AsStored,
        (states, until_end) => among(&names(states), &names(until_end)),
    }
}

fn cut(mut items: Vec<Item>, limit: usize) -> (Vec<Item>, Option<String>) {
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = has_more.then(|| items.last().map(|item| item.id.clone())).flatten();
    (items, next)
}
