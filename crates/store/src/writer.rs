//! Who writes. With SQLite one thread, which takes all batches that wait into one commit; with
//! PostgreSQL any connection, as that engine groups commits itself.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use crate::StoreError;
use crate::batch::{Batch, Outcome};
use crate::engine::{Connection, Failpoint, Pool};
use crate::mark::Mark;
use crate::write::apply;

/// Batches in one commit.
const GROUP_MAX: usize = 256;
/// Batches that wait before their givers do.
const WAITING_MAX: usize = 1024;

type Answer = Result<Outcome, StoreError>;

enum Work {
    Batch(Batch, Sender<Answer>),
    Scrub(Sender<Result<bool, StoreError>>),
}

pub(crate) struct Writer {
    queue: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub fn start(
        connection: Connection,
        mark: Mark,
        failpoint: Failpoint,
    ) -> Result<Self, StoreError> {
        let (queue, batches) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || Group { connection, mark, failpoint }.run(&batches))
            .map_err(StoreError::Thread)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub fn commit(&self, batch: Batch) -> Answer {
        let (answer, wait) = channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Stopped)?;
        queue.send(Work::Batch(batch, answer)).map_err(|_| StoreError::Stopped)?;
        wait.recv().map_err(|_| StoreError::Stopped)?
    }

    /// Between two commits; `false` if readers were in the way.
    pub fn scrub(&self) -> Result<bool, StoreError> {
        let (answer, wait) = channel();
        let queue = self.queue.as_ref().ok_or(StoreError::Stopped)?;
        queue.send(Work::Scrub(answer)).map_err(|_| StoreError::Stopped)?;
        wait.recv().map_err(|_| StoreError::Stopped)?
    }
}

impl Writer {
    pub fn has_stopped(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Writer {
    /// What was given is written first.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered nobody: its givers know.
            let _ = thread.join();
        }
    }
}

struct Group {
    connection: Connection,
    mark: Mark,
    failpoint: Failpoint,
}

impl Group {
    /// Ends when nobody can give any more, or at the first failure of the engine: what it then holds
    /// in memory is in doubt, and only opening the file again tells.
    fn run(mut self, waiting: &Receiver<Work>) {
        while let Ok(first) = waiting.recv() {
            let (mut batches, mut answers, mut scrubs) = (Vec::new(), Vec::new(), Vec::new());
            for work in std::iter::once(first).chain(waiting.try_iter().take(GROUP_MAX - 1)) {
                match work {
                    Work::Batch(batch, answer) => {
                        batches.push(batch);
                        answers.push(answer);
                    }
                    Work::Scrub(answer) => scrubs.push(answer),
                }
            }
            if !batches.is_empty() && !self.answer(&batches, answers) {
                return;
            }
            for scrub in scrubs {
                let _ = scrub.send(self.scrub());
            }
        }
    }

    /// `false` if nothing more may be written.
    fn answer(&mut self, batches: &[Batch], answers: Vec<Sender<Answer>>) -> bool {
        match self.commit(batches) {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // Who gave it may have gone; the batch stands.
                    let _ = answer.send(Ok(outcome));
                }
                true
            }
            Err(error) => {
                let text = error.to_string();
                for answer in answers {
                    let _ = answer.send(Err(StoreError::Failed(text.clone())));
                }
                false
            }
        }
    }

    /// Writes the file anew without what is no longer in it, and empties the journal beside it, where
    /// old pages lie.
    fn scrub(&mut self) -> Result<bool, StoreError> {
        self.connection.batch("vacuum")?;
        let truncate = "pragma wal_checkpoint(truncate)";
        let busy = self.connection.first(truncate, &[], |row| row.int(0))?;
        Ok(busy == Some(0))
    }

    fn commit(&mut self, batches: &[Batch]) -> Result<Vec<Outcome>, StoreError> {
        self.connection.batch("begin immediate")?;
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            self.connection.batch("savepoint one")?;
            let outcome = apply(&mut self.connection, batch, &self.failpoint)?;
            if !matches!(outcome, Outcome::Done(_)) {
                self.connection.batch("rollback to one")?;
            }
            self.connection.batch("release one")?;
            outcomes.push(outcome);
        }
        (self.failpoint)("store.commit.before");
        self.connection.batch("commit")?;
        (self.failpoint)("store.commit.after");
        let newest = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Done(revs) => revs.iter().max(),
            _ => None,
        });
        self.mark.advance(newest.max().copied());
        Ok(outcomes)
    }
}

/// One batch in a transaction of its own, on PostgreSQL. Two that wait for each other are told apart
/// by the server; the one it stops is tried again, as is one whose session was ended.
pub(crate) fn commit_on(pool: &Pool, batch: &Batch, failpoint: &Failpoint) -> Answer {
    const TRIES: usize = 5;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut is_committing = false;
        let answer = pool.with(|connection| {
            connection.batch(begin(batch))?;
            let outcome = apply(connection, batch, failpoint)?;
            if matches!(outcome, Outcome::Done(_)) {
                (failpoint)("store.commit.before");
                is_committing = true;
                connection.batch("commit")?;
                (failpoint)("store.commit.after");
            } else {
                connection.batch("rollback")?;
            }
            Ok(outcome)
        });
        match answer {
            Err(error) if error.is_worth_another_try() && tries < TRIES => (),
            // Whether it was written is known by its acts; what has none is not done twice.
            Err(error)
                if error.is_passing()
                    && tries < TRIES
                    && (!is_committing || !batch.changes.is_empty()) =>
            {
                pool.close_idle();
            }
            answer => return answer,
        }
    }
}

/// A lock on rows cannot hold what is not there. So whoever makes items holds a lock together with
/// the others who do, and whoever decides on an absence holds it alone.
fn begin(batch: &Batch) -> &'static str {
    let mut puts = batch.changes.iter().flat_map(|change| &change.puts);
    if batch.decided_on().iter().any(|read| read.rev.is_none()) {
        "begin; select pg_advisory_xact_lock(7161217218)"
    } else if puts.any(|put| put.after.is_none()) {
        "begin; select pg_advisory_xact_lock_shared(7161217218)"
    } else {
        "begin"
    }
}
