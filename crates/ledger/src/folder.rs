//! A ledger as a folder:
//!
//! ```text
//! checkpoint             the signed size and root; copy it elsewhere
//! checkpoint.cosigned    the last one that witnesses cosigned, if any did
//! tile/<level>/<index>   hashes
//! tile/entries/<index>   entries
//! batches/<root>         the rows of a batch entry
//! public.key             for `verify`
//! private.key            signs; mode 0600, and wrapped if there is a master key
//! rotations              which entries changed that key, if any did
//! handle.key             makes handles; the same
//! lock                   held by the one writer
//! ```

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::cosign::{CosignError, WitnessKey, merge};
use crate::disk::{Disk, Folder};
use crate::handles::Handles;
use crate::keys::{
    HANDLE, IfMissing, KeyError, create_next_signing_key, handle_key, next_signing_key,
    replace_signing_key, signing_key,
};
pub use crate::log::Appended;
use crate::log::rotate::take_over;
use crate::log::{CHECKPOINT, Log, LogError};
use crate::note::{NOTE_BYTES_MAX, PublicKey, SignedNote, SigningKey};
use crate::rotation::{self, Chain, Order};
use crate::verify::COSIGNED;
use crate::wrapped::KeyFiles;

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
    private: PathBuf,
    files: KeyFiles,
    keys: Chain,
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
        Self::open_by(folder, options, KeyFiles::default(), Log::open)
    }

    /// Opens a ledger for one sequencer, by whom each leaf has its place
    /// ([`Ledger::append_from`]). Time and memory do not grow with the ledger.
    pub fn open_in_order(folder: &Path, options: &OpenOptions<'_>) -> Result<Self, LedgerError> {
        Self::open_in_order_with(folder, options, KeyFiles::default())
    }

    /// The same, with keys that are perhaps wrapped; those that are not yet are, if there is a master
    /// key.
    pub fn open_in_order_with(
        folder: &Path,
        options: &OpenOptions<'_>,
        files: KeyFiles,
    ) -> Result<Self, LedgerError> {
        Self::open_by(folder, options, files, Log::open_in_order)
    }

    fn open_by(
        folder: &Path,
        options: &OpenOptions<'_>,
        files: KeyFiles,
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
        let key = signing_key(&files, private, options.origin, &options.signing_seed, if_missing)?;
        let mut disk = Folder::new(folder);
        let key = finish_rotation(&mut disk, &files, private, key)?;
        let beside = private.with_file_name("handle.key");
        files.take(&beside, HANDLE)?;
        let handles = Handles::new(&handle_key(&files, &beside, &options.handle_seed, if_missing)?);
        let other = || LedgerError::OtherPublicKey(folder.join(PUBLIC_KEY).display().to_string());
        let first = first_key(&mut disk, key.public()).map_err(io)?.ok_or_else(other)?;
        let log = open(Box::new(disk), key)?;
        let keys = rotation::read(&Folder::new(folder), first, log.signed().size);
        let keys = keys.ok().filter(|keys| keys.current() == log.key().public());
        let (folder, private) = (folder.to_owned(), private.to_owned());
        let keys = keys.ok_or_else(other)?;
        Ok(Self { folder, private, files, keys, log, handles, _lock: lock })
    }

    /// The handles of a ledger that another process writes to: the file of the key is enough.
    pub fn read_handles(folder: &Path) -> Result<Handles, LedgerError> {
        Self::read_handles_with(folder, &KeyFiles::default())
    }

    /// The same, with a key that is perhaps wrapped.
    pub fn read_handles_with(folder: &Path, files: &KeyFiles) -> Result<Handles, LedgerError> {
        let key = handle_key(files, &folder.join("handle.key"), &[0; 32], IfMissing::Refuse)?;
        Ok(Handles::new(&key))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The first key. Its text form is what `verify` needs.
    pub fn public_key(&self) -> &PublicKey {
        self.keys.first()
    }

    /// The key that signs now: the first one, or the last that [`Ledger::rotate`] put in its place.
    pub fn signing_key(&self) -> &PublicKey {
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
    /// Entries that changed the key are the ledger's own and take nobody's place.
    ///
    /// Those that are there already are compared and skipped, so that doing it again after a crash
    /// is harmless. Refused, with nothing added, if the ledger has fewer leaves than expected, more
    /// than the caller knows, or another one in a place.
    pub fn append_from<L: AsRef<[u8]>>(
        &mut self,
        expected_size: u64,
        leaves: &[L],
    ) -> Result<Appended, LedgerError> {
        let rotations: Vec<u64> = self.keys.indices().collect();
        Ok(self.log.append_from(expected_size, leaves, &rotations)?)
    }

    /// How many of the entries from `size` on changed the key: who counts the leaves it added itself
    /// finds so many more in the ledger.
    pub fn rotations_since(&self, size: u64) -> u64 {
        self.keys.indices().filter(|&index| index >= size).count() as u64
    }

    /// The entries of bundle `index`: 256 in each but the last; `None` beyond the signed tree.
    pub fn bundle(&self, index: u64) -> Result<Option<Vec<Vec<u8>>>, LedgerError> {
        Ok(self.log.bundle(index)?)
    }

    /// Lets a new key sign from now on, which an entry says that the old key signs. `seed` is 32 random
    /// bytes; if an earlier attempt was cut short, the key that it made is used.
    ///
    /// The old key is gone then. Witnesses must be told of the new one.
    pub fn rotate(&mut self, order: &Order<'_>, seed: [u8; 32]) -> Result<Appended, LedgerError> {
        let origin = self.log.key().public().name().to_owned();
        let new = match next_signing_key(&self.files, &self.private, &origin)? {
            Some(new) => new,
            None => create_next_signing_key(&self.files, &self.private, &origin, &seed)?,
        };
        let appended = self.log.rotate(new, order)?;
        replace_signing_key(&self.private)?;
        let first = self.keys.first().clone();
        let keys = rotation::read(&Folder::new(&self.folder), first, appended.tree_size);
        let damaged = |_| LedgerError::Log(LogError::Damaged(rotation::ROTATIONS.to_owned()));
        self.keys = keys.map_err(damaged)?;
        Ok(appended)
    }

    /// Begins to add leaves and rows. What is dropped without a commit stays in memory and goes
    /// with the next commit, or is lost with the process; it is never half signed.
    pub fn begin(&mut self) -> Append<'_> {
        Append { ledger: self }
    }
}

