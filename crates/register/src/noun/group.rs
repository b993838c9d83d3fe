//! Groups: named sets of identities.

use countersign_model::id::OrganizationId;
use countersign_model::register::{Group, Member};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, Shape, WHEN, optional, required};
use crate::write::{Fields, Out};

pub(crate) const SHAPE: Shape = Shape {
    name: "a group",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        optional(
            "organization",
            Kind::Ref(Noun::Organization),
            "Whose people are in it; not given if they are of several.",
        ),
        optional("members", Kind::List(&Kind::Map(&MEMBER)), "Who is in it, and when."),
    ],
};

const MEMBER: Shape = Shape {
    name: "a member",
    fields: &[
        required("identity", Kind::Ref(Noun::Identity), "Who."),
        optional("active", WHEN, "From when until when."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Group> {
    let member = |member: Item<'_>| {
        Some(Member { identity: member.id("identity")?, active: member.interval("active") })
    };
    Some(Group {
        organization: item.id("organization"),
        members: item.maps("members").filter_map(member).collect(),
    })
}

pub(crate) fn write(group: &Group, fields: Fields) -> Fields {
    let Group { organization, members } = group;
    let members = members.iter().map(|Member { identity, active }| {
        Fields::default()
            .text("identity", Some(identity.as_str()))
            .interval("active", active)
            .into_out()
    });
    fields
        .text("organization", organization.as_ref().map(OrganizationId::as_str))
        .put("members", Out::some_list(members))
}
