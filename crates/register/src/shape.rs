//! The vocabulary in which each noun says which keys it has. One table serves the check, the JSON
//! Schema and the messages.

use crate::noun::Noun;

/// The keys of one mapping.
#[derive(Debug)]
pub(crate) struct Shape {
    /// How a message calls it: "an organization", "an assurance".
    pub name: &'static str,
    pub fields: &'static [Field],
}

impl Shape {
    pub fn field(&self, key: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The keys of which exactly one must be there; none if there is no such choice.
    pub fn alternatives(&self) -> Vec<&'static str> {
        let chosen = self.fields.iter().filter(|field| field.need == Need::Alternative);
        chosen.map(|field| field.key).collect()
    }

    pub fn keys(&self) -> Vec<&'static str> {
        self.fields.iter().map(|field| field.key).collect()
    }
}

#[derive(Debug)]
pub(crate) struct Field {
    pub key: &'static str,
    pub kind: Kind,
    pub need: Need,
    /// One line for the schema.
    pub doc: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    /// Absent means unknown.
    Optional,
    /// Exactly one of the alternatives of its mapping must be there.
    Alternative,
}

pub(crate) const fn required(key: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { key, kind, need: Need::Required, doc }
}

pub(crate) const fn optional(key: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { key, kind, need: Need::Optional, doc }
}

pub(crate) const fn alternative(key: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { key, kind, need: Need::Alternative, doc }
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Any text that is not empty.
    Text,
    /// The public handle of a credential.
    Handle,
    /// The id of the item itself.
    Slug,
    Bool,
    Time,
    /// A time or `never`.
    End,
    Duration,
    /// A level from the first to the second number.
    Level(u8, u8),
    /// CIDR.
    Network,
    /// An address for mail.
    Email,
    OneOf(fn() -> Vec<&'static str>),
    Ref(Noun),
    /// The source that a tenant's records come from: letters, digits, `.`, `_`.
    Source,
    /// A reason or finding code: words with a dot between.
    Code,
    /// `noun:id`, as the noun is called in the singular.
    Subject,
    /// Names and values of the application's own: `value::Record`.
    Properties,
    /// Cedar policies.
    Cedar,
    /// A schema in Cedar's syntax.
    CedarSchema,
    List(&'static Kind),
    Map(&'static Shape),
}

pub(crate) const INTERVAL: Shape = Shape {
    name: "an interval",
    fields: &[
        optional("from", Kind::Time, "The first instant at which it holds."),
        optional("until", Kind::End, "The first instant at which it no longer holds, or `never`."),
    ],
};

pub(crate) const ASSURANCE: Shape = Shape {
    name: "an assurance",
    fields: &[
        optional("ial", Kind::Level(1, 3), "Identity proofing, NIST SP 800-63."),
        optional("aal", Kind::Level(1, 3), "Authentication, NIST SP 800-63."),
        optional("fal", Kind::Level(1, 3), "Federation, NIST SP 800-63."),
        optional("phishing_resistant", Kind::Bool, "Whether the authenticator resists phishing."),
        optional("workload", Kind::Level(0, 4), "Of machines: W0 to W4."),
    ],
};

pub(crate) const WHEN: Kind = Kind::Map(&INTERVAL);
pub(crate) const INTERVALS: Kind = Kind::List(&WHEN);
pub(crate) const LEVELS: Kind = Kind::Map(&ASSURANCE);
pub(crate) const TEXTS: Kind = Kind::List(&Kind::Text);
