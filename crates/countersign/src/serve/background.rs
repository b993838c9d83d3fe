//! What goes on behind the API: evidence into the ledger, and what has ended tidied.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use countersign_app::{Class, Sequencer, SequencerError};
use countersign_http::Server;
use countersign_ledger::{KeyFiles, LedgerError};
use countersign_model::time::Duration as Period;
use countersign_store::lead::Lead;
use countersign_store::{Address, StoreError};
use tokio::sync::watch;

use super::witnesses::Witnesses;

/// How long evidence waits for a checkpoint, at most.
const SEQUENCE_EVERY: Duration = Duration::from_millis(200);
/// How soon another node takes over.
const LEAD_EVERY: Duration = Duration::from_secs(1);
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// How long decisions stand in the journal alone, at most.
const SHIP_EVERY: Duration = Duration::from_secs(1);
/// How often records of decisions that nobody needs any more are let go.
const RELEASE_EVERY: Duration = Duration::from_secs(3_600);

pub struct Background {
    pub server: Arc<Server>,
    pub address: Address,
    /// Of the ledger.
    pub folder: PathBuf,
    pub keys: KeyFiles,
    /// How long bodies of a class are kept.
    pub keep: Vec<(Class, Period)>,
    pub witnesses: Arc<Witnesses>,
    /// How long records of decisions can be explained.
    pub keep_decisions: countersign_model::time::Duration,
}

pub struct Running {
    thread: JoinHandle<Option<String>>,
    is_over: Arc<AtomicBool>,
    /// Whether this node leads now.
    leads: Arc<AtomicBool>,
    stopped: watch::Receiver<bool>,
}

impl Background {
    pub fn start(self, sequencer: Option<(Lead, Sequencer)>) -> Result<Running> {
        let is_over = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = watch::channel(false);
        let told = Arc::clone(&is_over);
        super::domains::start(Arc::clone(&self.server), Arc::clone(&is_over))?;
        self.witnesses.start(Arc::clone(&is_over))?;
        let leads = Arc::new(AtomicBool::new(sequencer.is_some()));
        let leading = Arc::clone(&leads);
        let thread = std::thread::Builder::new()
            .name("background".to_owned())
            .spawn(move || {
                let failed = self.run(sequencer, &told, &leading);
                leading.store(false, Ordering::Release);
                // Nobody listens any more if the node is ending anyway.
                let _ = stop.send(true);
                failed
            })
            .context("could not start the thread behind the API")?;
        Ok(Running { thread, is_over, leads, stopped })
    }

