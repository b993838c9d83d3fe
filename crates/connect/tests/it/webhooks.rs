//! What a receiver of webhooks gets, and what becomes of what it does not take.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::{Act, Caller};
use countersign_connect::PrivateAddresses::{Allowed, Refused};
use serde_json::json;

use crate::house::{Got, House, Receiver, drain};

/// Written from RFC 2104 alone, so that it is not the code it checks.
fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let sha256 = |bytes: &[u8]| {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec()
    };
    let mut block = key.to_vec();
    block.resize(64, 0);
    let pad = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = sha256(&[pad(0x36), text.to_vec()].concat());
    sha256(&[pad(0x5c), inner].concat())
}

/// As a receiver checks it.
fn is_signed(got: &Got, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (id, at) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    let tag = hmac_sha256(&key, format!("{id}.{at}.{}", got.body).as_bytes());
    let wanted = format!("v1,{}", STANDARD.encode(tag));
    got.header("webhook-signature").split(' ').any(|signature| signature == wanted)
}

#[test]
fn the_hmac_of_this_test_is_that_of_rfc_4231() {
    let tag = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
}

#[test]
fn a_change_is_told_once_to_who_wants_it_and_is_signed() {
    let house = House::new();
    house.make_tenant("before");
    let receiver = Receiver::new(&["204 No Content"]);
    let secret = house.subscribe("siem", &receiver.url, &["tenant.*"]);
    let other = house.subscribe("other", &receiver.url, &["grant.*"]);
    house.make_tenant("erp");
    let mut drain = drain(Allowed, None);
    assert_eq!(house.step(&mut drain).sent, 1, "what was before it is not told");
    assert_eq!(house.step(&mut drain).sent, 0, "once");
    let got = receiver.got();
    let [got] = got.as_slice() else { unreachable!("{got:?}") };
    assert!(got.head.starts_with("POST /hooks "), "{}", got.head);
    assert!(is_signed(got, &secret) && !is_signed(got, &other), "{}", got.head);
    assert_eq!(got.header("webhook-timestamp"), house.seconds().to_string());
    let body = got.json();
    assert_eq!((&body["type"], &body["data"]["id"]), (&json!("tenant.create"), &json!("erp")));
    assert_eq!(got.header("content-type"), "application/json");
    let bytes = house.stored();
    let plain = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    for secret in [secret.as_bytes(), &plain] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "it is not stored");
    }
}

#[test]
fn what_is_not_taken_is_tried_again_later_and_later_with_the_same_id() {
    let house = House::new();
    let receiver = Receiver::new(&[
        "500 No",
        "302 Found\r\nlocation: /x",
        "503 No\r\nretry-after: 90",
        "200 Yes",
    ]);
    house.subscribe("siem", &receiver.url, &["*"]);
    house.make_tenant("erp");
    let mut drain = drain(Allowed, None);
    let mut tried_at = Vec::new();
    let begin = house.seconds();
    for _ in 0..200 {
        let before = receiver.got().len();
        house.step(&mut drain);
        if receiver.got().len() > before {
            tried_at.push(house.seconds() - begin);
        }
        house.pass(1);
    }
    assert_eq!(tried_at, [0, 5, 15, 105], "5 s, 10 s, and as long as it asked for");
    let got = receiver.got();
    assert!(got.iter().all(|one| one.header("webhook-id") == got[0].header("webhook-id")));
    let delivery = &house.deliveries("siem")[0];
    assert!(delivery.sent.is_some() && delivery.tries == 4, "{delivery:?}");
}

#[test]
fn after_days_it_is_given_up_and_the_reason_is_kept() {
    let house = House::new();
    let receiver = Receiver::new(&["500 No"]);
    house.subscribe("siem", &receiver.url, &["*"]);
    house.make_tenant("erp");
    let mut drain = drain(Allowed, None);
    for _ in 0..80 {
        house.step(&mut drain);
        house.pass(3_600);
    }
    let delivery = &house.deliveries("siem")[0];
    assert_eq!((delivery.next_at, delivery.sent), (None, None));
    assert_eq!(delivery.last_error.as_deref(), Some("it answered 500"));
    let tries = receiver.got().len();
    assert!((10..40).contains(&tries), "{tries}");
}

