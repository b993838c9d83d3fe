//! Entitlements: what may be done, and what it takes.

use countersign_model::id::TenantId;
use countersign_model::register::{Catalog, Entitlement, RiskTier};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, LEVELS, Shape, TEXTS, optional, required};
use crate::write::Fields;

pub(crate) const SHAPE: Shape = Shape {
    name: "an entitlement",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        optional("name", Kind::Text, "Its name."),
        required(
            "catalog",
            Kind::OneOf(|| Catalog::ALL.map(Catalog::as_str).to_vec()),
            "For whom it is.",
        ),
        optional("tenant", Kind::Ref(Noun::Tenant), "Where it applies."),
        required("actions", TEXTS, "Action patterns; `*` for any run of characters."),
        optional("resources", TEXTS, "Resource patterns; any resource if not given."),
        optional("business_process", Kind::Text, "What it is for."),
        optional("owner", Kind::Text, "Who answers for it."),
        optional(
            "risk",
            Kind::OneOf(|| RiskTier::ALL.map(RiskTier::as_str).to_vec()),
            "How much harm it can do.",
        ),
        optional("required", LEVELS, "The assurance it takes."),
        optional("longest", Kind::Duration, "How long a grant may last."),
        optional("review_every", Kind::Duration, "How often grants of it are reviewed."),
        optional(
            "incompatible_with",
            Kind::List(&Kind::Ref(Noun::Entitlement)),
            "What nobody may hold together with it.",
        ),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Entitlement> {
    Some(Entitlement {
        name: item.text("name"),
        catalog: item.one_of("catalog", &Catalog::ALL, Catalog::as_str)?,
        tenant: item.id("tenant"),
        actions: item.texts("actions")?,
        resources: item.texts("resources"),
        business_process: item.text("business_process"),
        owner: item.text("owner"),
        risk: item.one_of("risk", &RiskTier::ALL, RiskTier::as_str),
        required: item.assurance("required"),
        longest: item.duration("longest"),
        review_every: item.duration("review_every"),
        incompatible_with: item.ids("incompatible_with"),
    })
}

pub(crate) fn write(entitlement: &Entitlement, fields: Fields) -> Fields {
    let Entitlement {
        name,
        catalog,
        tenant,
        actions,
        resources,
        business_process,
        owner,
        risk,
        required,
        longest,
        review_every,
        incompatible_with,
    } = entitlement;
    let incompatible: Vec<String> = incompatible_with.iter().map(ToString::to_string).collect();
    fields
        .text("name", name.as_deref())
        .word("catalog", catalog.as_str())
        .text("tenant", tenant.as_ref().map(TenantId::as_str))
        .texts("actions", Some(actions))
        .texts("resources", resources.as_deref())
        .text("business_process", business_process.as_deref())
        .text("owner", owner.as_deref())
        .text("risk", risk.map(RiskTier::as_str))
        .assurance("required", required.as_ref())
        .duration("longest", *longest)
        .duration("review_every", *review_every)
        .some_texts("incompatible_with", &incompatible)
}
