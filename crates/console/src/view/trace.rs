//! What one run of the trace found.

use super::{Seal, Stamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceView {
    /// One sentence that says what is the case.
    pub headline: String,
    /// One or two further sentences, such as the weakest way in; may be empty.
    pub lead: String,
    pub read: ReadView,
    /// One row a tenant and organization; both outputs put the worst first.
    pub coverage: Vec<CoverageRow>,
    /// What is counted beside coverage: own people, services of the provider, not privileged.
    pub beside: Vec<CountView>,
    pub matrix: MatrixView,
    pub judgements: JudgementsView,
    pub findings: Vec<FindingView>,
    pub gaps: Vec<GapView>,
    /// How events were tied, the most used rule first.
    pub links: Vec<LinkView>,
    /// None if the run wrote no evidence.
    pub ledger: Option<LedgerView>,
    pub next: Vec<CommandView>,
    /// Facts for the foot of the page: register, versions, as of when.
    pub foot: Vec<String>,
}

impl TraceView {
    pub(crate) fn coverage_worst_first(&self) -> Vec<&CoverageRow> {
        let mut rows: Vec<&CoverageRow> = self.coverage.iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.not_attributed(), row.actions)));
        rows
    }

    pub(crate) fn coverage_total(&self) -> CoverageRow {
        self.coverage.iter().fold(CoverageRow::default(), |total, row| CoverageRow {
            tenant: String::new(),
            organization: String::new(),
            actions: total.actions.saturating_add(row.actions),
            exact: total.exact.saturating_add(row.exact),
            composite: total.composite.saturating_add(row.composite),
            declared: total.declared.saturating_add(row.declared),
            inferred: total.inferred.saturating_add(row.inferred),
            holder_only: total.holder_only.saturating_add(row.holder_only),
            unattributed: total.unattributed.saturating_add(row.unattributed),
        })
    }

    /// New ones before accepted ones, then by severity, then by count, then by code.
    pub(crate) fn findings_worst_first(&self) -> Vec<&FindingView> {
        let mut findings: Vec<&FindingView> = self.findings.iter().collect();
        findings.sort_by(|a, b| {
            let is_accepted = |it: &FindingView| matches!(it.mark, FindingMark::Accepted(_));
            (is_accepted(a), a.severity, std::cmp::Reverse(a.count), &a.code, &a.title).cmp(&(
                is_accepted(b),
                b.severity,
                std::cmp::Reverse(b.count),
                &b.code,
                &b.title,
            ))
        });
        findings
    }

    /// How many findings of each severity are not accepted, worst first.
    pub(crate) fn findings_open(&self) -> [(Severity, u64); 4] {
        Severity::ALL.map(|severity| {
            let open = self.findings.iter().filter(|finding| {
                finding.severity == severity && !matches!(finding.mark, FindingMark::Accepted(_))
            });
            (severity, open.count() as u64)
        })
    }

    pub(crate) fn gaps_worst_first(&self) -> Vec<&GapView> {
        let mut gaps: Vec<&GapView> = self.gaps.iter().collect();
        gaps.sort_by_key(|gap| std::cmp::Reverse(gap.actions));
        gaps
    }

    pub(crate) fn links_total(&self) -> u64 {
        self.links.iter().fold(0, |total, link| total.saturating_add(link.count))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadView {
    pub files: u64,
    pub records: u64,
    pub formats: Vec<FormatView>,
    /// Records that could not be read.
    pub quarantined: u64,
    /// The first reasons, as `file:line: reason`.
    pub quarantine: Vec<String>,
    /// What is known to be no event, such as `lines of a server's log`, and how many.
    pub beside: Vec<(String, u64)>,
    pub duplicates: u64,
    /// The span of time, such as `18 Oct 2026`; empty if no record has a time.
    pub from: String,
    pub until: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatView {
    /// Such as `aws.cloudtrail`.
    pub definition: String,
    pub files: u64,
    pub records: u64,
    pub proof: Proof,
}

/// What a source definition was tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    Proven,
    /// Only written from documentation.
    Unproven,
}

/// Actions that were judged, by how sure it is who acted. The last six add up to `actions`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoverageRow {
    pub tenant: String,
    pub organization: String,
    pub actions: u64,
    pub exact: u64,
    pub composite: u64,
    pub declared: u64,
    /// Shown apart, never summed.
    pub inferred: u64,
    /// The holder of the credential is known, who used it is not.
    pub holder_only: u64,
    pub unattributed: u64,
}

impl CoverageRow {
    /// Records of some sources name no tenant, and the register may not say whose the file is.
    pub(crate) fn tenant_name(&self) -> &str {
        if self.tenant.is_empty() { "(not named)" } else { &self.tenant }
    }

    pub(crate) fn attributed(&self) -> u64 {
        self.exact.saturating_add(self.composite).saturating_add(self.declared)
    }

