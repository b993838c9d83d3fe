//! The few things that a ledger does to its folder; tests put a disk that fails in its place.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

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
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    known: BTreeSet<PathBuf>,
}

impl Folder {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            files: BTreeSet::new(),
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
        File::create(&path)?.write_all(bytes)?;
        self.folders.extend(path.parent().map(Path::to_owned));
        self.files.insert(path);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        for path in std::mem::take(&mut self.files) {
            fs::OpenOptions::new().write(true).open(path)?.sync_all()?;
        }
        for folder in std::mem::take(&mut self.folders) {
            sync_folder(&folder)?;
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.root.join(from), self.root.join(to));
        fs::rename(&from, &to)?;
        if self.files.remove(&from) {
            self.files.insert(to.clone());
        }
        self.folders.extend(to.parent().map(Path::to_owned));
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        let path = self.root.join(path);
        self.files.remove(&path);
        fs::remove_file(path)
    }
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
