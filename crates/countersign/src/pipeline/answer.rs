//! The second phase: every row against all claims, in event order, on all threads.

use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

use anyhow::{Context, Result};
use countersign_govern::tally::Tally;
use countersign_judge::{Facts, Guardrails, Judge};
use countersign_model::attribution::Attribution;
use countersign_model::event::Event;
use countersign_model::judgement::{Access, Judgement};
use countersign_model::register::Register;
use countersign_runs::merge::{self, Chunk};
use countersign_runs::segment::Segment;
use countersign_trace::attribute::Attributor;
use countersign_trace::codec;
use countersign_trace::group::{self, Grouped};

use super::evidence::{Encoder, Evidence, Proofs};
use crate::row::{Raw, Writer};

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

impl<'a> Basis<'a> {
    fn event<'e>(&self, row: &merge::Row<'e>) -> Result<(Event<'e>, codec::Place)>
    where
        'a: 'e,
    {
        let segment = self.segments.get(row.segment).context("a row of no segment")?;
        Ok(codec::decode(row.bytes, &segment.dictionary).map_err(|_| segment.damaged())?)
    }

    fn raw(&self, place: codec::Place) -> Raw<'a> {
        let unit = place.input as usize;
        let before = self.lines_before.get(unit).copied().unwrap_or(0);
        Raw { file: self.inputs.get(unit).map_or("", |file| file), line: before + place.line }
    }
}

/// The answers to one chunk of rows.
#[derive(Debug, Default)]
struct Answers {
    rows: Vec<u8>,
    proofs: Proofs,
}

/// Answers that were written, whose memory serves for the next: asking the system for megabytes
/// again and again costs more than to fill them.
type Spare = Mutex<Vec<Answers>>;

fn lock(spare: &Spare) -> MutexGuard<'_, Vec<Answers>> {
    spare.lock().unwrap_or_else(PoisonError::into_inner)
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
    let (next, spare) = (AtomicUsize::new(0), Spare::default());
    // Few enough in flight that finished chunks cannot fill memory behind a slow one.
    let (sender, receiver) = mpsc::sync_channel(threads * 2);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (sender, next, chunks) = (sender.clone(), &next, chunks.as_slice());
                let encoder = handles.clone().map(Encoder::new);
                let spare = &spare;
                scope.spawn(move || {
                    Worker::new(basis, register, encoder).run(chunks, next, spare, &sender)
                })
            })
            .collect();
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut done = 0;
        for (at, answers) in receiver {
            waiting.insert(at, answers);
            while let Some(answers) = waiting.remove(&done) {
                let answers: Answers = answers;
                out.write_all(&answers.rows).context("could not write the rows")?;
                if let Some(evidence) = evidence.as_deref_mut() {
                    evidence.rows(&answers.proofs)?;
                }
                lock(&spare).push(answers);
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

/// One thread's share.
struct Worker<'a, 'r> {
    basis: Basis<'a>,
    judge: Judge<'a>,
    tally: Tally<'r>,
    writer: Writer,
    /// If there is a ledger.
    encoder: Option<Encoder>,
}

impl<'a, 'r> Worker<'a, 'r> {
    fn new(basis: Basis<'a>, register: &'r Register, encoder: Option<Encoder>) -> Self {
        Self {
            basis,
            judge: Judge::new(basis.guardrails, basis.facts),
            tally: Tally::new(register),
            writer: Writer::default(),
            encoder,
        }
    }

    fn run(
        mut self,
        chunks: &[Chunk],
        next: &AtomicUsize,
        spare: &Spare,
        sender: &mpsc::SyncSender<(usize, Answers)>,
    ) -> Result<Tally<'r>> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = chunks.get(at) else { return Ok(self.tally) };
            let mut answers = lock(spare).pop().unwrap_or_default();
            answers.rows.clear();
            answers.proofs.clear();
            self.answer(*chunk, &mut answers)?;
            if sender.send((at, answers)).is_err() {
                // The writer failed and says so.
                return Ok(self.tally);
            }
        }
    }

    fn answer(&mut self, chunk: Chunk, answers: &mut Answers) -> Result<()> {
        let basis = self.basis;
        let bytes = chunk.read(basis.segments)?;
        let rows = bytes.rows(basis.segments);
        let same = |one: &merge::Row<'_>, next: &merge::Row<'_>| {
            (one.key.time, one.key.event) == (next.key.time, next.key.event)
        };
        for deliveries in rows.chunk_by(same) {
            if let [row] = deliveries {
                self.answer_one(&Grouped::alone(basis.event(row)?), answers)?;
                continue;
            }
            let events = deliveries.iter().map(|row| basis.event(row)).collect::<Result<_>>()?;
            for grouped in group::group(events) {
                self.answer_one(&grouped, answers)?;
            }
        }
        let looked_up = basis.attributor.index.check();
        looked_up.context("claims that were put away could not be read again")
    }

    fn answer_one(&mut self, grouped: &Grouped<'_>, answers: &mut Answers) -> Result<()> {
        let mut traced = self.basis.attributor.attribute(&grouped.event);
        traced.delivered(grouped.deliveries, &grouped.notes);
        let chain = traced.chain();
        let attribution = traced.view(&chain);
        let judged = judge_then(&mut self.judge, &attribution);
        self.tally.observe(&attribution, judged.as_deref());
        let begin = answers.rows.len();
        let raw = self.basis.raw(grouped.place);
        self.writer.write(&mut answers.rows, &attribution, judged.as_ref(), raw);
        if let Some(encoder) = &mut self.encoder {
            let body = answers.rows.get(begin..).unwrap_or(&[]);
            encoder.row(&attribution, judged.as_deref(), body, &mut answers.proofs)?;
        }
        Ok(())
    }
}

/// Only privileged actions of principals that are not ours are judged.
fn judge_then(judge: &mut Judge<'_>, attribution: &Attribution<'_>) -> Option<Rc<Judgement>> {
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
        request: None,
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
