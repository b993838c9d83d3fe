//! From an output row to its strip: which words stand in which segment, and where it breaks.
//!
//! The strip is drawn from the row alone, so what a person sees and what their SIEM got are the
//! same facts.

use countersign_console::{HopView, ReasonView, Seal, SegmentState, SegmentView, Stamp, StripView};
use countersign_model::grade::Gap;
use countersign_model::register::Register;
use serde_json::Value;

use crate::view::{gap_sentence, levels_of};

/// The strip of one row. `register` adds names; without it ids stand for them.
pub fn of_row(row: &Value, register: &Register) -> StripView {
    let judged = &row["judgement"];
    let mut segments = vec![
        organization(judged, register),
        trust_path(judged, register),
        assurance(row),
        identity(row),
    ];
    segments.extend(through(row));
    segments.extend([credential(row), grant(judged, register), action(row)]);
    let stamp = stamp(text(&judged["outcome"]));
    StripView {
        event: format!("{}/{}", text(&row["source"]), text(&row["event"])),
        kicker: vec![
            text(&row["time"]).to_owned(),
            text(&row["tenant"]).to_owned(),
            text(&row["source"]).to_owned(),
        ],
        headline: headline(row, stamp),
        lead: lead(row),
        segments,
        stamp,
        stamped: vec![format!("as of {}", text(&row["time"]))],
        reasons: reasons(judged),
        chain: chain(row),
        raw: format!("{}:{}", text(&row["raw"]["file"]), row["raw"]["line"]),
        notes: list(&row["notes"])
            .iter()
            .map(|note| note_sentence(text(note)).to_owned())
            .collect(),
    }
}

fn organization(judged: &Value, register: &Register) -> SegmentView {
    let Some(id) = judged["organization"].as_str() else {
        return not_reached("Organization", "no registered identity stands behind the action");
    };
    let known = register.organizations.get(id);
    let name = known.and_then(|known| known.name.as_deref()).unwrap_or(id);
    let mut lines = vec![name.to_owned()];
    if let Some(known) = known {
        let via = known.via.as_ref().map(|via| format!(", via {via}")).unwrap_or_default();
        lines.push(format!("{}{via}", known.kind.as_str()));
    }
    broken_by(judged, "organization.", intact("Organization", Seal::Exact, lines))
}

fn trust_path(judged: &Value, register: &Register) -> SegmentView {
    let Some(id) = judged["trust_path"].as_str() else {
        return unknown("Trust path", "the register does not say by which path it came");
    };
    let mut lines = vec![id.to_owned()];
    if let Some(path) = register.trust_paths.get(id) {
        let issuer = path.issuer.as_deref().map(|issuer| format!(", {issuer}")).unwrap_or_default();
        lines.push(format!("{}{issuer}", path.kind.as_str()));
    }
    broken_by(judged, "trust_path.", intact("Trust path", Seal::Exact, lines))
}

fn assurance(row: &Value) -> SegmentView {
    let judged = &row["judgement"];
    if judged.is_null() {
        return not_reached("Assurance", "the action was not judged");
    }
    let mut lines = vec![levels(&judged["accepted"])];
    if !judged["required"].is_null() {
        lines.push(format!("required {}", levels(&judged["required"])));
    }
    if let Some(entry) = judged["accepted_by"].as_str() {
        lines.push(format!("by {entry}"));
    }
    broken_by(judged, "assurance.", intact("Assurance", Seal::Exact, lines))
}

fn identity(row: &Value) -> SegmentView {
    let actor = &row["actor"];
    let grade = text(&actor["grade"]);
    let lines = party_lines(actor);
    if let Some(gap) = actor["gap"].as_str() {
        let candidates = actor["candidates"].as_u64().filter(|count| *count > 0);
        let many = candidates.map(|count| format!(" ({count} fit)")).unwrap_or_default();
        let close = actor["closed_by"].as_str().map(|feed| format!("; would close it: {feed}"));
        let holder = party_lines(&row["holder"]);
        let held = holder.first().map(|name| format!("held by {name}")).into_iter().collect();
        return SegmentView {
            label: "Identity".to_owned(),
            state: SegmentState::Broken,
            seal: Seal::Broken,
            word: "nobody".to_owned(),
            lines: held,
            because: format!("{}{many}{}", gap_words(gap), close.unwrap_or_default()),
        };
    }
    let seal = seal(grade);
    let rule = format!("by {}", text(&actor["rule"]));
    let mut segment = intact("Identity", seal, [lines, vec![rule]].concat());
    if seal == Seal::Inferred {
        segment.state = SegmentState::Inferred;
        segment.because = "shown, never counted".to_owned();
    }
    broken_by(&row["judgement"], "identity.", segment)
}

