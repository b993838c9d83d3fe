//! The published schema and the parser say the same.

use std::fs;
use std::path::Path;

use countersign_register::schema;

#[test]
fn the_published_schema_is_the_one_of_the_parser() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/register.schema.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "run with UPDATE_CASES=1");
}
