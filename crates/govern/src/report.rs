//! The conclusions of a run.

use countersign_model::finding::Finding;
use countersign_model::time::Timestamp;

use crate::standing;
use crate::tally::Tally;

/// Records of one source, feed and tenant that were read.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub source: &'a str,
    pub feed: &'a str,
    pub tenant: &'a str,
    pub first: Timestamp,
    pub last: Timestamp,
    pub count: u64,
}

/// Everything counted, and everything found.
#[derive(Debug)]
pub struct Report<'r> {
    pub tally: Tally<'r>,
    pub findings: Vec<Finding>,
    /// The end of the data: findings about standing things are as of then.
    pub at: Option<Timestamp>,
}

/// Draws the conclusions. Without a single record nothing is found, since nothing was looked at.
pub fn report<'r>(mut tally: Tally<'r>, seen: &[Seen<'_>]) -> Report<'r> {
    let at = seen.iter().map(|seen| seen.last).max();
    let Some(end) = at else {
        return Report { tally, findings: Vec::new(), at };
    };
    standing::observe(&mut tally, seen, end);
    let evidence = std::mem::take(&mut tally.evidence);
    let findings = evidence.into_findings(tally.register(), end);
    Report { tally, findings, at }
}
