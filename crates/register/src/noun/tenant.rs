//! Tenants: where access happens and logs arise.

use countersign_model::register::{
    Enforcement, EnforcementMode, Resource, Tenant, Unattributed, UnknownSubject, WhenStale,
};

use crate::item::Item;
use crate::properties;
use crate::shape::{Kind, Shape, TEXTS, optional, required};
use crate::write::{Fields, Out};

pub(crate) const SHAPE: Shape = Shape {
    name: "a tenant",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        optional("name", Kind::Text, "Its name."),
        optional("source", Kind::Source, "The source definition whose records arise here."),
        optional("accounts", TEXTS, "What its records call it: account numbers, realms, issuers."),
        optional("files", TEXTS, "Log files of it, for sources whose records name no tenant."),
        optional("environment", Kind::Text, "Production, test, …"),
        optional("feeds", TEXTS, "Feeds that are known to be on and collected."),
        optional("logs_from", Kind::Time, "Since when its logs are complete."),
        optional("enforcement", Kind::Map(&ENFORCEMENT), "How its decisions are answered."),
        optional("resources", Kind::List(&Kind::Map(&RESOURCE)), "What it protects."),
    ],
};

const RESOURCE: Shape = Shape {
    name: "a resource",
    fields: &[
        required("type", Kind::Text, "Its type, as the application names it."),
        required("id", Kind::Text, "Its id, as the application names it."),
        optional("properties", Kind::Properties, "What policies may read of it."),
    ],
};

const ENFORCEMENT: Shape = Shape {
    name: "an enforcement",
    fields: &[
        required(
            "mode",
            Kind::OneOf(|| EnforcementMode::ALL.map(EnforcementMode::as_str).to_vec()),
            "Whether what is not justified is only recorded, or refused.",
        ),
        optional("until", Kind::Time, "Of `observe`: when enforcing begins."),
        optional(
            "unknown_subject",
            Kind::OneOf(|| UnknownSubject::ALL.map(UnknownSubject::as_str).to_vec()),
            "Whether a subject that is not registered is refused, as it is if not said, or passed.",
        ),
        optional(
            "unattributed",
            Kind::OneOf(|| Unattributed::ALL.map(Unattributed::as_str).to_vec()),
            "Whether a request behind a portal that names no person is refused, or recorded.",
        ),
        optional(
            "stale",
            Kind::OneOf(|| WhenStale::ALL.map(WhenStale::as_str).to_vec()),
            "What a node that cannot read what changed does.",
        ),
        optional("max_age", Kind::Duration, "For how long an answer may be kept; 1s if not said."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Tenant> {
    Some(Tenant {
        name: item.text("name"),
        source: item.text("source"),
        accounts: item.texts("accounts").unwrap_or_default(),
        files: item.texts("files").unwrap_or_default(),
        environment: item.text("environment"),
        feeds: item.texts("feeds"),
        logs_from: item.time("logs_from"),
        enforcement: item.map("enforcement").and_then(enforcement),
        resources: item.maps("resources").filter_map(resource).collect(),
    })
}

fn resource(item: Item<'_>) -> Option<Resource> {
    let (kind, id) = (item.text("type")?, item.text("id")?);
    Some(Resource { kind, id, properties: item.properties("properties") })
}

fn enforcement(item: Item<'_>) -> Option<Enforcement> {
    Some(Enforcement {
        mode: item.one_of("mode", &EnforcementMode::ALL, EnforcementMode::as_str)?,
        until: item.time("until"),
        unknown_subject: item
            .one_of("unknown_subject", &UnknownSubject::ALL, UnknownSubject::as_str)
            .unwrap_or_default(),
        unattributed: item
            .one_of("unattributed", &Unattributed::ALL, Unattributed::as_str)
            .unwrap_or_default(),
        stale: item.one_of("stale", &WhenStale::ALL, WhenStale::as_str).unwrap_or_default(),
        max_age: item.duration("max_age"),
    })
}

pub(crate) fn write(tenant: &Tenant, fields: Fields) -> Fields {
    let Tenant {
        name,
        source,
        accounts,
        files,
        environment,
        feeds,
        logs_from,
        enforcement,
        resources,
    } = tenant;
    let resources = resources.iter().map(|Resource { kind, id, properties }| {
        Fields::default()
            .text("type", Some(kind))
            .text("id", Some(id))
            .put("properties", properties::written(properties))
            .into_out()
    });
    fields
        .text("name", name.as_deref())
        .text("source", source.as_deref())
        .some_texts("accounts", accounts)
        .some_texts("files", files)
        .text("environment", environment.as_deref())
        .texts("feeds", feeds.as_deref())
        .time("logs_from", *logs_from)
        .put("enforcement", enforcement.as_ref().map(written))
        .put("resources", Out::some_list(resources))
}

/// What is as if it were not said is not written.
fn written(enforcement: &Enforcement) -> Out {
    let Enforcement { mode, until, unknown_subject, unattributed, stale, max_age } = enforcement;
    let said = |word: &'static str, is_said: bool| is_said.then(|| Out::Word(word.to_owned()));
    Fields::default()
        .word("mode", mode.as_str())
        .time("until", *until)
        .put(
            "unknown_subject",
            said(unknown_subject.as_str(), *unknown_subject != UnknownSubject::default()),
        )
        .put("unattributed", said(unattributed.as_str(), *unattributed != Unattributed::default()))
        .put("stale", said(stale.as_str(), *stale != WhenStale::default()))
        .duration("max_age", *max_age)
        .into_out()
}
