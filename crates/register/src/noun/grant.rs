//! Grants: who may do it, by whose word, from when until when.

use countersign_model::id::{GrantId, SponsorId};
use countersign_model::register::{Grant, Grantee};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{INTERVALS, Kind, Shape, alternative, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "a grant",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        required("entitlement", Kind::Ref(Noun::Entitlement), "What is granted."),
        alternative(
            "identity",
            Kind::Ref(Noun::Identity),
            "To whom: this, or a group, or an organization.",
        ),
        alternative("group", Kind::Ref(Noun::Group), "To the members of a group."),
        alternative("organization", Kind::Ref(Noun::Organization), "To all of an organization."),
        optional("sponsor", Kind::Ref(Noun::Sponsor), "Who of us is accountable for it."),
        optional("justification", Kind::Text, "Why."),
        optional("from", Kind::Time, "The first instant at which it holds."),
        optional("until", Kind::End, "The first instant at which it no longer holds."),
        optional("revoked", Kind::Time, "When it was revoked."),
        optional("suspended", INTERVALS, "When it was or is suspended."),
        optional("review_due", Kind::Time, "When its next review is due."),
        optional("review_grace", Kind::Duration, "How long after that it may still be used."),
        optional("passed_on_from", Kind::Ref(Noun::Grant), "The reseller's own grant."),
        optional(
            "break_glass",
            Kind::Bool,
            "Taken in an emergency, without approval before; two people look at it afterwards.",
        ),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Grant> {
    let to = item
        .id("identity")
        .map(Grantee::Identity)
        .or_else(|| item.id("group").map(Grantee::Group))
        .or_else(|| item.id("organization").map(Grantee::Organization))?;
    Some(Grant {
        entitlement: item.id("entitlement")?,
        to,
        sponsor: item.id("sponsor"),
        justification: item.text("justification"),
        interval: item.own_interval(),
        revoked: item.time("revoked"),
        suspended: item.intervals("suspended"),
        review_due: item.time("review_due"),
        review_grace: item.duration("review_grace"),
        passed_on_from: item.id("passed_on_from"),
        break_glass: item.flag("break_glass").unwrap_or(false),
    })
}

pub(crate) fn write(grant: &Grant, fields: Fields) -> Fields {
    let Grant {
        entitlement,
        to,
        sponsor,
        justification,
        interval,
        revoked,
        suspended,
        review_due,
        review_grace,
        passed_on_from,
        break_glass,
    } = grant;
    let (key, grantee) = match to {
        Grantee::Identity(id) => ("identity", id.as_str()),
        Grantee::Group(id) => ("group", id.as_str()),
        Grantee::Organization(id) => ("organization", id.as_str()),
    };
    fields
        .text("entitlement", Some(entitlement.as_str()))
        .text(key, Some(grantee))
        .text("sponsor", sponsor.as_ref().map(SponsorId::as_str))
        .text("justification", justification.as_deref())
        .time("from", interval.from)
        .end("until", interval.until)
        .time("revoked", *revoked)
        .intervals("suspended", suspended)
        .time("review_due", *review_due)
        .duration("review_grace", *review_grace)
        .text("passed_on_from", passed_on_from.as_ref().map(GrantId::as_str))
        .flag("break_glass", break_glass.then_some(true))
}
