//! Views as terminal text: one screen for a run, one for a strip.
//!
//! Shape and word say everything, colour only repeats it. Every text goes through the one
//! `Screen`, which escapes what is hidden and never writes beyond the width.

mod run;
mod screen;
mod strip;

use crate::view::{StripView, TraceView};
use screen::Screen;

/// What the output is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns; below 60 is taken as 60, above 160 as 160.
    pub width: usize,
    /// Whether ANSI colours may be written.
    pub colour: bool,
    pub glyphs: Glyphs,
}

/// Which characters seals, rules and bars are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Glyphs {
    Unicode,
    /// Only ASCII leaves; other characters of the text are written as `\u{e9}`.
    Ascii,
}

impl Default for Terminal {
    /// 100 columns, Unicode, no colour.
    fn default() -> Self {
        Self { width: 100, colour: false, glyphs: Glyphs::Unicode }
    }
}

/// The screen at the end of a run. Ends with a line end.
pub fn render_terminal(view: &TraceView, terminal: Terminal) -> String {
    let mut screen = Screen::new(terminal);
    run::draw(&mut screen, view);
    screen.finish()
}

/// What stood behind one action, upright. Ends with a line end.
pub fn render_terminal_strip(view: &StripView, terminal: Terminal) -> String {
    let mut screen = Screen::new(terminal);
    strip::draw(&mut screen, view);
    screen.finish()
}
