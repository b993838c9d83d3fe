//! The folder of a run: its commit log, its segments, its lock and its secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::segment::Segment;

const LOG: &str = "progress.ndjson";
const LOCK: &str = "lock";
const SECRET: &str = "secret";
const SEGMENTS: &str = "segments";
const VERSION: u64 = 1;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("could not use `{path}`")]
    Io { path: String, source: io::Error },
    #[error("another run is using `{0}`: wait for it, or give another folder with --run")]
    Locked(String),
    #[error(
        "`{0}` already holds a run that did not finish: go on with --resume, or start it over with --restart"
    )]
    Unfinished(String),
    #[error("`{0}` holds no run to resume: leave out --resume")]
    NothingToResume(String),
    #[error(
        "the inputs or the register differ from those of the run in `{0}`: start it over with --restart"
    )]
    OtherInputs(String),
    #[error("`{file}` is damaged: start the run over with --restart")]
    Damaged { file: String },
    #[error("`{0}` was written by another version: start the run over with --restart")]
    OtherVersion(String),
}

impl RunError {
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }
}

/// How to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Refuse if a run there did not finish; replace one that did.
    Fresh,
    /// Go on with one that did not finish.
    Resume,
    /// Throw away whatever is there.
    Restart,
}

/// What a commit says was read: inputs by name, and the reader's own account of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Names of the units read whole.
    pub units: Vec<String>,
    /// Numbers of the segments that hold their rows.
    pub segments: Vec<u32>,
    /// Whatever the reader counts, given back on resume.
    pub account: Value,
}

#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    log: Mutex<File>,
    /// Held while the run lasts.
    _lock: File,
    pub secret: [u8; 16],
    /// What earlier sittings of this run committed.
    pub committed: Vec<Commit>,
    next_segment: Mutex<u32>,
}

impl RunFolder {
    /// Opens the run in `path`. `inputs` is a fingerprint of everything the answer depends on;
    /// `secret` keys the hashes of a run that begins here.
    ///
    /// # Errors
    /// See [`RunError`]; nothing of an existing run is touched then.
    pub fn open(
        path: &Path,
        begin: Begin,
        inputs: &str,
        secret: [u8; 16],
    ) -> Result<Self, RunError> {
        let segments = path.join(SEGMENTS);
        fs::create_dir_all(&segments).map_err(|source| RunError::io(&segments, source))?;
        let lock = lock(path)?;
        let earlier = read_log(&path.join(LOG))?;
        let shown = path.display().to_string();
        match (begin, &earlier) {
            (Begin::Resume, None) => return Err(RunError::NothingToResume(shown)),
            (Begin::Fresh, Some(log)) if !log.finished => return Err(RunError::Unfinished(shown)),
            (Begin::Resume, Some(log)) if log.version != VERSION => {
                return Err(RunError::OtherVersion(shown));
            }
            (Begin::Resume, Some(log)) if log.inputs != inputs => {
                return Err(RunError::OtherInputs(shown));
            }
            _ => {}
        }
        let resumed = if begin == Begin::Resume { earlier } else { None };
        let secret =
            if resumed.is_some() { read_secret(path)? } else { restart(path, inputs, secret)? };
        let committed = resumed.map(|log| log.commits).unwrap_or_default();
        let last = committed.iter().flat_map(|commit| &commit.segments).max();
        let next_segment = Mutex::new(last.map_or(0, |last| last + 1));
        let log_path = path.join(LOG);
        let log = OpenOptions::new().append(true).open(&log_path);
        let log = Mutex::new(log.map_err(|source| RunError::io(&log_path, source))?);
        Ok(Self { path: path.to_owned(), log, _lock: lock, secret, committed, next_segment })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number and a place for one more segment. It becomes part of the run by a commit.
    pub fn new_segment(&self) -> (u32, PathBuf) {
        let mut next = self.next_segment.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let number = *next;
        *next += 1;
        (number, self.segment_path(number))
    }

    pub fn segment_path(&self, number: u32) -> PathBuf {
        self.path.join(SEGMENTS).join(format!("{number:06}.rows"))
    }

    /// Makes segments that are on disk part of the run, durably.
    ///
    /// # Errors
    /// Any error of the file system: then nothing was committed.
    pub fn commit(&self, commit: &Commit) -> Result<(), RunError> {
        self.append(&json!({
            "units": commit.units, "segments": commit.segments, "account": commit.account,
        }))
    }

    /// Marks the run as done, so that a new one may take its place.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn finish(&self) -> Result<(), RunError> {
        self.append(&json!({ "finished": true }))
    }

