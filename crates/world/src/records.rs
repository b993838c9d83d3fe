//! How each source writes a record: every function returns one line.

pub(crate) mod cloudtrail;
pub(crate) mod entra;
pub(crate) mod github;
pub(crate) mod keycloak;
pub(crate) mod kubernetes;
pub(crate) mod nginx;
pub(crate) mod okta;
