//! The rules. Each is a function of the tree, and each has a test in which it fails.

use std::fmt;

use crate::tree::Tree;

mod dependencies;
mod files;
mod manifest;
mod papers;
mod purity;
mod source;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    path: String,
    line: usize,
    text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

type Rule = fn(&Tree) -> Vec<Complaint>;

const RULES: [Rule; 14] = [
    dependencies::rooms_import_only_what_the_map_allows,
    dependencies::world_knows_nothing_of_the_engine,
    dependencies::testkit_is_for_tests,
    dependencies::each_dependency_has_its_reason,
    dependencies::each_crate_takes_the_workspace_lints,
    purity::pure_rooms_touch_nothing,
    purity::only_the_binary_reads_clock_and_environment,
    purity::the_model_cannot_be_serialised,
    files::no_file_is_too_long,
    files::no_module_is_called_mod,
    files::nothing_is_left_for_later,
    files::nothing_names_the_place_it_was_written_at,
    papers::papers_name_files_that_exist,
    papers::papers_link_to_files_that_exist,
];

/// All complaints, by path and line.
pub fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints: Vec<_> = RULES.iter().flat_map(|rule| rule(tree)).collect();
    complaints.sort();
    complaints
}

/// `line` counts from 0, as `enumerate` does.
fn complain(path: &str, line: usize, text: impl Into<String>) -> Complaint {
    Complaint { path: path.to_owned(), line: line + 1, text: text.into() }
}

#[cfg(test)]
fn assert_complains(rule: Rule, files: &[(&str, &str)], expected: &[&str]) {
    let found: Vec<String> = rule(&Tree::of(files)).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "`{found}` does not begin with `{expected}`");
    }
}