/// The handles of a ledger that has signed, from the secret key in its folder, for who looks for the
/// leaves of a name.
pub fn handles(folder: &Path) -> Result<Handles, KeyError> {
    let files = KeyFiles::default();
    let key = handle_key(&files, &folder.join("handle.key"), &[0; 32], IfMissing::Refuse)?;
    Ok(Handles::new(&key))
}

/// Keeps what witnesses answered to a request for a checkpoint of the ledger in `folder`: the note
/// goes to `checkpoint.cosigned`, with the cosignatures that are there already. `note` is the one
/// that was sent to them. Gives the size of the tree that is cosigned now.
///
/// A note for a shorter tree than the one that is cosigned already is not kept.
pub fn keep_cosigned(
    folder: &Path,
    note: &str,
    answer: &str,
    witnesses: &[WitnessKey],
) -> Result<u64, CosignError> {
    let mut disk = Folder::new(folder);
    let size_of = |note: &str| -> Result<u64, CosignError> {
        let text = SignedNote::parse(note)?.text;
        Ok(Checkpoint::parse(text).ok_or(CosignError::NotACheckpoint)?.size)
    };
    let io = |source: io::Error| CosignError::Io(source.kind());
    let kept = disk.read(COSIGNED, NOTE_BYTES_MAX).map_err(io)?;
    let kept = kept.and_then(|kept| String::from_utf8(kept).ok());
    let is_same = |kept: &&String| {
        let text = |note| SignedNote::parse(note).ok().map(|note| note.text.to_owned());
        text(kept) == text(note)
    };
    let base = kept.as_ref().filter(is_same).map_or(note, |kept| kept);
    let merged = merge(base, answer, witnesses)?;
    let size = size_of(&merged)?;
    if let Some(longer) = kept.as_deref().and_then(|kept| size_of(kept).ok())
        && longer > size
    {
        return Ok(longer);
    }
    let new = format!("{COSIGNED}.new");
    disk.write(&new, merged.as_bytes())
        .and_then(|()| disk.sync())
        .and_then(|()| disk.rename(&new, COSIGNED))
        .and_then(|()| disk.sync())
        .map_err(io)?;
    Ok(size)
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

/// A change of keys that a crash cut short is finished if the new key has signed; else the old key
/// goes on.
fn finish_rotation(
    disk: &mut Folder,
    files: &KeyFiles,
    private: &Path,
    key: SigningKey,
) -> Result<SigningKey, LedgerError> {
    let Some(next) = next_signing_key(files, private, key.public().name())? else { return Ok(key) };
    if !take_over(disk, next.public())? {
        return Ok(key);
    }
    replace_signing_key(private)?;
    Ok(next)
}

/// The key in `public.key`, which is written if there is none; `None` if it cannot be the first key of
/// this log.
fn first_key(disk: &mut Folder, key: &PublicKey) -> io::Result<Option<PublicKey>> {
    if let Some(bytes) = disk.read(PUBLIC_KEY, 4_096)? {
        let first = PublicKey::parse(&String::from_utf8_lossy(&bytes)).ok();
        return Ok(first.filter(|first| first.name() == key.name()));
    }
    let new = "public.key.new";
    disk.write(new, format!("{key}\n").as_bytes())?;
    disk.sync()?;
    disk.rename(new, PUBLIC_KEY)?;
    disk.sync()?;
    Ok(Some(key.clone()))
}

#[cfg(test)]
pub(crate) mod tests;
