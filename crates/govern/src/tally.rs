//! One answer after the other, counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_model::assurance::Assurance;
use countersign_model::attribution::{Attribution, Note, PrincipalClass};
use countersign_model::grade::{Gap, Grade};
use countersign_model::id::IdentityId;
use countersign_model::judgement::{Judgement, Outcome};
use countersign_model::register::{IdentityKind, Register};

use crate::catalogue::{
    self, ACTOR_AMBIGUOUS, CREDENTIAL_NO_ACTOR, CREDENTIAL_OFF_INSTANCE, SHARED_NO_ACTOR,
    USE_UNKNOWN,
};
use crate::finding::Evidences;

/// Places a credential is used from are told apart up to this many.
const PLACES_MAX: usize = 8;
/// Different gaps, rules and accounts are kept up to this many, so that invented ones cannot fill
/// memory; what is beyond is counted under [`OTHERS`].
const KEPT_MAX: usize = 10_000;
const OTHERS: &str = "others";
const UNREGISTERED: &str = "";

/// Actions by how sure it is who acted. The last six add up to `actions`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grades {
    pub actions: u64,
    pub exact: u64,
    pub composite: u64,
    pub declared: u64,
    pub inferred: u64,
    /// The holder of the credential is known, the actor is not.
    pub holder_only: u64,
    pub unattributed: u64,
    /// The same actions by the holder's grade, in the order of [`Grade::ALL`].
    pub holders: [u64; 5],
}

impl Grades {
    fn add(&mut self, attribution: &Attribution<'_>) {
        self.actions += 1;
        let holder = attribution.holder.grade;
        match attribution.actor.grade {
            Grade::Exact => self.exact += 1,
            Grade::Composite => self.composite += 1,
            Grade::Declared => self.declared += 1,
            Grade::Inferred => self.inferred += 1,
            Grade::Unattributed if holder.counts() => self.holder_only += 1,
            Grade::Unattributed => self.unattributed += 1,
        }
        if let Some(count) = self.holders.get_mut(holder as usize) {
            *count += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.actions += other.actions;
        self.exact += other.exact;
        self.composite += other.composite;
        self.declared += other.declared;
        self.inferred += other.inferred;
        self.holder_only += other.holder_only;
        self.unattributed += other.unattributed;
        for (mine, theirs) in self.holders.iter_mut().zip(other.holders) {
            *mine += theirs;
        }
    }
}

/// One way into one business process, as it was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    pub uses: u64,
    /// The lowest that was accepted on each axis over all uses.
    pub accepted: Option<Assurance>,
    pub required: Option<Assurance>,
    pub below: u64,
    pub lapsed: u64,
    pub unknown: u64,
    pub by_exception: u64,
}

impl Way {
    fn add(&mut self, judged: &Judgement) {
        self.uses += 1;
        let accepted =
            self.accepted.map_or(judged.accepted, |known| lowest(known, judged.accepted));
        self.accepted = Some(accepted);
        self.required = self.required.or(judged.required);
        let has =
            |prefix: &str| judged.reasons.iter().any(|reason| reason.code.starts_with(prefix));
        let is_unknown = |code: &str| code.starts_with("assurance.") && code.ends_with("unknown");
        self.lapsed += u64::from(has("trust_path.lapsed"));
        if judged.reasons.iter().any(|reason| is_unknown(&reason.code)) {
            self.unknown += 1;
        } else {
            self.below += u64::from(has("assurance."));
        }
        self.by_exception += u64::from(!judged.exceptions.is_empty());
    }

    fn merge(&mut self, other: &Self) {
        self.uses += other.uses;
        self.accepted = match (self.accepted, other.accepted) {
            (Some(one), Some(other)) => Some(lowest(one, other)),
            (one, other) => one.or(other),
        };
        self.required = self.required.or(other.required);
        self.below += other.below;
        self.lapsed += other.lapsed;
        self.unknown += other.unknown;
        self.by_exception += other.by_exception;
    }
}

