//! The plain facts that guardrails read, by the names of `policies/guardrails.cedarschema`.

use cedar_policy::RestrictedExpression;

/// One fact. Its texts are borrowed from the facts and from the access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain<'a> {
    /// Not known, and so absent from what a policy reads.
    Unknown,
    Flag(bool),
    /// Nanoseconds since 1970 UTC; what never ends has the largest.
    Time(i64),
    Text(&'a str),
}

impl Plain<'_> {
    fn expression(self) -> Option<RestrictedExpression> {
        match self {
            Self::Unknown => None,
            Self::Flag(value) => Some(RestrictedExpression::new_bool(value)),
            Self::Time(value) => Some(RestrictedExpression::new_long(value)),
            Self::Text(value) => Some(RestrictedExpression::new_string(value.to_owned())),
        }
    }
}

macro_rules! attributes {
    ($($name:ident = $text:literal),+ $(,)?) => {
        /// What a guardrail may read of one access.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Attribute { $($name),+ }

        impl Attribute {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As policies call it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

attributes! {
    At = "at",
    Tenant = "tenant",
    Action = "action",
    Resource = "resource",
    Interactive = "interactive",
    ActorKnown = "actor_known",
    ThroughPermitted = "through_permitted",
    Registered = "registered",
    Kind = "kind",
    IdentityFrom = "identity_from",
    IdentityUntil = "identity_until",
    IdentitySuspended = "identity_suspended",
    HasOwner = "has_owner",
    InsideNetworks = "inside_networks",
    MandateKnown = "mandate_known",
    MandateAllows = "mandate_allows",
    MandateApproved = "mandate_approved",
    MandateUntil = "mandate_until",
    Organization = "organization",
    OrganizationKind = "organization_kind",
    OrganizationState = "organization_state",
    OrganizationSuspended = "organization_suspended",
    ContractFrom = "contract_from",
    ContractUntil = "contract_until",
    ResellersActive = "resellers_active",
    PathKnown = "path_known",
    Path = "path",
    PathFrom = "path_from",
    PathUntil = "path_until",
    PathRevalidateBy = "path_revalidate_by",
    SignInKnown = "sign_in_known",
    CredentialRegistered = "credential_registered",
    CredentialKind = "credential_kind",
    CredentialUntil = "credential_until",
    CredentialRevoked = "credential_revoked",
    CredentialSince = "credential_since",
    CredentialAgeMax = "credential_age_max",
    Granted = "granted",
    Grant = "grant",
    GrantAppliesSurely = "grant_applies_surely",
    GrantFrom = "grant_from",
    GrantUntil = "grant_until",
    GrantRevoked = "grant_revoked",
    GrantSuspended = "grant_suspended",
    PassedOnWithin = "passed_on_within",
    Incompatible = "incompatible",
    SponsorFrom = "sponsor_from",
    SponsorUntil = "sponsor_until",
    SuccessionUntil = "succession_until",
    SponsorReducedFrom = "sponsor_reduced_from",
    ReviewDue = "review_due",
    ReviewLast = "review_last",
    Entitlement = "entitlement",
    Risk = "risk",
    BusinessProcess = "business_process",
    AssuranceRequired = "assurance_required",
    AssuranceLacks = "assurance_lacks",
}

/// All of them, of one access by one grant or by none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a>([Plain<'a>; Attribute::ALL.len()]);

impl<'a> Values<'a> {
    pub const NONE: Self = Self([Plain::Unknown; Attribute::ALL.len()]);

    pub fn set(&mut self, attribute: Attribute, value: Plain<'a>) {
        if let Some(place) = self.0.get_mut(attribute as usize) {
            *place = value;
        }
    }

    pub fn get(&self, attribute: Attribute) -> Plain<'a> {
        self.0.get(attribute as usize).copied().unwrap_or(Plain::Unknown)
    }

    /// What is known, as Cedar reads it.
    pub fn expressions(&self) -> impl Iterator<Item = (&'static str, RestrictedExpression)> {
        let all = Attribute::ALL.iter();
        all.filter_map(|attribute| Some((attribute.as_str(), self.get(*attribute).expression()?)))
    }
}
