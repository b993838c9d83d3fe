//! From a run's report to the words of its screen.

use std::collections::BTreeMap;

use countersign_console::{
    CellState, CellView, CommandView, CountView, CoverageRow, FindingMark, FindingView, GapView,
    JudgementsView, LedgerView, LinkView, MatrixView, PathColumn, ProcessRow, ReadView,
    ReasonCount, Seal, Severity, Stamp, TraceView,
};
use countersign_govern::compare::Changes;
use countersign_govern::report::Report;
use countersign_govern::tally::{Grades, Tally, Way};
use countersign_model::assurance::Assurance;
use countersign_model::attribution::PrincipalClass;
use countersign_model::finding;
use countersign_model::grade::{Gap, Grade};
use countersign_model::judgement::Outcome;
use countersign_model::register::{Register, RiskTier};

/// What the view needs beside the report.
#[derive(Debug)]
pub struct Around<'a> {
    pub read: ReadView,
    pub ledger: Option<LedgerView>,
    /// What changed since the run it is compared with.
    pub changes: Option<&'a Changes>,
    pub next: Vec<CommandView>,
    pub foot: Vec<String>,
}

pub fn of_report(report: &Report<'_>, register: &Register, around: Around<'_>) -> TraceView {
    let tally = &report.tally;
    let matrix = matrix(&tally.ways, register);
    TraceView {
        headline: headline(report),
        lead: lead(&matrix, tally.not_privileged),
        read: around.read,
        coverage: coverage(&tally.coverage, register),
        beside: vec![
            count("by your own people and systems", tally.of_class(PrincipalClass::Own)),
            count(
                "by the provider's own services",
                tally.of_class(PrincipalClass::ProviderService),
            ),
        ],
        matrix,
        judgements: judgements(report),
        findings: report
            .findings
            .iter()
            .map(|finding| finding_view(finding, around.changes, register))
            .collect(),
        gaps: gaps(tally),
        links: links(&tally.rules),
        ledger: around.ledger,
        next: around.next,
        foot: around.foot,
    }
}

fn count(what: &str, count: u64) -> CountView {
    CountView { what: what.to_owned(), count }
}

/// All coverage rows as one.
pub fn total(report: &Report<'_>) -> Grades {
    let mut total = Grades::default();
    for grades in report.tally.coverage.values().flat_map(|organizations| organizations.values()) {
        total.actions += grades.actions;
        total.exact += grades.exact;
        total.composite += grades.composite;
        total.declared += grades.declared;
        total.inferred += grades.inferred;
        total.holder_only += grades.holder_only;
        total.unattributed += grades.unattributed;
    }
    total
}

fn headline(report: &Report<'_>) -> String {
    let total = total(report);
    if total.actions == 0 {
        return "No action of an outsider was seen in these logs.".to_owned();
    }
    let named = total.exact + total.composite + total.declared;
    let judged: u64 = report.tally.outcomes.values().sum();
    let justified = report.tally.outcomes.get(&Outcome::Allow).copied().unwrap_or(0);
    format!(
        "{} of {} actions by outsiders have a named actor; {} of {} privileged uses were justified.",
        countersign_console::count(named),
        countersign_console::count(total.actions),
        countersign_console::count(justified),
        countersign_console::count(judged),
    )
}

fn lead(matrix: &MatrixView, not_privileged: u64) -> String {
    let others = match not_privileged {
        0 => String::new(),
        1 => "1 more was not privileged, so traced and not judged. ".to_owned(),
        many => {
            let many = countersign_console::count(many);
            format!("{many} more were not privileged, so traced and not judged. ")
        }
    };
    let weak = matrix.rows.iter().find_map(|row| {
        let column = matrix.columns.get(row.weakest?)?;
        Some((row, column))
    });
    match weak {
        Some((row, column)) => format!(
            "{others}The weakest way into {} is {} by {}: {}.",
            row.process, column.organization, column.path, row.weakest_why,
        ),
        None => others.trim_end().to_owned(),
    }
}

fn coverage(
    coverage: &BTreeMap<Box<str>, BTreeMap<Box<str>, Grades>>,
    register: &Register,
) -> Vec<CoverageRow> {
    let mut rows = Vec::new();
    for (tenant, organizations) in coverage {
        for (organization, grades) in organizations {
            rows.push(CoverageRow {
                tenant: tenant.to_string(),
                organization: organization_name(organization, register),
                actions: grades.actions,
                exact: grades.exact,
                composite: grades.composite,
                declared: grades.declared,
                inferred: grades.inferred,
                holder_only: grades.holder_only,
                unattributed: grades.unattributed,
            });
        }
    }
    rows
}

fn organization_name(id: &str, register: &Register) -> String {
    if id.is_empty() {
        return "not registered".to_owned();
    }
    let known = register.organizations.get(id);
    known.and_then(|known| known.name.clone()).unwrap_or_else(|| id.to_owned())
}

