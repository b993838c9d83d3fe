//! The first phase: every record of every input, on all threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use countersign_model::event::{Event, Link};
use countersign_model::key::KeyKind;
use countersign_runs::folder::{Commit, RunFolder};
use countersign_runs::segment::{self, Segment};
use countersign_sources::read::Visitor;
use countersign_sources::{Definitions, Limits, Place, Plan, Quarantined, Unit};
use countersign_trace::codec;
use countersign_trace::collect::{Rows, is_answered};
use countersign_trace::directory::Directory;
use countersign_trace::hash::Secret;
use countersign_trace::pile::Pile;
use countersign_trace::shelf::Shelves;
use serde_json::{Value, json};

/// Rows are written out as a segment when they take this much memory on one thread.
pub const SEGMENT_BYTES: usize = 96 << 20;
/// Reasons of bad records that are kept to be shown.
const QUARANTINE_SHOWN: usize = 20;

/// What was read, beside what went into segments and claims.
#[derive(Debug, Default, Clone)]
pub struct Account {
    pub records: u64,
    pub quarantined: u64,
    /// The first bad records by place, as `unit:line` and reason.
    pub quarantine: BTreeMap<(u32, u64), String>,
    /// What is known to be no event, such as the other lines of a server's log.
    pub beside: BTreeMap<String, u64>,
    /// Records by definition.
    pub by_source: BTreeMap<String, u64>,
    /// Units that had records of a definition.
    pub units_of: BTreeMap<String, BTreeSet<u32>>,
    /// Lines of each piece, so that places can be told by the file's own lines.
    pub lines: BTreeMap<u32, u64>,
    /// Units that could not be read at all.
    pub failed: BTreeMap<String, String>,
}

impl Account {
    fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.quarantined += other.quarantined;
        self.quarantine.extend(other.quarantine);
        while self.quarantine.len() > QUARANTINE_SHOWN {
            self.quarantine.pop_last();
        }
        for (what, count) in other.beside {
            *self.beside.entry(what).or_default() += count;
        }
        for (source, count) in other.by_source {
            *self.by_source.entry(source).or_default() += count;
        }
        for (source, units) in other.units_of {
            self.units_of.entry(source).or_default().extend(units);
        }
        self.lines.extend(other.lines);
        self.failed.extend(other.failed);
    }

    fn to_json(&self) -> Value {
        json!({
            "records": self.records,
            "quarantined": self.quarantined,
            "quarantine": self.quarantine.iter().map(|((u, l), r)| json!([u, l, r])).collect::<Vec<_>>(),
            "beside": self.beside,
            "by_source": self.by_source,
            "units_of": self.units_of,
            "lines": self.lines.iter().map(|(u, l)| json!([u, l])).collect::<Vec<_>>(),
            "failed": self.failed,
        })
    }

    fn from_json(value: &Value) -> Self {
        let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        let unit =
            |value: &Value| value.as_u64().and_then(|unit| u32::try_from(unit).ok()).unwrap_or(0);
        let map = |name: &str| value[name].as_object().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let counts = |name: &str| {
            map(name).iter().map(|(of, n)| (of.clone(), n.as_u64().unwrap_or(0))).collect()
        };
        Self {
            records: value["records"].as_u64().unwrap_or(0),
            quarantined: value["quarantined"].as_u64().unwrap_or(0),
            quarantine: list("quarantine")
                .iter()
                .map(|bad| ((unit(&bad[0]), bad[1].as_u64().unwrap_or(0)), text(&bad[2])))
                .collect(),
            beside: counts("beside"),
            by_source: counts("by_source"),
            units_of: map("units_of")
                .iter()
                .map(|(source, units)| {
                    (source.clone(), units.as_array().into_iter().flatten().map(&unit).collect())
                })
                .collect(),
            lines: list("lines")
                .iter()
                .map(|l| (unit(&l[0]), l[1].as_u64().unwrap_or(0)))
                .collect(),
            failed: map("failed").iter().map(|(unit, why)| (unit.clone(), text(why))).collect(),
        }
    }
}

