//! Who may, what on, and which.

use serde_json::{Value as Json, json};

use crate::decisions::{application, house};
use crate::house::{House, Reply};

fn search(house: &House, token: &str, of: &str, body: &Json) -> Reply {
    let path = format!("/access/v1/search/{of}");
    house.send("POST", &path, token, Some(body), &[("content-type", "application/json")])
}

fn who(action: &str) -> Json {
    json!({
        "subject": {"type": "user", "properties": {"acr": "pwd"}},
        "action": {"name": action},
        "resource": {"type": "order", "id": "17"},
    })
}

fn ids(reply: &Reply) -> Vec<&str> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let results = reply.body["results"].as_array().unwrap().iter();
    results.map(|it| it["id"].as_str().or(it["name"].as_str()).unwrap()).collect()
}

#[test]
fn who_would_be_let_is_found_and_nobody_else() {
    let house = house();
    let erp = application(&house, "erp");
    let found = search(&house, &erp, "subject", &who("read"));
    assert_eq!(found.body["results"], json!([{"type": "user", "id": "paul@pi.example"}]));
    assert_eq!(found.body["page"], json!({"next_token": "", "count": 1}));
    assert!(found.body["context"]["evidence_id"].as_str().unwrap().starts_with("dec_"));
    // A stronger sign-in is required: who could with it is found when it is said.
    assert!(ids(&search(&house, &erp, "subject", &who("approve"))).is_empty());
    let mut strong = who("approve");
    strong["subject"]["properties"]["acr"] = json!("phr");
    assert_eq!(ids(&search(&house, &erp, "subject", &strong)), ["paul@pi.example"]);
    let mut other = who("read");
    other["subject"]["type"] = json!("spaceship");
    assert!(ids(&search(&house, &erp, "subject", &other)).is_empty());
    let asked = json!({
        "subject": {"type": "user", "id": "paul@pi.example", "properties": {"acr": "pwd"}},
        "resource": {"type": "order", "id": "17"},
    });
    assert_eq!(ids(&search(&house, &erp, "action", &asked)), ["read", "write"]);
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

const PEOPLE: u64 = 12;
const ACTIONS: [&str; 4] = ["read", "write", "order:close", "nothing"];
const RESOURCES: [&str; 4] = ["17", "18", "x-1", "x-2"];

/// A register in which people are let, and not let, in all the ways there are.
fn company(dice: &mut Dice) -> String {
    let mut text = String::from(
        "company: Example\ntenants:\n  - id: erp\n    enforcement: {mode: enforce}\n    accounts: [\"4444\"]\n    resources:\n",
    );
    for id in RESOURCES {
        text.push_str(&format!("      - {{type: order, id: \"{id}\"}}\n"));
    }
    text.push_str(
        "  - {id: other, enforcement: {mode: enforce}}\n\
         sponsors:\n  - {id: ann, name: Ann, employed: {from: 2020-01-01, until: never}}\n",
    );
    text.push_str("organizations:\n");
    for id in ["pi", "rho"] {
        let state = dice.pick(&["active", "active", "active", "suspended"]);
        text.push_str(&format!("  - {{id: {id}, kind: partner, state: {state}, sponsor: ann, contract: {{from: 2026-01-01, until: 2027-01-01}}}}\n"));
    }
    text.push_str("trust_paths:\n");
    for id in ["pi", "rho"] {
        text.push_str(&format!("  - {{id: {id}-saml, organization: {id}, kind: saml, issuer: \"https://{id}.example\", active: {{from: 2026-01-01, until: never}}, accepted_by: ann, revalidate_by: 2027-01-01, constant: {{ial: 1, aal: 2, fal: 1, phishing_resistant: false}}}}\n"));
    }
    text.push_str("identities:\n");
    for number in 0..PEOPLE {
        let organization = dice.pick(&["pi", "rho"]);
        let kind = dice.pick(&["human", "human", "human", "service"]);
        let owner = if kind == "human" { "" } else { ", owner: ann" };
        let until = dice.pick(&["2027-01-01", "2027-01-01", "2026-10-01"]);
        let namespace = dice.pick(&["erp", "\"4444\"", "erp", "other"]);
        text.push_str(&format!("  - id: p{number}\n    kind: {kind}\n    organization: {organization}{}\n    active: {{from: 2026-01-01, until: {until}}}\n    accounts:\n", owner.replace(", ", "\n    ")));
        let path =
            format!("trust_path: {organization}-saml, active: {{from: 2026-01-01, until: never}}");
        text.push_str(&format!(
            "      - {{namespace: {namespace}, value: \"p{number}@{organization}\", {path}}}\n"
        ));
        if dice.roll(3) == 0 {
            text.push_str(&format!(
                "      - {{namespace: erp, value: \"alias-{number}\", {path}}}\n"
            ));
        }
    }
    text.push_str("entitlements:\n");
    for (number, actions) in
        ["[read]", "[read, write]", "[\"order:*\"]", "[\"*\"]"].iter().enumerate()
    {
        let resources = dice.pick(&["[\"order:*\"]", "[\"order:x-*\"]", "[\"order:17\"]"]);
        let tenant = dice.pick(&["tenant: erp, ", "tenant: erp, ", ""]);
        let aal = dice.pick(&["1", "1", "2", "3"]);
        text.push_str(&format!("  - {{id: e{number}, catalog: partners, {tenant}actions: {actions}, resources: {resources}, owner: ann, risk: low, required: {{aal: {aal}}}, longest: 365d, review_every: 365d}}\n"));
    }
    text.push_str("groups:\n");
    for group in ["pi", "rho"] {
        let mut people: Vec<u64> = (0..3).map(|_| dice.roll(PEOPLE)).collect();
        people.sort_unstable();
        people.dedup();
        let members: Vec<String> = people
            .iter()
            .map(|number| {
                let until = dice.pick(&["never", "2026-08-01"]);
                format!("{{identity: p{number}, active: {{from: 2026-01-01, until: {until}}}}}")
            })
            .collect();
        text.push_str(&format!("  - {{id: g-{group}, members: [{}]}}\n", members.join(", ")));
    }
    grants(dice, &mut text);
    text
}

fn grants(dice: &mut Dice, text: &mut String) {
    text.push_str("grants:\n");
    for number in 0..24 {
        let to = match dice.roll(6) {
            0 => format!("organization: {}", dice.pick(&["pi", "rho"])),
            1 => format!("group: g-{}", dice.pick(&["pi", "rho"])),
            _ => format!("identity: p{}", dice.roll(PEOPLE)),
        };
        let until = dice.pick(&["2026-12-30", "2026-12-30", "2026-11-01"]);
        text.push_str(&format!("  - {{id: gr{number}, entitlement: e{}, {to}, sponsor: ann, justification: orders, from: 2026-06-01, until: {until}, review_due: 2026-12-31}}\n", dice.roll(4)));
    }
}

fn all_pages(house: &House, token: &str, of: &str, body: &Json, limit: u64) -> Vec<String> {
    let mut body = body.clone();
    body["page"] = json!({"limit": limit});
    let mut found: Vec<String> = Vec::new();
    loop {
        let reply = search(house, token, of, &body);
        let page: Vec<String> = ids(&reply).into_iter().map(str::to_owned).collect();
        assert!(page.len() as u64 <= limit, "{}", reply.body);
        assert!(page.iter().all(|id| !found.contains(id)), "twice: {}", reply.body);
        found.extend(page);
        match reply.body["page"]["next_token"].as_str().unwrap() {
            "" => return found,
            next => body["page"]["token"] = next.into(),
        }
    }
}

/// The same by asking everything.
fn let_in(house: &House, token: &str, body: &Json, part: &str, all: &[String]) -> Vec<String> {
    let name = if part == "action" { "name" } else { "id" };
    let each = all.iter().map(|one| {
        let mut entity = body[part].clone();
        entity[name] = one.as_str().into();
        json!({part: entity})
    });
    let mut asked = body.clone();
    asked["evaluations"] = each.collect();
    let json = [("content-type", "application/json")];
    let reply = house.send("POST", "/access/v1/evaluations", token, Some(&asked), &json);
    let answers = reply.body["evaluations"].as_array().unwrap();
    assert_eq!(answers.len(), all.len());
    let allowed = all.iter().zip(answers).filter(|(_, answer)| answer["decision"] == true);
    let mut found: Vec<String> = allowed.map(|(one, _)| one.clone()).collect();
    found.sort();
    found
}

#[test]
fn a_search_finds_exactly_what_evaluations_would_allow() {
    let mut total = 0;
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let house = House::with(&company(&mut dice));
        let token = application(&house, "erp");
        let people: Vec<String> = (0..PEOPLE)
            .flat_map(|number| {
                [format!("p{number}@pi"), format!("p{number}@rho"), format!("alias-{number}")]
            })
            .collect();
        let resources: Vec<String> = RESOURCES.map(str::to_owned).into();
        let actions: Vec<String> = ["read", "write"].map(str::to_owned).into();
        for action in ACTIONS {
            for resource in RESOURCES {
                let asked = json!({
                    "subject": {"type": "identity"}, "action": {"name": action},
                    "resource": {"type": "order", "id": resource},
                });
                let expected = let_in(&house, &token, &asked, "subject", &people);
                let mut found = all_pages(&house, &token, "subject", &asked, 1 + dice.roll(3));
                found.sort();
                assert_eq!(found, expected, "seed {seed}: who may {action} {resource}");
                total += found.len();
            }
        }
        for person in &people {
            let mut asked = json!({
                "subject": {"type": "identity", "id": person}, "action": {"name": "read"},
                "resource": {"type": "order"},
            });
            let expected = let_in(&house, &token, &asked, "resource", &resources);
            assert_eq!(all_pages(&house, &token, "resource", &asked, 2), expected, "seed {seed}");
            asked["resource"]["id"] = "17".into();
            asked["action"]["name"] = "".into();
            let expected = let_in(&house, &token, &asked, "action", &actions);
            assert_eq!(all_pages(&house, &token, "action", &asked, 1), expected, "seed {seed}");
            total += expected.len();
        }
    }
    assert!(total > 30, "these companies let hardly anybody do anything: {total}");
}

#[test]
fn a_search_leaves_one_record_that_is_no_decision() {
    let house = house();
    let erp = application(&house, "erp");
    let found = search(&house, &erp, "subject", &who("read"));
    let id = found.body["context"]["evidence_id"].as_str().unwrap();
    let reply = house.get(&format!("/v1/decisions/{id}"), &house.owner);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let record = &reply.body["record"];
    assert_eq!((&record["way"], &record["sought"]), (&json!("search"), &json!("subject")));
    assert_eq!((&record["found"]["count"], &record["found"]["is_all"]), (&json!(1), &json!(true)));
    assert_eq!(record["question"]["resource"]["id"], "17");
    assert!(!record.to_string().contains("paul"), "{record}");
}
