//! One table a noun.

use super::{Noun, State, Verb};
use State as S;
use Verb as V;

pub(super) struct Table {
    /// In the order of a life; derived states among them.
    pub states: &'static [State],
    /// How a new item begins.
    pub begins: &'static [(Verb, State)],
    pub steps: &'static [(State, Verb, State)],
}

pub(super) fn of(noun: Noun) -> &'static Table {
    match noun {
        Noun::Organization => &ORGANIZATION,
        Noun::TrustPath => &TRUST_PATH,
        Noun::Identity => &IDENTITY,
        Noun::Credential => &CREDENTIAL,
        Noun::Grant => &GRANT,
        Noun::Exception => &EXCEPTION,
        Noun::Sponsor => &SPONSOR,
    }
}

const ORGANIZATION: Table = Table {
    states: &[S::Proposed, S::Scheduled, S::Active, S::Suspended, S::Expired, S::Ended],
    begins: &[(V::Propose, S::Proposed)],
    steps: &[
        (S::Proposed, V::Accept, S::Active),
        (S::Proposed, V::End, S::Ended),
        (S::Scheduled, V::Suspend, S::Suspended),
        (S::Scheduled, V::End, S::Ended),
        (S::Active, V::Suspend, S::Suspended),
        (S::Active, V::End, S::Ended),
        (S::Suspended, V::Resume, S::Active),
        (S::Suspended, V::End, S::Ended),
        (S::Expired, V::End, S::Ended),
    ],
};

const TRUST_PATH: Table = Table {
    states: &[
        S::Proposed,
        S::Scheduled,
        S::Accepted,
        S::Due,
        S::Lapsed,
        S::Expired,
        S::Refused,
        S::Retired,
    ],
    begins: &[(V::Propose, S::Proposed)],
    steps: &[
        (S::Proposed, V::Accept, S::Accepted),
        (S::Proposed, V::Refuse, S::Refused),
        (S::Proposed, V::Retire, S::Retired),
        (S::Scheduled, V::Retire, S::Retired),
        (S::Accepted, V::Revalidate, S::Accepted),
        (S::Accepted, V::Retire, S::Retired),
        (S::Due, V::Revalidate, S::Accepted),
        (S::Due, V::Retire, S::Retired),
        (S::Lapsed, V::Revalidate, S::Accepted),
        (S::Lapsed, V::Retire, S::Retired),
        (S::Expired, V::Retire, S::Retired),
    ],
};

const IDENTITY: Table = Table {
    states: &[S::Proposed, S::Scheduled, S::Active, S::Suspended, S::Expired, S::Ended],
    begins: &[(V::Propose, S::Proposed)],
    steps: &[
        (S::Proposed, V::Activate, S::Active),
        (S::Proposed, V::End, S::Ended),
        (S::Scheduled, V::Suspend, S::Suspended),
        (S::Scheduled, V::End, S::Ended),
        (S::Active, V::Suspend, S::Suspended),
        (S::Active, V::End, S::Ended),
        (S::Suspended, V::Resume, S::Active),
        (S::Suspended, V::End, S::Ended),
        (S::Expired, V::End, S::Ended),
    ],
};

/// A rotated one has a successor and cannot be rotated again; it ends by itself or is revoked.
const CREDENTIAL: Table = Table {
    states: &[S::Scheduled, S::Issued, S::Due, S::Rotated, S::Expired, S::Revoked],
    begins: &[(V::Issue, S::Issued)],
    steps: &[
        (S::Scheduled, V::Revoke, S::Revoked),
        (S::Issued, V::Rotate, S::Rotated),
        (S::Issued, V::Revoke, S::Revoked),
        (S::Due, V::Rotate, S::Rotated),
        (S::Due, V::Revoke, S::Revoked),
        (S::Rotated, V::Revoke, S::Revoked),
        (S::Expired, V::Revoke, S::Revoked),
    ],
};

/// Whether one approval is enough to activate is asked of the approval policy, not of this table.
const GRANT: Table = Table {
    states: &[
        S::Requested,
        S::Approved,
        S::Countersigned,
        S::Scheduled,
        S::Active,
        S::Suspended,
        S::Expired,
        S::Refused,
        S::Withdrawn,
        S::Ended,
    ],
    begins: &[(V::Request, S::Requested), (V::BreakGlass, S::Active)],
    steps: &[
        (S::Requested, V::Approve, S::Approved),
        (S::Requested, V::Refuse, S::Refused),
        (S::Requested, V::Withdraw, S::Withdrawn),
        (S::Approved, V::Countersign, S::Countersigned),
        (S::Approved, V::Activate, S::Active),
        (S::Approved, V::Refuse, S::Refused),
        (S::Approved, V::Withdraw, S::Withdrawn),
        (S::Countersigned, V::Activate, S::Active),
        (S::Countersigned, V::Withdraw, S::Withdrawn),
        (S::Scheduled, V::Suspend, S::Suspended),
        (S::Scheduled, V::End, S::Ended),
        (S::Active, V::Suspend, S::Suspended),
        (S::Active, V::End, S::Ended),
        (S::Suspended, V::Resume, S::Active),
        (S::Suspended, V::End, S::Ended),
        (S::Expired, V::End, S::Ended),
    ],
};

const EXCEPTION: Table = Table {
    states: &[S::Asked, S::Scheduled, S::Approved, S::Expired, S::Refused, S::Withdrawn, S::Ended],
    begins: &[(V::Ask, S::Asked)],
    steps: &[
        (S::Asked, V::Approve, S::Approved),
        (S::Asked, V::Refuse, S::Refused),
        (S::Asked, V::Withdraw, S::Withdrawn),
        (S::Scheduled, V::End, S::Ended),
        (S::Approved, V::End, S::Ended),
        (S::Expired, V::End, S::Ended),
    ],
};

/// `proposed`: a successor is. They accept or refuse; meanwhile the clock goes on. Whoever is known
/// by their facts to have left is shown so before anybody recorded it, which `leave` still does.
const SPONSOR: Table = Table {
    states: &[
        S::Scheduled,
        S::Employed,
        S::Left,
        S::Proposed,
        S::Reduced,
        S::Stopped,
        S::Succeeded,
    ],
    begins: &[(V::Arrive, S::Employed)],
    steps: &[
        (S::Scheduled, V::Leave, S::Left),
        (S::Employed, V::Leave, S::Left),
        (S::Left, V::Leave, S::Left),
        (S::Left, V::Return, S::Employed),
        (S::Left, V::Propose, S::Proposed),
        (S::Left, V::Reduce, S::Reduced),
        (S::Proposed, V::Return, S::Employed),
        (S::Proposed, V::Propose, S::Proposed),
        (S::Proposed, V::Accept, S::Succeeded),
        (S::Proposed, V::Refuse, S::Left),
        (S::Reduced, V::Leave, S::Left),
        (S::Reduced, V::Return, S::Employed),
        (S::Reduced, V::Propose, S::Proposed),
        (S::Reduced, V::Stop, S::Stopped),
        (S::Stopped, V::Leave, S::Left),
        (S::Stopped, V::Return, S::Employed),
        (S::Stopped, V::Propose, S::Proposed),
        (S::Succeeded, V::Return, S::Employed),
    ],
};
