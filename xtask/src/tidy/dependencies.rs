//! Who may depend on whom, and why on anything.

use super::manifest::{Dependency, Kind, dependencies, takes_workspace_lints};
use super::{Complaint, complain};
use crate::tree::Tree;

/// The map of imports: which rooms a room may ship with. A crate exists only if it forbids something.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("model", &[]),
    ("judge", &["model"]),
    ("trace", &["model"]),
    ("govern", &["model"]),
    ("ledger", &[]),
    ("journal", &[]),
    ("sources", &["model"]),
    ("register", &["model"]),
    ("console", &[]),
    ("world", &[]),
    ("runs", &["model", "trace"]),
    ("testkit", &["model"]),
    ("store", &[]),
    ("wire", &["model", "register", "app"]),
    ("http", &["app", "wire"]),
    ("connect", &["model", "app", "register", "store"]),
    ("app", &["model", "judge", "govern", "ledger", "journal", "register", "store"]),
    (
        "countersign",
        &[
            "model", "judge", "trace", "govern", "ledger", "sources", "register", "console",
            "world", "runs", "store", "app", "wire", "http", "connect", "journal",
        ],
    ),
];

pub fn rooms_import_only_what_the_map_allows(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (room, path, manifest) in manifests(tree) {
        let Some((_, may)) = MAY_IMPORT.iter().find(|(name, _)| *name == room) else {
            let text = format!(
                "room `{room}` is not on the map; add it in `xtask` with what it may import"
            );
            complaints.push(complain(&path, 0, text));
            continue;
        };
        for (import, dependency) in imports(manifest) {
            if dependency.kind == Kind::Shipped && import != "testkit" && !may.contains(&import) {
                let text = format!("`{room}` may not import `{import}`");
                complaints.push(complain(&path, dependency.line, text));
            }
        }
    }
    complaints
}

pub fn world_knows_nothing_of_the_engine(tree: &Tree) -> Vec<Complaint> {
    let world = manifests(tree).filter(|(room, ..)| *room == "world");
    let refused = world.flat_map(|(_, path, manifest)| {
        let engine =
            imports(manifest).filter(|(name, _)| ["trace", "judge", "sources"].contains(name));
        engine.map(move |(import, dependency)| {
            let text = format!("`world` would agree with `{import}` about its own mistakes");
            complain(&path, dependency.line, text)
        })
    });
    refused.collect()
}

pub fn testkit_is_for_tests(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (_, path, manifest) in manifests(tree) {
        for (import, dependency) in imports(manifest) {
            if import == "testkit" && dependency.kind != Kind::Dev {
                let text = "`testkit` is never shipped; make it a dev-dependency";
                complaints.push(complain(&path, dependency.line, text));
            }
        }
    }
    complaints
}

pub fn each_dependency_has_its_reason(tree: &Tree) -> Vec<Complaint> {
    let Some(manifest) = tree.text("Cargo.toml") else { return Vec::new() };
    let lines: Vec<&str> = manifest.lines().collect();
    let mut above: Option<Dependency<'_>> = None;
    let mut complaints = Vec::new();
    for dependency in dependencies(manifest) {
        let is_ours = dependency.name.starts_with("countersign-");
        let has_comment = dependency.line > 0 && lines[dependency.line - 1].starts_with('#');
        // `clap_complete` right below `clap` shares its reason.
        let shares = above.is_some_and(|above| {
            above.line + 1 == dependency.line && dependency.name.starts_with(above.name)
        });
        if dependency.kind == Kind::Workspace && !is_ours && !has_comment && !shares {
            let text = format!("say in a comment right above what `{}` is for", dependency.name);
            complaints.push(complain("Cargo.toml", dependency.line, text));
        }
        above = Some(dependency);
    }
    complaints
}

