//! Of each change, one message for each subscription that wants it.

use countersign_app::{App, SUBSCRIPTION, WEBHOOK};
use countersign_model::time::Timestamp;
use countersign_store::batch::{Also, Batch, Message};
use countersign_store::feed::{Changed, Cursor};
use serde_json::{Value as Json, json};

use crate::ConnectError;

/// Where the feed has been read to.
const PLACE: &str = "webhooks_cursor";
const CHANGES_MAX: usize = 256;

struct Subscription {
    id: String,
    events: Vec<String>,
    /// The change that made it: what was before is not told.
    since: i64,
}

impl Subscription {
    fn wants(&self, change: &Changed) -> bool {
        let noun = change.verb.split('.').next().unwrap_or_default();
        let is_of = |event: &String| {
            event == "*"
                || *event == change.verb
                || event.strip_suffix(".*").is_some_and(|wanted| wanted == noun)
        };
        change.cursor.seq > self.since && self.events.iter().any(is_of)
    }
}

/// Reads the feed from where it was left to its end. Messages and the place are written together,
/// and a message has the id of its change and its subscription: one is made, whoever stops when.
/// Returns how many.
pub fn fan_out(app: &App) -> Result<usize, ConnectError> {
    let store = app.store();
    let mut made = 0;
    let mut subscriptions = None;
    loop {
        let place = place(store.meta(PLACE)?.as_deref())?;
        let changes = store.changes(place, CHANGES_MAX)?;
        let Some(last) = changes.last() else { return Ok(made) };
        let subscriptions = match &subscriptions {
            Some(known) => known,
            None => subscriptions.insert(current(app)?),
        };
        let mut also = Vec::new();
        for change in &changes {
            for subscription in subscriptions.iter().filter(|known| known.wants(change)) {
                also.push(Also::Outbox(message(change, &subscription.id)));
            }
        }
        made += also.len();
        let value = format!("{}.{}", last.cursor.transaction, last.cursor.seq);
        also.push(Also::Meta { name: PLACE.to_owned(), value });
        store.commit(Batch { also, ..Batch::default() })?;
        if changes.len() < CHANGES_MAX {
            return Ok(made);
        }
    }
}

fn place(text: Option<&str>) -> Result<Cursor, ConnectError> {
    let Some(text) = text else { return Ok(Cursor::default()) };
    let parse = || {
        let (transaction, seq) = text.split_once('.')?;
        Some(Cursor { transaction: transaction.parse().ok()?, seq: seq.parse().ok()? })
    };
    parse().ok_or(ConnectError::Cursor)
}

fn current(app: &App) -> Result<Vec<Subscription>, ConnectError> {
    let mut found = Vec::new();
    for item in app.subscriptions()? {
        let first = app.store().versions(SUBSCRIPTION, &item.id)?.first().map(|first| first.rev);
        let body: Json = serde_json::from_str(&item.body).unwrap_or_default();
        let events = body["events"].as_array().into_iter().flatten();
        found.push(Subscription {
            events: events.filter_map(|event| event.as_str().map(str::to_owned)).collect(),
            since: first.unwrap_or(item.rev),
            id: item.id,
        });
    }
    Ok(found)
}

/// Which item was changed how, by whom and when; not why, which is a free text about people. Who
/// may know more reads it from the API.
fn message(change: &Changed, subscription: &str) -> Message {
    let id: String = change.id.iter().map(|byte| format!("{byte:02x}")).collect();
    let at = countersign_register::time_text(Timestamp(change.at.saturating_mul(1_000)));
    let body = json!({
        "type": change.verb,
        "timestamp": at,
        "data": {
            "change": id,
            "revision": change.cursor.seq,
            "noun": change.noun,
            "id": change.item,
            "by": change.by,
        },
    });
    Message {
        id: format!("msg_{id}_{subscription}"),
        kind: WEBHOOK.to_owned(),
        target: subscription.to_owned(),
        body: body.to_string(),
        at: change.at,
    }
}
