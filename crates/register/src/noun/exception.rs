//! Exceptions: approved departures from the rules, each with an end.

use countersign_model::id::SponsorId;
use countersign_model::register::Exception;

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, Shape, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "an exception",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        required("rule", Kind::Code, "The reason or finding code that it sets aside."),
        required("subject", Kind::Subject, "What it covers, such as `grant:g-17`."),
        optional("approved_by", Kind::Ref(Noun::Sponsor), "Who approved it."),
        optional("justification", Kind::Text, "Why."),
        optional("from", Kind::Time, "The first instant at which it holds."),
        optional("until", Kind::Time, "The first instant at which it no longer holds."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Exception> {
    Some(Exception {
        rule: item.text("rule")?,
        subject: item.text("subject")?,
        approved_by: item.id("approved_by"),
        justification: item.text("justification"),
        interval: item.own_interval(),
    })
}

pub(crate) fn write(exception: &Exception, fields: Fields) -> Fields {
    let Exception { rule, subject, approved_by, justification, interval } = exception;
    fields
        .text("rule", Some(rule))
        .text("subject", Some(subject))
        .text("approved_by", approved_by.as_ref().map(SponsorId::as_str))
        .text("justification", justification.as_deref())
        .time("from", interval.from)
        .end("until", interval.until)
}