    pub(crate) fn not_attributed(&self) -> u64 {
        self.actions.saturating_sub(self.attributed())
    }

    pub(crate) fn parts(&self) -> [u64; 6] {
        [
            self.exact,
            self.composite,
            self.declared,
            self.inferred,
            self.holder_only,
            self.unattributed,
        ]
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountView {
    /// Such as `own people`.
    pub what: String,
    pub count: u64,
}

/// Business processes and the trust paths that lead into them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatrixView {
    pub columns: Vec<PathColumn>,
    pub rows: Vec<ProcessRow>,
}

impl MatrixView {
    pub(crate) fn rows_worst_first(&self) -> Vec<&ProcessRow> {
        let mut rows: Vec<&ProcessRow> = self.rows.iter().collect();
        // Below and lapsed are as bad as each other; among equals the order given stands.
        rows.sort_by_key(|row| row.worst().max(CellState::Lapsed));
        rows
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathColumn {
    pub organization: String,
    /// What the organization is, such as `partner` or `via Norvane`; may be empty.
    pub note: String,
    /// Such as `saml`.
    pub path: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRow {
    pub process: String,
    /// Risk tier, such as `critical`; may be empty.
    pub tier: String,
    /// Such as `AAL2 PR`; may be empty.
    pub requires: String,
    /// One a column, in the order of the columns. Columns without a cell have no access.
    pub cells: Vec<CellView>,
    /// Index of the weakest way in; None if there is no access or none is weaker.
    pub weakest: Option<usize>,
    /// What is weak about it, such as `AAL1, two shared accounts`.
    pub weakest_why: String,
}

impl ProcessRow {
    pub(crate) fn cell(&self, column: usize) -> &CellView {
        const NONE: &CellView =
            &CellView { state: CellState::NoAccess, assurance: String::new(), why: String::new() };
        self.cells.get(column).unwrap_or(NONE)
    }

    pub(crate) fn worst(&self) -> CellState {
        self.cells.iter().map(|cell| cell.state).min().unwrap_or(CellState::NoAccess)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellView {
    pub state: CellState,
    /// The lowest that was accepted, such as `AAL2`.
    pub assurance: String,
    /// A word about it, such as `shared` or `to 30 Nov`; may be empty.
    pub why: String,
}

/// Worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellState {
    Below,
    Lapsed,
    Unknown,
    Exception,
    Meets,
    NoAccess,
}

impl CellState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Below => "below",
            Self::Lapsed => "lapsed",
            Self::Unknown => "unknown",
            Self::Exception => "exception",
            Self::Meets => "meets",
            Self::NoAccess => "no access",
        }
    }

    pub(crate) fn seal(self) -> Option<Seal> {
        match self {
            Self::Below | Self::Lapsed => Some(Seal::Broken),
            Self::Unknown => Some(Seal::Unknown),
            Self::Exception => Some(Seal::Exception),
            Self::Meets => Some(Seal::Exact),
            Self::NoAccess => None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgementsView {
    pub allow: u64,
    pub step_up: u64,
    pub deny: u64,
    pub unknown: u64,
    /// The most frequent first.
    pub reasons: Vec<ReasonCount>,
}

impl JudgementsView {
    pub(crate) fn by_stamp(&self, stamp: Stamp) -> u64 {
        match stamp {
            Stamp::Deny => self.deny,
            Stamp::Unknown => self.unknown,
            Stamp::StepUp => self.step_up,
            Stamp::Allow => self.allow,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        Stamp::ALL.into_iter().fold(0, |total, it| total.saturating_add(self.by_stamp(it)))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    pub stamp: Stamp,
    pub code: String,
    pub sentence: String,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingView {
    pub severity: Severity,
    /// Such as `shared.actor_missing`.
    pub code: String,
    pub title: String,
    /// How many events prove it.
    pub count: u64,
    /// The first event, as it is asked for; empty if none.
    pub first: String,
    pub remedy: String,
    pub controls: Vec<String>,
    pub mark: FindingMark,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingMark {
    /// Open, and nothing is known of an earlier run.
    Open,
    /// Not there in the run it is compared with.
    New,
    /// By an exception, said as `EX-31 until 30 Nov 2026`.
    Accepted(String),
}

/// Worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
}

impl Severity {
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Something that could not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapView {
    /// Such as `repair-portal/access has no session id`.
    pub what: String,
    /// How many actions stay without an actor because of it.
    pub actions: u64,
    /// What would close it, as an order: `Add the session id to repair-portal/access.`
    pub close: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// The rule, such as `aws.session_key`.
    pub rule: String,
    pub grade: Seal,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerView {
    /// The folder it lies in.
    pub folder: String,
    /// Entries this run added.
    pub added: u64,
    /// Entries the signed checkpoint covers.
    pub size: u64,
    pub origin: String,
    pub root: String,
    pub public_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandView {
    /// Such as `See who stood behind one action`.
    pub what: String,
    pub command: String,
}
