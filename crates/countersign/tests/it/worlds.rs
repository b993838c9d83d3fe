//! Simulated worlds: what the program says of them, held against the truth that only they know.

use serde_json::Value;

use crate::program::Folder;

/// A world in a folder, and its score.
struct World {
    folder: Folder,
}

impl World {
    fn new(seed: &str, actions: &str) -> Self {
        let folder = Folder::new("world");
        folder.run(&["simulate", "world", "--actions", actions, "--seed", seed]).expect(0);
        Self { folder }
    }

    fn score(&self, more: &[&str]) -> Value {
        let mut arguments = vec![
            "--format",
            "json",
            "trace",
            "world/logs",
            "--register",
            "world/register",
            "--truth",
            "world/truth.ndjson",
            "--restart",
            "--no-ledger",
            "--run",
            "run",
        ];
        arguments.extend(more);
        let ran = self.folder.run(&arguments);
        assert!(ran.code <= Some(1), "{}", ran.err);
        ran.json()["score"].clone()
    }
}

#[test]
fn nothing_wrong_is_said_above_inferred_and_what_can_be_known_is() {
    for seed in ["3", "5", "11"] {
        let score = World::new(seed, "2500").score(&[]);
        assert_eq!(score["wrong"], 0, "seed {seed}: {score}");
        assert_eq!(score["absent"], 0, "seed {seed}: {score}");
        for side in ["actor", "holder"] {
            assert_eq!(
                score[side]["known"], score[side]["knowable"],
                "seed {seed}, {side}: {score}"
            );
        }
    }
}

/// However little of what is known about keys may be in memory.
#[test]
fn what_goes_to_disk_answers_as_what_is_in_memory() {
    let world = World::new("13", "2500");
    let answers = |more: &[&str]| {
        assert_eq!(world.score(more)["wrong"], 0);
        (world.folder.read("run/rows.ndjson"), world.folder.read("run/findings.json"))
    };
    let whole = answers(&[]);
    for bytes in ["1000", "50000"] {
        assert!(whole == answers(&["--claims-bytes", bytes]), "{bytes} bytes answer differently");
        let left = std::fs::read_dir(world.folder.at("run")).unwrap();
        let mut left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(left.all(|name| !name.starts_with("shelf")), "a shelf is left");
    }
}

#[test]
fn every_linking_rule_is_worth_something() {
    let world = World::new("7", "2500");
    let whole = world.score(&[]);
    // Worse is to know fewer, or to know as many less surely.
    let worth = |score: &Value| {
        let of = |side: &str, what: &str| score[side][what].as_u64().unwrap();
        let known = of("actor", "known") + of("holder", "known");
        (known, std::cmp::Reverse(of("actor", "less_sure") + of("holder", "less_sure")))
    };
    let rules = [
        "access_key",
        "console_session",
        "long_lived_key",
        "saml_assertion",
        "saml_subject",
        "oidc_subject",
        "root_session",
        "request_id",
        "session",
    ];
    for rule in rules {
        let less = world.score(&["--without", rule]);
        assert!(worth(&less) < worth(&whole), "without {rule} the score is no lower");
    }
}
