//! Going through the records of one unit.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek};
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use countersign_model::event::Event;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::compile::Definitions;
use crate::input::{self, Limits, Packing, Shape, Unit};
use crate::record::{self, Outcome};
use crate::text;

/// Files of lines are read by so much at a time.
const PIECE_BLOCK_BYTES: usize = 256 << 10;

/// Where a record lies: its line in the unit, from 1, or its number in a file that is not one record
/// a line. The line in the file is known when the units before are read: see [`ReadStats::lines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub unit: u32,
    pub line: u64,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    pub place: Place,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadStats {
    pub records: u64,
    pub quarantined: u64,
    /// What is no event, and known to be none.
    pub beside: u64,
    pub bytes: u64,
    /// Lines of a piece of a file.
    pub lines: u64,
}

impl ReadStats {
    fn all(&self) -> u64 {
        self.records + self.quarantined + self.beside
    }
}

/// Which definition knew the last record: the next one is most likely its kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recent {
    pub source: usize,
    /// Whether its keys were in other case.
    pub is_folded: bool,
}

/// Whoever takes the records of a unit.
pub trait Visitor {
    fn event(&mut self, event: &Event<'_>, place: Place);
    fn quarantine(&mut self, quarantined: Quarantined);
    /// A record or a line that is no event, and known to be none: `what` such are, in the plural.
    fn beside(&mut self, _what: &str) {}
}

impl Unit {
    /// Gives every record of the unit to `visitor`. A record that cannot be read does not stop it.
    ///
    /// # Errors
    /// Errors of the file system, and limits that the whole unit breaks.
    pub fn read(
        &self,
        definitions: &Definitions,
        limits: &Limits,
        visitor: &mut dyn Visitor,
    ) -> io::Result<ReadStats> {
        let mut reading = Reading::new(definitions, limits, visitor, self.number);
        if let Some((from, to)) = self.range {
            reading.piece(self, from, to)?;
            return Ok(reading.stats);
        }
        let (mut input, shape) = self.open(limits)?;
        reading.whole(&mut *input, shape)?;
        Ok(reading.stats)
    }

    fn open(&self, limits: &Limits) -> io::Result<(Box<dyn BufRead>, Shape)> {
        if self.path.as_os_str() != "-" {
            let packed = std::fs::metadata(&self.path)?.len();
            let most = limits
                .unpacked_bytes_max
                .min(packed.saturating_mul(limits.unpacked_ratio_max).max(1 << 20));
            let input = input::open(&self.path, self.packing)?;
            return Ok((Box::new(Limited { inner: input, left: most }), self.shape));
        }
        // Standard input cannot be looked at twice: its beginning tells packing and shape.
        let mut head = Vec::new();
        io::stdin().lock().take(1 << 16).read_to_end(&mut head)?;
        let packing = input::packing(&head);
        let whole = io::Cursor::new(head).chain(io::stdin());
        opened(whole, packing, limits.unpacked_bytes_max)
    }
}

/// Gives every record in what a file held to `visitor`, as [`Unit::read`] does for a file.
///
/// # Errors
/// Limits that the whole of it breaks, and a packing that breaks off.
pub fn read_bytes(
    bytes: Vec<u8>,
    definitions: &Definitions,
    limits: &Limits,
    visitor: &mut dyn Visitor,
) -> io::Result<ReadStats> {
    let mut reading = Reading::new(definitions, limits, visitor, 0);
    let packing = input::packing(&bytes);
    let most = (bytes.len() as u64).saturating_mul(limits.unpacked_ratio_max).max(1 << 20);
    let (mut input, shape) =
        opened(io::Cursor::new(bytes), packing, most.min(limits.unpacked_bytes_max))?;
    reading.whole(&mut *input, shape)?;
    Ok(reading.stats)
}

/// What is in an input whose shape its beginning tells.
fn opened(
    whole: impl Read + 'static,
    packing: Packing,
    most: u64,
) -> io::Result<(Box<dyn BufRead>, Shape)> {
    let mut input = input::unpack(whole, packing)?;
    let sample = input.fill_buf()?;
    let shape = input::shape(sample, packing == Packing::Plain && sample.len() < 1 << 16);
    let shape = shape
        .ok_or_else(|| io::Error::other("UTF-16 text is not read: convert it to UTF-8 first"))?;
    Ok((Box::new(Limited { inner: input, left: most }), shape))
}

/// Stops a packed bomb.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.take(read)?;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(too_large());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount as u64);
        self.inner.consume(amount);
    }
}

