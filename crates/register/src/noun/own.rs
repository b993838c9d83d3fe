//! What is ours, and what counts as privileged: rules of patterns, without ids.

use countersign_model::id::TenantId;
use countersign_model::register::{OwnRule, PrivilegedRule};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, Shape, TEXTS, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "a rule of `own`",
    fields: &[
        required("namespace", Kind::Text, "Pattern of the account, issuer or tenant."),
        required("value", Kind::Text, "Pattern of the names in it that are ours."),
    ],
};

pub(crate) const PRIVILEGED: Shape = Shape {
    name: "a rule of `privileged`",
    fields: &[
        optional("tenant", Kind::Ref(Noun::Tenant), "Where it applies; anywhere if not given."),
        required("actions", TEXTS, "Action patterns."),
        required("privileged", Kind::Bool, "Whether they are."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<OwnRule> {
    Some(OwnRule { namespace: item.text("namespace")?, value: item.text("value")? })
}

pub(crate) fn read_privileged(item: Item<'_>) -> Option<PrivilegedRule> {
    Some(PrivilegedRule {
        tenant: item.id("tenant"),
        actions: item.texts("actions")?,
        privileged: item.flag("privileged")?,
    })
}

pub(crate) fn write(rule: &OwnRule) -> Fields {
    let OwnRule { namespace, value } = rule;
    Fields::default().text("namespace", Some(namespace)).text("value", Some(value))
}

pub(crate) fn write_privileged(rule: &PrivilegedRule) -> Fields {
    let PrivilegedRule { tenant, actions, privileged } = rule;
    Fields::default()
        .text("tenant", tenant.as_ref().map(TenantId::as_str))
        .texts("actions", Some(actions))
        .flag("privileged", Some(*privileged))
}
