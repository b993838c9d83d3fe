//! The logs of the company: which there are, what they are called, how late they come.

use crate::time::{MINUTE, Millis, SECOND};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feed {
    AwsHub,
    AwsProd,
    AwsData,
    OktaMain,
    OktaLabs,
    KcPartners,
    KcMachines,
    EntraSignin,
    EntraAudit,
    Graph,
    GitHub,
    Kubernetes,
    /// The portal that passes its request id on.
    PortalTraced,
    /// The portal that does not.
    PortalBlind,
    Api,
}

impl Feed {
    pub(crate) const ALL: [Self; 15] = [
        Self::AwsHub,
        Self::AwsProd,
        Self::AwsData,
        Self::OktaMain,
        Self::OktaLabs,
        Self::KcPartners,
        Self::KcMachines,
        Self::EntraSignin,
        Self::EntraAudit,
        Self::Graph,
        Self::GitHub,
        Self::Kubernetes,
        Self::PortalTraced,
        Self::PortalBlind,
        Self::Api,
    ];

    pub(crate) const AWS: [Self; 3] = [Self::AwsHub, Self::AwsProd, Self::AwsData];

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Register id of the tenant in whose logs it is.
    pub(crate) fn tenant(self) -> &'static str {
        match self {
            Self::AwsHub => "aws-hub",
            Self::AwsProd => "aws-prod",
            Self::AwsData => "aws-data",
            Self::OktaMain => "okta-main",
            Self::OktaLabs => "okta-labs",
            Self::KcPartners => "kc-partners",
            Self::KcMachines => "kc-machines",
            Self::EntraSignin => "entra-signin",
            Self::EntraAudit => "entra-audit",
            Self::Graph => "entra-graph",
            Self::GitHub => "github",
            Self::Kubernetes => "kubernetes",
            Self::PortalTraced => "portal-claims",
            Self::PortalBlind => "portal-brokers",
            Self::Api => "claims-api",
        }
    }

    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::AwsHub | Self::AwsProd | Self::AwsData => "aws.cloudtrail",
            Self::OktaMain | Self::OktaLabs => "okta.system_log",
            Self::KcPartners | Self::KcMachines => "keycloak.events",
            Self::EntraSignin => "entra.signin",
            Self::EntraAudit => "entra.audit",
            Self::Graph => "microsoft.graph_activity",
            Self::GitHub => "github.audit",
            Self::Kubernetes => "kubernetes.audit",
            Self::PortalTraced | Self::PortalBlind | Self::Api => "nginx.access",
        }
    }

    /// Folder below `logs/`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::AwsHub => "aws/hub",
            Self::AwsProd => "aws/prod",
            Self::AwsData => "aws/data",
            Self::OktaMain => "okta/main",
            Self::OktaLabs => "okta/labs",
            Self::KcPartners => "keycloak/partners",
            Self::KcMachines => "keycloak/machines",
            Self::EntraSignin => "entra/signin",
            Self::EntraAudit => "entra/audit",
            Self::Graph => "entra/graph",
            Self::GitHub => "github",
            Self::Kubernetes => "kubernetes",
            Self::PortalTraced => "nginx/portal-claims",
            Self::PortalBlind => "nginx/portal-brokers",
            Self::Api => "nginx/claims-api",
        }
    }

    /// The usual and the greatest delay of a delivery, as measured or documented per source.
    pub(crate) fn lag(self) -> (Millis, Millis) {
        match self {
            Self::AwsHub | Self::AwsProd | Self::AwsData => (201 * SECOND, 594 * SECOND),
            Self::OktaMain | Self::OktaLabs => (160 * SECOND, 240 * SECOND),
            Self::EntraSignin | Self::EntraAudit => (60 * SECOND, 110 * SECOND),
            Self::Graph => (10 * MINUTE, 115 * MINUTE),
            Self::Kubernetes => (227 * SECOND, 10 * MINUTE),
            Self::GitHub => (MINUTE, 5 * MINUTE),
            Self::KcPartners | Self::KcMachines => (SECOND, 20 * SECOND),
            Self::PortalTraced | Self::PortalBlind | Self::Api => (SECOND, 30 * SECOND),
        }
    }

    /// Which clock it follows: feeds of one vendor share theirs.
    pub(crate) fn clock(self) -> usize {
        match self {
            Self::AwsHub | Self::AwsProd | Self::AwsData => 0,
            Self::OktaMain | Self::OktaLabs => 1,
            Self::KcPartners | Self::KcMachines => 2,
            Self::EntraSignin | Self::EntraAudit => 3,
            Self::Graph => 4,
            Self::GitHub => 5,
            Self::Kubernetes => 6,
            Self::PortalTraced | Self::PortalBlind => 7,
            Self::Api => 8,
        }
    }

    /// Feeds a company may have forgotten to collect. The places of most actions stay.
    pub(crate) fn can_be_missing(self) -> bool {
        !matches!(self, Self::AwsProd | Self::AwsData | Self::Graph | Self::Kubernetes | Self::Api)
    }
}
