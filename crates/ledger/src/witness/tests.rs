use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::merkle::{consistency_proof, leaf_hash, root_of};
use crate::note::SigningKey;

const ORIGIN: &str = "example.com/log";

fn signer() -> WitnessSigner {
    WitnessSigner::from_seed("witness.example", [42; 32]).unwrap()
}

fn kept(_: &str, _: &str) -> io::Result<()> {
    Ok(())
}

/// Requests in a row and what a witness must answer: `vectors/NOTICE`.
fn run_vectors(vectors: &str) {
    let (first, rest) = vectors.split_once('\n').unwrap();
    let (key, origin) = first
        .strip_prefix("log ")
        .unwrap()
        .split_once(' ')
        .unwrap_or_else(|| (&first[4..], first[4..].split_once('+').unwrap().0));
    let mut witness = Witness::new(signer());
    witness.watch(origin, PublicKey::parse(key).unwrap());
    let mut count = 0;
    for part in rest.split("--- request\n").skip(1) {
        let (body, answer) = part.split_once("--- answer ").unwrap();
        let (status, size) = answer.trim().split_once(' ').unwrap_or((answer.trim(), ""));
        count += 1;
        match witness.add_checkpoint(body.as_bytes(), 1_700_000_000, kept) {
            Ok(lines) => {
                assert_eq!(status, "200", "request {count}");
                let note = format!("{}{lines}", body.split_once("\n\n").unwrap().1);
                let note = SignedNote::parse(&note).unwrap();
                assert_eq!(witness.key().cosigned(&note), Ok(Some(1_700_000_000)));
            }
            Err(refusal) => {
                assert_eq!(refusal.status().to_string(), status, "request {count}: {refusal}");
                if let Refusal::Conflict(last) = refusal {
                    assert_eq!(last.to_string(), size, "request {count}");
                }
            }
        }
    }
    assert!(count > 0);
}

#[test]
fn requests_are_answered_as_other_witnesses_answer_them() {
    run_vectors(include_str!("../../vectors/add-checkpoint.txt"));
    run_vectors(include_str!("../../vectors/add-checkpoint-monkeys.txt"));
    run_vectors(include_str!("../../vectors/add-checkpoint-sumdb.txt"));
}

/// A log of so many leaves. Two of different `fork`s differ from leaf 5 on.
struct Log {
    key: SigningKey,
    leaves: Vec<Hash>,
}

impl Log {
    fn new(fork: u8) -> Self {
        let leaf = |number: u8| leaf_hash(&[number, if number < 5 { 0 } else { fork }]);
        let key = SigningKey::from_seed(ORIGIN, [1; 32]).unwrap();
        Self { key, leaves: (0..40).map(leaf).collect() }
    }

    fn note(&self, size: u64) -> String {
        let root = root_of(&self.leaves[..size as usize]);
        Checkpoint { origin: ORIGIN.to_owned(), size, root }.sign(&self.key)
    }

    fn request(&self, old: u64, size: u64) -> String {
        let mut node = |height: u32, index: u64| {
            let start = (index << height) as usize;
            Ok::<_, Infallible>(root_of(&self.leaves[start..start + (1 << height)]))
        };
        let Ok(proof) = consistency_proof(old, size, &mut node);
        request_body(old, &proof.unwrap_or_default(), &self.note(size))
    }

    fn witness(&self) -> Witness {
        let mut witness = Witness::new(signer());
        witness.watch(ORIGIN, self.key.public().clone());
        witness
    }
}

fn status(result: &Result<String, Refusal>) -> u16 {
    result.as_ref().map_or_else(Refusal::status, |_| 200)
}

#[test]
fn a_log_that_shows_two_histories_gets_only_one_cosigned() {
    let (honest, forked) = (Log::new(0), Log::new(1));
    let mut witness = honest.witness();
    let mut add = |body: String, now| witness.add_checkpoint(body.as_bytes(), now, kept);
    assert_eq!(status(&add(honest.request(0, 9), 10)), 200);
    assert_eq!(status(&add(forked.request(9, 9), 11)), 422);
    assert_eq!(status(&add(forked.request(9, 20), 11)), 422);
    assert_eq!(status(&add(forked.request(5, 20), 11)), 409);
    assert_eq!(status(&add(honest.request(9, 20), 12)), 200);
    assert_eq!(status(&add(honest.request(20, 9), 12)), 400, "not back again");
    assert_eq!(status(&add(honest.request(20, 20), 13)), 200);
}

#[test]
fn every_step_of_a_growing_log_is_cosigned() {
    let log = Log::new(0);
    for old in 0..=20 {
        for size in old..=20 {
            let mut witness = log.witness();
            let first = witness.add_checkpoint(log.request(0, old).as_bytes(), 1, kept);
            assert_eq!(status(&first), 200, "0 to {old}");
            let second = witness.add_checkpoint(log.request(old, size).as_bytes(), 1, kept);
            assert_eq!(status(&second), 200, "{old} to {size}");
        }
    }
}

