//! The register of the invented company, in the form of `docs/register.md`.

use std::io;

use serde_json::{Value, json};

use crate::company::{Company, KeyKeeping, MachineKind, PEOPLE_PER_ORGANIZATION, Provider};
use crate::feed::Feed;
use crate::plan::Plan;
use crate::rng::Rng;
use crate::sink::Sink;
use crate::stories::{agents, keys, machines, portal};
use crate::time::{DAY, Millis, date, seconds};

const SPONSORS: usize = 6;

pub(crate) fn write(plan: &Plan, company: &Company, sink: &mut dyn Sink) -> io::Result<()> {
    let book = Book { plan, company };
    let mut emit = |name: &str, list: &str, items: Vec<Value>| {
        let text = format!("{list}:\n{}", items.iter().map(item).collect::<String>());
        sink.append(&format!("register/{name}.yaml"), text.as_bytes())
    };
    emit("02-tenants", "tenants", book.tenants())?;
    emit("03-organizations", "organizations", book.organizations())?;
    emit("04-sponsors", "sponsors", book.sponsors())?;
    emit("05-trust-paths", "trust_paths", book.trust_paths())?;
    emit("06-people", "identities", book.people())?;
    emit("07-machines", "identities", book.machines())?;
    emit("08-credentials", "credentials", book.credentials())?;
    emit("09-entitlements", "entitlements", book.entitlements())?;
    emit("10-grants", "grants", book.grants())?;
    emit("11-groups", "groups", book.groups())?;
    emit("12-portals", "portals", book.portals())?;
    let own = vec![
        json!({"namespace": "aws-hub", "value": "arn:aws:iam::*:user/admin-*"}),
        json!({"namespace": "aws-prod", "value": "arn:aws:iam::*:user/admin-*"}),
        json!({"namespace": "aws-data", "value": "arn:aws:iam::*:user/admin-*"}),
        json!({"namespace": "kubernetes", "value": "system:node:*"}),
    ];
    emit("13-own", "own", own)?;
    sink.append("register/01-company.yaml", b"company: Aldgate Mutual\n")
}

struct Book<'a> {
    plan: &'a Plan,
    company: &'a Company,
}

/// One list item: a key a line, everything below it in flow form, strings quoted as JSON does.
fn item(value: &Value) -> String {
    let mut text = String::new();
    for (n, (key, value)) in value.as_object().into_iter().flatten().enumerate() {
        let lead = if n == 0 { "  - " } else { "    " };
        text.push_str(&format!("{lead}{key}: {}\n", flow(value)));
    }
    text
}

fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let parts: Vec<_> =
                map.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        other => other.to_string(),
    }
}

fn always(from: &str) -> Value {
    json!({"from": from, "until": "never"})
}

fn sponsor(n: usize) -> String {
    ["ingrid-vale", "colin-marsh", "petra-holm", "samir-aziz", "judith-crane", "tomas-wirth"]
        [n % SPONSORS]
        .to_owned()
}

