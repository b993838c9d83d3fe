use std::cell::Cell;

use countersign_model::judgement::{Entity, Named};
use countersign_model::value::Value;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SCHEMA: &str = r#"
entity user { role?: String, level?: Long, tags?: Set<String>, friend?: user, net?: ipaddr };
entity record { status?: String, secret: Bool, owner?: user, box?: { floor: Long, room?: String } };
entity robot;
action reads;
action writes;
action read, list in [reads] appliesTo {
  principal: [user, robot], resource: record,
  context: { action: { soft?: Bool }, request: { ip?: ipaddr, hour?: Long } }
};
action greet appliesTo { principal: user, resource: user };
action write in [writes] appliesTo {
  principal: [user], resource: [record, user],
  context: { access: Countersign::Access }
};
"#;

fn document(cedar: &str) -> Policy {
    Policy { tenant: Some("erp".into()), cedar: cedar.to_owned(), schema: Some(SCHEMA.to_owned()) }
}

fn policy(id: &str, rest: &str) -> String {
    format!("@id(\"{id}\") @reason(\"r.{id}\") @outcome(\"deny\") @text(\"it is {id}\")\n{rest}\n")
}

fn policies(cedar: &str) -> ApplicationPolicies {
    compiled(&[("p", document(cedar))]).unwrap()
}

