//! The product's verbs: who asks for what, whether they may, what becomes of it, and its evidence.
//!
//! Console, command line and API call the same verbs here; there is no second way in. A verb reads
//! items, decides by pure rooms (`judge`, `govern`, the lifecycles of `model`), and gives the store
//! one batch: the new versions, the leaf that is their evidence, and the versions it was decided on.
//! If one of those is no longer the newest, the verb is decided again.
//!
//! Start with [`App`], then [`documents`](App::item) for reading and [`App::act`] for the life of an item.
//!
//! Forbidden here: HTTP, SQL, HTML. Time and chance are given to [`App::new`].

mod act;
mod apply;
mod caller;
mod correct;
mod decide;
mod documents;
mod effect;
mod ends;
mod erase;
mod error;
mod evidence;
mod exceptions;
mod grants;
mod hold;
mod index;
mod invitations;
mod keys;
mod known;
mod listing;
mod live;
mod member;
mod notices;
mod past;
mod people;
mod policies;
mod proof;
mod reading;
mod retention;
mod rotate;
mod sequencer;
mod ship;
mod sign_in;
mod sponsors;
mod subscription;
mod templates;
mod token;
mod two;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use countersign_judge::permission::Permissions;
use countersign_ledger::Handles;

use countersign_store::Store;

pub use countersign_govern::bounds::Violation;
pub use countersign_model::judgement::Reason;
pub use countersign_model::register::Register;
pub use countersign_model::time::{End, Interval, Timestamp};
pub use countersign_register::{
    SETTINGS, SETTINGS_ID, Template, parse as parse_register, time, time_text,
};
pub use countersign_store::feed::{Changed, Cursor};
pub use countersign_store::items::Filter;
pub use countersign_store::outbox::Delivery;

use crate::live::Live;
use crate::reading::Readings;

pub use crate::act::Act;
pub use crate::apply::{Plan, Planned};
pub use crate::caller::Caller;
pub use crate::decide::{
    Action, Decided, Decision, DecisionId, Found, Levels, Mode, PAGE_TOKEN, Question, RESULTS_MAX,
    Search, Searched, Seek, Shown, Thing, Way, Why,
};
pub use crate::documents::{Page, View};
pub use crate::erase::Erasing;
pub use crate::error::AppError;
pub use crate::invitations::Resolve;
pub use crate::keys::Key;
pub use crate::past::{Again, Changed as ChangedAnswer, Count, Explained, Report, Trial};
pub use crate::people::{Missing, Person, Row as PersonRow, Sought};
pub use crate::proof::{ChangeProof, ItemProof, RowHash};
pub use crate::retention::{Class, SHORTEST};
pub use crate::rotate::RotateError;
pub use crate::sequencer::{Begun, Sequencer, SequencerError, begin_epoch};
pub use crate::ship::{ShipError, Shipped};
pub use crate::subscription::{SUBSCRIPTION, Signing, WEBHOOK, WebhookKey, webhook_keys};
pub use crate::token::{Made, TokenKind};

/// Reads the clock.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;
/// Fills bytes that nobody can foresee.
pub type Chance = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// What verbs work on.
pub struct App {
    store: Store,
    permissions: Permissions,
    /// Makes the names that stand in leaves.
    handles: Mutex<Handles>,
    /// Secrets of subscriptions are derived from it; `None`: there are no webhooks here.
    webhooks: Option<WebhookKey>,
    clock: Clock,
    chance: Chance,
    /// The folder of the ledger, for proofs and for who reads it.
    ledger: Option<PathBuf>,
    /// What this node decides from, if it does.
    live: OnceLock<Live>,
    /// Readings of personal data that were counted and are not evidenced yet.
    readings: Mutex<Readings>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({:?})", self.store)
    }
}

impl App {
    pub fn new(store: Store, handles: Handles, clock: Clock, chance: Chance) -> Self {
        Self {
            store,
            permissions: Permissions::shipped(),
            handles: Mutex::new(handles),
            webhooks: None,
            clock,
            chance,
            ledger: None,
            live: OnceLock::new(),
            readings: Mutex::default(),
        }
    }

    /// With the ledger in this folder, which a sequencer writes to.
    pub fn with_ledger(self, folder: &Path) -> Self {
        Self { ledger: Some(folder.to_owned()), ..self }
    }

    /// The same, and it can make subscriptions: their secrets are derived from this key.
    #[must_use]
    pub fn with_webhooks(self, key: WebhookKey) -> Self {
        Self { webhooks: Some(key), ..self }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// # Errors
    /// If the store cannot be read.
    pub fn ready(&self) -> Result<(), AppError> {
        self.store.meta("schema")?;
        Ok(())
    }

    /// Acts after a place in the feed, and the place to go on from.
    pub fn changes(
        &self,
        caller: &Caller,
        (transaction, seq): (i64, i64),
    ) -> Result<(Vec<Changed>, (i64, i64)), AppError> {
        self.demand(caller, "list", "change")?;
        let changes = self.store.changes(Cursor { transaction, seq }, 100)?;
        let last = changes
            .last()
            .map_or((transaction, seq), |change| (change.cursor.transaction, change.cursor.seq));
        Ok((changes, last))
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.chance)(&mut bytes);
        bytes
    }

    fn with_handles<T>(&self, work: impl FnOnce(&mut Handles) -> T) -> T {
        work(&mut self.handles.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// SHA-256.
pub fn digest(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
}

/// Nanoseconds, as `model` counts, to the store's microseconds.
fn micros(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000)
}
