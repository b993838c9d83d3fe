//! Names that a register uses and others give: of sources and of codes.

use crate::suggest::nearest;

/// What there is to name. An empty list is not known, and nothing is held against it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names of source definitions.
    pub sources: Vec<String>,
    /// Codes of reasons and findings.
    pub codes: Vec<String>,
}

impl Known {
    /// What would work instead, if there is no source of this name.
    pub(crate) fn not_a_source(&self, text: &str) -> Option<String> {
        missing(&self.sources, text, "`countersign sources` lists them; --source adds your own")
    }

    /// What would work instead, if no guardrail and no finding has this code.
    pub(crate) fn not_a_code(&self, text: &str) -> Option<String> {
        missing(
            &self.codes,
            text,
            "no guardrail and no finding has this code; --policy adds your own",
        )
    }
}

fn missing(known: &[String], text: &str, otherwise: &str) -> Option<String> {
    if known.is_empty() || known.iter().any(|name| name == text) {
        return None;
    }
    Some(match nearest(text, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    })
}
