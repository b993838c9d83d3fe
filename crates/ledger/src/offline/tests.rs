use proptest::prelude::*;

use super::*;
use crate::cosign::WitnessSigner;
use crate::folder::keep_cosigned;
use crate::folder::tests::Temporary;
use crate::log::tests::row;
use crate::prove::extension;
use crate::rotation::Order;
use crate::verify::{Against, VerifyError, verify_against};
use crate::witness::{Witness, request_body};

const PLANNED: Order<'_> = Order { time: 7, why: "planned", by: None, second: None };

fn event(number: u32) -> Handle {
    let bytes = row(number);
    let Ok(Entry::Row(row)) = Entry::decode(&bytes) else { unreachable!() };
    row.event
}

/// Three entries, a batch of five rows, a new key, two entries.
fn ledger(folder: &Temporary) -> PublicKey {
    let mut ledger = folder.open().unwrap();
    ledger.append([[0], [1], [2]]).unwrap();
    let mut append = ledger.begin();
    (0..5).for_each(|number| append.row(&row(number)).unwrap());
    append.commit().unwrap();
    ledger.rotate(&PLANNED, [9; 32]).unwrap();
    ledger.append([[3], [4]]).unwrap();
    ledger.public_key().clone()
}

fn cosign(folder: &Temporary, signer: WitnessSigner) -> u64 {
    let key = signer.public().clone();
    let mut witness = Witness::new(signer);
    let ledger = folder.open().unwrap();
    witness.watch("example.com/log", ledger.signing_key().clone());
    let proven = extension(folder.path(), 0).unwrap();
    let body = request_body(0, &proven.path, &proven.note);
    let lines = witness.add_checkpoint(body.as_bytes(), 1_000, |_, _| Ok(())).unwrap();
    keep_cosigned(folder.path(), &proven.note, &lines, &[key]).unwrap()
}

fn signer(number: u8) -> WitnessSigner {
    WitnessSigner::from_seed(&format!("w{number}.example"), [number; 32]).unwrap()
}

#[test]
fn entries_and_rows_are_proven_by_one_text_and_the_first_key() {
    let folder = Temporary::new();
    let key = ledger(&folder);
    let wanted = [Wanted::Row(event(4)), Wanted::Entry(6), Wanted::Entry(0), Wanted::Row(event(2))];
    let text = bundle(folder.path(), &wanted).unwrap();
    let checked = check(&text, &key, None).unwrap();
    let places: Vec<_> = checked.leaves.iter().map(|leaf| (leaf.index, leaf.row)).collect();
    assert_eq!(places, [(0, None), (3, Some(2)), (3, Some(4)), (4, None), (6, None)]);
    assert_eq!(checked.leaves[0].bytes, [0]);
    assert_eq!(checked.leaves[2].bytes, row(4));
    assert_eq!((checked.checkpoint.size, checked.keys.len()), (7, 2));
    // Nothing but what was asked for and the chain of keys.
    let empty = check(&bundle(folder.path(), &[]).unwrap(), &key, None).unwrap();
    assert_eq!(empty.leaves.len(), 1);
    assert!(bundle(folder.path(), &[Wanted::Entry(7)]).is_err());
    assert!(bundle(folder.path(), &[Wanted::Row(Handle([255; 16]))]).is_err());
}

#[test]
fn without_the_entry_that_changed_the_key_the_first_key_is_not_enough() {
    let folder = Temporary::new();
    let key = ledger(&folder);
    let text = bundle(folder.path(), &[Wanted::Entry(5)]).unwrap();
    let parts: Vec<&str> = text.splitn(3, "leaf ").collect();
    let without = format!("{}leaf {}", parts[0], parts[2]);
    let refused = check(&without, &key, None).unwrap_err();
    assert!(matches!(refused, OfflineError::Checkpoint(_)), "{refused}");
}

#[test]
fn no_changed_byte_of_a_bundle_is_accepted() {
    let folder = Temporary::new();
    let key = ledger(&folder);
    let wanted = [Wanted::Row(event(1)), Wanted::Entry(1)];
    let text = bundle(folder.path(), &wanted).unwrap();
    let whole = check(&text, &key, None).unwrap();
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        assert!(check(&changed, &key, None).is_err(), "byte {at} of {whole:?}");
    }
}

