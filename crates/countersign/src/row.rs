//! One line an action: the output for a SIEM. Its schema is `schema/row.schema.json`.

use countersign_model::attribution::{Attribution, Party};
use countersign_model::judgement::Judgement;

use crate::json::Json;

/// Where the raw record lies.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    pub file: &'a str,
    pub line: u64,
}

/// Appends the row and a newline.
pub fn write(
    out: &mut Vec<u8>,
    attribution: &Attribution<'_>,
    judgement: Option<&Judgement>,
    raw: Raw<'_>,
) {
    let event = &attribution.event;
    let mut row = Json::object(out);
    row.time("time", Some(event.time));
    row.text("source", event.source);
    row.text("feed", event.feed);
    row.text("tenant", event.tenant);
    row.text("event", event.id);
    row.text("kind", event.kind.as_str());
    row.text("action", event.action);
    row.optional("resource", event.resource);
    row.text("outcome", event.outcome.as_str());
    row.flag("privileged", event.privileged);
    row.text("class", attribution.class.as_str());
    party(row.nested("holder"), &attribution.holder);
    party(row.nested("actor"), &attribution.actor);
    let mut through = row.list("through");
    for hop in attribution.through {
        let mut one = through.list_object();
        one.optional("identity", hop.identity);
        one.text("namespace", hop.account.0);
        one.text("value", hop.account.1);
        one.done();
    }
    through.done();
    row.optional("portal", attribution.portal);
    row.optional("credential", attribution.credential);
    row.optional("handle", attribution.handle);
    row.optional("via", event.via);
    row.optional("ip", event.ip);
    chain(row.list("chain"), attribution);
    let mut assurance = row.list("assurance");
    for (namespace, value) in attribution.assurance {
        let mut pair = assurance.list_list();
        pair.list_text(namespace);
        pair.list_text(value);
        pair.done();
    }
    assurance.done();
    row.time("authenticated_at", attribution.authenticated_at);
    let mut notes = row.list("notes");
    for note in attribution.notes {
        notes.list_text(note.as_str());
    }
    notes.done();
    row.number("deliveries", u64::from(attribution.deliveries));
    match judgement {
        Some(judged) => judgement_fields(row.nested("judgement"), judged),
        None => row.null("judgement"),
    }
    let mut place = row.nested("raw");
    place.text("file", raw.file);
    place.number("line", raw.line);
    place.done();
    row.done();
    out.push(b'\n');
}

fn party(mut out: Json<'_>, party: &Party<'_>) {
    out.optional("identity", party.identity);
    match party.account {
        Some((namespace, value)) => {
            let mut account = out.nested("account");
            account.text("namespace", namespace);
            account.text("value", value);
            account.done();
        }
        None => out.null("account"),
    }
    out.optional("name", party.name);
    out.text("kind", party.kind.as_str());
    out.text("grade", party.grade.as_str());
    out.text("rule", party.rule);
    out.optional("gap", party.gap.map(|gap| gap.as_str()));
    out.number("candidates", u64::from(party.candidates));
    out.optional("closed_by", party.feed);
    out.done();
}

fn chain(mut out: Json<'_>, attribution: &Attribution<'_>) {
    for hop in attribution.chain {
        let mut one = out.list_object();
        one.text("rule", hop.rule);
        one.text("grade", hop.grade.as_str());
        one.text("source", hop.source);
        one.text("event", hop.event);
        one.time("time", Some(hop.time));
        one.done();
    }
    out.done();
}

fn judgement_fields(mut out: Json<'_>, judged: &Judgement) {
    out.text("outcome", judged.outcome.as_str());
    out.optional("organization", judged.organization.as_deref());
    out.optional("trust_path", judged.trust_path.as_deref());
    out.optional("grant", judged.grant.as_deref());
    out.end_time("grant_until", judged.grant_until);
    out.optional("entitlement", judged.entitlement.as_deref());
    out.optional("business_process", judged.business_process.as_deref());
    out.optional("sponsor", judged.sponsor.as_deref());
    match &judged.required {
        Some(required) => out.assurance("required", required),
        None => out.null("required"),
    }
    out.assurance("accepted", &judged.accepted);
    out.optional("accepted_by", judged.accepted_by.as_deref());
    let mut reasons = out.list("reasons");
    for reason in &judged.reasons {
        let mut one = reasons.list_object();
        one.text("code", &reason.code);
        one.text("outcome", reason.outcome.as_str());
        one.text("text", &reason.text);
        let mut controls = one.list("controls");
        for control in &reason.controls {
            controls.list_text(control);
        }
        controls.done();
        one.done();
    }
    reasons.done();
    let mut exceptions = out.list("exceptions");
    for exception in &judged.exceptions {
        exceptions.list_text(exception);
    }
    exceptions.done();
    out.done();
}
