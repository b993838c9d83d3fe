//! From an event and the index of all claims to the attribution: who held the credential, and who
//! acted.

use core::net::IpAddr;
use std::borrow::Cow;

use countersign_model::attribution::{
    Attribution, EventFacts, Hop, Note, Party as PartyView, PrincipalClass, Through,
};
use countersign_model::event::{DelegateRole, Event, Outcome, Principal, PrincipalKind, Verb};
use countersign_model::grade::{Gap, Grade};
use countersign_model::id::IdentityId;
use countersign_model::key::KeyKind;
use countersign_model::register::{Identity, IdentityKind};
use countersign_model::time::Timestamp;
use ipnet::IpNet;

use crate::claims::{self, NONE, Use};
use crate::directory::{AccountAt, Directory, has_one_consumer};
use crate::index::Index;
use crate::walk::{self, Missing, Reached, Trail};

mod held;
mod shared;

/// Answers for one event after the other; holds nothing of its own.
#[derive(Debug, Clone, Copy)]
pub struct Attributor<'i> {
    pub index: &'i Index,
    pub directory: &'i Directory<'i>,
}

/// One link of the chain: a [`Hop`] that owns its event's id if that was read from a shelf.
#[derive(Debug)]
struct Link<'e> {
    rule: &'e str,
    grade: Grade,
    source: &'e str,
    event: Cow<'e, str>,
    time: Timestamp,
}

/// The answer, owning its lists. [`Traced::view`] is the model's form of it.
#[derive(Debug)]
pub struct Traced<'e> {
    event: EventFacts<'e>,
    pub class: PrincipalClass,
    pub holder: PartyView<'e>,
    pub actor: PartyView<'e>,
    chain: Vec<Link<'e>>,
    /// Where the chain's events are in the index's pools.
    origins: Vec<u32>,
    through: Vec<Through<'e>>,
    portal: Option<&'e str>,
    credential: Option<&'e str>,
    handle: Option<&'e str>,
    assurance: Vec<(&'e str, &'e str)>,
    authenticated_at: Option<Timestamp>,
    notes: Vec<Note>,
    deliveries: u32,
}

impl<'e> Traced<'e> {
    /// The chain from the event back to its root.
    pub fn chain(&self) -> Vec<Hop<'_>> {
        let hop = |&Link { rule, grade, source, ref event, time }| Hop {
            rule,
            grade,
            source,
            event,
            time,
        };
        self.chain.iter().map(hop).collect()
    }

    /// The model's form of the answer; `chain` is what [`Self::chain`] gave.
    pub fn view<'v>(&'v self, chain: &'v [Hop<'v>]) -> Attribution<'v> {
        Attribution {
            event: self.event,
            class: self.class,
            holder: self.holder,
            actor: self.actor,
            chain,
            through: &self.through,
            portal: self.portal,
            credential: self.credential,
            handle: self.handle,
            assurance: &self.assurance,
            authenticated_at: self.authenticated_at,
            notes: &self.notes,
            deliveries: self.deliveries,
        }
    }

    /// What the events of the chain said beside their keys, from the event back to the root.
    pub fn said<'t>(&'t self, index: &'t Index) -> impl Iterator<Item = (&'t str, &'t str)> {
        let origins = self.origins.iter().filter_map(|at| index.pools.origin(*at));
        origins.flat_map(|origin| index.pools.assurance(origin))
    }

    /// Notes that only a comparison of deliveries can tell.
    pub fn delivered(&mut self, deliveries: u32, notes: &[Note]) {
        self.deliveries = deliveries;
        self.notes.extend_from_slice(notes);
        self.notes.sort_unstable();
        self.notes.dedup();
    }
}

/// An account with what the register says about it.
#[derive(Clone, Copy)]
struct Account<'e> {
    namespace: &'e str,
    value: &'e str,
    name: Option<&'e str>,
    kind: PrincipalKind,
    identity: Option<(&'e IdentityId, &'e Identity)>,
    reassigned: bool,
}

