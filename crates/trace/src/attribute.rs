//! From an event and the index of all claims to the attribution: who held the credential, and who
//! acted.

use countersign_model::attribution::{
    Attribution, EventFacts, Hop, Note, Party as PartyView, PrincipalClass, Through,
};
use countersign_model::event::{DelegateRole, Event, Outcome, Principal, PrincipalKind, Verb};
use countersign_model::grade::{Gap, Grade};
use countersign_model::id::IdentityId;
use countersign_model::key::KeyKind;
use countersign_model::limits::KEY_BYTES_MAX;
use countersign_model::register::{Identity, IdentityKind};
use countersign_model::time::Timestamp;

use crate::claims::{self, Index, NONE, Use};
use crate::directory::{AccountAt, Directory, PortalHit, has_one_consumer};
use crate::walk::{self, Reached, Trail};

/// Answers for one event after the other; holds nothing of its own.
#[derive(Debug, Clone, Copy)]
pub struct Attributor<'i> {
    pub index: &'i Index,
    pub directory: &'i Directory<'i>,
}

/// The answer, owning its lists. [`Traced::view`] is the model's form of it.
#[derive(Debug)]
pub struct Traced<'e> {
    event: EventFacts<'e>,
    pub class: PrincipalClass,
    pub holder: PartyView<'e>,
    pub actor: PartyView<'e>,
    chain: Vec<Hop<'e>>,
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
    pub fn view(&self) -> Attribution<'_> {
        Attribution {
            event: self.event,
            class: self.class,
            holder: self.holder,
            actor: self.actor,
            chain: &self.chain,
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
        let reached = walk::walk(self.index, &uses, event.time, event.resolution, &mut trail);
        let held = match &reached {
            Some(reached) => self.held_by_chain(event, reached),
            None => self.held_by_record(event, &uses, &trail),
        };
        let mut traced = self.start(event, &held, reached.as_ref(), trail);
        traced.class = self.class(event, &held);
        if traced.class == PrincipalClass::ProviderService {
            traced.actor = traced.holder;
        } else {
            self.act(event, &held, reached.as_ref(), &mut traced);
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
        let tenant = self.directory.namespace(&event.tenant);
        let privileged =
            self.directory.privileged(tenant, &event.action).unwrap_or(event.privileged);
        let root = reached.and_then(|reached| self.index.origin(reached.origin));
        let claims = root.map_or(&[][..], |root| &root.assurance);
        let mut assurance: Vec<(&str, &str)> = claims
            .iter()
            .map(|(namespace, value)| (self.index.string(*namespace), self.index.string(*value)))
            .collect();
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

    fn hops<'e>(&self, trail: &Trail) -> Vec<Hop<'e>>
    where
        'i: 'e,
    {
        let hop = |step: &walk::Step| {
            let rule = self.index.rule(step.rule)?;
            let origin = self.index.origin(step.origin)?;
            Some(Hop {
                rule: rule.name,
                grade: step.grade,
                source: self.index.string(origin.source),
                event: &origin.id,
                time: origin.time,
            })
        };
        trail.steps.iter().filter_map(hop).collect()
    }

    fn uses(&self, event: &Event<'_>) -> Vec<Use> {
        event
            .links
            .iter()
            .filter(|link| link.verb == Verb::Uses && link.kind != KeyKind::Request)
            .filter(|link| link.value.len() <= KEY_BYTES_MAX)
            .map(|link| Use {
                key: self.index.secret.key(
                    link.kind,
                    self.directory.namespace(&link.namespace),
                    &link.value,
                ),
                rule: self.index.rule_index(&link.rule),
                credential: claims::registered(event, link, self.directory),
            })
            .collect()
    }

    fn account<'e>(&self, party: u32, at: Timestamp) -> Option<Account<'e>>
    where
        'i: 'e,
    {
        let party = self.index.party(party)?;
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

    fn held_by_chain<'e>(&self, event: &'e Event<'e>, reached: &Reached) -> Held<'e>
    where
        'i: 'e,
    {
        let rule = self.index.rule(reached.rule).map_or("", |rule| rule.name);
        let account = self.account(reached.party, event.time);
        let owner = self.owner(reached.credential);
        let identity = account.and_then(|account| account.identity).or(owner);
        let mut party = match account {
            Some(account) => account.party(reached.grade, rule),
            None => PartyView { grade: reached.grade, rule, gap: None, ..PartyView::unattributed(Gap::NoKey) },
        };
        if party.identity.is_none() {
            party.identity = owner.map(|(id, _)| id.as_str());
            party.name = owner.and_then(|(_, known)| known.name.as_deref()).or(party.name);
        }
        let open = reached.open.map(|(gap, rule)| (gap, 0, self.closed_by(rule)));
        Held {
            party,
            identity,
            credential: reached.credential,
            long_lived: reached.long_lived,
            reassigned: account.is_some_and(|account| account.reassigned),
            open,
        }
    }

    /// No key led anywhere: the register's word for a credential, else the record's own.
    fn held_by_record<'e>(&self, event: &'e Event<'e>, uses: &[Use], trail: &Trail) -> Held<'e>
    where
        'i: 'e,
    {
        let is_long = |link: &&Use| self.index.rule(link.rule).is_some_and(|rule| rule.long_lived);
        let long_lived = uses.iter().any(|link| is_long(&link));
        let credential = uses.iter().map(|link| link.credential).find(|at| *at != NONE);
        let credential = credential.unwrap_or(NONE);
        let missing = trail.gap.map(|(gap, candidates, rule)| {
            (self.coverage_gap(event, gap), candidates, self.closed_by(rule))
        });
        let named = event.principal.as_ref().map(|named| self.principal(named, event.time));
        let owner = self.owner(credential);
        let (mut party, identity) = match (owner, named) {
            (Some(owner), _) => {
                let account = named.map(|account| Account { identity: Some(owner), ..account });
                let party = account.map_or_else(
                    || registered_party(owner),
                    |account| account.party(Grade::Declared, "register.credential"),
                );
                (PartyView { rule: "register.credential", ..party }, Some(owner))
            }
            (None, Some(account)) => (account.party(Grade::Declared, "record.principal"), account.identity),
            (None, None) => {
                let (gap, candidates, feed) = missing.unwrap_or((Gap::NoKey, 0, None));
                (PartyView { candidates, feed, ..PartyView::unattributed(gap) }, None)
            }
        };
        if event.redacted && identity.is_none() && party.account.is_none() {
            party.gap = Some(Gap::RedactedAtSource);
        }
        let reassigned = named.is_some_and(|account| account.reassigned);
        Held { party, identity, credential, long_lived, reassigned, open: missing }
    }

    /// A key whose session began before the logs did is not a hole in the collection.
    fn coverage_gap(&self, event: &Event<'_>, gap: Gap) -> Gap {
        let tenant = self.directory.namespace(&event.tenant);
        let from = self.directory.logs_from(tenant).or_else(|| self.index.first_seen(event.source, tenant));
        let before = event.session_started.zip(from).is_some_and(|(began, from)| began < from);
        if gap == Gap::IssuanceNotCollected && before { Gap::BeforeCoverageStart } else { gap }
    }

    fn closed_by<'e>(&self, rule: u16) -> Option<&'e str>
    where
        'i: 'e,
    {
        self.index.rule(rule).map(|rule| rule.closed_by).filter(|feed| !feed.is_empty())
    }

    fn class(&self, event: &Event<'_>, held: &Held<'_>) -> PrincipalClass {
        if held.identity.is_some() {
            return PrincipalClass::External;
        }
        let named = event.principal.as_ref();
        let own_account = held.party.account.is_some_and(|(ns, value)| self.directory.is_own(ns, value));
        if own_account || named.is_some_and(|p| self.directory.is_own(&p.namespace, &p.value)) {
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
        } else if self.is_shared(held) {
            self.behind_shared(event, held, traced);
        } else {
            traced.actor = self.holder_as_actor(event, held, reached);
        }
        self.note_source(event, held, reached, traced);
        for delegate in event.delegation.iter().filter(|d| d.role == DelegateRole::Subject) {
            let subject = self.principal(&delegate.principal, event.time);
            traced.through.push(through_of(&subject.party(Grade::Declared, "record.subject")));
        }
    }

    fn impersonator<'e>(&self, event: &'e Event<'e>, reached: Option<&Reached>) -> Option<Account<'e>>
    where
        'i: 'e,
    {
        let on_record = event.delegation.iter().find(|delegate| delegate.role == DelegateRole::Actor);
        match on_record {
            Some(delegate) => Some(self.principal(&delegate.principal, event.time)),
            None => reached.and_then(|reached| self.account(reached.actor, event.time)),
        }
    }

    fn is_shared(&self, held: &Held<'_>) -> bool {
        held.identity.is_some_and(|(id, identity)| {
            identity.kind == IdentityKind::Shared || !self.directory.portals_of(id).is_empty()
        })
    }

    fn holder_as_actor<'e>(
        &self,
        event: &Event<'_>,
        held: &Held<'e>,
        reached: Option<&Reached>,
    ) -> PartyView<'e>
    where
        'i: 'e,
    {
        let gap = |gap, candidates, feed| PartyView { candidates, feed, ..PartyView::unattributed(gap) };
        if held.long_lived {
            let consumer = self
                .directory
                .credential(held.credential)
                .zip(self.owner(held.credential))
                .is_some_and(|((_, credential), (_, owner))| has_one_consumer(credential, owner));
            if consumer {
                return PartyView { grade: held.party.grade.max(Grade::Declared), ..held.party };
            }
            return gap(Gap::SharedCredential, 0, Some("register: the one consumer of the credential"));
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
            Some(_) if reached.is_none() => PartyView { grade: Grade::Declared, ..held.party },
            Some(_) | None => held.party,
        }
    }

    /// A portal or shared account: the person by request id, else by presence, else nobody.
    fn behind_shared<'e>(&self, event: &'e Event<'e>, held: &Held<'e>, traced: &mut Traced<'e>)
    where
        'i: 'e,
    {
        traced.actor = PartyView {
            feed: Some("request id in both the portal's and the application's log"),
            ..PartyView::unattributed(Gap::SharedAccount)
        };
        let Some((id, _)) = held.identity else { return };
        for portal in self.directory.portals_of(id) {
            let mut trail = Trail::default();
            let reached = self
                .by_request(event, *portal, &mut trail)
                .or_else(|| self.by_presence(event, *portal, &mut trail));
            if let Some((reached, account)) =
                reached.and_then(|reached| Some((reached, self.account(reached.party, event.time)?)))
            {
                let rule = self.index.rule(reached.rule).map_or("", |rule| rule.name);
                let grade = held.party.grade.max(reached.grade).max(Grade::Composite);
                let grade = if held.party.grade.counts() { reached.grade.max(Grade::Composite) } else { grade };
                traced.through.push(through_of(&held.party));
                traced.portal = Some(portal.id);
                traced.actor = account.party(grade, rule);
                self.root_of(&reached, traced);
                traced.chain.extend(self.hops(&trail));
                traced.notes.append(&mut trail.notes);
                return;
            }
            if let Some((Gap::Ambiguous, candidates, _)) = trail.gap {
                traced.portal = Some(portal.id);
                traced.actor = PartyView {
                    candidates,
                    feed: traced.actor.feed,
                    ..PartyView::unattributed(Gap::Ambiguous)
                };
            }
        }
    }

    /// The assurance that counts is the person's, not the portal's.
    fn root_of<'e>(&self, reached: &Reached, traced: &mut Traced<'e>)
    where
        'i: 'e,
    {
        let Some(root) = self.index.origin(reached.origin) else { return };
        traced.assurance = root
            .assurance
            .iter()
            .map(|(namespace, value)| (self.index.string(*namespace), self.index.string(*value)))
            .collect();
        traced.authenticated_at = reached.authenticated.then_some(root.time);
    }

    fn by_request(&self, event: &Event<'_>, portal: PortalHit<'_>, trail: &mut Trail) -> Option<Reached> {
        let requests = event.links.iter().filter(|link| {
            link.verb == Verb::Uses && link.kind == KeyKind::Request && link.value.len() <= KEY_BYTES_MAX
        });
        let mut uses = requests.map(|link| Use {
            key: self.index.secret.key(KeyKind::Request, portal.portal.tenant.as_str(), &link.value),
            rule: self.index.rule_index(&link.rule),
            credential: NONE,
        });
        uses.find_map(|link| {
            walk::walk_claims(self.index, link, event.time, event.resolution, trail)
        })
    }

    fn by_presence(&self, event: &Event<'_>, portal: PortalHit<'_>, trail: &mut Trail) -> Option<Reached> {
        let link = Use {
            key: claims::presence_key(self.index.secret, portal.id),
            rule: self.index.rule_index(&claims::presence_rule(portal.idle())),
            credential: NONE,
        };
        let reached = walk::walk_claims(self.index, link, event.time, event.resolution, trail)?;
        Some(Reached { grade: Grade::Inferred, rule: link.rule, ..reached })
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
        let same_identity = source.identity.is_some_and(|(id, _)| Some(id.as_str()) == held.party.identity);
        if !same_name && !same_identity {
            traced.notes.push(Note::Conflict);
        }
    }
}

fn registered_party<'e>((id, identity): (&'e IdentityId, &'e Identity)) -> PartyView<'e> {
    PartyView {
        identity: Some(id.as_str()),
        name: identity.name.as_deref(),
        kind: match identity.kind {
            IdentityKind::Human => PrincipalKind::Human,
            IdentityKind::Agent => PrincipalKind::Agent,
            IdentityKind::Service => PrincipalKind::Service,
            IdentityKind::Shared => PrincipalKind::Unknown,
        },
        grade: Grade::Declared,
        gap: None,
        ..PartyView::unattributed(Gap::NoKey)
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
