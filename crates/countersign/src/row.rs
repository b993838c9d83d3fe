//! One line an action: the output for a SIEM. Its schema is `schema/row.schema.json`.
//!
//! What is not known, and what there is none of, is left out: it would be a quarter of all bytes.

use std::collections::HashMap;
use std::rc::Rc;

use countersign_model::assurance::Assurance;
use countersign_model::attribution::{Attribution, Party};
use countersign_model::judgement::Judgement;

use crate::json::Json;

/// Where the raw record lies.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    pub file: &'a str,
    pub line: u64,
}

/// Judgements whose text is remembered.
const JUDGEMENTS_MAX: usize = 1 << 13;

/// Writes rows, one for each thread. The same judgement is given of thousands of actions, so its
/// text is kept.
#[derive(Debug, Default)]
pub struct Writer {
    /// By where the judgement lies, which is kept so that no other can come to lie there.
    judgements: HashMap<*const Judgement, (Rc<Judgement>, Vec<u8>)>,
    party: Vec<u8>,
}

impl Writer {
    /// Appends the row and a newline.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        attribution: &Attribution<'_>,
        judgement: Option<&Rc<Judgement>>,
        raw: Raw<'_>,
    ) {
        let event = &attribution.event;
        let mut row = Json::object(out);
        row.time("time", event.time);
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
        let holder = &mut self.party;
        holder.clear();
        party(Json::object(holder), &attribution.holder);
        row.ready("holder", holder);
        // Mostly it is the holder who acts.
        if attribution.actor == attribution.holder {
            row.ready("actor", holder);
        } else {
            party(row.nested("actor"), &attribution.actor);
        }
        row.list("through", attribution.through, |list, hop| {
            let mut one = list.list_object();
            one.optional("identity", hop.identity);
            one.text("namespace", hop.account.0);
            one.text("value", hop.account.1);
            one.done();
        });
        row.optional("portal", attribution.portal);
        row.optional("credential", attribution.credential);
        row.optional("handle", attribution.handle);
        row.optional("via", event.via);
        row.optional("ip", event.ip);
        row.list("chain", attribution.chain, |list, hop| {
            let mut one = list.list_object();
            one.text("rule", hop.rule);
            one.text("grade", hop.grade.as_str());
            one.text("source", hop.source);
            one.text("event", hop.event);
            one.time("time", hop.time);
            one.done();
        });
        row.list("assurance", attribution.assurance, |list, (namespace, value)| {
            let mut pair = list.list_list();
            pair.list_text(namespace);
            pair.list_text(value);
            pair.done();
        });
        if let Some(at) = attribution.authenticated_at {
            row.time("authenticated_at", at);
        }
        row.texts("notes", attribution.notes.iter().map(|note| note.as_str()));
        row.number("deliveries", u64::from(attribution.deliveries));
        if let Some(judged) = judgement {
            row.ready("judgement", self.judgement(judged));
        }
        let mut place = row.nested("raw");
        place.text("file", raw.file);
        place.number("line", raw.line);
        place.done();
        row.done();
        out.push(b'\n');
    }

    fn judgement(&mut self, judged: &Rc<Judgement>) -> &[u8] {
        if self.judgements.len() >= JUDGEMENTS_MAX {
            self.judgements.clear();
        }
        let (_, text) = self.judgements.entry(Rc::as_ptr(judged)).or_insert_with(|| {
            let mut text = Vec::new();
            judgement_fields(Json::object(&mut text), judged);
            (Rc::clone(judged), text)
        });
        text
    }
}

fn party(mut out: Json<'_>, party: &Party<'_>) {
    out.optional("identity", party.identity);
    if let Some((namespace, value)) = party.account {
        let mut account = out.nested("account");
        account.text("namespace", namespace);
        account.text("value", value);
        account.done();
    }
    out.optional("name", party.name);
    out.text("kind", party.kind.as_str());
    out.text("grade", party.grade.as_str());
    out.text("rule", party.rule);
    out.optional("gap", party.gap.map(|gap| gap.as_str()));
    if party.candidates > 0 {
        out.number("candidates", u64::from(party.candidates));
    }
    out.optional("closed_by", party.feed);
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
    if let Some(required) = &judged.required {
        out.assurance("required", required);
    }
    if judged.accepted != Assurance::default() {
        out.assurance("accepted", &judged.accepted);
    }
    out.optional("accepted_by", judged.accepted_by.as_deref());
    out.list("reasons", &judged.reasons, |list, reason| {
        let mut one = list.list_object();
        one.text("code", &reason.code);
        one.text("outcome", reason.outcome.as_str());
        one.text("text", &reason.text);
        one.texts("controls", reason.controls.iter().map(AsRef::as_ref));
        one.done();
    });
    out.texts("exceptions", judged.exceptions.iter().map(String::as_str));
    out.done();
}