impl<'e> Account<'e> {
    fn party(&self, grade: Grade, rule: &'e str) -> PartyView<'e> {
        PartyView {
            identity: self.identity.map(|(id, _)| id.as_str()),
            account: Some((self.namespace, self.value)),
            name: self.identity.and_then(|(_, known)| known.name.as_deref()).or(self.name),
            kind: self.kind,
            grade,
            rule,
            gap: None,
            candidates: 0,
            feed: None,
        }
    }
}

/// The holder, and what of the chain decides whether the holder is also the actor.
struct Held<'e> {
    party: PartyView<'e>,
    identity: Option<(&'e IdentityId, &'e Identity)>,
    credential: u32,
    long_lived: bool,
    /// The account is registered, but was somebody else's at that time.
    reassigned: bool,
    /// Why the holder may not be the actor although the account is known.
    open: Option<(Gap, u32, Option<&'e str>)>,
    /// The account and the credential belong to two different identities.
    conflict: bool,
    /// Another key of the record leads to this person, who used the registered credential.
    narrowed: Option<PartyView<'e>>,
}

impl<'i> Attributor<'i> {
    pub fn new(index: &'i Index, directory: &'i Directory<'i>) -> Self {
        Self { index, directory }
    }

    pub fn attribute<'e>(&self, event: &'e Event<'e>) -> Traced<'e>
    where
        'i: 'e,
    {
        let uses = self.uses(event);
        let mut trail = Trail::default();
        let mut reached = walk::walk(self.index, &uses, event.time, event.resolution, &mut trail);
        if let Some(found) = reached
            && self.has_rival(event, &found, &mut trail)
        {
            reached = None;
            trail = Trail {
                missing: Some(Missing { gap: Gap::Ambiguous, candidates: 2, rule: found.rule }),
                ..Trail::default()
            };
        }
        let mut conflict = false;
        if let Some(found) = reached
            && self.record_disagrees(event, &found)
        {
            conflict = true;
            // A key that is given out again, or tied by fields and time, is less than the record's
            // own word for who acted.
            if trail.steps.iter().any(|step| self.is_loose(step)) {
                reached = None;
                trail = Trail::default();
            }
        }
        let held = match &reached {
            Some(reached) => self.held_by_chain(event, &uses, reached),
            None => self.held_by_record(event, &uses, &trail),
        };
        let revoked = trail.revoked;
        let mut traced = self.start(event, &held, reached.as_ref(), trail);
        traced.class = self.class(event, &held);
        if traced.class == PrincipalClass::ProviderService {
            traced.actor = traced.holder;
        } else {
            self.act(event, &held, reached.as_ref(), &mut traced);
        }
        if reached.is_none() && revoked {
            traced.notes.push(Note::AfterRevocation);
        }
        if conflict || held.conflict {
            traced.notes.push(Note::Conflict);
        }
        if held.reassigned {
            traced.notes.push(Note::AccountReassigned);
        }
        if event.outcome == Outcome::Failure {
            traced.notes.push(Note::Attempt);
        }
        if event.redacted && traced.actor.gap.is_some() {
            traced.actor.gap = Some(Gap::RedactedAtSource);
        }
        traced.notes.sort_unstable();
        traced.notes.dedup();
        traced
    }

    /// Whether another key of the record leads, as surely, to somebody else. One that is less sure
    /// is noted as a conflict. Two accounts of one registered identity are no conflict.
    fn has_rival(&self, event: &Event<'_>, reached: &Reached, trail: &mut Trail) -> bool {
        let identity = |party, origin| {
            let account = self.account(party, self.account_time(event, origin))?;
            account.identity.map(|(id, _)| id)
        };
        let own = identity(reached.party, reached);
        let others = trail.rivals.iter().filter(|rival| {
            rival.party != reached.party && (own.is_none() || identity(rival.party, reached) != own)
        });
        let (mut equal, mut other) = (false, false);
        for rival in others {
            equal |= rival.equal;
            other = true;
        }
        if other && !equal {
            trail.notes.push(Note::Conflict);
        }
        equal
    }

