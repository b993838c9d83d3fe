//! The second phase: every row against all claims, in event order, on all threads.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use anyhow::{Context, Result};
use countersign_govern::tally::Tally;
use countersign_judge::{Facts, Guardrails, Judge};
use countersign_model::attribution::Attribution;
use countersign_model::judgement::{Access, Judgement};
use countersign_model::register::Register;
use countersign_runs::merge::{self, Chunk};
use countersign_runs::segment::Segment;
use countersign_trace::attribute::Attributor;
use countersign_trace::codec;
use countersign_trace::group;

use super::evidence::{Encoder, Evidence};
use crate::row::{self, Raw};

/// What is the same for all rows.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    pub segments: &'a [Segment],
    pub attributor: Attributor<'a>,
    pub guardrails: &'a Guardrails,
    pub facts: &'a Facts,
    /// File of each unit, by number, and how many of its lines lie before the unit.
    pub inputs: &'a [String],
    pub lines_before: &'a [u64],
}

/// The answers to one chunk of rows.
#[derive(Debug, Default)]
struct Answers {
    rows: Vec<u8>,
    /// Encoded for the ledger, and where each row's ends.
    leaves: Vec<u8>,
    ends: Vec<usize>,
}

/// Answers every row; writes them to `out` in event order and, if there is a ledger, appends their
/// evidence. `progress` is told how many of how many chunks are done.
pub fn answer<'r>(
    basis: Basis<'_>,
    register: &'r Register,
    threads: usize,
    out: &mut dyn Write,
    mut evidence: Option<&mut Evidence<'_>>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Tally<'r>> {
    let chunks = merge::chunks(basis.segments);
    let handles = evidence.as_deref_mut().map(Evidence::handles);
    let next = AtomicUsize::new(0);
    // Few enough in flight that finished chunks cannot fill memory behind a slow one.
    let (sender, receiver) = mpsc::sync_channel(threads * 2);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (sender, next, chunks) = (sender.clone(), &next, chunks.as_slice());
                let encoder = handles.clone().map(Encoder::new);
                let worker = Worker { basis, register, encoder };
                scope.spawn(move || worker.run(chunks, next, &sender))
            })
            .collect();
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut done = 0;
        for (at, answers) in receiver {
            waiting.insert(at, answers);
            while let Some(answers) = waiting.remove(&done) {
                let answers: Answers = answers;
                write(&answers, out, evidence.as_deref_mut())?;
                done += 1;
                progress(done, chunks.len());
            }
        }
        let mut tally = Tally::new(register);
        for worker in workers {
            let part = worker.join().map_err(|_| anyhow::anyhow!("a thread stopped"))??;
            tally.merge(part);
        }
        Ok(tally)
    })
}

fn write(
    answers: &Answers,
    out: &mut dyn Write,
    evidence: Option<&mut Evidence<'_>>,
) -> Result<()> {
    out.write_all(&answers.rows).context("could not write the rows")?;
    let Some(evidence) = evidence else { return Ok(()) };
    let mut from = 0;
    for to in &answers.ends {
        evidence.row(answers.leaves.get(from..*to).unwrap_or(&[]))?;
        from = *to;
    }
    Ok(())
}

/// One thread's share.
struct Worker<'a, 'r> {
    basis: Basis<'a>,
    register: &'r Register,
    /// If there is a ledger.
    encoder: Option<Encoder>,
}

impl<'r> Worker<'_, 'r> {
    fn run(
        mut self,
        chunks: &[Chunk],
        next: &AtomicUsize,
        sender: &mpsc::SyncSender<(usize, Answers)>,
    ) -> Result<Tally<'r>> {
        let mut tally = Tally::new(self.register);
        let mut judge = Judge::new(self.basis.guardrails, self.basis.facts);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = chunks.get(at) else { return Ok(tally) };
            let encoder = self.encoder.as_mut();
            let answers = answer_chunk(self.basis, *chunk, &mut judge, &mut tally, encoder)?;
            if sender.send((at, answers)).is_err() {
                // The writer failed and says so.
                return Ok(tally);
            }
        }
    }
}

