//! One screen for a run: the sentence, then what is worst, then what to do.

mod coverage;
mod ways_in;

use super::screen::{Ink, Screen};
use crate::figures::{count, percent};
use crate::view::{CommandView, FindingMark, Proof, Seal, Severity, Stamp, TraceView};

const FINDINGS_MAX: usize = 4;
const REASONS_MAX: usize = 3;
const GAPS_MAX: usize = 3;
const FORMATS_MAX: usize = 8;
const LINKS_MAX: usize = 8;
const QUARANTINE_MAX: usize = 1;

pub(super) fn draw(screen: &mut Screen, view: &TraceView) {
    screen.paragraph(Ink::Strong, &view.headline);
    if !view.lead.is_empty() {
        screen.paragraph(Ink::Text, &view.lead);
    }
    draw_read(screen, view);
    coverage::draw(screen, view);
    ways_in::draw(screen, &view.matrix);
    draw_judgements(screen, view);
    draw_findings(screen, view);
    draw_gaps(screen, view);
    draw_links(screen, view);
    draw_ledger(screen, view);
    draw_next(screen, view);
}

pub(super) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// How many of so many rows are drawn: a line that says "and 1 more" would cost as much as the row.
fn shown_of(total: usize, most: usize) -> usize {
    if total <= most + 1 { total } else { most }
}

fn and_more(screen: &mut Screen, total: usize, shown: usize, note: &str) {
    if total > shown {
        screen.put(Ink::Dim, &format!("and {} more{note}", count((total - shown) as u64)));
        screen.end();
    }
}

fn draw_read(screen: &mut Screen, view: &TraceView) {
    let read = &view.read;
    screen.end();
    let mut said = format!(
        "Read {} in {}",
        plural(read.records, "record", "records"),
        plural(read.files, "file", "files")
    );
    if !read.from.is_empty() {
        said.push_str(&if read.from == read.until {
            format!(", {}", read.from)
        } else {
            format!(", {} to {}", read.from, read.until)
        });
    }
    screen.put(Ink::Text, &said);
    screen.put(Ink::Text, ".");
    screen.end();
    for format in read.formats.iter().take(FORMATS_MAX) {
        screen.item(Ink::Dim, &format!("{} {}", format.definition, count(format.records)), 0, 2);
        if format.proof == Proof::Unproven {
            screen.item(Ink::Warn, "(unproven)", 0, 1);
        }
    }
    if read.formats.len() > FORMATS_MAX {
        let more = format!("and {} more", read.formats.len() - FORMATS_MAX);
        screen.item(Ink::Dim, &more, 0, 2);
    }
    if !read.formats.is_empty() {
        screen.end();
    }
    if read.quarantined > 0 {
        let said = format!("{} could not be read", plural(read.quarantined, "record", "records"));
        screen.put(Ink::Warn, &said);
        screen.put(Ink::Text, if read.quarantine.is_empty() { "." } else { ", such as" });
        screen.end();
        for reason in read.quarantine.iter().take(QUARANTINE_MAX) {
            screen.words(Ink::Dim, reason, 2);
            screen.end();
        }
    }
    if !read.beside.is_empty() {
        let each = read.beside.iter().map(|(what, number)| format!("{} {what}", count(*number)));
        let said = format!("Beside the events: {}.", each.collect::<Vec<_>>().join(", "));
        screen.paragraph(Ink::Dim, &said);
    }
    if read.duplicates > 0 {
        let verb = if read.duplicates == 1 { "was" } else { "were" };
        let said = plural(read.duplicates, "duplicate", "duplicates");
        screen.put(Ink::Dim, &format!("{said} {verb} counted once."));
        screen.end();
    }
}

fn draw_judgements(screen: &mut Screen, view: &TraceView) {
    let judgements = &view.judgements;
    let total = judgements.total();
    if total == 0 {
        return;
    }
    screen.section("Justified then?", "each action judged as of its own time");
    for stamp in Stamp::ALL {
        let number = judgements.by_stamp(stamp);
        let ink = if number == 0 { Ink::Dim } else { Ink::of_stamp(stamp) };
        let share =
            if number == 0 { String::new() } else { format!(" ({})", percent(number, total)) };
        screen.item(ink, &format!("{} {}{share}", stamp.as_str(), count(number)), 0, 3);
    }
    screen.end();
    let total = judgements.reasons.len();
    let shown = &judgements.reasons[..shown_of(total, REASONS_MAX)];
    let numbers = shown.iter().map(|it| count(it.count).len()).max().unwrap_or(0);
    let codes = shown.iter().map(|it| screen.measure(&it.code)).max().unwrap_or(0).min(28);
    for reason in shown {
        screen.right(Ink::Text, &count(reason.count), numbers);
        screen.space(2);
        screen.left(Ink::of_stamp(reason.stamp), reason.stamp.as_str(), 7);
        screen.space(2);
        screen.left(Ink::Dim, &reason.code, codes);
        screen.space(2);
        screen.paragraph(Ink::Text, &reason.sentence);
    }
    and_more(screen, total, shown.len(), "");
}

