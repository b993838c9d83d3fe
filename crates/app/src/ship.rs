//! From a node's journal into the ledger: durable decisions become the rows of a batch, and the batch an
//! act of which the sequencer makes an entry.
//!
//! It may stop anywhere. The file of the rows is written before the act that names it; the act and how
//! far the journal is shipped are one transaction. What a stop left is done again, and is the same act.

mod usage;

use countersign_journal::{Journal, JournalError, Records};
use countersign_ledger::entry::{Entry, EntryError};
use countersign_ledger::{LogError, Rows};
use countersign_store::batch::{Also, Batch, Change};
use countersign_store::{Outcome, StoreError};

use self::usage::Usage;
use crate::{App, digest, micros};

/// What a stop parts, for the tests.
const STEPS: [&str; 3] = ["ship.file.before", "ship.file.after", "ship.commit.after"];

#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the rows of decisions could not be written for the ledger")]
    Ledger(#[from] LogError),
    #[error("a decision could not be made a row")]
    Evidence(#[from] EntryError),
    #[error("record {0} of the journal is no decision that the ledger knows; a newer version may")]
    NotADecision(u64),
    #[error("the store does not say how far the journal is shipped: `{0}` is no number")]
    Place(String),
    #[error("there is no ledger here to ship decisions to")]
    NoLedger,
}

/// What one step shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shipped {
    pub records: u64,
    /// Those that were counted together each.
    pub decisions: u64,
    /// Whether more wait: ship again at once.
    pub has_more: bool,
}

/// One of the two counts of a journal.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Records,
    Reserve,
}

impl Stream {
    fn read(self, journal: &Journal, from: u64) -> Records {
        match self {
            Self::Records => journal.read_from(from),
            Self::Reserve => journal.read_reserve(from),
        }
    }

    /// The name of what the store knows of it.
    fn meta(self, node: &str) -> String {
        match self {
            Self::Records => format!("journal.{node}"),
            Self::Reserve => format!("journal.{node}.reserve"),
        }
    }
}

impl App {
    /// Ships what this node decided; nothing, if it does not decide.
    ///
    /// # Errors
    /// Nothing is lost; ship again.
    pub fn ship_decisions(&self) -> Result<Shipped, ShipError> {
        self.live.get().map_or_else(|| Ok(Shipped::default()), |live| self.ship(&live.journal))
    }

    /// Ships up to 4096 records of a journal, and as many of its reserve. What was shipped may be
    /// released from then on, and the reserve is renewed once all of it was.
    ///
    /// # Errors
    /// Nothing is lost; ship again. `Journal` with `Lost` or `Released` if the journal is not the one
    /// that was shipped from.
    pub fn ship(&self, journal: &Journal) -> Result<Shipped, ShipError> {
        let node = hex(&journal.node());
        let kept = self.ship_stream(journal, &node, Stream::Reserve)?;
        if kept.records > 0 {
            // Without space for a new one the old one stays; the next time is soon.
            match journal.renew_reserve(self.shipped_to(&Stream::Reserve.meta(&node))?) {
                Ok(_) | Err(JournalError::Io { .. }) => (),
                Err(error) => return Err(error.into()),
            }
        }
        let shipped = self.ship_stream(journal, &node, Stream::Records)?;
        journal.shipped(self.shipped_to(&Stream::Records.meta(&node))?)?;
        Ok(Shipped {
            records: kept.records + shipped.records,
            decisions: kept.decisions + shipped.decisions,
            has_more: kept.has_more || shipped.has_more,
        })
    }

    /// The first record of a journal's count that is not in the store yet.
    fn shipped_to(&self, name: &str) -> Result<u64, ShipError> {
        match self.store.meta(name)? {
            Some(text) => text.parse().map_err(|_| ShipError::Place(name.to_owned())),
            None => Ok(0),
        }
    }

    fn ship_stream(
        &self,
        journal: &Journal,
        node: &str,
        stream: Stream,
    ) -> Result<Shipped, ShipError> {
        let name = stream.meta(node);
        let from = self.shipped_to(&name)?;
        let taken = Taken::read(stream.read(journal, from))?;
        let Some(epoch) = taken.epoch else { return Ok(Shipped::default()) };
        let ledger = self.ledger.as_deref().ok_or(ShipError::NoLedger)?;
        let failpoint = self.store.failpoint();
        failpoint(STEPS[0]);
        let Some(batch) = taken.rows.keep(ledger)? else { return Ok(Shipped::default()) };
        failpoint(STEPS[1]);
        let place = [epoch.to_be_bytes(), from.to_be_bytes()].concat();
        let id = digest(&[b"cs/journal/v1", name.as_bytes(), b"\0", &place].concat());
        let id = *id.first_chunk().expect("16 of the 32 bytes of SHA-256");
        let change = Change {
            id,
            at: micros(self.now()),
            by: format!("node:{node}"),
            verb: "decision.batch".to_owned(),
            noun: "journal".to_owned(),
            item: Some(node.to_owned()),
            why: None,
            leaf: Entry::Batch(batch).encode()?,
            puts: Vec::new(),
            erased: Vec::new(),
        };
        let value = (from + u64::from(batch.count)).to_string();
        let mut also = vec![Also::Meta { name, value }];
        also.extend(taken.usage.into_also());
        // An act that is there already was written with its place; who asks next reads that one.
        let outcome =
            self.store.commit(Batch { changes: vec![change], also, reads: Vec::new() })?;
        failpoint(STEPS[2]);
        match outcome {
            Outcome::Done(_) => Ok(taken.shipped),
            // It is based on nothing that could have changed.
            Outcome::Conflict { .. } | Outcome::TokenSpent => Ok(Shipped::default()),
        }
    }
}

/// The rows of one batch.
#[derive(Default)]
struct Taken {
    rows: Rows,
    /// Of the first record.
    epoch: Option<u64>,
    usage: Usage,
    shipped: Shipped,
}

impl Taken {
    fn read(records: Records) -> Result<Self, ShipError> {
        let mut taken = Self::default();
        let mut bytes = Vec::new();
        for stored in records {
            let stored = stored?;
            if taken.rows.is_full() {
                taken.shipped.has_more = true;
                break;
            }
            let Ok(Entry::Decision(mut decision)) = Entry::decode(&stored.row) else {
                return Err(ShipError::NotADecision(stored.seq));
            };
            taken.usage.add(&stored, decision.time.div_euclid(1_000));
            decision.count = stored.count;
            decision.encode_into(&mut bytes)?;
            taken.rows.push(&bytes)?;
            taken.epoch.get_or_insert(stored.epoch);
            taken.shipped.records += 1;
            taken.shipped.decisions += u64::from(stored.count);
        }
        Ok(taken)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