fn lowest(one: Assurance, other: Assurance) -> Assurance {
    Assurance {
        ial: one.ial.min(other.ial),
        aal: one.aal.min(other.aal),
        fal: one.fal.min(other.fal),
        phishing_resistant: one.phishing_resistant.min(other.phishing_resistant),
        workload: one.workload.min(other.workload),
    }
}

/// How a credential or machine identity is used.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    pub count: u64,
    pub places: BTreeSet<Box<str>>,
    pub environments: BTreeSet<Box<str>>,
}

type Nested<V> = BTreeMap<Box<str>, BTreeMap<Box<str>, V>>;

/// Everything counted.
#[derive(Debug, Clone)]
pub struct Tally<'r> {
    register: &'r Register,
    organizations: HashMap<&'r str, &'r str>,
    /// Tenant, then organization; an empty organization is an unregistered account's.
    pub coverage: Nested<Grades>,
    pub classes: [u64; 4],
    pub not_privileged: u64,
    pub duplicates: u64,
    /// (rule, grade of the holder) to count.
    pub rules: BTreeMap<Box<str>, BTreeMap<Grade, u64>>,
    /// Source and tenant, then (gap, feed that would close it) to count.
    pub gaps: Nested<BTreeMap<Gap, u64>>,
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Reason code to (outcome, least text, count).
    pub reasons: BTreeMap<String, (Outcome, String, u64)>,
    /// Business process, then trust path.
    pub ways: Nested<Way>,
    pub grants_used: BTreeMap<Box<str>, u64>,
    pub usage: BTreeMap<Box<str>, Usage>,
    pub evidence: Evidences,
}

/// The value at a key, made if it is not there; looks up before it allocates.
fn at<'m, V: Default>(map: &'m mut BTreeMap<Box<str>, V>, key: &str) -> &'m mut V {
    let key = if map.len() >= KEPT_MAX && !map.contains_key(key) { OTHERS } else { key };
    if !map.contains_key(key) {
        map.insert(key.into(), V::default());
    }
    map.get_mut(key).unwrap_or_else(|| unreachable!("inserted above"))
}

/// Changes the value at a key, which nearly always is there already: it is looked up once.
fn change<V: Default>(map: &mut BTreeMap<Box<str>, V>, key: &str, change: impl FnOnce(&mut V)) {
    match map.get_mut(key) {
        Some(known) => change(known),
        None => change(at(map, key)),
    }
}

impl<'r> Tally<'r> {
    pub fn new(register: &'r Register) -> Self {
        let organization =
            |(id, identity): (&'r IdentityId, &'r countersign_model::register::Identity)| {
                (id.as_str(), identity.organization.as_str())
            };
        Self {
            register,
            organizations: register.identities.iter().map(organization).collect(),
            coverage: BTreeMap::new(),
            classes: [0; 4],
            not_privileged: 0,
            duplicates: 0,
            rules: BTreeMap::new(),
            gaps: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            reasons: BTreeMap::new(),
            ways: BTreeMap::new(),
            grants_used: BTreeMap::new(),
            usage: BTreeMap::new(),
            evidence: Evidences::default(),
        }
    }

    /// Takes one answer. A judgement is there if the action was privileged and the principal is not
    /// ours.
    pub fn observe(&mut self, attribution: &Attribution<'_>, judgement: Option<&Judgement>) {
        self.duplicates += u64::from(attribution.deliveries.saturating_sub(1));
        if let Some(count) = self.classes.get_mut(attribution.class as usize) {
            *count += 1;
        }
        if !attribution.class.is_judged() {
            return;
        }
        self.cover(attribution);
        self.not_privileged += u64::from(!attribution.event.privileged);
        self.use_of(attribution);
        self.notes(attribution);
        if let Some(judged) = judgement {
            self.judge(attribution, judged);
        }
    }