fn draw_findings(screen: &mut Screen, view: &TraceView) {
    let findings = view.findings_worst_first();
    if findings.is_empty() {
        return;
    }
    let mut said: Vec<String> = view
        .findings_open()
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(severity, number)| format!("{} {}", count(number), severity.as_str()))
        .collect();
    let accepted = findings.iter().filter(|it| matches!(it.mark, FindingMark::Accepted(_))).count();
    if accepted > 0 {
        said.push(format!("{} accepted", count(accepted as u64)));
    }
    screen.section("Findings", &said.join(", "));
    let shown = &findings[..shown_of(findings.len(), FINDINGS_MAX)];
    for finding in shown {
        let ink = match finding.severity {
            Severity::Critical => Ink::Bad,
            Severity::High => Ink::Warn,
            Severity::Medium | Severity::Low => Ink::Text,
        };
        screen.left(ink, finding.severity.as_str(), 10);
        screen.words(Ink::Strong, &finding.title, 10);
        if finding.count > 0 {
            screen.item(Ink::Dim, &plural(finding.count, "event", "events"), 10, 2);
        }
        match &finding.mark {
            FindingMark::Open => {}
            FindingMark::New => screen.item(Ink::Warn, "new", 10, 2),
            FindingMark::Accepted(by) => {
                screen.item(Ink::Dim, &format!("accepted by {by}"), 10, 2);
            }
        }
        screen.end();
        screen.to(10);
        screen.words(Ink::Text, &finding.remedy, 10);
        screen.item(Ink::Dim, &finding.code, 10, 2);
        screen.end();
    }
    and_more(screen, findings.len(), shown.len(), "");
}

fn draw_gaps(screen: &mut Screen, view: &TraceView) {
    if view.gaps.is_empty() {
        return;
    }
    screen.section("What could not be seen", "actions, and which feed would close it");
    let gaps = view.gaps_worst_first();
    let shown = &gaps[..shown_of(gaps.len(), GAPS_MAX)];
    let numbers = shown.iter().map(|gap| count(gap.actions).len()).max().unwrap_or(0);
    for gap in shown {
        screen.right(Ink::Strong, &count(gap.actions), numbers);
        screen.space(2);
        let indent = screen.column();
        screen.words(Ink::Text, &gap.what, indent);
        if !gap.close.is_empty() {
            screen.put(Ink::Text, ".");
            screen.words(Ink::Strong, &gap.close, indent);
        }
        screen.end();
    }
    and_more(screen, gaps.len(), shown.len(), "");
}

fn draw_links(screen: &mut Screen, view: &TraceView) {
    if view.links.is_empty() {
        return;
    }
    screen.section("How events were tied", "");
    let total = view.links_total();
    for link in view.links.iter().take(LINKS_MAX) {
        let mut said = format!(
            "{} {} {} ({})",
            screen.seal_glyph(link.grade),
            link.rule,
            count(link.count),
            percent(link.count, total)
        );
        if link.grade == Seal::Inferred {
            said.push_str(", not counted");
        }
        screen.item(Ink::of_seal(link.grade), &said, 0, 3);
    }
    if view.links.len() > LINKS_MAX {
        screen.item(Ink::Dim, &format!("and {} more", view.links.len() - LINKS_MAX), 0, 3);
    }
    screen.end();
}

fn draw_ledger(screen: &mut Screen, view: &TraceView) {
    let Some(ledger) = &view.ledger else {
        return;
    };
    screen.section("Evidence", "");
    screen.put(Ink::Text, &plural(ledger.added, "entry", "entries"));
    screen.put(Ink::Text, " added to ");
    screen.put(Ink::Text, &ledger.folder);
    screen.put(Ink::Text, &format!(". The signed checkpoint covers {}.", count(ledger.size)));
    screen.end();
    for (label, value) in [("root", &ledger.root), ("public key", &ledger.public_key)] {
        if !value.is_empty() {
            screen.left(Ink::Dim, label, 12);
            screen.whole(Ink::Text, value);
            screen.end();
        }
    }
}

fn draw_next(screen: &mut Screen, view: &TraceView) {
    if view.next.is_empty() {
        return;
    }
    screen.section("Where next", "");
    let widest = |of: fn(&CommandView) -> &str| {
        view.next.iter().map(|command| screen.measure(of(command))).max().unwrap_or(0)
    };
    let what = widest(|command| &command.what) + 2;
    let fits = what + widest(|command| &command.command) <= screen.width();
    for command in &view.next {
        screen.put(Ink::Text, &command.what);
        let length = 2 + screen.measure(&command.command);
        if fits {
            screen.to(what);
        } else if screen.column() + length <= screen.width() {
            screen.space(2);
        } else {
            screen.end();
            screen.space(2);
        }
        screen.whole(Ink::Strong, &command.command);
        screen.end();
    }
}
