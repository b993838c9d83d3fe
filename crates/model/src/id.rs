//! Ids of the register: the user's own slugs, one type for each noun, so that none can be taken
//! for another. A copy shares the text: millions of grants name the same few entitlements.

use std::borrow::Borrow;
use std::sync::Arc;

macro_rules! slugs {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(slug: &str) -> Self {
                Self(Arc::from(slug))
            }
        }

        impl From<String> for $name {
            fn from(slug: String) -> Self {
                Self(Arc::from(slug))
            }
        }

        /// So that a text finds its item in a map without a copy of the text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

slugs! {
    /// A security domain of ours.
    TenantId,
    /// An external party.
    OrganizationId,
    /// An employee of ours who is accountable for outsiders.
    SponsorId,
    /// One way an organization's identities arrive.
    TrustPathId,
    /// A human, service, agent or shared account of one organization.
    IdentityId,
    /// What an identity proves itself with.
    CredentialId,
    /// An action set on a resource scope.
    EntitlementId,
    /// Entitlement + identity + sponsor + justification + interval.
    GrantId,
    /// A front door through which many people act under one account.
    PortalId,
    /// A named set of identities.
    GroupId,
    /// A recorded, approved, expiring departure from the rules.
    ExceptionId,
    /// A document of the company's own policies.
    PolicyId,
}
