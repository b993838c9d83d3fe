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
    match SchemaFragment::from_cedarschema_str(text) {
        Ok(_) => None,
        Err(error) => Some(placed(text, of(&error))),
    }
}

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
