//! The resellers between us and an organization.

use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::register::{Organization, OrganizationState};
use countersign_model::time::{Timestamp, any_contains};

use crate::facts::Facts;

/// Whether every reseller on the way to an organization was active and inside its contract at `at`;
/// `None` if the register does not say. A way that is too long, or a loop, is not active.
pub(crate) fn resellers_active(
    facts: &Facts,
    organization: &Organization,
    at: Timestamp,
) -> Option<bool> {
    let mut known = Some(true);
    let mut via = organization.via.as_ref();
    for _ in 0..CHAIN_DEPTH_MAX {
        let Some(id) = via else { return known };
        let reseller = facts.organization(id)?;
        let active = reseller.state.map(|state| state == OrganizationState::Active);
        let running = reseller.contract.contains(at);
        let in_force = any_contains(&reseller.suspended, at).map(|suspended| !suspended);
        if [active, running, in_force].contains(&Some(false)) {
            return Some(false);
        }
        known = known.and(active).and(running).and(in_force);
        via = reseller.via.as_ref();
    }
    Some(false)
}
