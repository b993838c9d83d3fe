//! Portals: front doors with many people before them and one account behind.

use countersign_model::id::OrganizationId;
use countersign_model::register::Portal;

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, Shape, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "a portal",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        optional("organization", Kind::Ref(Noun::Organization), "Whose it is."),
        required("tenant", Kind::Ref(Noun::Tenant), "In whose logs the people sign in."),
        optional(
            "acts_as",
            Kind::List(&Kind::Ref(Noun::Identity)),
            "The identities under which it acts elsewhere.",
        ),
        optional(
            "idle",
            Kind::Duration,
            "How long after their last request a person may still act.",
        ),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Portal> {
    Some(Portal {
        organization: item.id("organization"),
        tenant: item.id("tenant")?,
        acts_as: item.ids("acts_as"),
        idle: item.duration("idle"),
    })
}

pub(crate) fn write(portal: &Portal, fields: Fields) -> Fields {
    let Portal { organization, tenant, acts_as, idle } = portal;
    let acts_as: Vec<String> = acts_as.iter().map(ToString::to_string).collect();
    fields
        .text("organization", organization.as_ref().map(OrganizationId::as_str))
        .text("tenant", Some(tenant.as_str()))
        .some_texts("acts_as", &acts_as)
        .duration("idle", *idle)
}
