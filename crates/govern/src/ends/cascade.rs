//! What ends with what: a plan of every item, made before anything is touched.
//!
//! Look-ups are asked for one at a time ([`Cascade::open`], [`Cascade::put`]), so a store answers
//! each by an index and nothing is copied; [`plan`] drives it with a function.

use std::collections::BTreeSet;

use countersign_model::lifecycle::{Noun, Verb};

/// Something that hangs on something else, by noun and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    pub noun: Noun,
    pub id: String,
}

impl Item {
    pub fn new(noun: Noun, id: &str) -> Self {
        Self { noun, id: id.to_owned() }
    }
}

/// How one thing hangs on another; each is one look-up that gives items of [`Relation::noun`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// Grants passed on from a grant.
    PassedOnFrom,
    /// Grants to an identity, or to a whole organization; and those to groups of an organization.
    GrantedTo,
    CredentialOf,
    IdentityOf,
    TrustPathOf,
    /// Organizations brought in by one.
    Via,
}

impl Relation {
    pub fn noun(self) -> Noun {
        match self {
            Self::PassedOnFrom | Self::GrantedTo => Noun::Grant,
            Self::CredentialOf => Noun::Credential,
            Self::IdentityOf => Noun::Identity,
            Self::TrustPathOf => Noun::TrustPath,
            Self::Via => Noun::Organization,
        }
    }

    fn of(noun: Noun) -> &'static [Self] {
        match noun {
            Noun::Grant => &[Self::PassedOnFrom],
            Noun::Identity => &[Self::GrantedTo, Self::CredentialOf],
            Noun::Organization => {
                &[Self::GrantedTo, Self::IdentityOf, Self::TrustPathOf, Self::Via]
            }
            Noun::TrustPath | Noun::Credential | Noun::Exception | Noun::Sponsor => &[],
        }
    }
}

/// One item to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub item: Item,
    pub verb: Verb,
    /// What it hung on; `None` for the item that is ended itself.
    pub because: Option<(Relation, Item)>,
}

/// Every item, access first: grants, credentials, identities, trust paths, organizations; each by
/// id. Whoever stops in the middle has closed more than they left open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// There was more than may be planned at once; run what is here, then plan again.
    pub is_cut: bool,
}

/// More items are planned in several goes: some hundred bytes of memory each.
const STEPS_MAX: usize = 1_000_000;

/// A plan in the making.
#[derive(Debug)]
pub struct Cascade {
    steps: Vec<Step>,
    seen: BTreeSet<Item>,
    open: Vec<(Relation, Item)>,
    is_cut: bool,
}

impl Cascade {
    /// Ends `root` and all that hangs on it.
    pub fn of(root: Item) -> Self {
        let mut cascade =
            Self { steps: Vec::new(), seen: BTreeSet::new(), open: Vec::new(), is_cut: false };
        cascade.take(root, None);
        cascade
    }

    /// The next look-up that must be answered; `None` when the plan is whole.
    pub fn open(&mut self) -> Option<(Relation, Item)> {
        self.open.pop()
    }

    /// What a look-up found. What is over already need not be given; what hangs on itself, or was
    /// found before, is taken once.
    pub fn put(&mut self, relation: Relation, on: &Item, ids: impl IntoIterator<Item = String>) {
        for id in ids {
            let item = Item { noun: relation.noun(), id };
            self.take(item, Some((relation, on.clone())));
        }
    }

    pub fn into_plan(self) -> Plan {
        let mut steps = self.steps;
        steps.sort_by(|one, other| rank(&one.item).cmp(&rank(&other.item)));
        Plan { steps, is_cut: self.is_cut }
    }

    fn take(&mut self, item: Item, because: Option<(Relation, Item)>) {
        if self.steps.len() >= STEPS_MAX {
            self.is_cut = true;
            return;
        }
        if !self.seen.insert(item.clone()) {
            return;
        }
        let relations = Relation::of(item.noun).iter().rev();
        self.open.extend(relations.map(|relation| (*relation, item.clone())));
        let verb = match item.noun {
            Noun::TrustPath => Verb::Retire,
            Noun::Credential => Verb::Revoke,
            Noun::Sponsor => Verb::Leave,
            Noun::Organization | Noun::Identity | Noun::Grant | Noun::Exception => Verb::End,
        };
        self.steps.push(Step { item, verb, because });
    }
}

/// The whole plan, with a function that answers each look-up by the ids it finds.
pub fn plan(root: Item, find: &dyn Fn(Relation, &Item) -> Vec<String>) -> Plan {
    let mut cascade = Cascade::of(root);
    while let Some((relation, on)) = cascade.open() {
        let found = find(relation, &on);
        cascade.put(relation, &on, found);
    }
    cascade.into_plan()
}

fn rank(item: &Item) -> (u8, &str) {
    let rank = match item.noun {
        Noun::Grant => 0,
        Noun::Credential => 1,
        Noun::Identity => 2,
        Noun::TrustPath => 3,
        Noun::Organization => 4,
        Noun::Exception => 5,
        Noun::Sponsor => 6,
    };
    (rank, &item.id)
}
