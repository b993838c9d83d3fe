//! Shelves for what a run cannot hold in memory: files that nobody else sees.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_trace::shelf::{Shelf, Shelves};

/// Shelves in a folder. Their files are gone from it as soon as they are open, so that a run that is
/// killed leaves nothing behind: what they hold is made again from the run's segments.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    next: AtomicU64,
}

impl Scratch {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), next: AtomicU64::new(0) }
    }
}

impl Shelves for Scratch {
    fn shelf(&self) -> io::Result<Box<dyn Shelf>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("shelf-{number}.tmp"));
        // Whatever has the name is of a run that was killed just here.
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let file =
            OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path)?;
        fs::remove_file(&path)?;
        Ok(Box::new(OnDisk { file }))
    }
}

#[derive(Debug)]
struct OnDisk {
    file: File,
}

impl Shelf for OnDisk {
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, at)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use countersign_trace::shelf::Shelves;

    use super::Scratch;

    #[test]
    fn a_shelf_gives_back_what_it_took_and_leaves_nothing() {
        let folder =
            std::env::temp_dir().join(format!("countersign-scratch-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("shelf-0.tmp"), "left by a killed run").unwrap();
        let shelves = Scratch::new(&folder);
        let (one, two) = (shelves.shelf().unwrap(), shelves.shelf().unwrap());
        one.put(b"what was").unwrap();
        two.put(b"other").unwrap();
        one.put(b" put").unwrap();
        let mut bytes = [0; 7];
        one.read(5, &mut bytes).unwrap();
        assert_eq!(&bytes, b"was put");
        assert!(one.read(6, &mut bytes).is_err(), "there are not so many");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir(&folder).unwrap();
    }
}