    /// Whether the record names a person and its keys lead to another one of the same namespace,
    /// with nothing that says why.
    fn record_disagrees(&self, event: &Event<'_>, reached: &Reached) -> bool {
        let human = PrincipalKind::Human;
        let (Some(named), Some(found)) = (&event.principal, self.index.pools.party(reached.party))
        else {
            return false;
        };
        let explained =
            !event.delegation.is_empty() || reached.actor != NONE || reached.subject != NONE;
        if explained || named.kind != human || found.kind != human || named.value == *found.value {
            return false;
        }
        let at = self.account_time(event, reached);
        let found = self.account(reached.party, at);
        let named = self.principal(named, event.time);
        found.is_some_and(|found| {
            let same = found.identity.zip(named.identity).is_some_and(|((a, _), (b, _))| a == b);
            found.namespace == named.namespace && !same
        })
    }

    fn is_loose(&self, step: &walk::Step) -> bool {
        step.grade > Grade::Exact || self.index.rule(step.rule).is_none_or(|rule| rule.recycled)
    }

    /// Whose an account was is asked for the time of the authentication; whose a long-lived key
    /// is, for the time of its use.
    fn account_time(&self, event: &Event<'_>, reached: &Reached) -> Timestamp {
        let origin = self.index.pools.origin(reached.origin).filter(|_| !reached.long_lived);
        origin.map_or(event.time, |origin| origin.time)
    }

    fn start<'e>(
        &self,
        event: &'e Event<'e>,
        held: &Held<'e>,
        reached: Option<&Reached>,
        trail: Trail,
    ) -> Traced<'e>
    where
        'i: 'e,
    {
        let tenant = self.directory.tenant(event.source, &event.tenant);
        let privileged =
            self.directory.privileged(tenant, &event.action).unwrap_or(event.privileged);
        let root = reached.and_then(|reached| self.index.pools.origin(reached.origin));
        let mut assurance: Vec<(&str, &str)> =
            root.into_iter().flat_map(|root| self.index.pools.assurance(root)).collect();
        // What the event says of its own session stands beside what its root says.
        assurance.extend(event.assurance.iter().map(|(a, b)| (a.as_ref(), b.as_ref())));
        assurance.sort_unstable();
        assurance.dedup();
        let authenticated = reached.is_some_and(|reached| reached.authenticated);
        Traced {
            event: EventFacts {
                source: event.source,
                feed: event.feed,
                id: &event.id,
                time: event.time,
                kind: event.kind,
                tenant,
                outcome: event.outcome,
                action: &event.action,
                resource: event.resource.as_deref(),
                privileged,
                via: event.via.as_deref(),
                ip: event.ip.as_deref(),
                user_agent: event.user_agent.as_deref(),
            },
            class: PrincipalClass::Unknown,
            holder: held.party,
            actor: held.party,
            chain: self.hops(&trail),
            origins: trail.steps.iter().map(|step| step.origin).collect(),
            through: Vec::new(),
            portal: None,
            credential: self.directory.credential(held.credential).map(|(id, _)| id),
            handle: first_handle(event),
            assurance,
            authenticated_at: root.filter(|_| authenticated).map(|root| root.time),
            notes: trail.notes,
            deliveries: 1,
        }
    }

    fn hops<'e>(&self, trail: &Trail) -> Vec<Link<'e>>
    where
        'i: 'e,
    {
        let hop = |step: &walk::Step| {
            let rule = self.index.rule(step.rule)?;
            let origin = self.index.pools.origin(step.origin)?;
            Some(Link {
                rule: rule.name,
                grade: step.grade,
                source: self.index.pools.source(&origin),
                event: self.index.pools.id(&origin),
                time: origin.time,
            })
        };
        trail.steps.iter().filter_map(hop).collect()
    }

    fn uses(&self, event: &Event<'_>) -> Vec<Use> {
        claims::presented(event)
            .map(|link| Use {
                key: claims::key_of(self.index.secret, link, &event.tenant, self.directory),
                rule: self.index.pools.rules.number(&link.rule),
                credential: claims::registered(event, link, self.directory),
            })
            .collect()
    }

    fn account<'e>(&self, party: u32, at: Timestamp) -> Option<Account<'e>>
    where
        'i: 'e,
    {
        let party = self.index.pools.party(party)?;
        let known = self.directory.account(&party.namespace, &party.value, at);
        Some(Account {
            namespace: &party.namespace,
            value: &party.value,
            name: party.name.as_deref(),
            kind: party.kind,
            identity: match known {
                AccountAt::Known(id, identity) => Some((id, identity)),
                AccountAt::Reassigned | AccountAt::Unknown => None,
            },
            reassigned: matches!(known, AccountAt::Reassigned),
        })
    }