    fn append(&self, line: &Value) -> Result<(), RunError> {
        let mut log = self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = format!("{line}\n");
        log.write_all(text.as_bytes())
            .and_then(|()| log.sync_data())
            .map_err(|source| RunError::io(&self.path.join(LOG), source))
    }

    /// Opens every committed segment, by number. `fixed` gives rule names their static form.
    ///
    /// # Errors
    /// See [`Segment::open`].
    pub fn segments(
        &self,
        numbers: &[u32],
        fixed: &mut dyn FnMut(&str) -> &'static str,
    ) -> Result<Vec<Segment>, RunError> {
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers.iter().map(|number| Segment::open(&self.segment_path(*number), fixed)).collect()
    }

    /// Writes a file of the run whole or not at all.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, RunError> {
        self.replace_with(name, &mut |file| file.write_all(bytes))
    }

    /// As [`Self::replace`], with what `write` writes.
    ///
    /// # Errors
    /// Any error of the file system and of `write`.
    pub fn replace_with(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<PathBuf, RunError> {
        let path = self.path.join(name);
        replace_file_with(&path, write).map_err(|source| RunError::io(&path, source))?;
        Ok(path)
    }
}

/// Writes `path` whole or not at all.
///
/// # Errors
/// Any error of the file system.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_file_with(path, &mut |file| file.write_all(bytes))
}

fn replace_file_with(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let mut out = BufWriter::new(File::create(&partial)?);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    fs::rename(&partial, path)?;
    crate::segment::sync_name(path)
}

fn lock(path: &Path) -> Result<File, RunError> {
    let at = path.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&at);
    let file = file.map_err(|source| RunError::io(&at, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(RunError::Locked(path.display().to_string())),
        Err(fs::TryLockError::Error(source)) => Err(RunError::io(&at, source)),
    }
}

/// Empties the folder of an earlier run and begins the log of a new one.
fn restart(path: &Path, inputs: &str, secret: [u8; 16]) -> Result<[u8; 16], RunError> {
    // First the log: a crash from here on leaves no run, rather than one whose segments are gone.
    let log = path.join(LOG);
    match fs::remove_file(&log) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(RunError::io(&log, source));
        }
        _ => {}
    }
    let segments = path.join(SEGMENTS);
    fs::remove_dir_all(&segments)
        .and_then(|()| fs::create_dir_all(&segments))
        .map_err(|source| RunError::io(&segments, source))?;
    let at = path.join(SECRET);
    let _ = fs::remove_file(&at);
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&at)
        .and_then(|mut file| file.write_all(&secret).and_then(|()| file.sync_data()))
        .map_err(|source| RunError::io(&at, source))?;
    let first = format!("{}\n", json!({ "version": VERSION, "inputs": inputs }));
    replace_file(&log, first.as_bytes()).map_err(|source| RunError::io(&log, source))?;
    Ok(secret)
}

fn read_secret(path: &Path) -> Result<[u8; 16], RunError> {
    let at = path.join(SECRET);
    let mut secret = [0; 16];
    File::open(&at)
        .and_then(|mut file| file.read_exact(&mut secret))
        .map_err(|source| RunError::io(&at, source))?;
    Ok(secret)
}

struct Log {
    version: u64,
    inputs: String,
    commits: Vec<Commit>,
    finished: bool,
}

/// The log as far as it is whole: a last line that was cut by a crash was never committed.
fn read_log(path: &Path) -> Result<Option<Log>, RunError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RunError::io(path, source)),
    };
    let mut log = Log { version: 0, inputs: String::new(), commits: Vec::new(), finished: false };
    let mut whole = 0_u64;
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    while reader.read_line(&mut line).map_err(|source| RunError::io(path, source))? > 0 {
        let Some(value) = line.strip_suffix('\n').and_then(|text| serde_json::from_str(text).ok())
        else {
            break;
        };
        whole += line.len() as u64;
        log.take(&value);
        line.clear();
    }
    // Cut what was half-written, so that the next line stands alone.
    let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(whole));
    cut.map_err(|source| RunError::io(path, source))?;
    Ok((whole > 0).then_some(log))
}

impl Log {
    fn take(&mut self, line: &Value) {
        if let Some(version) = line["version"].as_u64() {
            self.version = version;
            self.inputs = line["inputs"].as_str().unwrap_or_default().to_owned();
        } else if line["finished"] == true {
            self.finished = true;
        } else {
            let list = |name: &str| line[name].as_array().cloned().unwrap_or_default();
            self.commits.push(Commit {
                units: list("units").iter().filter_map(|u| u.as_str().map(str::to_owned)).collect(),
                segments: list("segments")
                    .iter()
                    .filter_map(|number| number.as_u64().and_then(|n| u32::try_from(n).ok()))
                    .collect(),
                account: line["account"].clone(),
            });
        }
    }
}
