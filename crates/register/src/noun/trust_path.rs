//! Trust paths: the ways in which identities of an organization arrive, and what is accepted.

use countersign_model::id::SponsorId;
use countersign_model::register::{AssuranceEntry, TrustPath, TrustPathKind};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, LEVELS, Shape, WHEN, optional, required};
use crate::write::{Fields, Out};

pub(crate) const SHAPE: Shape = Shape {
    name: "a trust path",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        required("organization", Kind::Ref(Noun::Organization), "Whose identities arrive by it."),
        required(
            "kind",
            Kind::OneOf(|| TrustPathKind::ALL.map(TrustPathKind::as_str).to_vec()),
            "How they arrive.",
        ),
        optional("issuer", Kind::Text, "Issuer, entity id, realm or account of its names."),
        optional("active", WHEN, "From when until when it is accepted."),
        optional("accepted_by", Kind::Ref(Noun::Sponsor), "Who accepted it."),
        optional("revalidate_by", Kind::Time, "After it assurance falls to the floor."),
        optional("assurance_map", Kind::List(&Kind::Map(&ENTRY)), "Which claim counts as what."),
        optional("constant", LEVELS, "For paths whose level is fixed by agreement."),
    ],
};

const ENTRY: Shape = Shape {
    name: "an entry of an assurance map",
    fields: &[
        required("claim", Kind::Text, "The claim or method that logs show."),
        required("value", Kind::Text, "Its value, as logs show it."),
        required("accept", LEVELS, "What it is accepted as."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<TrustPath> {
    let entry = |entry: Item<'_>| {
        Some(AssuranceEntry {
            namespace: entry.text("claim")?,
            value: entry.text("value")?,
            accept: entry.assurance("accept")?,
        })
    };
    Some(TrustPath {
        organization: item.id("organization")?,
        kind: item.one_of("kind", &TrustPathKind::ALL, TrustPathKind::as_str)?,
        issuer: item.text("issuer"),
        active: item.interval("active"),
        accepted_by: item.id("accepted_by"),
        revalidate_by: item.time("revalidate_by"),
        assurance_map: item.maps("assurance_map").filter_map(entry).collect(),
        constant: item.assurance("constant"),
    })
}

pub(crate) fn write(path: &TrustPath, fields: Fields) -> Fields {
    let TrustPath {
        organization,
        kind,
        issuer,
        active,
        accepted_by,
        revalidate_by,
        assurance_map,
        constant,
    } = path;
    let entries = assurance_map.iter().map(|AssuranceEntry { namespace, value, accept }| {
        Fields::default()
            .text("claim", Some(namespace))
            .text("value", Some(value))
            .assurance("accept", Some(accept))
            .into_out()
    });
    fields
        .text("organization", Some(organization.as_str()))
        .word("kind", kind.as_str())
        .text("issuer", issuer.as_deref())
        .interval("active", active)
        .text("accepted_by", accepted_by.as_ref().map(SponsorId::as_str))
        .time("revalidate_by", *revalidate_by)
        .put("assurance_map", Out::some_list(entries))
        .assurance("constant", constant.as_ref())
}
