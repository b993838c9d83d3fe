//! When anything of the register changes.

use countersign_model::register::{Credential, Grant, Identity, Organization, Sponsor, TrustPath};
use countersign_model::time::{Duration, End, Interval, Timestamp};

use crate::facts::Facts;
use crate::grant;

/// Every instant that a guardrail compares with, sorted, without repeats: between two of them nothing
/// changes.
pub(crate) fn changes(facts: &Facts) -> Vec<Timestamp> {
    let mut all = Changes(Vec::new());
    facts.organizations().for_each(|known| all.organization(known));
    facts.sponsors().for_each(|known| all.sponsor(known));
    facts.trust_paths().for_each(|known| all.trust_path(known));
    facts.identities().for_each(|known| all.identity(known));
    facts.credentials().for_each(|known| all.credential(known));
    facts.all_grants().for_each(|known| all.grant(known));
    let members = facts.groups().flat_map(|group| &group.members);
    members.for_each(|member| all.interval(member.active));
    facts.exceptions().for_each(|known| all.interval(known.interval));
    all.0.sort_unstable();
    all.0.dedup();
    all.0
}

struct Changes(Vec<Timestamp>);

impl Changes {
    fn at(&mut self, times: impl IntoIterator<Item = Timestamp>) {
        self.0.extend(times);
    }

    fn end(&mut self, end: Option<End>) {
        if let Some(End::At(until)) = end {
            self.0.push(until);
        }
    }

    fn interval(&mut self, interval: Interval) {
        self.at(interval.from);
        self.end(interval.until);
    }

    fn intervals(&mut self, intervals: &[Interval]) {
        intervals.iter().for_each(|interval| self.interval(*interval));
    }

    fn organization(&mut self, organization: &Organization) {
        self.interval(organization.contract);
        self.intervals(&organization.suspended);
    }

    fn sponsor(&mut self, sponsor: &Sponsor) {
        self.interval(sponsor.employed);
        self.at(sponsor.succession_until);
        self.at(sponsor.reduced_from);
    }

    fn trust_path(&mut self, path: &TrustPath) {
        self.interval(path.active);
        self.at(path.revalidate_by);
    }

    fn identity(&mut self, identity: &Identity) {
        self.interval(identity.active);
        self.intervals(&identity.suspended);
        identity.accounts.iter().for_each(|account| self.interval(account.active));
        self.end(identity.mandate.as_ref().and_then(|mandate| mandate.until));
    }

    fn credential(&mut self, credential: &Credential) {
        self.end(credential.until);
        self.at(credential.revoked);
        for since in [credential.issued, credential.rotated].into_iter().flatten() {
            self.at([since]);
            // Over age is what lies after the limit, not at it.
            let limit = |every: Duration| since.plus_nanos(every.0);
            self.at(credential.rotate_every.map(|every| limit(every).plus_nanos(1)));
        }
    }

    fn grant(&mut self, grant: &Grant) {
        self.interval(grant.interval);
        self.at(grant.revoked);
        self.intervals(&grant.suspended);
        self.at(grant.review_due);
        self.at(grant::review_last(grant));
    }
}
