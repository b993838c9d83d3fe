//! Views in which every text is the same given text. No `..`: a new field does not compile here.

use countersign_console::{
    CellState, CellView, CommandView, CountView, CoverageRow, FindingMark, FindingView, FormatView,
    GapView, HopView, JudgementsView, LedgerView, LinkView, MatrixView, PathColumn, ProcessRow,
    Proof, ReadView, ReasonCount, ReasonView, Seal, SegmentState, SegmentView, Severity, Stamp,
    StripView, TraceView,
};

pub fn run(text: &str) -> TraceView {
    let it = || text.to_owned();
    TraceView {
        headline: it(),
        lead: it(),
        read: read(text),
        coverage: vec![row(text), row(text)],
        beside: vec![CountView { what: it(), count: 3 }, CountView { what: it(), count: 4 }],
        matrix: matrix(text),
        judgements: JudgementsView {
            allow: 1,
            step_up: 2,
            deny: 3,
            unknown: 4,
            reasons: Stamp::ALL
                .map(|stamp| ReasonCount { stamp, code: it(), sentence: it(), count: 5 })
                .into(),
        },
        findings: findings(text),
        gaps: vec![GapView { what: it(), actions: 7, close: it() }],
        links: Seal::ALL.map(|grade| LinkView { rule: it(), grade, count: 9 }).into(),
        ledger: Some(LedgerView {
            folder: it(),
            added: 1,
            size: 2,
            origin: it(),
            root: it(),
            public_key: it(),
        }),
        next: vec![CommandView { what: it(), command: it() }],
        foot: vec![it()],
    }
}

fn read(text: &str) -> ReadView {
    let it = || text.to_owned();
    ReadView {
        files: 1,
        records: 2,
        formats: vec![FormatView {
            definition: it(),
            files: 1,
            records: 2,
            proof: Proof::Unproven,
        }],
        quarantined: 2,
        quarantine: vec![it(), it()],
        beside: vec![(it(), 3)],
        duplicates: 1,
        from: it(),
        until: it(),
    }
}

fn findings(text: &str) -> Vec<FindingView> {
    let it = || text.to_owned();
    Severity::ALL
        .into_iter()
        .zip([FindingMark::Open, FindingMark::New, FindingMark::Accepted(it()), FindingMark::Open])
        .map(|(severity, mark)| FindingView {
            severity,
            code: it(),
            title: it(),
            count: 2,
            first: it(),
            remedy: it(),
            controls: vec![it(), it()],
            mark,
        })
        .collect()
}

fn row(text: &str) -> CoverageRow {
    CoverageRow {
        tenant: text.to_owned(),
        organization: text.to_owned(),
        actions: 21,
        exact: 1,
        composite: 2,
        declared: 3,
        inferred: 4,
        holder_only: 5,
        unattributed: 6,
    }
}

fn matrix(text: &str) -> MatrixView {
    let it = || text.to_owned();
    let states = [
        CellState::Below,
        CellState::Lapsed,
        CellState::Unknown,
        CellState::Exception,
        CellState::Meets,
        CellState::NoAccess,
    ];
    MatrixView {
        columns: states.map(|_| PathColumn { organization: it(), note: it(), path: it() }).into(),
        rows: vec![ProcessRow {
            process: it(),
            tier: it(),
            requires: it(),
            cells: states.map(|state| CellView { state, assurance: it(), why: it() }).into(),
            weakest: Some(1),
            weakest_why: it(),
        }],
    }
}

pub fn strip(text: &str) -> StripView {
    let it = || text.to_owned();
    let states = [
        SegmentState::Intact,
        SegmentState::Inferred,
        SegmentState::Broken,
        SegmentState::NotReached,
    ];
    StripView {
        event: it(),
        kicker: vec![it(), it()],
        headline: it(),
        lead: it(),
        segments: states
            .map(|state| SegmentView {
                label: it(),
                state,
                seal: Seal::Declared,
                word: it(),
                lines: vec![it(), it(), it()],
                because: it(),
            })
            .into(),
        stamp: Stamp::Deny,
        stamped: vec![it()],
        reasons: vec![ReasonView {
            code: it(),
            sentence: it(),
            stamp: Stamp::Deny,
            controls: vec![it()],
        }],
        chain: vec![HopView {
            time: it(),
            kind: it(),
            what: it(),
            rule: it(),
            grade: Seal::Inferred,
            event: it(),
        }],
        raw: it(),
        notes: vec![it()],
    }
}
