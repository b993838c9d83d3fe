//! `cases/*.yaml`: a register and, in its first lines, every mistake in it as
//! `# expect: line:column message; fix`. `UPDATE_CASES=1` rewrites those lines.

use std::fs;
use std::path::Path;

use countersign_register::parse;

#[test]
fn every_mistake_is_reported_where_it_is() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let stripped = without_expectations(&text);
        let found = stable(&stripped);
        if std::env::var_os("UPDATE_CASES").is_some() {
            fs::write(&path, format!("{found}{stripped}")).unwrap();
        } else if format!("{found}{stripped}") != text {
            wrong.push(format!("{}\n{found}", path.display()));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "these cases say something else now:\n{}", wrong.join("\n"));
    assert!(count >= 15, "only {count} cases were found");
}

fn without_expectations(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("# expect: ")).collect()
}

/// The expectations stand above the text they are about, so they move its lines.
fn stable(stripped: &str) -> String {
    let count = expectations(stripped).lines().count();
    let padding = "# expect: \n".repeat(count);
    expectations(&format!("{padding}{stripped}"))
}

fn expectations(text: &str) -> String {
    let (_, mistakes) = parse(&[("case".to_owned(), text.to_owned())]);
    mistakes
        .iter()
        .map(|mistake| {
            let line = mistake.to_string();
            format!("# expect: {}\n", line.strip_prefix("case:").expect("the file was named so"))
        })
        .collect()
}
