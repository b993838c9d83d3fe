//! Business processes by trust path: a mark a cell, and the weakest way in said in words.

use super::plural;
use crate::terminal::run::and_more;
use crate::terminal::screen::{Ink, Screen};
use crate::view::{CellState, MatrixView, ProcessRow};

const ROWS_MAX: usize = 8;
/// Room that the last column needs to name the weakest way in.
const WEAKEST_MIN: usize = 34;

pub(super) fn draw(screen: &mut Screen, matrix: &MatrixView) {
    if matrix.rows.is_empty() {
        return;
    }
    screen.section("Ways in, by business process", "the weakest first");
    let rows = matrix.rows_worst_first();
    let shown = &rows[..rows.len().min(ROWS_MAX)];
    let layout = Layout::new(screen, matrix, shown);
    draw_headings(screen, &layout);
    for row in shown {
        draw_row(screen, matrix, row, &layout);
    }
    and_more(screen, rows.len(), shown.len(), "");
    draw_key(screen, matrix, &layout);
}

struct Layout {
    process: usize,
    requires: usize,
    /// Before the first mark.
    gap: usize,
    /// The first so many columns are drawn.
    columns: usize,
    cell: usize,
}

impl Layout {
    fn new(screen: &Screen, matrix: &MatrixView, rows: &[&ProcessRow]) -> Self {
        let widest = |floor: &str, of: fn(&ProcessRow) -> &str| {
            rows.iter()
                .map(|row| screen.measure(of(row)))
                .max()
                .unwrap_or(0)
                .max(floor.len())
        };
        let process = widest("process", |row| &row.process).min(30);
        let requires = widest("requires", |row| &row.requires).min(12);
        let weakest = rows
            .iter()
            .map(|row| screen.measure(&said(matrix, row)) + 2)
            .max();
        let before = process + 2 + requires + 3;
        let roomy = matrix.columns.len().to_string().len() + 1;
        let is_tight =
            before + roomy * matrix.columns.len() + weakest.unwrap_or(0) + 2 > screen.width();
        // Marks stand side by side if that saves the last column from being broken.
        let cell = if is_tight && matrix.columns.len() < 10 {
            1
        } else {
            roomy
        };
        let taken = before + 2 + WEAKEST_MIN;
        let room = screen.width().saturating_sub(taken) / cell;
        let gap = if cell == 1 { 2 } else { 1 };
        Self {
            process,
            requires,
            gap,
            columns: matrix.columns.len().min(room),
            cell,
        }
    }
}

fn draw_headings(screen: &mut Screen, layout: &Layout) {
    screen.left(Ink::Dim, "process", layout.process);
    screen.space(2);
    screen.left(Ink::Dim, "requires", layout.requires);
    screen.space(layout.gap);
    for column in 1..=layout.columns {
        screen.right(Ink::Dim, &column.to_string(), layout.cell);
    }
    screen.space(2);
    screen.put(Ink::Dim, "weakest way in");
    screen.end();
}

fn draw_row(screen: &mut Screen, matrix: &MatrixView, row: &ProcessRow, layout: &Layout) {
    screen.left(Ink::Strong, &row.process, layout.process);
    screen.space(2);
    screen.left(Ink::Text, &row.requires, layout.requires);
    screen.space(layout.gap);
    for column in 0..layout.columns {
        let state = row.cell(column).state;
        screen.right(ink_of(state), screen.cell_glyph(state), layout.cell);
    }
    screen.space(2);
    match row.weakest {
        Some(at) => {
            let state = row.cell(at).state;
            screen.put(ink_of(state), screen.cell_glyph(state));
            screen.space(1);
            screen.paragraph(Ink::Text, &said(matrix, row));
        }
        None => screen.paragraph(Ink::Dim, &said(matrix, row)),
    }
}

/// The weakest way in, in words.
fn said(matrix: &MatrixView, row: &ProcessRow) -> String {
    let weakest = row
        .weakest
        .and_then(|at| matrix.columns.get(at).map(|column| (at, column)));
    match weakest {
        Some((at, column)) => {
            let why = if row.weakest_why.is_empty() {
                row.cell(at).state.as_str()
            } else {
                &row.weakest_why
            };
            format!("{} · {}: {why}", column.organization, column.path)
        }
        None if row.worst() == CellState::NoAccess => "nobody came in".to_owned(),
        None => "none below what is required".to_owned(),
    }
}

fn draw_key(screen: &mut Screen, matrix: &MatrixView, layout: &Layout) {
    for (index, column) in matrix.columns.iter().take(layout.columns).enumerate() {
        let said = format!("{} {} · {}", index + 1, column.organization, column.path);
        screen.item(Ink::Dim, &said, 0, 3);
    }
    let left_out = matrix.columns.len() - layout.columns;
    if left_out > 0 {
        let said = plural(left_out as u64, "path more", "paths more");
        screen.item(Ink::Dim, &format!("and {said}, in the page"), 0, 3);
    }
    screen.end();
    for state in [
        CellState::Meets,
        CellState::Exception,
        CellState::Below,
        CellState::Unknown,
        CellState::NoAccess,
    ] {
        let word = match state {
            CellState::Meets => "meets what is required",
            CellState::Exception => "exception that ends",
            CellState::Below | CellState::Lapsed => "below or lapsed",
            CellState::Unknown => "unknown, never a pass",
            CellState::NoAccess => "no access seen",
        };
        screen.item(
            ink_of(state),
            &format!("{} {word}", screen.cell_glyph(state)),
            0,
            3,
        );
    }
    screen.end();
}

fn ink_of(state: CellState) -> Ink {
    state.seal().map_or(Ink::Dim, Ink::of_seal)
}
