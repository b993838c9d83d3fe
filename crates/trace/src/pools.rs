//! What claims refer to by number: events, accounts, keys and words, each kept once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;

use countersign_model::event::{Principal, PrincipalKind};
use countersign_model::key::KeyKind;
use countersign_model::time::Timestamp;

use crate::hash::{HashedMap, Key, Secret};
use crate::rules::Rules;
use crate::shelf::{Fields, Fixed};
use crate::volume::{Volumes, Writing};

/// "None" for indices into pools.
pub const NONE: u32 = u32::MAX;

/// A key that an event presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub key: Key,
    /// Index of the registered credential, in register order.
    pub credential: u32,
    pub rule: u16,
}

/// The event behind one or more claims.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    pub time: Timestamp,
    /// Half of the event's hash, and its content: versions of one id are told apart.
    pub event: u64,
    pub content: u64,
    id: u32,
    pub source: u32,
    pub party: u32,
    /// Who really acted, where the event states an impersonation.
    pub actor: u32,
    /// Whom the principal acts for, where the event says so.
    pub subject: u32,
    uses: u32,
    pub assurance: u32,
    id_bytes: u16,
    uses_count: u8,
    /// Which volume it was read from.
    pub(crate) volume: u8,
}

impl Origin {
    /// One whose id and uses its pools will add.
    pub fn new(time: Timestamp, event: u64, content: u64) -> Self {
        Self {
            time,
            event,
            content,
            id: 0,
            source: NONE,
            party: NONE,
            actor: NONE,
            subject: NONE,
            uses: 0,
            assurance: NONE,
            id_bytes: 0,
            uses_count: 0,
            volume: 0,
        }
    }

    /// Where its id lies among the ids of its volume.
    pub(crate) fn id_span(&self) -> (u64, usize) {
        (u64::from(self.id), usize::from(self.id_bytes))
    }

    /// Which of its volume's uses are its own.
    pub(crate) fn uses_span(&self) -> (u32, u8) {
        (self.uses, self.uses_count)
    }

    /// With the numbers of all readers together in place of its reader's; where its id and uses lie
    /// stays the volume's.
    pub(crate) fn renumbered(self, numbers: &Numbers, volume: u8) -> Self {
        Self {
            source: numbers.string(self.source),
            party: numbers.party(self.party),
            actor: numbers.party(self.actor),
            subject: numbers.party(self.subject),
            assurance: numbers.assurance(self.assurance),
            volume,
            ..self
        }
    }
}

impl Fixed for Origin {
    const BYTES: usize = 55;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&self.event.to_le_bytes());
        out.extend_from_slice(&self.content.to_le_bytes());
        let numbers =
            [self.id, self.source, self.party, self.actor, self.subject, self.uses, self.assurance];
        for number in numbers {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.id_bytes.to_le_bytes());
        out.push(self.uses_count);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(Self {
            time: Timestamp(fields.i64()?),
            event: fields.u64()?,
            content: fields.u64()?,
            id: fields.u32()?,
            source: fields.u32()?,
            party: fields.u32()?,
            actor: fields.u32()?,
            subject: fields.u32()?,
            uses: fields.u32()?,
            assurance: fields.u32()?,
            id_bytes: fields.u16()?,
            uses_count: fields.u8()?,
            volume: 0,
        })
    }
}

impl Fixed for Use {
    const BYTES: usize = 22;

    fn put(&self, out: &mut Vec<u8>) {
        self.key.put(out);
        out.extend_from_slice(&self.credential.to_le_bytes());
        out.extend_from_slice(&self.rule.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let key = Key::take(bytes)?;
        let mut fields = Fields(bytes.get(Key::BYTES..)?);
        Some(Self { key, credential: fields.u32()?, rule: fields.u16()? })
    }
}

impl Fixed for Key {
    const BYTES: usize = 16;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.high.to_le_bytes());
        out.extend_from_slice(&self.low.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(Self { high: fields.u64()?, low: fields.u64()? })
    }
}

/// An account as logs name it. `name` and `kind` are chosen by value, not by arrival.
#[derive(Debug, Clone)]
pub struct Party {
    pub namespace: Box<str>,
    pub value: Box<str>,
    pub name: Option<Box<str>>,
    pub kind: PrincipalKind,
}

