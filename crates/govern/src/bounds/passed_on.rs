//! A reseller passes on only what it holds, for no longer, and as far down as is set.

use countersign_model::id::{GrantId, OrganizationId};
use countersign_model::lifecycle::{Lives, State, shown};
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::Grant;
use countersign_model::time::Timestamp;

use super::{Found, Wanted};

/// A grant that something is passed on from.
#[derive(Debug, Clone, Copy)]
pub struct Above<'a> {
    pub id: &'a GrantId,
    pub grant: &'a Grant,
    /// Whose its grantee is; `None` if not known, or of several.
    pub organization: Option<&'a OrganizationId>,
}

pub(super) fn check(wanted: &Wanted<'_>, at: Timestamp, found: &mut Found) {
    for (level, above) in wanted.passed_on_from.iter().enumerate().take(CHAIN_DEPTH_MAX) {
        held(wanted, above, at, found);
        brought_in(wanted, above, found);
        if level == 0 && above.grant.break_glass {
            let says = format!("`{}` was taken by break-glass", above.id);
            found.refuse("passed_on.break_glass", says, "pass on an ordinary grant");
        }
    }
    let levels = wanted.passed_on_from.len();
    if levels == 0 {
        return;
    }
    // The uppermost grant is from us, and is of the same entitlement, or that was refused above.
    let (_, entitlement) = wanted.entitlement;
    match entitlement.passed_on_depth {
        None => found.refuse(
            "passed_on.depth_unknown",
            "how far down the entitlement may be passed on is not said",
            "say `passed_on_depth` of the entitlement",
        ),
        Some(depth) if usize::from(depth) < levels => {
            let says = format!("it may be passed on {depth} levels down, this would be {levels}");
            found.refuse("passed_on.too_deep", says, "ask us for a grant of its own");
        }
        Some(_) => {}
    }
}

fn held(wanted: &Wanted<'_>, above: &Above<'_>, at: Timestamp, found: &mut Found) {
    let Above { id, grant, .. } = above;
    let (wanted_id, _) = wanted.entitlement;
    if grant.entitlement != *wanted_id {
        let says = format!("`{id}` is of another entitlement, `{}`", grant.entitlement);
        found.refuse("passed_on.not_held", says, "pass on what is held");
    }
    let state = shown(*grant, grant.stated(), at);
    if !matches!(state, State::Active | State::Scheduled) {
        let says = format!("`{id}` is {state}");
        found.refuse("passed_on.not_active", says, "pass on a grant that is active");
    }
    let says = format!("`{id}`, which it is passed on from, ends sooner");
    let ends = (wanted.interval.until, grant.interval.until);
    found.beyond("passed_on.longer", ends, &says, "end it with that grant");
    let begins = wanted.interval.from.zip(grant.interval.from);
    if begins.is_some_and(|(from, above)| from < above) {
        let says = format!("`{id}`, which it is passed on from, begins later");
        found.refuse("passed_on.sooner", says, "begin with that grant");
    }
    if grant.interval.from.is_none() || grant.interval.until.is_none() {
        let says = format!("from when until when `{id}` runs is not said");
        found.refuse("passed_on.unknown", says, "say `from` and `until` of that grant");
    }
}

/// Only to oneself, or to those whom one brought in.
fn brought_in(wanted: &Wanted<'_>, above: &Above<'_>, found: &mut Found) {
    let Some(reseller) = above.organization else {
        let says = format!("whose `{}` is, is not known", above.id);
        return found.refuse("passed_on.nobody", says, "pass on a grant of the reseller");
    };
    if !wanted.organizations.iter().any(|(id, _)| *id == reseller) {
        let says = format!("`{reseller}` did not bring the grantee in");
        found.refuse("passed_on.not_theirs", says, "pass on a grant of a reseller on the way");
    }
}
