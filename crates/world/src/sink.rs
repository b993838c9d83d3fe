//! Where a world is written to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Takes a world piece by piece. A path is relative, with `/`; pieces of one path follow each other.
pub trait Sink {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
}

/// Writes into a folder.
#[derive(Debug)]
pub struct FolderSink {
    root: PathBuf,
}

impl FolderSink {
    /// The folder is made if need be; it must be empty, so that no world is appended to another.
    pub fn create(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        if fs::read_dir(root)?.next().is_some() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the folder is not empty; give one that is empty or does not exist",
            ));
        }
        Ok(Self { root: root.to_owned() })
    }
}

impl Sink for FolderSink {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.root.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().create(true).append(true).open(target)?.write_all(bytes)
    }
}

/// Keeps everything in memory, for tests and small worlds.
impl Sink for std::collections::BTreeMap<String, Vec<u8>> {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.entry(path.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }
}
