//! What somebody may have meant, and how text from a file is shown in a message.

use crate::secret::hides;

/// The candidate nearest to `given` by edits, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given: Vec<char> = given.chars().take(CHARS_COMPARED_MAX).collect();
    let allowed = (given.len() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .take(CANDIDATES_COMPARED_MAX)
        .filter_map(|candidate| {
            let chars: Vec<char> = candidate.chars().take(CHARS_COMPARED_MAX).collect();
            let far = chars.len().abs_diff(given.len()) > allowed;
            let edits = if far { usize::MAX } else { edits(&given, &chars) };
            (edits <= allowed && edits < chars.len().max(1)).then_some((edits, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean …` if something is near, otherwise what there is to choose from.
pub(crate) fn did_you_mean(given: &str, candidates: &[&str], otherwise: &str) -> String {
    match nearest(given, candidates.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if candidates.is_empty() => otherwise.to_owned(),
        None => format!("{otherwise} {}", listed(candidates)),
    }
}

/// Bounds the work for one mistake; ids are short and a register of this many is rare.
const CANDIDATES_COMPARED_MAX: usize = 20_000;
const CHARS_COMPARED_MAX: usize = 64;
const LISTED_MAX: usize = 16;
const CHARS_SHOWN_MAX: usize = 80;

fn listed(candidates: &[&str]) -> String {
    let shown: Vec<String> =
        candidates.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
    let more = candidates.len().saturating_sub(LISTED_MAX);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Text from a file, safe to print: short, without control or direction characters, and never a
/// secret.
pub(crate) fn shown(text: &str) -> String {
    if hides(text) {
        return "(hidden: it looks like a secret)".to_owned();
    }
    let mut out = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == CHARS_SHOWN_MAX {
            out.push('…');
            break;
        }
        if is_unprintable(character) {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out.push('`');
    out
}

/// Control characters, and those that change the direction or vanish.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Insertions, removals, replacements and swaps of neighbours.
fn edits(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let mut least = (above[column] + usize::from(a != b))
                .min(above[column + 1] + 1)
                .min(line[column] + 1);
            let swapped = row > 0 && column > 0 && left[row - 1] == *b && right[column - 1] == *a;
            if swapped {
                least = least.min(before[column - 1] + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{nearest, shown};

    #[test]
    fn the_nearest_is_found_only_when_near() {
        let keys = ["sponsor", "state", "contract", "kind", "via"];
        for (given, expected) in [
            ("sponser", Some("sponsor")),
            ("knid", Some("kind")),
            ("contracts", Some("contract")),
            ("colour", None),
            ("", None),
            ("vai", Some("via")),
        ] {
            assert_eq!(nearest(given, keys), expected, "{given}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_plain() {
        assert_eq!(shown("a\u{1b}[2Jb"), "`a\\u{1b}[2Jb`");
        assert_eq!(shown("\u{202e}x"), "`\\u{202e}x`");
        assert!(shown(&"é ".repeat(500)).chars().count() < 90);
    }
}
