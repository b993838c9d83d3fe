//! The receipt of a record: by when it is durable, and as which.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::JournalError;

/// What all records of one group wait for.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The seq of its first record.
    done: OnceLock<Result<u64, JournalError>>,
    wakers: Mutex<Vec<Waker>>,
    told: Condvar,
}

impl Group {
    pub fn finish(&self, result: Result<u64, JournalError>) {
        // A group is finished once; a second word would be a later one.
        let _ = self.done.set(result);
        let wakers = {
            let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *wakers)
        };
        self.told.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Of one record. Awaited under any runtime, or waited for by [`Ticket::wait`]: both give the record's
/// seq once it is on disk, or why it is not. Dropping it takes nothing back.
#[derive(Debug)]
#[must_use = "a record is not durable before its ticket says so"]
pub struct Ticket(Inner);

#[derive(Debug)]
enum Inner {
    Of { group: Arc<Group>, at: u64, waker: Option<usize> },
    Refused(JournalError),
}

impl Ticket {
    pub(crate) fn of(group: &Arc<Group>, at: usize) -> Self {
        Self(Inner::Of { group: Arc::clone(group), at: at as u64, waker: None })
    }

    pub(crate) fn refused(error: JournalError) -> Self {
        Self(Inner::Refused(error))
    }

    /// Blocks until it is known.
    ///
    /// # Errors
    /// The record may not be durable; its answer must not leave.
    pub fn wait(self) -> Result<u64, JournalError> {
        let (group, at) = match self.0 {
            Inner::Of { group, at, .. } => (group, at),
            Inner::Refused(error) => return Err(error),
        };
        let mut wakers = group.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(done) = group.done.get() {
                return seq(done, at);
            }
            wakers = group.told.wait(wakers).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn seq(done: &Result<u64, JournalError>, at: u64) -> Result<u64, JournalError> {
    done.as_ref().map(|base| base + at).map_err(JournalError::clone)
}

impl Future for Ticket {
    type Output = Result<u64, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (group, at, place) = match &mut self.0 {
            Inner::Of { group, at, waker } => (group, *at, waker),
            Inner::Refused(error) => return Poll::Ready(Err(error.clone())),
        };
        if let Some(done) = group.done.get() {
            return Poll::Ready(seq(done, at));
        }
        let mut wakers = group.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have been finished before the lock was had, and then nobody wakes.
        if let Some(done) = group.done.get() {
            return Poll::Ready(seq(done, at));
        }
        match place.and_then(|place| wakers.get_mut(place)) {
            Some(waker) => waker.clone_from(context.waker()),
            None => {
                *place = Some(wakers.len());
                wakers.push(context.waker().clone());
            }
        }
        Poll::Pending
    }
}