pub fn each_crate_takes_the_workspace_lints(tree: &Tree) -> Vec<Complaint> {
    let own = ("xtask", "xtask/Cargo.toml".to_owned(), tree.text("xtask/Cargo.toml"));
    let own = own.2.map(|manifest| (own.0, own.1, manifest));
    let lax = manifests(tree).chain(own).filter(|(.., manifest)| !takes_workspace_lints(manifest));
    lax.map(|(_, path, _)| complain(&path, 0, "add `[lints]` with `workspace = true`")).collect()
}

/// Room, path and text of the manifest of each.
fn manifests(tree: &Tree) -> impl Iterator<Item = (&str, String, &str)> {
    tree.rooms().filter_map(|room| {
        let path = format!("crates/{room}/Cargo.toml");
        let text = tree.text(&path)?;
        Some((room, path, text))
    })
}

/// The rooms that a manifest names.
fn imports(manifest: &str) -> impl Iterator<Item = (&str, Dependency<'_>)> {
    dependencies(manifest)
        .into_iter()
        .filter_map(|found| Some((found.name.strip_prefix("countersign-")?, found)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::assert_complains;

    #[test]
    fn an_import_against_the_map_is_seen() {
        let rule = rooms_import_only_what_the_map_allows;
        let bad = "[dependencies]\ncountersign-model.workspace = true\ncountersign-judge.workspace = true\n";
        assert_complains(
            rule,
            &[("crates/trace/Cargo.toml", bad)],
            &["crates/trace/Cargo.toml:3: `trace` may not import `judge`"],
        );
        assert_complains(rule, &[("crates/countersign/Cargo.toml", bad)], &[]);
        assert_complains(
            rule,
            &[("crates/new/Cargo.toml", "")],
            &["crates/new/Cargo.toml:1: room `new`"],
        );
        let build = "[build-dependencies]\ncountersign-judge = { path = \"../judge\" }\n";
        assert_complains(
            rule,
            &[("crates/trace/Cargo.toml", build)],
            &["crates/trace/Cargo.toml:2"],
        );
    }

    #[test]
    fn world_may_not_even_test_with_the_engine() {
        let bad = "[dev-dependencies]\ncountersign-sources.workspace = true\n";
        let path = "crates/world/Cargo.toml";
        assert_complains(
            world_knows_nothing_of_the_engine,
            &[(path, bad)],
            &["crates/world/Cargo.toml:2"],
        );
        assert_complains(
            world_knows_nothing_of_the_engine,
            &[("crates/runs/Cargo.toml", bad)],
            &[],
        );
    }

    #[test]
    fn a_shipped_testkit_is_seen() {
        let path = "crates/judge/Cargo.toml";
        let bad = "[dependencies]\ncountersign-testkit.workspace = true\n";
        assert_complains(testkit_is_for_tests, &[(path, bad)], &["crates/judge/Cargo.toml:2"]);
        let good = "[dev-dependencies]\ncountersign-testkit.workspace = true\n";
        assert_complains(testkit_is_for_tests, &[(path, good)], &[]);
    }

    #[test]
    fn a_dependency_without_a_reason_is_seen() {
        let manifest = "[workspace.dependencies]\ncountersign-model = { path = \"crates/model\" }\n\
                        # Commands.\nclap = \"4\"\nclap_complete = \"4\"\nserde = \"1\"\n\n# Far above.\n\nzstd = \"0.14\"\n";
        let expected = ["Cargo.toml:6: say in a comment right above what `serde`", "Cargo.toml:10"];
        assert_complains(each_dependency_has_its_reason, &[("Cargo.toml", manifest)], &expected);
    }

    #[test]
    fn a_crate_without_the_lints_is_seen() {
        let rule = each_crate_takes_the_workspace_lints;
        let files =
            [("crates/model/Cargo.toml", "[lints]\nworkspace = false\n"), ("xtask/Cargo.toml", "")];
        assert_complains(rule, &files, &["crates/model/Cargo.toml:1", "xtask/Cargo.toml:1"]);
        assert_complains(rule, &[("crates/model/Cargo.toml", "[lints]\nworkspace = true\n")], &[]);
    }
}