impl Book<'_> {
    fn day(&self, offset: i64) -> String {
        date(self.plan.start + offset * DAY)
    }

    fn tenants(&self) -> Vec<Value> {
        Feed::ALL
            .into_iter()
            .map(|feed| {
                let mut tenant = json!({
                    "id": feed.tenant(), "name": feed.folder(), "source": feed.source(),
                    "accounts": self.tenant_accounts(feed),
                    "environment": if feed == Feed::OktaLabs { "test" } else { "production" },
                });
                if !feed.folder().starts_with("aws") && !feed.folder().starts_with("entra") {
                    let folder = feed.folder();
                    tenant["files"] = json!([format!("{folder}/**"), format!("**/{folder}/**")]);
                }
                if self.company.collects(feed) {
                    tenant["logs_from"] = json!(seconds(self.plan.start));
                } else {
                    tenant["feeds"] = json!([]);
                }
                tenant
            })
            .collect()
    }

    fn tenant_accounts(&self, feed: Feed) -> Vec<String> {
        match feed {
            Feed::AwsHub | Feed::AwsProd | Feed::AwsData => {
                vec![self.company.accounts[feed.index()].clone()]
            }
            Feed::OktaMain => vec![self.company.okta_issuer()],
            Feed::KcPartners => self.realm("partners"),
            Feed::KcMachines => self.realm("machines"),
            Feed::EntraSignin | Feed::EntraAudit | Feed::Graph => {
                vec![self.company.entra_tenant.clone()]
            }
            Feed::GitHub => vec!["aldgate-mutual".to_owned()],
            _ => Vec::new(),
        }
    }

    fn realm(&self, name: &str) -> Vec<String> {
        let issuer = Company::realm_issuer(name);
        // AWS writes an issuer without its scheme.
        let bare = issuer.trim_start_matches("https://").to_owned();
        vec![name.to_owned(), self.company.realm_id(name), issuer, bare]
    }

    fn organizations(&self) -> Vec<Value> {
        (0..self.company.organizations())
            .map(|i| {
                let org = self.company.organization(i);
                let mut value = json!({"id": org.id, "name": org.name, "kind": org.kind});
                if let Some(via) = org.via {
                    value["via"] = json!(self.company.organization(via).id);
                }
                value["state"] = json!("active");
                value["sponsor"] = json!(sponsor(i));
                value["contract"] = json!({"from": self.day(-700), "until": self.day(400)});
                value
            })
            .collect()
    }

    fn sponsors(&self) -> Vec<Value> {
        (0..SPONSORS)
            .map(|n| {
                let name = sponsor(n);
                let words: Vec<String> = name.split('-').map(crate::company::capital).collect();
                let mut value = json!({"id": name, "name": words.join(" ")});
                // Two have left: one was succeeded, one was not.
                value["employed"] = match n {
                    4 => json!({"from": self.day(-3000), "until": self.day(-40)}),
                    5 => json!({"from": self.day(-3000), "until": self.day(-5)}),
                    _ => always("2015-03-01"),
                };
                if n == 5 {
                    value["successor"] = json!(sponsor(0));
                    value["succession_until"] = json!(self.day(30));
                }
                value
            })
            .collect()
    }

    fn trust_paths(&self) -> Vec<Value> {
        (0..self.company.organizations())
            .flat_map(|i| {
                let org = self.company.organization(i);
                let (kind, issuer) = match org.provider {
                    Provider::Okta => ("saml", self.company.okta_issuer()),
                    Provider::Keycloak => ("oidc", Company::realm_issuer("partners")),
                    Provider::Entra => ("oidc", format!("https://login.microsoftonline.com/{}/v2.0", org.home_tenant)),
                };
                let people = json!({
                    "id": format!("{}-people", org.id), "organization": org.id, "kind": kind,
                    "issuer": issuer, "active": always(&self.day(-600)), "accepted_by": sponsor(i),
                    "revalidate_by": self.day(if i % 9 == 4 { -10 } else { 200 }),
                    "assurance_map": [
                        {"claim": "amr", "value": "otp", "accept": {"aal": 2, "phishing_resistant": false}},
                        {"claim": "amr", "value": "hwk", "accept": {"aal": 3, "phishing_resistant": true}},
                    ],
                });
                let local = json!({
                    "id": format!("{}-local", org.id), "organization": org.id, "kind": "local",
                    "active": always(&self.day(-600)), "accepted_by": sponsor(i),
                    "revalidate_by": self.day(200), "constant": {"aal": 1},
                });
                let machines = json!({
                    "id": format!("{}-machines", org.id), "organization": org.id, "kind": "workload",
                    "active": always(&self.day(-600)), "accepted_by": sponsor(i),
                    "revalidate_by": self.day(200), "constant": {"workload": 1},
                });
                [people, local, machines]
            })
            .collect()
    }

    fn people(&self) -> Vec<Value> {
        (0..self.company.people())
            .map(|i| {
                let who = self.company.person(i);
                let org = self.company.organization(who.organization);
                json!({
                    "id": who.id, "name": who.name, "organization": org.id, "kind": "human",
                    "active": always(&self.day(-500)),
                    "accounts": self.accounts_of(i),
                })
            })
            .collect()
    }

    /// Every name under which a record may show this person.
    fn accounts_of(&self, i: usize) -> Vec<Value> {
        let who = self.company.person(i);
        let org = self.company.organization(who.organization);
        let people = format!("{}-people", org.id);
        let local = format!("{}-local", org.id);
        let mut accounts: Vec<(String, String, &str)> = Vec::new();
        match org.provider {
            Provider::Okta => {
                accounts.push(("okta-main".into(), who.okta.clone(), &people));
                accounts.push(("okta-main".into(), who.email.clone(), &people));
            }
            Provider::Keycloak => {
                accounts.push(("kc-partners".into(), who.keycloak.clone(), &people));
                accounts.push(("kc-partners".into(), who.email.clone(), &people));
            }
            Provider::Entra => {
                accounts.push((self.company.entra_tenant.clone(), who.guest.clone(), &people));
                accounts.push((org.home_tenant.clone(), who.home_object.clone(), &people));
            }
        }
        // AWS names a federated subject in its own records, too.
        if org.provider != Provider::Entra {
            accounts.push(("aws-hub".into(), who.email.clone(), &people));
            accounts.push(("aws-hub".into(), who.keycloak.clone(), &people));
        }
        let tenant = Feed::AWS[i % 3].tenant();
        accounts.push((tenant.into(), self.company.iam_arn(i % 3, &who), &local));
        accounts.push((tenant.into(), who.iam_id.clone(), &local));
        accounts.push(("github".into(), who.github.clone(), &local));
        accounts.push(("github".into(), who.github_id.to_string(), &local));
        accounts.push(("portal-claims".into(), who.email.clone(), &local));
        accounts.push(("portal-brokers".into(), who.email.clone(), &local));
        let mut list: Vec<Value> = accounts
            .into_iter()
            .map(|(namespace, value, path)| {
                json!({"namespace": namespace, "value": value, "trust_path": path,
                       "active": always(&self.day(-500))})
            })
            .collect();
        list.extend(self.desk_of(i, &local));
        list
    }

    /// A desk login belongs to one person until the turning point and to another from then on.
    fn desk_of(&self, i: usize, path: &str) -> Option<Value> {
        let (login, before, after) = self.company.desk(i / PEOPLE_PER_ORGANIZATION)?;
        let turning = seconds(self.company.turning_point());
        let active = if i == before {
            json!({"from": self.day(-500), "until": turning})
        } else if i == after {
            json!({"from": turning, "until": "never"})
        } else {
            return None;
        };
        Some(
            json!({"namespace": "portal-claims", "value": login, "trust_path": path, "active": active}),
        )
    }

    fn machines(&self) -> Vec<Value> {
        let mut list: Vec<Value> = (0..self.company.machines()).map(|i| self.machine(i)).collect();
        for organization in 0..self.company.organizations() {
            let (id, client, user) = agents::agent(self.plan.seed, organization);
            let org = self.company.organization(organization);
            let path = format!("{}-machines", org.id);
            list.push(json!({
                "id": id, "name": format!("Assistant of {}", org.name), "organization": org.id,
                "kind": "agent", "owner": sponsor(organization), "active": always(&self.day(-90)),
                "accounts": [
                    {"namespace": "kc-partners", "value": client, "trust_path": path, "active": always(&self.day(-90))},
                    {"namespace": "kc-partners", "value": user, "trust_path": path, "active": always(&self.day(-90))},
                ],
                "mandate": {"actions": ["s3:*", "ec2:Describe*"], "until": self.day(60), "approved_by": sponsor(organization)},
            }));
        }
        list.extend(self.portal_services());
        list
    }

    fn machine(&self, i: usize) -> Value {
        let it = self.company.machine(i);
        let org = self.company.organization(it.organization).id;
        let prod = &self.company.accounts[1];
        let accounts: Vec<(String, String)> = match it.kind {
            MachineKind::Ec2 | MachineKind::Lambda => vec![
                ("aws-prod".into(), self.company.machine_role(&it)),
                ("aws-prod".into(), machines::role_arn(prod, &it)),
                ("aws-prod".into(), format!("{}:{}", it.object, it.label)),
                ("aws-prod".into(), it.object.clone()),
            ],
            MachineKind::EntraApp => vec![
                (self.company.entra_tenant.clone(), it.object.clone()),
                (self.company.entra_tenant.clone(), it.application.clone()),
            ],
            MachineKind::KeycloakClient => vec![
                ("kc-machines".into(), it.object.clone()),
                ("kc-machines".into(), it.label.clone()),
                ("aws-hub".into(), it.object.clone()),
            ],
            MachineKind::ServiceAccount => {
                vec![("kubernetes".into(), machines::service_account_name(&it))]
            }
        };
        let path = format!("{org}-machines");
        let accounts: Vec<Value> = accounts
            .into_iter()
            .map(|(namespace, value)| {
                json!({"namespace": namespace, "value": value, "trust_path": path, "active": always(&self.day(-400))})
            })
            .collect();
        let mut value = json!({
            "id": it.id, "name": it.label, "organization": org, "kind": "service",
            "active": always(&self.day(-400)), "accounts": accounts,
            "networks": [format!("{}/32", it.ip)],
        });
        // Now and then nobody answers for a machine.
        if i % 7 != 3 {
            value["owner"] = json!(sponsor(i));
        }
        value
    }

    fn portal_services(&self) -> [Value; 2] {
        let org = self.company.organization(0).id;
        let path = format!("{org}-machines");
        let active = always(&self.day(-400));
        let prod = &self.company.accounts[1];
        [
            json!({
                "id": "svc-claims-portal", "name": "Claims portal", "organization": org, "kind": "service",
                "owner": sponsor(0), "active": active,
                "accounts": [{"namespace": "claims-api", "value": "svc-claims-portal", "trust_path": path, "active": active}],
            }),
            json!({
                "id": "svc-brokers-portal", "name": "Brokers portal", "organization": org, "kind": "service",
                "owner": sponsor(0), "active": active,
                "accounts": [
                    {"namespace": "aws-prod", "value": portal::blind_arn(prod), "trust_path": path, "active": active},
                    {"namespace": "aws-prod", "value": "AIDASVCBROKERS000000", "trust_path": path, "active": active},
                ],
            }),
        ]
    }

    fn credentials(&self) -> Vec<Value> {
        let mut list: Vec<Value> =
            (0..self.company.keys()).filter_map(|i| self.access_key(i)).collect();
        let org = self.company.organization(0).id;
        list.push(json!({
            "id": "brokers-portal-key", "identity": "svc-brokers-portal", "kind": "api_key",
            "handle": portal::blind_key(self.plan.seed), "namespace": "aws-prod",
            "trust_path": format!("{org}-machines"), "issued": self.day(-300), "until": "never",
        }));
        for person in 0..self.company.people() {
            list.push(self.github_token(person));
        }
        for i in 0..self.company.machines() {
            let it = self.company.machine(i);
            if it.kind == MachineKind::EntraApp {
                list.push(json!({
                    "id": format!("client-key-{i}"), "identity": it.id, "kind": "client_secret",
                    "handle": self.company.client_key(i), "namespace": self.company.entra_tenant,
                    "issued": self.day(-200), "until": self.day(165),
                    "rotate_every": "180d", "consumer": "sync job", "shared": false,
                }));
            }
        }
        list
    }

    fn access_key(&self, i: usize) -> Option<Value> {
        let key = self.company.key(i);
        let owner = self.company.person(key.owner);
        let account = keys::account_of(&key);
        let path = format!("{}-local", self.company.organization(owner.organization).id);
        let mut value = json!({
            "id": key.id, "identity": owner.id, "kind": "api_key", "handle": key.handle,
            "namespace": Feed::AWS[account].tenant(), "trust_path": path,
            "issued": self.day(-1000 + i64::try_from(i % 900).unwrap_or(0)), "until": "never", "rotate_every": "90d",
        });
        match key.keeping {
            KeyKeeping::Unregistered => return None,
            KeyKeeping::Unsaid => {}
            KeyKeeping::Shared => value["shared"] = json!(true),
            KeyKeeping::Personal => {
                value["consumer"] = json!("build server");
                value["shared"] = json!(false);
            }
            KeyKeeping::Revoked => {
                value["consumer"] = json!("build server");
                value["shared"] = json!(false);
                value["revoked"] = json!(seconds(self.company.turning_point()));
            }
        }
        Some(value)
    }

    fn github_token(&self, person: usize) -> Value {
        use base64::Engine as _;
        let who = self.company.person(person);
        let hash = self.company.github_hash(person);
        let mut value = json!({
            "id": format!("github-token-{person}"), "identity": who.id, "kind": "token",
            "handle": base64::engine::general_purpose::STANDARD.encode(hash),
            "namespace": "github", "issued": self.day(-100), "until": self.day(200),
        });
        if self.company.github_consumer_known(person) {
            value["consumer"] = json!("workstation");
            value["shared"] = json!(false);
        }
        value
    }

    fn entitlements(&self) -> Vec<Value> {
        const AREAS: [(&str, &str, &str, &str, &str); 8] = [
            ("hub-access", "aws-hub", "partners", "claims handling", "high"),
            ("prod-operations", "aws-prod", "partners", "claims handling", "critical"),
            ("data-reading", "aws-data", "partners", "reserving", "medium"),
            ("okta-administration", "okta-main", "partners", "partner onboarding", "critical"),
            ("directory-work", "entra-graph", "customers", "document exchange", "medium"),
            ("code", "github", "partners", "software delivery", "high"),
            ("cluster", "kubernetes", "machines", "claims handling", "high"),
            ("claims-interface", "claims-api", "partners", "claims handling", "high"),
        ];
        AREAS
            .into_iter()
            .map(|(id, tenant, catalog, process, risk)| {
                json!({
                    "id": id, "name": id, "catalog": catalog, "tenant": tenant, "actions": ["*"],
                    "business_process": process, "owner": "ingrid-vale", "risk": risk,
                    "required": {"aal": 2}, "longest": "365d", "review_every": "90d",
                })
            })
            .collect()
    }

    /// Most have a grant that holds; some one that ended, was revoked, or was never used.
    fn grants(&self) -> Vec<Value> {
        let mut list = vec![json!({
            "id": "g-reseller", "entitlement": "prod-operations", "organization": self.company.organization(0).id,
            "sponsor": sponsor(0), "justification": "Resells claims operations",
            "from": self.day(-300), "until": self.day(60), "review_due": self.day(20), "review_grace": "14d",
        })];
        for i in 0..self.company.people() {
            let who = self.company.person(i);
            for (n, entitlement) in
                ["hub-access", "prod-operations", "data-reading", "claims-interface"]
                    .into_iter()
                    .enumerate()
            {
                let resold = self.company.organization(who.organization).via == Some(0) && n == 1;
                list.push(self.grant(&format!("g-{i}-{n}"), entitlement, &who.id, resold));
            }
            let extra = match self.company.organization(who.organization).provider {
                Provider::Okta => "okta-administration",
                Provider::Keycloak => "code",
                Provider::Entra => "directory-work",
            };
            list.push(self.grant(&format!("g-{i}-4"), extra, &who.id, false));
        }
        for i in 0..self.company.machines() {
            let it = self.company.machine(i);
            let entitlement = match it.kind {
                MachineKind::EntraApp => "directory-work",
                MachineKind::ServiceAccount => "cluster",
                _ => "prod-operations",
            };
            list.push(self.grant(&format!("g-machine-{i}"), entitlement, &it.id, false));
        }
        list.push(self.grant("g-claims-portal", "claims-interface", "svc-claims-portal", false));
        list.push(self.grant("g-brokers-portal", "prod-operations", "svc-brokers-portal", false));
        list
    }

    fn grant(&self, id: &str, entitlement: &str, identity: &str, resold: bool) -> Value {
        let mut rng = Rng::of(self.plan.seed, id, 0);
        let ended = rng.chance(self.plan.faults.expired);
        let until: Millis = if ended { rng.between(-60, 3) } else { rng.between(20, 60) };
        let mut grant = json!({
            "id": id, "entitlement": entitlement, "identity": identity,
            "sponsor": sponsor(rng.below(SPONSORS)), "justification": "Works on claims with us",
            "from": self.day(-300), "until": self.day(until), "review_due": self.day(rng.between(-20, 80)),
            "review_grace": "14d",
        });
        if rng.chance(self.plan.faults.expired) {
            grant["revoked"] = json!(self.day(rng.between(-30, 4).min(until)));
        }
        if resold {
            grant["passed_on_from"] = json!("g-reseller");
        }
        grant
    }

    fn groups(&self) -> Vec<Value> {
        let members: Vec<Value> = (0..3)
            .map(|i| json!({"identity": self.company.person(i).id, "active": always(&self.day(-200))}))
            .collect();
        vec![json!({"id": "handlers", "members": members})]
    }

    fn portals(&self) -> Vec<Value> {
        let org = self.company.organization(0).id;
        let idle = format!("{}m", portal::IDLE_MINUTES);
        vec![
            json!({"id": "claims-portal", "organization": org, "tenant": "portal-claims", "acts_as": ["svc-claims-portal"], "idle": idle}),
            json!({"id": "brokers-portal", "organization": org, "tenant": "portal-brokers", "acts_as": ["svc-brokers-portal"], "idle": idle}),
        ]
    }
}
