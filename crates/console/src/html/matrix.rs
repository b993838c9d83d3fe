//! Business processes by trust path, the weakest way in named.

use maud::{Markup, html};

use super::seals::{Size, seal};
use super::text::Text;
use super::{entry, scroll};
use crate::figures::count;
use crate::view::{CellState, MatrixView, PathColumn, ProcessRow, Seal};

const ROWS_MAX: usize = 200;
const COLUMNS_MAX: usize = 80;

pub(super) fn section(matrix: &MatrixView) -> Markup {
    let note = html! {
        p { "Each column is one trust path, each row one business process. A cell shows the lowest assurance at which access was seen." }
        ul.keys {
            li { (seal(Seal::Exact, Size::Small)) "meets" }
            li { (seal(Seal::Exception, Size::Small)) "exception, ends" }
            li { (seal(Seal::Broken, Size::Small)) "below or lapsed" }
            li { (seal(Seal::Unknown, Size::Small)) "unknown, never a pass" }
        }
        p.dim { "PR: resists phishing" }
    };
    let rows = matrix.rows_worst_first();
    let columns = &matrix.columns[..matrix.columns.len().min(COLUMNS_MAX)];
    let matter = html! {
        @if rows.is_empty() {
            p.empty { "No business process is known. Name one at each entitlement of the register." }
        } @else {
            (scroll("Ways in, by process", table(matrix, columns, &rows[..rows.len().min(ROWS_MAX)])))
            @if rows.len() > ROWS_MAX || matrix.columns.len() > COLUMNS_MAX {
                p.small {
                    "Left out here: " (count(rows.len().saturating_sub(ROWS_MAX) as u64)) " processes, "
                    (count((matrix.columns.len() - columns.len()) as u64)) " trust paths."
                }
            }
        }
    };
    entry("ways-in", "Ways in, by process", note, matter)
}

fn table(matrix: &MatrixView, columns: &[PathColumn], rows: &[&ProcessRow]) -> Markup {
    html! {
        table.matrix {
            caption.hide { "Assurance of each trust path in each business process" }
            thead {
                tr {
                    td colspan="2" {}
                    @for group in columns.chunk_by(|a, b| a.organization == b.organization) {
                        th.org scope="colgroup" colspan=(group.len()) {
                            (Text(&group[0].organization))
                            span { (Text(&group[0].note)) }
                        }
                    }
                    td {}
                }
                tr {
                    th scope="col" { "Business process" } th scope="col" { "Requires" }
                    @for column in columns { th scope="col" { (Text(&column.path)) } }
                    th scope="col" { "Weakest way in" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (Text(&row.process)) span { (Text(&row.tier)) } }
                        td.req { (Text(&row.requires)) }
                        @for index in 0..columns.len() { (cell(row, index)) }
                        (weakest(matrix, row))
                    }
                }
            }
        }
    }
}

fn cell(row: &ProcessRow, index: usize) -> Markup {
    let cell = row.cell(index);
    let Some(mark) = cell.state.seal() else {
        return html! { td.nil { span aria-hidden="true" { "·" } span.hide { "no access" } } };
    };
    let tint = match (row.weakest == Some(index), cell.state) {
        (false, _) | (true, CellState::Meets | CellState::NoAccess) => "",
        (true, CellState::Exception) => "weak exc",
        (true, CellState::Unknown) => "weak unk",
        (true, CellState::Below | CellState::Lapsed) => "weak",
    };
    html! {
        td class=(tint) {
            span.cell {
                (seal(mark, Size::Small))
                span { span.hide { (cell.state.as_str()) " " } (Text(&cell.assurance)) }
                @if !cell.why.is_empty() { small { (Text(&cell.why)) } }
            }
        }
    }
}

fn weakest(matrix: &MatrixView, row: &ProcessRow) -> Markup {
    let column = row.weakest.and_then(|at| matrix.columns.get(at));
    html! {
        td.worst {
            @match column {
                Some(column) => {
                    b { (Text(&column.organization)) " · " (Text(&column.path)) }
                    span.sub2 { (Text(&row.weakest_why)) }
                }
                None if row.worst() == CellState::NoAccess => span.dim { "Nobody came in" },
                None => {
                    b { "None below" }
                    @if !row.weakest_why.is_empty() { span.sub2 { (Text(&row.weakest_why)) } }
                }
            }
        }
    }
}
