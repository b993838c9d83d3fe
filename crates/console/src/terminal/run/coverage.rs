//! Who acted: a bar, its key, and a row a tenant and organization, the worst first.

use crate::figures::{apportion, count, percent};
use crate::terminal::run::{and_more, shown_of};
use crate::terminal::screen::{Ink, Screen};
use crate::view::{CoverageRow, TraceView};

const ROWS_MAX: usize = 12;
const INKS: [Ink; 6] = [Ink::Text, Ink::Text, Ink::Text, Ink::Warn, Ink::Dim, Ink::Dim];
/// Below this width the table leaves the grades of what is attributed to the bar.
const GRADES_WIDTH_MIN: usize = 96;

/// One column of figures.
struct Column {
    heading: &'static str,
    figure: fn(&CoverageRow) -> String,
    /// Whether it stands behind the rule, apart from what is counted.
    is_first_apart: bool,
    is_grade: bool,
}

const COLUMNS: [Column; 8] = [
    column("actions", |row| count(row.actions)),
    column("known", |row| percent(row.attributed(), row.actions)),
    Column { is_grade: true, ..column("exact", |row| count(row.exact)) },
    Column { is_grade: true, ..column("composite", |row| count(row.composite)) },
    Column { is_grade: true, ..column("declared", |row| count(row.declared)) },
    Column { is_first_apart: true, ..column("inferred", |row| count(row.inferred)) },
    column("holder", |row| count(row.holder_only)),
    column("nobody", |row| count(row.unattributed)),
];

const fn column(heading: &'static str, figure: fn(&CoverageRow) -> String) -> Column {
    Column { heading, figure, is_first_apart: false, is_grade: false }
}

pub(super) fn draw(screen: &mut Screen, view: &TraceView) {
    screen.section("Who acted", "actions of outsiders, by how sure it is");
    let total = view.coverage_total();
    if total.actions == 0 {
        screen.put(Ink::Text, "There was no action of an outsider to attribute.");
        screen.end();
    } else {
        draw_bar(screen, &total);
        screen.end();
        draw_table(screen, view, &total);
    }
    draw_beside(screen, view);
}

fn draw_bar(screen: &mut Screen, total: &CoverageRow) {
    let fills = screen.fills();
    let parts = total.parts();
    for ((length, fill), ink) in apportion(parts, screen.width()).into_iter().zip(fills).zip(INKS) {
        screen.put(ink, &fill.repeat(length));
    }
    screen.end();
    let names = ["exact", "composite", "declared", "inferred", "holder", "nobody"];
    for (index, name) in names.into_iter().enumerate().filter(|(at, _)| parts[*at] > 0) {
        let share = percent(parts[index], total.actions);
        screen.item(INKS[index], &format!("{} {name} {share}", fills[index]), 0, 2);
    }
    screen.end();
}

struct Layout {
    tenant: usize,
    organization: usize,
    gap: usize,
    /// Before the rule, if there is room.
    rule_gap: usize,
    columns: Vec<(&'static Column, usize)>,
}

impl Layout {
    fn new(screen: &Screen, rows: &[&CoverageRow], total: &CoverageRow) -> Self {
        let with_grades = screen.width() >= GRADES_WIDTH_MIN;
        let columns: Vec<(&Column, usize)> = COLUMNS
            .iter()
            .filter(|column| with_grades || !column.is_grade)
            .map(|column| {
                let widest = rows.iter().map(|row| (column.figure)(row).len()).max().unwrap_or(0);
                let sum = (column.figure)(total).len();
                (column, column.heading.len().max(widest).max(sum))
            })
            .collect();
        let figures: usize = columns.iter().map(|(_, field)| field + 1).sum::<usize>() + 1;
        let room = screen.width().saturating_sub(figures);
        let longest = |name: fn(&CoverageRow) -> &str| {
            rows.iter().map(|row| screen.measure(name(row))).max().unwrap_or(0)
        };
        let tenant = longest(CoverageRow::tenant_name).max("tenant".len());
        let organization = longest(|row| &row.organization).max("organization".len());
        let rule_gap = usize::from(tenant + 2 + organization < room);
        let room = room - rule_gap;
        let gap = if tenant + 2 + organization <= room { 2 } else { 1 };
        let tenant = tenant.min(room.saturating_sub(organization + gap).max(room * 2 / 5));
        let organization = organization.min(room.saturating_sub(tenant + gap));
        Self { tenant, organization, gap, rule_gap, columns }
    }
}

fn draw_table(screen: &mut Screen, view: &TraceView, total: &CoverageRow) {
    let rows = view.coverage_worst_first();
    let shown = &rows[..shown_of(rows.len(), ROWS_MAX)];
    let layout = Layout::new(screen, shown, total);
    let headings = |column: &Column| column.heading.to_owned();
    draw_row(screen, ["tenant", "organization"], &layout, (Ink::Dim, &headings));
    for row in shown {
        let figures = |column: &Column| (column.figure)(row);
        draw_row(screen, [row.tenant_name(), &row.organization], &layout, (Ink::Text, &figures));
    }
    and_more(screen, rows.len(), shown.len(), ", in the page and in --format json");
    if rows.len() > 1 {
        let sums = |column: &Column| (column.figure)(total);
        draw_row(screen, ["all", ""], &layout, (Ink::Strong, &sums));
    }
}

fn draw_row(
    screen: &mut Screen,
    [tenant, organization]: [&str; 2],
    layout: &Layout,
    (ink, text): (Ink, &dyn Fn(&Column) -> String),
) {
    screen.left(ink, tenant, layout.tenant);
    screen.space(layout.gap);
    screen.left(ink, organization, layout.organization);
    for (column, field) in &layout.columns {
        if column.is_first_apart {
            screen.space(layout.rule_gap);
            screen.put(Ink::Dim, if screen.is_ascii() { "|" } else { "│" });
        }
        screen.space(1);
        let text = text(column);
        let ink = if text == "0" { Ink::Dim } else { ink };
        screen.right(ink, &text, *field);
    }
    screen.end();
}

fn draw_beside(screen: &mut Screen, view: &TraceView) {
    if view.beside.is_empty() {
        return;
    }
    screen.put(Ink::Dim, "Counted beside:");
    for (index, class) in view.beside.iter().enumerate() {
        let comma = if index + 1 < view.beside.len() { "," } else { "." };
        let said = format!("{} {}{comma}", count(class.count), class.what);
        screen.item(Ink::Dim, &said, 0, 1);
    }
    screen.end();
}
