//! Who asks for decisions, remembered for a moment: an application asks thousands of times a second
//! with one key, and its key is looked up twice a second.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_app::{App, AppError, Caller, Timestamp, digest};
use countersign_wire::problem::Problem;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// A key that is revoked works no longer than this.
const REMEMBERED: i64 = 500_000_000;
/// Keys remembered; when there are more, all are looked up again.
const KEYS_MAX: usize = 10_000;

/// An application that was let in.
#[derive(Debug)]
pub(crate) struct Known {
    pub caller: Caller,
    until: Timestamp,
    limiter: Option<DefaultDirectRateLimiter>,
}

#[derive(Debug, Default)]
pub(crate) struct Doorman {
    known: Mutex<HashMap<Vec<u8>, Arc<Known>>>,
    /// Requests a second of one key; `None`: any number.
    limit: Option<NonZeroU32>,
}

impl Doorman {
    pub fn new(limit: Option<NonZeroU32>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Who presents this token, if that is remembered.
    pub fn remembered(&self, token: &str, at: Timestamp) -> Option<Arc<Known>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&digest(token.as_bytes()))?;
        (found.until > at).then(|| Arc::clone(found))
    }

    /// Looks the token up; may wait for the store.
    ///
    /// # Errors
    /// `Unauthenticated`, or `Forbidden` if its role asks for no decisions.
    pub fn look_up(&self, app: &App, token: &str) -> Result<Arc<Known>, AppError> {
        let caller = app.authenticate(token)?;
        app.may_ask(&caller)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEYS_MAX {
            known.clear();
        }
        let key = digest(token.as_bytes());
        let limiter = self.limit.map(|limit| RateLimiter::direct(Quota::per_second(limit)));
        let until = app.now().plus_nanos(REMEMBERED);
        // The allowance goes on where it was: a look-up does not fill it.
        let limiter = match known.remove(&key).map(Arc::try_unwrap) {
            Some(Ok(before)) => before.limiter,
            Some(Err(_)) | None => limiter,
        };
        let found = Arc::new(Known { caller, until, limiter });
        known.insert(key, Arc::clone(&found));
        Ok(found)
    }
}

impl Known {
    /// # Errors
    /// 429 if it asks more often than a key may.
    pub fn admit(&self) -> Result<(), Problem> {
        match self.limiter.as_ref().map(DefaultDirectRateLimiter::check) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(_)) => {
                let detail = "this key asks for more decisions a second than one may";
                Err(Problem::new(429, "rate_limited", detail))
            }
        }
    }
}
