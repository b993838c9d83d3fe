//! The one way to the terminal: escaped, measured, cut to the width.

use crate::plain::{char_width, plain, push_escape, width};
use crate::terminal::{Glyphs, Terminal};
use crate::view::{CellState, Seal, SegmentState, Stamp};

const WIDTH_MIN: usize = 60;
const WIDTH_MAX: usize = 160;
/// Columns of one paragraph; what is longer was made long by somebody.
const PARAGRAPH_MAX: usize = 1_000;

/// What colour repeats. Without colour nothing is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Text,
    Strong,
    Dim,
    Ok,
    Warn,
    Bad,
}

impl Ink {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Strong => Some("1"),
            Self::Dim => Some("2"),
            Self::Ok => Some("32"),
            Self::Warn => Some("33"),
            Self::Bad => Some("31"),
        }
    }

    pub(super) fn of_seal(seal: Seal) -> Self {
        match seal {
            Seal::Exact | Seal::Composite | Seal::Declared => Self::Ok,
            Seal::Inferred | Seal::Exception => Self::Warn,
            Seal::Broken => Self::Bad,
            Seal::Unknown => Self::Dim,
        }
    }

    pub(super) fn of_stamp(stamp: Stamp) -> Self {
        match stamp {
            Stamp::Allow => Self::Ok,
            Stamp::StepUp => Self::Warn,
            Stamp::Deny => Self::Bad,
            Stamp::Unknown => Self::Dim,
        }
    }
}

#[derive(Debug)]
pub(super) struct Screen {
    terminal: Terminal,
    width: usize,
    out: String,
    line: String,
    column: usize,
    /// Spaces asked for but not written, so that no line ends in spaces.
    pending: usize,
}

