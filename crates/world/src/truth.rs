//! What really happened, and how much of it the emitted logs and register make knowable.

use serde_json::{Value, json};

use crate::time::{Millis, millis};

/// How sure the best possible tracer can be. The words are the product's; the type is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grade {
    Exact,
    Composite,
    Declared,
    Inferred,
    Unattributed,
}

impl Grade {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Composite => "composite",
            Self::Declared => "declared",
            Self::Inferred => "inferred",
            Self::Unattributed => "unattributed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Exact, Self::Composite, Self::Declared, Self::Inferred, Self::Unattributed]
            .into_iter()
            .find(|grade| grade.as_str() == text)
    }

    pub(crate) fn counts(self) -> bool {
        self <= Self::Declared
    }
}

/// Somebody, by register id if registered, and by one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) identity: Option<String>,
    pub(crate) account: (String, String),
}

impl Who {
    pub(crate) fn new(identity: &str, namespace: &str, value: &str) -> Self {
        Self {
            identity: Some(identity.to_owned()),
            account: (namespace.to_owned(), value.to_owned()),
        }
    }

    pub(crate) fn unregistered(namespace: &str, value: &str) -> Self {
        Self { identity: None, account: (namespace.to_owned(), value.to_owned()) }
    }

    fn json(&self) -> Value {
        json!({
            "identity": self.identity,
            "account": {"namespace": self.account.0, "value": self.account.1},
        })
    }
}

/// What one side of the question (holder or actor) can be known as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    As(Grade),
    /// The name of the gap, and how many candidates there are.
    Not(&'static str, u32),
}

impl Known {
    pub(crate) fn grade(self) -> Grade {
        match self {
            Self::As(grade) => grade,
            Self::Not(..) => Grade::Unattributed,
        }
    }

    /// After one more link of this grade: a chain is as sure as its weakest link.
    pub(crate) fn through(self, link: Grade) -> Self {
        match self {
            Self::As(grade) => Self::As(grade.max(link)),
            gap @ Self::Not(..) => gap,
        }
    }
}

/// The people behind a run of actions and what is knowable of them; stories pass it along and
/// weaken it as links are added or lost.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) root: Who,
    pub(crate) holder: Who,
    /// `None`: a thief, who has no place in the register.
    pub(crate) actor: Option<Who>,
    /// Behind a theft: whom the logs show as the one who acts.
    pub(crate) apparent: Option<Who>,
    pub(crate) holder_known: Known,
    pub(crate) actor_known: Known,
    pub(crate) why: String,
    pub(crate) links: Vec<&'static str>,
}

impl Case {
    /// One who acts by themselves and is known this well.
    pub(crate) fn of(who: Who, known: Known, why: &str) -> Self {
        Self {
            root: who.clone(),
            holder: who.clone(),
            actor: Some(who),
            apparent: None,
            holder_known: known,
            actor_known: known,
            why: why.to_owned(),
            links: Vec::new(),
        }
    }

    pub(crate) fn link(mut self, rule: &'static str, grade: Grade) -> Self {
        self.holder_known = self.holder_known.through(grade);
        self.actor_known = self.actor_known.through(grade);
        if !self.links.contains(&rule) {
            self.links.push(rule);
        }
        self
    }

    /// A needed record is not in the logs: from here on neither side can be known.
    pub(crate) fn broken(mut self, gap: &'static str, why: &str) -> Self {
        self.holder_known = Known::Not(gap, 0);
        self.actor_known = Known::Not(gap, 0);
        why.clone_into(&mut self.why);
        self
    }

    pub(crate) fn because(mut self, why: &str) -> Self {
        why.clone_into(&mut self.why);
        self
    }

    /// As [`Self::because`], unless a gap has already said why.
    pub(crate) fn because_known(self, why: &str) -> Self {
        match self.actor_known {
            Known::As(_) => self.because(why),
            Known::Not(..) => self,
        }
    }

    /// The same credential in a thief's hands: the holder stays, nobody registered acts.
    pub(crate) fn stolen(&self) -> Self {
        let mut case = self.clone();
        case.apparent = case.actor.take();
        case.actor_known = Known::Not("", 0);
        "A thief presents the holder's key from elsewhere; the logs show the holder only."
            .clone_into(&mut case.why);
        case
    }
}

/// Where the action is in the logs.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    pub(crate) source: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) event: &'a str,
    pub(crate) time: Millis,
}

/// One line of `truth.ndjson`, as `schema/truth.schema.json` says.
pub(crate) fn line(place: &Place<'_>, case: &Case, story: &str) -> String {
    let (gap, candidates) = match case.actor_known {
        Known::Not("", _) | Known::As(_) => (None, u32::from(case.actor.is_some())),
        Known::Not(gap, n) => (Some(gap), n),
    };
    let value = json!({
        "source": place.source,
        "tenant": place.tenant,
        "event": place.event,
        "time": millis(place.time),
        "story": story,
        "root": case.root.json(),
        "holder": case.holder.json(),
        "actor": case.actor.as_ref().map_or(Value::Null, Who::json),
        "stolen": case.actor.is_none(),
        "apparent": case.apparent.as_ref().map_or(Value::Null, Who::json),
        "best": {
            "holder_grade": case.holder_known.grade().as_str(),
            "actor_grade": case.actor_known.grade().as_str(),
            "gap": gap,
            "candidates": candidates,
        },
        "why": case.why,
        "links": case.links,
    });
    format!("{value}\n")
}