fn answer_chunk(
    basis: Basis<'_>,
    chunk: Chunk,
    judge: &mut Judge<'_>,
    tally: &mut Tally<'_>,
    mut encoder: Option<&mut Encoder>,
) -> Result<Answers> {
    let bytes = chunk.read(basis.segments)?;
    let rows = bytes.rows(basis.segments);
    let mut answers = Answers::default();
    for deliveries in
        rows.chunk_by(|one, next| (one.key.time, one.key.event) == (next.key.time, next.key.event))
    {
        let mut events = Vec::with_capacity(deliveries.len());
        for row in deliveries {
            let Some(segment) = basis.segments.get(row.segment) else { continue };
            let event = codec::decode(row.bytes, &segment.dictionary);
            events.push(event.map_err(|_| segment.damaged())?);
        }
        for grouped in group::group(events) {
            let mut traced = basis.attributor.attribute(&grouped.event);
            traced.delivered(grouped.deliveries, &grouped.notes);
            let chain = traced.chain();
            let attribution = traced.view(&chain);
            let judged = judge_then(judge, &attribution);
            tally.observe(&attribution, judged.as_ref());
            let file = basis.inputs.get(grouped.place.input as usize).map_or("", |file| file);
            let before = basis.lines_before.get(grouped.place.input as usize).copied().unwrap_or(0);
            let raw = Raw { file, line: before + grouped.place.line };
            let begin = answers.rows.len();
            row::write(&mut answers.rows, &attribution, judged.as_ref(), raw);
            if let Some(encoder) = encoder.as_deref_mut() {
                let body = answers.rows.get(begin..).unwrap_or(&[]);
                encoder.row(&attribution, judged.as_ref(), body, &mut answers.leaves)?;
                answers.ends.push(answers.leaves.len());
            }
        }
    }
    let looked_up = basis.attributor.index.check();
    looked_up.context("claims that were put away could not be read again")?;
    Ok(answers)
}

/// Only privileged actions of principals that are not ours are judged.
fn judge_then(judge: &mut Judge<'_>, attribution: &Attribution<'_>) -> Option<Judgement> {
    let event = &attribution.event;
    if !event.privileged || !attribution.class.is_judged() {
        return None;
    }
    // An account that is not registered is nobody's, and so is not permitted.
    let through: Vec<&str> =
        attribution.through.iter().map(|hop| hop.identity.unwrap_or("")).collect();
    let party =
        if attribution.actor.grade.counts() { attribution.actor } else { attribution.holder };
    let access = Access {
        identity: party.identity,
        account: party.account,
        through: &through,
        actor_is_known: attribution.actor.grade.counts(),
        credential: attribution.credential,
        tenant: event.tenant,
        action: event.action,
        resource: event.resource,
        assurance: attribution.assurance,
        authenticated_at: attribution.authenticated_at,
        // A provider's service acts from the provider's own address.
        ip: if event.via.is_some() { None } else { event.ip },
        interactive: event.user_agent.and_then(is_interactive),
    };
    Some(judge.judge(&access, event.time))
}

/// A browser is a person; a known tool or library is not; anything else is not known.
fn is_interactive(user_agent: &str) -> Option<bool> {
    const BROWSERS: [&str; 3] = ["Mozilla/", "Opera/", "signin.amazonaws.com"];
    const TOOLS: [&str; 10] = [
        "aws-sdk",
        "Boto3",
        "botocore",
        "aws-cli",
        "Terraform",
        "python-requests",
        "curl/",
        "Go-http-client",
        "kubectl",
        "okhttp",
    ];
    if TOOLS.iter().any(|tool| user_agent.contains(tool)) {
        return Some(false);
    }
    BROWSERS.iter().any(|browser| user_agent.starts_with(browser)).then_some(true)
}