fn through(row: &Value) -> Vec<SegmentView> {
    let mut hops: Vec<SegmentView> = list(&row["through"])
        .iter()
        .map(|hop| {
            let name = hop["identity"].as_str().unwrap_or(text(&hop["value"]));
            intact("Acting through", Seal::Declared, vec![name.to_owned()])
        })
        .collect();
    if let Some(portal) = row["portal"].as_str() {
        hops.push(intact("Acting through", Seal::Declared, vec![format!("portal {portal}")]));
    }
    if let Some(service) = row["via"].as_str() {
        hops.push(intact("Acting through", Seal::Declared, vec![service.to_owned()]));
    }
    hops
}

fn credential(row: &Value) -> SegmentView {
    let handle = row["handle"].as_str();
    let Some(name) = row["credential"].as_str().or(handle) else {
        return unknown("Credential", "the record shows none");
    };
    let mut lines = vec![name.to_owned()];
    lines.extend(handle.filter(|handle| *handle != name).map(str::to_owned));
    let segment = intact("Credential", seal(text(&row["holder"]["grade"])), lines);
    // A key used from where it may not be is as broken as one that has ended.
    let segment = broken_by(&row["judgement"], "nhi.off_network", segment);
    broken_by(&row["judgement"], "credential.", segment)
}

fn grant(judged: &Value, register: &Register) -> SegmentView {
    let Some(id) = judged["grant"].as_str() else {
        let why = if judged.is_null() { "the action was not judged" } else { "no grant covers it" };
        let segment = SegmentView { because: why.to_owned(), ..not_reached("Grant", why) };
        return broken_by(judged, "grant.", segment);
    };
    let sponsor = judged["sponsor"].as_str();
    let name = sponsor.and_then(|id| register.sponsors.get(id)?.name.as_deref()).or(sponsor);
    let lines = vec![
        id.to_owned(),
        format!("sponsor {}", name.unwrap_or("unknown")),
        format!("until {}", judged["grant_until"].as_str().unwrap_or("unknown")),
    ];
    let segment = broken_by(judged, "grant.", intact("Grant", Seal::Exact, lines));
    broken_by(judged, "sponsor.", segment)
}

fn action(row: &Value) -> SegmentView {
    let mut lines = vec![text(&row["action"]).to_owned()];
    lines.extend(row["resource"].as_str().map(str::to_owned));
    lines.push(text(&row["tenant"]).to_owned());
    intact("Action", Seal::Exact, lines)
}

/// Breaks a segment by the judgement's reasons whose code begins with `prefix`.
fn broken_by(judged: &Value, prefix: &str, mut segment: SegmentView) -> SegmentView {
    let reasons = list(&judged["reasons"]);
    let Some(reason) = reasons.iter().find(|reason| text(&reason["code"]).starts_with(prefix))
    else {
        return segment;
    };
    segment.because = text(&reason["text"]).to_owned();
    (segment.state, segment.seal) = match text(&reason["outcome"]) {
        "unknown" => (SegmentState::NotReached, Seal::Unknown),
        _ => (SegmentState::Broken, Seal::Broken),
    };
    text(&reason["code"]).rsplit('.').next().unwrap_or("").clone_into(&mut segment.word);
    segment
}

fn party_lines(party: &Value) -> Vec<String> {
    let account = &party["account"]["value"];
    let shown = party["name"].as_str().or(party["identity"].as_str()).or(account.as_str());
    let mut lines: Vec<String> = shown.map(str::to_owned).into_iter().collect();
    lines.extend(account.as_str().filter(|account| Some(*account) != shown).map(str::to_owned));
    lines
}

fn headline(row: &Value, stamp: Stamp) -> String {
    let action = text(&row["action"]);
    let actor = &row["actor"];
    let who = party_lines(actor).into_iter().next();
    let holder = party_lines(&row["holder"]).into_iter().next();
    let judged = match stamp {
        _ if row["judgement"].is_null() => "It was not judged.",
        Stamp::Allow => "It was justified.",
        Stamp::Deny => "It was not justified.",
        Stamp::StepUp => "It would have needed more assurance.",
        Stamp::Unknown => "Whether it was justified is not known.",
    };
    match (actor["gap"].as_str(), text(&actor["grade"]), who, holder) {
        (Some(_), _, _, Some(holder)) => {
            format!("Somebody holding the access of {holder} did {action}. {judged}")
        }
        (Some(_), ..) | (None, _, None, _) => format!("Nobody can be named for {action}. {judged}"),
        (None, "inferred", Some(who), _) => {
            format!("We infer that {who} did {action}, and do not count it. {judged}")
        }
        (None, _, Some(who), _) => format!("{who} did {action}. {judged}"),
    }
}