/// Everything a reader needs, shared by all threads.
#[derive(Debug, Clone, Copy)]
pub struct Shop<'a> {
    pub plan: &'a Plan,
    pub definitions: &'a Definitions,
    pub limits: &'a Limits,
    pub directory: &'a Directory<'a>,
    /// For sources whose records name no tenant: the tenant of each unit's file.
    pub tenants: &'a [Option<String>],
    pub run: &'a RunFolder,
    /// See [`SEGMENT_BYTES`].
    pub segment_bytes: usize,
    /// Where claims go that do not fit in memory, and how many bytes of them one thread may hold.
    pub shelves: &'a dyn Shelves,
    pub claims_bytes: usize,
}

/// What reading leaves.
#[derive(Debug)]
pub struct Read {
    /// Of each reader.
    pub piles: Vec<Pile>,
    pub segments: Vec<u32>,
    pub account: Account,
}

/// Reads every unit that earlier sittings of the run did not, and takes over what those did.
pub fn read(shop: Shop<'_>, threads: usize, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Read> {
    let secret = Secret::new(&shop.run.secret);
    let mut whole = Read { piles: Vec::new(), segments: Vec::new(), account: Account::default() };
    let mut known = std::collections::HashSet::new();
    for commit in &shop.run.committed {
        whole.segments.extend(&commit.segments);
        whole.account.merge(Account::from_json(&commit.account));
        known.extend(commit.units.iter().cloned());
    }
    if !whole.segments.is_empty() {
        whole.piles.push(restore(shop, secret, &whole.segments)?);
    }
    let units: Vec<&Unit> =
        shop.plan.units.iter().filter(|unit| !known.contains(&unit.name())).collect();
    let (next, bytes) = (AtomicUsize::new(0), Mutex::new((0, 0)));
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut reader = Reader::new(shop, secret);
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(unit) = units.get(at) else { break };
                        reader.unit(unit)?;
                        let mut done =
                            bytes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        done.0 += unit.range.map_or(0, |(from, to)| to - from);
                        done.1 += 1;
                        progress(done.1, units.len() as u64);
                    }
                    reader.finish()
                })
            })
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<Read>>| {
            worker.join().map_err(|_| anyhow::anyhow!("a thread stopped"))?
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    for part in parts {
        whole.piles.extend(part.piles);
        whole.segments.extend(part.segments);
        whole.account.merge(part.account);
    }
    Ok(whole)
}

/// The claims of what earlier sittings read, from their segments.
fn restore(shop: Shop<'_>, secret: Secret, segments: &[u32]) -> Result<Pile> {
    let mut pile = Pile::new(secret);
    let mut fixed = fixed_words();
    for number in segments {
        let opened = shop.run.segments(&[*number], &mut fixed)?;
        for segment in &opened {
            let damaged = || segment.damaged();
            let rows = segment.read(None, None)?;
            let proofs = segment.proofs()?;
            let rows = segment.rows(&rows).map(|(_, row)| row);
            for row in rows.chain(Segment::each_proof(&proofs)) {
                let (event, _) = codec::decode(row, &segment.dictionary).map_err(|_| damaged())?;
                pile.observe(&event, shop.directory);
                relieve(&mut pile, shop)?;
            }
        }
    }
    Ok(pile)
}

/// Puts claims away if they take more memory than they may.
fn relieve(pile: &mut Pile, shop: Shop<'_>) -> Result<()> {
    if pile.size() < shop.claims_bytes {
        return Ok(());
    }
    pile.put_away(shop.shelves)
        .with_context(|| format!("could not put claims away in `{}`", shop.run.path().display()))
}

/// Gives the words of link rules their static form: each word once.
pub fn fixed_words() -> impl FnMut(&str) -> &'static str {
    let mut known: BTreeMap<String, &'static str> = BTreeMap::new();
    move |word| match known.get(word) {
        Some(fixed) => fixed,
        None => {
            let fixed: &'static str = Box::leak(word.to_owned().into_boxed_str());
            known.insert(word.to_owned(), fixed);
            fixed
        }
    }
}