    fn principal<'e>(&self, principal: &'e Principal<'e>, at: Timestamp) -> Account<'e>
    where
        'i: 'e,
    {
        let known = self.directory.account(&principal.namespace, &principal.value, at);
        Account {
            namespace: self.directory.namespace(&principal.namespace),
            value: &principal.value,
            name: principal.name.as_deref(),
            kind: principal.kind,
            identity: match known {
                AccountAt::Known(id, identity) => Some((id, identity)),
                AccountAt::Reassigned | AccountAt::Unknown => None,
            },
            reassigned: matches!(known, AccountAt::Reassigned),
        }
    }

    fn owner<'e>(&self, credential: u32) -> Option<(&'e IdentityId, &'e Identity)>
    where
        'i: 'e,
    {
        let (_, credential) = self.directory.credential(credential)?;
        self.directory.identity(&credential.identity)
    }

    fn class(&self, event: &Event<'_>, held: &Held<'_>) -> PrincipalClass {
        if held.identity.is_some() {
            return PrincipalClass::External;
        }
        let named = event.principal.as_ref();
        // An outsider who came by one of our roles stays an outsider: the root decides.
        let named_account = named.map(|named| (named.namespace.as_ref(), named.value.as_ref()));
        let account = held.party.account.or(named_account);
        if account.is_some_and(|(namespace, value)| self.directory.is_own(namespace, value)) {
            return PrincipalClass::Own;
        }
        let provider = PrincipalKind::ProviderService;
        let by_provider = named.is_some_and(|named| named.kind == provider);
        if held.party.kind == provider || (by_provider && held.party.grade >= Grade::Declared) {
            return PrincipalClass::ProviderService;
        }
        PrincipalClass::Unknown
    }

