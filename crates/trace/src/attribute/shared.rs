//! The person behind a portal or a shared account: by request id, else by presence, else nobody.

use countersign_model::attribution::Party as PartyView;
use countersign_model::event::{Event, Verb};
use countersign_model::grade::{Gap, Grade};
use countersign_model::key::KeyKind;
use countersign_model::limits::KEY_BYTES_MAX;

use crate::claims::{self, NONE, Use};
use crate::directory::PortalHit;
use crate::walk::{self, Reached, Trail};

use super::{Attributor, Held, Traced, through_of};

/// What one portal says about who acts behind it.
struct Answer<'e> {
    portal: &'e str,
    reached: Option<Reached>,
    trail: Trail,
}

impl<'i> Attributor<'i> {
    pub(super) fn behind_shared<'e>(
        &self,
        event: &'e Event<'e>,
        held: &Held<'e>,
        traced: &mut Traced<'e>,
    ) where
        'i: 'e,
    {
        traced.actor = PartyView {
            feed: Some("request id in both the portal's and the application's log"),
            ..PartyView::unattributed(Gap::SharedAccount)
        };
        let portals = held.identity.map_or(&[][..], |(id, _)| self.directory.portals_of(id));
        // A request id says more than any presence, so all portals are asked for it first.
        let by_request = |portal: &PortalHit<'i>| self.by_request(event, *portal);
        let by_presence = |portal: &PortalHit<'i>| self.by_presence(event, *portal);
        if !self.decide(event, held, portals.iter().map(by_request).collect(), traced) {
            self.decide(event, held, portals.iter().map(by_presence).collect(), traced);
        }
    }

    /// Whether the portals' answers settle who acted, or that nobody can tell.
    fn decide<'e>(
        &self,
        event: &'e Event<'e>,
        held: &Held<'e>,
        answers: Vec<Answer<'i>>,
        traced: &mut Traced<'e>,
    ) -> bool
    where
        'i: 'e,
    {
        let mut found: Option<(Answer<'i>, Reached)> = None;
        let mut candidates = 0;
        let mut portal = None;
        for answer in answers {
            let missing = answer.trail.missing.filter(|missing| missing.gap == Gap::Ambiguous);
            match (answer.reached, missing) {
                (Some(reached), _)
                    if found.as_ref().is_some_and(|(_, known)| known.party == reached.party) => {}
                (Some(reached), _) => {
                    candidates += 1;
                    portal = portal.or(Some(answer.portal));
                    found = Some((answer, reached));
                }
                (None, Some(missing)) => {
                    candidates += missing.candidates;
                    portal = portal.or(Some(answer.portal));
                }
                (None, None) => {}
            }
        }
        traced.portal = portal.or(traced.portal);
        if candidates > 1 {
            traced.actor = PartyView {
                candidates,
                feed: traced.actor.feed,
                ..PartyView::unattributed(Gap::Ambiguous)
            };
            return true;
        }
        let Some((answer, reached)) = found else { return false };
        let Some(account) = self.account(reached.party, self.account_time(event, &reached)) else {
            return false;
        };
        let rule = self.index.rule(reached.rule).map_or("", |rule| rule.name);
        // The link over the portal is documented, never a key of the person's own; and where the
        // portal itself is a guess, so is who is behind it.
        let behind = reached.grade.max(Grade::Composite);
        let grade = if held.party.grade.counts() { behind } else { behind.max(held.party.grade) };
        traced.through.push(through_of(&held.party));
        traced.actor = account.party(grade, rule);
        self.root_of(&reached, traced);
        traced.chain.extend(self.hops(&answer.trail));
        traced.origins.extend(answer.trail.steps.iter().map(|step| step.origin));
        traced.notes.extend(answer.trail.notes);
        true
    }

    /// The assurance that counts is the person's, not the portal's.
    fn root_of<'e>(&self, reached: &Reached, traced: &mut Traced<'e>)
    where
        'i: 'e,
    {
        let Some(root) = self.index.pools.origin(reached.origin) else { return };
        traced.assurance = self.index.pools.assurance(root).collect();
        traced.authenticated_at = reached.authenticated.then_some(root.time);
    }

    fn by_request(&self, event: &Event<'_>, portal: PortalHit<'i>) -> Answer<'i> {
        let requests = event.links.iter().filter(|link| {
            link.verb == Verb::Uses
                && link.kind == KeyKind::Request
                && link.value.len() <= KEY_BYTES_MAX
        });
        let uses: Vec<Use> = requests
            .map(|link| Use {
                key: self.index.secret.key(
                    KeyKind::Request,
                    self.directory.namespace(portal.portal.tenant.as_str()),
                    &link.value,
                ),
                rule: self.index.pools.rules.number(&link.rule),
                credential: NONE,
            })
            .collect();
        let mut trail = Trail::default();
        let reached = walk::walk(self.index, &uses, event.time, event.resolution, &mut trail);
        let rival =
            |reached: &Reached| trail.rivals.iter().any(|rival| rival.party != reached.party);
        if reached.as_ref().is_some_and(rival) {
            let missing =
                walk::Missing { gap: Gap::Ambiguous, candidates: 2, rule: claims::NO_RULE };
            return Answer {
                portal: portal.id,
                reached: None,
                trail: Trail { missing: Some(missing), ..Trail::default() },
            };
        }
        Answer { portal: portal.id, reached, trail }
    }

    fn by_presence(&self, event: &Event<'_>, portal: PortalHit<'i>) -> Answer<'i> {
        let link = Use {
            key: claims::presence_key(self.index.secret, portal.id),
            rule: self.index.pools.rules.number(&claims::presence_rule(portal.idle())),
            credential: NONE,
        };
        let mut trail = Trail::default();
        let reached = walk::walk(self.index, &[link], event.time, event.resolution, &mut trail);
        let reached =
            reached.map(|reached| Reached { grade: Grade::Inferred, rule: link.rule, ..reached });
        Answer { portal: portal.id, reached, trail }
    }
}
