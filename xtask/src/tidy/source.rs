//! The part of a Rust file that is shipped: no comments, no tests.

/// The lines of shipped code, with their numbers from 0. Empty for files of tests.
pub fn shipped<'a>(path: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let is_src = path.contains("/src/");
    if is_test || !is_src {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut code = Vec::new();
    let mut is_in_tests = false;
    for (number, line) in lines.iter().enumerate() {
        let next = lines.get(number + 1).copied().unwrap_or_default();
        if *line == "#[cfg(test)]" && next.contains("mod ") && next.ends_with('{') {
            is_in_tests = true;
        }
        if !is_in_tests {
            code.push((number, strip_comment(line)));
        }
        // rustfmt closes a module that begins at the margin at the margin.
        is_in_tests &= *line != "}";
    }
    code
}

/// Whether `word` stands in `line` with nothing of a name before or after it.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_name =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    line.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).map(|before| line.as_bytes()[before]);
        let after = line.as_bytes().get(at + word.len()).copied();
        !is_name(before) && !is_name(after)
    })
}

fn strip_comment(line: &str) -> &str {
    // A `//` inside a string is most often an address: then a colon is before it.
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_are_not_shipped() {
        let text = "use a; // b\n/// c\nlet d = \"https://e\";\n#[cfg(test)]\nmod tests {\n    f();\n}\ng();\n";
        let lines: Vec<&str> =
            shipped("crates/x/src/lib.rs", text).iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, ["use a; ", "", "let d = \"https://e\";", "g();"]);
        assert!(shipped("crates/x/src/a/tests.rs", text).is_empty());
        assert!(shipped("crates/x/tests/it.rs", text).is_empty());
    }

    #[test]
    fn a_word_is_not_part_of_a_name() {
        assert!(has_word("use rand::Rng", "rand"));
        assert!(!has_word("let operand = brand", "rand"));
    }
}