    /// Decides the actor, in the order of what says most: an impersonation on record, the person
    /// behind a shared account, the delegation on record, the holder.
    fn act<'e>(
        &self,
        event: &'e Event<'e>,
        held: &Held<'e>,
        reached: Option<&Reached>,
        traced: &mut Traced<'e>,
    ) where
        'i: 'e,
    {
        if let Some(actor) = self.impersonator(event, reached) {
            traced.through.push(through_of(&held.party));
            let grade = held.party.grade.max(Grade::Declared);
            traced.actor = actor.party(grade, "record.actor");
            traced.notes.push(Note::Impersonated);
        } else if let Some(person) = held.narrowed {
            traced.through.push(through_of(&held.party));
            traced.actor = person;
        } else if self.is_off_instance(event, held, reached) {
            traced.notes.push(Note::OffInstance);
            traced.actor = PartyView::unattributed(Gap::SharedCredential);
        } else if self.is_shared(held) {
            self.behind_shared(event, held, traced);
        } else {
            traced.actor = self.holder_as_actor(event, held);
        }
        self.note_source(event, held, reached, traced);
        let stated = event.delegation.iter().filter(|d| d.role == DelegateRole::Subject);
        let stated = stated.map(|delegate| self.principal(&delegate.principal, event.time));
        let given = reached.and_then(|reached| self.account(reached.subject, event.time));
        for subject in given.into_iter().chain(stated) {
            let subject = through_of(&subject.party(Grade::Declared, "record.subject"));
            if !traced.through.contains(&subject) {
                traced.through.push(subject);
            }
        }
    }

    fn impersonator<'e>(
        &self,
        event: &'e Event<'e>,
        reached: Option<&Reached>,
    ) -> Option<Account<'e>>
    where
        'i: 'e,
    {
        let on_record =
            event.delegation.iter().find(|delegate| delegate.role == DelegateRole::Actor);
        match on_record {
            Some(delegate) => Some(self.principal(&delegate.principal, event.time)),
            None => reached.and_then(|reached| self.account(reached.actor, event.time)),
        }
    }

    /// A key that a provider gave to a machine, seen from outside the machine's networks.
    fn is_off_instance(
        &self,
        event: &Event<'_>,
        held: &Held<'_>,
        reached: Option<&Reached>,
    ) -> bool {
        let given = reached.filter(|reached| reached.given && !reached.long_lived);
        let origin = given.and_then(|reached| self.index.pools.origin(reached.origin));
        let by = origin.and_then(|origin| self.index.pools.party(origin.party));
        let networks = held.identity.and_then(|(_, identity)| identity.networks.as_deref());
        let (Some(by), Some(networks), Some(ip)) = (by, networks, event.ip.as_deref()) else {
            return false;
        };
        // A service acting for the machine has an address of its own.
        let Ok(ip) = ip.parse::<IpAddr>() else { return false };
        let inside =
            |network: &String| network.parse::<IpNet>().is_ok_and(|network| network.contains(&ip));
        by.kind == PrincipalKind::ProviderService
            && event.via.is_none()
            && !networks.iter().any(inside)
    }

    fn is_shared(&self, held: &Held<'_>) -> bool {
        held.identity.is_some_and(|(id, identity)| {
            identity.kind == IdentityKind::Shared || !self.directory.portals_of(id).is_empty()
        })
    }

    fn holder_as_actor<'e>(&self, event: &Event<'_>, held: &Held<'e>) -> PartyView<'e>
    where
        'i: 'e,
    {
        let gap =
            |gap, candidates, feed| PartyView { candidates, feed, ..PartyView::unattributed(gap) };
        if held.long_lived {
            let consumer = self
                .directory
                .credential(held.credential)
                .zip(self.owner(held.credential))
                .is_some_and(|((_, credential), (_, owner))| has_one_consumer(credential, owner));
            if consumer {
                return PartyView { grade: held.party.grade.max(Grade::Declared), ..held.party };
            }
            return gap(
                Gap::SharedCredential,
                0,
                Some("register: the one consumer of the credential"),
            );
        }
        if held.party.kind == PrincipalKind::Root {
            return gap(Gap::SharedRoot, 0, Some("a checkout record of the root account"));
        }
        if held.party.grade == Grade::Unattributed {
            return held.party;
        }
        // The record itself says who acts: a directory-authenticated person, the caller for whom a
        // service acts, or an account that presents no key at all.
        let says = event.via.is_some()
            || held.party.kind == PrincipalKind::Human
            || held.identity.is_some();
        match held.open {
            Some((missing, candidates, feed)) if !says || missing == Gap::Ambiguous => {
                gap(missing, candidates, feed)
            }
            // The record of the link that is missing would have to agree: till then it is its word.
            Some(_) => PartyView { grade: held.party.grade.max(Grade::Declared), ..held.party },
            None => held.party,
        }
    }

    /// A stated source of the session is believed only where no chain says otherwise.
    fn note_source<'e>(
        &self,
        event: &'e Event<'e>,
        held: &Held<'e>,
        reached: Option<&Reached>,
        traced: &mut Traced<'e>,
    ) where
        'i: 'e,
    {
        let Some(stated) = event.delegation.iter().find(|d| d.role == DelegateRole::Source) else {
            return;
        };
        let source = self.principal(&stated.principal, event.time);
        if reached.is_none() {
            if traced.actor.gap.is_some() {
                traced.through.push(through_of(&held.party));
                traced.actor = source.party(Grade::Declared, "record.source");
            }
            return;
        }
        let names = [held.party.account.map(|(_, value)| value), held.party.name];
        let same_name = names.iter().flatten().any(|name| name.eq_ignore_ascii_case(source.value));
        let same_identity =
            source.identity.is_some_and(|(id, _)| Some(id.as_str()) == held.party.identity);
        if !same_name && !same_identity {
            traced.notes.push(Note::Conflict);
        }
    }
}

fn through_of<'e>(party: &PartyView<'e>) -> Through<'e> {
    Through { identity: party.identity, account: party.account.unwrap_or(("", "")) }
}

/// The handle to show: that of the first key the event presented.
fn first_handle<'e>(event: &'e Event<'e>) -> Option<&'e str> {
    let shown = |kind| matches!(kind, KeyKind::Credential | KeyKind::Certificate | KeyKind::Token);
    let used = event.links.iter().find(|link| link.verb == Verb::Uses && shown(link.kind));
    used.map(|link| link.value.as_ref())
}
