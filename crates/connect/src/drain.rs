//! Sends what is due.

use std::collections::{BTreeMap, HashMap};

use countersign_app::{App, Signing, WEBHOOK};
use countersign_store::Waiting;
use countersign_store::batch::{Also, Batch};

use crate::ConnectError;
use crate::mail::{MAIL, Mailed, Mailer};
use crate::schedule::next_try;
use crate::webhook::{Called, Webhooks};

/// Messages looked at in one round.
const ROUND_MAX: usize = 64;
/// Of them, to one receiver.
const OF_ONE_MAX: usize = 16;
/// Receivers called at a time.
const CALLS_MAX: usize = 8;
/// How long a receiver that failed is left alone at most, microseconds: its other messages wait until
/// the one that failed is tried again, and no longer than this.
const PAUSE_MAX: i64 = 300_000_000;
/// All mail goes to one server. No subscription has a name with a colon.
const MAIL_SERVER: &str = "mail:";

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    pub sent: usize,
    pub failed: usize,
    pub given_up: usize,
}

/// Sends by turns, and knows which receivers to leave alone for a while.
#[derive(Debug)]
pub struct Drain {
    webhooks: Webhooks,
    /// `None`: mail waits.
    mailer: Option<Mailer>,
    /// Until when, microseconds.
    paused: HashMap<String, i64>,
}

/// What became of one message.
enum Became {
    Sent,
    Failed { why: String, asked: Option<i64> },
    GivenUp(String),
}

impl Drain {
    pub fn new(webhooks: Webhooks, mailer: Option<Mailer>) -> Self {
        Self { webhooks, mailer, paused: HashMap::new() }
    }

    /// One round. `chance` gives numbers in `[0, 1)`.
    pub fn step(
        &mut self,
        app: &App,
        chance: &mut dyn FnMut() -> f64,
    ) -> Result<Drained, ConnectError> {
        let now = app.now().0.div_euclid(1_000);
        self.paused.retain(|_, until| *until > now);
        let mut drained = Drained::default();
        let has_mail = self.mailer.is_some() && !self.paused.contains_key(MAIL_SERVER);
        let rounds: [(&str, bool); 2] = [(WEBHOOK, true), (MAIL, has_mail)];
        for (kind, _) in rounds.into_iter().filter(|(_, is_on)| *is_on) {
            let not_to: Vec<&str> = self.paused.keys().map(String::as_str).collect();
            let due = app.store().messages_due_of(kind, now, &not_to, ROUND_MAX)?;
            let mut queues: BTreeMap<&str, Vec<&Waiting>> = BTreeMap::new();
            for waiting in &due {
                let queue = queues.entry(receiver(waiting)).or_default();
                if queue.len() < OF_ONE_MAX {
                    queue.push(waiting);
                }
            }
            let queues: Vec<Vec<&Waiting>> = queues.into_values().collect();
            let mut became = Vec::new();
            for some in queues.chunks(CALLS_MAX) {
                became.extend(self.send_all(app, some, now));
            }
            self.write(app, became, now, chance, &mut drained)?;
        }
        Ok(drained)
    }

    /// Each queue on a thread of its own, up to its first failure.
    fn send_all<'a>(
        &self,
        app: &App,
        queues: &[Vec<&'a Waiting>],
        now: i64,
    ) -> Vec<(&'a Waiting, Became)> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = queues
                .iter()
                .map(|queue| scope.spawn(|| self.send_queue(app, queue, now)))
                .collect();
            // A thread that panicked sent what it sent; its messages are due again.
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        })
    }

    fn send_queue<'a>(
        &self,
        app: &App,
        queue: &[&'a Waiting],
        now: i64,
    ) -> Vec<(&'a Waiting, Became)> {
        let mut became = Vec::with_capacity(queue.len());
        for waiting in queue {
            let this = match waiting.message.kind.as_str() {
                MAIL => self.mail(waiting),
                _ => self.webhook(app, waiting, now),
            };
            let is_failed = matches!(this, Became::Failed { .. });
            became.push((*waiting, this));
            if is_failed {
                break;
            }
        }
        became
    }

    fn mail(&self, waiting: &Waiting) -> Became {
        let sent = self.mailer.as_ref().map(|mailer| mailer.send(&waiting.message));
        match sent {
            Some(Mailed::Taken) => Became::Sent,
            Some(Mailed::Refused(why)) => Became::GivenUp(why),
            Some(Mailed::Failed(why)) => Became::Failed { why, asked: None },
            None => Became::Failed { why: "no mail server is set".to_owned(), asked: None },
        }
    }

    fn webhook(&self, app: &App, waiting: &Waiting, now: i64) -> Became {
        let message = &waiting.message;
        let Signing { view, secrets } = match app.signing(&message.target) {
            Ok(Some(known)) => known,
            Ok(None) => return Became::GivenUp("its subscription has ended".to_owned()),
            Err(error) => {
                return Became::Failed { why: error.code().to_owned(), asked: None };
            }
        };
        let url = view.document["url"].as_str().unwrap_or_default();
        let at = now.div_euclid(1_000_000);
        match self.webhooks.call(url, &message.id, at, &secrets, &message.body) {
            Called::Taken => Became::Sent,
            Called::Failed(why, asked) => Became::Failed { why, asked },
            Called::Gone => match app.end_subscription(&message.target, view.rev) {
                Ok(()) => Became::GivenUp("it answered 410".to_owned()),
                Err(error) => Became::Failed { why: error.code().to_owned(), asked: None },
            },
        }
    }

    /// What was not written is due again: a message is sent twice rather than never.
    fn write(
        &mut self,
        app: &App,
        became: Vec<(&Waiting, Became)>,
        now: i64,
        chance: &mut dyn FnMut() -> f64,
        drained: &mut Drained,
    ) -> Result<(), ConnectError> {
        let mut also = Vec::with_capacity(became.len());
        for (waiting, became) in became {
            let id = waiting.message.id.clone();
            let (next_at, error) = match became {
                Became::Sent => (None, None),
                Became::GivenUp(why) => (None, Some(why)),
                Became::Failed { why, asked } => {
                    let made = waiting.message.at;
                    let next_at = next_try(made, now, waiting.tries, chance(), asked);
                    let latest = now.saturating_add(PAUSE_MAX);
                    let until = next_at.map_or(latest, |next| next.min(latest));
                    self.paused.insert(receiver(waiting).to_owned(), until);
                    (next_at, Some(why))
                }
            };
            match (&error, next_at) {
                (None, _) => drained.sent += 1,
                (Some(_), Some(_)) => drained.failed += 1,
                (Some(_), None) => drained.given_up += 1,
            }
            also.push(Also::Tried { id, at: now, next_at, error });
        }
        if !also.is_empty() {
            app.store().commit(Batch { also, ..Batch::default() })?;
        }
        Ok(())
    }
}

fn receiver(waiting: &Waiting) -> &str {
    match waiting.message.kind.as_str() {
        MAIL => MAIL_SERVER,
        _ => &waiting.message.target,
    }
}
