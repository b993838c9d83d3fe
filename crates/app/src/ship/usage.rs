//! Which grants and credentials the shipped decisions used.

use std::borrow::Cow;
use std::collections::BTreeMap;

use countersign_journal::Stored;
use countersign_store::batch::{Also, Micros};
use serde::Deserialize;

/// What of a record matters here; the rest is skipped.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    answered: Cow<'a, str>,
    #[serde(borrow)]
    credential: Option<Cow<'a, str>>,
    #[serde(borrow)]
    judgement: Judged<'a>,
}

#[derive(Deserialize)]
struct Judged<'a> {
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow)]
    grant: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy)]
struct Use {
    first: Micros,
    last: Micros,
    count: i64,
}

/// Uses of one batch, by noun and id.
#[derive(Debug, Default)]
pub(super) struct Usage(BTreeMap<(&'static str, String), Use>);

impl Usage {
    /// Counts what a decision that allowed was by. Of an erased record nothing can be told.
    pub fn add(&mut self, stored: &Stored, at: Micros) {
        let Some(opening) = &stored.opening else { return };
        let Ok(record) = serde_json::from_slice::<Record<'_>>(&opening.body) else { return };
        if record.answered != "allow" || record.judgement.outcome != "allow" {
            return;
        }
        let used = [("grant", record.judgement.grant), ("credential", record.credential)];
        for (noun, id) in used {
            let Some(id) = id else { continue };
            let known = self.0.entry((noun, id.into_owned()));
            let known = known.or_insert(Use { first: at, last: at, count: 0 });
            known.first = known.first.min(at);
            known.last = known.last.max(at);
            known.count += i64::from(stored.count);
        }
    }

    pub fn into_also(self) -> impl Iterator<Item = Also> {
        self.0.into_iter().map(|((noun, id), Use { first, last, count })| Also::Used {
            noun: noun.to_owned(),
            id,
            first,
            last,
            count,
        })
    }
}
