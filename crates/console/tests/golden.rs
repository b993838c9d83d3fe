//! Every sample, drawn twice and compared with the kept output. `UPDATE_CASES=1` rewrites it.

use std::path::Path;

use countersign_console::{
    Glyphs, StripView, Terminal, TraceView, render_html, render_terminal, render_terminal_strip,
};

fn check(name: &str, draw: impl Fn() -> String) {
    let drawn = draw();
    assert_eq!(drawn, draw(), "`{name}` is not the same when drawn twice");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_CASES").is_some() {
        std::fs::write(&path, &drawn).expect("the folder of kept output can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let line = kept.lines().zip(drawn.lines()).position(|(a, b)| a != b).map(|at| at + 1);
    assert!(
        kept == drawn,
        "`{name}` differs from what is kept, from line {line:?}; UPDATE_CASES=1 rewrites it\n{drawn}"
    );
}

fn terminals() -> [(&'static str, Terminal); 3] {
    let usual = Terminal::default();
    [
        ("100", usual),
        ("80-ascii", Terminal { width: 80, glyphs: Glyphs::Ascii, ..usual }),
        ("120-colour", Terminal { width: 120, colour: true, ..usual }),
    ]
}

#[test]
fn runs_in_the_terminal() {
    for (name, view) in TraceView::samples() {
        for (kind, terminal) in terminals() {
            check(&format!("run-{name}-{kind}.txt"), || render_terminal(&view, terminal));
        }
    }
}

#[test]
fn strips_in_the_terminal() {
    for (name, view) in StripView::samples() {
        for (kind, terminal) in terminals() {
            check(&format!("strip-{name}-{kind}.txt"), || render_terminal_strip(&view, terminal));
        }
    }
}

#[test]
fn pages() {
    let strips: Vec<StripView> = StripView::samples().into_iter().map(|(_, view)| view).collect();
    for (name, view) in TraceView::samples() {
        let strips = if name == "aldgate" { &strips[..] } else { &[] };
        check(&format!("page-{name}.html"), || render_html(&view, strips));
    }
}

/// The usual case fits one screen: nothing is cut, and what colour says is said without it.
#[test]
fn colour_only_repeats() {
    let without = |text: &str| {
        let mut out = String::new();
        let mut parts = text.split('\u{1b}');
        out.push_str(parts.next().unwrap_or(""));
        for part in parts {
            out.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
        }
        out
    };
    for (_, view) in TraceView::samples() {
        let plain = render_terminal(&view, Terminal::default());
        let coloured = render_terminal(&view, Terminal { colour: true, ..Terminal::default() });
        assert_eq!(without(&coloured), plain);
    }
    for (_, view) in StripView::samples() {
        let plain = render_terminal_strip(&view, Terminal::default());
        let coloured =
            render_terminal_strip(&view, Terminal { colour: true, ..Terminal::default() });
        assert_eq!(without(&coloured), plain);
    }
}

/// Far more than a screen holds: rows and paths beyond it are counted, and the worst stay.
fn many() -> TraceView {
    let mut view = TraceView::samples().remove(0).1;
    for number in 0..40 {
        let mut column = view.matrix.columns[number % 8].clone();
        column.organization = format!("Organization {number}");
        view.matrix.columns.push(column);
        let mut row = view.coverage[number % 5].clone();
        row.organization = format!("Organization {number}");
        row.actions += 1_000_000;
        row.exact += 1_000_000;
        view.coverage.push(row);
        view.findings.push(view.findings[number % 6].clone());
        view.gaps.push(view.gaps[number % 3].clone());
        view.matrix.rows.push(view.matrix.rows[number % 6].clone());
    }
    view
}

#[test]
fn a_large_run_still_fits() {
    check("run-many-100.txt", || render_terminal(&many(), Terminal::default()));
    let lines = |view: &TraceView| render_terminal(view, Terminal::default()).lines().count();
    let usual = lines(&TraceView::samples()[0].1);
    assert!(usual <= 75, "the usual screen has {usual} lines");
    assert!(lines(&many()) <= usual + 20, "a large run has {} lines", lines(&many()));
}
