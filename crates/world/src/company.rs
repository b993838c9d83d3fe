//! The company and its outsiders. Nothing is stored: everybody is a function of the seed.

use crate::feed::Feed;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::time::DAY;
use crate::truth::Who;

pub(crate) const PEOPLE_PER_ORGANIZATION: usize = 6;

const WORDS: [&str; 16] = [
    "northwind",
    "harbour",
    "meridian",
    "calder",
    "westfold",
    "lumen",
    "tarn",
    "ashgrove",
    "kestrel",
    "brightwater",
    "fenwick",
    "orchard",
    "silverton",
    "moorgate",
    "thistle",
    "windmill",
];
const TRADES: [&str; 6] = ["logistics", "claims", "brokers", "repairs", "analytics", "systems"];
const FIRST: [&str; 16] = [
    "dora", "amir", "bianca", "chen", "dele", "elif", "finn", "greta", "hugo", "imani", "jonas",
    "kaya", "lena", "marek", "noor", "oskar",
];
const LAST: [&str; 12] = [
    "field",
    "okafor",
    "lindqvist",
    "marsh",
    "novak",
    "ferrer",
    "brandt",
    "ito",
    "singh",
    "dumas",
    "keane",
    "vale",
];

/// By which identity provider an organization's people come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    Okta,
    Keycloak,
    Entra,
}

#[derive(Debug, Clone)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) via: Option<usize>,
    pub(crate) provider: Provider,
    pub(crate) domain: String,
    /// Directory id of its own Entra tenant, whose logs nobody here sees.
    pub(crate) home_tenant: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) organization: usize,
    pub(crate) email: String,
    pub(crate) okta: String,
    pub(crate) keycloak: String,
    pub(crate) guest: String,
    pub(crate) home_object: String,
    pub(crate) iam_user: String,
    pub(crate) iam_id: String,
    pub(crate) github: String,
    pub(crate) github_id: u64,
    pub(crate) ip: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MachineKind {
    Ec2,
    Lambda,
    EntraApp,
    KeycloakClient,
    ServiceAccount,
}

#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) organization: usize,
    pub(crate) kind: MachineKind,
    /// Instance, function, application, client or service account name.
    pub(crate) label: String,
    /// A directory object, client user or role id.
    pub(crate) object: String,
    pub(crate) application: String,
    pub(crate) ip: String,
}

/// How a long-lived key is kept and known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKeeping {
    /// Registered, one consumer.
    Personal,
    /// Registered as shared; two people use it.
    Shared,
    /// Registered, nobody wrote down who uses it; two places do.
    Unsaid,
    /// Neither key nor account registered.
    Unregistered,
    /// Registered, one consumer, revoked halfway and used on.
    Revoked,
}

#[derive(Debug, Clone)]
pub(crate) struct LongKey {
    pub(crate) id: String,
    pub(crate) owner: usize,
    pub(crate) handle: String,
    pub(crate) keeping: KeyKeeping,
}

#[derive(Debug, Clone)]
pub(crate) struct Company {
    plan: Plan,
    pub(crate) accounts: [String; 3],
    pub(crate) entra_tenant: String,
    pub(crate) okta_app_key: String,
    missing: [bool; Feed::ALL.len()],
}

