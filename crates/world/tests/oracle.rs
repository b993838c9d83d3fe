//! A second opinion on the truth: what is knowable of each action is worked out again from the
//! emitted files alone, by the documented rules, and must be what the truth says.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use countersign_world::{Faults, Plan, generate};
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;

type World = BTreeMap<String, Vec<u8>>;
/// Grade of the actor, and who, if registered.
type Answer = (&'static str, Option<String>);

/// An identity and the interval in which the account is theirs, in seconds.
type Owner = (String, i64, i64);

const WINDOW: i64 = 5 * 60;
const NOBODY: Answer = ("unattributed", None);

fn weaker(a: &'static str, b: &'static str) -> &'static str {
    const ORDER: [&str; 5] = ["exact", "composite", "declared", "inferred", "unattributed"];
    let rank = |grade| ORDER.iter().position(|other| *other == grade).unwrap();
    if rank(a) >= rank(b) { a } else { b }
}

fn moment(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

/// One `key="value"` line as JSON, with every key beside the others.
fn listener_line(line: &str) -> Value {
    let mut record = serde_json::Map::new();
    for part in line.split(", ") {
        let part = part.rsplit_once(") ").map_or(part, |(_, rest)| rest);
        if let Some((key, value)) = part.split_once('=') {
            record.insert(key.to_owned(), Value::from(value.trim_matches('"')));
        }
    }
    let stamp = format!("{}T{}Z", &line[..10], &line[11..19]);
    record.insert("at".to_owned(), Value::from(moment(&stamp)));
    Value::Object(record)
}

#[derive(Default)]
struct Logs {
    by_id: BTreeMap<(String, String), Value>,
    /// Issued key to the record that issued it and names who asked.
    keys: BTreeMap<String, Value>,
    consoles: BTreeMap<(String, String), BTreeSet<String>>,
    sso: Vec<Value>,
    realm: Vec<Value>,
    sign_ins: BTreeSet<String>,
    requests: BTreeMap<String, Value>,
    okta_sessions: BTreeMap<String, Value>,
    tokens: BTreeMap<String, Value>,
    accounts: BTreeMap<(String, String), Vec<Owner>>,
    credentials: BTreeMap<String, (String, bool)>,
    tenants: BTreeMap<String, String>,
    seen: BTreeSet<String>,
}

impl Logs {
    fn read(files: &World) -> Self {
        let mut logs = Self::default();
        for (path, bytes) in files {
            if path.starts_with("register/") {
                logs.register(std::str::from_utf8(bytes).unwrap());
            } else if path.ends_with(".gz") {
                let mut plain = String::new();
                flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut plain).unwrap();
                let envelope: Value = serde_json::from_str(&plain).unwrap();
                envelope["Records"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .for_each(|record| logs.trail(record));
            } else if path.starts_with("logs/") {
                for line in std::str::from_utf8(bytes).unwrap().lines() {
                    logs.line(path, line);
                }
            }
        }
        logs
    }

    fn register(&mut self, text: &str) {
        let documents = Yaml::load_from_str(text).unwrap();
        let text = |item: &Yaml<'_>, key: &str| {
            item.as_mapping_get(key).and_then(|v| v.as_str()).map(str::to_owned)
        };
        for (list, items) in documents[0].as_mapping().unwrap() {
            for item in items.as_sequence().into_iter().flatten() {
                match list.as_str().unwrap() {
                    "tenants" => {
                        for account in
                            item.as_mapping_get("accounts").unwrap().as_sequence().unwrap()
                        {
                            self.tenants.insert(
                                account.as_str().unwrap().to_owned(),
                                text(item, "id").unwrap(),
                            );
                        }
                    }
                    "identities" => {
                        for account in
                            item.as_mapping_get("accounts").unwrap().as_sequence().unwrap()
                        {
                            let key = (
                                text(account, "namespace").unwrap(),
                                text(account, "value").unwrap(),
                            );
                            let active = account.as_mapping_get("active").unwrap();
                            let edge = |name| match text(active, name).unwrap().as_str() {
                                "never" => i64::MAX,
                                day if day.len() == 10 => moment(&format!("{day}T00:00:00Z")),
                                time => moment(time),
                            };
                            let entry = (text(item, "id").unwrap(), edge("from"), edge("until"));
                            self.accounts.entry(key).or_default().push(entry);
                        }
                    }
                    "credentials" => {
                        let one = text(item, "consumer").is_some()
                            && item.as_mapping_get("shared").and_then(saphyr::Yaml::as_bool)
                                == Some(false);
                        self.credentials.insert(
                            text(item, "handle").unwrap(),
                            (text(item, "identity").unwrap(), one),
                        );
                    }
                    _ => {}
                }
            }
        }
    }

    fn who(&self, namespace: &str, value: &str, at: i64) -> Option<String> {
        let owners = self.accounts.get(&(namespace.to_owned(), value.to_owned()))?;
        let mut now = owners.iter().filter(|(_, from, until)| (*from..*until).contains(&at));
        let owner = now.next().map(|(id, ..)| id.clone());
        assert!(now.next().is_none(), "{namespace} {value} belongs to two");
        owner
    }

    fn keep(&mut self, source: &str, id: &str, record: &Value) {
        self.by_id.insert((source.to_owned(), id.to_owned()), record.clone());
    }

    fn trail(&mut self, record: &Value) {
        let id = record["eventID"].as_str().unwrap();
        if !self.seen.insert(id.to_owned()) {
            return;
        }
        self.keep("aws.cloudtrail", id, record);
        let who = &record["userIdentity"];
        if let Some(key) = record["responseElements"]["credentials"]["accessKeyId"].as_str()
            && who["type"] != "AWSAccount"
        {
            assert!(
                self.keys.insert(key.to_owned(), record.clone()).is_none(),
                "{key} issued twice"
            );
        }
        if record["responseElements"]["ConsoleLogin"] == "Success" {
            let key = (who["arn"].to_string(), record["eventTime"].to_string());
            self.consoles.entry(key).or_default().insert(id.to_owned());
        }
    }

    fn line(&mut self, path: &str, line: &str) {
        if path.contains("keycloak/machines") {
            if self.seen.insert(line.to_owned()) {
                self.realm.push(listener_line(line));
            }
            return;
        }
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        if path.contains("keycloak/partners") {
            if self.seen.insert(text(&record["id"])) {
                let mut record = record;
                record["at"] = Value::from(record["time"].as_i64().unwrap() / 1000);
                self.realm.push(record);
            }
        } else if path.contains("okta/main") {
            if self.seen.insert(text(&record["uuid"])) {
                self.okta(&record);
            }
        } else if path.contains("entra/signin") {
            self.sign_ins.insert(text(&record["properties"]["id"]));
        } else if path.contains("entra/graph") {
            self.keep(
                "microsoft.graph_activity",
                &text(&record["properties"]["requestId"]),
                &record,
            );
        } else if path.contains("nginx/portal-claims") {
            self.requests.insert(text(&record["request_id"]), record);
        } else if path.contains("nginx/claims-api") {
            self.keep("nginx.access", &text(&record["request_id"]), &record);
        } else if path.contains("kubernetes") {
            self.keep("kubernetes.audit", &text(&record["auditID"]), &record);
            for (key, value) in record["annotations"].as_object().unwrap() {
                if key.ends_with("issued-credential-id") {
                    self.tokens.insert(text(value), record.clone());
                }
            }
        }
    }

    fn okta(&mut self, record: &Value) {
        self.keep("okta.system_log", record["uuid"].as_str().unwrap(), record);
        match record["eventType"].as_str().unwrap() {
            "user.authentication.sso" => self.sso.push(record.clone()),
            "user.session.start" | "user.session.impersonation.initiate" => {
                if let Some(root) = record["authenticationContext"]["rootSessionId"].as_str() {
                    self.okta_sessions.insert(root.to_owned(), record.clone());
                }
            }
            _ => {}
        }
    }

    fn answer(&self, source: &str, id: &str) -> Option<Answer> {
        let record = self.by_id.get(&(source.to_owned(), id.to_owned()))?;
        Some(match source {
            "aws.cloudtrail" => self.signed(record),
            "kubernetes.audit" => self.cluster(record),
            "okta.system_log" => self.in_okta(record),
            "microsoft.graph_activity" => self.in_graph(record),
            _ => self.behind_portal(record)?,
        })
    }

    /// Who signed a CloudTrail call.
    fn signed(&self, record: &Value) -> Answer {
        let who = &record["userIdentity"];
        let tenant = &self.tenants[record["recipientAccountId"].as_str().unwrap()];
        let at = moment(record["eventTime"].as_str().unwrap());
        let named = || self.who(tenant, who["arn"].as_str().unwrap(), at);
        let key = who["accessKeyId"].as_str().unwrap_or_default();
        if key.starts_with("AKIA") {
            return match self.credentials.get(key) {
                Some((owner, true)) => ("declared", Some(owner.clone())),
                _ => NOBODY,
            };
        }
        if who["type"] == "Root" {
            return NOBODY;
        }
        if who["type"] == "IAMUser" {
            if who["invokedBy"].is_string() {
                return ("declared", named());
            }
            let created = &who["sessionContext"]["attributes"]["creationDate"];
            let logins = self.consoles.get(&(who["arn"].to_string(), created.to_string()));
            return match logins.map_or(0, BTreeSet::len) {
                1 => ("composite", named()),
                _ => NOBODY,
            };
        }
        self.key(key)
    }

    /// Who is behind a temporary key.
    fn key(&self, key: &str) -> Answer {
        let Some(issued) = self.keys.get(key) else { return NOBODY };
        let at = moment(issued["eventTime"].as_str().unwrap());
        match issued["userIdentity"]["type"].as_str().unwrap() {
            "SAMLUser" => self.by_saml(issued, at),
            "WebIdentityUser" => self.by_token(issued, at),
            "AWSService" => {
                let role = issued["requestParameters"]["roleArn"].as_str().unwrap();
                ("exact", self.who("aws-prod", role, at))
            }
            _ => self.signed(issued),
        }
    }

    fn by_saml(&self, issued: &Value, at: i64) -> Answer {
        let response = &issued["responseElements"];
        let subject = response["subject"].as_str().unwrap();
        let assertion = &issued["requestParameters"]["sAMLAssertionID"];
        let mut found = Vec::new();
        if response["issuer"].as_str().unwrap().starts_with("http://www.okta.com/") {
            for login in &self.sso {
                let then = moment(login["published"].as_str().unwrap());
                let who = self.who("okta-main", login["actor"]["id"].as_str().unwrap(), then);
                if login["debugContext"]["debugData"]["samlAssertionId"] == *assertion {
                    return ("exact", who);
                }
                if login["target"][1]["alternateId"] == subject && (at - then).abs() <= WINDOW {
                    found.push(who);
                }
            }
        } else {
            for login in self
                .realm
                .iter()
                .filter(|event| event["type"] == "LOGIN" && event["realmName"] == "partners")
            {
                let then = login["at"].as_i64().unwrap();
                let fits = login["clientId"] == "urn:amazon:webservices"
                    && login["details"]["username"] == subject;
                if fits && (at - then).abs() <= WINDOW {
                    found.push(self.who("kc-partners", login["userId"].as_str().unwrap(), then));
                }
            }
        }
        match found.as_slice() {
            [] => self.who("aws-hub", subject, at).map_or(NOBODY, |who| ("declared", Some(who))),
            [one] => ("composite", one.clone()),
            _ => NOBODY,
        }
    }

    fn by_token(&self, issued: &Value, at: i64) -> Answer {
        let response = &issued["responseElements"];
        let subject = response["subjectFromWebIdentityToken"].as_str().unwrap();
        let realm = response["provider"].as_str().unwrap().rsplit('/').next().unwrap();
        let fits: Vec<&Value> = self
            .realm
            .iter()
            .filter(|event| {
                matches!(
                    event["type"].as_str(),
                    Some("CODE_TO_TOKEN" | "CLIENT_LOGIN" | "TOKEN_EXCHANGE")
                ) && event["realmName"] == realm
                    && event["userId"] == subject
                    && event["clientId"] == response["audience"]
                    && (at - event["at"].as_i64().unwrap()).abs() <= WINDOW
            })
            .collect();
        match fits.as_slice() {
            [] => self.who("aws-hub", subject, at).map_or(NOBODY, |who| ("declared", Some(who))),
            [token] => ("composite", self.token_actor(token, realm, at)),
            _ => NOBODY,
        }
    }

    fn token_actor(&self, token: &Value, realm: &str, at: i64) -> Option<String> {
        let tenant = format!("kc-{realm}");
        if token["type"] == "TOKEN_EXCHANGE" {
            return self.who(&tenant, token["clientId"].as_str().unwrap(), at);
        }
        let stepped_in = self.realm.iter().find(|event| {
            event["type"] == "IMPERSONATE"
                && event["realmName"] == realm
                && event["sessionId"] == token["sessionId"]
        });
        match stepped_in {
            Some(event) => {
                self.who(&tenant, event["details"]["impersonator"].as_str().unwrap(), at)
            }
            None => self.who(&tenant, token["userId"].as_str().unwrap(), at),
        }
    }

    fn cluster(&self, record: &Value) -> Answer {
        let extra = &record["user"]["extra"];
        if let Some(key) = extra["accessKeyId"][0].as_str() {
            return self.key(key);
        }
        let name = record["user"]["username"].as_str().unwrap();
        let token = extra["authentication.kubernetes.io/credential-id"][0].as_str().unwrap();
        let at = moment(record["requestReceivedTimestamp"].as_str().unwrap());
        match self.tokens.get(token) {
            None => NOBODY,
            Some(issued)
                if issued["user"]["username"].as_str().unwrap().starts_with("system:node:") =>
            {
                ("exact", self.who("kubernetes", name, at))
            }
            Some(issued) => {
                let (grade, who) = self.cluster(issued);
                (weaker(grade, "exact"), who)
            }
        }
    }

    fn in_okta(&self, record: &Value) -> Answer {
        let at = moment(record["published"].as_str().unwrap());
        let root = record["authenticationContext"]["rootSessionId"].as_str().unwrap();
        match self.okta_sessions.get(root) {
            Some(start) => {
                ("exact", self.who("okta-main", start["actor"]["id"].as_str().unwrap(), at))
            }
            None => {
                ("declared", self.who("okta-main", record["actor"]["id"].as_str().unwrap(), at))
            }
        }
    }

    fn in_graph(&self, record: &Value) -> Answer {
        use base64::Engine as _;
        let properties = &record["properties"];
        let claim = properties["signInActivityId"].as_str().unwrap();
        let mut raw = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claim).unwrap();
        raw[..4].reverse();
        raw[4..6].reverse();
        raw[6..8].reverse();
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        );
        if !self.sign_ins.contains(&id) {
            return NOBODY;
        }
        let account =
            properties["userId"].as_str().or(properties["servicePrincipalId"].as_str()).unwrap();
        let at = moment(record["time"].as_str().unwrap());
        ("exact", self.who(properties["tenantId"].as_str().unwrap(), account, at))
    }

    fn behind_portal(&self, record: &Value) -> Option<Answer> {
        let Some(front) = self.requests.get(record["request_id"].as_str()?) else {
            return Some(NOBODY);
        };
        let at = moment(front["time_iso8601"].as_str()?);
        Some(("composite", self.who("portal-claims", front["remote_user"].as_str()?, at)))
    }
}