    fn cover(&mut self, attribution: &Attribution<'_>) {
        let party = [attribution.actor.identity, attribution.holder.identity];
        let organization = party
            .iter()
            .flatten()
            .find_map(|id| self.organizations.get(id).copied())
            .unwrap_or(UNREGISTERED);
        let event = &attribution.event;
        change(&mut self.coverage, event.tenant, |tenant| {
            change(tenant, organization, |grades| grades.add(attribution));
        });
        let holder = &attribution.holder;
        let rule = if holder.rule.is_empty() { "none" } else { holder.rule };
        change(&mut self.rules, rule, |grades| *grades.entry(holder.grade).or_default() += 1);
        if let Some(gap) = attribution.actor.gap {
            let feed = attribution.actor.feed.unwrap_or("");
            let gaps = at(at(&mut self.gaps, event.source), feed);
            *gaps.entry(gap).or_default() += 1;
            let kind = match gap {
                Gap::SharedAccount | Gap::SharedRoot => Some(&SHARED_NO_ACTOR),
                Gap::SharedCredential => Some(&CREDENTIAL_NO_ACTOR),
                Gap::Ambiguous => Some(&ACTOR_AMBIGUOUS),
                _ => None,
            };
            if let Some(kind) = kind {
                let event = (event.time, event.source, event.id);
                self.evidence.add(kind, &subject(attribution), event);
            }
        }
    }

    fn use_of(&mut self, attribution: &Attribution<'_>) {
        let machine = attribution.holder.identity.filter(|id| self.is_machine(id));
        let key = match (attribution.credential, machine) {
            (Some(credential), _) => format!("credential:{credential}"),
            (None, Some(identity)) => format!("identity:{identity}"),
            (None, None) => return,
        };
        let tenant = self.register.tenants.get(attribution.event.tenant);
        let environment = tenant.and_then(|tenant| tenant.environment.as_deref());
        let usage = at(&mut self.usage, &key);
        usage.count += 1;
        if let Some(ip) = attribution.event.ip.filter(|_| attribution.event.via.is_none())
            && (usage.places.len() < PLACES_MAX
                || usage.places.last().is_some_and(|last| **last > *ip))
        {
            usage.places.insert(ip.into());
            if usage.places.len() > PLACES_MAX {
                usage.places.pop_last();
            }
        }
        if let Some(environment) = environment {
            usage.environments.insert(environment.into());
        }
    }

    fn is_machine(&self, id: &str) -> bool {
        let known = self.register.identities.get(id);
        known.is_some_and(|identity| identity.kind != IdentityKind::Human)
    }

    fn notes(&mut self, attribution: &Attribution<'_>) {
        let event = &attribution.event;
        if attribution.notes.contains(&Note::OffInstance) {
            let event = (event.time, event.source, event.id);
            self.evidence.add(&CREDENTIAL_OFF_INSTANCE, &subject(attribution), event);
        }
    }

    fn judge(&mut self, attribution: &Attribution<'_>, judged: &Judgement) {
        *self.outcomes.entry(judged.outcome).or_default() += 1;
        let event = &attribution.event;
        let subject = subject(attribution);
        let mut found = Vec::new();
        for reason in &judged.reasons {
            let known = self.reasons.get_mut(&reason.code);
            match known {
                Some((_, text, count)) => {
                    *count += 1;
                    if reason.text < *text {
                        text.clone_from(&reason.text);
                    }
                }
                None => {
                    let first = (reason.outcome, reason.text.clone(), 1);
                    self.reasons.insert(reason.code.clone(), first);
                }
            }
            let kind = match reason.outcome {
                Outcome::Unknown => Some(&USE_UNKNOWN),
                _ => catalogue::of_reason(&reason.code),
            };
            // Several reasons may be evidence of one finding: the event counts once.
            if let Some(kind) = kind.filter(|kind| !found.contains(&kind.code)) {
                found.push(kind.code);
                self.evidence.add(kind, &subject, (event.time, event.source, event.id));
            }
        }
        if let Some(grant) = &judged.grant {
            *at(&mut self.grants_used, grant) += 1;
        }
        if let (Some(process), Some(path)) = (&judged.business_process, &judged.trust_path) {
            at(at(&mut self.ways, process), path).add(judged);
        }
    }

