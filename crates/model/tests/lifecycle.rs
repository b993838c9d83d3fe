//! `cases/lifecycle.txt`: what every verb does in every state of every noun. `UPDATE_CASES=1`
//! rewrites the file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops with what is wrong")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use countersign_model::lifecycle::{Noun, Refused, State, Verb, begin, next};

#[test]
fn every_verb_in_every_state_of_every_noun() {
    let mut table = String::new();
    for noun in Noun::ALL {
        writeln!(table, "{noun}").unwrap();
        answers(&mut table, "new", |verb| begin(*noun, verb));
        for state in noun.states() {
            answers(&mut table, state.as_str(), |verb| next(*noun, *state, verb));
        }
        // A state of another noun leads nowhere, whatever the verb.
        for state in State::ALL.iter().filter(|state| !noun.states().contains(state)) {
            let mut verbs = Verb::ALL.iter();
            assert!(verbs.all(|verb| next(*noun, *state, *verb).is_err()), "{noun} {state}");
        }
        let over = noun.states().iter().filter(|state| noun.is_over(**state));
        let over: Vec<&str> = over.map(|state| state.as_str()).collect();
        writeln!(table, "  over: {}\n", over.join(", ")).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/lifecycle.txt");
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(table == written, "the table is another one now; UPDATE_CASES=1 rewrites it");
}

/// A line for what works, one for all that is refused, and how the first of those is refused.
fn answers(table: &mut String, from: &str, ask: impl Fn(Verb) -> Result<State, Refused>) {
    writeln!(table, "  {from}").unwrap();
    let mut refused = Vec::new();
    for verb in Verb::ALL {
        match ask(*verb) {
            Ok(to) => writeln!(table, "    {verb} -> {to}").unwrap(),
            Err(no) => refused.push((verb, no.to_string())),
        }
    }
    let verbs: Vec<&str> = refused.iter().map(|(verb, _)| verb.as_str()).collect();
    writeln!(table, "    no: {}", verbs.join(" ")).unwrap();
    let (_, text) = refused.first().unwrap();
    writeln!(table, "    {text}").unwrap();
}

#[test]
fn each_word_reads_back_and_a_table_has_no_state_that_its_noun_does_not_list() {
    for state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(*state));
    }
    for verb in Verb::ALL {
        assert_eq!(Verb::parse(verb.as_str()), Some(*verb));
    }
    for noun in Noun::ALL {
        assert_eq!(Noun::parse(noun.as_str()), Some(*noun));
        for verb in noun.verbs() {
            let began = begin(*noun, verb).ok();
            let steps = noun.states().iter().filter_map(|state| next(*noun, *state, verb).ok());
            let reached: Vec<State> = steps.chain(began).collect();
            assert!(!reached.is_empty(), "{verb} of {noun} leads nowhere");
            for state in reached {
                assert!(noun.states().contains(&state), "{noun} does not list {state}");
            }
        }
        for state in State::ALL.iter().filter(|state| !noun.states().contains(state)) {
            assert_eq!(noun.works(*state), [], "{noun} does not list {state}");
        }
    }
}
