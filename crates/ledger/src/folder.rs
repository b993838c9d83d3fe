//! A ledger as a folder:
//!
//! ```text
//! checkpoint             the signed size and root; copy it elsewhere
//! tile/<level>/<index>   hashes
//! tile/entries/<index>   entries
//! batches/<root>         the rows of a batch entry
//! public.key             for `verify`
//! private.key            signs; mode 0600
//! handle.key             makes handles; mode 0600
//! lock                   held by the one writer
//! ```

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::disk::{Disk, Folder};
use crate::handles::Handles;
use crate::keys::{IfMissing, KeyError, handle_key, signing_key};
pub use crate::log::Appended;
use crate::log::{CHECKPOINT, Log, LogError};
use crate::note::{PublicKey, SigningKey};

pub(crate) const PUBLIC_KEY: &str = "public.key";

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("could not open the ledger's folder `{folder}`")]
    Folder {
        folder: String,
        #[source]
        source: io::Error,
    },
    #[error("another process writes to the ledger `{0}`; wait for it to end")]
    Locked(String),
    #[error("`{0}` is not the public key of the ledger's private key")]
    OtherPublicKey(String),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// How to open a ledger. The seeds are 32 random bytes each; they become keys if, and only if, the
/// ledger has none yet.
pub struct OpenOptions<'a> {
    /// Name of the log, such as `example.com/access`.
    pub origin: &'a str,
    /// Where the private key is; `private.key` in the folder if `None`. The handle key is beside it.
    pub private_key: Option<&'a Path>,
    pub signing_seed: [u8; 32],
    pub handle_seed: [u8; 32],
}

impl fmt::Debug for OpenOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenOptions({}, secret seeds)", self.origin)
    }
}

/// The one writer of a ledger's folder.
pub struct Ledger {
    folder: PathBuf,
    log: Log,
    handles: Handles,
    _lock: File,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger({}, {:?})", self.folder.display(), self.log.signed())
    }
}

impl Ledger {
    /// Opens a ledger that skips what it has already, as the runs of a trace need it: it remembers
    /// half of each leaf's hash.
    pub fn open_or_create(folder: &Path, options: &OpenOptions<'_>) -> Result<Self, LedgerError> {
        Self::open_by(folder, options, Log::open)
    }

    /// Opens a ledger for one sequencer, by whom each leaf has its place
    /// ([`Ledger::append_from`]). Time and memory do not grow with the ledger.
    pub fn open_in_order(folder: &Path, options: &OpenOptions<'_>) -> Result<Self, LedgerError> {
        Self::open_by(folder, options, Log::open_in_order)
    }

    fn open_by(
        folder: &Path,
        options: &OpenOptions<'_>,
        open: impl FnOnce(Box<dyn Disk>, SigningKey) -> Result<Log, LogError>,
    ) -> Result<Self, LedgerError> {
        let io = |source| LedgerError::Folder { folder: folder.display().to_string(), source };
        fs::create_dir_all(folder).map_err(io)?;
        let lock = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError::Locked(folder.display().to_string()));
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let has_signed = folder.join(CHECKPOINT).try_exists().map_err(io)?;
        let if_missing = if has_signed { IfMissing::Refuse } else { IfMissing::Create };
        let in_folder = folder.join("private.key");
        let private = options.private_key.unwrap_or(&in_folder);
        let key = signing_key(private, options.origin, &options.signing_seed, if_missing)?;
        let beside = private.with_file_name("handle.key");
        let handles = Handles::new(&handle_key(&beside, &options.handle_seed, if_missing)?);
        let mut disk = Folder::new(folder);
        write_public_key(&mut disk, key.public()).map_err(io)?.then_some(()).ok_or_else(|| {
            LedgerError::OtherPublicKey(folder.join(PUBLIC_KEY).display().to_string())
        })?;
        let log = open(Box::new(disk), key)?;
        Ok(Self { folder: folder.to_owned(), log, handles, _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its text form is what `verify` needs.
    pub fn public_key(&self) -> &PublicKey {
        self.log.key().public()
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        self.log.signed()
    }

    /// The signed note, to be kept elsewhere. Ed25519 signs the same text the same way each time.
    pub fn checkpoint_note(&self) -> String {
        self.log.signed().sign(self.log.key())
    }

    pub fn handles(&mut self) -> &mut Handles {
        &mut self.handles
    }

    /// Adds leaves and commits. A leaf that is there already is skipped.
    pub fn append<L: AsRef<[u8]>>(
        &mut self,
        leaves: impl IntoIterator<Item = L>,
    ) -> Result<Appended, LedgerError> {
        let mut append = self.begin();
        for leaf in leaves {
            append.leaf(leaf.as_ref())?;
        }
        append.commit()
    }

    /// Adds leaves whose places are `expected_size` and on, and commits; for a ledger opened in order.
    ///
    /// Those that are there already are compared and skipped, so that doing it again after a crash
    /// is harmless. Refused, with nothing added, if the ledger has fewer leaves than expected, more
    /// than the caller knows, or another one in a place.
    pub fn append_from<L: AsRef<[u8]>>(
        &mut self,
        expected_size: u64,
        leaves: &[L],
    ) -> Result<Appended, LedgerError> {
        Ok(self.log.append_from(expected_size, leaves)?)
    }

    /// Begins to add leaves and rows. What is dropped without a commit stays in memory and goes
    /// with the next commit, or is lost with the process; it is never half signed.
    pub fn begin(&mut self) -> Append<'_> {
        Append { ledger: self }
    }
}

#[derive(Debug)]
pub struct Append<'a> {
    ledger: &'a mut Ledger,
}

impl Append<'_> {
    pub fn handles(&mut self) -> &mut Handles {
        &mut self.ledger.handles
    }

    /// Adds a leaf of its own: a finding or a run.
    pub fn leaf(&mut self, leaf: &[u8]) -> Result<(), LedgerError> {
        Ok(self.ledger.log.push_leaf(leaf)?)
    }

    /// Adds an encoded [`crate::entry::Row`] to a batch. The same rows in the same order make the
    /// same batches, which are skipped if they are there already.
    pub fn row(&mut self, row: &[u8]) -> Result<(), LedgerError> {
        Ok(self.ledger.log.push_row(row)?)
    }

    pub fn commit(self) -> Result<Appended, LedgerError> {
        Ok(self.ledger.log.commit()?)
    }
}

/// `false` if another key's file is there.
fn write_public_key(disk: &mut Folder, key: &PublicKey) -> io::Result<bool> {
    let text = format!("{key}\n");
    match disk.read(PUBLIC_KEY, 4_096)? {
        Some(bytes) => Ok(bytes.trim_ascii() == text.trim().as_bytes()),
        None => {
            let new = "public.key.new";
            disk.write(new, text.as_bytes())?;
            disk.sync()?;
            disk.rename(new, PUBLIC_KEY)?;
            disk.sync()?;
            Ok(true)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
