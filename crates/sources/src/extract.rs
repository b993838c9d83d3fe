//! From the slots of one record to its event.

use std::borrow::Cow;
use std::hash::Hasher;

use countersign_model::event::{Delegate, Event, EventKind, Link, Outcome, Principal};
use countersign_model::key::KeyKind;

use crate::compile::{Condition, Layer, LinkTake, PrincipalTake, Source};
use crate::take::{Slots, Take};
use crate::time;
use crate::transform::is_bearer;

/// What stands where a secret was.
const STRIPPED: &str = "[stripped]";

/// Why a record is no event, in words.
pub type Reason = String;

impl Source {
    /// The event of a record whose slots `detect` gave.
    ///
    /// # Errors
    /// The reason why the record cannot be used.
    pub fn event<'a>(&'a self, record: &'a str, slots: &Slots<'a>) -> Result<Event<'a>, Reason> {
        let content = content(record);
        let mut draft = Draft::new(self, slots);
        draft.lay(&self.base);
        for (when, layer) in &self.records {
            if when.iter().all(|condition| condition.holds(slots)) {
                draft.lay(layer);
            }
        }
        draft.event(content)
    }
}

/// The layers that apply to one record; of each single value the last one that says it counts.
struct Draft<'d, 's, 'a> {
    source: &'d Source,
    slots: &'s Slots<'a>,
    layers: [Option<&'d Layer>; LAYERS_MAX],
    count: usize,
}

/// More rules than this for one record are a mistake of its definition.
const LAYERS_MAX: usize = 8;

