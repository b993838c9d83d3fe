//! The ledger as witnesses and monitors read it.

use serde_json::json;

use crate::house::House;

#[test]
fn checkpoint_and_hashes_are_open_and_entries_take_a_token() {
    let house = House::with_company();
    let leaves = house.sequence();
    let (status, cache, note) = house.file("/ledger/checkpoint", "");
    assert_eq!((status, cache.as_str()), (200, "no-cache"));
    let note = String::from_utf8(note).unwrap();
    assert!(note.starts_with(&format!("test.example/instance\n{leaves}\n")), "{note}");
    let (status, cache, hashes) = house.file(&format!("/ledger/tile/0/000.p/{leaves}"), "");
    assert_eq!((status, hashes.len() as u64), (200, 32 * leaves));
    assert!(cache.contains("immutable"), "{cache}");
    let entries = format!("/ledger/tile/entries/000.p/{leaves}");
    assert_eq!(house.file(&entries, "").0, 401);
    assert_eq!(house.file(&entries, &house.owner).0, 200);
    let bob = house.member("bob", &json!({"id": "bob", "role": "sponsor", "sponsor": "bob"}));
    assert_eq!(house.file(&entries, &bob).0, 403);
    for path in [
        "private.key",
        "handle.key",
        "lock",
        "../state.sqlite",
        "%2e%2e/state.sqlite",
        "tile/0/000",
        "tile/0/000.p/1/",
        "",
        "tile/0/..%2f..%2fprivate.key",
        "tile//entries/000.p/1",
        &format!("tile/0/000.p/{}", leaves + 1),
    ] {
        assert_eq!(house.file(&format!("/ledger/{path}"), &house.owner).0, 404, "{path}");
    }
}

#[test]
fn a_proof_is_asked_for_by_the_id_of_the_act() {
    let house = House::with_company();
    let changes = house.get("/v1/changes", &house.owner).body;
    let apply = changes["changes"].as_array().unwrap().last().unwrap();
    let path = format!("/v1/changes/{}/proof", apply["change"].as_str().unwrap());
    let reply = house.get(&path, &house.owner);
    assert_eq!((reply.status, reply.body["code"].as_str()), (409, Some("proof.pending")));
    house.sequence();
    let reply = house.get(&format!("{path}?item=grant:g-paul"), &house.owner);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["format"], "countersign.change-proof.v1");
    assert!(reply.body["proof"].as_str().unwrap().starts_with("c2sp.org/tlog-proof@v1\n"));
    assert!(reply.body["item"]["text"].as_str().unwrap().contains("\"justification\":\"orders\""));
    for (path, status) in [
        ("/v1/changes/00/proof".to_owned(), 404),
        (format!("/v1/changes/{}/proof", "zz".repeat(16)), 404),
        (format!("{path}?item=grant"), 400),
        (format!("{path}?item=grant:nobody"), 404),
    ] {
        assert_eq!(house.get(&path, &house.owner).status, status, "{path}");
    }
}

#[test]
fn an_order_to_erase_is_carried_out_once_and_not_while_it_is_held() {
    let house = House::with_company();
    let path = "/v1/identities/paul/erase";
    let order = json!({"order": "9a1e0c2e-7c3f-4d28-9f0a-3f6f1d0c2b11", "ground": "gdpr.17.1.b"});
    for bad in [
        json!({}),
        json!({"order": "9a1e", "ground": "gdpr"}),
        json!({"order": 7, "ground": "gdpr"}),
        json!({"order": order["order"], "ground": "for the law"}),
    ] {
        assert_eq!(house.post(path, &house.owner, &bad).status, 422, "{bad}");
    }
    let held = house.post("/v1/identities/paul/hold", &house.owner, &json!({"ground": "audit"}));
    assert_eq!((held.status, held.body["id"].as_str()), (201, Some("identity.paul")));
    let reply = house.post(path, &house.owner, &order);
    assert_eq!((reply.status, reply.body["code"].as_str()), (409, Some("held")));
    let sam = house.member("sam", &json!({"id": "sam", "role": "security"}));
    for token in [&house.owner, &sam] {
        let reply = house.post("/v1/holds/identity.paul/release", token, &json!({}));
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let reply = house.post(path, &house.owner, &order);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(reply.body["versions"].as_u64().unwrap() > 0);
    let again = house.post(path, &house.owner, &order);
    assert_eq!((again.status, again.body["versions"].as_u64()), (200, Some(0)));
}
