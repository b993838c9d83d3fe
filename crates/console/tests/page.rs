//! What every page must be: well-formed, self-contained, and allowed nothing but its stylesheet.

#[path = "hostile/filled.rs"]
mod filled;

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_console::{StripView, TraceView, render_html};

const VOID: [&str; 4] = ["meta", "link", "br", "!DOCTYPE"];

fn pages() -> Vec<String> {
    let strips: Vec<StripView> = StripView::samples().into_iter().map(|(_, view)| view).collect();
    let mut pages: Vec<String> =
        TraceView::samples().iter().map(|(_, view)| render_html(view, &strips)).collect();
    pages.push(render_html(&filled::run("\"'<>&"), &[filled::strip("\"'<>&")]));
    pages.push(render_html(&filled::run(""), &[filled::strip("")]));
    pages.push(render_html(&many(), &vec![strips[0].clone(); 200]));
    pages
}

/// A run with 200 findings and more rows than are shown open.
fn many() -> TraceView {
    let mut view = filled::run("x");
    view.findings = vec![view.findings[0].clone(); 200];
    view.coverage = vec![view.coverage[0].clone(); 200];
    view
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// Reads the page as strict markup: quoted attributes, balanced tags, no stray `<`.
fn read(page: &str) -> Result<Vec<Tag>, String> {
    let mut tags = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let near = || rest[at..].chars().take(60).collect::<String>();
        let end = rest[at..].find('>').ok_or_else(near)? + at;
        let inside = &rest[at + 1..end];
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("`{name}` is closed but not open: {}", near()));
            }
        } else {
            let is_closed = inside.ends_with('/');
            let tag = read_tag(inside.trim_end_matches('/')).ok_or_else(near)?;
            if !is_closed && !VOID.contains(&tag.name.as_str()) {
                open.push(tag.name.clone());
            }
            tags.push(tag);
        }
        rest = &rest[end + 1..];
    }
    if open.is_empty() { Ok(tags) } else { Err(format!("left open: {open:?}")) }
}

fn read_tag(inside: &str) -> Option<Tag> {
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let is_name = |it: &str| {
        !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || "-!".contains(c))
    };
    let mut attributes = Vec::new();
    rest = rest.trim();
    while !rest.is_empty() && name != "!DOCTYPE" {
        let stop = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(stop);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"')?,
            None if after.starts_with('=') => return None,
            None => ("", after),
        };
        if !is_name(key) {
            return None;
        }
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    is_name(name).then(|| Tag { name: name.to_owned(), attributes })
}

#[test]
fn every_page_is_well_formed() -> Result<(), String> {
    for page in pages() {
        let tags = read(&page)?;
        let number = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        for once in ["html", "head", "title", "style", "body", "main", "h1", "header", "footer"] {
            assert_eq!(number(once), 1, "{once}");
        }
        for table in page.split("<table").skip(1) {
            let table = table.split("</table>").next().unwrap_or_default();
            assert!(table.contains("<caption"), "a table without a caption");
            let heads = table.matches("<th ").count();
            assert_eq!(heads, table.matches("scope=\"").count(), "a heading without a scope");
        }
    }
    Ok(())
}

#[test]
fn a_stray_tag_is_noticed() {
    for broken in ["<p><b></p></b>", "<p", "<p class=x></p>", "<p 1<2></p>", "<div>"] {
        assert!(read(broken).is_err(), "{broken}");
    }
}

#[test]
fn every_reference_leads_somewhere() -> Result<(), String> {
    for page in pages() {
        let tags = read(&page)?;
        let values = |names: &[&str]| -> Vec<String> {
            let attributes = tags.iter().flat_map(|tag| &tag.attributes);
            attributes
                .filter(|(key, _)| names.contains(&key.as_str()))
                .map(|(_, it)| it.clone())
                .collect()
        };
        let ids = values(&["id"]);
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "an id twice");
        for target in values(&["href"]) {
            let is_known = target == "data:,"
                || target.strip_prefix('#').is_some_and(|id| unique.contains(&id.to_owned()));
            assert!(is_known, "`{target}` leads nowhere, or out of the page");
        }
        for target in values(&["aria-labelledby"]) {
            assert!(unique.contains(&target), "{target}");
        }
    }
    Ok(())
}

#[test]
fn nothing_is_loaded_run_or_styled_in_place() -> Result<(), String> {
    for page in pages() {
        for tag in read(&page)? {
            assert!(
                !["script", "iframe", "object", "img", "form", "base"].contains(&tag.name.as_str())
            );
            for (key, _) in &tag.attributes {
                assert!(!key.starts_with("on") && key != "style" && key != "src", "{key}");
            }
        }
    }
    let style = style_of(&render_html(&filled::run("x"), &[]));
    assert!(!style.contains("@import") && !style.contains("url(") && !style.contains('<'));
    assert!(style.len() < 25_000, "{} bytes of style", style.len());
    Ok(())
}

fn style_of(page: &str) -> String {
    let (_, after) = page.split_once("<style>").expect("a page has a style");
    after.split_once("</style>").expect("and closes it").0.to_owned()
}

#[test]
fn the_policy_allows_this_stylesheet_alone() {
    for page in pages() {
        let hash = digest::digest(&digest::SHA256, style_of(&page).as_bytes());
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; \
             form-action 'none'",
            STANDARD.encode(hash)
        );
        let meta = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">");
        assert!(page.contains(&meta), "the policy does not hold the hash of the style");
        assert!(page.find(&meta) < page.find("<style>"), "the policy must come before the style");
    }
}

#[test]
fn many_findings_and_strips_are_folded() {
    let strips: Vec<StripView> = StripView::samples().into_iter().map(|(_, view)| view).collect();
    let page = render_html(&many(), &vec![strips[0].clone(); 200]);
    assert!(page.contains("And 180 more findings"));
    assert_eq!(page.matches("<details class=\"fold one\"").count(), 200);
    assert_eq!(page.matches(" open>").count(), 1);
}
