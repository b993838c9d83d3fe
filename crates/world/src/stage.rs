//! One scene: a few minutes or an hour in which one story plays, and what it leaves in the logs.

use serde_json::Value;

use crate::company::Company;
use crate::feed::Feed;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::time::{MINUTE, Millis, SECOND};
use crate::truth::{Case, Place, line};

const CLOCKS: usize = 9;

pub(crate) struct Stage<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) company: &'a Company,
    pub(crate) rng: Rng,
    /// When the scene begins.
    pub(crate) now: Millis,
    /// How many actions it may hold.
    pub(crate) actions: usize,
    story: &'static str,
    skew: [Millis; CLOCKS],
    pub(crate) records: Vec<(Feed, Millis, String)>,
    pub(crate) truths: Vec<String>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        company: &'a Company,
        mut rng: Rng,
        (now, actions): (Millis, usize),
        story: &'static str,
    ) -> Self {
        let mut skew = [0; CLOCKS];
        if rng.chance(plan.faults.skew) {
            // The first clock is the reference.
            for clock in skew.iter_mut().skip(1) {
                *clock = rng.between(-SECOND, SECOND);
            }
        }
        Self {
            plan,
            company,
            rng,
            now,
            actions,
            story,
            skew,
            records: Vec::new(),
            truths: Vec::new(),
        }
    }

    /// Sets the clock of one source five minutes off, for stories joined by exact keys alone.
    pub(crate) fn unsettle(&mut self, feed: Feed) {
        if self.rng.chance(self.plan.faults.large_skew) {
            let sign = if self.rng.chance(0.5) { 1 } else { -1 };
            self.skew[feed.clock()] = sign * 5 * MINUTE;
        }
    }

    /// What the clock of this source says at `at`.
    pub(crate) fn clock(&self, feed: Feed, at: Millis) -> Millis {
        at + self.skew[feed.clock()]
    }

    pub(crate) fn collects(&self, feed: Feed) -> bool {
        self.company.collects(feed)
    }

    pub(crate) fn fault(&mut self, rate: f64) -> bool {
        self.rng.chance(rate)
    }

    /// A record that is no action; nothing if its feed is not collected.
    pub(crate) fn log(&mut self, feed: Feed, at: Millis, body: &Value) {
        self.log_line(feed, at, body.to_string());
    }

    pub(crate) fn log_line(&mut self, feed: Feed, at: Millis, body: String) {
        if self.collects(feed) {
            self.records.push((feed, at, body));
        }
    }

    /// An action and the truth about it; neither if its feed is not collected.
    pub(crate) fn act(&mut self, feed: Feed, at: Millis, event: &str, body: &Value, case: &Case) {
        if !self.collects(feed) {
            return;
        }
        let place = Place {
            source: feed.source(),
            tenant: feed.tenant(),
            event,
            time: self.clock(feed, at),
        };
        self.truths.push(line(&place, case, self.story));
        self.log(feed, at, body);
    }
}