/// What claims refer to by number.
#[derive(Debug, Default)]
pub struct Pools {
    /// Events, their ids and their uses: those in memory, behind as many as `gone` says.
    origins: Vec<Origin>,
    ids: String,
    uses: Vec<Use>,
    gone: Gone,
    /// Once frozen: where events, ids and uses lie if not in memory.
    pub(crate) volumes: Volumes,
    parties: Vec<Party>,
    party_by_key: HashedMap<Key, u32>,
    strings: Vec<Box<str>>,
    string_by_text: HashMap<Box<str>, u32>,
    assurances: Vec<Box<[(u32, u32)]>>,
    assurance_by_list: HashMap<Box<[(u32, u32)]>, u32>,
    pub rules: Rules,
}

/// What was put away.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Gone {
    pub(crate) origins: u32,
    pub(crate) ids: u32,
    pub(crate) uses: u32,
}

impl Pools {
    pub fn origin(&self, at: u32) -> Option<Origin> {
        if !self.volumes.is_empty() {
            return self.volumes.origin(at);
        }
        self.origins.get(at.wrapping_sub(self.gone.origins) as usize).copied()
    }

    pub fn party(&self, at: u32) -> Option<&Party> {
        self.parties.get(at as usize)
    }

    pub fn string(&self, at: u32) -> &str {
        self.strings.get(at as usize).map_or("", |text| text)
    }

    pub fn used(&self, at: u32) -> Option<Use> {
        if !self.volumes.is_empty() {
            return self.volumes.used(at);
        }
        self.uses.get(at.wrapping_sub(self.gone.uses) as usize).copied()
    }

