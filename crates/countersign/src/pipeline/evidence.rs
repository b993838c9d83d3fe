//! What of a run goes into the ledger: handles, grades, codes and commitments, no personal data.

use anyhow::{Context, Result};
use countersign_ledger::entry::{self, Entry};
use countersign_ledger::handles::{Handle, Noun};
use countersign_ledger::{Append, Appended, Handles};
use countersign_model::attribution::{Attribution, Party};
use countersign_model::finding::Finding;
use countersign_model::judgement::Judgement;

/// Encodes rows for the ledger: one on each thread, so that whoever writes only appends.
#[derive(Debug)]
pub struct Encoder {
    handles: Handles,
    bytes: Vec<u8>,
}

impl Encoder {
    pub fn new(handles: Handles) -> Self {
        Self { handles, bytes: Vec::new() }
    }

    /// Appends the encoded leaf of one row to `out`; `body` is the row as it is written out.
    pub fn row(
        &mut self,
        attribution: &Attribution<'_>,
        judged: Option<&Judgement>,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let (event, handles) = (&attribution.event, &mut self.handles);
        let (handle, salt) = handles.event(event.source, event.id);
        let row = entry::Row {
            time: event.time.0,
            event: handle,
            tenant: handles.handle(Noun::Tenant, event.tenant),
            actor: party(handles, &attribution.actor),
            holder: party(handles, &attribution.holder),
            grant: judged
                .and_then(|j| j.grant.as_deref())
                .map(|id| handles.handle(Noun::Grant, id)),
            sponsor: judged
                .and_then(|judged| judged.sponsor.as_deref())
                .map(|id| handles.handle(Noun::Sponsor, id)),
            actor_grade: attribution.actor.grade.as_str(),
            holder_grade: attribution.holder.grade.as_str(),
            gap: attribution.actor.gap.map(|gap| gap.as_str()),
            outcome: judged.map(|judged| judged.outcome.as_str()),
            reasons: judged.map_or_else(Vec::new, |judged| {
                judged.reasons.iter().map(|reason| reason.code.as_str()).collect()
            }),
            body: salt.commit(body),
        };
        row.encode_into(&mut self.bytes)?;
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

fn party(handles: &mut Handles, party: &Party<'_>) -> Option<Handle> {
    if let Some(identity) = party.identity {
        return Some(handles.handle(Noun::Identity, identity));
    }
    let (namespace, value) = party.account?;
    Some(handles.handle(Noun::Account, &format!("{namespace}\n{value}")))
}

/// The evidence of one run, being written.
#[derive(Debug)]
pub struct Evidence<'l> {
    append: Append<'l>,
    pub rows: u64,
}

impl<'l> Evidence<'l> {
    pub fn new(append: Append<'l>) -> Self {
        Self { append, rows: 0 }
    }

    /// The key that names become handles with, for an [`Encoder`].
    pub fn handles(&mut self) -> Handles {
        self.append.handles().clone()
    }

    /// Appends one row as an [`Encoder`] wrote it.
    pub fn row(&mut self, encoded: &[u8]) -> Result<()> {
        self.append.row(encoded)?;
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
