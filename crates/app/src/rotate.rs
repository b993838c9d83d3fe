//! Another key for the ledger: ordered by two people, carried out by the one who writes it.

use countersign_ledger::LedgerError;
use countersign_ledger::rotation::Order;
use countersign_store::batch::Batch;
use serde_json::{Value as Json, json};

use crate::documents::parse;
use crate::evidence::{Deed, Version};
use crate::two::{self, Word};
use crate::{App, AppError, Caller, Sequencer, SequencerError, View};

const NOUN: &str = "ledger";
const KEY: &str = "key";
const CURRENT: &str = "current";
const ORDERED: &str = "ordered";

impl App {
    /// # Errors
    /// `Forbidden`: asked before what they sent is read.
    pub fn may_rotate_key(&self, caller: &Caller) -> Result<(), AppError> {
        self.demand(caller, "rotate", NOUN)
    }

    /// Orders another key for the ledger, if somebody else has asked for it; else asks.
    ///
    /// # Errors
    /// `Refused` if one is ordered already.
    pub fn rotate_key(&self, caller: &Caller, why: Option<&str>) -> Result<View, AppError> {
        self.demand(caller, "rotate", NOUN)?;
        let item = self.store.item(NOUN, KEY)?;
        let (state, mut process) = match &item {
            Some(item) => (item.state.as_str(), parse(&item.process)?),
            None => (CURRENT, json!({})),
        };
        if state == ORDERED {
            let text = "another key is ordered already, and will sign within seconds";
            return Err(AppError::refused("lifecycle.refused", text));
        }
        let word = two::word(&mut process, "rotate", caller, self.now())?;
        let (verb, state) = match &word {
            Word::First => ("ledger.ask_rotate", CURRENT),
            Word::Second(first) => {
                process["ordered_by"] = json!([first, caller.principal]);
                ("ledger.rotate", ORDERED)
            }
        };
        let deed = Deed { by: caller, verb, why, id: self.deed_id() };
        self.key_version(&deed, item.as_ref(), state, process)
    }

    fn key_version(
        &self,
        deed: &Deed<'_>,
        after: Option<&countersign_store::items::Item>,
        state: &str,
        process: Json,
    ) -> Result<View, AppError> {
        let (body, state) = (json!({"id": KEY}), state.to_owned());
        let version = Version { noun: NOUN, id: KEY, after, state, body, process };
        let changes = vec![self.change(deed, vec![version], &|_, _| Ok(None))?];
        self.commit(Batch { changes, ..Batch::default() })?;
        self.view(&self.stored(NOUN, KEY)?)
    }

    /// Carries out what two people ordered, if they did. `seed` is 32 random bytes. After a crash it
    /// goes on where it was: a key that signs already is not changed again.
    ///
    /// # Errors
    /// What the ledger says.
    pub fn carry_out_rotation(
        &self,
        sequencer: &mut Sequencer,
        seed: [u8; 32],
    ) -> Result<bool, RotateError> {
        let Some(item) = self.store.item(NOUN, KEY).map_err(AppError::from)? else {
            return Ok(false);
        };
        if item.state != ORDERED {
            return Ok(false);
        }
        let mut process = parse(&item.process)?;
        let name = |at: usize| process["ordered_by"][at].as_str().map(|name| self.handle_of(name));
        let (by, second) = (name(0), name(1));
        let is_done = match process["keys_before"].as_u64() {
            Some(before) => sequencer.ledger().rotations_since(0) > before,
            None => {
                // How many keys there were is known before there is one more.
                process["keys_before"] = sequencer.ledger().rotations_since(0).into();
                let system = Caller::system();
                let id = self.deed_id();
                let deed = Deed { by: &system, verb: "ledger.begin_rotate", why: None, id };
                self.key_version(&deed, Some(&item), ORDERED, process)?;
                return self.carry_out_rotation(sequencer, seed);
            }
        };
        if !is_done {
            let order = Order { time: self.now().0, why: "ordered", by, second };
            sequencer.rotate(&order, seed).map_err(SequencerError::from)?;
        }
        if let Some(process) = process.as_object_mut() {
            process.remove("keys_before");
        }
        let system = Caller::system();
        let id = self.deed_id();
        let deed = Deed { by: &system, verb: "ledger.rotated", why: None, id };
        self.key_version(&deed, Some(&item), CURRENT, process)?;
        Ok(true)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
}

impl Sequencer {
    fn rotate(&mut self, order: &Order<'_>, seed: [u8; 32]) -> Result<(), LedgerError> {
        self.ledger_mut().rotate(order, seed).map(|_| ())
    }
}
