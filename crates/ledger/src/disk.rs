//! The few things that a ledger does to its folder; tests put a disk that fails in its place.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// Paths are relative to the ledger's folder, with `/`.
pub(crate) trait Disk: Send {
    /// `None` if there is no such file. A file of more than `bytes_max` is an error, not read.
    fn read(&self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>>;

    /// Creates or replaces a file, and the folders above it. Not durable before [`Disk::sync`], and
    /// after a crash before it the file may have any content or be absent.
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything durable that was written or renamed before.
    fn sync(&mut self) -> io::Result<()>;

    /// After a crash the new name has all of the old file or all of the new one.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&mut self, path: &str) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Begun with the first write.
    syncing: Option<Syncing>,
    folders: BTreeSet<PathBuf>,
    known: BTreeSet<PathBuf>,
}

impl Folder {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            syncing: None,
            folders: BTreeSet::new(),
            known: BTreeSet::new(),
        }
    }
}

impl Disk for Folder {
    fn read(&self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        read_bounded(&self.root.join(path), bytes_max)
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(path);
        if let Some(folder) = path.parent()
            && !self.known.contains(folder)
        {
            fs::create_dir_all(folder)?;
            self.known.insert(folder.to_owned());
            // A new folder's own name is durable only with the folder above it.
            let above = folder.ancestors().take_while(|folder| folder.starts_with(&self.root));
            self.folders.extend(above.map(Path::to_owned));
        }
        let mut file = File::create(&path)?;
        file.write_all(bytes)?;
        self.folders.extend(path.parent().map(Path::to_owned));
        let syncing = match &mut self.syncing {
            Some(syncing) => syncing,
            none => none.insert(Syncing::begin()?),
        };
        syncing.add(file)
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some(syncing) = &mut self.syncing {
            syncing.finish()?;
        }
        for folder in std::mem::take(&mut self.folders) {
            sync_folder(&folder)?;
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        fs::rename(&from, &to)?;
        self.folders.extend(to.parent().map(Path::to_owned));
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }
}

/// A thread that makes files durable while the next ones are hashed: waiting for the disk costs
/// more than all else a ledger does.
#[derive(Debug)]
struct Syncing {
    files: SyncSender<File>,
    results: Receiver<io::Result<()>>,
    pending: usize,
}

/// Files that wait for the disk; each is an open file.
const WAITING_MAX: usize = 64;

impl Syncing {
    fn begin() -> io::Result<Self> {
        let (files, waiting) = mpsc::sync_channel::<File>(WAITING_MAX);
        let (done, results) = mpsc::channel();
        thread::Builder::new().name("ledger-sync".to_owned()).spawn(move || {
            for file in waiting {
                if done.send(file.sync_all()).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { files, results, pending: 0 })
    }

    fn add(&mut self, file: File) -> io::Result<()> {
        self.pending += 1;
        self.files.send(file).map_err(|_| gone())
    }

    /// Waits for all files; the first error, if one could not be made durable.
    fn finish(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        for _ in 0..std::mem::take(&mut self.pending) {
            let one = self.results.recv().unwrap_or_else(|_| Err(gone()));
            result = result.and(one);
        }
        result
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that syncs files has ended")
}

pub(crate) fn read_bounded(path: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than such a file can be"));
    }
    Ok(Some(bytes))
}

#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    // There names are durable with the file, and a folder cannot be opened.
    Ok(())
}