fn matrix(ways: &BTreeMap<Box<str>, BTreeMap<Box<str>, Way>>, register: &Register) -> MatrixView {
    let mut paths: Vec<(String, String, &str)> = Vec::new();
    for path in ways.values().flat_map(|paths| paths.keys()) {
        let known = register.trust_paths.get(path.as_ref());
        let organization = known.map_or("", |known| known.organization.as_str()).to_owned();
        let kind = known.map_or("", |known| known.kind.as_str()).to_owned();
        paths.push((organization, kind, path));
    }
    // Columns of one organization stand together.
    paths.sort();
    paths.dedup();
    let columns = paths
        .iter()
        .map(|(organization, kind, _)| PathColumn {
            organization: organization_name(organization, register),
            note: via(organization, register),
            path: kind.clone(),
        })
        .collect();
    let mut rows: Vec<ProcessRow> =
        ways.iter().map(|(process, used)| process_row(process, used, &paths, register)).collect();
    // What is at stake comes before the alphabet.
    rows.sort_by_key(|row| std::cmp::Reverse(tier_of(&row.process, register)));
    MatrixView { columns, rows }
}

/// The highest risk tier of a business process.
fn tier_of(process: &str, register: &Register) -> Option<RiskTier> {
    let of_process = register
        .entitlements
        .values()
        .filter(|known| known.business_process.as_deref() == Some(process));
    of_process.filter_map(|known| known.risk).max()
}

fn via(organization: &str, register: &Register) -> String {
    let Some(known) = register.organizations.get(organization) else {
        return String::new();
    };
    match &known.via {
        Some(via) => format!("via {}", organization_name(via.as_str(), register)),
        None => known.kind.as_str().to_owned(),
    }
}

fn process_row(
    process: &str,
    used: &BTreeMap<Box<str>, Way>,
    paths: &[(String, String, &str)],
    register: &Register,
) -> ProcessRow {
    let cells: Vec<CellView> = paths.iter().map(|(_, _, path)| cell(used.get(*path))).collect();
    let required = used.values().find_map(|way| way.required);
    let tier = tier_of(process, register);
    // Worst state first, then the lowest assurance.
    let weakest = (0..cells.len())
        .filter(|at| cells.get(*at).is_some_and(|cell| cell.state != CellState::NoAccess))
        .min_by_key(|at| {
            let way = paths.get(*at).and_then(|(_, _, path)| used.get(*path));
            let accepted = way.and_then(|way| way.accepted).unwrap_or(Assurance::NONE);
            let key = (accepted.aal, accepted.workload, accepted.phishing_resistant, accepted.ial);
            (cells.get(*at).map(|cell| cell.state), key)
        });
    let weakest_why = weakest.and_then(|at| cells.get(at)).map_or(String::new(), |cell| {
        if cell.why.is_empty() {
            cell.assurance.clone()
        } else {
            format!("{}, {}", cell.assurance, in_full(&cell.why))
        }
    });
    ProcessRow {
        process: process.to_owned(),
        tier: tier.map_or(String::new(), |tier| tier.as_str().to_owned()),
        requires: required.map_or(String::new(), |required| levels(&required)),
        cells,
        weakest,
        weakest_why,
    }
}

fn cell(way: Option<&Way>) -> CellView {
    let Some(way) = way else {
        return CellView {
            state: CellState::NoAccess,
            assurance: String::new(),
            why: String::new(),
        };
    };
    let (state, why) = if way.lapsed > 0 {
        (CellState::Lapsed, "lapsed")
    } else if way.below > 0 {
        (CellState::Below, "below")
    } else if way.required.is_none() {
        (CellState::Unknown, "not said")
    } else if way.unknown > 0 {
        (CellState::Unknown, "not known")
    } else if way.by_exception > 0 {
        (CellState::Exception, "by exception")
    } else {
        (CellState::Meets, "")
    };
    let accepted = way.accepted.unwrap_or(Assurance::NONE);
    CellView { state, assurance: levels(&accepted), why: why.to_owned() }
}

/// What a cell has room for a word of.
fn in_full(why: &str) -> &str {
    match why {
        "lapsed" => "map lapsed",
        "below" => "below what is required",
        "not said" => "requirement not said",
        "not known" => "not known from the register",
        other => other,
    }
}

/// Levels in the order of their axes, such as `IAL1 AAL2 PR`.
pub fn levels(assurance: &Assurance) -> String {
    let axes = [assurance.ial, assurance.aal, assurance.fal, assurance.workload];
    levels_of(axes.map(|level| level.map(u64::from)), assurance.phishing_resistant == Some(true))
}