/// One thread's share.
struct Reader<'a> {
    shop: Shop<'a>,
    pile: Pile,
    rows: Rows,
    proofs: Vec<u8>,
    /// Read, but not yet committed.
    units: Vec<String>,
    pending: Vec<u32>,
    account: Account,
    read: Read,
    /// The tenant of the unit being read, for records that name none.
    tenant: Option<&'a str>,
    failed: Option<anyhow::Error>,
}

impl<'a> Reader<'a> {
    fn new(shop: Shop<'a>, secret: Secret) -> Self {
        Self {
            shop,
            pile: Pile::new(secret),
            rows: Rows::default(),
            proofs: Vec::new(),
            units: Vec::new(),
            pending: Vec::new(),
            account: Account::default(),
            read: Read { piles: Vec::new(), segments: Vec::new(), account: Account::default() },
            tenant: None,
            failed: None,
        }
    }

    fn unit(&mut self, unit: &Unit) -> Result<()> {
        let tenants = self.shop.tenants.get(unit.number as usize);
        self.tenant = tenants.and_then(|tenant| tenant.as_deref());
        let before = self.account.by_source.clone();
        let read = unit.read(self.shop.definitions, self.shop.limits, self);
        for (source, count) in &self.account.by_source {
            if before.get(source) != Some(count) {
                self.account.units_of.entry(source.clone()).or_default().insert(unit.number);
            }
        }
        match read {
            Ok(stats) => {
                self.account.lines.insert(unit.number, stats.lines);
            }
            Err(error) => {
                self.account.failed.insert(unit.path.display().to_string(), error.to_string());
            }
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.units.push(unit.name());
        if self.rows.size() + self.proofs.len() >= self.shop.segment_bytes {
            self.commit()?;
        }
        Ok(())
    }

    /// Writes what is in memory as a segment; it is not part of the run yet.
    fn spill(&mut self) -> Result<()> {
        if self.rows.is_empty() && self.proofs.is_empty() {
            return Ok(());
        }
        self.rows.sort();
        let (number, path) = self.shop.run.new_segment();
        segment::write(&path, &self.rows, &self.proofs)
            .with_context(|| format!("could not write `{}`", path.display()))?;
        self.pending.push(number);
        self.rows = Rows::default();
        self.proofs = Vec::new();
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.spill()?;
        let commit = Commit {
            units: std::mem::take(&mut self.units),
            segments: std::mem::take(&mut self.pending),
            account: self.account.to_json(),
        };
        self.shop.run.commit(&commit)?;
        self.read.segments.extend(commit.segments);
        self.read.account.merge(std::mem::take(&mut self.account));
        Ok(())
    }

    fn finish(mut self) -> Result<Read> {
        self.commit()?;
        self.read.piles.push(self.pile);
        Ok(self.read)
    }
}

/// The event with what its record leaves out: the tenant of its file, and the tenant as the namespace
/// of accounts and keys that name none. `None` if nothing is left out.
fn in_tenant<'e>(event: &'e Event<'_>, of_file: Option<&'e str>) -> Option<Event<'e>> {
    let own = (!event.tenant.is_empty()).then_some(event.tenant.as_ref());
    let tenant = own.or(of_file)?;
    let is_open = |link: &Link<'_>| link.namespace.is_empty() && is_given_out(link.kind);
    let people = event.principal.iter().chain(event.delegation.iter().map(|of| &of.principal));
    let people = people.chain(event.links.iter().filter_map(|link| link.root.as_ref()));
    let is_whole = own.is_some()
        && !event.links.iter().any(is_open)
        && !people.into_iter().any(|of| of.namespace.is_empty());
    if is_whole {
        return None;
    }
    let mut event = Event { tenant: tenant.into(), ..event.clone() };
    let roots = event.links.iter_mut().filter_map(|link| link.root.as_mut());
    let people = event.delegation.iter_mut().map(|of| &mut of.principal).chain(roots);
    for of in people.chain(event.principal.as_mut()).filter(|of| of.namespace.is_empty()) {
        of.namespace = tenant.into();
    }
    for link in event.links.iter_mut().filter(|link| is_open(link)) {
        link.namespace = tenant.into();
    }
    Some(event)
}

