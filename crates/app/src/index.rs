//! What of a document stands in columns, so that it can be found.

use countersign_model::id::OrganizationId;
use countersign_model::register::{Grantee, Register};
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

/// Whose an item of a partner is, by noun and id.
pub(crate) type OrganizationOf<'a> = dyn Fn(&str, &str) -> Result<Option<String>, AppError> + 'a;

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
            index.ends = ends(&[&body["until"], &body["revoked"]]);
        }
        "grant" => {
            let grantee = ["identity", "group", "organization"];
            index.about = grantee.into_iter().find_map(text);
            index.organization = text("organization");
            index.sponsor = text("sponsor");
            index.parent = text("passed_on_from");
            index.ends = ends(&[&body["until"], &body["revoked"]]);
        }
        "member" => index.organization = text("organization"),
        "invitation" => {
            index.organization = text("organization");
            index.sponsor = text("sponsor");
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
            index.organization = match body["subject"].as_str().and_then(|it| it.split_once(':')) {
                Some(("organization", id)) => Some(id.to_owned()),
                Some((noun, id)) => organization_of(noun, id)?,
                None => None,
            };
            index.ends = ends(&[&body["until"]]);
        }
        "policy" => index.about = text("tenant"),
        "hold" => index.about = text("subject"),
        _ => (),
    }
    for grantee in ["identity", "group"] {
        if let ("credential" | "grant", Some(id)) = (noun, body[grantee].as_str()) {
            index.organization = organization_of(grantee, id)?;
        }
    }
    Ok(index)
}

/// The earliest of some ends.
fn ends(ends: &[&Json]) -> Option<i64> {
    let time = |end: &&Json| countersign_register::time(end.as_str()?).map(crate::micros);
    ends.iter().filter_map(time).min()
}

impl App {
    /// Whose a stored item is.
    pub(crate) fn organization_of(&self, noun: &str, id: &str) -> Result<Option<String>, AppError> {
        Ok(self.store.item(noun, id)?.and_then(|item| item.organization))
    }

    /// The same, of those that are written together with what names them.
    pub(crate) fn organizations_in<'a>(
        &'a self,
        register: &'a Register,
    ) -> impl Fn(&str, &str) -> Result<Option<String>, AppError> + 'a {
        move |noun, id| match whose(register, noun, id) {
            Some(whose) => Ok(Some(whose.to_string())),
            None => self.organization_of(noun, id),
        }
    }
}

fn whose<'a>(register: &'a Register, noun: &str, id: &str) -> Option<&'a OrganizationId> {
    match noun {
        "identity" => register.identities.get(id).map(|it| &it.organization),
        "trust_path" => register.trust_paths.get(id).map(|it| &it.organization),
        "group" => register.groups.get(id)?.organization.as_ref(),
        "grant" => match &register.grants.get(id)?.to {
            Grantee::Organization(id) => Some(id),
            Grantee::Identity(id) => whose(register, "identity", id.as_str()),
            Grantee::Group(id) => whose(register, "group", id.as_str()),
        },
        "credential" => {
            let identity = &register.credentials.get(id)?.identity;
            whose(register, "identity", identity.as_str())
        }
        _ => None,
    }
}
