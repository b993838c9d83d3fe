//! What of a run goes into the ledger: handles, grades, codes and commitments, no personal data.

use anyhow::{Context, Result};
use countersign_ledger::entry::{self, Entry};
use countersign_ledger::handles::Noun;
use countersign_ledger::{Append, Appended};
use countersign_model::attribution::{Attribution, Party};
use countersign_model::finding::Finding;
use countersign_model::judgement::Judgement;

/// The facts of one row's leaf, owned, so that they can cross from thread to thread.
#[derive(Debug)]
pub struct Leaf {
    time: i64,
    source: Box<str>,
    event: Box<str>,
    tenant: Box<str>,
    actor: Option<(Noun, Box<str>)>,
    holder: Option<(Noun, Box<str>)>,
    actor_grade: &'static str,
    holder_grade: &'static str,
    gap: Option<&'static str>,
    judged: Option<Box<Judged>>,
}

#[derive(Debug)]
struct Judged {
    outcome: &'static str,
    grant: Option<String>,
    sponsor: Option<String>,
    reasons: Vec<String>,
}

impl Leaf {
    pub fn new(attribution: &Attribution<'_>, judged: Option<&Judgement>) -> Self {
        let event = &attribution.event;
        Self {
            time: event.time.0,
            source: event.source.into(),
            event: event.id.into(),
            tenant: event.tenant.into(),
            actor: party(&attribution.actor),
            holder: party(&attribution.holder),
            actor_grade: attribution.actor.grade.as_str(),
            holder_grade: attribution.holder.grade.as_str(),
            gap: attribution.actor.gap.map(|gap| gap.as_str()),
            judged: judged.map(|judged| {
                Box::new(Judged {
                    outcome: judged.outcome.as_str(),
                    grant: judged.grant.clone(),
                    sponsor: judged.sponsor.clone(),
                    reasons: judged.reasons.iter().map(|reason| reason.code.clone()).collect(),
                })
            }),
        }
    }
}

fn party(party: &Party<'_>) -> Option<(Noun, Box<str>)> {
    if let Some(identity) = party.identity {
        return Some((Noun::Identity, identity.into()));
    }
    party.account.map(|(namespace, value)| (Noun::Account, format!("{namespace}\n{value}").into()))
}

/// The evidence of one run, being written.
#[derive(Debug)]
pub struct Evidence<'l> {
    append: Append<'l>,
    bytes: Vec<u8>,
    pub rows: u64,
}

impl<'l> Evidence<'l> {
    pub fn new(append: Append<'l>) -> Self {
        Self { append, bytes: Vec::new(), rows: 0 }
    }

    pub fn row(&mut self, leaf: &Leaf, body: &[u8]) -> Result<()> {
        let handles = self.append.handles();
        let (event, salt) = handles.event(&leaf.source, &leaf.event);
        let mut named = |named: &Option<(Noun, Box<str>)>| {
            named.as_ref().map(|(noun, text)| handles.handle(*noun, text))
        };
        let (actor, holder) = (named(&leaf.actor), named(&leaf.holder));
        let judged = leaf.judged.as_deref();
        let row = entry::Row {
            time: leaf.time,
            event,
            tenant: handles.handle(Noun::Tenant, &leaf.tenant),
            actor,
            holder,
            grant: judged.and_then(|j| j.grant.as_deref()).map(|id| handles.handle(Noun::Grant, id)),
            sponsor: judged
                .and_then(|judged| judged.sponsor.as_deref())
                .map(|id| handles.handle(Noun::Sponsor, id)),
            actor_grade: leaf.actor_grade,
            holder_grade: leaf.holder_grade,
            gap: leaf.gap,
            outcome: judged.map(|judged| judged.outcome),
            reasons: judged.map_or_else(Vec::new, |j| j.reasons.iter().map(String::as_str).collect()),
            body: salt.commit(body),
        };
        self.bytes.clear();
        row.encode_into(&mut self.bytes)?;
        self.append.row(&self.bytes)?;
        self.rows += 1;
        Ok(())
    }

    /// One finding; `body` is its JSON.
    pub fn finding(&mut self, finding: &Finding, body: &[u8]) -> Result<()> {
        let handles = self.append.handles();
        let salt = handles.salt(Noun::Finding, &finding.id);
        let leaf = Entry::Finding(entry::Finding {
            finding: handles.handle(Noun::Finding, &finding.id),
            code: finding.code,
            severity: finding.severity.as_str(),
            subject: handles.handle(Noun::Subject, &finding.subject),
            events: finding.count,
            first: finding.first.map(|at| at.0),
            last: finding.last.map(|at| at.0),
            exception: finding.accepted_by.as_deref().map(|id| handles.handle(Noun::Exception, id)),
            body: salt.commit(body),
        });
        Ok(self.append.leaf(&leaf.encode()?)?)
    }

    /// Closes the run with its own entry and signs a checkpoint over everything.
    pub fn finish(mut self, run: entry::Run<'_>) -> Result<Appended> {
        self.append.leaf(&Entry::Run(run).encode()?)?;
        self.append.commit().context("could not sign the ledger's checkpoint")
    }
}
