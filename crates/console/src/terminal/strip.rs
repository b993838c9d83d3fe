//! The countersign strip, upright: one segment under the other, the wire on the left.

use super::screen::{Ink, Screen};
use crate::view::{HopView, Seal, SegmentState, SegmentView, StripView};

const LABEL: usize = 16;
const WORD: usize = 14;
/// A chain is short; what is longer was made long by somebody.
const HOPS_MAX: usize = 24;

pub(super) fn draw(screen: &mut Screen, view: &StripView) {
    if !view.kicker.is_empty() {
        screen.put(Ink::Dim, &view.kicker.join(" · "));
        screen.end();
    }
    screen.paragraph(Ink::Strong, &view.headline);
    if !view.lead.is_empty() {
        screen.paragraph(Ink::Text, &view.lead);
    }
    screen.end();
    for (index, segment) in view.segments.iter().enumerate() {
        draw_segment(screen, segment, view.segments.get(index + 1).map(|next| next.state));
    }
    draw_stamp(screen, view);
    draw_reasons(screen, view);
    draw_chain(screen, &view.chain);
    screen.section("Raw record", "");
    screen.whole(Ink::Text, &view.raw);
    screen.end();
    for note in &view.notes {
        screen.paragraph(Ink::Text, note);
    }
}

fn draw_segment(screen: &mut Screen, segment: &SegmentView, next: Option<SegmentState>) {
    let ink = match segment.state {
        SegmentState::NotReached => Ink::Dim,
        _ => Ink::of_seal(segment.seal),
    };
    screen.space(1);
    screen.put(ink, screen.seal_glyph(segment.seal));
    screen.space(2);
    screen.left(Ink::Dim, &segment.label, LABEL);
    screen.left(ink, segment.word(), WORD);
    let value = screen.column();
    if let Some((first, others)) = segment.lines.split_first() {
        screen.put(Ink::Strong, first);
        for (index, line) in others.iter().enumerate() {
            if index > 0 {
                screen.put(Ink::Dim, if screen.is_ascii() { "," } else { " ·" });
            }
            let gap = if index == 0 { 2 } else { 1 };
            if screen.column() + gap + screen.measure(line) > screen.width() {
                screen.end();
                start_below(screen, next);
            }
            screen.item(Ink::Text, line, value, gap);
        }
        screen.end();
    }
    if !segment.because.is_empty() {
        if !segment.lines.is_empty() {
            start_below(screen, next);
        }
        screen.words(ink, &segment.because, value);
        screen.end();
    }
    if segment.lines.is_empty() && segment.because.is_empty() {
        screen.end();
    }
    screen.space(1);
    screen.put(Ink::Dim, screen.wire(next.unwrap_or(SegmentState::Intact)));
    screen.end();
}

/// The wire at the left, then the column where values stand.
fn start_below(screen: &mut Screen, next: Option<SegmentState>) {
    // The gap before a broken seal is the last line alone, so that it reads as a gap.
    let wire = match next {
        Some(SegmentState::Broken) | None => SegmentState::Intact,
        Some(state) => state,
    };
    screen.space(1);
    screen.put(Ink::Dim, screen.wire(wire));
    screen.to(4 + LABEL + WORD);
}

fn draw_stamp(screen: &mut Screen, view: &StripView) {
    let ink = Ink::of_stamp(view.stamp);
    let word = view.stamp.as_str();
    let (left, right, bar) =
        if screen.is_ascii() { ("[", "]", "=") } else { ("║", "║", "═") };
    let edge = bar.repeat(word.len() + 2);
    let (top, bottom) = if screen.is_ascii() {
        (format!("+{edge}+"), format!("+{edge}+"))
    } else {
        (format!("╔{edge}╗"), format!("╚{edge}╝"))
    };
    let value = 4 + LABEL + WORD;
    let mut lines = view.stamped.iter();
    let body = format!("{left} {word} {right}");
    for (label, text) in [("", top), ("Judgement", body), ("", bottom)] {
        if !label.is_empty() {
            screen.to(4);
            screen.put(Ink::Dim, label);
        }
        screen.to(4 + LABEL);
        screen.put(ink, &text);
        if screen.column() < value {
            screen.to(value);
        } else {
            screen.space(2);
        }
        if !label.is_empty() {
            screen.put(
                Ink::Text,
                &lines.by_ref().map(String::as_str).collect::<Vec<_>>().join(" · "),
            );
        }
        screen.end();
    }
}

fn draw_reasons(screen: &mut Screen, view: &StripView) {
    if view.reasons.is_empty() {
        return;
    }
    screen.section("Reasons", "");
    for reason in &view.reasons {
        screen.left(Ink::of_stamp(reason.stamp), reason.stamp.as_str(), 9);
        screen.paragraph(Ink::Text, &reason.sentence);
        screen.to(9);
        screen.item(Ink::Dim, &reason.code, 9, 0);
        for control in &reason.controls {
            screen.item(Ink::Dim, control, 9, 2);
        }
        screen.end();
    }
}

fn draw_chain(screen: &mut Screen, chain: &[HopView]) {
    if chain.is_empty() {
        return;
    }
    screen.section("How it was tied", "the root first");
    let shown = &chain[..chain.len().min(HOPS_MAX)];
    let time = shown.iter().map(|hop| screen.measure(&hop.time)).max().unwrap_or(0).min(32);
    let kind = shown.iter().map(|hop| screen.measure(&hop.kind)).max().unwrap_or(0).min(16);
    for hop in shown {
        screen.left(Ink::Dim, &hop.time, time);
        screen.space(2);
        screen.left(Ink::Text, &hop.kind, kind);
        screen.space(2);
        let indent = screen.column();
        screen.paragraph(Ink::Text, &hop.what);
        screen.to(indent);
        draw_tie(screen, hop, indent);
        screen.end();
    }
    if chain.len() > shown.len() {
        screen.put(Ink::Dim, &format!("and {} more", chain.len() - shown.len()));
        screen.end();
    }
}

fn draw_tie(screen: &mut Screen, hop: &HopView, indent: usize) {
    screen.seal(hop.grade);
    screen.space(1);
    if hop.rule.is_empty() {
        screen.put(Ink::of_seal(hop.grade), "root");
    } else {
        screen.put(Ink::of_seal(hop.grade), hop.grade.as_str());
        screen.item(Ink::Dim, &format!("by {}", hop.rule), indent, 1);
        if hop.grade == Seal::Inferred {
            screen.put(Ink::Warn, ", not counted");
        }
    }
    screen.item(Ink::Dim, &hop.event, indent, 2);
}
