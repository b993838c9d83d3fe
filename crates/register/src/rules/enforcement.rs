//! Observing has an end, and enforcing has none.

use countersign_model::register::EnforcementMode;

use super::{At, Rules};
use crate::noun::Noun;

pub(super) fn check(rules: &mut Rules<'_>) {
    for (id, tenant) in &rules.register.tenants {
        let Some(enforcement) = &tenant.enforcement else { continue };
        let (message, fix) = match (enforcement.mode, enforcement.until) {
            (EnforcementMode::Observe, None) => (
                "observing has no end",
                "say until when, such as `{mode: observe, until: 2027-01-31}`; then it enforces",
            ),
            (EnforcementMode::Enforce, Some(_)) => {
                ("enforcing has an end", "leave `until` out, or say `mode: observe`")
            }
            _ => continue,
        };
        rules.wrong(Noun::Tenant, id.as_str(), At::Key("enforcement"), message.to_owned(), fix);
    }
}