#[test]
fn what_is_not_kept_is_not_answered_and_changes_nothing() {
    let log = Log::new(0);
    let mut witness = log.witness();
    let full = |_: &str, _: &str| Err(io::Error::from(io::ErrorKind::StorageFull));
    let answer = witness.add_checkpoint(log.request(0, 9).as_bytes(), 10, full);
    assert_eq!(status(&answer), 500);
    assert_eq!(witness.logs().collect::<Vec<_>>(), [(ORIGIN, None)]);
    let mut notes = Vec::new();
    let keep = |origin: &str, note: &str| {
        notes.push((origin.to_owned(), note.to_owned()));
        Ok(())
    };
    let line = witness.add_checkpoint(log.request(0, 9).as_bytes(), 10, keep).unwrap();
    assert_eq!(notes, [(ORIGIN.to_owned(), format!("{}{line}", log.note(9)))]);
}

#[test]
fn a_witness_goes_on_from_what_it_kept_and_from_nothing_else() {
    let (honest, forked) = (Log::new(0), Log::new(1));
    let mut witness = honest.witness();
    witness.add_checkpoint(honest.request(0, 9).as_bytes(), 10, kept).unwrap();
    let hash = hex(&sha256(&[ORIGIN.as_bytes()]));
    let note = witness.checkpoint(&hash).unwrap().to_owned();
    assert_eq!(witness.checkpoint(&hex(&[0; 32])), None);

    let mut again = honest.witness();
    again.restore(&note).unwrap();
    assert_eq!(status(&again.add_checkpoint(forked.request(0, 9).as_bytes(), 11, kept)), 409);
    assert_eq!(status(&again.add_checkpoint(honest.request(9, 20).as_bytes(), 11, kept)), 200);
    assert_eq!(again.restore(&honest.note(3)), Err(CosignError::NoKnownWitness));
    assert!(again.restore(&note.replace("\n9\n", "\n8\n")).is_err());
}

#[test]
fn the_time_of_a_longer_tree_is_never_earlier() {
    let log = Log::new(0);
    let mut witness = log.witness();
    witness.add_checkpoint(log.request(0, 9).as_bytes(), 1_000, kept).unwrap();
    let line = witness.add_checkpoint(log.request(9, 20).as_bytes(), 500, kept).unwrap();
    let note = format!("{}{line}", log.note(20));
    assert_eq!(witness.key().cosigned(&SignedNote::parse(&note).unwrap()), Ok(Some(1_000)));
    // A clock that was never set makes no cosignature without a time.
    let mut other = log.witness();
    let line = other.add_checkpoint(log.request(0, 9).as_bytes(), 0, kept).unwrap();
    let note = format!("{}{line}", log.note(9));
    assert_eq!(other.key().cosigned(&SignedNote::parse(&note).unwrap()), Ok(Some(1)));
}

#[test]
fn after_a_rotation_either_key_is_known_if_both_were_given() {
    let log = Log::new(0);
    let new = SigningKey::from_seed(ORIGIN, [2; 32]).unwrap();
    let mut witness = log.witness();
    let signed = Checkpoint { origin: ORIGIN.into(), size: 9, root: root_of(&log.leaves[..9]) };
    let body = request_body(0, &[], &signed.sign(&new));
    assert_eq!(status(&witness.add_checkpoint(body.as_bytes(), 1, kept)), 403);
    witness.watch(ORIGIN, new.public().clone());
    assert_eq!(status(&witness.add_checkpoint(body.as_bytes(), 1, kept)), 200);
    assert_eq!(status(&witness.add_checkpoint(log.request(9, 20).as_bytes(), 1, kept)), 200);
}

#[test]
fn a_list_of_logs_is_read_and_a_mistake_has_its_line() {
    let log = Log::new(0).key;
    let list = format!(
        "# ours\nlogs/v0\n\nvkey {}\nqps 1\ncontact a@example.com\n\nvkey {}\norigin some tree\n",
        log.public(),
        log.public()
    );
    let logs = parse_log_list(&list).unwrap();
    let origins: Vec<&str> = logs.iter().map(|(origin, _)| &**origin).collect();
    assert_eq!(origins, [ORIGIN, "some tree"]);
    for (text, line) in [("vkey x", 1), ("logs/v0\nvkey x", 2), ("logs/v0\norigin a", 2)] {
        assert_eq!(parse_log_list(text).unwrap_err().line, line, "{text}");
    }
}

proptest! {
    #[test]
    fn any_body_is_answered_without_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>()
    ) {
        let log = Log::new(0);
        let mut witness = log.witness();
        let _ = witness.add_checkpoint(&body, 1, kept);
        let _ = witness.add_checkpoint(&[b"old 0\n\n", &body[..]].concat(), 1, kept);
        // One byte of a good request is another: it is never cosigned, unless nothing was read of it.
        let good = log.request(0, 9);
        let mut bad = good.clone().into_bytes();
        let at = at.index(bad.len());
        bad[at] = byte;
        if bad != good.as_bytes() {
            prop_assert!(witness.add_checkpoint(&bad, 1, kept).is_err());
        }
        let _ = parse_log_list(&String::from_utf8_lossy(&body));
    }
}
