//! Erasures, holds, and what takes two people.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign_app::{Act, Caller, Erasing};
use countersign_judge::permission::Role;
use countersign_ledger::entry::{Entry, HoldStep};
use serde_json::json;

use crate::house::{COMPANY, House, owner, parsed, partner, sponsor};

const ORDER: Erasing<'_> = Erasing { order: [0xE5; 16], ground: "gdpr.17.1.b" };

pub fn security(id: &str) -> Caller {
    Caller { principal: format!("member:{id}"), role: Role::Security, ..owner() }
}

/// Paul with a name, an account and a colleague's words about him.
pub fn with_paul(house: &House) {
    house.apply(COMPANY);
    let read = house.app.item(&owner(), "identity", "paul").unwrap();
    let document = json!({
        "id": "paul", "kind": "human", "organization": "pi", "name": "Zebulon Quarck",
        "active": {"from": "2026-01-01", "until": "2027-01-01"},
        "accounts": [{"namespace": "erp", "value": "zquarck@pi.example"}],
    });
    let act = |rev| Act { rev: Some(rev), why: Some("Zebulon asked".to_owned()), ..Act::default() };
    house.app.put(&owner(), "identity", &document, &act(read.rev)).unwrap();
    let read = house.app.item(&owner(), "grant", "g-paul").unwrap();
    let mut document = read.document.clone();
    document["justification"] = "so that Zebulon can order".into();
    house.app.put(&owner(), "grant", &document, &act(read.rev)).unwrap();
    house.app.act(&owner(), "grant", "g-paul", "suspend", &act(0).with_no_rev()).unwrap();
}

trait NoRev {
    fn with_no_rev(self) -> Self;
}

impl NoRev for Act {
    fn with_no_rev(self) -> Self {
        Self { rev: None, ..self }
    }
}

/// Whether a text stands in any file of the store.
pub fn is_in_files(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    })
}

pub fn verify(house: &House) -> countersign_ledger::Verified {
    let folder = house.folder.join("ledger");
    let key = std::fs::read_to_string(folder.join("public.key")).unwrap();
    countersign_ledger::verify(&folder, key.trim(), None).unwrap()
}

#[test]
fn an_erasure_leaves_no_byte_of_a_name_and_every_proof_holds() {
    let house = House::new();
    with_paul(&house);
    house.sequence();
    assert!(is_in_files(&house.folder, "zebulon") && is_in_files(&house.folder, "zquarck"));
    let (view, versions) = house.app.erase(&owner(), ("identity", "paul"), &ORDER).unwrap();
    assert_eq!(view.state, "ended", "nobody keeps an access that nobody is behind");
    assert_eq!(view.document.get("name"), None);
    assert!(versions >= 5, "{versions}");
    assert!(house.app.scrub().unwrap());
    house.sequence();
    assert!(!is_in_files(&house.folder, "zebulon") && !is_in_files(&house.folder, "quarck"));
    assert_eq!(house.app.item(&owner(), "grant", "g-paul").unwrap().state, "ended");
    let verified = verify(&house);
    assert_eq!(verified.custody, 2, "the erasure, and that the owner read the identity");
    for change in house.app.changes(&owner(), (0, 0)).unwrap().0 {
        let wanted = Some(("identity", "paul")).filter(|_| change.item.is_none());
        let proof = house.app.change_proof(&owner(), &change.id, wanted);
        let Ok(proof) = proof else { continue };
        let open = proof.item.as_ref().is_some_and(|item| item.opening.is_some());
        let is_of_paul = proof.item.as_ref().is_some_and(|item| item.id == "paul");
        assert!(!open || !is_of_paul || change.verb == "identity.erase", "{}", change.verb);
    }
    let again = house.app.erase(&owner(), ("identity", "paul"), &ORDER).unwrap();
    assert_eq!(again.1, 0, "an order is carried out once");
    let error = house.app.erase(&owner(), ("identity", "rita"), &ORDER).unwrap_err();
    assert_eq!(error.code(), "idempotency_key_reused");
}

#[test]
fn the_evidence_of_an_erasure_names_order_ground_and_count() {
    let house = House::new();
    with_paul(&house);
    let (_, versions) = house.app.erase(&owner(), ("identity", "paul"), &ORDER).unwrap();
    let changes = house.app.changes(&owner(), (0, 0)).unwrap().0;
    let leaf = &changes.iter().find(|change| change.id == ORDER.order).unwrap().leaf;
    let Ok(Entry::Erasure(erasure)) = Entry::decode(leaf) else { unreachable!() };
    assert_eq!((erasure.order, erasure.ground), (ORDER.order, ORDER.ground));
    assert_eq!((erasure.bodies, erasure.keys), (versions as u64, versions as u64));
}

