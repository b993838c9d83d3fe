//! Files as they are found in the wild: which there are, how they are packed, what is in them.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::text;

/// What bounds hostile input.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest record.
    pub record_bytes_max: usize,
    /// The most that one packed file may unpack to, and how many times its size.
    pub unpacked_bytes_max: u64,
    pub unpacked_ratio_max: u64,
    /// The largest document that is not one record a line: it must be held whole.
    pub document_bytes_max: usize,
    /// Plain files are read in pieces of about this size, so that two threads can share one.
    pub piece_bytes: u64,
    /// How deep folders may lie.
    pub folder_depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // CloudTrail's largest record is 256 KiB; M365 audit records of a megabyte exist.
            record_bytes_max: 16 << 20,
            unpacked_bytes_max: 64 << 30,
            // gzip reaches 1032:1 on zeros; logs reach 30:1.
            unpacked_ratio_max: 300,
            document_bytes_max: 1 << 30,
            piece_bytes: 16 << 20,
            folder_depth_max: 32,
        }
    }
}

/// A piece of input that one thread reads on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub path: PathBuf,
    /// Its place in the plan.
    pub number: u32,
    /// Bytes of a plain file of lines; the whole file otherwise.
    pub range: Option<(u64, u64)>,
    pub packing: Packing,
    pub shape: Shape,
}

impl Unit {
    /// A name that is the same on every run over the same files.
    pub fn name(&self) -> String {
        let (from, to) = self.range.unwrap_or((0, 0));
        format!("{}:{from}-{to}", self.path.display())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// How records lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One JSON value a line.
    Lines,
    /// JSON values of any layout, one after the other.
    Documents,
    Csv,
    /// `key="value", …` lines.
    Pairs,
}

impl Shape {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lines => "NDJSON",
            Self::Documents => "JSON",
            Self::Csv => "CSV",
            Self::Pairs => "key=\"value\" lines",
        }
    }
}

/// Everything to read, in a fixed order, and what could not be taken.
#[derive(Debug, Default)]
pub struct Plan {
    pub files: Vec<PathBuf>,
    pub units: Vec<Unit>,
    /// File and reason.
    pub skipped: Vec<(String, String)>,
    pub bytes: u64,
}

/// Finds every file under `paths`. Symbolic links are not followed. `-` is standard input.
pub fn plan(paths: &[PathBuf], limits: &Limits) -> Plan {
    let mut plan = Plan::default();
    for path in paths {
        if path.as_os_str() == "-" {
            plan.standard_input();
        } else {
            plan.walk(path, 0, limits);
        }
    }
    plan
}

impl Plan {
    fn standard_input(&mut self) {
        self.files.push(PathBuf::from("-"));
        let (packing, shape) = (Packing::Plain, Shape::Documents);
        self.unit(Unit { path: PathBuf::from("-"), number: 0, range: None, packing, shape });
    }

    fn unit(&mut self, unit: Unit) {
        let number = u32::try_from(self.units.len()).unwrap_or(u32::MAX);
        self.units.push(Unit { number, ..unit });
    }

    fn walk(&mut self, path: &Path, depth: usize, limits: &Limits) {
        let shown = path.display().to_string();
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.skipped.push((shown, error.to_string())),
        };
        if metadata.is_symlink() {
            return self.skipped.push((shown, "a symbolic link is not followed".into()));
        }
        if metadata.is_file() {
            return self.file(path, metadata.len(), limits);
        }
        if !metadata.is_dir() {
            return self.skipped.push((shown, "neither a file nor a folder".into()));
        }
        if depth > limits.folder_depth_max {
            return self.skipped.push((shown, "folders lie too deep".into()));
        }
        match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(mut entries) => {
                entries.sort_by_key(fs::DirEntry::file_name);
                for entry in entries {
                    self.walk(&entry.path(), depth + 1, limits);
                }
            }
            Err(error) => self.skipped.push((shown, error.to_string())),
        }
    }

    fn file(&mut self, path: &Path, length: u64, limits: &Limits) {
        let name =
            path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        const PAPERS: [&str; 6] =
            ["license", "license.txt", "notice", "notice.txt", "readme.md", ".ds_store"];
        if PAPERS.contains(&name.as_str()) || length == 0 {
            return;
        }
        if let Err(error) = self.pieces(path, length, limits) {
            self.skipped.push((path.display().to_string(), error.to_string()));
        }
    }

    fn pieces(&mut self, path: &Path, length: u64, limits: &Limits) -> io::Result<()> {
        let packing = packing_of(path)?;
        let shape = shape_of(path, packing)?;
        self.files.push(path.to_owned());
        self.bytes += length;
        let whole = Unit { path: path.to_owned(), number: 0, range: None, packing, shape };
        if packing != Packing::Plain || !matches!(shape, Shape::Lines | Shape::Pairs) {
            self.unit(whole);
            return Ok(());
        }
        let file = File::open(path)?;
        let mut from = 0;
        while from < length {
            let to = line_end(&file, from + limits.piece_bytes, length)?;
            self.unit(Unit { range: Some((from, to)), ..whole.clone() });
            from = to;
        }
        Ok(())
    }
}

