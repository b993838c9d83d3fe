//! Where in a text something is wrong.

use miette::Diagnostic;

/// What is wrong, after its line and column, if Cedar says where.
pub(super) fn placed(text: &str, wrong: &dyn Diagnostic) -> String {
    let at = wrong.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let what = wrong.to_string();
    let Some(before) = at.and_then(|at| text.get(..at)) else { return what };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("line {line}, column {column}: {what}")
}
