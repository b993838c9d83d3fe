//! What is written reads back as the same register, to the byte.

use countersign_register::{parse, write, write_files};

/// The example of the documentation: it has every key.
fn documented() -> String {
    let text = include_str!("../../../../docs/register.md");
    text.split("```yaml").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_documented_register_reads_and_is_written_back() {
    let (register, mistakes) = parse(&[("docs".to_owned(), documented())]);
    assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let text = write(&register);
    let (again, mistakes) = parse(&[("written".to_owned(), text.clone())]);
    assert_eq!(mistakes, Vec::new(), "{text}");
    assert_eq!(format!("{again:#?}"), format!("{register:#?}"));
    assert_eq!(write(&again), text);
    let (from_files, mistakes) = parse(&write_files(&register));
    assert_eq!(mistakes, Vec::new());
    assert_eq!(format!("{from_files:#?}"), format!("{register:#?}"));
}