#[test]
fn a_sponsor_is_erased_with_their_membership() {
    let house = House::new();
    house.apply(COMPANY);
    let member =
        json!({"id": "m-ann", "role": "sponsor", "sponsor": "ann", "name": "Ann Xylander"});
    house.app.put_member(&owner(), &member, &Act::default()).unwrap();
    house.app.erase(&owner(), ("sponsor", "ann"), &ORDER).unwrap();
    assert!(house.app.scrub().unwrap());
    assert!(!is_in_files(&house.folder, "xylander"));
    let view = house.app.item(&owner(), "member", "m-ann").unwrap();
    assert_eq!(view.document["sponsor"], "ann", "what carries rights stays");
}

#[test]
fn only_who_may_erases() {
    let house = House::new();
    house.apply(COMPANY);
    for (caller, code) in [(sponsor("ann"), "not_found"), (partner("pi"), "forbidden")] {
        let error = house.app.erase(&caller, ("identity", "paul"), &ORDER).unwrap_err();
        assert_eq!(error.code(), code);
    }
    let bad = Erasing { ground: "because of the law", ..ORDER };
    let error = house.app.erase(&owner(), ("identity", "paul"), &bad).unwrap_err();
    assert_eq!(error.code(), "invalid");
}

#[test]
fn what_is_held_is_not_erased_until_two_people_release_it() {
    let house = House::new();
    with_paul(&house);
    let hold = house.app.hold(&owner(), ("organization", "pi"), "litigation", None).unwrap();
    let error = house.app.hold(&owner(), ("organization", "pi"), "audit", None).unwrap_err();
    assert_eq!(error.code(), "exists");
    let erase = || house.app.erase(&owner(), ("identity", "paul"), &ORDER);
    assert_eq!(erase().unwrap_err().code(), "held");
    let asked = house.app.release(&security("sam"), &hold.id, Some("settled")).unwrap();
    assert_eq!(asked.state, "placed");
    assert_eq!(erase().unwrap_err().code(), "held");
    let error = house.app.release(&security("sam"), &hold.id, None).unwrap_err();
    assert_eq!(error.code(), "second_person");
    house.app.keep_hold(&owner(), &hold.id).unwrap();
    house.app.release(&owner(), &hold.id, None).unwrap();
    let released = house.app.release(&security("sam"), &hold.id, None).unwrap();
    assert_eq!(released.state, "released");
    assert_eq!(released.process["released_by"], json!(["member:owner", "member:sam"]));
    let changes = house.app.changes(&owner(), (0, 0)).unwrap().0;
    let leaves = changes.iter().filter_map(|change| match Entry::decode(&change.leaf) {
        Ok(Entry::Hold(hold)) => Some((hold.step, hold.id, hold.second.is_some())),
        _ => None,
    });
    let leaves: Vec<_> = leaves.collect();
    assert_eq!((leaves[0].0, leaves[0].2), (HoldStep::Place, false));
    assert_eq!((leaves[1].0, leaves[1].2), (HoldStep::Release, true));
    assert_eq!(leaves[0].1, leaves[1].1);
    erase().unwrap();
    house.sequence();
    assert_eq!(verify(&house).custody, 4, "hold, release, erasure, and one reading");
}

#[test]
fn switching_off_a_guardrail_takes_two_people() {
    let house = House::new();
    house.apply(COMPANY);
    let exception = |id: &str, rule: &str| {
        let document = json!({
            "id": id, "rule": rule, "subject": "identity:rita", "justification": "a test",
            "from": "2026-11-01", "until": "2026-12-01",
        });
        house.app.put(&owner(), "exception", &document, &Act::default()).unwrap()
    };
    let approve = |id: &str, who: &str| {
        let caller = Caller { role: security(who).role, ..sponsor(who) };
        house.app.act(&caller, "exception", id, "approve", &Act::default())
    };
    assert_eq!(exception("x-1", "grant.none").state, "asked");
    assert_eq!(approve("x-1", "ann").unwrap().state, "asked");
    assert_eq!(approve("x-1", "ann").unwrap_err().code(), "second_person");
    let approved = approve("x-1", "bob").unwrap();
    assert_eq!(approved.state, "approved");
    let by: Vec<_> =
        approved.process["acts"].as_array().unwrap().iter().map(|act| &act["by"]).collect();
    assert_eq!(by, ["member:ann", "member:bob"]);
    let verbs: Vec<String> = house
        .app
        .history(&owner(), "exception", "x-1", None)
        .unwrap()
        .into_iter()
        .map(|change| format!("{} {}", change.by, change.verb))
        .collect();
    assert_eq!(verbs[..2], ["member:bob exception.approve", "member:ann exception.ask_approve"]);
}