    /// The id of the event's record.
    pub fn id(&self, origin: &Origin) -> Cow<'_, str> {
        if !self.volumes.is_empty() {
            return Cow::Owned(self.volumes.id(origin));
        }
        let from = origin.id.wrapping_sub(self.gone.ids) as usize;
        Cow::Borrowed(self.ids.get(from..from + origin.id_bytes as usize).unwrap_or_default())
    }

    pub fn source(&self, origin: &Origin) -> &str {
        self.string(origin.source)
    }

    pub fn uses_count(&self, origin: &Origin) -> usize {
        usize::from(origin.uses_count)
    }

    /// The keys that an event presented.
    pub fn uses(&self, origin: &Origin) -> Cow<'_, [Use]> {
        if !self.volumes.is_empty() {
            return Cow::Owned(self.volumes.uses(origin));
        }
        let from = origin.uses.wrapping_sub(self.gone.uses) as usize;
        let uses = self.uses.get(from..from + usize::from(origin.uses_count));
        Cow::Borrowed(uses.unwrap_or_default())
    }

    /// What an event said about how its principal authenticated.
    pub fn assurance(&self, origin: Origin) -> impl Iterator<Item = (&str, &str)> {
        let list = self.assurances.get(origin.assurance as usize).map_or(&[][..], |list| list);
        list.iter().map(|(namespace, value)| (self.string(*namespace), self.string(*value)))
    }

    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.string_by_text.get(text) {
            return at;
        }
        let at = index(self.strings.len());
        self.strings.push(text.into());
        self.string_by_text.insert(text.into(), at);
        at
    }

    pub(crate) fn intern_assurance(&mut self, list: Vec<(u32, u32)>) -> u32 {
        if list.is_empty() {
            return NONE;
        }
        if let Some(&at) = self.assurance_by_list.get(list.as_slice()) {
            return at;
        }
        let at = index(self.assurances.len());
        let list: Box<[(u32, u32)]> = list.into();
        self.assurances.push(list.clone());
        self.assurance_by_list.insert(list, at);
        at
    }

    pub(crate) fn push_origin(&mut self, origin: Origin, id: &str, uses: &[Use]) -> u32 {
        let (ids, gone) = (self.gone.ids as usize + self.ids.len(), self.gone);
        // An id that no longer fits is not shown; nothing else depends on it.
        let fits = u32::try_from(ids + id.len()).is_ok();
        let fits = fits && u16::try_from(id.len()).is_ok();
        let id = if fits { id } else { "" };
        let origin = Origin {
            id: index(ids),
            id_bytes: id.len() as u16,
            uses: index(gone.uses as usize + self.uses.len()),
            uses_count: uses.len() as u8,
            ..origin
        };
        if self.ids.capacity() - self.ids.len() < id.len() {
            self.ids.reserve_exact(id.len().max(growth(self.ids.len(), 1)));
        }
        self.ids.push_str(id);
        reserve(&mut self.uses, uses.len());
        self.uses.extend_from_slice(uses);
        reserve(&mut self.origins, 1);
        self.origins.push(origin);
        index(gone.origins as usize + self.origins.len() - 1)
    }

    /// Bytes that could be put away.
    pub(crate) fn size(&self) -> usize {
        size_of_val(self.origins.as_slice()) + self.ids.len() + size_of_val(self.uses.as_slice())
    }

    /// Puts events, ids and uses away. Their numbers stay; till they are a volume of frozen pools,
    /// nobody can read them.
    pub(crate) fn put_away(&mut self, into: &mut Writing) -> io::Result<()> {
        for origin in self.origins.drain(..) {
            into.origins.put_fixed(&origin)?;
            self.gone.origins += 1;
        }
        into.ids.put(self.ids.as_bytes())?;
        self.gone.ids += index(self.ids.len());
        self.ids.clear();
        for link in self.uses.drain(..) {
            into.uses.put_fixed(&link)?;
            self.gone.uses += 1;
        }
        Ok(())
    }

    /// Gives back what only adding more needs.
    pub(crate) fn settle(&mut self) {
        self.party_by_key = HashedMap::default();
        self.string_by_text = HashMap::new();
        self.assurance_by_list = HashMap::new();
        if !self.volumes.is_empty() {
            (self.origins, self.ids, self.uses) = (Vec::new(), String::new(), Vec::new());
        }
        self.parties.shrink_to_fit();
    }

    /// The number of an account, as one more record names it.
    pub(crate) fn party_of(
        &mut self,
        secret: Secret,
        namespace: &str,
        principal: &Principal<'_>,
    ) -> u32 {
        let key = secret.key(KeyKind::Identity, namespace, &principal.value);
        if let Some(&at) = self.party_by_key.get(&key)
            && let Some(known) = self.parties.get_mut(at as usize)
        {
            merge(known, principal.kind, principal.name.as_deref());
            return at;
        }
        let party = Party {
            namespace: namespace.into(),
            value: principal.value.as_ref().into(),
            name: principal.name.as_deref().map(Into::into),
            kind: principal.kind,
        };
        self.insert_party(secret, party)
    }

    pub(crate) fn push_use(&mut self, link: Use) -> u32 {
        reserve(&mut self.uses, 1);
        self.uses.push(link);
        index(self.gone.uses as usize + self.uses.len() - 1)
    }

    /// Takes over another reader's words, accounts and rules, and leaves it the others. The numbers
    /// it returns say what is what now; `uses` and `origins` are where the others will begin.
    pub(crate) fn absorb_words(
        &mut self,
        other: &mut Self,
        secret: Secret,
        (origins, uses): (u32, u32),
    ) -> Numbers {
        let strings = std::mem::take(&mut other.strings);
        let strings: Vec<u32> = strings.iter().map(|text| self.intern(text)).collect();
        let string = |at: u32| strings.get(at as usize).copied().unwrap_or(NONE);
        let parties = std::mem::take(&mut other.parties).into_iter();
        let parties = parties.map(|party| self.insert_party(secret, party)).collect();
        let rules = other.rules.iter().map(|rule| self.rules.intern(rule)).collect();
        let assurances = other.assurances.iter().map(|list| {
            self.intern_assurance(list.iter().map(|(a, b)| (string(*a), string(*b))).collect())
        });
        let assurances = assurances.collect();
        Numbers { parties, rules, strings, assurances, uses, origins }
    }

    /// Takes over another reader's pools, of which nothing was put away. The numbers it returns say
    /// what is what now.
    pub(crate) fn absorb(&mut self, mut other: Self, secret: Secret) -> Numbers {
        let begin = (index(self.origins.len()), index(self.uses.len()));
        let numbers = self.absorb_words(&mut other, secret, begin);
        let uses = numbers.uses;
        self.uses.extend(
            other.uses.into_iter().map(|link| Use { rule: numbers.rule(link.rule), ..link }),
        );
        // Where both together no longer fit, the ids taken over are not shown.
        let fits = u32::try_from(self.ids.len() + other.ids.len()).is_ok();
        let ids = index(self.ids.len());
        if fits {
            self.ids.push_str(&other.ids);
        }
        self.origins.extend(other.origins.into_iter().map(|origin| Origin {
            id: if fits { origin.id + ids } else { 0 },
            id_bytes: if fits { origin.id_bytes } else { 0 },
            source: numbers.string(origin.source),
            party: numbers.party(origin.party),
            actor: numbers.party(origin.actor),
            subject: numbers.party(origin.subject),
            uses: origin.uses + uses,
            assurance: numbers.assurance(origin.assurance),
            ..origin
        }));
        numbers
    }

    fn insert_party(&mut self, secret: Secret, party: Party) -> u32 {
        let key = secret.key(KeyKind::Identity, &party.namespace, &party.value);
        let next = index(self.parties.len());
        let at = *self.party_by_key.entry(key).or_insert(next);
        match self.parties.get_mut(at as usize) {
            None => self.parties.push(party),
            Some(known) => merge(known, party.kind, party.name.as_deref()),
        }
        at
    }
}

