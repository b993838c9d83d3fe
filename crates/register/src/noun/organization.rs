//! Organizations: external parties.

use countersign_model::id::{OrganizationId, SponsorId};
use countersign_model::register::{Organization, OrganizationKind, OrganizationState};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{INTERVALS, Kind, Shape, WHEN, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "an organization",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        optional("name", Kind::Text, "Its name."),
        required(
            "kind",
            Kind::OneOf(|| OrganizationKind::ALL.map(OrganizationKind::as_str).to_vec()),
            "What it is to us.",
        ),
        optional("via", Kind::Ref(Noun::Organization), "The reseller that brought it in."),
        optional(
            "state",
            Kind::OneOf(|| OrganizationState::ALL.map(OrganizationState::as_str).to_vec()),
            "Where it stands.",
        ),
        optional("sponsor", Kind::Ref(Noun::Sponsor), "Who of us is accountable for it."),
        optional("contract", WHEN, "From when until when there is a contract."),
        optional("suspended", INTERVALS, "When it was or is suspended; all its access stops then."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Organization> {
    Some(Organization {
        name: item.text("name"),
        kind: item.one_of("kind", &OrganizationKind::ALL, OrganizationKind::as_str)?,
        via: item.id("via"),
        state: item.one_of("state", &OrganizationState::ALL, OrganizationState::as_str),
        sponsor: item.id("sponsor"),
        contract: item.interval("contract"),
        suspended: item.intervals("suspended"),
    })
}

pub(crate) fn write(organization: &Organization, fields: Fields) -> Fields {
    let Organization { name, kind, via, state, sponsor, contract, suspended } = organization;
    fields
        .text("name", name.as_deref())
        .word("kind", kind.as_str())
        .text("via", via.as_ref().map(OrganizationId::as_str))
        .text("state", state.map(OrganizationState::as_str))
        .text("sponsor", sponsor.as_ref().map(SponsorId::as_str))
        .interval("contract", contract)
        .intervals("suspended", suspended)
}
