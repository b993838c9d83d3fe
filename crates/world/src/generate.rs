//! The director: which story plays when, with whom, so that nobody is in two at once.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::company::{Company, PEOPLE_PER_ORGANIZATION, Provider};
use crate::delivery::Delivery;
use crate::feed::Feed;
use crate::plan::Plan;
use crate::register;
use crate::rng::Rng;
use crate::sink::{FolderSink, Sink};
use crate::stage::Stage;
use crate::stories::{agents, console, directory, federated, github, keys, machines, okta, portal};
use crate::time::{HOUR, Millis, SECOND};

/// After the longest scene and every window: then a player is free for the next one.
const REST: Millis = 2 * HOUR;
const TRIES: usize = 12;

/// What was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines of truth.
    pub actions: u64,
    /// Records before repetition.
    pub records: u64,
    /// Repeated deliveries.
    pub repeats: u64,
    pub bytes: u64,
    /// The most records held in memory at once.
    pub most_under_way: usize,
    /// Register ids of tenants whose logs were left out.
    pub missing: Vec<String>,
    /// Actions by story.
    pub stories: BTreeMap<&'static str, u64>,
}

/// Makes the world of `plan`: `register/*.yaml`, `logs/**`, `truth.ndjson`.
pub fn generate(plan: &Plan, sink: &mut dyn Sink) -> io::Result<Summary> {
    let company = Company::new(plan);
    register::write(plan, &company, sink)?;
    let rng = Rng::of(plan.seed, "delivery", 0);
    let mut delivery = Delivery::new(sink, plan.faults, rng, company.accounts.clone());
    let mut director = Director::new(plan, &company);
    director.run(&mut delivery)?;
    delivery.finish()?;
    Ok(Summary {
        actions: director.actions,
        records: delivery.records,
        repeats: delivery.repeats,
        bytes: delivery.bytes,
        most_under_way: delivery.most_under_way,
        missing: Feed::ALL
            .into_iter()
            .filter(|feed| !company.collects(*feed))
            .map(|feed| feed.tenant().to_owned())
            .collect(),
        stories: director.stories,
    })
}

/// Makes the world in a folder, which must be empty or not exist.
pub fn write_to(plan: &Plan, folder: &Path) -> io::Result<Summary> {
    generate(plan, &mut FolderSink::create(folder)?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    Federated,
    Desk,
    Console,
    Key,
    FreshKey,
    Machine,
    TracedPortal,
    BlindPortal,
    Exchange,
    RealmImpersonation,
    OktaWork,
    OktaImpersonation,
    Guest,
    GitHub,
    Root,
}

/// Stories by how often they are told.
const REPERTOIRE: [(Story, u32); 15] = [
    (Story::Federated, 20),
    (Story::Desk, 4),
    (Story::Console, 9),
    (Story::Key, 10),
    (Story::FreshKey, 3),
    (Story::Machine, 16),
    (Story::TracedPortal, 8),
    (Story::BlindPortal, 4),
    (Story::Exchange, 5),
    (Story::RealmImpersonation, 2),
    (Story::OktaWork, 6),
    (Story::OktaImpersonation, 2),
    (Story::Guest, 7),
    (Story::GitHub, 4),
    (Story::Root, 2),
];

impl Story {
    fn name(self) -> &'static str {
        match self {
            Self::Federated => "federated",
            Self::Desk => "shared_subject",
            Self::Console => "console",
            Self::Key => "long_lived_key",
            Self::FreshKey => "created_key",
            Self::Machine => "machine",
            Self::TracedPortal => "portal_with_request_id",
            Self::BlindPortal => "portal_without_request_id",
            Self::Exchange => "agent",
            Self::RealmImpersonation => "keycloak_impersonation",
            Self::OktaWork => "okta_session",
            Self::OktaImpersonation => "okta_impersonation",
            Self::Guest => "guest",
            Self::GitHub => "github",
            Self::Root => "root",
        }
    }

    /// Feeds without which the story would leave nothing, or only what misleads everybody.
    fn needs(self) -> &'static [Feed] {
        match self {
            Self::Exchange | Self::RealmImpersonation => &[Feed::KcPartners],
            Self::OktaWork | Self::OktaImpersonation => &[Feed::OktaMain],
            Self::GitHub => &[Feed::GitHub],
            _ => &[],
        }
    }
}

/// Who or what can be in one scene at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Player {
    Person(usize),
    Desk(usize),
    Key(usize),
    Machine(usize),
    BlindPortal,
}

struct Director<'a> {
    plan: &'a Plan,
    company: &'a Company,
    rng: Rng,
    now: Millis,
    scenes: u64,
    actions: u64,
    /// When each player is free again; players long free are forgotten.
    busy: BTreeMap<Player, Millis>,
    stories: BTreeMap<&'static str, u64>,
    usual: usize,
}

impl<'a> Director<'a> {
    fn new(plan: &'a Plan, company: &'a Company) -> Self {
        let slots = company.people() as u64 * u64::from(plan.days.max(1)) * 3;
        let usual = usize::try_from((plan.actions / slots.max(1)).clamp(7, 2_000)).unwrap_or(7);
        Self {
            plan,
            company,
            rng: Rng::of(plan.seed, "director", 0),
            now: plan.start,
            scenes: 0,
            actions: 0,
            busy: BTreeMap::new(),
            stories: BTreeMap::new(),
            usual,
        }
    }

    fn run(&mut self, delivery: &mut Delivery<'_>) -> io::Result<()> {
        // Scenes whose feeds are missing leave no action; enough of them, and the plan is refused.
        let limit = self.plan.actions.saturating_mul(8).saturating_add(10_000);
        while self.actions < self.plan.actions && self.scenes < limit {
            self.now = self.moment();
            delivery.advance(self.now)?;
            self.scene(delivery)?;
            self.scenes += 1;
            if self.scenes.is_multiple_of(256) {
                let now = self.now;
                self.busy.retain(|_, free| *free > now);
            }
        }
        Ok(())
    }