#[test]
fn no_register_puts_an_exception_to_a_guardrail_in_force() {
    let stands = |rule: &str, subject: &str, until: &str, rest: &str| {
        format!(
            "{COMPANY}exceptions:\n  - {{id: x-1, rule: {rule}, subject: \"{subject}\", justification: a \
             test, from: 2026-11-01, until: {until}{rest}}}\n"
        )
    };
    let approved = ", approved_by: ann";
    let wanted = stands("grant.none", "identity:rita", "2026-12-01", approved);

    let first = House::new();
    first.apply(&wanted);
    let stated = first.app.item(&owner(), "exception", "x-1").unwrap().state;
    assert_eq!(stated, "approved", "on an empty server nobody could be the second person");

    let house = House::new();
    house.apply(COMPANY);
    let refusal = |register: &str| {
        let planned = house.app.plan(&owner(), &parsed(register)).unwrap_err();
        let applied = house.app.apply(&owner(), &parsed(register), &<_>::default()).unwrap_err();
        assert_eq!(planned.to_string(), applied.to_string());
        assert!(applied.to_string().contains("`x-1`"), "{applied}");
        applied.code().to_owned()
    };
    assert_eq!(refusal(&wanted), "exception.needs_two");
    let not_a_guardrail = stands("template.departure", "identity:rita", "2026-12-01", approved);
    house.app.plan(&owner(), &parsed(&not_a_guardrail)).unwrap();

    let approve = |who: &str| {
        let caller = Caller { role: security(who).role, ..sponsor(who) };
        house.app.act(&caller, "exception", "x-1", "approve", &Act::default()).unwrap().state
    };
    // Asked as code; one word is not enough, and the register cannot be the other.
    house.apply(&stands("grant.none", "identity:rita", "2026-12-01", ""));
    assert_eq!(refusal(&wanted), "exception.needs_two");
    assert_eq!(approve("ann"), "asked");
    assert_eq!(refusal(&wanted), "exception.needs_two");
    assert_eq!(approve("bob"), "approved");

    let by_bob = ", approved_by: bob";
    let same = stands("grant.none", "identity:rita", "2026-12-01", by_bob);
    assert_eq!(house.app.plan(&owner(), &parsed(&same)).unwrap().steps, []);
    for wider in [
        stands("grant.none", "identity:rita", "2027-12-01", by_bob),
        stands("grant.none", "identity:paul", "2026-12-01", by_bob),
        stands("sponsor.gone", "identity:rita", "2026-12-01", by_bob),
        stands("grant.none", "identity:rita", "2026-12-01", approved),
    ] {
        assert_eq!(refusal(&wider), "exception.needs_two", "{wider}");
    }
    house.apply(&stands("grant.none", "identity:rita", "2026-11-30", by_bob));
    let files = house.app.export(&owner()).unwrap();
    let (exported, _) = countersign_register::parse(&files);
    assert_eq!(house.app.plan(&owner(), &exported).unwrap().steps, [], "an export is accepted");
    house.app.act(&security("ann"), "exception", "x-1", "end", &Act::default()).unwrap();
    assert_eq!(refusal(&same), "exception.needs_two", "and what has ended does not come back");
}

#[test]
fn an_erasure_that_is_cut_short_happened_whole_or_not_at_all() {
    let mut steps = 0;
    loop {
        steps += 1;
        let house = House::new();
        with_paul(&house);
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let countdown = Arc::clone(&left);
        let house = house.again(Arc::new(move |_| {
            assert_ne!(countdown.fetch_sub(1, Ordering::Relaxed), 0, "the process ends here");
        }));
        left.store(steps, Ordering::Relaxed);
        let done = house.app.erase(&owner(), ("identity", "paul"), &ORDER);
        let house = house.again(Arc::new(|_| ()));
        let paul = house.app.item(&security("sam"), "identity", "paul").unwrap();
        let evidence = house.app.store().change(&ORDER.order).unwrap();
        assert_eq!(paul.document.get("name").is_none(), evidence.is_some(), "step {steps}");
        house.app.erase(&owner(), ("identity", "paul"), &ORDER).unwrap();
        assert!(house.app.scrub().unwrap());
        assert!(!is_in_files(&house.folder, "zebulon"), "step {steps}");
        if done.is_ok() {
            assert!(steps > 20, "{steps}");
            return;
        }
    }
}

#[test]
fn another_key_for_the_ledger_takes_two_people_and_names_them() {
    let house = House::new();
    house.apply(COMPANY);
    house.sequence();
    house.app.rotate_key(&owner(), Some("yearly")).unwrap();
    assert!(!house.carry_out_rotation());
    assert_eq!(house.app.rotate_key(&owner(), None).unwrap_err().code(), "second_person");
    assert_eq!(house.app.rotate_key(&sponsor("bob"), None).unwrap_err().code(), "forbidden");
    house.app.rotate_key(&security("sam"), None).unwrap();
    assert!(house.carry_out_rotation());
    assert!(!house.carry_out_rotation(), "once");
    house.app.act(&owner(), "grant", "g-paul", "suspend", &Act::default()).unwrap();
    house.sequence();
    assert_eq!(verify(&house).keys.len(), 2);
    let folder = house.folder.join("ledger");
    let rotation = countersign_ledger::prove(&folder, 1).unwrap().leaf;
    let Ok(Entry::KeyRotation(rotation)) = Entry::decode(&rotation) else { unreachable!() };
    assert!(rotation.by.is_some() && rotation.second.is_some() && rotation.by != rotation.second);
}
