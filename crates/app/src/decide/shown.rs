//! A judgement as JSON.

use countersign_model::assurance::Assurance;
use countersign_model::judgement::{Judgement, Reason};
use countersign_model::time::End;
use countersign_register::time_text;
use serde::Serialize;

/// A judgement in the words of the rows of a trace.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entitlement: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_process: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sponsor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<Levels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<Levels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_by: Option<&'a str>,
    reasons: Vec<Why<'a>>,
    exceptions: &'a [String],
}

impl<'a> Shown<'a> {
    pub fn new(judged: &'a Judgement) -> Self {
        Self {
            outcome: judged.outcome.as_str(),
            organization: judged.organization.as_deref(),
            trust_path: judged.trust_path.as_deref(),
            grant: judged.grant.as_deref(),
            grant_until: judged.grant_until.map(|end| match end {
                End::At(at) => time_text(at),
                End::Never => "never".to_owned(),
            }),
            entitlement: judged.entitlement.as_deref(),
            business_process: judged.business_process.as_deref(),
            sponsor: judged.sponsor.as_deref(),
            required: judged.required.map(Levels::from),
            accepted: (judged.accepted != Assurance::NONE).then(|| judged.accepted.into()),
            accepted_by: judged.accepted_by.as_deref(),
            reasons: judged.reasons.iter().map(Why::from).collect(),
            exceptions: &judged.exceptions,
        }
    }
}

/// A reason.
#[derive(Debug, Serialize)]
pub struct Why<'a> {
    code: &'a str,
    outcome: &'static str,
    text: &'a str,
    controls: &'a [String],
}

impl<'a> From<&'a Reason> for Why<'a> {
    fn from(reason: &'a Reason) -> Self {
        Self {
            code: &reason.code,
            outcome: reason.outcome.as_str(),
            text: &reason.text,
            controls: &reason.controls,
        }
    }
}

/// The axes of an assurance that are said.
#[derive(Debug, Serialize)]
pub struct Levels {
    #[serde(skip_serializing_if = "Option::is_none")]
    ial: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aal: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fal: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phishing_resistant: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<u8>,
}

impl From<Assurance> for Levels {
    fn from(levels: Assurance) -> Self {
        let Assurance { ial, aal, fal, phishing_resistant, workload } = levels;
        Self { ial, aal, fal, phishing_resistant, workload }
    }
}