impl<R> Limited<R> {
    fn take(&mut self, read: usize) -> io::Result<()> {
        self.left = self.left.checked_sub(read as u64).ok_or_else(too_large)?;
        Ok(())
    }
}

fn too_large() -> io::Error {
    io::Error::other(
        "it unpacks to more than is plausible for a log: split it, or unpack it yourself",
    )
}

/// Stops a row that does not end.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let too_long =
            || io::Error::other("a row of this CSV does not end: a quote may not be closed");
        self.left.set(self.left.get().checked_sub(read).ok_or_else(too_long)?);
        Ok(read)
    }
}

struct Reading<'r> {
    definitions: &'r Definitions,
    limits: &'r Limits,
    visitor: &'r mut dyn Visitor,
    recent: Recent,
    unit: u32,
    stats: ReadStats,
}

impl<'r> Reading<'r> {
    fn new(
        definitions: &'r Definitions,
        limits: &'r Limits,
        visitor: &'r mut dyn Visitor,
        unit: u32,
    ) -> Self {
        let (recent, stats) = (Recent::default(), ReadStats::default());
        Self { definitions, limits, visitor, recent, unit, stats }
    }

    fn whole(&mut self, input: &mut dyn BufRead, shape: Shape) -> io::Result<()> {
        match shape {
            Shape::Lines | Shape::Pairs => self.each_line(input, shape),
            Shape::Documents => self.documents(input),
            Shape::Csv => self.csv(input),
        }
    }

    /// One JSON value, which may hold many records. `line` is where it begins; records of a list
    /// count on from it.
    fn value(&mut self, text: &str, line: u64) {
        let Self { definitions, recent, visitor, unit, stats, .. } = self;
        record::each(definitions, recent, text, &mut |ordinal, outcome| {
            let place = Place { unit: *unit, line: line + ordinal - 1 };
            match outcome {
                Outcome::Event(event) => {
                    stats.records += 1;
                    visitor.event(&event, place);
                }
                Outcome::Bad(reason) => {
                    stats.quarantined += 1;
                    visitor.quarantine(Quarantined { place, reason });
                }
                Outcome::Beside(what) => {
                    stats.beside += 1;
                    visitor.beside(what);
                }
            }
        });
    }

    fn bad(&mut self, line: u64, reason: &str) {
        self.stats.quarantined += 1;
        let place = Place { unit: self.unit, line };
        self.visitor.quarantine(Quarantined { place, reason: reason.to_owned() });
    }

    /// Lines of a plain file, a block at a time: what was just read is still in the cache.
    fn piece(&mut self, unit: &Unit, from: u64, to: u64) -> io::Result<()> {
        let mut file = std::fs::File::open(&unit.path)?;
        if to - from > self.limits.piece_bytes.saturating_add(self.limits.record_bytes_max as u64) {
            // Its last line is longer than any record: never hold it whole.
            file.seek(io::SeekFrom::Start(from))?;
            return self.each_line(&mut io::BufReader::new(file.take(to - from)), unit.shape);
        }
        self.stats.bytes += to - from;
        let mut buffer = Vec::with_capacity(PIECE_BLOCK_BYTES * 2);
        let (mut next, mut line) = (from, 1);
        while next < to {
            // What the last block left of a line has no end in it.
            let rest = buffer.len();
            let block = usize::try_from(to - next)
                .map_or(PIECE_BLOCK_BYTES, |left| left.min(PIECE_BLOCK_BYTES));
            buffer.resize(rest + block, 0);
            let (_, fresh) = buffer.split_at_mut(rest);
            file.read_exact_at(fresh, next)?;
            next += block as u64;
            let mut at = 0;
            for end in memchr::memchr_iter(b'\n', buffer.get(rest..).unwrap_or(&[])) {
                let end = rest + end;
                self.line(buffer.get(at..end).unwrap_or(&[]), line, unit.shape);
                line += 1;
                at = end + 1;
            }
            buffer.drain(..at);
        }
        self.stats.lines += line - 1;
        self.line(&buffer, line, unit.shape);
        Ok(())
    }

