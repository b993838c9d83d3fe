//! Views as one HTML page that needs nothing else: no script, no request, no inline style.
//!
//! What comes from outside is written as [`Text`] and as nothing else: escaped for hidden
//! characters first, for HTML second. The stylesheet is allowed by its hash alone.

mod coverage;
mod evidence;
mod findings;
mod matrix;
mod seals;
mod strip;
mod text;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::figures::{count, percent};
use crate::view::{CellState, Stamp, StripView, TraceView};
use text::Text;

const STYLESHEET: &str = include_str!("../assets/report.css");

/// The page. The strips follow the run's own sections, in the order given.
pub fn render_html(view: &TraceView, strips: &[StripView]) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&view.headline))
            body {
                (seals::sprite())
                a.skip href="#main" { "Skip to content" }
                (masthead(view, strips))
                main.page #main {
                    div.title {
                        h1 { (Text(&view.headline)) }
                        @if !view.lead.is_empty() { p.lead { (Text(&view.lead)) } }
                    }
                    (figures(view))
                    (matrix::section(&view.matrix))
                    (coverage::section(view))
                    (findings::judgements(&view.judgements))
                    (findings::section(view, strips))
                    (findings::gaps(view))
                    (strip::section(strips))
                    (evidence::tied(view))
                    (evidence::read(&view.read))
                    (evidence::section(view))
                }
                footer.foot {
                    @for fact in &view.foot { span { (Text(fact)) } }
                    span { "All times UTC" }
                }
            }
        }
    }
    .into_string()
}

/// What the page may do: show its own stylesheet, and nothing else.
fn content_security_policy() -> String {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLESHEET.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
         form-action 'none'"
    )
}

fn head(headline: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(content_security_policy());
            meta name="referrer" content="no-referrer";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (Text(headline)) " · Countersign" }
            link rel="icon" href="data:,";
            style { (PreEscaped(STYLESHEET)) }
        }
    }
}

fn masthead(view: &TraceView, strips: &[StripView]) -> Markup {
    let entries = [
        ("ways-in", "Ways in", view.matrix.rows.len()),
        ("attribution", "Who acted", 0),
        ("judgements", "Judgements", 0),
        ("findings", "Findings", view.findings.len()),
        ("gaps", "Not seen", view.gaps.len()),
        ("strips", "Strips", strips.len()),
        ("evidence", "Evidence", 0),
    ];
    html! {
        div.mast {
            header.masthead {
                span.wordmark { (seals::mark()) "Countersign" }
                nav.nav aria-label="On this page" {
                    @for (id, name, number) in entries {
                        a href={ "#" (id) } {
                            (name)
                            @if number > 0 { " " span.n { (count(number as u64)) } }
                        }
                    }
                }
            }
        }
    }
}

/// One entry of the register: a marginal note, then the matter.
fn entry(id: &str, title: &str, note: Markup, matter: Markup) -> Markup {
    html! {
        section.entry id=(id) aria-labelledby={ "h-" (id) } {
            div.margin { h2 id={ "h-" (id) } { (title) } (note) }
            div.stack { (matter) }
        }
    }
}

/// A table that scrolls sideways by itself, and can be reached with the keyboard.
fn scroll(name: &str, table: Markup) -> Markup {
    html! { div.scroll tabindex="0" role="group" aria-label=(name) { (table) } }
}

fn figures(view: &TraceView) -> Markup {
    let total = view.coverage_total();
    let judged = view.judgements.total();
    let ways = view.matrix.rows.iter().flat_map(|row| &row.cells);
    let ways = ways.filter(|cell| cell.state != CellState::NoAccess);
    let (meet, ways) = ways.fold((0, 0), |(meet, all), cell| {
        (meet + u64::from(cell.state == CellState::Meets), all + 1)
    });
    let open: u64 = view.findings_open().iter().map(|(_, number)| number).sum();
    let worst = view.findings_open().map(|(severity, number)| {
        if number == 0 { String::new() } else { format!("{} {}", count(number), severity.as_str()) }
    });
    let worst: Vec<&str> = worst.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    html! {
        dl.figures {
            (figure("Attribution coverage", &percent(total.attributed(), total.actions),
                &format!("{} of {} actions", count(total.attributed()), count(total.actions))))
            (figure("Judged justified", &percent(view.judgements.by_stamp(Stamp::Allow), judged),
                &format!("{} deny, {} unknown", count(view.judgements.deny), count(view.judgements.unknown))))
            (figure("Assurance consistency", &percent(meet, ways),
                &format!("{} of {} ways in meet the requirement", count(meet), count(ways))))
            (figure("Findings", &count(open),
                &if worst.is_empty() { "none is open".to_owned() } else { worst.join(", ") }))
        }
    }
}

fn figure(name: &str, value: &str, note: &str) -> Markup {
    let (value, unit) = value.split_once(' ').unwrap_or((value, ""));
    html! {
        div {
            dt { (name) }
            dd.fig { (value) @if !unit.is_empty() { small { " " (unit) } } }
            dd { (note) }
        }
    }
}
