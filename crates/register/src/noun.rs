//! The nouns of the register. Each file below holds one: its shape, its reading and its writing.

mod credential;
mod entitlement;
mod exception;
mod grant;
mod group;
mod identity;
mod organization;
mod own;
mod policy;
mod portal;
mod sponsor;
mod tenant;
mod trust_path;

use countersign_model::register::Register;

use crate::item::Item;
use crate::shape::{Field, Kind, Shape, optional};
use crate::write::Fields;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    Tenant,
    Organization,
    Sponsor,
    TrustPath,
    Identity,
    Credential,
    Entitlement,
    Grant,
    Group,
    Portal,
    Exception,
    Policy,
    Own,
    Privileged,
}

impl Noun {
    /// Those whose items have an id.
    pub const WITH_ID: [Self; 12] = [
        Self::Tenant,
        Self::Organization,
        Self::Sponsor,
        Self::TrustPath,
        Self::Identity,
        Self::Credential,
        Self::Entitlement,
        Self::Grant,
        Self::Group,
        Self::Portal,
        Self::Exception,
        Self::Policy,
    ];

    /// In the order in which they are written.
    pub const ALL: [Self; 14] = [
        Self::Tenant,
        Self::Organization,
        Self::Sponsor,
        Self::TrustPath,
        Self::Identity,
        Self::Credential,
        Self::Entitlement,
        Self::Grant,
        Self::Group,
        Self::Portal,
        Self::Exception,
        Self::Policy,
        Self::Own,
        Self::Privileged,
    ];

    /// The key of its list.
    pub fn key(self) -> &'static str {
        match self {
            Self::Tenant => "tenants",
            Self::Organization => "organizations",
            Self::Sponsor => "sponsors",
            Self::TrustPath => "trust_paths",
            Self::Identity => "identities",
            Self::Credential => "credentials",
            Self::Entitlement => "entitlements",
            Self::Grant => "grants",
            Self::Group => "groups",
            Self::Portal => "portals",
            Self::Exception => "exceptions",
            Self::Policy => "policies",
            Self::Own => "own",
            Self::Privileged => "privileged",
        }
    }

    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|noun| noun.key() == key)
    }

    pub fn of_singular(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|noun| noun.singular() == name)
    }

    pub fn singular(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Organization => "organization",
            Self::Sponsor => "sponsor",
            Self::TrustPath => "trust_path",
            Self::Identity => "identity",
            Self::Credential => "credential",
            Self::Entitlement => "entitlement",
            Self::Grant => "grant",
            Self::Group => "group",
            Self::Portal => "portal",
            Self::Exception => "exception",
            Self::Policy => "policy",
            Self::Own => "own",
            Self::Privileged => "privileged",
        }
    }
}

/// A whole document.
pub(crate) const TOP: Shape = Shape {
    name: "a register",
    fields: &[
        optional("company", Kind::Text, "Whose register it is."),
        list(Noun::Tenant, &Kind::Map(&tenant::SHAPE)),
        list(Noun::Organization, &Kind::Map(&organization::SHAPE)),
        list(Noun::Sponsor, &Kind::Map(&sponsor::SHAPE)),
        list(Noun::TrustPath, &Kind::Map(&trust_path::SHAPE)),
        list(Noun::Identity, &Kind::Map(&identity::SHAPE)),
        list(Noun::Credential, &Kind::Map(&credential::SHAPE)),
        list(Noun::Entitlement, &Kind::Map(&entitlement::SHAPE)),
        list(Noun::Grant, &Kind::Map(&grant::SHAPE)),
        list(Noun::Group, &Kind::Map(&group::SHAPE)),
        list(Noun::Portal, &Kind::Map(&portal::SHAPE)),
        list(Noun::Exception, &Kind::Map(&exception::SHAPE)),
        list(Noun::Policy, &Kind::Map(&policy::SHAPE)),
        list(Noun::Own, &Kind::Map(&own::SHAPE)),
        list(Noun::Privileged, &Kind::Map(&own::PRIVILEGED)),
    ],
};

