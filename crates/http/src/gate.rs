//! How much is worked on at a time. Who comes when all is taken waits a little, and is then told to
//! come back: there is no queue without an end.

use std::sync::Arc;
use std::time::Duration;

use countersign_wire::problem::Problem;
use countersign_wire::routes::{Kind, Route};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that hold a thread. A store has eight connections; more threads would only wait.
const WORKING_MAX: usize = 64;
/// Requests whose bodies are being read, or that wait for a thread.
const OPEN_MAX: usize = 1_024;
/// Of them, such as carry a register.
const REGISTERS_MAX: usize = 4;
const WAIT: Duration = Duration::from_secs(2);
/// A body that takes longer is not coming.
const BODY: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(60);
/// A register is large, to send and to plan.
const REGISTER: Duration = Duration::from_secs(600);

/// Bounds of all requests of one server.
#[derive(Debug)]
pub(crate) struct Gate {
    open: Arc<Semaphore>,
    registers: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(OPEN_MAX, WORKING_MAX)
    }
}

impl Gate {
    pub fn new(open: usize, working: usize) -> Self {
        Self {
            open: Arc::new(Semaphore::new(open)),
            registers: Arc::new(Semaphore::new(REGISTERS_MAX.min(open))),
            working: Arc::new(Semaphore::new(working)),
        }
    }

    /// A place for a request, before its body is read.
    ///
    /// # Errors
    /// 503 `busy` if there is none.
    pub fn enter(&self, route: &Route) -> Result<OwnedSemaphorePermit, Problem> {
        let places = if is_register(route) { &self.registers } else { &self.open };
        Arc::clone(places).try_acquire_owned().map_err(|_| busy())
    }

    /// A thread to work on; held by the work itself, which goes on when nobody waits for it any more.
    ///
    /// # Errors
    /// 503 `busy` if none becomes free soon.
    pub async fn work(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = tokio::time::timeout(WAIT, Arc::clone(&self.working).acquire_owned()).await;
        permit.ok().and_then(Result::ok).ok_or_else(busy)
    }
}

/// How long the body of a request may take.
pub(crate) fn body_within(route: &Route) -> Duration {
    if is_register(route) { REGISTER } else { BODY }
}

/// How long its answer may take.
pub(crate) fn answer_within(route: &Route) -> Duration {
    if is_register(route) { REGISTER } else { ANSWER }
}

fn is_register(route: &Route) -> bool {
    matches!(route.kind, Kind::Plan | Kind::Apply | Kind::TryPolicies)
}

fn busy() -> Problem {
    Problem::new(503, "busy", "the server has all hands full; ask again in a second")
}

pub(crate) fn slow_body() -> Problem {
    Problem::new(408, "body.slow", "the body did not come in time; send it at once")
}

pub(crate) fn slow_answer() -> Problem {
    let detail = "this takes longer than it may, and may still happen; ask again under the same \
                  idempotency key to learn what became of it";
    Problem::new(503, "slow", detail)
}

#[cfg(test)]
mod tests {
    use countersign_wire::routes::routes;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finds_all_taken_is_told_to_come_back() {
        let gate = Gate::new(1, 1);
        let route = routes().into_iter().find(|route| route.kind == Kind::Whoami).unwrap();
        let place = gate.enter(&route).unwrap();
        assert_eq!(gate.enter(&route).unwrap_err().code, "busy");
        let thread = gate.work().await.unwrap();
        let refused = gate.work().await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (503, "busy"));
        drop((place, thread));
        assert!(gate.enter(&route).is_ok() && gate.work().await.is_ok());
    }
}
