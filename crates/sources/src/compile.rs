//! Definitions made ready: checked once, so that nothing can go wrong per record.

use std::path::Path;

use countersign_model::event::{DelegateRole, EventKind, LinkRule, PrincipalKind, Verb};
use countersign_model::grade::Grade;
use countersign_model::key::KeyKind;
use countersign_model::register::matches;
use countersign_model::time::Duration;

use crate::definition::{self, Definition, Fields, PrincipalForm, Proof};
use crate::scan::{Keys, Raw};
use crate::take::{Paths, Slots, Take};

/// The definitions that come with the program, in the order in which they are tried.
const SHIPPED: &[(&str, &str)] = include!("../definitions/list.in");

/// What is wrong inside a definition, and what would work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub what: String,
    pub fix: String,
}

impl Fault {
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }

    /// Line and column, from 1, of the word in backticks that it is about.
    fn place(&self, text: &str) -> (u64, u64) {
        let word = self.what.split('`').nth(1).filter(|word| !word.is_empty());
        let at = word.and_then(|word| text.find(word)).unwrap_or(0);
        let before = text.get(..at).unwrap_or("");
        let line = before.matches('\n').count() as u64 + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) as u64 + 1;
        (line, column)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("could not read `{file}`")]
    Io { file: String, source: std::io::Error },
    /// It is no YAML, or has a key that is not known, or lacks one.
    #[error("{file}:{line}:{column}: no source definition: {what}")]
    Form { file: String, line: u64, column: u64, what: String },
    /// A word in it means nothing. The place is that of the first such word.
    #[error("{file}:{line}:{column}: {what}; {fix}")]
    Fault { file: String, line: u64, column: u64, what: String, fix: String },
}

/// All definitions of a run.
#[derive(Debug)]
pub struct Definitions {
    pub all: Vec<Source>,
}

impl Definitions {
    /// The definitions that come with the program.
    ///
    /// # Errors
    /// None that a test would let pass.
    pub fn shipped() -> Result<Self, LoadError> {
        let mut definitions = Self { all: Vec::new() };
        for (file, text) in SHIPPED {
            definitions.add(file, text)?;
        }
        Ok(definitions)
    }

    /// Adds a definition of the user's own, to be tried before the others; one with a shipped name
    /// takes its place.
    ///
    /// # Errors
    /// `LoadError` with the file, the place and what would work.
    pub fn add_file(&mut self, path: &Path) -> Result<(), LoadError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| LoadError::Io { file: file.clone(), source })?;
        let before = self.all.len();
        self.add(&file, &text)?;
        if let Some(added) = self.all.pop().filter(|_| self.all.len() == before) {
            self.all.retain(|known| known.name != added.name);
            self.all.insert(0, added);
        }
        Ok(())
    }

    /// Adds a definition from its text, to be tried last.
    ///
    /// # Errors
    /// As `add_file`.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), LoadError> {
        let form = |error: serde_saphyr::Error| {
            let place = error.location();
            LoadError::Form {
                file: file.into(),
                line: place.map_or(1, |place| place.line()),
                column: place.map_or(1, |place| place.column()),
                what: error.without_snippet().to_string(),
            }
        };
        let definition: Definition = serde_saphyr::from_str(text).map_err(form)?;
        let source = Source::compile(&definition).map_err(|fault| {
            let (line, column) = fault.place(text);
            LoadError::Fault {
                file: file.to_owned(),
                line,
                column,
                what: fault.what,
                fix: fault.fix,
            }
        })?;
        self.all.push(source);
        Ok(())
    }
}

/// One definition, ready.
#[derive(Debug)]
pub struct Source {
    pub name: &'static str,
    pub title: String,
    pub proof: Proof,
    pub resolution: Duration,
    /// How late records come, and how far its clock may be off, if it is known.
    pub horizon: Option<Duration>,
    pub skew: Option<Duration>,
    pub privileged_means: String,
    pub envelopes: Vec<String>,
    pub csv_column: Option<String>,
    pub(crate) made_from: Option<Take>,
    /// Records that are no events: what they are, and by what they are known.
    beside: Vec<(String, Vec<Condition>)>,
    pub(crate) paths: Paths,
    detect: Vec<Condition>,
    pub(crate) base: Layer,
    pub(crate) records: Vec<(Vec<Condition>, Layer)>,
}

