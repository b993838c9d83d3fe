//! Every limit of the product, in one place, with its reason.

/// The longest key value that links. The longest real one seen is a SAML assertion id of 128
/// bytes; a flood of longer ones must not fill memory.
pub const KEY_BYTES_MAX: usize = 1024;

/// How many hops a chain may have. Real chains have up to five (role chaining over three accounts
/// behind a federated login behind a portal).
pub const CHAIN_DEPTH_MAX: usize = 16;

/// How many candidates are told apart before "many" is said: enough to show, not enough to scan.
pub const CANDIDATES_MAX: usize = 64;
