//! What must hold between the items of a register, beyond the shape of each.

mod accounts;
mod chains;
mod enforcement;
mod held;
mod resources;

use countersign_model::id::OrganizationId;
use countersign_model::register::Register;
use countersign_model::time::{End, Interval, Timestamp};

use crate::mistake::{Mistakes, Place};
use crate::noun::Noun;
use crate::parse::Sites;
use crate::yaml::Node;

pub(crate) fn check(register: &Register, sites: &Sites<'_>, mistakes: &mut Mistakes) {
    let mut rules = Rules { register, sites, mistakes };
    chains::check(&mut rules);
    accounts::check(&mut rules);
    held::check(&mut rules);
    enforcement::check(&mut rules);
    resources::check(&mut rules);
}

/// What the rules are asked about, and where they put their answers.
struct Rules<'a> {
    register: &'a Register,
    sites: &'a Sites<'a>,
    mistakes: &'a mut Mistakes,
}

/// Longer chains are not walked, and nothing is said of them.
const RESELLER_DEPTH_MAX: usize = 64;

/// What leads from an item to a place in it.
#[derive(Clone, Copy)]
enum At {
    Key(&'static str),
    Nth(&'static str, usize),
}

impl Rules<'_> {
    fn wrong(&mut self, noun: Noun, id: &str, at: At, message: String, fix: &str) {
        let place = self.place(noun, id, at);
        self.mistakes.push(place, message, Some(fix.to_owned()));
    }

    /// The place of a value in an item; of the item if the value is not there.
    fn place(&self, noun: Noun, id: &str, at: At) -> Place {
        let Some(item) = self.node(noun, id) else {
            return Place { file: 0, line: 0, column: 0 };
        };
        let inner = match at {
            At::Key(key) => item.get(key),
            At::Nth(key, nth) => item.get(key).and_then(|list| list.list().get(nth)),
        };
        inner.unwrap_or(item).place
    }

    /// Whether `organization` is `whose`, or was brought in by it, to any depth.
    fn is_or_came_by(&self, organization: &OrganizationId, whose: &OrganizationId) -> bool {
        let mut at = Some(organization);
        // A loop of resellers is reported elsewhere; here it must only end.
        for _ in 0..RESELLER_DEPTH_MAX {
            let Some(id) = at else { return false };
            if id == whose {
                return true;
            }
            at = self.register.organizations.get(id).and_then(|found| found.via.as_ref());
        }
        true
    }

    fn node(&self, noun: Noun, id: &str) -> Option<&Node> {
        self.sites.get(&noun)?.get(id).copied()
    }
}

/// Whether two intervals can share an instant. A side that is not known is open.
fn may_overlap(a: &Interval, b: &Interval) -> bool {
    let before = |from: Option<Timestamp>, until: Option<End>| match (from, until) {
        (Some(from), Some(End::At(until))) => from < until,
        _ => true,
    };
    before(a.from, b.until) && before(b.from, a.until)
}

/// What both hold.
fn meet(a: &Interval, b: &Interval) -> Interval {
    let until = match (a.until, b.until) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    Interval { from: a.from.max(b.from), until }
}
