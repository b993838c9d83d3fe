//! The bodies of answers.

use countersign_app::{Caller, Changed, Delivery, Made, Page, Plan, Template, View};
use countersign_model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::cursor;

/// An item.
pub fn item(view: &View) -> Json {
    let mut body = json!({
        "noun": view.noun,
        "id": view.id,
        "revision": view.rev,
        "state": view.state,
        "organization": view.organization,
        "sponsor": view.sponsor,
        "document": view.document,
        "process": view.process,
    });
    if let Some(used) = &view.used {
        let text = |micros: i64| countersign_register::time_text(Timestamp(micros * 1_000));
        body["used"] = json!({
            "first": text(used.first), "last": text(used.last), "count": used.count,
        });
    }
    body
}

/// Items and where to go on.
pub fn page(page: &Page) -> Json {
    json!({
        "items": page.items.iter().map(item).collect::<Vec<_>>(),
        "next": page.next.as_deref().map(cursor::of_id),
    })
}

/// What was or would be done.
pub fn plan(plan: &Plan) -> Json {
    let steps: Vec<Json> = plan
        .steps
        .iter()
        .map(|step| json!({"verb": step.verb, "noun": step.noun, "id": step.id, "keys": step.keys}))
        .collect();
    json!({"steps": steps, "unchanged": plan.unchanged})
}

/// A secret, shown this once.
pub fn made(made: &Made) -> Json {
    json!({"secret": made.secret, "ends": countersign_register::time_text(made.ends)})
}

/// A template, as whoever fills it in needs it.
pub fn template(template: &Template) -> Json {
    let questions = template.questions.iter().map(|asked| {
        json!({
            "key": asked.key, "kind": asked.kind, "ask": asked.ask, "optional": asked.is_optional,
        })
    });
    json!({
        "id": template.id, "title": template.title, "about": template.about,
        "questions": questions.collect::<Vec<_>>(),
    })
}

/// Items that were made together.
pub fn items(views: &[View]) -> Json {
    json!({"items": views.iter().map(item).collect::<Vec<_>>()})
}

/// An invitation with its secret, shown this once.
pub fn invited(secret: &Made, view: &View) -> Json {
    let mut body = made(secret);
    body["invitation"] = item(view);
    body
}

/// A message to a subscription.
pub fn delivery(delivery: &Delivery) -> Json {
    let time =
        |micros: i64| countersign_register::time_text(Timestamp(micros.saturating_mul(1_000)));
    let state = match (delivery.sent, delivery.next_at) {
        (Some(_), _) => "sent",
        (None, Some(_)) => "waiting",
        (None, None) => "given_up",
    };
    json!({
        "id": delivery.id,
        "state": state,
        "at": time(delivery.at),
        "tries": delivery.tries,
        "next_try": delivery.next_at.map(time),
        "sent": delivery.sent.map(time),
        "error": delivery.last_error,
    })
}

pub fn caller(caller: &Caller) -> Json {
    json!({
        "principal": caller.principal,
        "role": caller.role.as_str(),
        "organization": caller.organization,
        "sponsor": caller.sponsor,
        "tenant": caller.tenant,
    })
}

/// An act.
pub fn change(change: &Changed) -> Json {
    let id: String = change.id.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "change": id,
        "revision": change.cursor.seq,
        "at": countersign_register::time_text(Timestamp(change.at.saturating_mul(1_000))),
        "by": change.by,
        "verb": change.verb,
        "noun": change.noun,
        "id": change.item,
        "why": change.why,
    })
}
