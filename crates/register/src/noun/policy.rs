//! Policies: what a company forbids beyond the guardrails, in Cedar.

use countersign_model::id::TenantId;
use countersign_model::register::Policy;

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, Shape, optional, required};
use crate::write::{Fields, Out};

pub(crate) const SHAPE: Shape = Shape {
    name: "a policy",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        optional("tenant", Kind::Ref(Noun::Tenant), "Where it applies; anywhere if not given."),
        required("cedar", Kind::Cedar, "Cedar policies that forbid."),
        optional(
            "schema",
            Kind::CedarSchema,
            "The application's own types in Cedar's schema syntax; those of guardrails if not given.",
        ),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Policy> {
    Some(Policy {
        tenant: item.id("tenant"),
        cedar: item.text("cedar")?,
        schema: item.text("schema"),
    })
}

pub(crate) fn write(policy: &Policy, fields: Fields) -> Fields {
    let Policy { tenant, cedar, schema } = policy;
    fields
        .text("tenant", tenant.as_ref().map(TenantId::as_str))
        .put("cedar", Some(Out::Block(cedar.clone())))
        .put("schema", schema.clone().map(Out::Block))
}