    fn line(&mut self, bytes: &[u8], line: u64, shape: Shape) {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii();
        if bytes.is_empty() {
            return;
        }
        if bytes.len() > self.limits.record_bytes_max {
            return self.bad(line, "the record is longer than any log writes");
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.bad(line, "this is not UTF-8");
        };
        if text.starts_with(['{', '[']) {
            return self.value(text, line);
        }
        match text::held(text, None) {
            Some(record) => self.value(&record, line),
            None if shape != Shape::Pairs => self.value(text, line),
            None if !text.contains("=\"") => {
                self.stats.beside += 1;
                self.visitor.beside("lines of a server's log");
            }
            None => match text::pairs(text, None) {
                Some(record) => self.value(&record, line),
                None => self
                    .bad(line, "this is no list of key=\"value\" pairs, or a key is there twice"),
            },
        }
    }

    fn each_line(&mut self, input: &mut dyn BufRead, shape: Shape) -> io::Result<()> {
        let mut buffer = Vec::new();
        for line in 1.. {
            buffer.clear();
            let most = self.limits.record_bytes_max as u64 + 2;
            let read = (&mut *input).take(most).read_until(b'\n', &mut buffer)?;
            if read == 0 {
                break;
            }
            self.stats.bytes += read as u64;
            if read as u64 == most && buffer.last() != Some(&b'\n') {
                self.bad(line, "the record is longer than any log writes");
                skip_line(input)?;
                continue;
            }
            self.line(&buffer, line, shape);
        }
        Ok(())
    }

    fn documents(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        let mut bytes = Vec::new();
        let most = self.limits.document_bytes_max as u64;
        let read = input.take(most + 1).read_to_end(&mut bytes);
        // What was unpacked before a packed file breaks off is as good as any.
        if let Err(error) = read {
            if !input::is_cut(&error) {
                return Err(error);
            }
            self.values(&bytes, most)?;
            return Err(error);
        }
        self.values(&bytes, most)
    }

    fn values(&mut self, bytes: &[u8], most: u64) -> io::Result<()> {
        self.stats.bytes += bytes.len() as u64;
        if bytes.len() as u64 > most {
            return Err(io::Error::other(
                "a JSON file this large must be one record a line: convert it",
            ));
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.bad(1, "this is not UTF-8");
            return Ok(());
        };
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        let mut next = 1;
        loop {
            match values.next() {
                None => return Ok(()),
                Some(Ok(value)) => {
                    let before = self.stats.all();
                    self.value(value.get(), next);
                    next += self.stats.all() - before;
                }
                Some(Err(_)) => {
                    let rest = text.get(values.byte_offset()..).unwrap_or("");
                    match record::begun_list(rest) {
                        Some(elements) => self.elements(elements, next),
                        None => self.rest(rest, next),
                    }
                    return Ok(());
                }
            }
        }
    }

    /// The records of a list that breaks off, as far as they are whole.
    fn elements(&mut self, mut text: &str, mut next: u64) {
        loop {
            text = text.trim_start_matches([',', ' ', '\t', '\r', '\n']);
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
            let Some(Ok(value)) = values.next() else {
                return self.bad(next, "the list of records is cut here or no JSON");
            };
            let before = self.stats.all();
            self.value(value.get(), next);
            next += self.stats.all() - before;
            text = text.get(values.byte_offset()..).unwrap_or("");
        }
    }

