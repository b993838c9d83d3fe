//! Identities: people, services, agents and shared accounts of one organization.

use countersign_model::id::{SponsorId, TrustPathId};
use countersign_model::register::{Account, Identity, IdentityKind, Mandate};

use crate::item::Item;
use crate::noun::Noun;
use crate::properties;
use crate::scalar::end_text;
use crate::shape::{INTERVALS, Kind, Shape, TEXTS, WHEN, optional, required};
use crate::write::{Fields, Out};

pub(crate) const SHAPE: Shape = Shape {
    name: "an identity",
    fields: &[
        required("id", Kind::Slug, "Its id."),
        optional("name", Kind::Text, "Its name."),
        required("organization", Kind::Ref(Noun::Organization), "Whose it is."),
        required(
            "kind",
            Kind::OneOf(|| IdentityKind::ALL.map(IdentityKind::as_str).to_vec()),
            "A person, or what else.",
        ),
        optional("owner", Kind::Text, "For all but humans: who answers for it."),
        optional("active", WHEN, "From when until when it may be used."),
        optional("suspended", INTERVALS, "When it was or is suspended."),
        optional("accounts", Kind::List(&Kind::Map(&ACCOUNT)), "How logs name it."),
        optional("networks", Kind::List(&Kind::Network), "Where it is registered to be used from."),
        optional("mandate", Kind::Map(&MANDATE), "For agents: what they may do."),
        optional("properties", Kind::Properties, "What policies may read of it."),
    ],
};

const ACCOUNT: Shape = Shape {
    name: "an account",
    fields: &[
        required("namespace", Kind::Text, "A tenant's id, or the account number or issuer."),
        required("value", Kind::Text, "The name in it, as logs show it."),
        optional("trust_path", Kind::Ref(Noun::TrustPath), "The path by which it arrives."),
        optional("active", WHEN, "From when until when it is this identity's."),
    ],
};

const MANDATE: Shape = Shape {
    name: "a mandate",
    fields: &[
        optional("actions", TEXTS, "Action patterns; `*` for any run of characters."),
        optional("until", Kind::End, "When it ends."),
        optional("approved_by", Kind::Ref(Noun::Sponsor), "Who approved it."),
    ],
};

pub(crate) fn read(item: Item<'_>) -> Option<Identity> {
    let account = |account: Item<'_>| {
        Some(Account {
            namespace: account.text("namespace")?,
            value: account.text("value")?,
            trust_path: account.id("trust_path"),
            active: account.interval("active"),
        })
    };
    Some(Identity {
        name: item.text("name"),
        organization: item.id("organization")?,
        kind: item.one_of("kind", &IdentityKind::ALL, IdentityKind::as_str)?,
        owner: item.text("owner"),
        active: item.interval("active"),
        suspended: item.intervals("suspended"),
        accounts: item.maps("accounts").filter_map(account).collect(),
        networks: item.texts("networks"),
        mandate: item.map("mandate").map(|mandate| Mandate {
            actions: mandate.texts("actions").unwrap_or_default(),
            until: mandate.end("until"),
            approved_by: mandate.id("approved_by"),
        }),
        properties: item.properties("properties"),
    })
}

pub(crate) fn write(identity: &Identity, fields: Fields) -> Fields {
    let Identity {
        name,
        organization,
        kind,
        owner,
        active,
        suspended,
        accounts,
        networks,
        mandate,
        properties,
    } = identity;
    let accounts = accounts.iter().map(|Account { namespace, value, trust_path, active }| {
        Fields::default()
            .text("namespace", Some(namespace))
            .text("value", Some(value))
            .text("trust_path", trust_path.as_ref().map(TrustPathId::as_str))
            .interval("active", active)
            .into_out()
    });
    let mandate = mandate.as_ref().map(|Mandate { actions, until, approved_by }| {
        Fields::default()
            .some_texts("actions", actions)
            .text("until", until.map(end_text).as_deref())
            .text("approved_by", approved_by.as_ref().map(SponsorId::as_str))
            .into_out()
    });
    fields
        .text("name", name.as_deref())
        .text("organization", Some(organization.as_str()))
        .word("kind", kind.as_str())
        .text("owner", owner.as_deref())
        .interval("active", active)
        .intervals("suspended", suspended)
        .put("accounts", Out::some_list(accounts))
        .texts("networks", networks.as_deref())
        .put("mandate", mandate)
        .put("properties", properties::written(properties))
}