    /// Takes over what another tally counted of the same run.
    pub fn merge(&mut self, other: Self) {
        let nest = |into: &mut Nested<Grades>, from: Nested<Grades>| {
            for (outer, inner) in from {
                for (key, value) in inner {
                    at(at(into, &outer), &key).merge(&value);
                }
            }
        };
        nest(&mut self.coverage, other.coverage);
        for (mine, theirs) in self.classes.iter_mut().zip(other.classes) {
            *mine += theirs;
        }
        self.not_privileged += other.not_privileged;
        self.duplicates += other.duplicates;
        for (rule, grades) in other.rules {
            for (grade, count) in grades {
                *at(&mut self.rules, &rule).entry(grade).or_default() += count;
            }
        }
        for (source, feeds) in other.gaps {
            for (feed, gaps) in feeds {
                for (gap, count) in gaps {
                    *at(at(&mut self.gaps, &source), &feed).entry(gap).or_default() += count;
                }
            }
        }
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        for (code, (outcome, text, count)) in other.reasons {
            let known = self.reasons.entry(code).or_insert_with(|| (outcome, text.clone(), 0));
            known.1 = std::mem::take(&mut known.1).min(text);
            known.2 += count;
        }
        for (process, paths) in other.ways {
            for (path, way) in paths {
                at(at(&mut self.ways, &process), &path).merge(&way);
            }
        }
        for (grant, count) in other.grants_used {
            *at(&mut self.grants_used, &grant) += count;
        }
        for (key, usage) in other.usage {
            let mine = at(&mut self.usage, &key);
            mine.count += usage.count;
            mine.places.extend(usage.places);
            while mine.places.len() > PLACES_MAX {
                mine.places.pop_last();
            }
            mine.environments.extend(usage.environments);
        }
        self.evidence.merge(other.evidence);
    }

    pub fn register(&self) -> &'r Register {
        self.register
    }

    /// Answers of one class.
    pub fn of_class(&self, class: PrincipalClass) -> u64 {
        self.classes.get(class as usize).copied().unwrap_or(0)
    }
}

/// Whom a finding about a use is about: the registered identity, else the account. Of a person who
/// is only guessed nothing is found.
fn subject(attribution: &Attribution<'_>) -> String {
    let actor = Some(&attribution.actor).filter(|actor| actor.grade.counts());
    let parties = || actor.into_iter().chain([&attribution.holder]);
    if let Some(id) = parties().find_map(|party| party.identity) {
        return ["identity:", id].concat();
    }
    match parties().find_map(|party| party.account) {
        Some((namespace, value)) => ["account:", namespace, "/", value].concat(),
        None => format!("tenant:{}", attribution.event.tenant),
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::attribution::{Attribution, EventFacts, Party, PrincipalClass};
    use countersign_model::event::{EventKind, Outcome, PrincipalKind};
    use countersign_model::grade::{Gap, Grade};
    use countersign_model::time::Timestamp;

    #[test]
    fn a_finding_is_never_about_a_person_who_is_only_guessed() {
        let of = |actor: Grade| {
            let known = |id, grade| Party {
                identity: Some(id),
                kind: PrincipalKind::Human,
                grade,
                gap: None,
                ..Party::unattributed(Gap::SharedAccount)
            };
            let event = EventFacts {
                source: "nginx.access",
                feed: "main",
                id: "1",
                time: Timestamp::from_seconds(0),
                kind: EventKind::Action,
                tenant: "portal",
                outcome: Outcome::Success,
                action: "http:PUT",
                resource: None,
                privileged: true,
                via: None,
                ip: None,
                user_agent: None,
            };
            super::subject(&Attribution {
                event,
                class: PrincipalClass::External,
                holder: known("desk", Grade::Declared),
                actor: known("edie", actor),
                chain: &[],
                through: &[],
                portal: None,
                credential: None,
                handle: None,
                assurance: &[],
                authenticated_at: None,
                notes: &[],
                deliveries: 1,
            })
        };
        assert_eq!(of(Grade::Inferred), "identity:desk");
        assert_eq!(of(Grade::Composite), "identity:edie");
    }
}
