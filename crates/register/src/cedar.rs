//! Whether a text is Cedar. What it means, and whether it fits the types it reads, the judge says.

use std::error::Error;

use cedar_policy::{ParseErrors, PolicySet, SchemaFragment};
use miette::Diagnostic;

/// What is wrong, and where: the byte at which it is, if that can be said.
#[derive(Debug)]
struct Wrong {
    what: String,
    at: Option<usize>,
    fix: Option<String>,
}

/// The first thing that is wrong with a set of policies: what, with line and column in the text, and
/// what would work, if it can be said.
pub(crate) fn wrong_policies(text: &str) -> Option<(String, Option<String>)> {
    if let Some(wrong) = nested(text, false) {
        return Some(placed(text, wrong));
    }
    let wrong = match text.parse::<PolicySet>() {
        Ok(set) if set.is_empty() => Wrong {
            what: "there is no policy in it".to_owned(),
            at: None,
            fix: Some(
                "write one, such as `@id(\"closed\") … forbid (principal, action, \
                       resource);`, or leave the item out"
                    .to_owned(),
            ),
        },
        Ok(_) => return None,
        Err(errors) => of_parse(&errors),
    };
    Some(placed(text, wrong))
}

/// As [`wrong_policies`], of a schema. It may name types that we provide, so it is only read.
pub(crate) fn wrong_schema(text: &str) -> Option<(String, Option<String>)> {
    if let Some(wrong) = nested(text, true) {
        return Some(placed(text, wrong));
    }
    match SchemaFragment::from_cedarschema_str(text) {
        Ok(_) => None,
        Err(error) => Some(placed(text, of(&error))),
    }
}

/// Cedar reads by recursion, and a hostile text would exhaust the stack. Brackets nest; what is joined
/// by words and signs nests too, once for each, so their number in a statement is bounded.
fn nested(text: &str, is_schema: bool) -> Option<Wrong> {
    let mut depth = 0_usize;
    let mut joined = 0_usize;
    let mut before = ' ';
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let mut is_escaped = false;
                for (_, inner) in characters.by_ref() {
                    if inner == '"' && !is_escaped {
                        break;
                    }
                    is_escaped = inner == '\\' && !is_escaped;
                }
            }
            '/' if characters.peek().is_some_and(|(_, next)| *next == '/') => {
                let _ = characters.by_ref().find(|(_, inner)| *inner == '\n');
            }
            '(' | '[' | '{' => {
                depth += 1;
                joined += 1;
            }
            '<' if is_schema => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '>' if is_schema => depth = depth.saturating_sub(1),
            ';' => joined = 0,
            '&' | '|' | '+' | '-' | '*' | '.' | '!' | '=' | '<' | '>' => joined += 1,
            // A word: `if`, `in`, `has`, `like`, `is`.
            _ if character.is_alphabetic() && !before.is_alphanumeric() && before != '_' => {
                joined += usize::from(matches!(character, 'i' | 'h' | 'l'));
            }
            _ => {}
        }
        before = character;
        if depth > NESTED_MAX || (!is_schema && joined > JOINED_MAX) {
            let what = "this is too deep to be read".to_owned();
            let fix = Some("write several policies in its place".to_owned());
            return Some(Wrong { what, at: Some(at), fix });
        }
    }
    None
}

/// Brackets inside each other.
const NESTED_MAX: usize = 24;
/// Signs and words that join, in one policy.
const JOINED_MAX: usize = 1000;

fn of_parse(errors: &ParseErrors) -> Wrong {
    of(errors)
}

/// The innermost sentence says the most, and the label shows where.
fn of(diagnostic: &dyn Diagnostic) -> Wrong {
    let at = diagnostic
        .labels()
        .and_then(|mut labels| labels.next())
        .map(|label| label.offset())
        .or_else(|| of_related(diagnostic));
    let mut what = diagnostic.to_string();
    let mut source = diagnostic.source();
    while let Some(inner) = source {
        what = inner.to_string();
        source = Error::source(inner);
    }
    Wrong { what, at, fix: diagnostic.help().map(|help| help.to_string()) }
}

fn of_related(diagnostic: &dyn Diagnostic) -> Option<usize> {
    let inner = diagnostic.diagnostic_source()?;
    inner.labels().and_then(|mut labels| labels.next()).map(|label| label.offset())
}

fn placed(text: &str, wrong: Wrong) -> (String, Option<String>) {
    let Wrong { what, at, fix } = wrong;
    let what = what.replace(['\n', '\r'], " ");
    let Some(before) = at.and_then(|at| text.get(..at)) else { return (what, fix) };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (format!("line {line}, column {column} of it: {what}"), fix)
}
