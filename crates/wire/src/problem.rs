//! Errors as RFC 9457 says, with a stable code and what would work.

use countersign_app::{AppError, Violation};
use countersign_register::Mistake;
use serde_json::{Value as Json, json};

#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub detail: String,
    /// Further members: `faults` with their JSON Pointers, `mistakes` with their places,
    /// `violations` with what would work.
    pub more: Vec<(&'static str, Json)>,
    /// For the operator's log, never for whoever asked.
    pub cause: Option<String>,
}

impl Problem {
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), more: Vec::new(), cause: None }
    }

    pub fn body(&self) -> Json {
        let mut body = json!({
            "type": format!("/problems/{}", self.code),
            "title": self.code.replace(['_', '.'], " "),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        });
        for (key, value) in &self.more {
            body[*key] = value.clone();
        }
        body
    }

    /// Files of a register that cannot be used.
    pub fn mistakes(mistakes: &[Mistake]) -> Self {
        let list: Vec<Json> = mistakes
            .iter()
            .map(|mistake| {
                json!({
                    "file": mistake.file, "line": mistake.line, "column": mistake.column,
                    "message": mistake.message, "fix": mistake.fix,
                })
            })
            .collect();
        let detail = format!("the register has {} mistake(s); nothing was done", mistakes.len());
        Self {
            more: vec![("mistakes", list.into())],
            ..Self::new(422, "register.mistakes", detail)
        }
    }
}

/// One thing that stands in the way of a request.
fn violation(found: &Violation) -> Json {
    json!({
        "code": found.code, "says": found.says, "remedy": found.remedy,
        "latest": found.latest.map(countersign_register::time_text),
    })
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let status = match &error {
            AppError::NotFound { .. } => 404,
            AppError::Forbidden { .. } => 403,
            AppError::Unauthenticated => 401,
            AppError::Invalid(_) | AppError::KeyReused => 422,
            AppError::Refused { .. } | AppError::Exists { .. } | AppError::Violations(_) => 409,
            AppError::Stale { .. } => 412,
            AppError::Store(_)
            | AppError::Evidence(_)
            | AppError::Stored(_)
            | AppError::Journal(_) => 503,
        };
        let more = match &error {
            AppError::Invalid(faults) => {
                let list: Vec<Json> = faults
                    .iter()
                    .map(|fault| {
                        json!({
                            "pointer": fault.pointer, "message": fault.message, "fix": fault.fix,
                        })
                    })
                    .collect();
                vec![("faults", Json::from(list))]
            }
            AppError::Violations(found) => {
                let list: Vec<Json> = found.iter().map(violation).collect();
                vec![("violations", Json::from(list))]
            }
            _ => Vec::new(),
        };
        // What the machine said is for the operator's log, not for whoever asks.
        let detail = match status {
            503 => "the store could not be read or written; the operator's log says why".to_owned(),
            _ => error.to_string(),
        };
        let cause = (status == 503).then(|| error.to_string());
        Self { more, cause, ..Self::new(status, error.code(), detail) }
    }
}