    /// After what is no JSON, lines that are may still follow.
    fn rest(&mut self, text: &str, mut next: u64) {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.next();
        self.bad(next, "this is cut or no JSON");
        for line in lines {
            next += 1;
            if line.trim_start().starts_with('{') {
                self.line(line.as_bytes(), next, Shape::Lines);
            }
        }
    }

    fn csv(&mut self, input: &mut dyn BufRead) -> io::Result<()> {
        // PowerShell puts a line before the header that says of which type the rows were.
        let begins = input.fill_buf()?;
        if begins.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(begins).starts_with(b"#TYPE ") {
            skip_line(input)?;
        }
        let most = self.limits.record_bytes_max;
        let left = Rc::new(Cell::new(most));
        let bounded = Bounded { inner: input, left: Rc::clone(&left) };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) if matches!(error.kind(), csv::ErrorKind::Io(_)) => {
                return Err(io::Error::other(error));
            }
            Err(_) => {
                self.bad(1, "this is neither JSON, nor lines of key=\"value\", nor CSV in UTF-8");
                return Ok(());
            }
        };
        let columns: Vec<String> = header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim())
            // Log Analytics writes the zone after the name.
            .map(|name| name.strip_suffix(" [UTC]").unwrap_or(name).to_owned())
            .collect();
        for row in reader.records() {
            left.set(most);
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    if matches!(error.kind(), csv::ErrorKind::Io(_)) {
                        return Err(io::Error::other(error));
                    }
                    self.bad(line, "this row is no CSV");
                    continue;
                }
            };
            let line = row.position().map_or(0, csv::Position::line);
            self.row(&columns, &row, line);
        }
        Ok(())
    }

    /// A row as a JSON object; a column that holds a whole record stands for the row.
    fn row(&mut self, columns: &[String], row: &csv::StringRecord, line: u64) {
        let whole = self.definitions.all.iter().filter_map(|source| source.csv_column.as_deref());
        for column in whole {
            let cell = columns.iter().position(|name| name == column).and_then(|at| row.get(at));
            if let Some(cell) = cell.filter(|cell| cell.trim_start().starts_with('{')) {
                let cell = cell.trim().to_owned();
                return self.value(&cell, line);
            }
        }
        let mut record = Map::new();
        for (name, cell) in columns.iter().zip(row.iter()) {
            record.insert(name.clone(), cell_value(cell));
        }
        self.value(&Value::Object(record).to_string(), line);
    }
}

/// A cell that holds an object or a list as JSON, or as Python prints it, is that; all else is text.
fn cell_value(cell: &str) -> Value {
    let trimmed = cell.trim();
    let is_nested = (trimmed.starts_with('{') && trimmed.ends_with('}'))
        || (trimmed.starts_with('[') && trimmed.ends_with(']'));
    if is_nested {
        if let Ok(value) = serde_json::from_str(trimmed) {
            return value;
        }
        if let Some(value) = python(trimmed).and_then(|text| serde_json::from_str(&text).ok()) {
            return value;
        }
    }
    Value::String(cell.to_owned())
}

/// Python's `repr` of a dict or list as JSON: quotes exchanged, True, False and None renamed.
fn python(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\'' | '"' => {
                out.push('"');
                loop {
                    match rest.next()? {
                        end if end == next => break,
                        '\\' => match rest.next()? {
                            '\'' => out.push('\''),
                            other => out.extend(['\\', other]),
                        },
                        '"' => out.push_str("\\\""),
                        other => out.push(other),
                    }
                }
                out.push('"');
            }
            letter if letter.is_ascii_alphabetic() => {
                let mut word = String::from(letter);
                while let Some(more) = rest.next_if(char::is_ascii_alphanumeric) {
                    word.push(more);
                }
                out.push_str(match word.as_str() {
                    "True" => "true",
                    "False" => "false",
                    "None" => "null",
                    other => other,
                });
            }
            other => out.push(other),
        }
    }
    Some(out)
}

fn skip_line(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let block = input.fill_buf()?;
        if block.is_empty() {
            return Ok(());
        }
        let end = memchr::memchr(b'\n', block);
        let used = end.map_or(block.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
