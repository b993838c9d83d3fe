//! Why the journal did not do something.

use std::io;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    #[error("could not {act} the journal's file `{file}`: {source}")]
    Io {
        act: &'static str,
        file: String,
        #[source]
        source: Arc<io::Error>,
    },
    #[error("another process writes the journal `{0}`; wait for it to end")]
    Locked(String),
    #[error(
        "the journal's file `{file}` is damaged at byte {offset}: {what}; records that were answered \
         stand at or after it. Put back the folder from a copy; or move it away, to keep what can be \
         read of it, and start with an empty one, which is another node's"
    )]
    Damaged { file: String, offset: u64, what: String },
    #[error(
        "the journal `{folder}` lacks records that were durable: {what}. Put back the newest copy of \
         the folder; or move it away and start with an empty one, which is another node's"
    )]
    Lost { folder: String, what: String },
    #[error("{0} records wait for the disk already; try again when it has caught up")]
    Busy(usize),
    #[error("a record of {bytes} bytes; one holds up to {bytes_max}")]
    TooLong { bytes: usize, bytes_max: usize },
    /// Nothing is promised of the records concerned: they may be there after the next start.
    #[error("the journal takes no records: {0}")]
    Unavailable(Arc<str>),
    #[error("the journal's reserve has no room for {0} bytes; what is in it must be shipped first")]
    ReserveFull(usize),
    #[error("record {seq} was released; the first one that is kept is {first}")]
    Released { seq: u64, first: u64 },
    #[error("{0}")]
    Options(&'static str),
}

impl JournalError {
    pub(crate) fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = path.display().to_string();
        move |source| Self::Io { act, file, source: Arc::new(source) }
    }

    /// No space is left, or no more of it for this user or file: it may come back.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if Self::is_full_kind(source.kind()))
    }

    pub(crate) fn is_full_kind(kind: io::ErrorKind) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
    }
}