fn compiled(documents: &[(&str, Policy)]) -> Result<ApplicationPolicies, Vec<String>> {
    let documents: Vec<(PolicyId, Policy)> =
        documents.iter().map(|(id, policy)| (PolicyId::from(*id), policy.clone())).collect();
    ApplicationPolicies::new(documents.iter().map(|(id, policy)| (id, policy)))
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn record(json: serde_json::Value) -> countersign_model::value::Record {
    match value(&json) {
        Value::Record(record) => record,
        other => panic!("{other:?}"),
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => Value::Whole(number.as_i64().unwrap()),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        serde_json::Value::Object(map) => {
            Value::Record(map.iter().map(|(name, json)| (name.clone(), value(json))).collect())
        }
        serde_json::Value::Null => panic!("null is no value"),
    }
}

/// `[[type, id, properties], [action, properties], [type, id, properties], context]`
fn request(json: &serde_json::Value) -> Request {
    let entity = |json: &serde_json::Value| Entity {
        kind: json[0].as_str().unwrap().to_owned(),
        id: json[1].as_str().unwrap().to_owned(),
        properties: record(json[2].clone()),
    };
    Request {
        subject: entity(&json[0]),
        action: Named {
            name: json[1][0].as_str().unwrap().to_owned(),
            properties: record(json[1][1].clone()),
        },
        resource: entity(&json[2]),
        context: record(json[3].clone()),
    }
}

fn asked(policies: &ApplicationPolicies, json: serde_json::Value) -> Vec<String> {
    let reasons = policies.ask("erp", &request(&json), Vec::new);
    reasons
        .into_iter()
        .map(|it| format!("{} {}: {}", it.outcome.as_str(), it.code, it.text))
        .collect()
}

#[test]
fn properties_are_attributes_and_what_is_not_declared_is_ignored() {
    let policies = policies(&policy(
        "a",
        "forbid (principal is user, action == Action::\"read\", resource is record)
         when { principal has role && principal.role == \"guest\" && resource.secret &&
                resource has box && resource.box.floor > 2 && context.action has soft &&
                context.request has hour && context.request.hour > 20 };",
    ));
    let ask = |role: &str, floor: i64| {
        asked(
            &policies,
            json!([
                ["user", "ann", {"role": role, "shoe": 43}],
                ["read", {"soft": true, "loud": false}],
                ["record", "1", {"secret": true, "box": {"floor": floor, "lift": true}}],
                {"hour": 21, "moon": ["full"]},
            ]),
        )
    };
    assert_eq!(ask("guest", 3), ["deny r.a: it is a"]);
    assert_eq!(ask("guest", 2), [""; 0]);
    assert_eq!(ask("admin", 3), [""; 0]);
}

#[test]
fn a_request_that_does_not_fit_is_denied_and_says_all_of_why() {
    let policies = policies(&policy("a", "forbid (principal is robot, action, resource);"));
    let fits = "deny policy.request: the request does not fit the policies of the tenant: ";
    for (json, expected) in [
        (
            json!([["person", "ann", {}], ["erase", {}], ["thing\n", "1", {}], {}]),
            "its schema has no type `person` of the subject; its schema has no type `thing\\n` of \
             the resource; its schema has no action `erase`",
        ),
        (
            json!([["user", "ann", {"level": "3", "tags": ["a", 1]}], ["read", {}], ["record", "1", {}], {}]),
            "`subject.level` is not a whole number; `subject.tags` is not a text; \
             `resource.secret` is missing",
        ),
        (
            json!([["user", "ann", {}], ["read", {}], ["record", "1", {"secret": false, "box": {}}], {}]),
            "`resource.box.floor` is missing",
        ),
        (
            json!([["user", "ann", {"role": "a"}], ["greet", {}], ["user", "ann", {"role": "b"}], {}]),
            "subject and resource are one, with different properties",
        ),
    ] {
        assert_eq!(asked(&policies, json), [format!("{fits}{expected}")]);
    }
    let write = json!([["user", "ann", {}], ["write", {}], ["record", "1", {"secret": true}], {}]);
    let told = asked(&policies, write).join("");
    assert!(told.contains("`context.access.at` is missing"), "{told}");
    for json in [
        json!([["user", "ann", {"net": "everywhere"}], ["read", {}], ["record", "1", {"secret": true}], {}]),
        json!([["user", "ann", {}], ["read", {}], ["record", "1", {"secret": true}], {"ip": "::g"}]),
        json!([["robot", "r", {}], ["write", {}], ["record", "1", {"secret": true}], {}]),
        json!([["user", "ann", {}], ["reads", {}], ["record", "1", {"secret": true}], {}]),
    ] {
        let told = asked(&policies, json);
        assert!(matches!(&told[..], [one] if one.starts_with(fits)), "{told:?}");
    }
    // Another tenant has no policies, and nothing to fit.
    let other = request(&json!([["person", "ann", {}], ["erase", {}], ["thing", "1", {}], {}]));
    assert_eq!(policies.ask("crm", &other, Vec::new), Vec::new());
}

#[test]
fn a_group_of_actions_is_its_actions_in_the_scope_and_in_a_condition() {
    let policies = policies(
        &[
            policy("scope", "forbid (principal, action in Action::\"reads\", resource);"),
            policy(
                "condition",
                "forbid (principal, action, resource) when { action in Action::\"reads\" };",
            ),
            policy(
                "both",
                "forbid (principal, action in [Action::\"reads\", Action::\"list\"], resource);",
            ),
            policy("other", "forbid (principal, action in [Action::\"writes\"], resource);"),
        ]
        .concat(),
    );
    for action in ["read", "list"] {
        let told = asked(
            &policies,
            json!([["user", "ann", {}], [action, {}], ["record", "1", {"secret": false}], {}]),
        );
        assert_eq!(
            told,
            [
                "deny r.both: it is both",
                "deny r.condition: it is condition",
                "deny r.scope: it is scope"
            ]
        );
    }
}

#[test]
fn a_policy_that_fails_is_a_denial_that_names_it_and_hides_no_other() {
    let many: String = (0..200)
        .map(|nth| {
            let condition = match nth {
                77 => "principal has level && principal.level + 9223372036854775807 > 0".to_owned(),
                150 => "principal has role && principal.role == \"guest\"".to_owned(),
                nth => format!("resource has status && resource.status == \"{nth}\""),
            };
            policy(
                &format!("p{nth}"),
                &format!("forbid (principal, action, resource) when {{ {condition} }};"),
            )
        })
        .collect();
    let policies = policies(&many);
    let told = asked(
        &policies,
        json!([
            ["user", "ann", {"level": 1, "role": "guest"}], ["read", {}],
            ["record", "1", {"secret": false, "status": "99"}], {},
        ]),
    );
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("deny policy.error: a policy could not be evaluated: "),
        "{told:?}"
    );
    assert!(told[0].contains("p77"), "{told:?}");
    assert_eq!(told[1..], ["deny r.p150: it is p150", "deny r.p99: it is p99"]);
}

#[test]
fn our_own_facts_are_asked_for_once_and_only_if_they_may_be_read() {
    let policies = policies(&policy(
        "a",
        "forbid (principal, action == Action::\"write\", resource) when { context.access.granted };",
    ));
    let count = Cell::new(0);
    let access = || {
        count.set(count.get() + 1);
        let flag = |flag| RestrictedExpression::new_bool(flag);
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        vec![
            ("at", RestrictedExpression::new_long(0)),
            ("tenant", text("erp")),
            ("action", text("write")),
            ("interactive", flag(false)),
            ("actor_known", flag(true)),
            ("registered", flag(true)),
            ("kind", text("human")),
            ("has_owner", flag(false)),
            ("mandate_known", flag(false)),
            ("path_known", flag(false)),
            ("credential_registered", flag(false)),
            ("granted", flag(true)),
            ("not_declared", flag(true)),
        ]
    };
    let ask = |action: &str| {
        let json =
            json!([["user", "ann", {}], [action, {}], ["record", "1", {"secret": false}], {}]);
        policies.ask("erp", &request(&json), access)
    };
    assert_eq!(ask("read"), Vec::new());
    assert_eq!(count.get(), 0);
    assert_eq!(ask("write").iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["r.a"]);
    assert_eq!(count.get(), 1);
}

