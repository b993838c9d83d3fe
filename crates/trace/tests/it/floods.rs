//! What hostile or merely hot logs cost, and that they make nobody's name wrong.

use std::time::{Duration as Elapsed, Instant};

use countersign_model::event::Event;
use countersign_model::register::Register;
use countersign_trace::attribute::{Attributor, Traced};
use countersign_trace::claims::Claims;
use countersign_trace::directory::Directory;
use countersign_trace::hash::Secret;
use countersign_trace::index::Index;

use crate::case::{self, Case};
use crate::cases::answer_putting_away;
use crate::render::render;

/// Far more than the work needs, far less than squares of it would take.
const TIME_MAX: Elapsed = Elapsed::from_secs(30);

fn parse(register: &str, rules: &str, events: &str) -> Case {
    let text =
        format!("# 0 Flood\n\nregister\n{register}\nrules\n{rules}\nevents\n{events}\nexpect\n");
    case::parse(text.leak())
}

fn answers(register: &Register, claims: Claims, events: &[Event<'static>]) -> Vec<String> {
    let directory = Directory::new(register);
    let index = Index::freeze(claims);
    let attributor = Attributor::new(&index, &directory);
    events.iter().map(|event| rendered(&attributor.attribute(event))).collect()
}

fn rendered(traced: &Traced<'_>) -> String {
    render(&traced.view(&traced.chain()))
}

fn gather(register: &Register, quota: u64, events: &[Event<'static>]) -> Claims {
    let directory = Directory::new(register);
    let mut claims = Claims::with_quota(Secret::new(b"0123456789abcdef"), quota);
    for event in events {
        claims.observe(event, &directory);
    }
    claims
}

/// `count` copies of an event, a millisecond apart, each with an id of its own.
fn many(event: &Event<'static>, count: i64) -> Vec<Event<'static>> {
    let copy = |number: i64| Event {
        id: format!("{}-{number}", event.id).into(),
        time: event.time.plus_nanos(number * 1_000_000),
        content: number as u64,
        ..event.clone()
    };
    (0..count).map(copy).collect()
}

#[test]
fn a_hot_key_costs_no_more_than_its_records() {
    let case = parse(
        "  shared front of northwind, account app/front\n  portal desk in desk, acts as front",
        "  session: session, exact\n  login: session, composite\n  number: session, exact, recycled\n  near: session, inferred, within 8h",
        "  09:00:00 a authentication login in app by service front\n    authenticates session S\n\
           09:00:00 b authentication login in app by person x\n    issues login L\n\
           09:00:00 c authentication login in app by person y\n    issues number N\n\
           09:00:00 d authentication login in app by person z\n    issues near M\n\
           09:00:00 e token_use GET in desk by person dora\n\
           09:00:00 f token_use logout in app\n    revokes session S\n    revokes number N\n\
           09:01:00 g action act in app by service front\n    uses session S\n    uses login L\n    uses number N\n    uses near M"
            .replace("           ", "  ").as_str(),
    );
    let start = Instant::now();
    let events: Vec<_> = case.events.iter().flat_map(|event| many(event, 20_000)).collect();
    let claims = gather(&case.register, u64::MAX, &events);
    let uses = many(case.events.last().expect("the use"), 20_000);
    assert_eq!(answers(&case.register, claims, &uses).len(), 20_000);
    assert!(start.elapsed() < TIME_MAX, "took {:?}", start.elapsed());
}

#[test]
fn keys_that_fan_out_at_every_hop_end() {
    let mut events = String::new();
    for hop in 0..16 {
        events.push_str("  09:00:00 e token_issue t in t by service x\n");
        for key in 0..8 {
            events.push_str(&format!(
                "    uses token {}-{key}\n    issues token {hop}-{key}\n",
                hop + 1
            ));
        }
    }
    events.push_str("  10:00:00 u action a in t by service x\n    uses token 0-0\n");
    let case = parse("", "", &events);
    let claims = gather(&case.register, u64::MAX, &case.events);
    let start = Instant::now();
    let last = case.events.last().expect("the use").clone();
    let answer = answers(&case.register, claims, &[last]);
    assert!(answer[0].contains("actor     nobody"), "{}", answer[0]);
    assert!(start.elapsed() < TIME_MAX);
}

#[test]
fn a_full_quota_names_nobody_wrongly_and_is_its_tenants_own() {
    let case = parse(
        "  tenant quiet\n  tenant loud\n  person dora of northwind, account quiet/dora",
        "  token: token, exact",
        "  09:00:00 a authentication login in quiet by person dora\n    authenticates token T\n  09:00:00 m token_issue t in loud by person mallory\n    issues token quiet/T\n  10:00:00 u action a in quiet by service x\n    uses token T",
    );
    let [sign_in, flood, used] = &case.events[..] else { panic!("three events") };
    // The flood claims the quiet tenant's key as well; whether that claim is kept or not, nobody
    // can be named.
    for quota in [1, 50, 1000] {
        let mut events = many(flood, 100);
        for (number, event) in events.iter_mut().enumerate().skip(1) {
            event.links[0].value = format!("invented-{number}").into();
        }
        events.rotate_left(1);
        events.push(sign_in.clone());
        let claims = gather(&case.register, quota, &events);
        assert!(!claims.over_quota.contains_key("quiet"));
        assert_eq!(
            claims.over_quota.get("loud").copied().unwrap_or(0),
            100_u64.saturating_sub(quota)
        );
        let answer = answers(&case.register, claims, std::slice::from_ref(used));
        assert!(answer[0].contains("nobody: ambiguous"), "quota {quota}: {}", answer[0]);
    }
    let claims = gather(&case.register, 1, std::slice::from_ref(sign_in));
    let answer = answers(&case.register, claims, std::slice::from_ref(used));
    assert!(answer[0].contains("actor     dora, exact by token"), "{}", answer[0]);
}

#[test]
fn a_dropped_rule_loses_what_it_links() {
    let case = parse(
        "  person dora of northwind, account okta/dora",
        "  token: token, exact\n  session: session, exact",
        "  09:00:00 a authentication login in okta by person dora\n    authenticates session S\n  09:01:00 b token_issue t in okta by service x\n    uses session S\n    issues token T\n  10:00:00 u action a in okta by service x\n    uses token T",
    );
    let directory = Directory::new(&case.register);
    for (without, actor) in [
        (&[][..], "actor     dora, exact by token"),
        (&["token"], "actor     nobody: issuance_not_collected"),
        (&["session"], "actor     nobody: issuance_not_collected"),
        (&["other"], "actor     dora, exact by token"),
    ] {
        let claims = gather(&case.register, u64::MAX, &case.events);
        let index = Index::freeze_without(claims, without);
        let attributor = Attributor::new(&index, &directory);
        let answer = rendered(&attributor.attribute(&case.events[2]));
        assert!(answer.contains(actor), "without {without:?}: {answer}");
    }
}

/// Why claims are thinned only when all are together: of two sign-ins to one session the second says
/// nothing new, unless another reader holds the sign-out between them.
#[test]
fn what_is_stated_again_counts_if_another_reader_saw_its_end() {
    let case = parse(
        "  person dora of northwind, account okta/dora",
        "  session: session, exact",
        "  09:00:00 a authentication login in okta by person dora\n    authenticates session S\n  09:01:00 b token_use logout in okta\n    revokes session S\n  09:02:00 c authentication login in okta by person dora\n    authenticates session S\n  10:00:00 u action a in okta by service x\n    uses session S",
    );
    let [first, end, again, used] = &case.events[..] else { panic!("four events") };
    let one = [first.clone(), again.clone(), used.clone()];
    for events_held in [1, 2, usize::MAX] {
        let readers = [&one[..], std::slice::from_ref(end)];
        let answer = answer_putting_away(&case.register, &readers, events_held);
        assert!(answer.contains("actor     dora, exact by session"), "{answer}");
        assert!(!answer.contains("after_revocation"), "{answer}");
    }
    let readers = [&one[..1], &one[2..], std::slice::from_ref(end)];
    let answer = answer_putting_away(&case.register, &readers, 1);
    assert!(answer.contains("after_revocation"), "{answer}");
}
