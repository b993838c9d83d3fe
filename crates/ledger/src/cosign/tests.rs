use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::note::SigningKey;

fn signer(number: u8) -> WitnessSigner {
    WitnessSigner::from_seed(&format!("w{number}.example"), [number; 32]).unwrap()
}

fn note(size: u64) -> String {
    let key = SigningKey::from_seed("example.com/log", [1; 32]).unwrap();
    Checkpoint { origin: "example.com/log".into(), size, root: [7; 32] }.sign(&key)
}

fn text(note: &str) -> &str {
    SignedNote::parse(note).unwrap().text
}

fn cosigned(witness: &WitnessKey, note: &str) -> Result<Option<u64>, CosignError> {
    witness.cosigned(&SignedNote::parse(note)?)
}

/// A cosignature that another program made: `vectors/NOTICE`.
#[test]
fn a_cosignature_of_another_program_checks_and_ours_is_the_same() {
    let vector = include_str!("../../vectors/cosigned.txt");
    let (witness, rest) = vector.strip_prefix("witness ").unwrap().split_once('\n').unwrap();
    let (time, note) = rest.strip_prefix("time ").unwrap().split_once('\n').unwrap();
    let time: u64 = time.parse().unwrap();
    let key = WitnessKey::parse(witness).unwrap();
    assert_eq!(key.to_string(), witness);
    assert_eq!(cosigned(&key, note), Ok(Some(time)));

    // The seed of the key that made it, after the byte of its type.
    let seed = STANDARD.decode("AaLa/dfyBhyo/m0Z7WCi98ENVZWtrP8pxgRNrx7tIWiA").unwrap();
    let signer = WitnessSigner::from_seed("witness", seed[1..].try_into().unwrap()).unwrap();
    assert_eq!(signer.public(), &key);
    assert!(note.ends_with(&signer.cosign(text(note), time)));
}

#[test]
fn a_private_key_round_trips_and_is_not_printed() {
    let signer = signer(9);
    let text = signer.to_private_text();
    assert_eq!(WitnessSigner::parse(&text).unwrap().public(), signer.public());
    assert!(!format!("{signer:?}").contains(&text[text.len() - 20..text.len() - 1]));
    // The key of a log does not become a witness by its name.
    let log = SigningKey::from_seed("w9.example", [9; 32]).unwrap();
    assert_eq!(WitnessKey::parse(&log.public().to_string()), Err(CosignError::WitnessKey));
    assert!(WitnessSigner::parse(&log.to_private_text()).is_err());
}

#[test]
fn answers_of_witnesses_are_merged_and_the_latest_of_each_is_kept() {
    let (one, two) = (signer(1), signer(2));
    let keys = [one.public().clone(), two.public().clone()];
    let plain = note(5);
    let first = merge(&plain, &one.cosign(text(&plain), 100), &keys).unwrap();
    let lines = [one.cosign(text(&plain), 200), two.cosign(text(&plain), 150)].concat();
    let both = merge(&first, &lines, &keys).unwrap();
    assert_eq!(cosigned(&keys[0], &both), Ok(Some(200)));
    assert_eq!(cosigned(&keys[1], &both), Ok(Some(150)));
    assert_eq!(both.matches("— w1.example").count(), 1);
    assert!(both.starts_with(plain.trim_end()), "the log's own signature stays");
    // An older one changes nothing.
    assert_eq!(merge(&both, &one.cosign(text(&plain), 99), &keys), Ok(both.clone()));
}

#[test]
fn what_a_witness_did_not_say_is_not_merged() {
    let (one, two) = (signer(1), signer(2));
    let keys = [one.public().clone()];
    let (five, six) = (note(5), note(6));
    let of_other_text = one.cosign(text(&six), 100);
    let bad = CosignError::BadCosignature("w1.example".into());
    assert_eq!(merge(&five, &of_other_text, &keys), Err(bad));
    let unknown = two.cosign(text(&five), 100);
    assert_eq!(merge(&five, &unknown, &keys), Err(CosignError::NoKnownWitness));
    let mixed = [unknown, one.cosign(text(&five), 100)].concat();
    let merged = merge(&five, &mixed, &keys).unwrap();
    assert!(!merged.contains("w2.example"));
    assert_eq!(merge(&five, "", &keys), Err(CosignError::Note(NoteError::Malformed)));
}

#[test]
fn a_time_that_cannot_be_is_refused() {
    let signer = signer(1);
    let plain = note(5);
    for time in [0, i64::MAX as u64 + 1, u64::MAX] {
        let signed = format!("{plain}{}", signer.cosign(text(&plain), time));
        assert!(cosigned(signer.public(), &signed).is_err(), "{time}");
    }
}

#[test]
fn no_flipped_bit_of_a_cosignature_is_accepted() {
    let signer = signer(1);
    let plain = note(5);
    let signed = format!("{plain}{}", signer.cosign(text(&plain), 100));
    for bit in plain.len() * 8..signed.len() * 8 {
        let mut bytes = signed.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(text) = str::from_utf8(&bytes) else { continue };
        assert!(!matches!(cosigned(signer.public(), text), Ok(Some(_))), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[\\PC\n]{0,200}", lines in "(— w1.example [A-Za-z0-9+/]{0,120}\n){0,3}") {
        let keys = [signer(1).public().clone()];
        let _ = merge(&text, &lines, &keys);
        let _ = merge(&note(5), &lines, &keys);
        let _ = WitnessKey::parse(&text);
        let _ = WitnessSigner::parse(&text);
    }
}