#[test]
fn what_is_wrong_is_told_of_every_document() {
    let wrong = |policy: Policy| compiled(&[("p", policy)]).unwrap_err().join("\n");
    for (cedar, expected) in [
        ("permit (principal, action, resource);", "has no @id"),
        ("@id(\"a\") permit (principal, action, resource);", "may only forbid"),
        ("@id(\"a\") forbid (principal, action, resource);", "needs @outcome"),
        ("forbid (principal, action", "is no set of Cedar policies"),
        ("@id(\"a\") forbid (principal == ?principal, action, resource);", "a template"),
    ] {
        let told = wrong(document(cedar));
        assert!(told.contains(expected), "{cedar}: {told}");
    }
    let unknown = "@id(\"a\") @reason(\"a.b\") @outcome(\"unknown\") @text(\"x\") \
                   forbid (principal, action, resource);";
    assert!(wrong(document(unknown)).contains("(\"deny\") or (\"step_up\")"));
    for rest in [
        "forbid (principal, action, resource) when { principal.role == \"x\" };",
        "forbid (principal is person, action, resource);",
        "forbid (principal, action == Action::\"erase\", resource);",
        "forbid (principal is user, action, resource) when { principal has role && principal.role == 1 };",
    ] {
        let told = wrong(document(&policy("a", rest)));
        assert!(!told.is_empty(), "{rest}");
    }
    let schema = |schema: &str| {
        let cedar = policy("a", "forbid (principal, action, resource);");
        wrong(Policy { tenant: None, cedar, schema: Some(schema.to_owned()) })
    };
    assert!(schema("entity").contains("do not fit: "), "{}", schema("entity"));
    let late = format!(
        "\n{}",
        policy(
            "a",
            "forbid (principal is user, action, resource)\n when { principal.rule == \"x\" };"
        )
    );
    let told = wrong(document(&late));
    assert!(told.starts_with("`p` and its schema do not fit: line 4, column 9: "), "{told}");
    let group = "entity group; entity user in [group]; action read appliesTo { principal: user, resource: user };";
    assert!(schema(group).contains("groups: Set<String>"), "{}", schema(group));
    let context = "entity user; action read appliesTo { principal: user, resource: user, context: { ip: String } };";
    assert!(schema(context).contains("nobody gives"), "{}", schema(context));

    let one = policy("a", "forbid (principal, action, resource);");
    let documents = [("one", document(&one)), ("two", document(&one))];
    let told = compiled(&documents).unwrap_err();
    assert_eq!(told, ["policy `a` of `two` has the @id of another policy, of `one`"]);
    let told = compiled(&[("one", document("nonsense")), ("two", document("more"))]).unwrap_err();
    assert_eq!(told.len(), 2);
}

#[test]
fn every_example_of_the_documentation_can_be_used() {
    let text = include_str!("../../../../docs/policies.md");
    let blocks: Vec<&str> = text.split("```yaml\n").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let (yaml, _) = block.split_once("```").unwrap();
        let file = ("docs".to_owned(), format!("tenants: [{{id: erp}}]\n{yaml}"));
        let (register, mistakes) = countersign_register::parse(&[file]);
        assert_eq!(mistakes, Vec::new(), "{yaml}");
        let compiled = ApplicationPolicies::new(register.policies.iter());
        assert!(!compiled.unwrap().is_empty("erp"));
    }
}

/// Conditions that hold of some requests, fail on some and are false of the rest.
const CONDITIONS: [&str; 12] = [
    "",
    "when { principal == resource }",
    "when { resource is record && resource.secret }",
    "when { resource is record && resource has status && resource.status like \"a*\" }",
    "unless { resource is record && resource has box && resource.box.floor > 1 }",
    "when { principal is user && principal has level && principal.level + 9223372036854775806 > 7 }",
    "when { principal is user && principal has level && principal.level > 0 } \
     unless { principal has role && principal.role == \"x\" }",
    "when { action in Action::\"reads\" }",
    "when { action in [Action::\"writes\", Action::\"list\"] }",
    "when { principal is user && principal has tags && principal.tags.contains(\"x\") }",
    "when { principal is user && principal has friend && principal.friend == user::\"a\" }",
    "when { principal is user && principal has net && principal.net.isLoopback() }",
];

const PRINCIPALS: [&str; 7] = [
    "principal",
    "principal == user::\"a\"",
    "principal in user::\"b\"",
    "principal is user",
    "principal is robot",
    "principal is user in user::\"a\"",
    "principal == robot::\"a\"",
];
const ACTIONS: [&str; 6] = [
    "action",
    "action == Action::\"read\"",
    "action in Action::\"reads\"",
    "action in [Action::\"write\", Action::\"reads\"]",
    "action in [Action::\"list\"]",
    "action == Action::\"write\"",
];
const RESOURCES: [&str; 6] = [
    "resource",
    "resource == record::\"a\"",
    "resource in record::\"b\"",
    "resource is record",
    "resource is user",
    "resource is record in record::\"a\"",
];