impl Source {
    fn compile(form: &Definition) -> Result<Self, Fault> {
        let mut paths = Paths::default();
        let detect = conditions(&form.detect, &mut paths)?;
        if detect.is_empty() {
            return Err(Fault::new(
                "`detect` is empty",
                "say by what a record of this source is known",
            ));
        }
        let made_from = optional(form.made_from.as_ref(), &mut paths)?;
        let beside = form
            .beside
            .iter()
            .map(|beside| Ok((beside.what.clone(), conditions(&beside.when, &mut paths)?)))
            .collect::<Result<_, Fault>>()?;
        let base = Layer::compile(&form.fields, &mut paths)?;
        let mut records = Vec::new();
        for record in &form.records {
            let when = conditions(&record.when, &mut paths)?;
            records.push((when, Layer::compile(&record.set, &mut paths)?));
        }
        Ok(Self {
            name: fixed(&form.name),
            title: form.title.clone(),
            proof: form.proof,
            resolution: duration(&form.resolution)?,
            horizon: form.horizon.as_deref().map(duration).transpose()?,
            skew: form.skew.as_deref().map(duration).transpose()?,
            privileged_means: form.privileged_means.clone(),
            envelopes: form.envelopes.clone(),
            csv_column: form.csv_column.clone(),
            made_from,
            beside,
            paths,
            detect,
            base,
            records,
        })
    }

    /// The slots of a record, if it is one of this source.
    pub(crate) fn detect<'a>(&self, record: &'a str, keys: Keys) -> Option<Vec<Option<Raw<'a>>>> {
        let slots = self.paths.read(record, keys).ok()?;
        self.detect.iter().all(|condition| condition.holds(&slots)).then_some(slots)
    }

    /// What a record that is no event is, if this source writes such beside its events.
    pub(crate) fn beside(&self, record: &str) -> Option<&str> {
        if self.beside.is_empty() {
            return None;
        }
        let slots = self.paths.read(record, Keys::AsWritten).ok()?;
        let holds = |when: &[Condition]| when.iter().all(|condition| condition.holds(&slots));
        self.beside.iter().find(|(_, when)| holds(when)).map(|(what, _)| what.as_str())
    }
}

/// Words of a definition live as long as the program: there are few, and every event refers to them.
fn fixed(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// What one set of fields says.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub id: Option<Take>,
    pub time: Option<Take>,
    pub feed: Option<Take>,
    pub kind: Option<EventKind>,
    pub tenant: Option<Take>,
    pub action: Option<Take>,
    pub resource: Option<Take>,
    pub ip: Option<Take>,
    pub user_agent: Option<Take>,
    pub via: Option<Take>,
    pub shared_id: Option<Take>,
    pub session_started: Option<Take>,
    pub failure: Option<Vec<Condition>>,
    pub success: Option<Vec<Condition>>,
    pub privileged: Option<Vec<Condition>>,
    pub redacted: Option<Vec<Condition>>,
    pub principal: Option<PrincipalTake>,
    pub links: Vec<LinkTake>,
    pub drop_links: bool,
    pub delegation: Vec<DelegateTake>,
    pub assurance: Vec<AssuranceTake>,
}

#[derive(Debug)]
pub(crate) struct PrincipalTake {
    pub namespace: Take,
    pub value: Take,
    pub name: Option<Take>,
    pub kind: Option<Take>,
}