/// Levels in words: `IAL1 AAL2 PR`; `none` if nothing was accepted or is asked for.
pub fn levels_of([ial, aal, fal, workload]: [Option<u64>; 4], resists_phishing: bool) -> String {
    let axes = [("IAL", ial), ("AAL", aal), ("FAL", fal), ("W", workload)];
    let mut parts: Vec<String> = axes
        .iter()
        .filter_map(|(name, level)| level.map(|level| format!("{name}{level}")))
        .collect();
    if resists_phishing {
        parts.push("PR".to_owned());
    }
    if parts.is_empty() { "none".to_owned() } else { parts.join(" ") }
}

fn judgements(report: &Report<'_>) -> JudgementsView {
    let by = |outcome| report.tally.outcomes.get(&outcome).copied().unwrap_or(0);
    let mut reasons: Vec<ReasonCount> = report
        .tally
        .reasons
        .iter()
        .map(|(code, (outcome, text, count))| ReasonCount {
            stamp: stamp(*outcome),
            code: code.clone(),
            sentence: text.clone(),
            count: *count,
        })
        .collect();
    reasons
        .sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.code.cmp(&other.code)));
    JudgementsView {
        allow: by(Outcome::Allow),
        step_up: by(Outcome::StepUp),
        deny: by(Outcome::Deny),
        unknown: by(Outcome::Unknown),
        reasons,
    }
}

fn stamp(outcome: Outcome) -> Stamp {
    match outcome {
        Outcome::Allow => Stamp::Allow,
        Outcome::StepUp => Stamp::StepUp,
        Outcome::Unknown => Stamp::Unknown,
        Outcome::Deny => Stamp::Deny,
    }
}

fn finding_view(
    finding: &finding::Finding,
    changes: Option<&Changes>,
    register: &Register,
) -> FindingView {
    let exception = finding.accepted_by.as_deref();
    let mark = match exception {
        Some(id) => FindingMark::Accepted(exception_text(id, register)),
        None if changes.is_some_and(|changes| changes.new.contains(&finding.id)) => {
            FindingMark::New
        }
        None => FindingMark::Open,
    };
    FindingView {
        severity: match finding.severity {
            finding::Severity::Low => Severity::Low,
            finding::Severity::Medium => Severity::Medium,
            finding::Severity::High => Severity::High,
            finding::Severity::Critical => Severity::Critical,
        },
        code: finding.code.to_owned(),
        title: finding.title.clone(),
        count: finding.count,
        first: finding.events.first().cloned().unwrap_or_default(),
        remedy: finding.remedy.clone(),
        controls: finding.controls.clone(),
        mark,
    }
}

fn exception_text(id: &str, register: &Register) -> String {
    use countersign_model::time::End;
    let until = register.exceptions.get(id).and_then(|known| known.interval.until);
    match until {
        Some(End::At(at)) => format!("{id} until {}", crate::json::time_text(at)),
        Some(End::Never) | None => id.to_owned(),
    }
}

fn gaps(tally: &Tally<'_>) -> Vec<GapView> {
    let mut views = Vec::new();
    for (source, feeds) in &tally.gaps {
        for (feed, gaps) in feeds {
            for (gap, actions) in gaps {
                views.push(GapView {
                    what: format!("{source}: {}", gap_sentence(*gap)),
                    actions: *actions,
                    close: if feed.is_empty() {
                        "Nothing that is known would close it.".to_owned()
                    } else {
                        format!("It takes {feed}.")
                    },
                });
            }
        }
    }
    views
}

pub fn gap_sentence(gap: Gap) -> &'static str {
    match gap {
        Gap::NoKey => "the record has neither a key nor a principal",
        Gap::IssuanceNotCollected => "a key was used whose issuance no record shows",
        Gap::BeforeCoverageStart => "the session began before the logs do",
        Gap::SharedCredential => "a long-lived credential, used by whoever holds it",
        Gap::SharedAccount => "a shared account, and nothing narrows it",
        Gap::SharedRoot => "the root account, without a checkout record",
        Gap::Ambiguous => "several candidates fit equally well",
        Gap::AwaitingFeed => "the middle of the chain has not arrived yet",
        Gap::RedactedAtSource => "the source removed what would have linked it",
        Gap::OutsideValidity => "a key used while it belonged to nobody",
        Gap::ChainTooDeep => "more hops than are followed",
        Gap::KeyTooLong => "a key too long to be kept",
    }
}

fn links(rules: &BTreeMap<Box<str>, BTreeMap<Grade, u64>>) -> Vec<LinkView> {
    let mut links: Vec<LinkView> = rules
        .iter()
        .flat_map(|(rule, grades)| {
            grades.iter().map(|(grade, count)| LinkView {
                rule: rule.to_string(),
                grade: match grade {
                    Grade::Exact => Seal::Exact,
                    Grade::Composite => Seal::Composite,
                    Grade::Declared => Seal::Declared,
                    Grade::Inferred => Seal::Inferred,
                    Grade::Unattributed => Seal::Unknown,
                },
                count: *count,
            })
        })
        .collect();
    links.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.rule.cmp(&other.rule)));
    links
}
