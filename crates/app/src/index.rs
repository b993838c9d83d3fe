//! What of a document stands in columns, so that it can be found.

use serde_json::Value as Json;

use crate::{App, AppError};

/// The columns of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub organization: Option<String>,
    pub sponsor: Option<String>,
    pub about: Option<String>,
    /// What it ends with.
    pub parent: Option<String>,
    /// Microseconds.
    pub ends: Option<i64>,
}

/// Whose an identity is.
pub(crate) type OrganizationOf<'a> = dyn Fn(&str) -> Result<Option<String>, AppError> + 'a;

pub(crate) fn index(
    noun: &str,
    id: &str,
    body: &Json,
    organization_of: &OrganizationOf<'_>,
) -> Result<Index, AppError> {
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    let mut index = Index::default();
    match noun {
        "organization" => {
            index.organization = Some(id.to_owned());
            index.sponsor = text("sponsor");
            index.parent = text("via");
            index.ends = ends(&[&body["contract"]["until"]]);
        }
        "trust_path" => {
            index.organization = text("organization");
            index.about = text("issuer");
            index.ends = ends(&[&body["active"]["until"]]);
        }
        "identity" => {
            index.organization = text("organization");
            index.sponsor = text("owner");
            index.ends = ends(&[&body["active"]["until"]]);
        }
        "credential" => {
            index.about = text("identity");
            index.ends = ends(&[&body["until"]]);
        }
        "grant" => {
            index.about = text("identity").or_else(|| text("group"));
            index.organization = text("organization");
            index.sponsor = text("sponsor");
            index.parent = text("passed_on_from");
            index.ends = ends(&[&body["until"]]);
        }
        "group" => index.organization = text("organization"),
        "portal" => {
            index.organization = text("organization");
            index.about = text("tenant");
        }
        "entitlement" => {
            index.about = text("tenant");
            index.sponsor = text("owner");
        }
        "exception" => {
            index.about = text("subject");
            index.sponsor = text("approved_by");
            index.ends = ends(&[&body["until"]]);
        }
        "hold" => index.about = text("subject"),
        _ => (),
    }
    if let ("credential" | "grant", Some(identity)) = (noun, body["identity"].as_str()) {
        index.organization = organization_of(identity)?;
    }
    Ok(index)
}

/// The earliest of some ends.
fn ends(ends: &[&Json]) -> Option<i64> {
    let time = |end: &&Json| countersign_register::time(end.as_str()?).map(crate::micros);
    ends.iter().filter_map(time).min()
}

impl App {
    /// Whose a stored identity is.
    pub(crate) fn organization_of(&self, identity: &str) -> Result<Option<String>, AppError> {
        Ok(self.store.item("identity", identity)?.and_then(|item| item.organization))
    }
}