/// What belongs to no item, as a document of its own.
pub(crate) const SETTINGS_SHAPE: Shape = Shape {
    name: "the settings",
    fields: &[
        optional("company", Kind::Text, "Whose register it is."),
        list(Noun::Own, &Kind::Map(&own::SHAPE)),
        list(Noun::Privileged, &Kind::Map(&own::PRIVILEGED)),
    ],
};

const fn list(noun: Noun, items: &'static Kind) -> Field {
    let (key, doc) = match noun {
        Noun::Tenant => ("tenants", "Where access happens and logs arise."),
        Noun::Organization => ("organizations", "External parties."),
        Noun::Sponsor => ("sponsors", "Employees of ours who are accountable for outsiders."),
        Noun::TrustPath => ("trust_paths", "The ways in which identities of organizations arrive."),
        Noun::Identity => ("identities", "People, services, agents and shared accounts."),
        Noun::Credential => ("credentials", "By their public handle, never the secret."),
        Noun::Entitlement => ("entitlements", "What may be done, and what it takes."),
        Noun::Grant => ("grants", "Who may do it, by whose word, from when until when."),
        Noun::Group => ("groups", "Named sets of identities."),
        Noun::Portal => ("portals", "Front doors: many people, one account behind them."),
        Noun::Exception => ("exceptions", "Approved departures from the rules, each with an end."),
        Noun::Policy => ("policies", "Policies of our own, in Cedar, which may only forbid."),
        Noun::Own => ("own", "Accounts that are our own people and systems."),
        Noun::Privileged => ("privileged", "What counts as privileged, beside the sources' say."),
    };
    optional(key, Kind::List(items), doc)
}

/// Puts one item into the register. What lacks a required key is left out; that was reported.
pub(crate) fn read_into(register: &mut Register, noun: Noun, item: Item<'_>) {
    macro_rules! put {
        ($field:ident, $read:path) => {
            if let (Some(id), Some(value)) = (item.id("id"), $read(item)) {
                register.$field.insert(id, value);
            }
        };
    }
    match noun {
        Noun::Tenant => put!(tenants, tenant::read),
        Noun::Organization => put!(organizations, organization::read),
        Noun::Sponsor => put!(sponsors, sponsor::read),
        Noun::TrustPath => put!(trust_paths, trust_path::read),
        Noun::Identity => put!(identities, identity::read),
        Noun::Credential => put!(credentials, credential::read),
        Noun::Entitlement => put!(entitlements, entitlement::read),
        Noun::Grant => put!(grants, grant::read),
        Noun::Group => put!(groups, group::read),
        Noun::Portal => put!(portals, portal::read),
        Noun::Exception => put!(exceptions, exception::read),
        Noun::Policy => put!(policies, policy::read),
        Noun::Own => register.own.extend(own::read(item)),
        Noun::Privileged => register.privileged.extend(own::read_privileged(item)),
    }
}

/// The items of one noun as they are written, by id.
pub(crate) fn fields(register: &Register, noun: Noun) -> Vec<Fields> {
    macro_rules! all {
        ($field:ident, $write:path) => {
            register
                .$field
                .iter()
                .map(|(id, value)| $write(value, Fields::of(id.as_str())))
                .collect()
        };
    }
    match noun {
        Noun::Tenant => all!(tenants, tenant::write),
        Noun::Organization => all!(organizations, organization::write),
        Noun::Sponsor => all!(sponsors, sponsor::write),
        Noun::TrustPath => all!(trust_paths, trust_path::write),
        Noun::Identity => all!(identities, identity::write),
        Noun::Credential => all!(credentials, credential::write),
        Noun::Entitlement => all!(entitlements, entitlement::write),
        Noun::Grant => all!(grants, grant::write),
        Noun::Group => all!(groups, group::write),
        Noun::Portal => all!(portals, portal::write),
        Noun::Exception => all!(exceptions, exception::write),
        Noun::Policy => all!(policies, policy::write),
        Noun::Own => register.own.iter().map(own::write).collect(),
        Noun::Privileged => register.privileged.iter().map(own::write_privileged).collect(),
    }
}