#[test]
fn who_answers_410_is_asked_no_more_until_somebody_changes_it() {
    let house = House::new();
    let receiver = Receiver::new(&["410 Gone", "200 Yes"]);
    let secret = house.subscribe("siem", &receiver.url, &["tenant.*"]);
    house.make_tenant("one");
    house.make_tenant("two");
    let mut drain = drain(Allowed, None);
    house.step(&mut drain);
    house.step(&mut drain);
    assert_eq!(receiver.got().len(), 1);
    let view = house.app.item(&Caller::system(), "subscription", "siem").unwrap();
    assert_eq!(view.state, "ended");
    let history = house.app.history(&Caller::system(), "subscription", "siem", None).unwrap();
    assert_eq!(history[0].verb, "subscription.end");
    assert_eq!(history[0].why.as_deref(), Some("its receiver answered 410"));
    let act = Act { rev: Some(view.rev), ..Act::default() };
    house.app.put_subscription(&Caller::system(), &view.document, &act).unwrap();
    house.make_tenant("three");
    house.step(&mut drain);
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[1].json()["data"]["id"], "three");
    assert!(is_signed(&got[1], &secret));
}

#[test]
fn a_new_secret_signs_at_once_and_the_old_one_a_day_longer() {
    let house = House::new();
    let receiver = Receiver::new(&["200 Yes"]);
    let old = house.subscribe("siem", &receiver.url, &["tenant.*"]);
    let new = house.app.rotate_secret(&Caller::system(), "siem", &Act::default()).unwrap();
    assert_ne!(old, new);
    let mut drain = drain(Allowed, None);
    house.make_tenant("one");
    house.step(&mut drain);
    house.pass(25 * 3_600);
    house.make_tenant("two");
    house.step(&mut drain);
    let got = receiver.got();
    assert!(is_signed(&got[0], &old) && is_signed(&got[0], &new));
    assert!(!is_signed(&got[1], &old) && is_signed(&got[1], &new));
}

#[test]
fn no_name_or_number_leads_into_our_networks() {
    for url in [
        "http://127.0.0.1:9/x",
        "http://localhost:9/x",
        "http://[::1]:9/x",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::ffff:192.168.0.1]/",
        "https://0x7f000001/",
    ] {
        let house = House::new();
        house.subscribe("siem", url, &["tenant.*"]);
        house.make_tenant("erp");
        let drained = house.step(&mut drain(Refused, None));
        assert_eq!(drained.failed, 1, "{url}");
        let error = house.deliveries("siem")[0].last_error.clone().unwrap();
        let is_refused = error.contains("is not called") || error.contains("not known");
        assert!(is_refused && !error.contains("latest"), "{url}: {error}");
    }
    let house = House::new();
    let receiver = Receiver::new(&["200 Yes"]);
    house.subscribe("siem", &receiver.url, &["tenant.*"]);
    house.make_tenant("erp");
    house.step(&mut drain(Refused, None));
    assert!(receiver.got().is_empty());
}

#[test]
fn one_who_does_not_answer_stands_in_nobodys_way() {
    let house = House::new();
    let receiver = Receiver::new(&["200 Yes"]);
    house.subscribe("dead", "http://127.0.0.1:1/", &["tenant.*"]);
    house.subscribe("siem", &receiver.url, &["tenant.*"]);
    for number in 0..100 {
        house.make_tenant(&format!("t-{number}"));
    }
    let mut drain = drain(Allowed, None);
    for _ in 0..20 {
        house.step(&mut drain);
    }
    assert_eq!(receiver.got().len(), 100);
    let dead = house.deliveries("dead");
    assert_eq!(dead.iter().map(|delivery| delivery.tries).sum::<i64>(), 1, "asked once");
}
