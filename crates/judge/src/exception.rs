//! Recorded departures: reasons that an approved exception sets aside while it runs.

use countersign_model::judgement::{Access, Reason};
use countersign_model::time::Timestamp;

use crate::context::Context;
use crate::facts::Facts;

/// Who is unknown cannot be excepted, and what failed to evaluate is not known to be all.
const NEVER_SET_ASIDE: [&str; 2] = ["identity.unknown", "policy.error"];

/// Takes out the reasons that an exception sets aside at `at`; the ids of those that did, sorted.
pub(crate) fn set_aside(
    reasons: &mut Vec<Reason>,
    facts: &Facts,
    context: &Context<'_>,
    access: &Access<'_>,
    at: Timestamp,
) -> Vec<String> {
    let subjects = subjects(context, access);
    let mut used = Vec::new();
    reasons.retain(|reason| {
        if NEVER_SET_ASIDE.contains(&reason.code.as_str()) {
            return true;
        }
        let all = subjects.iter();
        let found = all.filter_map(|subject| facts.excepted(&reason.code, subject, at)).min();
        used.extend(found.map(ToString::to_string));
        found.is_none()
    });
    used.sort();
    used.dedup();
    used
}

/// What an exception may name as its subject for this access.
fn subjects(context: &Context<'_>, access: &Access<'_>) -> Vec<String> {
    let mut subjects = Vec::new();
    if let Some((id, identity)) = context.identity {
        subjects.push(format!("identity:{id}"));
        subjects.push(format!("organization:{}", identity.organization));
    }
    subjects.extend(context.trust_path.map(|(id, _)| format!("trust_path:{id}")));
    subjects.extend(access.credential.map(|id| format!("credential:{id}")));
    if let Some(grant) = &context.grant {
        subjects.push(format!("grant:{}", grant.id));
        subjects.push(format!("entitlement:{}", grant.grant.entitlement));
    }
    subjects
}