/// Keys that a tenant gives out itself. Those of other kinds are unique without it, or are looked
/// up by tenant anyway.
fn is_given_out(kind: KeyKind) -> bool {
    use KeyKind::{Credential, Refresh, RootSession, Session, Token};
    matches!(kind, Session | RootSession | Token | Refresh | Credential)
}

impl Visitor for Reader<'_> {
    fn event(&mut self, event: &Event<'_>, place: Place) {
        self.account.records += 1;
        if let Some(count) = self.account.by_source.get_mut(event.source) {
            *count += 1;
        } else {
            self.account.by_source.insert(event.source.to_owned(), 1);
        }
        match in_tenant(event, self.tenant) {
            Some(event) => self.keep(&event, place),
            None => self.keep(event, place),
        }
    }

    fn quarantine(&mut self, bad: Quarantined) {
        self.account.quarantined += 1;
        self.account.quarantine.insert((bad.place.unit, bad.place.line), bad.reason);
        while self.account.quarantine.len() > QUARANTINE_SHOWN {
            self.account.quarantine.pop_last();
        }
    }

    fn beside(&mut self, what: &str) {
        match self.account.beside.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                self.account.beside.insert(what.to_owned(), 1);
            }
        }
    }
}

impl Reader<'_> {
    fn keep(&mut self, event: &Event<'_>, place: Place) {
        let place = codec::Place { input: place.unit, line: place.line };
        self.pile.observe(event, self.shop.directory);
        if self.failed.is_none() {
            self.failed = relieve(&mut self.pile, self.shop).err();
        }
        if is_answered(event) {
            self.rows.push(event, place, self.shop.directory);
        } else {
            segment::put_proof(&mut self.proofs, event, place, &mut self.rows.dictionary);
        }
        // A packed file may be one huge unit: what is in memory must not grow with it.
        if self.rows.size() + self.proofs.len() >= self.shop.segment_bytes.saturating_mul(2)
            && self.failed.is_none()
        {
            self.failed = self.spill().err();
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::event::{Event, EventKind, Outcome, Principal, PrincipalKind};
    use countersign_model::time::{Duration, Timestamp};

    use super::in_tenant;

    fn event<'a>(tenant: &'a str, namespace: &'a str) -> Event<'a> {
        Event {
            source: "nginx.access",
            feed: "main",
            id: "1".into(),
            time: Timestamp(1),
            resolution: Duration(1),
            kind: EventKind::Action,
            tenant: tenant.into(),
            outcome: Outcome::Success,
            action: "http:GET".into(),
            resource: None,
            privileged: false,
            principal: Some(Principal {
                namespace: namespace.into(),
                value: "ada".into(),
                name: None,
                kind: PrincipalKind::Unknown,
            }),
            delegation: Vec::new(),
            via: None,
            ip: None,
            user_agent: None,
            assurance: Vec::new(),
            links: Vec::new(),
            session_started: None,
            shared_id: None,
            redacted: false,
            content: 1,
        }
    }

    #[test]
    fn an_account_that_names_no_namespace_is_the_tenants() {
        for (tenant, namespace, of_file, expected) in [
            ("", "", Some("portal"), Some(("portal", "portal"))),
            ("", "idp", Some("portal"), Some(("portal", "idp"))),
            ("own", "", Some("portal"), Some(("own", "own"))),
            ("own", "idp", Some("portal"), None),
            ("", "", None, None),
        ] {
            let event = event(tenant, namespace);
            let found = in_tenant(&event, of_file);
            let found = found.as_ref().map(|event| {
                let namespace = event.principal.as_ref().map_or("", |of| of.namespace.as_ref());
                (event.tenant.as_ref(), namespace)
            });
            assert_eq!(found, expected, "{tenant} {namespace}");
        }
    }
}
