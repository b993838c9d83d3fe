//! Sponsors: employees of ours who are accountable for outsiders.

use countersign_model::id::SponsorId;
use countersign_model::register::Sponsor;

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, Shape, WHEN, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "a sponsor",
    fields: &[
        required("id", Kind::Slug, "Their id."),
        optional("name", Kind::Text, "Their name."),
        optional("email", Kind::Email, "Where mail reaches them."),
        optional("employed", WHEN, "From when until when they are with us."),
        optional("successor", Kind::Ref(Noun::Sponsor), "Who took over when they left."),
        optional("succession_until", Kind::Time, "Until when their access may go on meanwhile."),
        optional(
            "reduced_from",
            Kind::Time,
            "From when meanwhile only what is of low or medium risk may go on.",
        ),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Sponsor> {
    Some(Sponsor {
        name: item.text("name"),
        email: item.text("email"),
        employed: item.interval("employed"),
        successor: item.id("successor"),
        succession_until: item.time("succession_until"),
        reduced_from: item.time("reduced_from"),
    })
}

pub(crate) fn write(sponsor: &Sponsor, fields: Fields) -> Fields {
    let Sponsor { name, email, employed, successor, succession_until, reduced_from } = sponsor;
    fields
        .text("name", name.as_deref())
        .text("email", email.as_deref())
        .interval("employed", employed)
        .text("successor", successor.as_ref().map(SponsorId::as_str))
        .time("succession_until", *succession_until)
        .time("reduced_from", *reduced_from)
}
