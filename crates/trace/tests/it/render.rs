//! Answers as the lines of a case's `expect` section.

use std::fmt::Write as _;

use countersign_model::attribution::{Attribution, Party};
use countersign_model::time::NANOS_PER_SECOND;

pub fn render(answer: &Attribution<'_>) -> String {
    let mut out = format!("  {}  {}\n", answer.event.id, answer.class.as_str());
    let mut line = |name: &str, text: String| {
        if !text.is_empty() {
            writeln!(out, "    {name:<9} {text}").expect("a string takes everything");
        }
    };
    line("holder", party(&answer.holder));
    line("actor", party(&answer.actor));
    let through = answer.through.iter().map(|through| {
        let (namespace, value) = through.account;
        through.identity.map_or_else(|| format!("{namespace}/{value}"), str::to_owned)
    });
    line("through", through.collect::<Vec<_>>().join(", "));
    line("portal", answer.portal.unwrap_or_default().to_owned());
    let chain = answer.chain.iter();
    let chain = chain.map(|hop| format!("{} {} {}", hop.event, hop.rule, hop.grade.as_str()));
    line("chain", chain.collect::<Vec<_>>().join(" <- "));
    line("key", answer.credential.unwrap_or_default().to_owned());
    let assurance =
        answer.assurance.iter().map(|(namespace, value)| format!("{namespace} {value}"));
    line("proof", assurance.collect::<Vec<_>>().join(", "));
    line("since", answer.authenticated_at.map(|at| clock(at.0)).unwrap_or_default());
    let notes = answer.notes.iter().map(|note| note.as_str());
    line("notes", notes.collect::<Vec<_>>().join(", "));
    if answer.deliveries != 1 {
        line("delivered", format!("{} times", answer.deliveries));
    }
    out
}

fn party(party: &Party<'_>) -> String {
    let who = match (party.identity, party.account) {
        (Some(identity), _) => identity.to_owned(),
        (None, Some((namespace, value))) => format!("{namespace}/{value}"),
        (None, None) => "nobody".to_owned(),
    };
    let mut out = who;
    if let Some(name) = party.name {
        write!(out, " ({name})").expect("a string takes everything");
    }
    match party.gap {
        None => write!(out, ", {} by {}", party.grade.as_str(), party.rule),
        Some(gap) if party.candidates > 0 => {
            write!(out, ": {} of {}", gap.as_str(), party.candidates)
        }
        Some(gap) => write!(out, ": {}", gap.as_str()),
    }
    .expect("a string takes everything");
    if let Some(feed) = party.feed.filter(|_| party.gap.is_some()) {
        write!(out, ", closed by {feed}").expect("a string takes everything");
    }
    out
}

fn clock(nanos: i64) -> String {
    let seconds = nanos.div_euclid(NANOS_PER_SECOND).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
