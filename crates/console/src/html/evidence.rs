//! How events were tied, what was read, where the evidence lies and what to type next.

use maud::{Markup, html};

use super::seals::{Size, seal};
use super::text::Text;
use super::{entry, scroll};
use crate::figures::{count, percent};
use crate::view::{LedgerView, Proof, ReadView, Seal, TraceView};

pub(super) fn tied(view: &TraceView) -> Markup {
    let total = view.links_total();
    let note = html! { p { "Each rule names the fields it compares. A guess is never counted." } };
    let matter = html! {
        @if view.links.is_empty() {
            p.empty { "No event could be tied to another." }
        } @else {
            (scroll("How events were tied", html! {
                table.reg.mid {
                    caption.hide { "Rules that tied events, with how many links each made" }
                    thead { tr {
                        th scope="col" { "Rule" } th scope="col" { "Grade" }
                        th.num scope="col" { "Links" } th.num scope="col" { "Share" }
                    } }
                    tbody {
                        @for link in &view.links {
                            tr {
                                th scope="row" { span.code { (Text(&link.rule)) } }
                                td { span.state { (seal(link.grade, Size::Small)) (link.grade.as_str())
                                    @if link.grade == Seal::Inferred { ", not counted" } } }
                                td.num { (count(link.count)) }
                                td.num { (percent(link.count, total)) }
                            }
                        }
                    }
                }
            }))
        }
    };
    entry("tied", "How events were tied", note, matter)
}

pub(super) fn read(read: &ReadView) -> Markup {
    let note = html! {
        @if !read.from.is_empty() {
            p { (Text(&read.from)) @if read.from != read.until { " to " (Text(&read.until)) } }
        }
        p { "An unproven definition was written from documentation alone." }
    };
    let matter = html! {
        dl.facts {
            div { dt { "Records" } dd { (count(read.records)) } }
            div { dt { "Files" } dd { (count(read.files)) } }
            div { dt { "Could not be read" } dd { (count(read.quarantined)) } }
            @for (what, number) in &read.beside {
                div { dt { "Beside the events: " (Text(what)) } dd { (count(*number)) } }
            }
            div { dt { "Duplicates, counted once" } dd { (count(read.duplicates)) } }
        }
        @if !read.formats.is_empty() {
            (scroll("Formats", html! {
                table.reg {
                    caption.hide { "Formats that were read" }
                    thead { tr {
                        th scope="col" { "Definition" } th scope="col" { "Tried on" }
                        th.num scope="col" { "Files" } th.num scope="col" { "Records" }
                    } }
                    tbody {
                        @for format in &read.formats {
                            tr {
                                th scope="row" { span.code { (Text(&format.definition)) } }
                                td { @match format.proof {
                                    Proof::Proven => "real records",
                                    Proof::Unproven => span.tag.warn { "unproven" },
                                } }
                                td.num { (count(format.files)) }
                                td.num { (count(format.records)) }
                            }
                        }
                    }
                }
            }))
        }
        @if !read.quarantine.is_empty() {
            details.fold {
                summary { "Why " (count(read.quarantined)) " could not be read" }
                ul.plain { @for reason in &read.quarantine { li.code { (Text(reason)) } } }
            }
        }
    };
    entry("read", "What was read", note, matter)
}

pub(super) fn section(view: &TraceView) -> Markup {
    let note = html! {
        p { "Anyone with the public key can check the ledger without us." }
    };
    let matter = html! {
        @match &view.ledger {
            Some(ledger) => (proof(ledger)),
            None => p.empty { "This run wrote no evidence." },
        }
        @if !view.next.is_empty() {
            h3 { "Where next" }
            dl.next {
                @for command in &view.next {
                    dt { (Text(&command.what)) }
                    dd { code.cmd { (Text(&command.command)) } }
                }
            }
        }
    };
    entry("evidence", "Evidence", note, matter)
}

fn proof(ledger: &LedgerView) -> Markup {
    html! {
        div.proof {
            dl.pairs {
                dt { "Ledger" } dd.mono { (Text(&ledger.folder)) }
                dt { "Added by this run" } dd { (count(ledger.added)) " entries" }
                dt { "Checkpoint" } dd { (Text(&ledger.origin)) ", size " (count(ledger.size)) }
                dt { "Root" } dd.mono { (Text(&ledger.root)) }
                dt { "Public key" } dd.mono { (Text(&ledger.public_key)) }
            }
        }
    }
}