fn any_policies() -> impl Strategy<Value = Vec<String>> {
    let one = (
        prop::sample::select(&PRINCIPALS[..]),
        prop::sample::select(&ACTIONS[..]),
        prop::sample::select(&RESOURCES[..]),
        prop::sample::select(&CONDITIONS[..]),
    );
    prop::collection::vec(one, 1..120).prop_map(|all| {
        let all = all.into_iter().enumerate();
        all.map(|(nth, (principal, action, resource, condition))| {
            policy(
                &format!("p{nth}"),
                &format!("forbid ({principal}, {action}, {resource}) {condition};"),
            )
        })
        .collect()
    })
}

fn any_request() -> impl Strategy<Value = serde_json::Value> {
    let id = prop::sample::select(&["a", "b", "c"][..]);
    let user = prop_oneof![
        Just(json!({})),
        Just(json!({"level": 1})),
        Just(json!({"level": 9, "role": "x", "net": "127.0.0.1"})),
        Just(json!({"role": "y", "tags": ["x", "z"], "friend": "a", "net": "10.0.0.0/8"})),
    ];
    let record = prop_oneof![
        Just(json!({"secret": true})),
        Just(json!({"secret": false, "status": "abc", "box": {"floor": 2}})),
        Just(json!({"secret": false, "status": "b", "box": {"floor": 1, "room": "x"}})),
    ];
    let reads = (id.clone(), user, prop::sample::select(&["read", "list"][..]), id.clone(), record);
    let reads = reads.prop_map(|(a, user, action, b, record)| {
        json!([["user", a, user], [action, {}], ["record", b, record], {}])
    });
    let robots = (id.clone(), id).prop_map(|(a, b)| {
        json!([["robot", a, {}], ["read", {}], ["record", b, {"secret": true}], {"hour": 1}])
    });
    prop_oneof![4 => reads, 1 => robots]
}

/// What Cedar says of all policies at once, from its own reading of JSON by the schema.
fn plain(policies: &[String], asked: &serde_json::Value) -> Vec<Reason> {
    use cedar_policy::{Context, Entities, EntityUid, Request as Plain, Schema};
    let (schema, _) =
        Schema::from_cedarschema_str(&SCHEMA.replace("Countersign::Access", "{}")).unwrap();
    let set: PolicySet = policies.concat().parse().unwrap();
    let mut named = PolicySet::new();
    let mut reasons = HashMap::new();
    for policy in set.policies() {
        let id = CedarId::new(policy.annotation("id").unwrap());
        reasons.insert(id.clone(), reason(policy, &|what| panic!("{what}")).unwrap());
        named.add(policy.new_id(id)).unwrap();
    }
    let entity = |it: &serde_json::Value| {
        let mut attributes = it[2].clone();
        if let Some(friend) = it[2].get("friend") {
            attributes["friend"] = json!({"__entity": {"type": "user", "id": friend}});
        }
        json!({"uid": {"type": it[0], "id": it[1]}, "attrs": attributes, "parents": []})
    };
    let entities = json!([entity(&asked[0]), entity(&asked[2])]);
    let entities = Entities::from_json_value(entities, Some(&schema)).unwrap();
    let uid = |it: &serde_json::Value| -> EntityUid {
        format!("{}::{}", it[0].as_str().unwrap(), it[1]).parse().unwrap()
    };
    let action: EntityUid = format!("Action::{}", asked[1][0]).parse().unwrap();
    let context = json!({"action": asked[1][1], "request": asked[3]});
    let context = Context::from_json_value(context, Some((&schema, &action))).unwrap();
    let request =
        Plain::new(uid(&asked[0]), action, uid(&asked[2]), context, Some(&schema)).unwrap();
    let response = Authorizer::new().is_authorized(&request, &named, &entities);
    let diagnostics = response.diagnostics();
    let all = diagnostics.reason().map(|id| reasons[id].clone());
    let failed = diagnostics.errors().map(|error| policy_error(error.to_string()));
    one_for_each_code(all.chain(failed).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn the_indexed_answer_is_that_of_all_policies_at_once(
        all in any_policies(),
        requests in prop::collection::vec(any_request(), 1..6),
    ) {
        let (one, two) = all.split_at(all.len() / 2);
        let documents = [("one", document(&one.concat())), ("two", document(&two.concat()))];
        let compiled = compiled(&documents).unwrap();
        for asked in requests {
            let found = compiled.ask("erp", &request(&asked), Vec::new);
            prop_assert_eq!(found, plain(&all, &asked), "{}", asked);
        }
    }
}