/// Compares every action of a world; gives back how many were compared.
fn compare(plan: &Plan) -> usize {
    let mut files = World::new();
    generate(plan, &mut files).unwrap();
    let logs = Logs::read(&files);
    let mut compared = 0;
    for line in std::str::from_utf8(&files["truth.ndjson"]).unwrap().lines() {
        let truth: Value = serde_json::from_str(line).unwrap();
        // Who was active when is not a question of keys; its own test is beside the story.
        if truth["story"] == "portal_without_request_id" {
            continue;
        }
        let source = truth["source"].as_str().unwrap();
        let Some((grade, who)) = logs.answer(source, truth["event"].as_str().unwrap()) else {
            continue;
        };
        compared += 1;
        let expected = truth["best"]["actor_grade"].as_str().unwrap();
        if truth["stolen"] == true {
            assert_eq!(expected, "unattributed");
            if grade != "unattributed" {
                assert_eq!(truth["apparent"]["identity"].as_str(), who.as_deref(), "{truth}");
            }
            continue;
        }
        assert_eq!(grade, expected, "seed {}: {truth}", plan.seed);
        if grade != "unattributed" {
            assert_eq!(truth["actor"]["identity"].as_str(), who.as_deref(), "{truth}");
        }
    }
    compared
}

#[test]
fn what_the_truth_calls_knowable_is_what_the_files_show() {
    for seed in 0..8 {
        let compared = compare(&Plan::new(seed, 1_500));
        assert!(compared > 1_000, "seed {seed}: {compared}");
    }
}

#[test]
fn so_it_is_in_a_crowded_world() {
    let crowded = Plan { organizations: 6, days: 1, ..Plan::new(21, 8_000) };
    assert!(compare(&crowded) > 6_000);
}

#[test]
fn and_with_every_fault_at_its_worst() {
    let faults = Faults {
        late: 1.0,
        duplicates: 0.3,
        skew: 1.0,
        large_skew: 1.0,
        missing_feeds: 0.3,
        lost: 0.3,
        failed_logins: 1.0,
        twins: 0.5,
        sentinels: 0.5,
        encodings: 0.5,
        redaction: 0.3,
        collisions: 1.0,
        renames: 1.0,
        shared_keys: 0.6,
        stolen: 0.5,
        expired: 0.5,
    };
    for seed in 30..38 {
        assert!(compare(&Plan { faults, ..Plan::new(seed, 1_000) }) > 200);
    }
}
