//! Proofs of acts, checked with the public key and nothing else.

use countersign_app::{Act, ChangeProof};
use countersign_ledger::change_proof::{ItemError, ShownItem, check_item};
use countersign_ledger::entry::Entry;
use countersign_ledger::merkle::root_of;
use countersign_ledger::note::PublicKey;
use countersign_ledger::offline::check_proof;

use crate::house::{COMPANY, House, owner, partner, sponsor};

fn key(house: &House) -> PublicKey {
    PublicKey::parse(&std::fs::read_to_string(house.folder.join("ledger/public.key")).unwrap())
        .unwrap()
}

fn shown<'a>(proof: &'a ChangeProof) -> ShownItem<'a> {
    let item = proof.item.as_ref().unwrap();
    ShownItem {
        row: &item.row,
        place: item.place.as_ref().map(|(index, path)| (*index, path.as_slice())),
        opening: item
            .opening
            .as_ref()
            .map(|(text, salt)| (text.as_bytes(), salt.as_slice().try_into().unwrap())),
    }
}

fn changes(house: &House) -> Vec<countersign_app::Changed> {
    house.app.changes(&owner(), (0, 0)).unwrap().0
}

#[test]
fn an_act_is_proven_once_a_checkpoint_covers_it() {
    let house = House::new();
    house.apply(COMPANY);
    house.app.act(&owner(), "grant", "g-paul", "suspend", &Act::default()).unwrap();
    house.sequence();
    house.app.act(&owner(), "grant", "g-paul", "resume", &Act::default()).unwrap();
    let changes = changes(&house);
    let error = house.app.change_proof(&owner(), &changes[2].id, None).unwrap_err();
    assert_eq!(error.code(), "proof.pending");
    house.sequence();
    for (at, change) in (0..).zip(&changes) {
        let proof = house.app.change_proof(&owner(), &change.id, None).unwrap();
        assert_eq!(proof.index, at);
        let checked = check_proof(&proof.proof, &change.leaf, &key(&house), None).unwrap();
        assert!(checked.checkpoint.size > at);
    }
    let proof = house.app.change_proof(&owner(), &changes[1].id, None).unwrap();
    check_item(&proof.change.leaf, &shown(&proof)).unwrap();
    let text = &proof.item.as_ref().unwrap().opening.as_ref().unwrap().0;
    assert!(text.starts_with("{\"state\":\"suspended\",\"document\":{"), "{text}");
}

#[test]
fn each_row_of_a_batch_leads_to_its_leaf_and_opens() {
    let house = House::new();
    let planned = house.apply(COMPANY).steps.len();
    house.sequence();
    let apply = changes(&house).remove(0);
    let whole = house.app.change_proof(&owner(), &apply.id, None).unwrap();
    assert_eq!((whole.count, whole.rows.len()), (Some(planned), planned));
    let hashes: Vec<_> = whole.rows.iter().map(|row| row.hash).collect();
    let Ok(Entry::ChangeBatch(batch)) = Entry::decode(&apply.leaf) else { unreachable!() };
    assert_eq!(root_of(&hashes), batch.root);
    for row in &whole.rows {
        let wanted = Some((row.noun.as_str(), row.id.as_str()));
        let proof = house.app.change_proof(&owner(), &apply.id, wanted).unwrap();
        let mut item = shown(&proof);
        check_item(&apply.leaf, &item).unwrap();
        let (text, salt) = item.opening.unwrap();
        let other = [text, b" "].concat();
        item.opening = Some((&other, salt));
        assert_eq!(check_item(&apply.leaf, &item), Err(ItemError::OtherText));
        let (index, path) = item.place.unwrap();
        item.place = Some((index + 1, path));
        assert_eq!(check_item(&apply.leaf, &item), Err(ItemError::NotInAct));
    }
}

#[test]
fn a_proof_shows_nobody_what_they_may_not_read() {
    let house = House::new();
    house.apply(COMPANY);
    house.sequence();
    let apply = changes(&house).remove(0);
    let of = |caller, item| house.app.change_proof(caller, &apply.id, item);
    let pi = partner("pi");
    let proof = of(&pi, Some(("grant", "g-paul"))).unwrap();
    check_item(&apply.leaf, &shown(&proof)).unwrap();
    assert_eq!(proof.rows, [], "no list of the others");
    for item in [None, Some(("grant", "g-rho")), Some(("grant", "none")), Some(("colour", "red"))] {
        assert_eq!(of(&pi, item).unwrap_err().code(), "not_found", "{item:?}");
    }
    let bob = sponsor("bob");
    assert_eq!(of(&bob, Some(("identity", "rita"))).unwrap_err().code(), "not_found");
    assert_eq!(
        house.app.change_proof(&owner(), &apply.id, Some(("grant", "none"))).unwrap_err().code(),
        "not_found"
    );
    assert_eq!(house.app.change_proof(&owner(), &[9; 16], None).unwrap_err().code(), "not_found");
}

#[test]
fn proofs_hold_after_the_key_was_changed() {
    let house = House::new();
    house.apply(COMPANY);
    house.sequence();
    house.rotate_key();
    house.app.act(&owner(), "grant", "g-paul", "suspend", &Act::default()).unwrap();
    house.sequence();
    house.app.act(&owner(), "grant", "g-paul", "resume", &Act::default()).unwrap();
    house.sequence();
    let changes = changes(&house);
    let indices: Vec<u64> = changes
        .iter()
        .map(|change| house.app.change_proof(&owner(), &change.id, None).unwrap().index)
        .collect();
    assert_eq!(indices, [0, 2, 3], "entry 1 is the new key");
}
