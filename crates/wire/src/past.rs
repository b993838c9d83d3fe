//! Decisions that were made, as bodies.

use countersign_app::{Again, ChangedAnswer, Count, Explained, Report, Trial};
use serde_json::{Value as Json, json};

/// A decision as it was recorded, and made again.
pub fn explained(explained: &Explained) -> Json {
    let mut body = json!({
        "id": explained.id.to_string(),
        "record": explained.record,
        "count": explained.count,
        "seq": explained.seq,
        "reserve": explained.is_reserve,
    });
    match &explained.again {
        Again::Same => body["again"] = "same".into(),
        Again::Differs(remade) => {
            body["again"] = "differs".into();
            body["remade"] = remade.clone();
        }
        Again::Missing(missing) => {
            body["again"] = "missing".into();
            body["missing"] = json!(missing);
        }
    }
    body
}

/// What was decided of late.
pub fn report(report: &Report) -> Json {
    json!({
        "decisions": report.decisions,
        "allowed": report.allowed,
        "refused": report.refused,
        "would_be_refused": report.would_be_refused,
        "unattributed": report.unattributed,
        "reasons": report.by_reason.iter().map(count).collect::<Vec<_>>(),
        "since": report.since,
    })
}

fn count(count: &Count) -> Json {
    json!({
        "code": count.code, "decisions": count.decisions, "identities": count.identities,
        "actions": count.actions, "first": count.first, "last": count.last,
        "examples": count.examples,
    })
}

/// What policies would have changed.
pub fn trial(trial: &Trial) -> Json {
    json!({
        "tried": trial.tried,
        "left_out": trial.left_out,
        "changed": trial.changed,
        "shown": trial.shown.iter().map(changed).collect::<Vec<_>>(),
    })
}

fn changed(changed: &ChangedAnswer) -> Json {
    json!({
        "decision": changed.decision, "tenant": changed.tenant, "subject": changed.subject,
        "action": changed.action, "resource": changed.resource, "before": changed.before,
        "after": changed.after, "reasons": changed.reasons,
    })
}
