use proptest::prelude::*;

use super::*;
use crate::entry::{Change, Entry, Erasure};
use crate::folder::tests::Temporary;
use crate::proof::check;
use crate::prove::prove;
use crate::verify::verify;

const ANN: Handle = Handle([1; 16]);
const BOB: Handle = Handle([2; 16]);

fn salt(byte: u8) -> Salt {
    Salt::from_bytes([byte; 32])
}

/// What a service keeps beside its ledger.
#[derive(Default)]
struct Vault {
    wrapped: Vec<(Handle, Vec<u8>)>,
    bodies: Vec<(Handle, Sealed)>,
}

impl Vault {
    fn key(&self, master: &MasterKey, subject: Handle) -> Option<SubjectKey> {
        let (_, wrapped) = self.wrapped.iter().find(|(of, _)| *of == subject)?;
        SubjectKey::unwrap(master, subject, wrapped).ok()
    }
}

fn change(number: u8, after: Commitment) -> Vec<u8> {
    let (item, by) = (Handle([number; 16]), ANN);
    let (verb, noun) = ("identity.update", "identity");
    let change = Change { time: 0, id: [number; 16], verb, noun, item, by, before: None, after };
    Entry::Change(change).encode().unwrap()
}

#[test]
fn after_an_erasure_nobody_opens_the_bodies_and_the_ledger_still_verifies() {
    let folder = Temporary::new();
    let mut ledger = folder.open().unwrap();
    let master = MasterKey::new(&[9; 32]);
    let mut vault = Vault::default();
    for (number, subject, body) in [(1, ANN, "ann"), (2, BOB, "bob"), (3, ANN, "ann again")] {
        if vault.key(&master, subject).is_none() {
            let key = SubjectKey::new(&[100 + number; 32]);
            vault.wrapped.push((subject, key.wrap(&master, subject, [number; 12])));
        }
        let key = vault.key(&master, subject).unwrap();
        let sealed = key.seal(body.as_bytes(), salt(number), [number; 12]).unwrap();
        ledger.append([change(number, sealed.commitment)]).unwrap();
        vault.bodies.push((subject, sealed));
    }
    let public = ledger.public_key().clone();
    let before = prove(folder.path(), 0).unwrap();

    // Anonymised by destroying one row; the sealed bodies may stay where nobody can delete them.
    vault.wrapped.retain(|(subject, _)| *subject != ANN);
    let (order, ground) = ([7; 16], "gdpr.17.1.b");
    let erasure = Erasure { time: 0, order, ground, subject: ANN, by: BOB, keys: 1, bodies: 2 };
    ledger.append([Entry::Erasure(erasure).encode().unwrap()]).unwrap();

    assert!(vault.key(&master, ANN).is_none());
    let bob = vault.key(&master, BOB).unwrap();
    let opened: Vec<_> = vault
        .bodies
        .iter()
        .map(|(_, sealed)| bob.open(&sealed.bytes, sealed.commitment).ok().map(|open| open.body))
        .collect();
    assert_eq!(opened, [None, Some(b"bob".to_vec()), None]);
    let verified = verify(folder.path(), &public.to_string(), None).unwrap();
    assert_eq!((verified.checkpoint.size, verified.changes, verified.custody), (4, 3, 1));
    // A proof handed out before holds, and so does a new one.
    check(&before.proof, &public, &change(1, vault.bodies[0].1.commitment)).unwrap();
    let proven = prove(folder.path(), 2).unwrap();
    check(&proven.proof, &public, &proven.leaf).unwrap();
}

