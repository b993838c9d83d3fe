//! Why a verb did not happen.

use countersign_govern::bounds::Violation;
use countersign_journal::JournalError;
use countersign_ledger::entry::EntryError;
use countersign_register::Fault;
use countersign_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is none, or the caller may not know that there is one.
    #[error("there is no {noun} `{id}`")]
    NotFound { noun: String, id: String },
    #[error("a {role} may not {verb} this {noun}")]
    Forbidden { role: &'static str, verb: String, noun: String },
    #[error("sign in first, or give a token that has not ended")]
    Unauthenticated,
    #[error("the document has {} mistake(s)", .0.len())]
    Invalid(Vec<Fault>),
    /// The rules of the house, with a stable code; the text says what would work.
    #[error("{text}")]
    Refused { code: String, text: String },
    /// A request that cannot be granted: everything that stands in the way.
    #[error("{}", listed(.0))]
    Violations(Vec<Violation>),
    /// The version that the caller had read is not the newest.
    #[error("{noun} `{id}` was changed meanwhile; read it again, and decide again")]
    Stale { noun: String, id: String },
    #[error("{noun} `{id}` exists already; to change it, say which version you had read")]
    Exists { noun: String, id: String },
    #[error("this idempotency key was used for another request; take a new one")]
    KeyReused,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("its evidence could not be written: {0}")]
    Evidence(#[from] EntryError),
    #[error("what the store holds cannot be read: {0}")]
    Stored(String),
    /// A decision has no record, so it is none.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn listed(violations: &[Violation]) -> String {
    let one = |found: &Violation| format!("{}: {}", found.says, found.remedy);
    violations.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl AppError {
    pub(crate) fn not_found(noun: &str, id: &str) -> Self {
        Self::NotFound { noun: noun.to_owned(), id: id.to_owned() }
    }

    pub(crate) fn refused(code: &str, text: impl Into<String>) -> Self {
        Self::Refused { code: code.to_owned(), text: text.into() }
    }

    pub(crate) fn invalid(pointer: &str, message: impl Into<String>, fix: &str) -> Self {
        let (pointer, message) = (pointer.to_owned(), message.into());
        Self::Invalid(vec![Fault { pointer, message, fix: Some(fix.to_owned()) }])
    }

    /// Stable: clients may branch on it.
    pub fn code(&self) -> &str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Forbidden { .. } => "forbidden",
            Self::Unauthenticated => "unauthenticated",
            Self::Invalid(_) => "invalid",
            Self::Refused { code, .. } => code,
            Self::Violations(_) => "request.refused",
            Self::Stale { .. } => "stale",
            Self::Exists { .. } => "exists",
            Self::KeyReused => "idempotency_key_reused",
            Self::Store(_) | Self::Evidence(_) | Self::Stored(_) => "unavailable",
            Self::Journal(_) => "evidence.unavailable",
        }
    }
}