impl Company {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut rng = Rng::of(plan.seed, "company", 0);
        let missing =
            Feed::ALL.map(|feed| feed.can_be_missing() && rng.chance(plan.faults.missing_feeds));
        Self {
            accounts: std::array::from_fn(|_| rng.digits(12)),
            entra_tenant: rng.uuid(),
            okta_app_key: format!("exk{}", rng.base62(17)),
            missing,
            plan: plan.clone(),
        }
    }

    pub(crate) fn collects(&self, feed: Feed) -> bool {
        !self.missing[feed.index()]
    }

    pub(crate) fn organizations(&self) -> usize {
        self.plan.organizations.max(2) as usize
    }

    pub(crate) fn people(&self) -> usize {
        self.organizations() * PEOPLE_PER_ORGANIZATION
    }

    pub(crate) fn machines(&self) -> usize {
        self.organizations() * 2 + 5
    }

    pub(crate) fn keys(&self) -> usize {
        self.organizations() * 2
    }

    /// Moment at which renamed accounts change hands and doomed keys are revoked.
    pub(crate) fn turning_point(&self) -> i64 {
        let half = self.plan.start + self.plan.span() / 2;
        half - half.rem_euclid(DAY / 24)
    }

    pub(crate) fn okta_issuer(&self) -> String {
        format!("http://www.okta.com/{}", self.okta_app_key)
    }

    pub(crate) fn realm_issuer(realm: &str) -> String {
        format!("https://sso.aldgate.example/realms/{realm}")
    }

    pub(crate) fn realm_id(&self, realm: &str) -> String {
        Rng::of(self.plan.seed, realm, 0).uuid()
    }

    pub(crate) fn organization(&self, i: usize) -> Organization {
        let mut rng = Rng::of(self.plan.seed, "organization", i as u64);
        let word = WORDS[i % WORDS.len()];
        let trade = rng.pick(&TRADES);
        // The first two resell: the second through the first, and some others through either.
        let kind = match i {
            0 | 1 => "reseller",
            _ => *rng.pick(&["partner", "customer", "supplier", "contractor"]),
        };
        let via = match i {
            0 => None,
            1 => Some(0),
            _ => rng.chance(0.3).then(|| rng.below(2)),
        };
        let id = format!("{word}-{i}");
        Organization {
            name: format!("{} {}", capital(word), capital(trade)),
            kind,
            via,
            provider: [Provider::Okta, Provider::Keycloak, Provider::Entra][i % 3],
            domain: format!("{id}.example"),
            home_tenant: rng.uuid(),
            id,
        }
    }

    pub(crate) fn person(&self, i: usize) -> Person {
        let mut rng = Rng::of(self.plan.seed, "person", i as u64);
        let organization = i / PEOPLE_PER_ORGANIZATION;
        let org = self.organization(organization);
        let (first, last) = (rng.pick(&FIRST), rng.pick(&LAST));
        let login = format!("{first}.{last}{i}");
        Person {
            id: format!("{}-{login}", org.id),
            name: format!("{} {}", capital(first), capital(last)),
            organization,
            email: format!("{login}@{}", org.domain),
            okta: format!("00u{}", rng.base62(17)),
            keycloak: rng.uuid(),
            guest: rng.uuid(),
            home_object: rng.uuid(),
            iam_user: login.clone(),
            iam_id: format!("AIDA{}", rng.base32(16)),
            github: format!("{first}-{last}-{i}"),
            github_id: rng.next() % 90_000_000 + 1_000_000,
            ip: format!("203.0.113.{}", 1 + i % 250),
        }
    }

    pub(crate) fn machine(&self, i: usize) -> Machine {
        const KINDS: [MachineKind; 5] = [
            MachineKind::Ec2,
            MachineKind::Lambda,
            MachineKind::EntraApp,
            MachineKind::KeycloakClient,
            MachineKind::ServiceAccount,
        ];
        let mut rng = Rng::of(self.plan.seed, "machine", i as u64);
        let kind = KINDS[i % KINDS.len()];
        let (label, object) = match kind {
            MachineKind::Ec2 => (format!("i-{}", rng.hex(17)), format!("AROA{}", rng.base32(16))),
            MachineKind::Lambda => (format!("settle-{i}"), format!("AROA{}", rng.base32(16))),
            MachineKind::EntraApp => (format!("Sync {i}"), rng.uuid()),
            MachineKind::KeycloakClient => (format!("feed-{i}"), rng.uuid()),
            MachineKind::ServiceAccount => (format!("worker-{i}"), rng.uuid()),
        };
        Machine {
            id: format!("machine-{i}"),
            organization: rng.below(self.organizations()),
            kind,
            label,
            object,
            application: rng.uuid(),
            ip: format!("198.51.100.{}", 1 + i % 250),
        }
    }

    pub(crate) fn key(&self, i: usize) -> LongKey {
        let mut rng = Rng::of(self.plan.seed, "key", i as u64);
        let keeping = if rng.chance(self.plan.faults.shared_keys) {
            *rng.pick(&[KeyKeeping::Shared, KeyKeeping::Unsaid, KeyKeeping::Unregistered])
        } else if rng.chance(self.plan.faults.expired) {
            KeyKeeping::Revoked
        } else {
            KeyKeeping::Personal
        };
        LongKey {
            id: format!("key-{i}"),
            owner: i * 3 % self.people(),
            handle: format!("AKIA{}", rng.base32(16)),
            keeping,
        }
    }

    /// An account in AWS is registered under the tenant of its account number.
    pub(crate) fn iam_arn(&self, account: usize, person: &Person) -> String {
        format!("arn:aws:iam::{}:user/{}", self.accounts[account], person.iam_user)
    }

    pub(crate) fn by_iam(&self, account: usize, person: &Person) -> Who {
        let tenant = Feed::AWS[account].tenant();
        Who::new(&person.id, tenant, &self.iam_arn(account, person))
    }

    pub(crate) fn machine_role(&self, machine: &Machine) -> String {
        format!("arn:aws:iam::{}:role/{}", self.accounts[1], machine.id)
    }

    /// The handle of a person's GitHub token: base64 of its SHA-256.
    pub(crate) fn github_hash(&self, person: usize) -> [u8; 32] {
        Rng::of(self.plan.seed, "github token", person as u64).bytes()
    }

    /// Whether somebody wrote down the one consumer of a person's GitHub token.
    pub(crate) fn github_consumer_known(&self, person: usize) -> bool {
        !Rng::of(self.plan.seed, "github consumer", person as u64)
            .chance(self.plan.faults.shared_keys)
    }

    pub(crate) fn client_key(&self, machine: usize) -> String {
        Rng::of(self.plan.seed, "client key", machine as u64).uuid()
    }

    /// A desk of the claims portal changes hands at the turning point: who sits there when.
    pub(crate) fn desk(&self, organization: usize) -> Option<(String, usize, usize)> {
        let mut rng = Rng::of(self.plan.seed, "desk", organization as u64);
        let first = organization * PEOPLE_PER_ORGANIZATION;
        rng.chance(self.plan.faults.renames)
            .then(|| (format!("desk@{}", self.organization(organization).domain), first, first + 1))
    }
}

pub(crate) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
