//! Credentials, by their public handle.

use countersign_model::id::TrustPathId;
use countersign_model::register::{Credential, CredentialKind};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, Shape, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "a credential",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        required("identity", Kind::Ref(Noun::Identity), "Whose it is."),
        required(
            "kind",
            Kind::OneOf(|| CredentialKind::ALL.map(CredentialKind::as_str).to_vec()),
            "What it is.",
        ),
        required("handle", Kind::Handle, "Key id, fingerprint or hash, as logs show it."),
        optional("namespace", Kind::Text, "The account or tenant whose logs show the handle."),
        optional("trust_path", Kind::Ref(Noun::TrustPath), "The path by which it arrives."),
        optional("issued", Kind::Time, "When it was made."),
        optional("until", Kind::End, "When it ends."),
        optional("revoked", Kind::Time, "When it was revoked."),
        optional("rotated", Kind::Time, "When its secret was last changed."),
        optional("rotate_every", Kind::Duration, "How old it may get before it must be rotated."),
        optional("consumer", Kind::Text, "The one place that uses it."),
        optional("shared", Kind::Bool, "Known to be in several hands."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Credential> {
    Some(Credential {
        identity: item.id("identity")?,
        kind: item.one_of("kind", &CredentialKind::ALL, CredentialKind::as_str)?,
        handle: item.text("handle")?,
        namespace: item.text("namespace"),
        trust_path: item.id("trust_path"),
        issued: item.time("issued"),
        until: item.end("until"),
        revoked: item.time("revoked"),
        rotated: item.time("rotated"),
        rotate_every: item.duration("rotate_every"),
        consumer: item.text("consumer"),
        shared: item.flag("shared").unwrap_or(false),
    })
}

pub(crate) fn write(credential: &Credential, fields: Fields) -> Fields {
    let Credential {
        identity,
        kind,
        handle,
        namespace,
        trust_path,
        issued,
        until,
        revoked,
        rotated,
        rotate_every,
        consumer,
        shared,
    } = credential;
    fields
        .text("identity", Some(identity.as_str()))
        .word("kind", kind.as_str())
        .text("handle", Some(handle))
        .text("namespace", namespace.as_deref())
        .text("trust_path", trust_path.as_ref().map(TrustPathId::as_str))
        .time("issued", *issued)
        .end("until", *until)
        .time("revoked", *revoked)
        .time("rotated", *rotated)
        .duration("rotate_every", *rotate_every)
        .text("consumer", consumer.as_deref())
        .flag("shared", shared.then_some(true))
}
