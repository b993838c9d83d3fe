//! The whole world: same seed same bytes, valid truth, readable logs, bounded memory.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};

use countersign_world::{Faults, Plan, Sink, TRUTH_SCHEMA, generate, score};
use serde_json::{Value, json};

type World = BTreeMap<String, Vec<u8>>;

fn world(plan: &Plan) -> World {
    let mut files = World::new();
    generate(plan, &mut files).unwrap();
    files
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn truths(files: &World) -> Vec<Value> {
    text(&files["truth.ndjson"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every record with the path of its file; text lines as a JSON string.
fn records(files: &World) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("logs/")) {
        if path.ends_with(".json.gz") {
            let mut plain = String::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut plain).unwrap();
            let envelope: Value = serde_json::from_str(&plain).unwrap();
            all.extend(
                envelope["Records"].as_array().unwrap().iter().map(|r| (path.clone(), r.clone())),
            );
        } else if path.ends_with(".ndjson") {
            all.extend(
                text(bytes).lines().map(|line| (path.clone(), serde_json::from_str(line).unwrap())),
            );
        } else {
            all.extend(text(bytes).lines().map(|line| (path.clone(), json!(line))));
        }
    }
    all
}

fn native_id(path: &str, record: &Value) -> Option<String> {
    let key = match path.split('/').nth(1)? {
        "aws" => "eventID",
        "okta" => "uuid",
        "github" => "_document_id",
        "kubernetes" => "auditID",
        "nginx" => "request_id",
        _ if path.contains("entra/graph") => {
            return record["properties"]["requestId"].as_str().map(str::to_owned);
        }
        _ if path.contains("entra/audit") => {
            return record["properties"]["id"].as_str().map(str::to_owned);
        }
        _ => return None,
    };
    record[key].as_str().map(str::to_owned)
}

#[test]
fn a_seed_is_a_world() {
    let plan = Plan::new(7, 1_500);
    assert_eq!(world(&plan), world(&plan));
    assert_ne!(world(&plan), world(&Plan::new(8, 1_500)));
}

#[test]
fn every_line_of_truth_fits_its_schema_and_its_number_is_as_planned() {
    let schema: Value = serde_json::from_str(TRUTH_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for seed in 0..4 {
        let truths = truths(&world(&Plan::new(seed, 1_000)));
        assert_eq!(truths.len(), 1_000);
        for truth in &truths {
            assert!(validator.is_valid(truth), "{truth}");
        }
    }
}

#[test]
fn every_action_of_the_truth_is_in_the_logs() {
    for seed in 0..4 {
        let files = world(&Plan::new(seed, 1_000));
        let ids: BTreeSet<String> =
            records(&files).iter().filter_map(|(path, record)| native_id(path, record)).collect();
        for truth in truths(&files) {
            assert!(ids.contains(truth["event"].as_str().unwrap()), "{truth}");
        }
    }
}

#[test]
fn the_register_is_yaml_whose_references_resolve() {
    use saphyr::{LoadableYamlNode as _, Yaml};
    let files = world(&Plan::new(3, 2_000));
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut identities = BTreeSet::new();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("register/")) {
        let documents = Yaml::load_from_str(text(bytes)).unwrap_or_else(|e| panic!("{path}: {e}"));
        for (list, items) in documents[0].as_mapping().unwrap() {
            let list = list.as_str().unwrap().to_owned();
            for item in items.as_sequence().into_iter().flatten() {
                let Some(id) = item.as_mapping_get("id").and_then(|id| id.as_str()) else {
                    continue;
                };
                assert!(
                    ids.entry(list.clone()).or_default().insert(id.to_owned()),
                    "{list} {id} twice"
                );
                if list == "identities" {
                    identities.insert(id.to_owned());
                }
            }
        }
    }
    for truth in truths(&files) {
        for side in ["root", "holder", "actor"] {
            if let Some(identity) = truth[side]["identity"].as_str() {
                assert!(identities.contains(identity), "{identity}");
            }
        }
    }
}

#[test]
fn all_faults_and_stories_show_in_a_small_world() {
    let mut grades = BTreeSet::new();
    let mut gaps = BTreeSet::new();
    let mut stories = BTreeSet::new();
    let mut stolen = 0;
    for seed in 0..6 {
        for truth in truths(&world(&Plan::new(seed, 3_000))) {
            grades.insert(truth["best"]["actor_grade"].as_str().unwrap().to_owned());
            gaps.extend(truth["best"]["gap"].as_str().map(str::to_owned));
            stories.insert(truth["story"].as_str().unwrap().to_owned());
            stolen += u32::from(truth["stolen"] == true);
        }
    }
    assert_eq!(grades.len(), 5, "{grades:?}");
    assert_eq!(stories.len(), 15, "{stories:?}");
    assert!(stolen > 0);
    for gap in [
        "ambiguous",
        "shared_credential",
        "issuance_not_collected",
        "before_coverage_start",
        "shared_account",
        "redacted_at_source",
        "shared_root",
    ] {
        assert!(gaps.contains(gap), "{gap} of {gaps:?}");
    }
}

#[test]
fn without_faults_nothing_is_lost_or_stolen() {
    let plan = Plan { faults: Faults::none(), ..Plan::new(5, 3_000) };
    for truth in truths(&world(&plan)) {
        assert_eq!(truth["stolen"], false);
        assert_ne!(truth["best"]["gap"], "issuance_not_collected", "{truth}");
        assert_ne!(truth["best"]["gap"], "redacted_at_source", "{truth}");
    }
}

/// Counts and forgets.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn append(&mut self, _: &str, bytes: &[u8]) -> io::Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

#[test]
fn what_is_under_way_does_not_grow_with_the_world() {
    let made = |actions| {
        generate(&Plan { organizations: 8, ..Plan::new(1, actions) }, &mut Count::default())
            .unwrap()
    };
    let (small, large) = (made(2_000), made(30_000));
    assert!(large.records > 10 * small.records);
    assert!(large.most_under_way <= 20_001, "{}", large.most_under_way);
}

/// What a tracer that knows the truth would write.
fn perfect_row(truth: &Value) -> String {
    let party = |side: &str| {
        let grade = truth["best"][format!("{side}_grade")].clone();
        let known = grade != "unattributed";
        json!({
            "identity": if known { truth[side]["identity"].clone() } else { Value::Null },
            "account": truth[side]["account"],
            "grade": grade,
            "gap": if known || side == "holder" { Value::Null } else { truth["best"]["gap"].clone() },
        })
    };
    json!({
        "source": truth["source"], "tenant": truth["tenant"], "event": truth["event"],
        "holder": party("holder"), "actor": party("actor"),
    })
    .to_string()
}

#[test]
fn a_perfect_tracer_scores_full_and_a_wrong_one_is_caught() {
    let files = world(&Plan::new(2, 2_000));
    let truths = truths(&files);
    let lines: Vec<String> = truths.iter().map(Value::to_string).collect();
    let rows: Vec<String> = truths.iter().map(perfect_row).collect();
    let full = score(&lines, &rows).unwrap();
    assert_eq!((full.wrong(), full.absent, full.unasked), (0, 0, 0));
    assert!((full.actor.recall() - 1.0).abs() < f64::EPSILON);
    assert!((full.holder.recall() - 1.0).abs() < f64::EPSILON);
    assert_eq!(full.gaps, full.gaps_alike);

    let known = truths.iter().position(|truth| truth["best"]["actor_grade"] == "exact").unwrap();
    let mut wrong = rows.clone();
    let mut row: Value = serde_json::from_str(&wrong[known]).unwrap();
    row["actor"]["identity"] = json!("somebody-else");
    wrong[known] = row.to_string();
    let caught = score(&lines, &wrong).unwrap();
    assert_eq!(caught.wrong(), 1);
    assert_eq!(caught.errors.len(), 1);
    assert!(caught.actor.recall() < 1.0);

    let nothing = score(&lines, Vec::<String>::new()).unwrap();
    assert_eq!(nothing.absent, 2_000);
    assert_eq!(nothing.actor.known, 0);
}

#[test]
fn a_thief_named_as_the_victim_is_told_apart_from_an_error() {
    let plan = Plan { faults: Faults { stolen: 1.0, ..Faults::none() }, ..Plan::new(4, 3_000) };
    let truths = truths(&world(&plan));
    let theft = truths.iter().find(|truth| truth["stolen"] == true).unwrap();
    let named = |identity: &Value| {
        json!({
            "source": theft["source"], "tenant": theft["tenant"], "event": theft["event"],
            "holder": {"identity": theft["holder"]["identity"], "grade": "exact"},
            "actor": {"identity": identity, "grade": "exact"},
        })
        .to_string()
    };
    let victim = score([theft.to_string()], [named(&theft["holder"]["identity"])]).unwrap();
    assert_eq!((victim.stolen, victim.wrong()), (1, 0));
    let third = score([theft.to_string()], [named(&json!("a-third"))]).unwrap();
    assert_eq!((third.stolen, third.wrong()), (0, 1));
}

#[test]
fn a_tracer_that_lacks_any_one_linking_rule_scores_less() {
    let mut truths_of_all = Vec::new();
    for seed in 0..3 {
        truths_of_all.extend(truths(&world(&Plan::new(seed, 2_000))));
    }
    let lines: Vec<String> = truths_of_all.iter().map(Value::to_string).collect();
    let needs = |truth: &Value, link: &str| {
        truth["links"].as_array().unwrap().iter().any(|other| other == link)
    };
    for link in [
        "aws.console_session",
        "aws.invoked_by",
        "aws.issued_access_key",
        "entra.unique_token_identifier",
        "keycloak.impersonation",
        "keycloak.token_exchange",
        "kubernetes.access_key",
        "kubernetes.token_id",
        "nginx.request_id",
        "oidc.issuer_subject_audience",
        "okta.impersonation",
        "okta.root_session",
        "register.credential",
        "saml.assertion_id",
        "saml.issuer_subject_audience",
    ] {
        let rows: Vec<String> =
            truths_of_all.iter().filter(|truth| !needs(truth, link)).map(perfect_row).collect();
        let less = score(&lines, &rows).unwrap();
        assert!(less.actor.recall() < 1.0, "{link}");
        assert!(less.missed_links[link] > 0, "{link}");
    }
}

#[test]
fn records_come_late_and_twice_but_within_their_horizon() {
    // A portal and the interface behind it share the request's id, so the folder is part of it.
    let repeated = |files: &World| {
        let ids: Vec<String> = records(files)
            .iter()
            .filter_map(|(path, record)| {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let folder = if path.contains("nginx") { folder } else { "" };
                native_id(path, record).map(|id| format!("{folder} {id}"))
            })
            .collect();
        let distinct: BTreeSet<&String> = ids.iter().collect();
        ids.len() - distinct.len()
    };
    let files =
        world(&Plan { faults: Faults { late: 1.0, ..Faults::all() }, ..Plan::new(6, 2_000) });
    assert!(repeated(&files) > 20);
    let mut late = 0;
    for (path, record) in records(&files).iter().filter(|(path, _)| path.ends_with(".gz")) {
        let stamp = path.rsplit('_').nth(1).unwrap();
        let bucket: jiff::Timestamp = format!(
            "{}-{}-{}T{}:{}:00Z",
            &stamp[..4],
            &stamp[4..6],
            &stamp[6..8],
            &stamp[9..11],
            &stamp[11..13],
        )
        .parse()
        .unwrap();
        let made: jiff::Timestamp = record["eventTime"].as_str().unwrap().parse().unwrap();
        let lag = bucket.as_second() - made.as_second();
        assert!((-300..=594).contains(&lag), "{path}: {lag}");
        late += i64::from(lag > 300);
    }
    assert!(late > 0);
    let calm = world(&Plan { faults: Faults::none(), ..Plan::new(6, 2_000) });
    assert_eq!(repeated(&calm), 0);
}
