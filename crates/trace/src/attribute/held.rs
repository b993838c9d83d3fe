//! Who held the credential: by the chain of keys, else by the register's or the record's word.

use countersign_model::attribution::Party as PartyView;
use countersign_model::event::{Event, PrincipalKind, Verb};
use countersign_model::grade::{Gap, Grade};
use countersign_model::id::IdentityId;
use countersign_model::limits::KEY_BYTES_MAX;
use countersign_model::register::{Identity, IdentityKind};

use crate::claims::{NONE, Use};
use crate::index;
use crate::walk::{Missing, Reached, Trail};

use super::{Account, Attributor, Held};

impl<'i> Attributor<'i> {
    pub(super) fn held_by_chain<'e>(
        &self,
        event: &'e Event<'e>,
        uses: &[Use],
        reached: &Reached,
    ) -> Held<'e>
    where
        'i: 'e,
    {
        let rule = self.index.rule(reached.rule).map_or("", |rule| rule.name);
        let account = self.account(reached.party, self.account_time(event, reached));
        let owner = self.owner(reached.credential);
        let identity = account.and_then(|account| account.identity).or(owner);
        let mut party = match account {
            Some(account) => account.party(reached.grade, rule),
            None => PartyView {
                grade: reached.grade,
                rule,
                gap: None,
                ..PartyView::unattributed(Gap::NoKey)
            },
        };
        if party.identity.is_none() {
            party.identity = owner.map(|(id, _)| id.as_str());
            party.name = owner.and_then(|(_, known)| known.name.as_deref()).or(party.name);
        }
        let presented = uses.iter().map(|link| link.credential).find(|at| *at != NONE);
        let of_another = |at: &u32| {
            let owner = self.owner(*at).map(|(id, _)| id);
            !reached.long_lived && owner.is_some() && owner != identity.map(|(id, _)| id)
        };
        if presented.is_some_and(|at| of_another(&at)) {
            let held = self.held_by_record(event, uses, &Trail::default());
            // Only a person narrows down who used a machine's key; another machine's account may be
            // but another name of the same one.
            let person = account.is_some_and(|account| account.kind == PrincipalKind::Human);
            return Held { narrowed: person.then_some(party), open: None, ..held };
        }
        let open = reached.open.map(|missing| self.stated(event, missing));
        Held {
            party,
            identity,
            credential: presented.unwrap_or(reached.credential),
            long_lived: reached.long_lived,
            reassigned: account.is_some_and(|account| account.reassigned),
            open,
            conflict: disagree(account.and_then(|account| account.identity), owner),
            narrowed: None,
        }
    }

    /// No key led anywhere: the register's word for a credential, else the record's own.
    pub(super) fn held_by_record<'e>(
        &self,
        event: &'e Event<'e>,
        uses: &[Use],
        trail: &Trail,
    ) -> Held<'e>
    where
        'i: 'e,
    {
        let is_long = |link: &&Use| self.index.rule(link.rule).is_some_and(|rule| rule.long_lived);
        let credential = uses.iter().map(|link| link.credential).find(|at| *at != NONE);
        let credential = credential.unwrap_or(NONE);
        // What the register lists as a credential is in somebody's hands for long, whatever the
        // definition calls its key.
        let long_lived = credential != NONE || uses.iter().any(|link| is_long(&link));
        let too_long = || has_long_key(event).then_some((Gap::KeyTooLong, 0, None));
        let missing = trail.missing.map(|missing| self.stated(event, missing)).or_else(too_long);
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
            (None, Some(account)) => {
                (account.party(Grade::Declared, "record.principal"), account.identity)
            }
            (None, None) => {
                let (gap, candidates, feed) = missing.unwrap_or((Gap::NoKey, 0, None));
                (PartyView { candidates, feed, ..PartyView::unattributed(gap) }, None)
            }
        };
        if event.redacted && identity.is_none() && party.account.is_none() {
            party.gap = Some(Gap::RedactedAtSource);
        }
        let reassigned = named.is_some_and(|account| account.reassigned);
        let conflict = disagree(named.and_then(|account| account.identity), owner);
        Held {
            party,
            identity,
            credential,
            long_lived,
            reassigned,
            open: missing,
            conflict,
            narrowed: None,
        }
    }

    /// A missing link with the feed that would close it. A session that began before the logs did
    /// is no hole in the collection, and a feed that has not come so far yet may still close it.
    fn stated<'e>(&self, event: &Event<'_>, missing: Missing) -> (Gap, u32, Option<&'e str>)
    where
        'i: 'e,
    {
        let feed = self.closed_by(missing.rule);
        let Missing { gap: Gap::IssuanceNotCollected, candidates, rule } = missing else {
            return (missing.gap, missing.candidates, feed);
        };
        let tenant = self.directory.tenant(event.source, &event.tenant);
        let from = self
            .directory
            .logs_from(tenant)
            .or_else(|| self.index.first_seen(event.source, tenant));
        if event.session_started.zip(from).is_some_and(|(began, from)| began < from) {
            return (Gap::BeforeCoverageStart, candidates, feed);
        }
        let awaited = match self.index.closing_seen_until(rule, tenant) {
            Some(last) => last < event.time,
            None => {
                let words = feed.unwrap_or_default();
                self.directory.feeds(tenant).iter().any(|on| index::names(words, on))
            }
        };
        let gap = if awaited { Gap::AwaitingFeed } else { Gap::IssuanceNotCollected };
        (gap, candidates, feed)
    }

    fn closed_by<'e>(&self, rule: u16) -> Option<&'e str>
    where
        'i: 'e,
    {
        self.index.rule(rule).map(|rule| rule.closed_by).filter(|feed| !feed.is_empty())
    }
}

type Known<'e> = Option<(&'e IdentityId, &'e Identity)>;

fn disagree(one: Known<'_>, other: Known<'_>) -> bool {
    one.zip(other).is_some_and(|((one, _), (other, _))| one != other)
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

fn has_long_key(event: &Event<'_>) -> bool {
    event.links.iter().any(|link| link.verb == Verb::Uses && link.value.len() > KEY_BYTES_MAX)
}
