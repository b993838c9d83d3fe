//! Who may do what in Countersign itself, by the same engine and as policies a customer can read:
//! `policies/roles.cedar`.

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
    Schema, ValidationMode, Validator,
};

const SCHEMA: &str = include_str!("../policies/roles.cedarschema");
const POLICIES: &str = include_str!("../policies/roles.cedar");

/// What somebody is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Owner,
    Security,
    Sponsor,
    Auditor,
    Application,
    PartnerAdmin,
    /// The company's directory: it says which employees there are.
    Directory,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::Owner,
        Self::Security,
        Self::Sponsor,
        Self::Auditor,
        Self::Application,
        Self::PartnerAdmin,
        Self::Directory,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Security => "security",
            Self::Sponsor => "sponsor",
            Self::Auditor => "auditor",
            Self::Application => "application",
            Self::PartnerAdmin => "partner_admin",
            Self::Directory => "directory",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// Verbs that change nothing.
pub const READS: [&str; 3] = ["read", "list", "history"];

/// One question: may a caller of this role do this to that?
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub role: Role,
    pub verb: &'a str,
    pub noun: &'a str,
    /// The item belongs to the caller's organization.
    pub same_organization: bool,
    /// The item is, or is of, the caller's tenant.
    pub same_tenant: bool,
    /// The caller is the item's sponsor.
    pub sponsors: bool,
    /// The caller owns the entitlement that the grant is of, or is proposed to succeed the sponsor.
    pub owns: bool,
    /// The caller asked for the grant.
    pub asked: bool,
}

/// The policies, checked against their schema.
#[derive(Debug)]
pub struct Permissions {
    policies: PolicySet,
    schema: Schema,
    authorizer: Authorizer,
    request: [EntityUid; 3],
}

impl Permissions {
    pub fn shipped() -> Self {
        Self::load().expect("a test loads the policies that are compiled in")
    }

    fn load() -> Result<Self, String> {
        let (schema, _) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| error.to_string())?;
        let policies: PolicySet =
            POLICIES.parse().map_err(|error: cedar_policy::ParseErrors| error.to_string())?;
        let result = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if let Some(error) = result.validation_errors().next() {
            return Err(error.to_string());
        }
        let uid = |text: &str| text.parse::<EntityUid>().map_err(|error| error.to_string());
        let request = [uid("Caller::\"it\"")?, uid("Action::\"act\"")?, uid("Item::\"it\"")?];
        Ok(Self { policies, schema, authorizer: Authorizer::new(), request })
    }

    /// A policy that fails to evaluate permits nothing.
    pub fn permits(&self, ask: &Ask<'_>) -> bool {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let flag = RestrictedExpression::new_bool;
        let pairs = [
            ("role", text(ask.role.as_str())),
            ("verb", text(ask.verb)),
            ("noun", text(ask.noun)),
            ("reads", flag(READS.contains(&ask.verb))),
            ("same_organization", flag(ask.same_organization)),
            ("same_tenant", flag(ask.same_tenant)),
            ("sponsors", flag(ask.sponsors)),
            ("owns", flag(ask.owns)),
            ("asked", flag(ask.asked)),
        ];
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
        let [principal, action, resource] = self.request.clone();
        let Ok(context) = Context::from_pairs(pairs) else { return false };
        let Ok(request) = Request::new(principal, action, resource, context, Some(&self.schema))
        else {
            return false;
        };
        let response = self.authorizer.is_authorized(&request, &self.policies, &Entities::empty());
        response.decision() == Decision::Allow && response.diagnostics().errors().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<'a>(role: Role, noun: &'a str, verb: &'a str) -> Ask<'a> {
        let no = false;
        Ask {
            role,
            verb,
            noun,
            same_organization: no,
            same_tenant: no,
            sponsors: no,
            owns: no,
            asked: no,
        }
    }

    #[test]
    fn an_administrator_of_a_partner_looks_after_their_own_only() {
        let permissions = Permissions::shipped();
        let mut asked = ask(Role::PartnerAdmin, "identity", "propose");
        assert!(!permissions.permits(&asked));
        asked.same_organization = true;
        assert!(permissions.permits(&asked));
        assert!(!permissions.permits(&Ask { verb: "activate", ..asked }));
        assert!(!permissions.permits(&Ask { noun: "grant", verb: "approve", ..asked }));
    }

    #[test]
    fn an_auditor_changes_nothing() {
        let permissions = Permissions::shipped();
        for verb in ["read", "list", "history"] {
            assert!(permissions.permits(&ask(Role::Auditor, "grant", verb)), "{verb}");
        }
        for verb in ["approve", "end", "change", "apply", "erase"] {
            assert!(!permissions.permits(&ask(Role::Auditor, "grant", verb)), "{verb}");
        }
    }
}