    /// Until told, or until something failed that only a new start can mend.
    fn run(
        &self,
        mut leads: Option<(Lead, Sequencer)>,
        is_over: &AtomicBool,
        leading: &AtomicBool,
    ) -> Option<String> {
        let mut tidied = Instant::now().checked_sub(TIDY_EVERY);
        let (mut shipped, mut released) = (None::<Instant>, None::<Instant>);
        loop {
            let last = is_over.load(Ordering::Acquire);
            if self.server.app.store().has_stopped() {
                return Some("the store's writer has stopped".to_owned());
            }
            self.witnesses.lead(leads.is_some());
            // What was read in a minute that is over; all of it before the end.
            if let Err(error) = self.server.app.evidence_readings(last) {
                tracing::warn!(%error, "readings are not evidenced yet");
            }
            if last || shipped.is_none_or(|shipped| shipped.elapsed() >= SHIP_EVERY) {
                shipped = Some(Instant::now());
                self.ship();
            }
            if released.is_none_or(|released| released.elapsed() >= RELEASE_EVERY) {
                released = Some(Instant::now());
                self.release();
            }
            if let Err(error) = self.lead(&mut leads) {
                return Some(format!("{error:#}"));
            }
            leading.store(leads.is_some() && !last, Ordering::Release);
            let is_time = tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY_EVERY);
            if leads.is_some() && is_time && !last {
                tidied = Some(Instant::now());
                if let Err(error) = self.server.app.forget() {
                    tracing::warn!(%error, "could not delete what has ended");
                }
                match self.server.app.tell_due() {
                    Ok(0) => (),
                    Ok(count) => tracing::info!(count, "notices told"),
                    Err(error) => tracing::warn!(%error, "could not tell what is due"),
                }
                match self.server.app.tidy_ended() {
                    Ok(0) => (),
                    Ok(count) => tracing::info!(count, "ended by themselves"),
                    Err(error) => tracing::warn!(%error, "could not tidy what has ended"),
                }
                self.retain();
                match self.server.app.scrub() {
                    Ok(true) => (),
                    Ok(false) => tracing::info!("what was erased is still in files; trying again"),
                    Err(error) => tracing::warn!(%error, "what was erased is still in files"),
                }
            }
            if last {
                return None;
            }
            std::thread::sleep(if leads.is_some() { SEQUENCE_EVERY } else { LEAD_EVERY });
        }
    }

    /// Lets go of old records of decisions.
    fn release(&self) {
        if let Err(error) = self.server.app.release_decisions(self.keep_decisions) {
            tracing::warn!(%error, "old records of decisions are not let go");
        }
    }

    /// What this node decided becomes an act, and so a leaf.
    fn ship(&self) {
        loop {
            match self.server.app.ship_decisions() {
                Ok(shipped) if shipped.has_more => (),
                Ok(_) => return,
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::from(error));
                    tracing::warn!(error, "decisions are not shipped to the ledger yet");
                    return;
                }
            }
        }
    }

    /// Blanks what is past its period.
    fn retain(&self) {
        for (class, period) in &self.keep {
            let name = class.as_str();
            match self.server.app.retain(*class, *period) {
                Ok(0) => (),
                Ok(count) => tracing::info!(class = name, count, "blanked: the period is over"),
                Err(error) => tracing::warn!(class = name, %error, "could not blank what is old"),
            }
        }
    }

    /// Moves what waits into the ledger, if this node leads or now may.
    fn lead(&self, leads: &mut Option<(Lead, Sequencer)>) -> Result<()> {
        match self.try_lead(leads) {
            // Whoever can lead next looks at the ledger anew, this node or another.
            Err(error) if is_passing(&error) => {
                *leads = None;
                tracing::warn!(error = format!("{error:#}"), "does not lead, and tries again");
                Ok(())
            }
            result => result,
        }
    }

    fn try_lead(&self, leads: &mut Option<(Lead, Sequencer)>) -> Result<()> {
        let store = self.server.app.store();
        let Some((lead, sequencer)) = leads else {
            if let Some(lead) = Lead::take(&self.address)? {
                let ledger = super::open_ledger(&self.folder, &self.keys)?;
                *leads = Some((lead, Sequencer::new(ledger, store)?));
                tracing::info!("this node leads now");
            }
            return Ok(());
        };
        if !lead.holds() {
            // Its session was ended: another may lead already, and must find the folder free.
            *leads = None;
            tracing::warn!("this node leads no more");
            return Ok(());
        }
        if !self.witnesses.may_sign()? {
            return Ok(());
        }
        while sequencer.step(store)?.1 {}
        if self.server.app.carry_out_rotation(sequencer, crate::chance::bytes()?)? {
            tracing::info!(
                "another key signs the ledger, as two people ordered; tell the witnesses"
            );
        }
        Ok(())
    }
}

/// Whether it may go by itself: the server of the store is started again, say, or the node that led has
/// not let go of the ledger yet.
pub(super) fn is_passing(error: &anyhow::Error) -> bool {
    let of_store = || error.downcast_ref::<StoreError>().is_some_and(StoreError::is_passing);
    let of_sequencer =
        || error.downcast_ref::<SequencerError>().is_some_and(SequencerError::is_passing);
    let of_ledger = || {
        error
            .downcast_ref::<LedgerError>()
            .is_some_and(|error| matches!(error, LedgerError::Locked(_)))
    };
    of_store() || of_sequencer() || of_ledger()
}

impl Running {
    /// Becomes true when the node must stop.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.clone()
    }

    /// Whether this node leads, and goes on.
    pub fn leads(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.leads)
    }

    /// Waits until all evidence is in the ledger; why it stopped, if it failed.
    pub fn end(self) -> Option<String> {
        self.is_over.store(true, Ordering::Release);
        self.thread.join().unwrap_or_else(|_| Some("the thread behind the API panicked".to_owned()))
    }
}
