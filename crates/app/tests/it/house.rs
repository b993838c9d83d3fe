//! An instance of its own for each test, with a clock that moves when told.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use countersign_app::{App, Caller, Sequencer};
use countersign_judge::permission::Role;
use countersign_ledger::entry::Entry;
use countersign_ledger::rotation::Order;
use countersign_ledger::{Ledger, OpenOptions};
use countersign_model::register::Register;
use countersign_model::time::Timestamp;
use countersign_store::feed::Cursor;
use countersign_store::{Address, Failpoint, Store};

pub struct House {
    pub app: App,
    pub folder: PathBuf,
    clock: Arc<AtomicI64>,
    stays: bool,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl House {
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-app-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        Self::at(folder)
    }

    /// The same house after it was left, with a hook before and after each step of the store.
    pub fn again(mut self, failpoint: Failpoint) -> Self {
        self.stays = true;
        let folder = self.folder.clone();
        drop(self);
        Self::at_with(folder, failpoint)
    }

    fn at(folder: PathBuf) -> Self {
        Self::at_with(folder, Arc::new(|_| ()))
    }

    fn at_with(folder: PathBuf, failpoint: Failpoint) -> Self {
        let clock = Arc::new(AtomicI64::new(countersign_register::time("2026-11-25").unwrap().0));
        // One test at a time, on an empty database: `COUNTERSIGN_TEST_STORE=postgres://…`.
        let address = match std::env::var("COUNTERSIGN_TEST_STORE") {
            Ok(url) => url.parse().unwrap(),
            Err(_) => Address::Sqlite(folder.join("state.sqlite")),
        };
        let store = Store::open_with(&address, failpoint).unwrap();
        let mut ledger = ledger(&folder);
        let handles = ledger.handles().clone();
        let now = Arc::clone(&clock);
        let chance = AtomicU64::new(1 + (NUMBER.fetch_add(1, Ordering::Relaxed) << 32));
        let app = App::new(
            store,
            handles,
            Box::new(move || Timestamp(now.load(Ordering::Relaxed))),
            Box::new(move |bytes| {
                // Different each time is all that these tests need.
                let number = chance.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, from)| *byte = *from);
            }),
        )
        .with_ledger(&folder.join("ledger"));
        Self { app, folder, clock, stays: false }
    }

    pub fn set_clock(&self, time: &str) {
        self.clock.store(countersign_register::time(time).unwrap().0, Ordering::Relaxed);
    }

    /// Everything that waits goes into the ledger; how many acts it has then. That somebody read
    /// personal data is evidence as well, and counted elsewhere.
    pub fn acts(&self) -> u64 {
        let leaves = self.sequence();
        let changes = self.app.store().changes(Cursor::default(), 10_000).unwrap();
        let is_reading = |leaf: &[u8]| matches!(Entry::decode(leaf), Ok(Entry::Read(_)));
        leaves - changes.iter().filter(|change| is_reading(&change.leaf)).count() as u64
    }

    /// Everything that waits goes into the ledger; how many leaves it has then.
    pub fn sequence(&self) -> u64 {
        let mut sequencer = Sequencer::new(ledger(&self.folder), self.app.store()).unwrap();
        loop {
            let (leaves, more) = sequencer.step(self.app.store()).unwrap();
            if !more {
                return leaves;
            }
        }
    }

    /// Whether a key that two people ordered signs now.
    pub fn carry_out_rotation(&self) -> bool {
        let mut sequencer = Sequencer::new(ledger(&self.folder), self.app.store()).unwrap();
        self.app.carry_out_rotation(&mut sequencer, [11; 32]).unwrap()
    }

    pub fn rotate_key(&self) {
        let order = Order { time: self.app.now().0, why: "planned", by: None, second: None };
        ledger(&self.folder).rotate(&order, [9; 32]).unwrap();
    }

    pub fn apply(&self, register: &str) -> countersign_app::Plan {
        self.app.apply(&owner(), &parsed(register), &<_>::default()).unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if !self.stays {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn ledger(folder: &Path) -> Ledger {
    let options = OpenOptions {
        origin: "test.example/instance",
        private_key: None,
        signing_seed: [7; 32],
        handle_seed: [8; 32],
    };
    Ledger::open_in_order(&folder.join("ledger"), &options).unwrap()
}

pub fn parsed(text: &str) -> Register {
    let (register, mistakes) =
        countersign_register::parse(&[("register.yaml".to_owned(), text.to_owned())]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    register
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

pub fn sponsor(id: &str) -> Caller {
    Caller {
        principal: format!("member:{id}"),
        role: Role::Sponsor,
        organization: None,
        sponsor: Some(id.to_owned()),
        tenant: None,
    }
}

pub fn partner(organization: &str) -> Caller {
    Caller {
        principal: format!("member:admin-of-{organization}"),
        role: Role::PartnerAdmin,
        organization: Some(organization.to_owned()),
        sponsor: None,
        tenant: None,
    }
}

/// A small company: a reseller, a partner it brought in, people, a machine, two grants.
pub const COMPANY: &str = r#"
company: Example
tenants:
  - id: erp
    accounts: ["111122223333"]
sponsors:
  - {id: ann, name: Ann, employed: {from: 2020-01-01, until: never}}
  - {id: bob, name: Bob, employed: {from: 2020-01-01, until: never}}
organizations:
  - {id: rho, kind: reseller, state: active, sponsor: ann, contract: {from: 2026-01-01, until: 2027-01-01}}
  - {id: pi, kind: partner, via: rho, state: active, sponsor: bob, contract: {from: 2026-01-01, until: 2027-01-01}}
identities:
  - {id: rita, kind: human, organization: rho, active: {from: 2026-01-01, until: 2027-01-01}}
  - {id: paul, kind: human, organization: pi, active: {from: 2026-01-01, until: 2027-01-01}}
  - {id: bot, kind: service, organization: pi, owner: bob, active: {from: 2026-01-01, until: 2027-01-01}}
credentials:
  - {id: bot-key, identity: bot, kind: api_key, handle: AKIAEXAMPLE7, issued: 2026-10-01, until: 2026-12-31}
entitlements:
  - {id: orders, catalog: partners, tenant: erp, actions: ["order:*"], owner: bob, risk: low}
grants:
  - {id: g-rho, entitlement: orders, organization: rho, sponsor: ann, justification: resale, from: 2026-01-01, until: 2026-12-31}
  - {id: g-paul, entitlement: orders, identity: paul, sponsor: bob, justification: orders, from: 2026-06-01, until: 2026-11-30, passed_on_from: g-rho}
"#;