    /// Time goes with the work done, evenly over the days, and never stands still.
    fn moment(&self) -> Millis {
        let done = i128::from(self.actions) * i128::from(self.plan.span());
        let due = done / i128::from(self.plan.actions.max(1));
        let due = self.plan.start + i64::try_from(due).unwrap_or(0);
        due.max(self.now + SECOND)
    }

    fn scene(&mut self, delivery: &mut Delivery<'_>) -> io::Result<()> {
        let left = usize::try_from(self.plan.actions - self.actions).unwrap_or(usize::MAX);
        let wanted = 1 + self.rng.below(self.usual * 2);
        let Some((story, cast)) = self.cast() else { return Ok(()) };
        let rng = Rng::of(self.plan.seed, "scene", self.scenes);
        let part = (self.now, wanted.min(left));
        let mut stage = Stage::new(self.plan, self.company, rng, part, story.name());
        play(&mut stage, story, cast);
        for (feed, at, body) in &stage.records {
            delivery.post(*feed, *at, body)?;
        }
        for truth in &stage.truths {
            delivery.note("truth.ndjson", truth)?;
        }
        let made = stage.truths.len() as u64;
        self.actions += made;
        *self.stories.entry(story.name()).or_default() += made;
        Ok(())
    }

    /// A story whose players are all free, and who leads in it.
    fn cast(&mut self) -> Option<(Story, (usize, usize))> {
        for _ in 0..TRIES {
            let story = self.choose();
            if !story.needs().iter().all(|feed| self.company.collects(*feed)) {
                continue;
            }
            let (lead, other) = self.leads(story);
            let Some(players) = self.players(story, lead, other) else { continue };
            if players
                .iter()
                .any(|player| self.busy.get(player).is_some_and(|free| *free > self.now))
            {
                continue;
            }
            for player in players {
                self.busy.insert(player, self.now + REST);
            }
            return Some((story, (lead, other)));
        }
        None
    }

    fn choose(&mut self) -> Story {
        let total: u32 = REPERTOIRE.iter().map(|(_, weight)| weight).sum();
        let mut ticket = u32::try_from(self.rng.below(total as usize)).unwrap_or(0);
        for (story, weight) in REPERTOIRE {
            if ticket < weight {
                return story;
            }
            ticket -= weight;
        }
        Story::Federated
    }

    fn leads(&mut self, story: Story) -> (usize, usize) {
        let count = match story {
            Story::Key => self.company.keys(),
            Story::Machine => self.company.machines(),
            Story::TracedPortal | Story::BlindPortal => self.company.organizations(),
            _ => self.company.people(),
        };
        let lead = self.rng.below(count);
        let other = match story {
            Story::Desk => lead + 1,
            _ => self.rng.below(self.company.people()),
        };
        (lead, other)
    }

    /// Everybody the scene needs to itself; `None` if these leads cannot play this story.
    fn players(&self, story: Story, lead: usize, other: usize) -> Option<Vec<Player>> {
        let provider =
            |person: usize| self.company.organization(person / PEOPLE_PER_ORGANIZATION).provider;
        let fits = match story {
            Story::Federated => provider(lead) != Provider::Entra,
            Story::Desk => {
                provider(lead) == Provider::Okta
                    && lead / PEOPLE_PER_ORGANIZATION == other / PEOPLE_PER_ORGANIZATION
                    && self.plan.faults.twins > 0.0
            }
            Story::OktaWork => provider(lead) == Provider::Okta,
            Story::Exchange => provider(lead) == Provider::Keycloak,
            Story::OktaImpersonation => {
                lead != other
                    && provider(lead) == Provider::Okta
                    && provider(other) == Provider::Okta
            }
            Story::RealmImpersonation => {
                lead != other
                    && provider(lead) == Provider::Keycloak
                    && provider(other) == Provider::Keycloak
            }
            Story::Guest => provider(lead) == Provider::Entra,
            _ => true,
        };
        fits.then(|| match story {
            Story::Key => vec![Player::Key(lead)],
            Story::Machine => vec![Player::Machine(lead)],
            Story::TracedPortal => Vec::new(),
            Story::BlindPortal => vec![Player::BlindPortal],
            Story::Desk => {
                vec![
                    Player::Person(lead),
                    Player::Person(other),
                    Player::Desk(lead / PEOPLE_PER_ORGANIZATION),
                ]
            }
            Story::OktaImpersonation | Story::RealmImpersonation => {
                vec![Player::Person(lead), Player::Person(other)]
            }
            _ => vec![Player::Person(lead)],
        })
    }
}

fn play(stage: &mut Stage<'_>, story: Story, (lead, other): (usize, usize)) {
    match story {
        Story::Federated => federated::play(stage, lead, false),
        Story::Desk => federated::play(stage, lead, true),
        Story::Console => console::play(stage, lead),
        Story::Key => keys::play(stage, lead),
        Story::FreshKey => keys::fresh(stage, lead),
        Story::Machine => machines::play(stage, lead),
        Story::TracedPortal => portal::traced(stage, lead),
        Story::BlindPortal => portal::blind(stage, lead),
        Story::Exchange => agents::exchange(stage, lead),
        Story::RealmImpersonation => agents::impersonate(stage, lead, other),
        Story::OktaWork => okta::play(stage, lead),
        Story::OktaImpersonation => okta::impersonate(stage, lead, other),
        Story::Guest => directory::guest(stage, lead),
        Story::GitHub => github::play(stage, lead),
        Story::Root => console::root(stage, lead),
    }
}
