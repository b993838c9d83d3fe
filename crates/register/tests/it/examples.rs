//! The registers that ship as examples.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_model::register::{IdentityKind, Register};
use countersign_register::{gaps, load, parse, write};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn loaded(path: &Path) -> Register {
    let (register, mistakes) = load(path).expect("the example is there");
    assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    register
}

#[test]
fn every_example_has_no_mistake_and_is_written_back() {
    let mut count = 0;
    for entry in fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path().join("register");
        if path.exists() {
            let register = loaded(&path);
            let (again, mistakes) = parse(&[("written".to_owned(), write(&register))]);
            assert_eq!(mistakes, Vec::new());
            assert_eq!(format!("{again:?}"), format!("{register:?}"));
            count += 1;
        }
    }
    assert!(count > 0);
}

/// The numbers that the console's pages show.
#[test]
fn aldgate_is_the_company_of_the_story() {
    let register = loaded(&examples().join("aldgate/register"));
    let of = |organization: &str, kind: IdentityKind| {
        let all = register.identities.values();
        all.filter(|i| i.organization.as_str() == organization && i.kind == kind).count()
    };
    assert_eq!(register.organizations.len(), 5);
    assert_eq!(register.identities.len(), 60);
    assert_eq!(register.grants.len(), 74);
    assert_eq!(register.trust_paths.len(), 9);
    assert_eq!(
        [IdentityKind::Human, IdentityKind::Service, IdentityKind::Shared]
            .map(|k| of("kestrel", k)),
        [9, 1, 2]
    );
    assert_eq!(of("brightwater", IdentityKind::Agent), 1);
    // Two of the nineteen are the passwords of the shared accounts.
    assert_eq!(register.credentials.len(), 17 + 2);
    let open: Vec<String> = gaps(&register)
        .iter()
        .filter(|gap| gap.field != "consumer")
        .map(|gap| format!("{} {} {}", gap.noun, gap.id, gap.field))
        .collect();
    assert_eq!(
        open,
        [
            "sponsors colin-marsh successor",
            "sponsors hester-lyle successor",
            "identities bw-mailer networks",
            "identities kestrel-desk-2 owner",
            "entitlements damage-assess-portal tenant",
        ]
    );
}