#[test]
fn a_body_opens_with_its_key_and_its_commitment_alone() {
    let (ann, bob) = (SubjectKey::new(&[1; 32]), SubjectKey::new(&[2; 32]));
    let sealed = ann.seal(b"body", salt(3), [4; 12]).unwrap();
    let opened = ann.open(&sealed.bytes, sealed.commitment).unwrap();
    assert_eq!((opened.body.as_slice(), opened.salt), (&b"body"[..], salt(3)));
    assert_eq!(opened.salt.commit(&opened.body), sealed.commitment);
    assert_eq!(bob.open(&sealed.bytes, sealed.commitment), Err(SealError::DoesNotOpen));
    let other = salt(5).commit(b"body");
    assert_eq!(ann.open(&sealed.bytes, other), Err(SealError::DoesNotOpen));
    let clear = [&b"body"[..], &[3; 8]];
    assert!(clear.iter().all(|part| !sealed.bytes.windows(part.len()).any(|at| at == *part)));
}

#[test]
fn a_wrapped_key_is_of_one_subject_and_one_master_key() {
    let (master, other) = (MasterKey::new(&[1; 32]), MasterKey::new(&[2; 32]));
    let key = SubjectKey::new(&[3; 32]);
    let wrapped = key.wrap(&master, ANN, [4; 12]);
    assert_eq!(wrapped.len(), WRAPPED_BYTES);
    let sealed = key.seal(b"body", salt(3), [4; 12]).unwrap();
    let again = SubjectKey::unwrap(&master, ANN, &wrapped).unwrap();
    assert!(again.open(&sealed.bytes, sealed.commitment).is_ok());
    assert_eq!(SubjectKey::unwrap(&master, BOB, &wrapped).unwrap_err(), SealError::DoesNotOpen);
    assert_eq!(SubjectKey::unwrap(&other, ANN, &wrapped).unwrap_err(), SealError::OtherMaster);
    // Another master key takes over by wrapping again; bodies stay as they are.
    let rewrapped = again.wrap(&other, ANN, [5; 12]);
    let again = SubjectKey::unwrap(&other, ANN, &rewrapped).unwrap();
    assert!(again.open(&sealed.bytes, sealed.commitment).is_ok());
}

#[test]
fn no_secret_is_printed() {
    let (master, key) = (MasterKey::new(&[0xAB; 32]), SubjectKey::new(&[0xCD; 32]));
    let printed = format!("{master:?} {key:?}");
    assert!(!printed.contains("abab") && !printed.contains("171") && !printed.contains("205"));
}

#[test]
fn the_documented_vectors_hold() {
    let document = include_str!("../../../../docs/ledger-format.md");
    let master = MasterKey::new(&[1; 32]);
    let key = SubjectKey::new(&[2; 32]);
    let wrapped = key.wrap(&master, Handle([3; 16]), [4; 12]);
    let sealed = key.seal_as(Commitment([7; 32]), b"{}", salt(5), [6; 12]);
    for bytes in [wrapped, sealed] {
        let hex = crate::note::hex(&bytes);
        assert!(document.contains(&format!("`{hex}`")), "no `{hex}`");
    }
}

proptest! {
    #[test]
    fn whatever_was_changed_does_not_open(
        body in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        rubbish in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let (master, key) = (MasterKey::new(&[1; 32]), SubjectKey::new(&[2; 32]));
        let sealed = key.seal(&body, salt(3), [4; 12]).unwrap();
        let wrapped = key.wrap(&master, ANN, [5; 12]);
        prop_assert_eq!(&key.open(&sealed.bytes, sealed.commitment).unwrap().body, &body);
        let changed = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            bytes
        };
        prop_assert!(key.open(&changed(&sealed.bytes), sealed.commitment).is_err());
        prop_assert!(SubjectKey::unwrap(&master, ANN, &changed(&wrapped)).is_err());
        let cut = &sealed.bytes[..at.index(sealed.bytes.len())];
        prop_assert!(key.open(cut, sealed.commitment).is_err());
        for prefix in [&b""[..], SEALED_MAGIC, WRAPPED_MAGIC] {
            let rubbish = [prefix, &rubbish].concat();
            prop_assert!(key.open(&rubbish, sealed.commitment).is_err());
            prop_assert!(SubjectKey::unwrap(&master, ANN, &rubbish).is_err());
        }
    }
}