impl<'a, 's> Draft<'a, 's, 'a> {
    fn new(source: &'a Source, slots: &'s Slots<'a>) -> Self {
        Self { source, slots, layers: [None; LAYERS_MAX], count: 0 }
    }

    fn lay(&mut self, layer: &'a Layer) {
        if let Some(place) = self.layers.get_mut(self.count) {
            *place = Some(layer);
            self.count += 1;
        }
    }

    fn layers(&self) -> impl DoubleEndedIterator<Item = &'a Layer> + use<'a> {
        self.layers.into_iter().flatten()
    }

    /// The value that the last layer which names it gives.
    fn value(&self, of: fn(&Layer) -> Option<&Take>) -> Option<Cow<'a, str>> {
        self.layers().rev().find_map(of)?.value(self.slots)
    }

    fn shown(&self, of: fn(&Layer) -> Option<&Take>) -> Option<Cow<'a, str>> {
        self.value(of).map(without_bearer)
    }

    fn any(&self, of: fn(&Layer) -> Option<&Vec<Condition>>) -> bool {
        let conditions = self.layers().rev().find_map(of);
        conditions.is_some_and(|list| list.iter().any(|condition| condition.holds(self.slots)))
    }

    fn event(self, content: u64) -> Result<Event<'a>, Reason> {
        let time = self.value(|layer| layer.time.as_ref()).ok_or("the record has no time")?;
        let time = time::parse(&time).ok_or_else(|| "the time of the record cannot be read".to_owned())?;
        let id = self.value(|layer| layer.id.as_ref());
        let id = id.unwrap_or_else(|| Cow::Owned(format!("content-{content:016x}")));
        let outcome = if self.any(|layer| layer.failure.as_ref()) { Outcome::Failure } else { Outcome::Success };
        let principal = self.layers().rev().find_map(|layer| layer.principal.as_ref());
        let feed = match self.value(|layer| layer.feed.as_ref()) {
            Some(Cow::Borrowed(feed)) => feed,
            // A feed that had to be put together is none that a definition names.
            Some(Cow::Owned(_)) | None => "main",
        };
        Ok(Event {
            source: self.source.name,
            feed,
            id: without_bearer(id),
            time,
            resolution: self.source.resolution,
            kind: self.layers().rev().find_map(|layer| layer.kind).unwrap_or(EventKind::Action),
            tenant: self.value(|layer| layer.tenant.as_ref()).unwrap_or(Cow::Borrowed("")),
            outcome,
            action: self.shown(|layer| layer.action.as_ref()).unwrap_or(Cow::Borrowed("unknown")),
            resource: self.shown(|layer| layer.resource.as_ref()),
            privileged: self.any(|layer| layer.privileged.as_ref()),
            principal: principal.and_then(|take| self.principal(take)),
            delegation: self.delegation(),
            via: self.shown(|layer| layer.via.as_ref()),
            ip: self.shown(|layer| layer.ip.as_ref()),
            user_agent: self.shown(|layer| layer.user_agent.as_ref()),
            assurance: self.assurance(),
            links: self.links(),
            session_started: self.value(|layer| layer.session_started.as_ref()).and_then(|text| time::parse(&text)),
            shared_id: self.value(|layer| layer.shared_id.as_ref()),
            redacted: self.any(|layer| layer.redacted.as_ref()),
            content,
        })
    }

    fn principal(&self, take: &'a PrincipalTake) -> Option<Principal<'a>> {
        Some(Principal {
            value: without_bearer(take.value.value(self.slots)?),
            namespace: take.namespace.value(self.slots).unwrap_or(Cow::Borrowed("")),
            name: take.name.as_ref().and_then(|take| take.value(self.slots)).map(without_bearer),
            kind: take.kind(self.slots),
        })
    }

    fn delegation(&self) -> Vec<Delegate<'a>> {
        let forms = self.layers().flat_map(|layer| &layer.delegation);
        let holds = |when: &[Condition]| when.iter().all(|condition| condition.holds(self.slots));
        forms
            .filter(|form| holds(&form.when))
            .filter_map(|form| Some(Delegate { role: form.role, principal: self.principal(&form.principal)? }))
            .collect()
    }

    fn assurance(&self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let mut claims = Vec::new();
        for form in self.layers().flat_map(|layer| &layer.assurance) {
            if !form.when.iter().all(|condition| condition.holds(self.slots)) {
                continue;
            }
            for value in form.value.values(self.slots) {
                let claim = || Cow::Borrowed(form.claim.as_str());
                match &form.split {
                    Some(by) => claims.extend(
                        value.split(by.as_str()).map(str::trim).filter(|part| !part.is_empty())
                            .map(|part| (claim(), Cow::Owned(part.to_owned()))),
                    ),
                    None => claims.push((claim(), value)),
                }
            }
        }
        claims
    }

    fn links(&self) -> Vec<Link<'a>> {
        let from = self.layers().collect::<Vec<_>>();
        let from = from.iter().rposition(|layer| layer.drop_links).map_or(0, |at| at);
        let forms = self.layers().skip(from).flat_map(|layer| &layer.links);
        let mut links: Vec<Link<'a>> = Vec::with_capacity(4);
        let mut parents = Vec::new();
        for form in forms {
            if let Some(link) = self.link(form) {
                if let Some(parent) = form.parent {
                    parents.push((links.len(), parent));
                }
                links.push(link);
            }
        }
        for (at, (verb, rule)) in parents {
            let parent = links.iter().position(|link| link.verb == verb && link.rule.name == rule);
            if let Some(link) = links.get_mut(at) {
                link.parent = parent.and_then(|parent| u8::try_from(parent).ok()).filter(|parent| *parent != u8::MAX);
            }
        }
        links
    }

    fn link(&self, form: &'a LinkTake) -> Option<Link<'a>> {
        if !form.when.iter().all(|condition| condition.holds(self.slots)) {
            return None;
        }
        let value = form.value.value(self.slots)?;
        let value = match form.kind {
            // A token that stands in a log whole is kept as what cannot be used.
            _ if is_bearer(&value) => Cow::Owned(format!("jwt-{}", sha256(&value))),
            KeyKind::Token | KeyKind::Session | KeyKind::RootSession | KeyKind::Refresh
            | KeyKind::Credential | KeyKind::Assertion | KeyKind::Request | KeyKind::Transaction
            | KeyKind::Device | KeyKind::Certificate | KeyKind::Identity => value,
        };
        Some(Link {
            verb: form.verb,
            kind: form.kind,
            namespace: form.namespace.value(self.slots).unwrap_or(Cow::Borrowed("")),
            value,
            rule: form.rule,
            parent: None,
            until: form.until.as_ref().and_then(|take| take.value(self.slots)).and_then(|text| time::parse(&text)),
            root: form.root.as_ref().and_then(|take| self.principal(take)),
        })
    }
}

fn without_bearer(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.contains("eyJ") && value.split([' ', '=', '&', '?', '/', '"']).any(is_bearer) {
        return Cow::Borrowed(STRIPPED);
    }
    value
}

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A fingerprint that tells a repeated delivery from a changed one. It need not resist anybody: a
/// forged repetition can only hide itself.
fn content(record: &str) -> u64 {
    let mut hasher = Fingerprint(0x51_7c_c1_b7_27_22_0a_95);
    hasher.write(record.as_bytes());
    hasher.finish()
}

struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut mix = |word: u64| {
            let wide = u128::from(self.0 ^ word) * u128::from(MULTIPLIER);
            self.0 = (wide as u64) ^ ((wide >> 64) as u64) ^ MULTIPLIER;
        };
        mix(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            mix(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(words.remainder()) {
            *to = *from;
        }
        mix(u64::from_le_bytes(last));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