#[test]
fn a_quorum_is_asked_of_bundles_and_ledgers_alike() {
    let folder = Temporary::new();
    let key = ledger(&folder);
    let keys = [1, 2].map(|number| signer(number).public().clone());
    let (any, both) = (Policy::threshold(1, &keys).unwrap(), Policy::threshold(2, &keys).unwrap());
    let against = |policy| Against { key: &key, earlier: None, policy: Some(policy) };
    let refused = verify_against(folder.path(), &against(&any));
    assert!(matches!(refused, Err(VerifyError::NotCosigned(_))));
    assert_eq!(cosign(&folder, signer(1)), 7);
    let verified = verify_against(folder.path(), &against(&any)).unwrap().cosigned.unwrap();
    assert_eq!((verified.size, verified.quorum.cosigned.len()), (7, 1));
    assert!(verify_against(folder.path(), &against(&both)).is_err());
    assert_eq!(cosign(&folder, signer(2)), 7);
    verify_against(folder.path(), &against(&both)).unwrap();

    let text = bundle(folder.path(), &[Wanted::Entry(0)]).unwrap();
    assert_eq!(check(&text, &key, Some(&both)).unwrap().quorum.unwrap().cosigned.len(), 2);
    let strangers = Policy::threshold(1, &[signer(3).public().clone()]).unwrap();
    let refused = check(&text, &key, Some(&strangers)).unwrap_err();
    assert!(matches!(refused, OfflineError::NotCosigned(quorum) if quorum.missing.len() == 1));

    // The ledger grows; witnesses have seen its beginning, and prove that.
    folder.open().unwrap().append((10..40_u8).map(|leaf| [leaf])).unwrap();
    let verified = verify_against(folder.path(), &against(&both)).unwrap();
    assert_eq!((verified.checkpoint.size, verified.cosigned.unwrap().size), (37, 7));
    let text = bundle(folder.path(), &[Wanted::Entry(6)]).unwrap();
    assert_eq!(check(&text, &key, Some(&both)).unwrap().checkpoint.size, 7);
    let text = bundle(folder.path(), &[Wanted::Entry(36)]).unwrap();
    assert!(matches!(check(&text, &key, Some(&both)), Err(OfflineError::NotCosigned(_))));
}

#[test]
fn a_ledger_that_differs_from_what_witnesses_saw_is_shown_with_their_note() {
    let (folder, forked) = (Temporary::new(), Temporary::new());
    let key = ledger(&folder);
    cosign(&folder, signer(1));
    forked.open().unwrap().append((0..9_u8).map(|leaf| [leaf, 1])).unwrap();
    let kept = folder.path().join("checkpoint.cosigned");
    std::fs::copy(&kept, forked.path().join("checkpoint.cosigned")).unwrap();
    // Signed by a key that the forked log never had: it is no checkpoint of this log.
    let against = Against { key: &key, earlier: None, policy: None };
    let refused = verify_against(forked.path(), &against).unwrap_err();
    assert!(refused.to_string().contains("checkpoint.cosigned"), "{refused}");

    let other = Temporary::new();
    other.open().unwrap().append((0..4_u8).map(|leaf| [leaf, 2])).unwrap();
    cosign(&other, signer(1));
    std::fs::copy(
        other.path().join("checkpoint.cosigned"),
        forked.path().join("checkpoint.cosigned"),
    )
    .unwrap();
    let Err(VerifyError::SplitView(split)) = verify_against(forked.path(), &against) else {
        unreachable!()
    };
    assert!(split.earlier.contains("— w1.example"), "{split}");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(lines in prop::collection::vec("(leaf |extra |index )?([A-Za-z0-9+/]{0,44}=?|[0-9]{0,3})", 0..12), note in "\\PC{0,40}") {
        let key = crate::log::tests::key();
        let text = format!("{HEADER}\n{}\n\n{note}", lines.join("\n"));
        prop_assert!(check(&text, key.public(), None).is_err());
        prop_assert!(check(&note, key.public(), None).is_err());
    }
}
