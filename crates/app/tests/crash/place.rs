//! A store and a ledger that outlive processes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use countersign_app::{App, Caller, Sequencer, SequencerError};
use countersign_judge::permission::Role;
use countersign_ledger::{Ledger, LedgerError, OpenOptions};
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_store::{Address, Failpoint, Secret, Store};
use countersign_testkit::Chance;

pub struct Place {
    pub folder: PathBuf,
    pub address: Address,
}

impl Place {
    pub fn on_sqlite(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), address: Address::Sqlite(folder.join("state.sqlite")) }
    }

    pub fn on_postgres(folder: &Path, url: &str) -> Self {
        let address = Address::Postgres(Secret(url.to_owned()));
        Self { folder: folder.to_owned(), address }
    }

    pub fn ledger_folder(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    pub fn ledger(&self) -> Result<Ledger, LedgerError> {
        let options = OpenOptions {
            origin: "test.example/instance",
            private_key: None,
            signing_seed: [7; 32],
            handle_seed: [8; 32],
        };
        Ledger::open_in_order(&self.ledger_folder(), &options)
    }

    /// Verbs on this place, with chance and a clock that nobody had before.
    pub fn open(&self, seed: u64, failpoint: Failpoint) -> Result<(App, Sequencer), Refused> {
        let store = Store::open_with(&self.address, failpoint)?;
        let mut ledger = self.ledger()?;
        let handles = ledger.handles().clone();
        let sequencer = Sequencer::new(ledger, &store)?;
        let base = countersign_register::time("2026-11-25").unwrap().0;
        let clock = AtomicI64::new(base + i64::try_from(seed & 0xff_ffff).unwrap() * 1_000_000);
        let chance = AtomicU64::new(seed);
        let app = App::new(
            store,
            handles,
            Box::new(move || Timestamp(clock.fetch_add(1_000, Ordering::Relaxed))),
            Box::new(move |bytes| {
                let mut chance = Chance::new(chance.fetch_add(0x9e37_79b9, Ordering::Relaxed));
                for byte in bytes {
                    *byte = u8::try_from(chance.below(256)).unwrap();
                }
            }),
        );
        Ok((app, sequencer))
    }

    /// A company to begin with.
    pub fn found(&self) {
        let (app, mut sequencer) = self.open(1, std::sync::Arc::new(|_| ())).unwrap();
        app.apply(&owner(), &company("at the beginning"), &<_>::default()).unwrap();
        sequencer.step(app.store()).unwrap();
    }
}

/// What refuses to start.
#[derive(Debug)]
pub struct Refused(pub String);

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(because) = cause {
            text.push_str(": ");
            text.push_str(&because.to_string());
            cause = because.source();
        }
        Self(text)
    }
}

/// Everything that waits goes into the ledger.
pub fn sequence(app: &App, sequencer: &mut Sequencer) -> Result<u64, SequencerError> {
    loop {
        if let (leaves, false) = sequencer.step(app.store())? {
            return Ok(leaves);
        }
    }
}

pub fn owner() -> Caller {
    Caller {
        principal: "member:owner".to_owned(),
        role: Role::Owner,
        organization: None,
        sponsor: None,
        tenant: None,
    }
}

pub const GRANTS: u64 = 8;

pub fn company(name: &str) -> Register {
    let mut text = format!(
        r#"
company: "{name}"
tenants:
  - {{id: erp, accounts: ["111122223333"]}}
sponsors:
  - {{id: ann, name: Ann, employed: {{from: 2020-01-01, until: never}}}}
organizations:
  - {{id: pi, kind: partner, state: active, sponsor: ann, contract: {{from: 2026-01-01, until: 2029-01-01}}}}
identities:
  - {{id: paul, kind: human, organization: pi, active: {{from: 2026-01-01, until: 2029-01-01}}}}
entitlements:
  - {{id: orders, catalog: partners, tenant: erp, actions: ["order:*"], owner: ann, risk: low}}
grants:
"#
    );
    for number in 0..GRANTS {
        text.push_str(&format!(
            "  - {{id: g-{number}, entitlement: orders, identity: paul, sponsor: ann, \
             justification: orders, from: 2026-01-01, until: 2028-12-31}}\n"
        ));
    }
    let (register, mistakes) =
        countersign_register::parse(&[("register.yaml".to_owned(), text.clone())]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    register
}