impl Screen {
    pub(super) fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            width: terminal.width.clamp(WIDTH_MIN, WIDTH_MAX),
            out: String::new(),
            line: String::new(),
            column: 0,
            pending: 0,
        }
    }

    pub(super) fn finish(mut self) -> String {
        if self.column > 0 {
            self.end();
        }
        self.out
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// How many columns the text will take, once escaped.
    pub(super) fn measure(&self, text: &str) -> usize {
        width(&self.shown(text))
    }

    pub(super) fn is_ascii(&self) -> bool {
        self.terminal.glyphs == Glyphs::Ascii
    }

    /// Writes the text, cut with `…` at the right edge.
    pub(super) fn put(&mut self, ink: Ink, text: &str) {
        let room = self.width.saturating_sub(self.column);
        let shown = self.cut(&self.shown(text), room);
        self.write(ink, &shown);
    }

    /// Writes the text uncut, for what is copied: commands, keys, hashes.
    pub(super) fn whole(&mut self, ink: Ink, text: &str) {
        let shown = self.shown(text);
        self.write(ink, &shown);
    }

    /// The text at the left of a field of so many columns.
    pub(super) fn left(&mut self, ink: Ink, text: &str, field: usize) {
        let start = self.column;
        let room = field.min(self.width.saturating_sub(self.column));
        let shown = self.cut(&self.shown(text), room);
        self.write(ink, &shown);
        self.to(start + field);
    }

    /// The text at the right of a field of so many columns.
    pub(super) fn right(&mut self, ink: Ink, text: &str, field: usize) {
        let start = self.column;
        let shown = self.cut(&self.shown(text), field);
        self.to(start + field.saturating_sub(width(&shown)));
        self.write(ink, &shown);
    }

    /// Moves on to a column.
    pub(super) fn to(&mut self, column: usize) {
        if column > self.column {
            self.pending += column - self.column;
            self.column = column;
        }
    }

    pub(super) fn space(&mut self, columns: usize) {
        self.to(self.column + columns);
    }

    pub(super) fn end(&mut self) {
        self.out.push_str(&self.line);
        self.out.push('\n');
        self.line.clear();
        self.column = 0;
        self.pending = 0;
    }

    /// A ruled heading, with a note after it, and an empty line before.
    pub(super) fn section(&mut self, title: &str, note: &str) {
        self.end();
        self.put(Ink::Strong, title);
        if !note.is_empty() {
            self.space(2);
            self.put(Ink::Dim, note);
        }
        let rest = self.width.saturating_sub(self.column + 2);
        if rest > 2 {
            self.space(2);
            let rule = if self.is_ascii() { "-" } else { "─" }.repeat(rest);
            self.put(Ink::Dim, &rule);
        }
        self.end();
    }

    /// A paragraph broken between words; lines after the first begin at the column where this
    /// one begins.
    pub(super) fn paragraph(&mut self, ink: Ink, text: &str) {
        self.words(ink, text, self.column);
        self.end();
    }

    /// The text broken between words, going on from where the line is.
    pub(super) fn words(&mut self, ink: Ink, text: &str, indent: usize) {
        let shown = self.cut(&self.shown(text), PARAGRAPH_MAX);
        for word in shown.split(' ').filter(|word| !word.is_empty()) {
            self.item(ink, word, indent, 1);
        }
    }

    /// Writes a text that is not broken inside, on the next line if this one is full.
    pub(super) fn item(&mut self, ink: Ink, text: &str, indent: usize, gap: usize) {
        let needed = self.measure(text);
        if self.column > indent {
            if self.column + gap + needed > self.width {
                self.end();
                self.to(indent);
            } else {
                self.space(gap);
            }
        } else {
            self.to(indent);
        }
        self.put(ink, text);
    }

    pub(super) fn seal(&mut self, seal: Seal) {
        self.put(Ink::of_seal(seal), self.seal_glyph(seal));
    }

    pub(super) fn seal_glyph(&self, seal: Seal) -> &'static str {
        let (unicode, ascii) = match seal {
            Seal::Exact => ("✓", "+"),
            Seal::Composite => ("◎", "8"),
            Seal::Declared => ("○", "o"),
            Seal::Inferred => ("◌", "~"),
            Seal::Broken => ("✗", "X"),
            Seal::Exception => ("◷", "t"),
            Seal::Unknown => ("?", "?"),
        };
        if self.is_ascii() { ascii } else { unicode }
    }

    pub(super) fn cell_glyph(&self, state: CellState) -> &'static str {
        match state.seal() {
            Some(seal) => self.seal_glyph(seal),
            None if self.is_ascii() => ".",
            None => "·",
        }
    }

    /// The wire that runs into a segment from above.
    pub(super) fn wire(&self, into: SegmentState) -> &'static str {
        let (unicode, ascii) = match into {
            SegmentState::Intact => ("│", "|"),
            SegmentState::Inferred => ("╎", ":"),
            SegmentState::Broken => (" ", " "),
            SegmentState::NotReached => ("·", "."),
        };
        if self.is_ascii() { ascii } else { unicode }
    }

    /// Fills of a bar, falling with certainty.
    pub(super) fn fills(&self) -> [&'static str; 6] {
        if self.is_ascii() {
            ["#", "=", "+", "~", "-", "."]
        } else {
            ["█", "▓", "▒", "░", "▁", "·"]
        }
    }

    fn shown<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        let shown = plain(text);
        if !self.is_ascii() || shown.is_ascii() {
            return shown;
        }
        let mut out = String::with_capacity(shown.len());
        for character in shown.chars() {
            match character {
                '·' => out.push('-'),
                '▸' => out.push('>'),
                '…' => out.push_str("..."),
                '≤' => out.push_str("<="),
                '≥' => out.push_str(">="),
                '–' | '—' => out.push('-'),
                '’' | '‘' => out.push('\''),
                _ if character.is_ascii() => out.push(character),
                _ => push_escape(&mut out, character),
            }
        }
        out.into()
    }

    fn cut(&self, shown: &str, room: usize) -> String {
        if width(shown) <= room {
            return shown.to_owned();
        }
        let mark = if self.is_ascii() { ".." } else { "…" };
        let budget = room.saturating_sub(width(mark));
        let mut out = String::new();
        let mut used = 0;
        for character in shown.chars() {
            used += char_width(character);
            if used > budget {
                break;
            }
            out.push(character);
        }
        if room >= width(mark) {
            out.push_str(mark);
        }
        out
    }

    fn write(&mut self, ink: Ink, shown: &str) {
        self.column += width(shown);
        let ink_end = shown.trim_end_matches(' ').len();
        let (shown, spaces) = shown.split_at(ink_end);
        if shown.is_empty() {
            self.pending += spaces.len();
            return;
        }
        self.line.extend(std::iter::repeat_n(' ', self.pending));
        self.pending = spaces.len();
        match ink.code().filter(|_| self.terminal.colour) {
            Some(code) => {
                self.line.push_str("\u{1b}[");
                self.line.push_str(code);
                self.line.push('m');
                self.line.push_str(shown);
                self.line.push_str("\u{1b}[0m");
            }
            None => self.line.push_str(shown),
        }
    }
}
