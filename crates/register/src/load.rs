//! Reads the files of a register from disk.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use countersign_model::register::Register;

use crate::known::Known;
use crate::mistake::Mistake;
use crate::parse::parse_with;
use crate::yaml::FILE_BYTES_MAX;

/// A register is a few files a noun.
const FILES_MAX: usize = 10_000;
/// All files together; what is above it would be refused for its number of keys and values.
const BYTES_MAX: usize = 4 * FILE_BYTES_MAX;
/// Folders within folders.
const DEPTH_MAX: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("could not read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not UTF-8; save it as UTF-8", .0.display())]
    NotUtf8(PathBuf),
    #[error("`{}` is larger than {FILE_BYTES_MAX} bytes; split it into several files", .0.display())]
    TooLarge(PathBuf),
    #[error("the files of `{}` have more than {BYTES_MAX} bytes together", .0.display())]
    TooMuch(PathBuf),
    #[error("`{}` has no file that ends in .yaml or .yml", .0.display())]
    Empty(PathBuf),
    #[error("`{}` has more than {FILES_MAX} files, or folders more than {DEPTH_MAX} deep", .0.display())]
    TooMany(PathBuf),
}

/// A single file, or all `*.yaml` and `*.yml` of a folder and its folders in the order of their
/// paths. Symbolic links inside the folder are not followed.
pub fn load(path: &Path) -> Result<(Register, Vec<Mistake>), LoadError> {
    load_with(path, &Known::default())
}

/// As [`load`], and holds names of sources and codes against those there are.
pub fn load_with(path: &Path, known: &Known) -> Result<(Register, Vec<Mistake>), LoadError> {
    let mut paths = Vec::new();
    if fs::metadata(path).map_err(|source| read_error(path, source))?.is_dir() {
        list(path, 0, &mut paths).map_err(|error| match error {
            ListError::Read(path, source) => LoadError::Read { path, source },
            ListError::TooMany => LoadError::TooMany(path.to_owned()),
        })?;
        paths.sort();
        if paths.is_empty() {
            return Err(LoadError::Empty(path.to_owned()));
        }
    } else {
        paths.push(path.to_owned());
    }
    let mut files = Vec::new();
    let mut bytes = 0;
    for file in paths {
        let text = read(&file)?;
        bytes += text.len();
        if bytes > BYTES_MAX {
            return Err(LoadError::TooMuch(path.to_owned()));
        }
        files.push((file.display().to_string(), text));
    }
    Ok(parse_with(&files, known))
}

enum ListError {
    Read(PathBuf, io::Error),
    TooMany,
}

fn list(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), ListError> {
    if depth > DEPTH_MAX {
        return Err(ListError::TooMany);
    }
    let failed = |source| ListError::Read(folder.to_owned(), source);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // The type of the entry itself: a symbolic link is neither a file nor a folder here.
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if kind.is_dir() {
            list(&path, depth + 1, paths)?;
        } else if kind.is_file()
            && path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
        {
            if paths.len() >= FILES_MAX {
                return Err(ListError::TooMany);
            }
            paths.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, LoadError> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|source| read_error(path, source))?;
    let limit = u64::try_from(FILE_BYTES_MAX).expect("a limit of megabytes fits 64 bits") + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|source| read_error(path, source))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(LoadError::TooLarge(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| LoadError::NotUtf8(path.to_owned()))
}

fn read_error(path: &Path, source: io::Error) -> LoadError {
    LoadError::Read { path: path.to_owned(), source }
}
