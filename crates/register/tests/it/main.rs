//! The register as its users meet it.

mod cases;
mod draft;
mod examples;
mod gaps;
mod limits;
mod load;
mod round_trip;
mod schema;
mod shown;

use std::fs;
use std::path::Path;

/// The example of the documentation: it has every key.
fn documented() -> String {
    let text = include_str!("../../../../docs/register.md");
    let rest = text.split("```yaml").nth(1).expect("the documentation has an example");
    rest.split("```").next().expect("a split has a first part").to_owned()
}

/// Compares `found` with a file of this crate; `UPDATE_CASES=1` rewrites the file.
fn check_golden(file: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&path, found).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{file} says something else; UPDATE_CASES=1 rewrites it");
}
