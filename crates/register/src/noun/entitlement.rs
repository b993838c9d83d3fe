//! Entitlements: what may be done, and what it takes.

use countersign_model::id::TenantId;
use countersign_model::register::{
    ApprovalPolicy, Catalog, Entitlement, OrganizationKind, RiskTier, WhoMayAsk,
};

use crate::item::Item;
use crate::noun::Noun;
use crate::shape::{Kind, LEVELS, Shape, TEXTS, optional, required};
use crate::write::{Fields, Out};

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
        optional(
            "who_may_ask",
            Kind::Map(&WHO_MAY_ASK),
            "Who may ask for it; if not given, its sponsor decides each time.",
        ),
        optional(
            "approval",
            Kind::OneOf(|| ApprovalPolicy::ALL.map(ApprovalPolicy::as_str).to_vec()),
            "Who approves a grant of low or medium risk; high and critical always take both.",
        ),
        optional(
            "passed_on_depth",
            Kind::Level(0, 9),
            "How many levels below it a reseller's grant may be passed on.",
        ),
    ],
};

const WHO_MAY_ASK: Shape = Shape {
    name: "who may ask",
    fields: &[
        optional(
            "kinds",
            Kind::List(&Kind::OneOf(|| {
                OrganizationKind::ALL.map(OrganizationKind::as_str).to_vec()
            })),
            "Organizations of these kinds.",
        ),
        optional("organizations", Kind::List(&Kind::Ref(Noun::Organization)), "And these."),
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
        who_may_ask: item.map("who_may_ask").map(|who| WhoMayAsk {
            kinds: who.words("kinds", &OrganizationKind::ALL, OrganizationKind::as_str),
            organizations: who.ids("organizations"),
        }),
        approval: item.one_of("approval", &ApprovalPolicy::ALL, ApprovalPolicy::as_str),
        passed_on_depth: item.level("passed_on_depth"),
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
        who_may_ask,
        approval,
        passed_on_depth,
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
        .put("who_may_ask", who_may_ask.as_ref().map(who))
        .text("approval", approval.map(ApprovalPolicy::as_str))
        .level("passed_on_depth", *passed_on_depth)
}

fn who(WhoMayAsk { kinds, organizations }: &WhoMayAsk) -> Out {
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    let organizations: Vec<String> = organizations.iter().map(ToString::to_string).collect();
    Fields::default()
        .some_texts("kinds", &kinds)
        .some_texts("organizations", &organizations)
        .into_out()
}
