//! Judgements, findings and what could not be seen.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::text::Text;
use super::{entry, scroll};
use crate::figures::{count, percent};
use crate::view::{
    FindingMark, FindingView, JudgementsView, Severity, Stamp, StripView, TraceView,
};

/// Findings beyond these are folded; beyond [`FINDINGS_MAX`] they are only counted.
const FINDINGS_OPEN: usize = 20;
const FINDINGS_MAX: usize = 2_000;
const REASONS_MAX: usize = 100;
const GAPS_MAX: usize = 200;

pub(super) fn judgements(judgements: &JudgementsView) -> Markup {
    let total = judgements.total();
    let note = html! {
        p { "Each action was judged as of its own time, by what the register says of then." }
    };
    let matter = html! {
        @if total == 0 {
            p.empty { "Nothing was judged." }
        } @else {
            dl.stamps {
                @for stamp in Stamp::ALL {
                    @let number = judgements.by_stamp(stamp);
                    div {
                        dt { (stamped(stamp)) }
                        dd { b { (count(number)) } " " span.dim { (percent(number, total)) } }
                    }
                }
            }
            @if !judgements.reasons.is_empty() {
                (scroll("Most frequent reasons", reasons(judgements)))
            }
        }
    };
    entry("judgements", "Justified then?", note, matter)
}

pub(super) fn stamped(stamp: Stamp) -> Markup {
    html! { span class={ "stamp " (stamp.as_str()) } { (stamp.as_str()) } }
}

fn reasons(judgements: &JudgementsView) -> Markup {
    html! {
        table.reg {
            caption.hide { "Most frequent reasons" }
            thead { tr {
                th.num scope="col" { "Actions" } th scope="col" { "Judgement" }
                th scope="col" { "Reason" } th scope="col" { "Code" }
            } }
            tbody {
                @for reason in judgements.reasons.iter().take(REASONS_MAX) {
                    tr {
                        td.num { (count(reason.count)) }
                        td class=(ink_of(reason.stamp)) { (reason.stamp.as_str()) }
                        th.wide scope="row" { (Text(&reason.sentence)) }
                        td.code { (Text(&reason.code)) }
                    }
                }
            }
        }
    }
}

pub(super) fn ink_of(stamp: Stamp) -> &'static str {
    match stamp {
        Stamp::Allow => "is-ok",
        Stamp::StepUp => "is-warn",
        Stamp::Deny => "is-bad",
        Stamp::Unknown => "is-none",
    }
}

pub(super) fn section(view: &TraceView, strips: &[StripView]) -> Markup {
    let findings = view.findings_worst_first();
    let (open, folded) = findings.split_at(findings.len().min(FINDINGS_OPEN));
    let places: BTreeMap<&str, usize> =
        strips.iter().enumerate().rev().map(|(at, strip)| (strip.event.as_str(), at + 1)).collect();
    let note = html! {
        p { "Facts that break a control, the worst first. An accepted one has an end." }
    };
    let matter = html! {
        @if findings.is_empty() {
            p.empty { "No finding. Nothing that was seen breaks a control." }
        } @else {
            ul.list { @for finding in open { (item(finding, &places)) } }
            @if !folded.is_empty() {
                details.fold {
                    summary { "And " (count(folded.len() as u64)) " more findings" }
                    ul.list {
                        @for finding in folded.iter().take(FINDINGS_MAX) { (item(finding, &places)) }
                    }
                    @if folded.len() > FINDINGS_MAX {
                        p.small { (count((folded.len() - FINDINGS_MAX) as u64)) " are left out here." }
                    }
                }
            }
        }
    };
    entry("findings", "Findings", note, matter)
}

fn item(finding: &FindingView, places: &BTreeMap<&str, usize>) -> Markup {
    let ink = match finding.severity {
        Severity::Critical => "sev is-bad",
        Severity::High => "sev is-warn",
        Severity::Medium | Severity::Low => "sev",
    };
    html! {
        li {
            span class=(ink) { (finding.severity.as_str()) }
            span {
                span.what { (Text(&finding.title)) }
                @match &finding.mark {
                    FindingMark::Open => {}
                    FindingMark::New => { " " span.tag.warn { "new" } }
                    FindingMark::Accepted(by) => { " " span.tag { "accepted by " (Text(by)) } }
                }
                @if !finding.remedy.is_empty() { br; (Text(&finding.remedy)) }
                br;
                span.meta {
                    span.code { (Text(&finding.code)) }
                    @if !finding.first.is_empty() {
                        " · first "
                        @match places.get(finding.first.as_str()) {
                            Some(place) => a href={ "#strip-" (place) } { (Text(&finding.first)) },
                            None => (Text(&finding.first)),
                        }
                    }
                    @for control in &finding.controls { " · " (Text(control)) }
                }
            }
            span.num { (count(finding.count)) " " span.dim { @if finding.count == 1 { "event" } @else { "events" } } }
        }
    }
}

pub(super) fn gaps(view: &TraceView) -> Markup {
    let gaps = view.gaps_worst_first();
    let note = html! { p { "Actions without an actor, and which feed would close the gap." } };
    let matter = html! {
        @if gaps.is_empty() {
            p.empty { "No gap. Every action that was judged has an actor." }
        } @else {
            (scroll("What could not be seen", html! {
                table.reg {
                    caption.hide { "What could not be seen, and what would close it" }
                    thead { tr {
                        th.num scope="col" { "Actions" } th scope="col" { "What is missing" }
                        th scope="col" { "What would close it" }
                    } }
                    tbody {
                        @for gap in gaps.iter().take(GAPS_MAX) {
                            tr {
                                td.num { b { (count(gap.actions)) } }
                                th.wide scope="row" { (Text(&gap.what)) }
                                td.wide { (Text(&gap.close)) }
                            }
                        }
                    }
                }
            }))
            @if gaps.len() > GAPS_MAX {
                p.small { (count((gaps.len() - GAPS_MAX) as u64)) " are left out here." }
            }
        }
    };
    entry("gaps", "What could not be seen", note, matter)
}