#[derive(Debug)]
pub(crate) struct LinkTake {
    pub rule: LinkRule,
    pub verb: Verb,
    pub kind: KeyKind,
    pub namespace: Take,
    pub value: Take,
    pub until: Option<Take>,
    pub parent: Option<(Verb, &'static str)>,
    pub root: Option<PrincipalTake>,
    pub when: Vec<Condition>,
}

#[derive(Debug)]
pub(crate) struct DelegateTake {
    pub role: DelegateRole,
    pub principal: PrincipalTake,
    pub when: Vec<Condition>,
}

#[derive(Debug)]
pub(crate) struct AssuranceTake {
    pub claim: String,
    pub value: Take,
    pub split: Option<String>,
    pub when: Vec<Condition>,
}

#[derive(Debug)]
pub(crate) struct Condition {
    take: Take,
    is: Vec<String>,
    isnt: Vec<String>,
    prefix: Vec<String>,
    like: Vec<String>,
    exists: Option<bool>,
    asks_only_existence: bool,
}

impl Condition {
    pub fn holds(&self, slots: &Slots<'_>) -> bool {
        if self.exists.is_some_and(|exists| exists != self.take.is_there(slots)) {
            return false;
        }
        if self.asks_only_existence {
            return true;
        }
        let value = self.take.as_written(slots);
        let value = value.as_deref();
        let one_of =
            |list: &[String]| value.is_some_and(|value| list.iter().any(|one| one == value));
        (self.is.is_empty() || one_of(&self.is))
            && !one_of(&self.isnt)
            && (self.prefix.is_empty()
                || value.is_some_and(|value| {
                    self.prefix.iter().any(|head| value.starts_with(head.as_str()))
                }))
            && (self.like.is_empty()
                || value
                    .is_some_and(|value| self.like.iter().any(|pattern| matches(pattern, value))))
    }
}

fn conditions(forms: &[definition::Condition], paths: &mut Paths) -> Result<Vec<Condition>, Fault> {
    let one = |form: &definition::Condition| {
        let asks_only_existence = form.is.is_empty()
            && form.isnt.is_empty()
            && form.prefix.is_empty()
            && form.like.is_empty();
        if asks_only_existence && form.exists.is_none() {
            return Err(Fault::new(
                "a condition asks nothing",
                "add `is`, `isnt`, `prefix`, `like` or `exists`",
            ));
        }
        Ok(Condition {
            take: Take::compile(&form.path, paths)?,
            is: form.is.clone(),
            isnt: form.isnt.clone(),
            prefix: form.prefix.clone(),
            like: form.like.clone(),
            exists: form.exists,
            asks_only_existence,
        })
    };
    forms.iter().map(one).collect()
}

fn optional(form: Option<&definition::Take>, paths: &mut Paths) -> Result<Option<Take>, Fault> {
    form.map(|form| Take::compile(form, paths)).transpose()
}

fn optional_conditions(
    forms: Option<&Vec<definition::Condition>>,
    paths: &mut Paths,
) -> Result<Option<Vec<Condition>>, Fault> {
    forms.map(|forms| conditions(forms, paths)).transpose()
}

fn principal(form: &PrincipalForm, paths: &mut Paths) -> Result<PrincipalTake, Fault> {
    Ok(PrincipalTake {
        namespace: Take::compile(&form.namespace, paths)?,
        value: Take::compile(&form.value, paths)?,
        name: optional(form.name.as_ref(), paths)?,
        kind: optional(form.kind.as_ref(), paths)?,
    })
}

fn word<T>(text: &str, parsed: Option<T>, what: &str, all: &[&str]) -> Result<T, Fault> {
    parsed.ok_or_else(|| {
        Fault::new(format!("`{text}` is no {what}"), format!("one of {}", all.join(", ")))
    })
}

fn verb(text: &str) -> Result<Verb, Fault> {
    word(text, Verb::parse(text), "verb", &Verb::ALL.map(Verb::as_str))
}

impl Layer {
    fn compile(form: &Fields, paths: &mut Paths) -> Result<Self, Fault> {
        let kind = form.kind.as_deref().map(|text| {
            word(text, EventKind::parse(text), "event kind", &EventKind::ALL.map(EventKind::as_str))
        });
        let links = form.links.iter().map(|link| LinkTake::compile(link, paths));
        let links = links.collect::<Result<_, _>>()?;
        let delegation = form.delegation.iter().map(|form| {
            let role = word(
                &form.role,
                DelegateRole::parse(&form.role),
                "role",
                &DelegateRole::ALL.map(DelegateRole::as_str),
            )?;
            Ok(DelegateTake {
                role,
                principal: principal(&form.principal, paths)?,
                when: conditions(&form.when, paths)?,
            })
        });
        let delegation = delegation.collect::<Result<_, Fault>>()?;
        let assurance = form.assurance.iter().map(|form| {
            Ok(AssuranceTake {
                claim: form.claim.clone(),
                value: Take::compile(&form.value, paths)?,
                split: form.split.clone(),
                when: conditions(&form.when, paths)?,
            })
        });
        let assurance = assurance.collect::<Result<_, Fault>>()?;
        Ok(Self {
            id: optional(form.id.as_ref(), paths)?,
            time: optional(form.time.as_ref(), paths)?,
            feed: optional(form.feed.as_ref(), paths)?,
            kind: kind.transpose()?,
            tenant: optional(form.tenant.as_ref(), paths)?,
            action: optional(form.action.as_ref(), paths)?,
            resource: optional(form.resource.as_ref(), paths)?,
            ip: optional(form.ip.as_ref(), paths)?,
            user_agent: optional(form.user_agent.as_ref(), paths)?,
            via: optional(form.via.as_ref(), paths)?,
            shared_id: optional(form.shared_id.as_ref(), paths)?,
            session_started: optional(form.session_started.as_ref(), paths)?,
            failure: optional_conditions(form.failure.as_ref(), paths)?,
            success: optional_conditions(form.success.as_ref(), paths)?,
            privileged: optional_conditions(form.privileged.as_ref(), paths)?,
            redacted: optional_conditions(form.redacted.as_ref(), paths)?,
            principal: form.principal.as_ref().map(|form| principal(form, paths)).transpose()?,
            links,
            drop_links: form.drop_links,
            delegation,
            assurance,
        })
    }
}

impl LinkTake {
    fn compile(form: &definition::LinkForm, paths: &mut Paths) -> Result<Self, Fault> {
        let grade =
            word(&form.grade, Grade::parse(&form.grade), "grade", &Grade::ALL.map(Grade::as_str))?;
        let parent = match form.parent.as_deref().map(|text| text.split_once(' ').ok_or(text)) {
            None => None,
            Some(Ok((of, rule))) => Some((verb(of)?, fixed(rule))),
            Some(Err(text)) => {
                return Err(Fault::new(
                    format!("`{text}` names no link"),
                    "a verb and a rule, such as `uses session`",
                ));
            }
        };
        Ok(Self {
            rule: LinkRule {
                name: fixed(&form.rule),
                grade,
                window: form.window.as_deref().map(duration).transpose()?,
                recycled: form.recycled,
                long_lived: form.long_lived,
                closed_by: fixed(&form.closed_by),
            },
            verb: verb(&form.verb)?,
            kind: word(
                &form.kind,
                KeyKind::parse(&form.kind),
                "key kind",
                &KeyKind::ALL.map(KeyKind::as_str),
            )?,
            namespace: Take::compile(&form.namespace, paths)?,
            value: Take::compile(&form.value, paths)?,
            until: optional(form.until.as_ref(), paths)?,
            parent,
            root: form.root.as_ref().map(|form| principal(form, paths)).transpose()?,
            when: conditions(&form.when, paths)?,
        })
    }
}

/// `5m`, `1s`, `1ms`, `90d`, …
fn duration(text: &str) -> Result<Duration, Fault> {
    let fault = || {
        Fault::new(
            format!("`{text}` is no length of time"),
            "a number and ns, us, ms, s, m, h or d",
        )
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(fault)?;
    let unit: i64 = match unit {
        "ns" => 1,
        "us" => 1000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return Err(fault()),
    };
    let number: i64 = number.parse().map_err(|_| fault())?;
    number.checked_mul(unit).map(Duration).ok_or_else(fault)
}

impl PrincipalTake {
    pub fn kind(&self, slots: &Slots<'_>) -> PrincipalKind {
        let kind = self.kind.as_ref().and_then(|take| take.value(slots));
        kind.and_then(|text| PrincipalKind::parse(&text)).unwrap_or(PrincipalKind::Unknown)
    }
}

impl Source {
    /// Reads the paths of the definition and nothing else, for measuring. Whether it is JSON.
    pub fn scan(&self, record: &str) -> bool {
        self.paths.read(record, Keys::AsWritten).is_ok()
    }
}
