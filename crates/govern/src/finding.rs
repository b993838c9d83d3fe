//! Evidence gathered for findings, bounded per subject.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_model::finding::Finding;
use countersign_model::register::Register;
use countersign_model::time::Timestamp;

use crate::catalogue::Kind;

/// How many of the earliest events a finding cites.
const EVENTS_MAX: usize = 5;

/// Subjects that only logs name are kept up to this many for each code, so that invented ones
/// cannot fill memory. What is beyond is one finding, about [`FURTHER`].
const SUBJECTS_MAX: usize = 100_000;

/// No account or tenant has this name: those of subjects begin with their noun.
const FURTHER: &str = "every further account";

/// What proves one finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    pub count: u64,
    pub last: Option<Timestamp>,
    /// The earliest, as (time, `source/id`), sorted.
    earliest: Vec<(Timestamp, Box<str>)>,
}

impl Evidence {
    pub fn add(&mut self, at: Timestamp, source: &str, id: &str) {
        self.count += 1;
        self.last = self.last.max(Some(at));
        let last = self.earliest.last();
        let full = self.earliest.len() == EVENTS_MAX;
        if full && last.is_some_and(|(last, _)| *last < at) {
            return;
        }
        self.insert((at, format!("{source}/{id}").into()));
    }

    fn insert(&mut self, event: (Timestamp, Box<str>)) {
        if let Err(place) = self.earliest.binary_search(&event) {
            self.earliest.insert(place, event);
            self.earliest.truncate(EVENTS_MAX);
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.last = self.last.max(other.last);
        for event in other.earliest {
            self.insert(event);
        }
    }

    fn first(&self) -> Option<Timestamp> {
        self.earliest.first().map(|(at, _)| *at)
    }
}

/// Evidence by code and subject.
#[derive(Debug, Clone, Default)]
pub struct Evidences {
    by_code: BTreeMap<&'static str, (&'static Kind, Subjects)>,
}

/// Of subjects that only logs name, those with the lowest hashes: which they are is no matter of
/// order or of threads, and of each that is left, everything is known.
#[derive(Debug, Clone, Default)]
struct Subjects {
    kept: HashMap<Box<str>, Evidence>,
    /// Those that logs name, by hash.
    named: BTreeSet<(u64, Box<str>)>,
    further: Evidence,
}

impl Subjects {
    fn of(&mut self, subject: &str, most: usize) -> &mut Evidence {
        if !self.kept.contains_key(subject) && !self.make_room(subject, most) {
            return &mut self.further;
        }
        self.kept.entry(subject.into()).or_default()
    }

    /// Whether there is room for one more subject; whoever has a higher hash leaves for it.
    fn make_room(&mut self, subject: &str, most: usize) -> bool {
        if !(subject.starts_with("account:") || subject.starts_with("tenant:")) {
            return true;
        }
        let place = (hash(subject.bytes()), Box::from(subject));
        if self.named.len() >= most {
            if self.named.last().is_none_or(|last| *last < place) {
                return false;
            }
            let leaves = self.named.pop_last().and_then(|(_, last)| self.kept.remove(&last));
            self.further.merge(leaves.unwrap_or_default());
        }
        self.named.insert(place);
        true
    }

    fn merge(&mut self, other: Self, most: usize) {
        self.further.merge(other.further);
        for (subject, evidence) in other.kept {
            self.of(&subject, most).merge(evidence);
        }
    }

    fn into_all(self) -> impl Iterator<Item = (Box<str>, Evidence)> {
        let further = Some((FURTHER.into(), self.further));
        self.kept.into_iter().chain(further.filter(|(_, evidence)| evidence.count > 0))
    }
}

impl Evidences {
    pub fn of(&mut self, kind: &'static Kind, subject: &str) -> &mut Evidence {
        let (_, subjects) =
            self.by_code.entry(kind.code).or_insert_with(|| (kind, Subjects::default()));
        subjects.of(subject, SUBJECTS_MAX)
    }

