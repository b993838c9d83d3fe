//! The countersign strip: one an action, folded but for the first.

use maud::{Markup, html};

use super::findings::{ink_of, stamped};
use super::seals::{Size, seal};
use super::text::Text;
use super::{entry, scroll};
use crate::figures::count;
use crate::view::{HopView, Seal, SegmentState, SegmentView, StripView};

const STRIPS_MAX: usize = 500;
const HOPS_MAX: usize = 100;

pub(super) fn section(strips: &[StripView]) -> Markup {
    let note = html! {
        p { "What stood behind one action, from the organization to the judgement." }
        ul.keys {
            @for it in Seal::ALL {
                li { (seal(it, Size::Small)) span { (it.as_str()) ": " (it.meaning()) } }
            }
        }
    };
    let matter = html! {
        @if strips.is_empty() {
            p.empty { "No strip was asked for. Name an event, and its strip is drawn here." }
        }
        @for (index, strip) in strips.iter().take(STRIPS_MAX).enumerate() {
            (folded(strip, index))
        }
        @if strips.len() > STRIPS_MAX {
            p.small { (count((strips.len() - STRIPS_MAX) as u64)) " strips are left out here." }
        }
    };
    entry("strips", "Strips", note, matter)
}

fn folded(view: &StripView, index: usize) -> Markup {
    html! {
        details.fold.one id={ "strip-" (index + 1) } open[index == 0] {
            summary {
                span.ministrip aria-hidden="true" {
                    @for segment in &view.segments { (seal(shown_seal(segment), Size::Small)) }
                }
                h3 { (Text(&view.headline)) }
                (stamped(view.stamp))
            }
            p.kicker { span { (Text(&view.event)) } @for fact in &view.kicker { span { (Text(fact)) } } }
            @if !view.lead.is_empty() { p { (Text(&view.lead)) } }
            (strip(view))
            @if !view.reasons.is_empty() { (reasons(view)) }
            @for note in &view.notes { p.notice { (Text(note)) } }
            @if !view.chain.is_empty() { (scroll("How it was tied", chain(&view.chain))) }
            p.raw { "Raw record " span.code { (Text(&view.raw)) } }
        }
    }
}

fn shown_seal(segment: &SegmentView) -> Seal {
    match segment.state {
        SegmentState::NotReached => Seal::Unknown,
        _ => segment.seal,
    }
}

fn strip(view: &StripView) -> Markup {
    html! {
        ol.strip aria-label={ "Countersign strip of " (Text(&view.event)) } {
            @for segment in &view.segments {
                li.seg data-seal=(state_of(segment.state)) {
                    span.lbl { (Text(&segment.label)) }
                    span.joint {
                        (seal(shown_seal(segment), Size::Large))
                        span.grade { (Text(segment.word())) }
                    }
                    @if let Some((value, others)) = segment.lines.split_first() {
                        span.val { (Text(value)) }
                        @for line in others { span.sub { (Text(line)) } }
                    }
                    @if !segment.because.is_empty() {
                        span.sub { em { (Text(&segment.because)) } }
                    }
                }
            }
            li.seg.end data-seal="intact" {
                span.lbl { "Judgement" }
                span.joint { (stamped(view.stamp)) }
                @for line in &view.stamped { span.sub { (Text(line)) } }
            }
        }
    }
}

fn state_of(state: SegmentState) -> &'static str {
    match state {
        SegmentState::Intact => "intact",
        SegmentState::Inferred => "inferred",
        SegmentState::Broken => "broken",
        SegmentState::NotReached => "none",
    }
}

fn reasons(view: &StripView) -> Markup {
    html! {
        ol.reasons {
            @for reason in &view.reasons {
                li {
                    span class={ "sev " (ink_of(reason.stamp)) } { (reason.stamp.as_str()) }
                    span {
                        span.what { (Text(&reason.sentence)) }
                        br;
                        span.meta {
                            span.code { (Text(&reason.code)) }
                            @for control in &reason.controls { " · " (Text(control)) }
                        }
                    }
                }
            }
        }
    }
}

fn chain(hops: &[HopView]) -> Markup {
    html! {
        table.reg.events {
            caption { "How it was tied" @if hops.len() > HOPS_MAX { ", the first " (HOPS_MAX) } }
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Event" } th scope="col" { "What" }
                th scope="col" { "Tied by" } th scope="col" { "Grade" } th scope="col" { "Id" }
            } }
            tbody {
                @for hop in hops.iter().take(HOPS_MAX) {
                    tr {
                        td.t { (Text(&hop.time)) }
                        td { (Text(&hop.kind)) }
                        th.wide scope="row" { (Text(&hop.what)) }
                        td.code { @if hop.rule.is_empty() { "root" } @else { (Text(&hop.rule)) } }
                        td { span.state { (seal(hop.grade, Size::Small)) (hop.grade.as_str()) } }
                        td.code { (Text(&hop.event)) }
                    }
                }
            }
        }
    }
}
