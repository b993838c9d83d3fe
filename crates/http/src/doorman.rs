//! Who asks for decisions, remembered for a moment: an application asks thousands of times a second
//! with one key, and its key is looked up twice a second.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_app::{App, Caller, Timestamp, digest};
use countersign_wire::problem::Problem;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// A key that is revoked works no longer than this.
const REMEMBERED: i64 = 500_000_000;
/// Keys remembered; when there are more, all are looked up again.
const KEYS_MAX: usize = 10_000;
/// Look-ups of keys that are not remembered.
const STRANGERS_A_SECOND: NonZeroU32 = NonZeroU32::new(200).expect("two hundred is not zero");

/// An application that was let in.
#[derive(Debug)]
pub(crate) struct Known {
    pub caller: Caller,
    until: Timestamp,
    limiter: Option<Arc<DefaultDirectRateLimiter>>,
}

#[derive(Debug)]
pub(crate) struct Doorman {
    known: Mutex<HashMap<Vec<u8>, Arc<Known>>>,
    /// Requests a second of one key; `None`: any number.
    limit: Option<NonZeroU32>,
    /// Of keys that nobody had of late: whoever guesses must not keep the store busy.
    strangers: DefaultDirectRateLimiter,
}

impl Doorman {
    pub fn new(limit: Option<NonZeroU32>) -> Self {
        let strangers = RateLimiter::direct(Quota::per_second(STRANGERS_A_SECOND));
        Self { known: Mutex::default(), limit, strangers }
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
    /// 401, 403 if its role asks for no decisions, 429 if too many are tried that nobody knows.
    pub fn look_up(&self, app: &App, token: &str) -> Result<Arc<Known>, Problem> {
        let key = digest(token.as_bytes());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(&key).map(|known| known.limiter.clone());
        if before.is_none() && self.strangers.check().is_err() {
            let detail = "too many keys are tried that nobody has; ask again in a second";
            return Err(Problem::new(429, "rate_limited", detail));
        }
        let looked_up = app.authenticate(token).and_then(|caller| {
            app.may_ask(&caller)?;
            Ok(caller)
        });
        let caller = looked_up.inspect_err(|_| drop(known().remove(&key)))?;
        // The allowance goes on where it was: a look-up does not fill it.
        let limiter = before.unwrap_or_else(|| {
            self.limit.map(|limit| Arc::new(RateLimiter::direct(Quota::per_second(limit))))
        });
        let until = app.now().plus_nanos(REMEMBERED);
        let found = Arc::new(Known { caller, until, limiter });
        let mut known = known();
        if known.len() >= KEYS_MAX {
            known.clear();
        }
        known.insert(key, Arc::clone(&found));
        Ok(found)
    }
}

impl Known {
    /// # Errors
    /// 429 if it asks more often than a key may.
    pub fn admit(&self) -> Result<(), Problem> {
        match self.limiter.as_ref().map(|limiter| limiter.check()) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(_)) => {
                let detail = "this key asks for more decisions a second than one may";
                Err(Problem::new(429, "rate_limited", detail))
            }
        }
    }
}
