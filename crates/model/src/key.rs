//! Linking keys: the values by which one record can be tied to another.

/// What sort of value a key holds. Two keys of different kinds never join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    Session,
    RootSession,
    Token,
    Refresh,
    Credential,
    Assertion,
    Request,
    Transaction,
    Device,
    Certificate,
    Identity,
}

impl KeyKind {
    pub const ALL: [Self; 11] = [
        Self::Session,
        Self::RootSession,
        Self::Token,
        Self::Refresh,
        Self::Credential,
        Self::Assertion,
        Self::Request,
        Self::Transaction,
        Self::Device,
        Self::Certificate,
        Self::Identity,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::RootSession => "root_session",
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::Credential => "credential",
            Self::Assertion => "assertion",
            Self::Request => "request",
            Self::Transaction => "transaction",
            Self::Device => "device",
            Self::Certificate => "certificate",
            Self::Identity => "identity",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
