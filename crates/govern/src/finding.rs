//! Evidence gathered for findings, bounded per subject.

use std::collections::{BTreeMap, HashMap};

use countersign_model::finding::Finding;
use countersign_model::register::Register;
use countersign_model::time::Timestamp;

use crate::catalogue::Kind;

/// How many of the earliest events a finding cites.
const EVENTS_MAX: usize = 5;

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
    by_code: BTreeMap<&'static str, (&'static Kind, HashMap<Box<str>, Evidence>)>,
}

impl Evidences {
    pub fn of(&mut self, kind: &'static Kind, subject: &str) -> &mut Evidence {
        let (_, subjects) = self.by_code.entry(kind.code).or_insert_with(|| (kind, HashMap::new()));
        if !subjects.contains_key(subject) {
            subjects.insert(subject.into(), Evidence::default());
        }
        subjects.get_mut(subject).expect("it was put there above")
    }

    /// One more event of a subject, which nearly always is there already: it is looked up once.
    pub fn add(
        &mut self,
        kind: &'static Kind,
        subject: &str,
        (at, source, id): (Timestamp, &str, &str),
    ) {
        let known = self.by_code.get_mut(kind.code).and_then(|(_, all)| all.get_mut(subject));
        match known {
            Some(known) => known.add(at, source, id),
            None => self.of(kind, subject).add(at, source, id),
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (kind, subjects) in other.by_code.into_values() {
            for (subject, evidence) in subjects {
                self.of(kind, &subject).merge(evidence);
            }
        }
    }

    /// All findings, worst first, then by code and subject. `at` decides whether an exception holds.
    pub fn into_findings(self, register: &Register, at: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (kind, subjects) in self.by_code.into_values() {
            for (subject, evidence) in subjects {
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
        "identity" => register.identities.get(&id.into()).and_then(|known| known.name.clone()),
        "organization" => {
            register.organizations.get(&id.into()).and_then(|known| known.name.clone())
        }
        "tenant" => register.tenants.get(&id.into()).and_then(|known| known.name.clone()),
        _ => None,
    };
    match noun {
        "identity" | "organization" | "tenant" => name.unwrap_or_else(|| id.to_owned()),
        "feed" => id.to_owned(),
        _ => format!("{noun} {id}"),
    }
}

/// The same finding has the same id in every run: 64 bits of FNV-1a over code and subject, which
/// need not resist anybody, only stay the same.
fn id(code: &str, subject: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in code.bytes().chain([0]).chain(subject.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("fnd_{hash:016x}")
}
