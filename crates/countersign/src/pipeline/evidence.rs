//! What of a run goes into the ledger: handles, grades, codes and commitments, no personal data.

use anyhow::{Context, Result};
use countersign_ledger::entry::{self, Entry};
use countersign_ledger::handles::{Handle, Noun};
use countersign_ledger::{Append, Appended, Handles};
use countersign_model::attribution::{Attribution, Party};
use countersign_model::finding::Finding;
use countersign_model::judgement::Judgement;

use crate::chance::{self, Digest};

/// The evidence of some rows, in their order.
#[derive(Debug, Default)]
pub struct Proofs {
    /// Encoded for the ledger, and where each row's ends.
    leaves: Vec<u8>,
    ends: Vec<usize>,
    /// The SHA-256 of each row as it is written out.
    digests: Vec<u8>,
}

impl Proofs {
    pub fn clear(&mut self) {
        self.leaves.clear();
        self.ends.clear();
        self.digests.clear();
    }
}

/// Encodes rows for the ledger: one on each thread, so that whoever writes only appends.
#[derive(Debug)]
pub struct Encoder {
    handles: Handles,
    bytes: Vec<u8>,
    account: String,
}

impl Encoder {
    pub fn new(handles: Handles) -> Self {
        Self { handles, bytes: Vec::new(), account: String::new() }
    }

    /// Adds the evidence of one row to `proofs`; `body` is the row as it is written out.
    pub fn row(
        &mut self,
        attribution: &Attribution<'_>,
        judged: Option<&Judgement>,
        body: &[u8],
        proofs: &mut Proofs,
    ) -> Result<()> {
        let body = chance::digest(body);
        let holder = self.party(&attribution.holder);
        let is_same = attribution.actor == attribution.holder;
        let actor = if is_same { holder } else { self.party(&attribution.actor) };
        let (event, handles) = (&attribution.event, &mut self.handles);
        let (handle, salt) = handles.event(event.source, event.id);
        let row = entry::Row {
            time: event.time.0,
            event: handle,
            tenant: handles.handle(Noun::Tenant, event.tenant),
            actor,
            holder,
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
            body: salt.commit_digest(&body),
        };
        row.encode_into(&mut self.bytes)?;
        proofs.leaves.extend_from_slice(&self.bytes);
        proofs.ends.push(proofs.leaves.len());
        proofs.digests.extend_from_slice(&body);
        Ok(())
    }

    fn party(&mut self, party: &Party<'_>) -> Option<Handle> {
        if let Some(identity) = party.identity {
            return Some(self.handles.handle(Noun::Identity, identity));
        }
        let (namespace, value) = party.account?;
        self.account.clear();
        for part in [namespace, "\n", value] {
            self.account.push_str(part);
        }
        Some(self.handles.handle(Noun::Account, &self.account))
    }
}

/// The evidence of one run, being written.
#[derive(Debug)]
pub struct Evidence<'l> {
    append: Append<'l>,
    rows: u64,
    /// Of the rows' own digests: each row is hashed once.
    output: Digest,
}

/// What a run read, by which facts and rules, and what it found.
#[derive(Debug, Clone, Copy)]
pub struct Ran {
    pub input: [u8; 32],
    pub register: [u8; 32],
    pub policies: [u8; 32],
    pub findings: u64,
}

impl<'l> Evidence<'l> {
    pub fn new(append: Append<'l>) -> Self {
        Self { append, rows: 0, output: Digest::new() }
    }

    /// The key that names become handles with, for an [`Encoder`].
    pub fn handles(&mut self) -> Handles {
        self.append.handles().clone()
    }

    /// Appends rows as an [`Encoder`] wrote them.
    pub fn rows(&mut self, proofs: &Proofs) -> Result<()> {
        let mut from = 0;
        for to in &proofs.ends {
            self.append.row(proofs.leaves.get(from..*to).unwrap_or(&[]))?;
            from = *to;
        }
        self.rows += proofs.ends.len() as u64;
        self.output.update(&proofs.digests);
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
    pub fn finish(mut self, ran: Ran) -> Result<Appended> {
        let run = entry::Run {
            version: env!("CARGO_PKG_VERSION"),
            input: ran.input,
            register: ran.register,
            policies: ran.policies,
            output: self.output.finish(),
            rows: self.rows,
            findings: ran.findings,
        };
        self.append.leaf(&Entry::Run(run).encode()?)?;
        self.append.commit().context("could not sign the ledger's checkpoint")
    }
}
