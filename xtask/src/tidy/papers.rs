//! Papers go stale because nothing reads them; this does.

use super::{Complaint, complain};
use crate::tree::Tree;

const PAPERS: [&str; 6] =
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "STYLE.md", "SECURITY.md", "CHANGELOG.md"];
/// What begins with one of these is a path from the root.
const TOP: [&str; 8] =
    ["crates/", "docs/", "xtask/", "examples/", "benches/", "THIRD_PARTY/", ".ci/", ".cargo/"];

/// Paths in backticks.
pub fn papers_name_files_that_exist(tree: &Tree) -> Vec<Complaint> {
    each_line(tree, |path, line| {
        let named = line.split('`').skip(1).step_by(2);
        named.filter(|name| !exists(tree, path, name)).map(str::to_owned).collect()
    })
}

/// Links to files, not to addresses.
pub fn papers_link_to_files_that_exist(tree: &Tree) -> Vec<Complaint> {
    each_line(tree, |path, line| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let files = targets.filter(|target| !target.contains(':') && !target.starts_with('#'));
        let files = files.map(|target| target.split('#').next().unwrap_or(target));
        let is_there = |target: &str| tree.has(&resolve(path, target)) || tree.has(target);
        files.filter(|target| !is_there(target)).map(str::to_owned).collect()
    })
}

fn each_line(tree: &Tree, missing: impl Fn(&str, &str) -> Vec<String>) -> Vec<Complaint> {
    let is_paper =
        |path: &str| PAPERS.contains(&path) || (path.starts_with("docs/") && path.ends_with(".md"));
    let mut complaints = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| is_paper(path)) {
        let mut is_fenced = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                is_fenced = !is_fenced;
            } else if !is_fenced {
                for name in missing(path, line) {
                    complaints.push(complain(path, number, format!("there is no `{name}`")));
                }
            }
        }
    }
    complaints
}

/// `true` for what does not look like a file of the repository.
fn exists(tree: &Tree, paper: &str, name: &str) -> bool {
    let is_pattern = name.contains(|c: char| c.is_whitespace() || "<>*{}$…()=".contains(c));
    let is_path = TOP.iter().any(|top| name.starts_with(top));
    let is_paper = name.ends_with(".md") && !name.contains("..");
    if is_pattern || !(is_path || is_paper) {
        return true;
    }
    let name = name.split('#').next().unwrap_or(name);
    tree.has(name) || tree.has(&resolve(paper, name))
}

/// `target` as seen from the paper's folder.
fn resolve(paper: &str, target: &str) -> String {
    let mut parts: Vec<&str> = paper.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => (),
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::assert_complains;

    #[test]
    fn a_name_without_a_file_is_seen() {
        let rule = papers_name_files_that_exist;
        let text = "Look at `crates/a/src/gone.rs`, `docs/here.md`, `cargo test`, `crates/<room>/x`\n\
                    ```\n`docs/fenced.md`\n```\nand `STYLE.md`, `tile/0/000`.";
        let files = [("ARCHITECTURE.md", text), ("docs/here.md", "See `here.md`.")];
        let expected = [
            "ARCHITECTURE.md:1: there is no `crates/a/src/gone.rs`",
            "ARCHITECTURE.md:5: there is no `STYLE.md`",
        ];
        assert_complains(rule, &files, &expected);
    }

    #[test]
    fn a_link_without_a_file_is_seen() {
        let rule = papers_link_to_files_that_exist;
        let text = "[a](gone.md) [b](docs/here.md#part) [c](https://example.com/x) [d](#part)";
        let files = [("README.md", text), ("docs/here.md", "[up](../README.md) [beside](gone.md)")];
        assert_complains(
            rule,
            &files,
            &["README.md:1: there is no `gone.md`", "docs/here.md:1: there is no `gone.md`"],
        );
    }
}
