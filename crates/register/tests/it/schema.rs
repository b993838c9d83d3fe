//! The published schema and the parser say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_register::{Template, parse, schema, template_schema};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};

use crate::{check_golden, documented};

#[test]
fn the_published_schema_is_the_one_of_the_parser() {
    let text = serde_json::to_string_pretty(&schema()).expect("a schema is JSON");
    check_golden("schema/register.schema.json", &format!("{text}\n"));
}

#[test]
fn the_schema_takes_what_the_parser_takes() {
    let validator = jsonschema::draft202012::new(&schema()).expect("the schema is valid");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    for case in ["good.yaml", "empty-lists.yaml"] {
        let text = fs::read_to_string(folder.join(case)).expect("the case is there");
        assert!(validator.is_valid(&json(&text)), "{case}");
    }
    let complete = json(&documented());
    assert_eq!(
        validator.iter_errors(&complete).map(|e| e.to_string()).collect::<Vec<_>>(),
        [""; 0]
    );
}

#[test]
fn both_refuse_an_unknown_key_and_a_wrong_value_anywhere() {
    let validator = jsonschema::draft202012::new(&schema()).expect("the schema is valid");
    let complete = json(&documented());
    let mut tried = 0;
    // Properties take any name: they are the application's.
    for path in mappings(&complete, String::new()).into_iter().filter(|it| !is_free(it)) {
        let mut changed = complete.clone();
        let map = changed.pointer_mut(&path).and_then(Value::as_object_mut).expect("a mapping");
        map.insert("zzz".to_owned(), Value::from("x"));
        assert!(!validator.is_valid(&changed), "schema: unknown key in `{path}`");
        assert!(refuses(&changed), "parser: unknown key in `{path}`");
        for key in complete.pointer(&path).and_then(Value::as_object).expect("a mapping").keys() {
            let mut changed = complete.clone();
            let map = changed.pointer_mut(&path).and_then(Value::as_object_mut).expect("a mapping");
            map.insert(key.clone(), Value::from(""));
            assert!(!validator.is_valid(&changed), "schema: empty `{path}/{key}`");
            assert!(refuses(&changed), "parser: empty `{path}/{key}`");
            tried += 1;
        }
    }
    assert!(tried > 150, "only {tried} keys were tried");
}

#[test]
fn the_documentation_has_every_key_of_the_schema_and_every_key_is_read() {
    let mut of_schema = BTreeSet::new();
    keys_of_schema(&schema(), String::new(), &mut of_schema);
    let complete = json(&documented());
    let mut of_example = BTreeSet::new();
    keys_of_value(&complete, String::new(), &mut of_example);
    assert_eq!(without_levels(of_example), without_levels(of_schema));

    let (whole, _) = read(&complete);
    for path in mappings(&complete, String::new()) {
        for key in complete.pointer(&path).and_then(Value::as_object).expect("a mapping").keys() {
            // Not said and `false` are the same for these.
            if ["shared", "break_glass"].contains(&key.as_str()) {
                continue;
            }
            let mut changed = complete.clone();
            let map = changed.pointer_mut(&path).and_then(Value::as_object_mut).expect("a mapping");
            map.shift_remove(key);
            let (without, mistakes) = read(&changed);
            assert!(without != whole || mistakes > 0, "`{path}/{key}` is not read");
        }
    }
}

#[test]
fn the_published_schema_of_templates_is_the_one_of_the_parser() {
    let text = serde_json::to_string_pretty(&template_schema()).expect("a schema is JSON");
    check_golden("schema/template.schema.json", &format!("{text}\n"));
}

/// The templates that come with the program, and the one of the documentation.
fn templates() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../govern/templates");
    let files = fs::read_dir(folder).expect("the templates are there");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let mut templates: Vec<(String, Value)> = paths
        .map(|path| {
            let text = fs::read_to_string(&path).expect("it can be read");
            (path.display().to_string(), json(&text))
        })
        .collect();
    let text = include_str!("../../../../docs/templates.md");
    let rest = text.split("```yaml").nth(1).expect("the documentation has an example");
    let example = rest.split("```").next().expect("a split has a first part");
    templates.push(("docs/templates.md".to_owned(), json(example)));
    templates.sort_by(|one, other| one.0.cmp(&other.0));
    templates
}

