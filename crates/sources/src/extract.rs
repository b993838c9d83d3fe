//! From the slots of one record to its event.

use std::borrow::Cow;

use countersign_model::event::{Delegate, Event, EventKind, Link, Outcome, Principal, Verb};

use crate::compile::{Condition, Layer, LinkTake, PrincipalTake, Source};
use crate::secret::{is_bearer, without_bearer};
use crate::take::{Slots, Take};
use crate::time;

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

    fn layers(&self) -> impl DoubleEndedIterator<Item = &'a Layer> {
        self.layers.get(..self.count).unwrap_or(&[]).iter().filter_map(|layer| *layer)
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
        let time =
            time::parse(&time).ok_or_else(|| "the time of the record cannot be read".to_owned())?;
        let id = self.value(|layer| layer.id.as_ref());
        let id = id.unwrap_or_else(|| Cow::Owned(format!("content-{content:016x}")));
        let outcome = self.outcome();
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
            tenant: self.shown(|layer| layer.tenant.as_ref()).unwrap_or(Cow::Borrowed("")),
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
            links: self.links(outcome),
            session_started: self
                .value(|layer| layer.session_started.as_ref())
                .and_then(|text| time::parse(&text)),
            shared_id: self.shown(|layer| layer.shared_id.as_ref()),
            redacted: self.any(|layer| layer.redacted.as_ref()),
            content,
        })
    }

    fn principal(&self, take: &'a PrincipalTake) -> Option<Principal<'a>> {
        Some(Principal {
            value: without_bearer(take.value.value(self.slots)?),
            namespace: take.namespace.value(self.slots).map_or(Cow::Borrowed(""), without_bearer),
            name: take.name.as_ref().and_then(|take| take.value(self.slots)).map(without_bearer),
            kind: take.kind(self.slots),
        })
    }

    fn delegation(&self) -> Vec<Delegate<'a>> {
        let forms = self.layers().flat_map(|layer| &layer.delegation);
        let holds = |when: &[Condition]| when.iter().all(|condition| condition.holds(self.slots));
        forms
            .filter(|form| holds(&form.when))
            .filter_map(|form| {
                Some(Delegate { role: form.role, principal: self.principal(&form.principal)? })
            })
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
                        value
                            .split(by.as_str())
                            .map(str::trim)
                            .filter(|part| !part.is_empty())
                            .map(|part| (claim(), without_bearer(Cow::Owned(part.to_owned())))),
                    ),
                    None => claims.push((claim(), without_bearer(value))),
                }
            }
        }
        claims
    }

    fn outcome(&self) -> Outcome {
        if self.any(|layer| layer.failure.as_ref()) {
            return Outcome::Failure;
        }
        let says = self.layers().any(|layer| layer.success.is_some());
        if says && !self.any(|layer| layer.success.as_ref()) {
            Outcome::Unknown
        } else {
            Outcome::Success
        }
    }

    fn links(&self, outcome: Outcome) -> Vec<Link<'a>> {
        let laid = self.layers.get(..self.count).unwrap_or(&[]);
        let from =
            laid.iter().rposition(|layer| layer.is_some_and(|layer| layer.drop_links)).unwrap_or(0);
        // What failed brought nothing into being and ended nothing, whatever its record repeats.
        let counts = |form: &&LinkTake| outcome != Outcome::Failure || form.verb == Verb::Uses;
        let forms = self.layers().skip(from).flat_map(|layer| &layer.links).filter(counts);
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
                link.parent = parent
                    .and_then(|parent| u8::try_from(parent).ok())
                    .filter(|parent| *parent != u8::MAX);
            }
        }
        links
    }

    fn link(&self, form: &'a LinkTake) -> Option<Link<'a>> {
        if !form.when.iter().all(|condition| condition.holds(self.slots)) {
            return None;
        }
        let value = form.value.value(self.slots)?;
        // A token that stands in a log whole is kept as what cannot be used.
        let value = if is_bearer(&value) {
            Cow::Owned(format!("jwt-{}", sha256(&value)))
        } else {
            without_bearer(value)
        };
        Some(Link {
            verb: form.verb,
            kind: form.kind,
            namespace: form.namespace.value(self.slots).map_or(Cow::Borrowed(""), without_bearer),
            value,
            rule: form.rule,
            parent: None,
            until: form
                .until
                .as_ref()
                .and_then(|take| take.value(self.slots))
                .and_then(|text| time::parse(&text)),
            root: form.root.as_ref().and_then(|take| self.principal(take)),
        })
    }
}

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A fingerprint that tells a repeated delivery from a changed one. It need not resist anybody: a
/// forged repetition can only hide itself. Four lanes, because one would wait for itself.
fn content(record: &str) -> u64 {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    const START: [u64; 4] = [
        0x517C_C1B7_2722_0A95,
        0x2545_F491_4F6C_DD1D,
        0xD6E8_FEB8_6659_FD93,
        0xA076_1D64_78BD_642F,
    ];
    let mix = |state: u64, word: u64| {
        let wide = u128::from(state ^ word) * u128::from(MULTIPLIER);
        (wide as u64) ^ ((wide >> 64) as u64) ^ MULTIPLIER
    };
    let (blocks, rest) = record.as_bytes().as_chunks::<32>();
    let mut lanes = START;
    let absorb = |lanes: &mut [u64; 4], block: &[u8; 32]| {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = mix(*lane, u64::from_le_bytes(*word));
        }
    };
    for block in blocks {
        absorb(&mut lanes, block);
    }
    let mut last = [0; 32];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    absorb(&mut lanes, &last);
    lanes.into_iter().fold(record.len() as u64, mix)
}

#[cfg(test)]
mod tests {
    use super::content;

    #[test]
    fn one_changed_byte_anywhere_changes_the_fingerprint() {
        for length in [1, 7, 8, 31, 32, 33, 100] {
            let text = "a".repeat(length);
            for at in 0..length {
                let changed = format!("{}b{}", &text[..at], &text[at + 1..]);
                assert_ne!(content(&text), content(&changed), "{length} {at}");
            }
            assert_ne!(content(&text), content(&format!("{text}\0")));
        }
    }
}
