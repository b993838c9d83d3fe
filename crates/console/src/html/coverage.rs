//! Who acted: by tenant and organization, the worst first.

use maud::{Markup, html};

use super::text::Text;
use super::{entry, scroll};
use crate::figures::{apportion, count, percent};
use crate::view::{CoverageRow, TraceView};

/// Rows beyond these are folded; beyond [`ROWS_MAX`] they are only counted.
const ROWS_OPEN: usize = 24;
const ROWS_MAX: usize = 1_000;
const BAR_UNITS: usize = 260;
const PARTS: [(&str, &str); 6] = [
    ("f1", "exact"),
    ("f2", "composite"),
    ("f3", "declared"),
    ("f4", "inferred, not counted"),
    ("f-hold", "holder only"),
    ("f-none", "unattributed"),
];

pub(super) fn section(view: &TraceView) -> Markup {
    let total = view.coverage_total();
    let rows = view.coverage_worst_first();
    let (open, folded) = rows.split_at(rows.len().min(ROWS_OPEN));
    let note = html! {
        p { (count(total.actions)) " actions of outsiders. Inferred links are shown and never counted." }
        @if !view.beside.is_empty() {
            p {
                "Counted beside: "
                @for (index, class) in view.beside.iter().enumerate() {
                    @if index > 0 { ", " }
                    (count(class.count)) " " (Text(&class.what))
                }
                "."
            }
        }
    };
    let matter = html! {
        @if total.actions == 0 {
            p.empty { "There was no action of an outsider to attribute." }
        } @else {
            (scroll("Attribution by tenant and organization", table(open, Some(&total))))
            (key(&total))
            @if !folded.is_empty() {
                details.fold {
                    summary { "And " (count(folded.len() as u64)) " more" }
                    (scroll("More of the attribution", table(&folded[..folded.len().min(ROWS_MAX)], None)))
                    @if folded.len() > ROWS_MAX {
                        p.small { "The rest is left out here and in the machine-readable output." }
                    }
                }
            }
        }
    };
    entry("attribution", "Who acted", note, matter)
}

fn table(rows: &[&CoverageRow], total: Option<&CoverageRow>) -> Markup {
    html! {
        table.reg.mid {
            caption.hide { "Attribution by tenant and organization" }
            thead { tr {
                th scope="col" { "Tenant" } th scope="col" { "Organization" }
                th.num scope="col" { "Actions" } th.w-bar scope="col" { "By grade" }
                th.num scope="col" { "Coverage" }
                th.num scope="col" { "Exact" } th.num scope="col" { "Composite" }
                th.num scope="col" { "Declared" } th.num.apart scope="col" { "Inferred" }
                th.num scope="col" { "Holder only" } th.num scope="col" { "Unattributed" }
            } }
            tbody { @for row in rows { (line(row, row.tenant_name())) } }
            @if let Some(total) = total { tfoot { (line(total, "All")) } }
        }
    }
}

fn line(row: &CoverageRow, name: &str) -> Markup {
    html! {
        tr {
            th scope="row" { (Text(name)) }
            td { (Text(&row.organization)) }
            td.num { (count(row.actions)) }
            td.w-bar { (bar(row)) }
            td.num { b { (percent(row.attributed(), row.actions)) } }
            @for (index, part) in row.parts().into_iter().enumerate() {
                td.num.apart[index == 3].dim[part == 0] { (count(part)) }
            }
        }
    }
}

/// The figures stand in the same row, so the bar itself is hidden from readers.
fn bar(row: &CoverageRow) -> Markup {
    let mut start = 0;
    let lengths = apportion(row.parts(), BAR_UNITS);
    let places = lengths.map(|length| {
        start += length;
        (start - length, length)
    });
    html! {
        svg.bar viewBox={ "0 0 " (BAR_UNITS) " 14" } preserveAspectRatio="none" aria-hidden="true" {
            @for ((start, length), (class, _)) in places.into_iter().zip(PARTS) {
                @if length > 0 {
                    rect class=(class) x=(start) y="0.5" width=(length) height="13" {}
                }
            }
        }
    }
}

fn key(total: &CoverageRow) -> Markup {
    html! {
        p.key {
            @for (part, (class, name)) in total.parts().into_iter().zip(PARTS) {
                span {
                    svg viewBox="0 0 12 12" aria-hidden="true" {
                        rect class=(class) x="0.5" y="0.5" width="11" height="11" {}
                    }
                    (name) " " (count(part))
                }
            }
        }
    }
}