#[test]
fn the_schema_of_templates_takes_each_and_both_refuse_what_is_broken() {
    let validator = jsonschema::draft202012::new(&template_schema()).expect("it is valid");
    let parses = |value: &Value| Template::parse("template", &value.to_string()).is_ok();
    let templates = templates();
    assert_eq!(templates.len(), 8);
    let mut tried = 0;
    for (name, template) in &templates {
        let errors: Vec<String> =
            validator.iter_errors(template).map(|error| error.to_string()).collect();
        assert_eq!((errors.as_slice(), parses(template)), (&[][..], true), "{name}");
        for path in mappings(template, String::new()) {
            let mut changed = template.clone();
            let map = changed.pointer_mut(&path).and_then(Value::as_object_mut).expect("a mapping");
            map.insert("zzz".to_owned(), Value::from("x"));
            assert!(!validator.is_valid(&changed), "{name}: unknown key in `{path}`");
            // What is made is checked once it is filled in.
            assert!(path.starts_with("/makes") || !parses(&changed), "{name}: parser, `{path}`");
            tried += 1;
        }
        for (pointer, value) in [
            ("/template", Value::from("")),
            ("/makes", Value::from("nothing")),
            ("/makes", Value::Null),
            ("/questions/0/kind", Value::from("number")),
            ("/questions/0/key", Value::from("An Id")),
            ("/questions/0/optional", Value::from("perhaps")),
            ("/questions/0/ask", Value::Null),
        ] {
            let mut changed = template.clone();
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
            let map = changed.pointer_mut(parent).and_then(Value::as_object_mut).expect("a map");
            map.insert(key.to_owned(), value);
            assert!(!validator.is_valid(&changed), "{name}: schema, `{pointer}`");
            assert!(!parses(&changed), "{name}: parser, `{pointer}`");
            tried += 1;
        }
    }
    assert!(tried > 150, "only {tried}");
    let small = json(
        "template: t\ntitle: t\nabout: a\nquestions: [{key: from, kind: time, ask: When}]\nmakes: \
         {organizations: [{id: o, kind: partner, state: proposed}]}",
    );
    assert!(validator.is_valid(&small));
    for (key, value, is_valid) in [
        ("state", "soon", false),
        ("state", "{from}", true),
        ("kind", "{", false),
        ("contract", "{from}", false),
        ("id", "{from}-x", true),
    ] {
        let mut changed = small.clone();
        changed["makes"]["organizations"][0][key] = Value::from(value);
        assert_eq!(validator.is_valid(&changed), is_valid, "{key}: {value}");
    }
}

/// An assurance has the same keys wherever it stands; the example shows each of them once.
fn without_levels(keys: BTreeSet<String>) -> BTreeSet<String> {
    keys.into_iter()
        .map(|key| match key.rsplit_once('/') {
            Some((at, level))
                if ["/required", "/accept", "/constant"].iter().any(|name| at.ends_with(name)) =>
            {
                format!("assurance/{level}")
            }
            _ => key,
        })
        .collect()
}

fn read(value: &Value) -> (String, usize) {
    let (register, mistakes) = parse(&[("json".to_owned(), value.to_string())]);
    (format!("{register:?}"), mistakes.len())
}

fn refuses(value: &Value) -> bool {
    read(value).1 > 0
}

fn is_free(path: &str) -> bool {
    path.ends_with("/properties")
}

/// JSON pointers of all mappings.
pub(crate) fn mappings(value: &Value, path: String) -> Vec<String> {
    match value {
        Value::Object(map) => {
            let inner =
                map.iter().flat_map(|(key, value)| mappings(value, format!("{path}/{key}")));
            std::iter::once(path.clone()).chain(inner).collect()
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(at, item)| mappings(item, format!("{path}/{at}")))
            .collect(),
        _ => Vec::new(),
    }
}

fn keys_of_value(value: &Value, path: String, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{path}/{key}");
                keys.insert(path.clone());
                if !is_free(&path) {
                    keys_of_value(value, path, keys);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                keys_of_value(item, path.clone(), keys);
            }
        }
        _ => {}
    }
}

fn keys_of_schema(schema: &Value, path: String, keys: &mut BTreeSet<String>) {
    if let Some(items) = schema.get("items") {
        keys_of_schema(items, path.clone(), keys);
    }
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}/{key}");
        keys.insert(path.clone());
        keys_of_schema(inner, path, keys);
    }
}

/// As an editor reads it: by the types of YAML 1.2, unlike the parser, which keeps the text.
pub(crate) fn json(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).expect("the example is YAML");
    of_yaml(documents.first().expect("the example has a document"))
}

fn of_yaml(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => Value::from(*flag),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(of_yaml).collect(),
        Yaml::Mapping(entries) => {
            let entry = |(key, value): (&Yaml<'_>, &Yaml<'_>)| {
                (key.as_str().expect("keys are names").to_owned(), of_yaml(value))
            };
            Value::Object(entries.iter().map(entry).collect::<Map<String, Value>>())
        }
        other => unreachable!("not in the example: {other:?}"),
    }
}