fn merge(known: &mut Party, kind: PrincipalKind, name: Option<&str>) {
    known.kind = known.kind.min_by_caution(kind);
    if let Some(name) = name
        && known.name.as_deref().is_none_or(|known| name < known)
    {
        known.name = Some(name.into());
    }
}

/// Records that disagree about what an account is: the kind that concludes least wins, so that one
/// record cannot make a person of the root account or take an account out of the count.
trait Caution {
    fn min_by_caution(self, other: Self) -> Self;
}

impl Caution for PrincipalKind {
    fn min_by_caution(self, other: Self) -> Self {
        let rank = |kind| match kind {
            Self::Root => 0,
            Self::Service => 1,
            Self::Agent => 2,
            Self::Human => 3,
            Self::ProviderService => 4,
            Self::Unknown => 5,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

/// What another reader's numbers are here.
#[derive(Debug)]
pub(crate) struct Numbers {
    parties: Vec<u32>,
    rules: Vec<u16>,
    strings: Vec<u32>,
    assurances: Vec<u32>,
    uses: u32,
    origins: u32,
}

impl Numbers {
    pub(crate) fn used(&self, at: u32) -> u32 {
        if at == NONE { NONE } else { at + self.uses }
    }

    pub(crate) fn origin(&self, at: u32) -> u32 {
        at + self.origins
    }

    pub(crate) fn party(&self, at: u32) -> u32 {
        self.parties.get(at as usize).copied().unwrap_or(NONE)
    }

    pub(crate) fn rule(&self, at: u16) -> u16 {
        self.rules.get(usize::from(at)).copied().unwrap_or(u16::MAX)
    }

    pub(crate) fn string(&self, at: u32) -> u32 {
        self.strings.get(at as usize).copied().unwrap_or(NONE)
    }

    pub(crate) fn assurance(&self, at: u32) -> u32 {
        self.assurances.get(at as usize).copied().unwrap_or(NONE)
    }
}

/// A pool below this size is doubled.
const SMALL_BYTES: usize = 16 << 20;

/// Makes room for `more`, in a large pool by an eighth at a time: pools are most of the memory of a
/// run, and doubling would leave half of it unused.
pub(crate) fn reserve<T>(pool: &mut Vec<T>, more: usize) {
    if pool.capacity() - pool.len() < more {
        pool.reserve_exact(more.max(growth(pool.len(), size_of::<T>())).max(16));
    }
}

fn growth(length: usize, item_bytes: usize) -> usize {
    if length * item_bytes < SMALL_BYTES { length } else { length / 8 }
}

pub(crate) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}
