//! Findings as JSON: kept with the run, compared between runs, printed for pipelines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use countersign_console::{TraceView, plain};
use countersign_govern::compare::{self, Changes, Known};
use countersign_govern::report::Report;
use countersign_model::finding::Finding;
use countersign_runs::folder::RunFolder;
use serde_json::{Value, json};

use crate::commands::trace::FINDINGS;
use crate::json::Json;
use crate::view;

/// Findings of each sort that are told.
const TOLD_MAX: usize = 12;

/// Appends the finding as a JSON object.
pub fn write(out: &mut Vec<u8>, finding: &Finding) {
    let mut object = Json::object(out);
    object.text("id", &finding.id);
    object.text("code", finding.code);
    object.text("severity", finding.severity.as_str());
    object.text("subject", &finding.subject);
    object.text("title", &finding.title);
    object.text("remedy", &finding.remedy);
    object.number("count", finding.count);
    object.texts("events", finding.events.iter().map(AsRef::as_ref));
    for (key, at) in [("first", finding.first), ("last", finding.last)] {
        if let Some(at) = at {
            object.time(key, at);
        }
    }
    object.texts("controls", finding.controls.iter().map(AsRef::as_ref));
    object.optional("accepted_by", finding.accepted_by.as_deref());
    object.done();
}

fn to_json(finding: &Finding) -> Value {
    let mut text = Vec::new();
    write(&mut text, finding);
    serde_json::from_slice(&text).unwrap_or_default()
}

/// One finding a line, each written as it is made: there may be hundreds of thousands.
pub fn save(run: &RunFolder, findings: &[Finding]) -> Result<()> {
    run.replace_with(FINDINGS, &mut |out| {
        let mut text = Vec::new();
        for (at, finding) in findings.iter().enumerate() {
            text.clear();
            text.extend_from_slice(if at == 0 { b"[\n" } else { b",\n" });
            write(&mut text, finding);
            out.write_all(&text)?;
        }
        out.write_all(if findings.is_empty() { b"[]\n" } else { b"\n]\n" })
    })?;
    Ok(())
}

/// The findings of an earlier run.
#[derive(Debug)]
pub struct Earlier {
    known: Vec<Known>,
    titles: BTreeMap<String, String>,
}

/// Reads them from the run's folder.
pub fn load(run: &Path) -> Result<Earlier> {
    let path = run.join(FINDINGS);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("no finished run is in `{}`", run.display()))?;
    let all: Vec<Value> =
        serde_json::from_str(&text).with_context(|| format!("`{}` is damaged", path.display()))?;
    let text =
        |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let known = |finding: &Value| Known {
        id: text(finding, "id"),
        count: finding["count"].as_u64().unwrap_or(0),
    };
    Ok(Earlier {
        known: all.iter().map(known).collect(),
        titles: all.iter().map(|one| (text(one, "id"), text(one, "title"))).collect(),
    })
}

impl Earlier {
    pub fn changes(&self, after: &[Finding]) -> Changes {
        let known = |finding: &Finding| Known { id: finding.id.clone(), count: finding.count };
        compare::compare(&self.known, &after.iter().map(known).collect::<Vec<_>>())
    }

    /// What changed, as lines for a person.
    pub fn told(&self, changes: &Changes, after: &[Finding]) -> String {
        let now = |id: &str| after.iter().find(|finding| finding.id == id);
        let counts = (changes.new.len(), changes.gone.len(), changes.changed.len());
        let mut text = format!(
            "\nSince the earlier run: {} new, {} gone, {} changed.\n",
            counts.0, counts.1, counts.2
        );
        let mut tell = |word: &str, ids: &[String], title: &dyn Fn(&str) -> String| {
            for id in ids.iter().take(TOLD_MAX) {
                text.push_str(&format!("  {word:<8} {}\n", plain(&title(id))));
            }
            if ids.len() > TOLD_MAX {
                text.push_str(&format!("  and {} more {word}\n", ids.len() - TOLD_MAX));
            }
        };
        let title = |id: &str| now(id).map_or(String::new(), |finding| finding.title.clone());
        tell("new", &changes.new, &title);
        tell("gone", &changes.gone, &|id| self.titles.get(id).cloned().unwrap_or_default());
        tell("changed", &changes.changed, &|id| {
            let before =
                self.known.iter().find(|known| known.id == id).map_or(0, |known| known.count);
            let count = now(id).map_or(0, |finding| finding.count);
            format!("{}: {before} events, now {count}", title(id))
        });
        text
    }
}

/// The run as one JSON object.
pub fn summary(view: &TraceView, report: &Report<'_>, changes: Option<&Changes>) -> Value {
    let total = view::total(report);
    json!({
        "headline": view.headline,
        "records": view.read.records,
        "quarantined": view.read.quarantined,
        "quarantine": view.read.quarantine,
        "beside_events": view.read.beside.iter().map(|(what, count)| json!({
            "what": what, "count": count,
        })).collect::<Vec<_>>(),
        "duplicates": view.read.duplicates,
        "sources": view.read.formats.iter().map(|format| json!({
            "definition": format.definition, "files": format.files, "records": format.records,
        })).collect::<Vec<_>>(),
        "coverage": {
            "actions": total.actions, "exact": total.exact, "composite": total.composite,
            "declared": total.declared, "inferred": total.inferred,
            "holder_only": total.holder_only, "unattributed": total.unattributed,
            "not_privileged": report.tally.not_privileged,
        },
        "by_tenant": view.coverage.iter().map(|row| json!({
            "tenant": row.tenant, "organization": row.organization, "actions": row.actions,
            "exact": row.exact, "composite": row.composite, "declared": row.declared,
            "inferred": row.inferred, "holder_only": row.holder_only, "unattributed": row.unattributed,
        })).collect::<Vec<_>>(),
        "links": view.links.iter().map(|link| json!({
            "rule": link.rule, "grade": link.grade.as_str(), "count": link.count,
        })).collect::<Vec<_>>(),
        "beside": view.beside.iter().map(|beside| json!({ "what": beside.what, "count": beside.count })).collect::<Vec<_>>(),
        "judgements": {
            "allow": view.judgements.allow, "step_up": view.judgements.step_up,
            "deny": view.judgements.deny, "unknown": view.judgements.unknown,
            "reasons": view.judgements.reasons.iter().map(|reason| json!({
                "code": reason.code, "count": reason.count,
            })).collect::<Vec<_>>(),
        },
        "gaps": view.gaps.iter().map(|gap| json!({
            "what": gap.what, "actions": gap.actions, "close": gap.close,
        })).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(to_json).collect::<Vec<_>>(),
        "since": changes.map(|changes| json!({
            "new": changes.new, "gone": changes.gone, "changed": changes.changed,
        })),
        "ledger": view.ledger.as_ref().map(|ledger| json!({
            "folder": ledger.folder, "size": ledger.size, "root": ledger.root, "public_key": ledger.public_key,
        })),
    })
}
