//! The stories a world is made of. Each one acts, writes what its sources would write, and says
//! for each action who did it and how well the records it wrote (and the register) let that be
//! known. Nobody plays in two scenes at once, so no scene changes what another makes knowable.

pub(crate) mod agents;
pub(crate) mod aws;
pub(crate) mod console;
pub(crate) mod directory;
pub(crate) mod federated;
pub(crate) mod forge;
pub(crate) mod github;
pub(crate) mod keys;
pub(crate) mod machines;
pub(crate) mod okta;
pub(crate) mod portal;

#[cfg(test)]
mod tests;
