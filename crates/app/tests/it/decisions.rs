//! Decisions when something is wrong: a node that cannot look, a journal that cannot be written, a person
//! who is erased.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign_app::{Action, Again, Caller, Decision, Erasing, Mode, Question, Thing, Way};
use countersign_journal::{Journal, Options};
use countersign_judge::permission::Role;
use serde_json::json;

use crate::house::{House, owner};

const COMPANY: &str = include_str!("decisions.yaml");

fn application() -> Caller {
    Caller {
        principal: "member:erp".to_owned(),
        role: Role::Application,
        tenant: Some("erp".to_owned()),
        ..owner()
    }
}

fn begin(house: &House, options: &Options) {
    let (journal, _) = Journal::open(&house.folder.join("journal"), options).unwrap();
    house.app.begin_to_judge(journal).unwrap();
}

fn options() -> Options {
    Options::new([5; 16])
}

fn question() -> Question {
    let properties = json!({"acr": "phr"}).as_object().unwrap().clone();
    Question {
        subject: Thing { kind: "user".to_owned(), id: "paul@pi.example".to_owned(), properties },
        action: Action { name: "read".to_owned(), ..Action::default() },
        resource: Thing { kind: "order".to_owned(), id: "17".to_owned(), ..Thing::default() },
        ..Question::default()
    }
}

fn decide(house: &House) -> Decision {
    let decided = house.app.decide(&application(), Way::Evaluation, &question()).unwrap();
    let mut durable = pin!(house.app.durable(decided));
    // Whoever waits for the disk asks again until it is there.
    loop {
        match durable.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(decision) => return decision,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

fn codes(decision: &Decision) -> Vec<&str> {
    decision.judgement.reasons.iter().map(|reason| reason.code.as_str()).collect()
}

#[test]
fn a_node_that_cannot_look_refuses_or_says_that_it_degrades() {
    for (stale, expected) in [("", false), (", stale: degrade", true)] {
        let house = House::new();
        house.apply(&COMPANY.replace("{mode: enforce}", &format!("{{mode: enforce{stale}}}")));
        begin(&house, &options());
        assert!(decide(&house).allowed);
        // It looks no more, and time goes on.
        house.set_clock("2026-11-25T00:00:10Z");
        let decision = decide(&house);
        assert_eq!(decision.allowed, expected, "{:?}", codes(&decision));
        let mode = if expected { Mode::Degraded } else { Mode::Enforce };
        assert_eq!(decision.mode, mode);
        assert_eq!(codes(&decision).contains(&"facts.stale"), !expected);
        let again = house.app.explain(&owner(), &decision.id.to_string()).unwrap();
        assert_eq!(again.again, Again::Same);
        house.app.follow().unwrap();
        assert!(decide(&house).allowed);
    }
}

#[test]
fn without_a_record_there_is_no_allow_but_by_an_exception() {
    // No record may wait, so none is taken.
    let full = Options { waiting_max: 0, ..options() };
    let house = House::new();
    house.apply(COMPANY);
    begin(&house, &full);
    let decision = decide(&house);
    assert!(!decision.allowed);
    assert_eq!(codes(&decision), ["evidence.unavailable"]);

    let house = House::new();
    let excepted = "exceptions:\n  - {id: dark, rule: evidence.unavailable, subject: \"tenant:erp\", \
                    approved_by: ann, justification: \"the disk is replaced\", from: 2026-11-01, \
                    until: 2026-12-01}\n";
    house.apply(&format!("{COMPANY}{excepted}"));
    begin(&house, &full);
    let decision = decide(&house);
    assert!(decision.allowed, "{:?}", codes(&decision));
    assert_eq!(
        (decision.mode, &decision.judgement.exceptions[..]),
        (Mode::BreakGlass, &["dark".to_owned()][..])
    );
    let kept = house.app.explain(&owner(), &decision.id.to_string()).unwrap();
    assert!(kept.is_reserve);
    assert_eq!(kept.again, Again::Same);
    // It reaches the ledger as any other.
    assert_eq!(house.app.ship_decisions().unwrap().decisions, 1);
    // After its end there is none.
    house.set_clock("2026-12-02");
    house.app.follow().unwrap();
    assert!(!decide(&house).allowed);
}

#[test]
fn what_a_decision_says_of_a_person_goes_in_their_erasure() {
    let house = House::new();
    house.apply(COMPANY);
    begin(&house, &options());
    let decision = decide(&house);
    assert_eq!(house.app.ship_decisions().unwrap().decisions, 1);
    let erasing = Erasing { order: [7; 16], ground: "gdpr.17.1.b" };
    house.app.erase(&owner(), ("identity", "paul"), &erasing).unwrap();
    let explained = house.app.explain(&owner(), &decision.id.to_string()).unwrap();
    assert_eq!(explained.record, None);
    assert!(matches!(explained.again, Again::Missing(_)), "{:?}", explained.again);
    house.sequence();
    assert_eq!(crate::custody::verify(&house).decisions, 1);
}
