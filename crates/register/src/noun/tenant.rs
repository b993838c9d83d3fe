//! Tenants: where access happens and logs arise.

use countersign_model::register::Tenant;

use crate::item::Item;
use crate::shape::{Kind, Shape, TEXTS, optional, required};
use crate::write::Fields;

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
        enforcement: None,
    })
}

pub(crate) fn write(tenant: &Tenant, fields: Fields) -> Fields {
    let Tenant { name, source, accounts, files, environment, feeds, logs_from, .. } = tenant;
    fields
        .text("name", name.as_deref())
        .text("source", source.as_deref())
        .some_texts("accounts", accounts)
        .some_texts("files", files)
        .text("environment", environment.as_deref())
        .texts("feeds", feeds.as_deref())
        .time("logs_from", *logs_from)
}