    /// One more event of a subject, which nearly always is there already: it is looked up once.
    pub fn add(
        &mut self,
        kind: &'static Kind,
        subject: &str,
        (at, source, id): (Timestamp, &str, &str),
    ) {
        let known = self.by_code.get_mut(kind.code).and_then(|(_, all)| all.kept.get_mut(subject));
        match known {
            Some(known) => known.add(at, source, id),
            None => self.of(kind, subject).add(at, source, id),
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (code, (kind, theirs)) in other.by_code {
            let (_, subjects) =
                self.by_code.entry(code).or_insert_with(|| (kind, Subjects::default()));
            subjects.merge(theirs, SUBJECTS_MAX);
        }
    }

    /// All findings, worst first, then by code and subject. `at` decides whether an exception holds.
    pub fn into_findings(self, register: &Register, at: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (kind, subjects) in self.by_code.into_values() {
            for (subject, evidence) in subjects.into_all() {
                findings.push(finding(kind, &subject, &evidence, register, at));
            }
        }
        findings.sort_by(|one, other| {
            other
                .severity
                .cmp(&one.severity)
                .then_with(|| one.code.cmp(other.code))
                .then_with(|| one.subject.cmp(&other.subject))
        });
        findings
    }
}

fn finding(
    kind: &Kind,
    subject: &str,
    evidence: &Evidence,
    register: &Register,
    at: Timestamp,
) -> Finding {
    Finding {
        id: id(kind.code, subject),
        code: kind.code,
        severity: kind.severity,
        subject: subject.to_owned(),
        title: format!("{} {}", named(subject, register), kind.says),
        remedy: kind.remedy.to_owned(),
        count: evidence.count,
        events: evidence.earliest.iter().map(|(_, event)| event.to_string()).collect(),
        first: evidence.first(),
        last: evidence.last,
        controls: kind.controls.iter().map(|control| (*control).to_owned()).collect(),
        accepted_by: accepted_by(kind.code, subject, register, at),
    }
}

/// The exception that accepts a finding at `at`: approved, begun and not ended, all known.
fn accepted_by(code: &str, subject: &str, register: &Register, at: Timestamp) -> Option<String> {
    register
        .exceptions
        .iter()
        .find(|(_, exception)| {
            exception.rule == code
                && exception.subject == subject
                && exception.approved_by.is_some()
                && exception.interval.contains(at) == Some(true)
        })
        .map(|(id, _)| id.to_string())
}

/// `identity:anna` as a person reads it.
fn named(subject: &str, register: &Register) -> String {
    let Some((noun, id)) = subject.split_once(':') else { return subject.to_owned() };
    let name = match noun {
        "identity" => register.identities.get(id).and_then(|known| known.name.clone()),
        "organization" => register.organizations.get(id).and_then(|known| known.name.clone()),
        "tenant" => register.tenants.get(id).and_then(|known| known.name.clone()),
        _ => None,
    };
    match noun {
        "identity" | "organization" | "tenant" => name.unwrap_or_else(|| id.to_owned()),
        "feed" => id.to_owned(),
        _ => format!("{noun} {id}"),
    }
}

/// The same finding has the same id in every run.
fn id(code: &str, subject: &str) -> String {
    format!("fnd_{:016x}", hash(code.bytes().chain([0]).chain(subject.bytes())))
}

/// 64 bits of FNV-1a, which need not resist anybody, only stay the same.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use countersign_model::time::Timestamp;

    use super::Subjects;

    /// However the events are spread over threads, the same subjects are kept with all their events.
    #[test]
    fn too_many_subjects_are_the_same_subjects_in_any_order() {
        let told = |thread: u64| thread.is_multiple_of(2);
        let mut whole = Subjects::default();
        let (mut even, mut odd) = (Subjects::default(), Subjects::default());
        for number in 0..1000_u64 {
            let subject = format!("account:app/{}", number * 7 % 300);
            let (at, id) = (Timestamp(number as i64), number.to_string());
            whole.of(&subject, 20).add(at, "s", &id);
            let part = if told(number / 3) { &mut even } else { &mut odd };
            part.of(&subject, 20).add(at, "s", &id);
        }
        whole.of("identity:anna", 20).add(Timestamp(1), "s", "anna");
        odd.of("identity:anna", 20).add(Timestamp(1), "s", "anna");
        even.merge(odd, 20);
        let all = |subjects: Subjects| subjects.into_all().collect::<BTreeMap<_, _>>();
        let (whole, parts) = (all(whole), all(even));
        assert_eq!(whole, parts);
        assert_eq!(whole.len(), 22, "twenty that logs name, Anna, and all others");
        assert_eq!(whole.values().map(|evidence| evidence.count).sum::<u64>(), 1001);
    }
}