fn lead(row: &Value) -> String {
    match row["actor"]["gap"].as_str() {
        Some(gap) => format!("The actor is not known: {}.", gap_words(gap)),
        None => format!("The weakest link is {}.", text(&row["actor"]["grade"])),
    }
}

fn gap_words(gap: &str) -> &str {
    match Gap::parse(gap) {
        Some(known) => gap_sentence(known),
        None => gap,
    }
}

fn reasons(judged: &Value) -> Vec<ReasonView> {
    let view = |reason: &Value| ReasonView {
        code: text(&reason["code"]).to_owned(),
        sentence: text(&reason["text"]).to_owned(),
        stamp: stamp(text(&reason["outcome"])),
        controls: list(&reason["controls"]).iter().map(|c| text(c).to_owned()).collect(),
    };
    list(&judged["reasons"]).iter().map(view).collect()
}

/// From the root to the action; the row has it the other way round.
fn chain(row: &Value) -> Vec<HopView> {
    let hops = list(&row["chain"]);
    let root = hops.len().saturating_sub(1);
    let proof = |(at, hop): (usize, &Value)| HopView {
        time: text(&hop["time"]).to_owned(),
        kind: if at == root { "root" } else { "issued" }.to_owned(),
        what: text(&hop["source"]).to_owned(),
        rule: text(&hop["rule"]).to_owned(),
        grade: seal(text(&hop["grade"])),
        event: text(&hop["event"]).to_owned(),
    };
    let mut chain: Vec<HopView> = hops.iter().enumerate().rev().map(proof).collect();
    chain.push(HopView {
        time: text(&row["time"]).to_owned(),
        kind: text(&row["kind"]).to_owned(),
        what: text(&row["action"]).to_owned(),
        rule: text(&row["holder"]["rule"]).to_owned(),
        grade: seal(text(&row["holder"]["grade"])),
        event: text(&row["event"]).to_owned(),
    });
    chain
}

fn note_sentence(note: &str) -> &str {
    match note {
        "skew" => "used a moment before it was issued, within what clocks may differ",
        "used_before_issued" => "used before it was issued, by more than clocks may differ",
        "after_expiry" => "the credential had expired",
        "after_revocation" => "the credential had been revoked",
        "conflict" => "another name in the record disagrees with the chain; the chain counts",
        "content_conflict" => "the same event id was delivered with different content",
        "off_instance" => "a machine's credential used from somewhere else",
        "shared_across_tenants" => "several accounts logged it; it is counted once",
        "attempt" => "an attempt that failed",
        "impersonated" => {
            "the actor acts as the other account, by impersonation or for it; the records say so"
        }
        "account_reassigned" => "the account was registered to somebody at another time only",
        other => other,
    }
}

/// Levels in the order of their axes, such as `IAL1 AAL2 PR`.
pub fn levels(assurance: &Value) -> String {
    let axes = ["ial", "aal", "fal", "workload"].map(|axis| assurance[axis].as_u64());
    levels_of(axes, assurance["phishing_resistant"] == true)
}

fn intact(label: &str, seal: Seal, lines: Vec<String>) -> SegmentView {
    SegmentView {
        label: label.to_owned(),
        state: SegmentState::Intact,
        seal,
        word: String::new(),
        lines,
        because: String::new(),
    }
}

fn not_reached(label: &str, because: &str) -> SegmentView {
    SegmentView {
        state: SegmentState::NotReached,
        seal: Seal::Unknown,
        because: because.to_owned(),
        ..intact(label, Seal::Unknown, Vec::new())
    }
}

fn unknown(label: &str, because: &str) -> SegmentView {
    SegmentView { word: "unknown".to_owned(), ..not_reached(label, because) }
}

fn seal(grade: &str) -> Seal {
    match grade {
        "exact" => Seal::Exact,
        "composite" => Seal::Composite,
        "declared" => Seal::Declared,
        "inferred" => Seal::Inferred,
        _ => Seal::Broken,
    }
}

fn stamp(outcome: &str) -> Stamp {
    match outcome {
        "allow" => Stamp::Allow,
        "deny" => Stamp::Deny,
        "step_up" => Stamp::StepUp,
        _ => Stamp::Unknown,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