/// The end of the line that a position lies in.
fn line_end(file: &File, mut at: u64, length: u64) -> io::Result<u64> {
    let mut block = [0; 8192];
    while at < length {
        let read = file.read_at(&mut block, at)?;
        let block = block.get(..read).unwrap_or(&[]);
        if let Some(newline) = memchr::memchr(b'\n', block) {
            return Ok(at + newline as u64 + 1);
        }
        if read == 0 {
            break;
        }
        at += read as u64;
    }
    Ok(length)
}

fn packing_of(path: &Path) -> io::Result<Packing> {
    let mut magic = [0; 4];
    let read = File::open(path)?.read(&mut magic)?;
    Ok(packing(magic.get(..read).unwrap_or(&[])))
}

pub(crate) fn packing(head: &[u8]) -> Packing {
    if head.starts_with(&[0x1F, 0x8B]) {
        Packing::Gzip
    } else if head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        Packing::Zstd
    } else {
        Packing::Plain
    }
}

/// A reader of what is in a file, unpacked.
pub(crate) fn open(path: &Path, packing: Packing) -> io::Result<Box<dyn BufRead>> {
    let file = File::open(path)?;
    unpack(file, packing)
}

pub(crate) fn unpack(input: impl Read + 'static, packing: Packing) -> io::Result<Box<dyn BufRead>> {
    const BUFFER: usize = 1 << 18;
    Ok(match packing {
        Packing::Plain => Box::new(BufReader::with_capacity(BUFFER, input)),
        Packing::Gzip => {
            Box::new(BufReader::with_capacity(BUFFER, flate2::read::MultiGzDecoder::new(input)))
        }
        Packing::Zstd => Box::new(BufReader::with_capacity(BUFFER, zstd::Decoder::new(input)?)),
    })
}

/// Whether a packed file broke off or is damaged, rather than the disk or a limit said no.
pub(crate) fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | InvalidData | InvalidInput)
}

fn shape_of(path: &Path, packing: Packing) -> io::Result<Shape> {
    const SAMPLE: u64 = 1 << 16;
    let mut sample = Vec::new();
    let read = open(path, packing)?.take(SAMPLE).read_to_end(&mut sample);
    let is_whole = match read {
        Ok(_) => (sample.len() as u64) < SAMPLE,
        Err(error) if is_cut(&error) && !sample.is_empty() => false,
        Err(error) => return Err(error),
    };
    shape(&sample, is_whole)
        .ok_or_else(|| io::Error::other("UTF-16 text is not read: convert it to UTF-8 first"))
}

/// How records lie in what begins with `sample`; `None` for UTF-16.
pub(crate) fn shape(sample: &[u8], is_whole: bool) -> Option<Shape> {
    if sample.starts_with(&[0xFF, 0xFE]) || sample.starts_with(&[0xFE, 0xFF]) {
        return None;
    }
    let sample = sample.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(sample).trim_ascii_start();
    let mut lines =
        sample.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let all = lines.clone();
    let first = lines.next().unwrap_or(b"");
    let more = lines.next().is_some();
    let complete = more || is_whole;
    Some(match first.first() {
        Some(b'{' | b'[') if !complete => Shape::Documents,
        Some(b'{') if more && is_json(first) => Shape::Lines,
        Some(b'{' | b'[') => Shape::Documents,
        // The log of a server: its events stand between lines that are none.
        _ => {
            let mut texts = all.filter_map(|line| std::str::from_utf8(line).ok());
            texts.find_map(text_shape).unwrap_or(Shape::Csv)
        }
    })
}

fn text_shape(line: &str) -> Option<Shape> {
    if text::is_pairs(line) {
        Some(Shape::Pairs)
    } else if text::is_prefixed(line) || (line.starts_with('{') && is_json(line.as_bytes())) {
        Some(Shape::Lines)
    } else {
        None
    }
}

fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}
