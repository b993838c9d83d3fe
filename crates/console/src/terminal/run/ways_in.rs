//! Business processes by trust path: a mark a cell, and the weakest way in said in words.

use super::plural;
use crate::terminal::run::{and_more, shown_of};
use crate::terminal::screen::{Ink, Screen};
use crate::view::{CellState, MatrixView, ProcessRow};

const ROWS_MAX: usize = 8;
/// Room that the last column needs to name the weakest way in.
const WEAKEST_MIN: usize = 34;
/// So many columns are drawn even if the last column is broken for them.
const COLUMNS_MIN: usize = 8;
/// What a column is called above its marks and in the key below them.
const NAMES: &[u8] = b"123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

pub(super) fn draw(screen: &mut Screen, matrix: &MatrixView) {
    if matrix.rows.is_empty() {
        return;
    }
    screen.section("Ways in, by business process", "the weakest first");
    let rows = matrix.rows_worst_first();
    let shown = &rows[..shown_of(rows.len(), ROWS_MAX)];
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
    /// The columns that are drawn, in order.
    columns: Vec<usize>,
    cell: usize,
}

impl Layout {
    fn new(screen: &Screen, matrix: &MatrixView, rows: &[&ProcessRow]) -> Self {
        let widest = |floor: &str, of: fn(&ProcessRow) -> &str| {
            rows.iter().map(|row| screen.measure(of(row))).max().unwrap_or(0).max(floor.len())
        };
        let process = widest("process", |row| &row.process).min(30);
        let requires = widest("requires", |row| &row.requires).min(12);
        let weakest = rows.iter().map(|row| screen.measure(&said(matrix, row)) + 2).max();
        let before = process + 2 + requires + 3;
        let room = screen.width().saturating_sub(before + 2);
        let columns = matrix.columns.len();
        // Marks stand side by side if that saves columns or saves the last one from being broken.
        let is_roomy = 2 * columns + weakest.unwrap_or(0) <= room;
        let (cell, gap) = if is_roomy { (2, 1) } else { (1, 2) };
        let weakest = weakest.unwrap_or(0).min(room.saturating_sub(COLUMNS_MIN));
        let most = room.saturating_sub(weakest.max(WEAKEST_MIN)) / cell;
        Self {
            process,
            requires,
            gap,
            columns: worst_columns(matrix, rows, most.min(NAMES.len())),
            cell,
        }
    }
}

/// Which columns are drawn, in their own order: the ones that are the weakest of some process,
/// then the ones with the worst cell.
fn worst_columns(matrix: &MatrixView, rows: &[&ProcessRow], most: usize) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..matrix.columns.len()).collect();
    columns.sort_by_key(|column| {
        let is_weakest = rows.iter().any(|row| row.weakest == Some(*column));
        let worst = rows.iter().map(|row| row.cell(*column).state).min();
        (!is_weakest, worst, *column)
    });
    columns.truncate(most);
    columns.sort_unstable();
    columns
}

fn draw_headings(screen: &mut Screen, layout: &Layout) {
    screen.left(Ink::Dim, "process", layout.process);
    screen.space(2);
    screen.left(Ink::Dim, "requires", layout.requires);
    screen.space(layout.gap);
    for (_, name) in layout.columns.iter().zip(NAMES) {
        screen.right(Ink::Dim, &char::from(*name).to_string(), layout.cell);
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
    for column in &layout.columns {
        let state = row.cell(*column).state;
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
    let weakest = row.weakest.and_then(|at| matrix.columns.get(at).map(|column| (at, column)));
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
    for (index, name) in layout.columns.iter().zip(NAMES) {
        let column = &matrix.columns[*index];
        let said = format!("{} {} · {}", char::from(*name), column.organization, column.path);
        screen.item(Ink::Dim, &said, 0, 3);
    }
    let left_out = matrix.columns.len() - layout.columns.len();
    if left_out > 0 {
        let said = plural(left_out as u64, "path more", "paths more");
        screen.item(Ink::Dim, &format!("and {said}, in the page"), 0, 3);
    }
    screen.end();
    draw_seal_key(screen, matrix, layout);
}

/// The marks that occur, in words; a dot needs none.
fn draw_seal_key(screen: &mut Screen, matrix: &MatrixView, layout: &Layout) {
    let occurs = |state: CellState| {
        let mut cells =
            matrix.rows.iter().flat_map(|row| layout.columns.iter().map(|at| row.cell(*at)));
        cells.any(|cell| cell.state.seal() == state.seal())
    };
    let states = [CellState::Meets, CellState::Exception, CellState::Below, CellState::Unknown];
    for state in states.into_iter().filter(|state| occurs(*state)) {
        let word = match state {
            CellState::Meets => "meets what is required",
            CellState::Exception => "exception that ends",
            CellState::Below | CellState::Lapsed => "below or lapsed",
            CellState::Unknown => "unknown, never a pass",
            CellState::NoAccess => "no access seen",
        };
        screen.item(ink_of(state), &format!("{} {word}", screen.cell_glyph(state)), 0, 3);
    }
    screen.end();
}

fn ink_of(state: CellState) -> Ink {
    state.seal().map_or(Ink::Dim, Ink::of_seal)
}
