//! The console: page = f(view).
//!
//! A view is a plain struct whose words are already chosen: [`TraceView`] is what one run found,
//! [`StripView`] is what stood behind one action. The same views give two outputs, the terminal
//! screen ([`render_terminal`], [`render_terminal_strip`]) and one self-contained HTML page
//! ([`render_html`]).
//!
//! Forbidden here: the model and every other room (views arrive as words), I/O, the clock,
//! scripts in a page, and text from outside that has not gone through [`plain`].
//!
//! Start at `view.rs`, then `terminal.rs` and `html.rs`. The look follows `assets/report.css`.

mod figures;
mod html;
mod plain;
mod terminal;
mod view;

pub use figures::{count, percent};
pub use html::render_html;
pub use plain::{csv_field, plain, width};
pub use terminal::{Glyphs, Terminal, render_terminal, render_terminal_strip};
pub use view::{
    CellState, CellView, CommandView, CountView, CoverageRow, FindingMark, FindingView, FormatView,
    GapView, HopView, JudgementsView, LedgerView, LinkView, MatrixView, PathColumn, ProcessRow,
    Proof, ReadView, ReasonCount, ReasonView, Seal, SegmentState, SegmentView, Severity, Stamp,
    StripView, TraceView,
};
