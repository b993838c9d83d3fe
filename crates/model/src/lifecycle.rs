//! The life of each noun: which verb leads from which state to which, as data.
//!
//! A state is stored; what time alone does to it is not. [`shown`] derives that from the facts and
//! an instant, so nothing depends on a worker having been awake. Derived states ([`State::Due`],
//! [`State::Lapsed`], [`State::Expired`], [`State::Scheduled`]) stand in the tables as well: whoever
//! sees one asks [`next`] with it and learns what would work from there.

use std::error::Error;
use std::fmt;

use crate::time::Timestamp;

mod shown;
mod tables;

pub use shown::{Lives, Stored, shown, stored_for};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of])* $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Stable: it is stored, sent and put into evidence.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What has a life.
    Noun {
        Organization = "organization",
        TrustPath = "trust_path",
        Identity = "identity",
        Credential = "credential",
        Grant = "grant",
        Exception = "exception",
        Sponsor = "sponsor",
    }
}

words! {
    /// Where an item stands. One list for all nouns; [`Noun::states`] says which are whose.
    State {
        Proposed = "proposed",
        Active = "active",
        Suspended = "suspended",
        Ended = "ended",
        Accepted = "accepted",
        /// Derived: it must be revalidated or rotated soon.
        Due = "due",
        /// Derived: it was not revalidated in time, and counts for the floor only.
        Lapsed = "lapsed",
        Retired = "retired",
        Issued = "issued",
        /// Succeeded by another; it works on until its overlap ends.
        Rotated = "rotated",
        Revoked = "revoked",
        Requested = "requested",
        /// By the first of those who must; enough where one is needed.
        Approved = "approved",
        /// By the second of two.
        Countersigned = "countersigned",
        Refused = "refused",
        Withdrawn = "withdrawn",
        /// Derived: in order, and not begun yet.
        Scheduled = "scheduled",
        /// Derived: its end has passed.
        Expired = "expired",
        Asked = "asked",
        Employed = "employed",
        /// The succession clock runs; everything they sponsored goes on.
        Left = "left",
        /// Of what they sponsored, high and critical risk has stopped.
        Reduced = "reduced",
        /// All they sponsored has stopped.
        Stopped = "stopped",
        /// Another sponsor has taken over.
        Succeeded = "succeeded",
    }
}

words! {
    /// What somebody does to an item.
    Verb {
        Propose = "propose",
        Accept = "accept",
        Suspend = "suspend",
        Resume = "resume",
        End = "end",
        Revalidate = "revalidate",
        Retire = "retire",
        Issue = "issue",
        Rotate = "rotate",
        Revoke = "revoke",
        Request = "request",
        Approve = "approve",
        Countersign = "countersign",
        Activate = "activate",
        Refuse = "refuse",
        Withdraw = "withdraw",
        /// Access at once; two people look at it afterwards.
        BreakGlass = "break_glass",
        Ask = "ask",
        Arrive = "arrive",
        Leave = "leave",
        /// They are employed again, or the departure was a mistake.
        Return = "return",
        Reduce = "reduce",
        Stop = "stop",
    }
}

impl Noun {
    /// The states its items can be in, stored or derived, in the order of a life.
    pub fn states(self) -> &'static [State] {
        tables::of(self).states
    }

    /// The verbs that do anything to its items, those that begin one first.
    pub fn verbs(self) -> Vec<Verb> {
        let table = tables::of(self);
        let begins = table.begins.iter().map(|(verb, _)| *verb);
        let steps = table.steps.iter().map(|(_, verb, _)| *verb);
        let mut verbs = Vec::new();
        for verb in begins.chain(steps) {
            if !verbs.contains(&verb) {
                verbs.push(verb);
            }
        }
        verbs
    }

    /// The verbs that work from `state`.
    pub fn works(self, state: State) -> Vec<Verb> {
        let steps = tables::of(self).steps.iter();
        steps.filter(|(from, ..)| *from == state).map(|(_, verb, _)| *verb).collect()
    }

    /// Whether nothing leads on from `state`.
    pub fn is_over(self, state: State) -> bool {
        self.states().contains(&state) && self.works(state).is_empty()
    }
}

/// The state in which a new item begins by `verb`.
///
/// # Errors
/// [`Refused`] if the noun does not begin so, with the verbs by which it does.
pub fn begin(noun: Noun, verb: Verb) -> Result<State, Refused> {
    let begins = tables::of(noun).begins;
    let found = begins.iter().find(|(known, _)| *known == verb);
    found.map(|(_, state)| *state).ok_or_else(|| Refused {
        noun,
        state: None,
        verb,
        works: begins.iter().map(|(verb, _)| *verb).collect(),
    })
}

/// The state to which `verb` leads from `state`, which may be stored or derived. Of an item at an
/// instant, ask [`act`].
///
/// # Errors
/// [`Refused`] with the verbs that work from there.
pub fn next(noun: Noun, state: State, verb: Verb) -> Result<State, Refused> {
    let mut steps = tables::of(noun).steps.iter();
    let found = steps.find(|(from, by, _)| *from == state && *by == verb);
    found.map(|(.., to)| *to).ok_or_else(|| Refused {
        noun,
        state: Some(state),
        verb,
        works: noun.works(state),
    })
}

/// The state to be stored when `verb` is done to an item at `at`: asked of the state in which it is
/// shown then, so that what has expired cannot be suspended, nor what lapsed be taken for valid.
///
/// # Errors
/// [`Refused`] with the verbs that work from the shown state.
pub fn act<T: Lives>(item: &T, stored: State, verb: Verb, at: Timestamp) -> Result<State, Refused> {
    next(T::NOUN, shown(item, stored, at), verb)
}

/// A verb that does not work there, and those that would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub noun: Noun,
    /// `None`: the item does not exist yet.
    pub state: Option<State>,
    pub verb: Verb,
    pub works: Vec<Verb>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = self.noun.as_str().replace('_', " ");
        let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        match self.state {
            Some(state) => {
                write!(f, "`{}` does not work on {article} {noun} that is {state}", self.verb)?;
            }
            None => write!(f, "{article} {noun} does not begin with `{}`", self.verb)?,
        }
        match self.works.split_last() {
            None => f.write_str("; nothing leads on from there"),
            Some((last, [])) => write!(f, "; `{last}` would"),
            Some((last, rest)) => {
                let rest: Vec<String> = rest.iter().map(|verb| format!("`{verb}`")).collect();
                write!(f, "; {} or `{last}` would", rest.join(", "))
            }
        }
    }
}

impl Error for Refused {}
