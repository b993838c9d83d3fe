//! Events in words, and what was read from a text.

use std::fmt::Write;
use std::path::Path;

use countersign_model::event::{Event, Link, Principal};
use countersign_model::time::Timestamp;
use countersign_sources::read::Visitor;
use countersign_sources::{Definitions, Limits, Place, Quarantined, plan};

/// Everything that was read, one block a record.
#[derive(Default)]
pub struct Rendered {
    pub text: String,
    pub events: u64,
    pub bad: Vec<(u64, String)>,
    pub beside: std::collections::BTreeMap<String, u64>,
}

impl Visitor for Rendered {
    fn event(&mut self, event: &Event<'_>, place: Place) {
        self.events += 1;
        render(&mut self.text, event, place.line);
    }

    fn quarantine(&mut self, quarantined: Quarantined) {
        let line = quarantined.place.line;
        writeln!(self.text, "line {line}: quarantined: {}\n", quarantined.reason).unwrap();
        self.bad.push((line, quarantined.reason));
    }

    fn beside(&mut self, what: &str) {
        *self.beside.entry(what.to_owned()).or_default() += 1;
    }
}

/// Reads a file as a user would.
pub fn read_file(path: &Path, definitions: &Definitions) -> Rendered {
    let limits = Limits::default();
    let plan = plan(&[path.to_owned()], &limits);
    let mut rendered = Rendered::default();
    for unit in &plan.units {
        if let Err(error) = unit.read(definitions, &limits, &mut rendered) {
            writeln!(rendered.text, "stopped: {error}").unwrap();
        }
    }
    for (_, reason) in &plan.skipped {
        writeln!(rendered.text, "skipped: {reason}").unwrap();
    }
    rendered
}

/// Reads a text as the only file of a folder that is gone afterwards.
pub fn read_bytes(name: &str, bytes: &[u8]) -> Rendered {
    read_bytes_with(name, bytes, &Definitions::shipped().unwrap())
}

pub fn read_bytes_with(name: &str, bytes: &[u8], definitions: &Definitions) -> Rendered {
    let folder = std::env::temp_dir().join(format!("countersign-sources-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    let rendered = read_file(&path, definitions);
    std::fs::remove_file(&path).unwrap();
    rendered
}

fn render(out: &mut String, event: &Event<'_>, line: u64) {
    let time = when(event.time);
    writeln!(out, "line {line}: {} {} {} {time}", event.source, event.feed, event.kind.as_str())
        .unwrap();
    let privileged = if event.privileged { ", privileged" } else { "" };
    let redacted = if event.redacted { ", redacted" } else { "" };
    writeln!(out, "  {} {}{privileged}{redacted}", event.action, event.outcome.as_str()).unwrap();
    writeln!(out, "  id {}, tenant `{}`", event.id, event.tenant).unwrap();
    let mut say = |name: &str, value: &Option<std::borrow::Cow<'_, str>>| {
        if let Some(value) = value {
            writeln!(out, "  {name} {value}").unwrap();
        }
    };
    say("resource", &event.resource);
    say("via", &event.via);
    say("ip", &event.ip);
    say("agent", &event.user_agent);
    say("shared", &event.shared_id);
    if let Some(principal) = &event.principal {
        writeln!(out, "  principal {}", name(principal)).unwrap();
    }
    for delegate in &event.delegation {
        writeln!(out, "  {} {}", delegate.role.as_str(), name(&delegate.principal)).unwrap();
    }
    for (claim, value) in &event.assurance {
        writeln!(out, "  claim {claim} = {value}").unwrap();
    }
    if let Some(started) = event.session_started {
        writeln!(out, "  session since {}", when(started)).unwrap();
    }
    for link in &event.links {
        self::link(out, link);
    }
    out.push('\n');
}

fn link(out: &mut String, link: &Link<'_>) {
    let (verb, kind, rule) = (link.verb.as_str(), link.kind.as_str(), link.rule);
    write!(
        out,
        "  {verb} {kind} {}|{} ({}, {}",
        link.namespace,
        link.value,
        rule.name,
        rule.grade.as_str()
    )
    .unwrap();
    if rule.long_lived {
        out.push_str(", long-lived");
    }
    if rule.recycled {
        out.push_str(", recycled");
    }
    if let Some(window) = rule.window {
        write!(out, ", within {} s", window.0 / 1_000_000_000).unwrap();
    }
    if let Some(parent) = link.parent {
        write!(out, ", from link {parent}").unwrap();
    }
    out.push(')');
    if let Some(until) = link.until {
        write!(out, " until {}", when(until)).unwrap();
    }
    if let Some(root) = &link.root {
        write!(out, " of {}", name(root)).unwrap();
    }
    out.push('\n');
}

fn name(principal: &Principal<'_>) -> String {
    let shown = principal.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    format!("{} {}|{}{shown}", principal.kind.as_str(), principal.namespace, principal.value)
}

fn when(time: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap().to_string()
}
