//! Every text field of every view filled with hostile text: nothing gets through either output.
//! The structs are written out in full, so that a new field must be filled here too.

#[path = "hostile/filled.rs"]
mod filled;

use countersign_console::{
    Glyphs, Terminal, plain, render_html, render_terminal, render_terminal_strip, width,
};

const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'&amp;",
    "</style></svg></details><iframe src=//evil.example>",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
    "pay\u{202e}fdp.exe\u{2066}x\u{2069}\u{200f}",
    "a\r\nFAKE LINE\r\n\t\u{b}\u{85}\u{2028}",
    "zero\u{200b}width\u{feff}\u{e0041}",
    "x\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\0",
];

/// What may never leave, whatever came in. The line end is ours.
fn is_forbidden(character: char) -> bool {
    character != '\n' && plain(character.encode_utf8(&mut [0; 4])) != character.to_string()
}

#[test]
fn nothing_hidden_reaches_the_terminal() {
    for text in HOSTILE {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let terminal = Terminal { glyphs, ..Terminal::default() };
            let innocent = render_terminal(&filled::run("x"), terminal);
            let run = render_terminal(&filled::run(text), terminal);
            let strip = render_terminal_strip(&filled::strip(text), terminal);
            for drawn in [&run, &strip] {
                let found: Vec<char> = drawn.chars().filter(|it| is_forbidden(*it)).collect();
                assert!(found.is_empty(), "{text:?} let {found:?} through");
                assert!(!drawn.lines().any(|line| line.starts_with("FAKE")));
                assert!(glyphs == Glyphs::Unicode || drawn.is_ascii());
            }
            // The text is still to be seen, as far as it fits, and sections are where they were.
            let start: String = plain(text).chars().take(6).collect();
            assert!(!start.is_ascii() || run.contains(&start), "{text:?} was swallowed");
            let sections = |drawn: &str| drawn.lines().filter(|it| it.ends_with("──")).count();
            assert_eq!(sections(&run), sections(&innocent));
        }
    }
}

#[test]
fn colour_codes_are_only_ours() {
    let terminal = Terminal { colour: true, ..Terminal::default() };
    let ours = ["[0m", "[1m", "[2m", "[31m", "[32m", "[33m"];
    for text in HOSTILE {
        for drawn in [
            render_terminal(&filled::run(text), terminal),
            render_terminal_strip(&filled::strip(text), terminal),
        ] {
            for part in drawn.split('\u{1b}').skip(1) {
                assert!(ours.iter().any(|code| part.starts_with(code)), "{part:?}");
            }
        }
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = "wörd 田中 ".repeat(60);
    for text in ["", "x", "田田田田田田田田田田田田田田田", &"W".repeat(500), &long]
    {
        for columns in [0, 60, 80, 100, 137, 9_999] {
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                let terminal = Terminal { width: columns, colour: false, glyphs };
                let limit = columns.clamp(60, 160);
                let mut run = filled::run(text);
                // Commands, keys and the raw pointer are copied, so they are never cut.
                run.ledger = None;
                run.next.clear();
                let mut strip = filled::strip(text);
                strip.raw.clear();
                for drawn in
                    [render_terminal(&run, terminal), render_terminal_strip(&strip, terminal)]
                {
                    for line in drawn.lines() {
                        assert!(width(line) <= limit, "{} > {limit}: {line}", width(line));
                        assert!(!line.ends_with(' '), "{line:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_hidden_and_no_markup_reaches_the_page() {
    let tags = |page: &str| page.matches('<').count();
    let innocent = render_html(&filled::run("x"), &[filled::strip("x")]);
    for text in HOSTILE {
        let page = render_html(&filled::run(text), &[filled::strip(text)]);
        let found: Vec<char> = page.chars().filter(|it| is_forbidden(*it)).collect();
        assert!(found.is_empty(), "{text:?} let {found:?} through");
        assert_eq!(tags(&page), tags(&innocent), "{text:?} added a tag");
        for markup in ["<script", "<img", "<iframe", "onerror=alert(1)>"] {
            assert!(!page.contains(markup), "{markup} by {text:?}");
        }
    }
}

#[test]
fn a_long_text_is_cut_in_the_page() {
    let page = render_html(&filled::run(&"W".repeat(100_000)), &[]);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}
