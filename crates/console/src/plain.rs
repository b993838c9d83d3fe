//! Text from outside made harmless and visible.
//!
//! Names, claims, log fields and file names are written by others. In a terminal they could move
//! the cursor or hide behind a right-to-left override; in a spreadsheet they could be a formula.

use std::borrow::Cow;
use std::fmt::Write;

/// More combining marks than this on one letter pile up over the neighbouring lines.
const COMBINING_MARKS_MAX: usize = 3;

/// The text with every character that is not seen, or that moves what is seen, written as
/// `\u{202e}`: control characters (so also escape sequences, tabs and line ends), bidirectional
/// controls, zero-width and other invisible characters, private use, noncharacters, and combining
/// marks beyond the third on one letter. Everything else stays as it is; a backslash too.
pub fn plain(text: &str) -> Cow<'_, str> {
    let mut marks = 0;
    let needs_escape = text.chars().any(|character| {
        marks = if is_combining(character) { marks + 1 } else { 0 };
        is_hidden(character) || marks > COMBINING_MARKS_MAX
    });
    if !needs_escape {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    for character in text.chars() {
        marks = if is_combining(character) { marks + 1 } else { 0 };
        if is_hidden(character) || marks > COMBINING_MARKS_MAX {
            push_escape(&mut out, character);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// How many columns of a terminal the text takes: 2 for East Asian wide characters and emoji, 0
/// for combining marks, 1 for the rest. Meant for text that went through [`plain`].
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// One field of a CSV file, quoted where RFC 4180 wants it, its hidden characters escaped as by
/// [`plain`], and prefixed with `'` where a spreadsheet would take it for a formula.
pub fn csv_field(text: &str) -> String {
    let is_formula = matches!(
        text.trim_start_matches(' ').chars().next(),
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
    );
    let shown = plain(text);
    let prefix = if is_formula { "'" } else { "" };
    if shown.contains(['"', ',', ';', '\'']) || is_formula || shown != shown.trim() {
        format!("\"{prefix}{}\"", shown.replace('"', "\"\""))
    } else {
        shown.into_owned()
    }
}

pub(crate) fn char_width(character: char) -> usize {
    if is_combining(character) {
        0
    } else if is_wide(character) {
        2
    } else {
        1
    }
}

pub(crate) fn push_escape(out: &mut String, character: char) {
    write!(out, "\\u{{{:x}}}", u32::from(character)).expect("a String takes every write");
}

fn is_hidden(character: char) -> bool {
    if character.is_control() {
        return true;
    }
    let code = u32::from(character);
    matches!(
        code,
        // Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul and Khmer fillers.
        0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
        // Zero width, marks, line and paragraph separators, embeddings and overrides.
        | 0x200B..=0x200F | 0x2028..=0x202E
        // Word joiner, invisible operators, isolates, deprecated format characters.
        | 0x2060..=0x206F
        // Fillers, variation selectors, byte order mark, interlinear annotation.
        | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        // Shorthand and musical format controls, tags, variation selectors supplement.
        | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
        // Private use: no two fonts agree on what it shows.
        | 0xE000..=0xF8FF | 0xF_0000..=0x10_FFFF
    ) || code & 0xFFFE == 0xFFFE
        || (0xFDD0..=0xFDEF).contains(&code)
}

fn is_combining(character: char) -> bool {
    matches!(
        u32::from(character),
        0x300..=0x36F | 0x483..=0x489 | 0x591..=0x5BD | 0x610..=0x61A | 0x64B..=0x65F
        | 0xE31 | 0xE34..=0xE3A | 0xE47..=0xE4E | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF
        | 0x20D0..=0x20FF | 0x3099 | 0x309A | 0xFE20..=0xFE2F
    )
}

fn is_wide(character: char) -> bool {
    matches!(
        u32::from(character),
        0x1100..=0x115E | 0x231A | 0x231B | 0x23E9..=0x23EC | 0x2E80..=0x303E | 0x3041..=0x33FF
        | 0x3400..=0x4DBF | 0x4E00..=0xA4CF | 0xA960..=0xA97F | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF01..=0xFF60 | 0xFFE0..=0xFFE6
        | 0x1F1E6..=0x1F1FF | 0x1F300..=0x1F64F | 0x1F680..=0x1F6FF | 0x1F900..=0x1FAFF
        | 0x2_0000..=0x3_FFFD
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_moves_is_written_out() {
        for (raw, shown) in [
            ("Anna Sorel, Zoë, 田中, €", "Anna Sorel, Zoë, 田中, €"),
            ("ALDGATE\\anna", "ALDGATE\\anna"),
            ("a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"),
            ("\u{1b}[31mred\u{9b}0m", "\\u{1b}[31mred\\u{9b}0m"),
            ("pay\u{202e}fdp.exe", "pay\\u{202e}fdp.exe"),
            ("a\u{2066}b\u{2069}\u{200e}\u{200f}", "a\\u{2066}b\\u{2069}\\u{200e}\\u{200f}"),
            ("ad\u{200b}min\u{feff}\u{ad}", "ad\\u{200b}min\\u{feff}\\u{ad}"),
            ("\u{e0041}\u{e000}\u{fffe}", "\\u{e0041}\\u{e000}\\u{fffe}"),
            ("x\u{2028}y\u{2029}\0", "x\\u{2028}y\\u{2029}\\u{0}"),
        ] {
            assert_eq!(plain(raw), shown);
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        let zalgo = format!("a{}b", "\u{301}".repeat(5));
        assert_eq!(plain(&zalgo), "a\u{301}\u{301}\u{301}\\u{301}\\u{301}b");
    }

    #[test]
    fn plain_is_its_own_fixed_point() {
        let every: String = (0..0x11_0000).filter_map(char::from_u32).collect();
        let once = plain(&every).into_owned();
        assert_eq!(plain(&once), once);
        assert!(!once.chars().any(char::is_control));
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("田中"), 4);
        assert_eq!(width("e\u{301}"), 1);
    }

    #[test]
    fn no_field_is_a_formula() {
        for (raw, field) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\\u{9}=1\""),
            ("\r=1", "\"'\\u{d}=1\""),
            ("  =1", "\"'  =1\""),
            ("two\nlines", "two\\u{a}lines"),
        ] {
            assert_eq!(csv_field(raw), field);
        }
    }
}
