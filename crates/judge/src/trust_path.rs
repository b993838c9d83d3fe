//! By which trust path an access came, and which assurance that path accepts for it.

use countersign_model::assurance::Assurance;
use countersign_model::id::{IdentityId, TrustPathId};
use countersign_model::judgement::Access;
use countersign_model::register::{Account, Credential, Identity, TrustPath};
use countersign_model::time::Timestamp;

use crate::facts::Facts;

/// The trust path of an access: that of the identity's own credential, else of the account it acted
/// under, else the only one that all its accounts agree on.
pub(crate) fn of<'f>(
    facts: &'f Facts,
    (id, identity): (&IdentityId, &'f Identity),
    access: &Access<'_>,
    at: Timestamp,
) -> Option<(&'f TrustPathId, &'f TrustPath)> {
    // Behind a portal the credential is the portal's, and says nothing of how the person came.
    let own = |credential: &&Credential| credential.identity == *id;
    let credential = access.credential.and_then(|id| facts.credential(id)).filter(own);
    let by_credential = credential.and_then(|credential| credential.trust_path.as_ref());
    let path = by_credential
        .or_else(|| by_account(facts, identity, access, at))
        .or_else(|| agreed(identity, at))?;
    facts.trust_path(path)
}

fn by_account<'f>(
    facts: &Facts,
    identity: &'f Identity,
    access: &Access<'_>,
    at: Timestamp,
) -> Option<&'f TrustPathId> {
    let (namespace, value) = access.account?;
    let same = |account: &&Account| {
        account.value == value && facts.namespace(&account.namespace) == facts.namespace(namespace)
    };
    let mut accounts = current(identity, at).filter(same);
    let first = accounts.next()?.trust_path.as_ref();
    // The same account with two paths at one time leaves open which was used.
    first.filter(|_| accounts.all(|account| account.trust_path.as_ref() == first))
}

fn agreed(identity: &Identity, at: Timestamp) -> Option<&TrustPathId> {
    let mut paths = current(identity, at).map(|account| account.trust_path.as_ref());
    let first = paths.next()?;
    first.filter(|_| paths.all(|path| path == first))
}

/// The accounts that were the identity's at `at`, as far as the register says.
fn current(identity: &Identity, at: Timestamp) -> impl Iterator<Item = &Account> {
    identity.accounts.iter().filter(move |account| account.active.contains(at) != Some(false))
}

/// What a path accepts for the claims of an authentication: the best on each axis over the entries
/// that apply, which are named as `path: namespace=value`. The floor if it has ended or lapsed.
pub(crate) fn accepts(
    (id, path): (&TrustPathId, &TrustPath),
    claims: &[(&str, &str)],
    at: Timestamp,
) -> (Assurance, Option<String>) {
    if has_lapsed(path, at) || path.active.contains(at) == Some(false) {
        return (Assurance::NONE, None);
    }
    let mut best = path.constant.unwrap_or(Assurance::NONE);
    let mut by: Vec<String> =
        path.constant.map(|_| format!("{id}: constant")).into_iter().collect();
    for entry in &path.assurance_map {
        if claims.contains(&(entry.namespace.as_str(), entry.value.as_str())) {
            best = best.or_better(entry.accept);
            by.push(format!("{id}: {}={}", entry.namespace, entry.value));
        }
    }
    (best, (!by.is_empty()).then(|| by.join(", ")))
}

pub(crate) fn has_lapsed(path: &TrustPath, at: Timestamp) -> bool {
    path.revalidate_by.is_some_and(|by| by <= at)
}
