//! How files look, whatever is in them.

use super::source::has_word;
use super::{Complaint, complain};
use crate::tree::Tree;

/// Aim for 100 to 300; at 600 a file has two subjects.
const LINES_MAX: usize = 600;

// In two parts each, so that this file keeps the rule itself.
const LEFT_FOR_LATER: [&str; 3] = [concat!("FIX", "ME"), concat!("XX", "X"), concat!("todo", "!")];
const PLACES: [&str; 2] = [concat!("../", "shared"), concat!("/wo", "rk/")];

pub fn no_file_is_too_long(tree: &Tree) -> Vec<Complaint> {
    let long = tree.rust().map(|(path, text)| (path, text.lines().count()));
    long.filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| {
            complain(
                path,
                LINES_MAX,
                format!("{lines} lines; split it by subject below {LINES_MAX}"),
            )
        })
        .collect()
}

pub fn no_module_is_called_mod(tree: &Tree) -> Vec<Complaint> {
    let called = tree.rust().filter(|(path, _)| path.ends_with("/mod.rs"));
    called
        .map(|(path, _)| complain(path, 0, "name it after its folder, beside the folder"))
        .collect()
}

pub fn nothing_is_left_for_later(tree: &Tree) -> Vec<Complaint> {
    lines_with(
        tree,
        |line| LEFT_FOR_LATER.into_iter().find(|word| has_word(line, word)),
        |word| format!("`{word}`: do it now, or open an issue"),
    )
}

pub fn nothing_names_the_place_it_was_written_at(tree: &Tree) -> Vec<Complaint> {
    lines_with(
        tree,
        |line| PLACES.into_iter().find(|place| line.contains(place)),
        |place| format!("`{place}` exists on no reader's machine"),
    )
}

fn lines_with<'a>(
    tree: &Tree,
    find: impl Fn(&str) -> Option<&'a str>,
    say: impl Fn(&str) -> String,
) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    // Data of others may say anything.
    let is_ours = |path: &str| !path.starts_with("THIRD_PARTY/") && !path.starts_with("examples/");
    for (path, text) in tree.texts().filter(|(path, _)| is_ours(path)) {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = find(line) {
                complaints.push(complain(path, number, say(word)));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::assert_complains;

    #[test]
    fn a_long_file_is_seen() {
        let rule = no_file_is_too_long;
        assert_complains(
            rule,
            &[("crates/a/src/b.rs", &"\n".repeat(601))],
            &["crates/a/src/b.rs:601"],
        );
        assert_complains(rule, &[("crates/a/src/b.rs", &"\n".repeat(600))], &[]);
    }

    #[test]
    fn a_module_called_mod_is_seen() {
        let rule = no_module_is_called_mod;
        assert_complains(rule, &[("crates/a/src/b/mod.rs", "")], &["crates/a/src/b/mod.rs:1"]);
    }

    #[test]
    fn work_left_for_later_is_seen() {
        for word in LEFT_FOR_LATER {
            let text = format!("fine\n// {word} this\n");
            assert_complains(nothing_is_left_for_later, &[("docs/a.md", &text)], &["docs/a.md:2"]);
        }
        let part_of_a_name = format!("let id = \"{}YZ\";", LEFT_FOR_LATER[1]);
        assert_complains(nothing_is_left_for_later, &[("a.rs", &part_of_a_name)], &[]);
    }

    #[test]
    fn a_place_is_seen() {
        let rule = nothing_names_the_place_it_was_written_at;
        for place in PLACES {
            let text = format!("see {place}x");
            assert_complains(rule, &[("README.md", &text)], &["README.md:1"]);
            assert_complains(rule, &[("examples/log.yaml", &text)], &[]);
        }
    }
}
