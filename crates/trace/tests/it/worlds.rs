//! Random worlds: whatever the order, the copies and the readers, the same answers.

use std::hash::{DefaultHasher, Hash, Hasher};

use countersign_model::event::{
    Delegate, DelegateRole, Event, EventKind, Link, LinkRule, Outcome, Principal, PrincipalKind,
    Verb,
};
use countersign_model::grade::Grade;
use countersign_model::key::KeyKind;
use countersign_model::register::Register;
use countersign_model::time::{Duration, Timestamp};
use countersign_trace::codec::{self, Dictionary, Place};
use proptest::prelude::*;

use crate::case;
use crate::cases::{answer, answer_putting_away};

const REGISTER: &str = "# 0 The register of random worlds

register
  person p0 of northwind, account t0/a0, account t1/a1
  person p2 of northwind, account t0/a2 until 02T00:00:05
  person p3 of fabrikam, account t0/a2 from 02T00:00:05
  shared front of northwind, account t1/a3
  service bot of northwind, account t0/a4, network 10.0.0.0/8
  credential key of bot, handle k0
  credential other of bot, handle k1, used only by something
  tenant t1, called alias, feeds main side
  portal desk in t2, acts as front, idle 1m
  own t2/a5

expect
";

/// Every combination of what a rule may say.
const RULES: [LinkRule; 6] = [
    rule("exact", Grade::Exact, None, false, false),
    rule("composite", Grade::Composite, None, false, false),
    rule("window", Grade::Composite, Some(3), false, false),
    rule("guess", Grade::Inferred, Some(8), false, false),
    rule("recycled", Grade::Exact, None, true, false),
    rule("long", Grade::Exact, None, false, true),
];

const fn rule(
    name: &'static str,
    grade: Grade,
    window: Option<i64>,
    recycled: bool,
    long_lived: bool,
) -> LinkRule {
    let window = match window {
        Some(seconds) => Some(Duration(seconds * 1_000_000_000)),
        None => None,
    };
    LinkRule { name, grade, window, recycled, long_lived, closed_by: "side" }
}

fn name(letter: char, numbers: u8) -> impl Strategy<Value = String> {
    (0..numbers).prop_map(move |number| format!("{letter}{number}"))
}

fn principal() -> impl Strategy<Value = Principal<'static>> {
    let kind = prop::sample::select(PrincipalKind::ALL.to_vec());
    (name('t', 3), name('a', 6), prop::option::of(name('n', 3)), kind).prop_map(
        |(namespace, value, name, kind)| Principal {
            namespace: namespace.into(),
            value: value.into(),
            name: name.map(Into::into),
            kind,
        },
    )
}

fn link() -> impl Strategy<Value = Link<'static>> {
    let kinds = vec![KeyKind::Token, KeyKind::Session, KeyKind::Credential, KeyKind::Request];
    (
        prop::sample::select(Verb::ALL.to_vec()),
        prop::sample::select(kinds),
        prop::sample::select(RULES.to_vec()),
        name('k', 5),
        prop::option::weighted(0.2, 0_u8..4),
        prop::option::weighted(0.2, 0_i64..30),
        prop::option::weighted(0.1, principal()),
    )
        .prop_map(|(verb, kind, rule, value, parent, until, root)| Link {
            verb,
            kind,
            namespace: "t0".into(),
            value: value.into(),
            rule,
            parent,
            until: until.map(second),
            root,
        })
}

fn second(seconds: i64) -> Timestamp {
    Timestamp(case::time("00:00:00").0 + seconds * 1_000_000_000)
}

prop_compose! {
    fn event()(
        (id, at, tick, kind) in (0_u32..40, 0_i64..30, prop::bool::ANY, prop::sample::select(EventKind::ALL.to_vec())),
        tenant in prop::sample::select(vec!["t0", "t1", "alias", "t2"]),
        outcome in prop::sample::select(vec![Outcome::Success, Outcome::Success, Outcome::Failure, Outcome::Unknown]),
        principal in prop::option::of(principal()),
        delegation in prop::option::weighted(0.1, (prop::sample::select(DelegateRole::ALL.to_vec()), principal())),
        links in prop::collection::vec(link(), 0..4),
        shared in prop::option::weighted(0.1, name('x', 3)),
        (redacted, privileged, feed) in (prop::bool::weighted(0.1), prop::bool::weighted(0.2), prop::sample::select(vec!["main", "side"])),
        began in prop::option::weighted(0.1, 0_i64..30),
        ip in prop::option::of(prop::sample::select(vec!["10.0.0.1", "192.0.2.1", "a service"])),
    ) -> Event<'static> {
        let event = Event {
            source: "source",
            feed,
            id: format!("e{id}").into(),
            time: second(at),
            resolution: Duration(if tick { 1_000_000_000 } else { 1_000_000 }),
            kind,
            tenant: tenant.into(),
            outcome,
            action: "act".into(),
            resource: None,
            privileged,
            principal,
            delegation: delegation.into_iter().map(|(role, principal)| Delegate { role, principal }).collect(),
            via: None,
            ip: ip.map(Into::into),
            user_agent: None,
            assurance: vec![("amr".into(), format!("{id}").into())],
            links,
            session_started: began.map(second),
            shared_id: shared.map(Into::into),
            redacted,
            content: 0,
        };
        whole(event)
    }
}

/// With a content that is, as of a real record, another one for whatever differs.
fn whole(mut event: Event<'static>) -> Event<'static> {
    let mut hasher = DefaultHasher::new();
    format!("{event:?}").hash(&mut hasher);
    event.content = hasher.finish();
    event
}

/// A chain of tokens over many hops, perhaps with its end tied to its beginning.
fn chain() -> impl Strategy<Value = Vec<Event<'static>>> {
    (1_usize..20, prop::bool::ANY, prop::collection::vec(event(), 21)).prop_map(
        |(hops, ring, events)| {
            let mut chain = Vec::new();
            for (hop, mut event) in (0..=hops).zip(events) {
                let up = if hop == 0 && ring { hops } else { hop };
                event.id = format!("hop{hop}").into();
                event.outcome = Outcome::Success;
                event.links = vec![key(Verb::Uses, up), key(Verb::Issues, hop + 1)];
                chain.push(whole(event));
            }
            chain
        },
    )
}

fn key(verb: Verb, number: usize) -> Link<'static> {
    Link {
        verb,
        kind: KeyKind::Token,
        namespace: "t0".into(),
        value: format!("hop{number}").into(),
        rule: RULES[0],
        parent: None,
        until: None,
        root: None,
    }
}

fn register() -> Register {
    case::parse(REGISTER).register
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_readers_give_the_same_bytes(
        world in prop::collection::vec(event(), 1..40),
        chain in chain(),
        (order, cut, again) in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u64>()),
    ) {
        let register = register();
        let world: Vec<_> = world.into_iter().chain(chain).collect();
        let expected = answer(&register, &[&world]);
        let mut other = world.clone();
        let length = other.len();
        other.rotate_left(order.index(length));
        crate::cases::shuffle(&mut other, again);
        let (left, right) = other.split_at(cut.index(length));
        prop_assert_eq!(&expected, &answer(&register, &[left, right]));
        prop_assert_eq!(&expected, &answer(&register, &[right, left]));
    }

    #[test]
    fn what_is_put_away_answers_as_what_is_in_memory(
        world in prop::collection::vec(event(), 1..60),
        chain in chain(),
        (cut, again, held) in (any::<prop::sample::Index>(), any::<u64>(), 1..20_usize),
    ) {
        let register = register();
        let mut world: Vec<_> = world.into_iter().chain(chain).collect();
        let expected = answer(&register, &[&world]);
        prop_assert_eq!(&expected, &answer_putting_away(&register, &[&world], held));
        crate::cases::shuffle(&mut world, again);
        let (left, right) = world.split_at(cut.index(world.len()));
        prop_assert_eq!(&expected, &answer_putting_away(&register, &[left, right], held));
    }

    #[test]
    fn copies_change_nothing_but_their_count(world in prop::collection::vec(event(), 1..30)) {
        let register = register();
        let expected = answer(&register, &[&world]);
        let twice = answer(&register, &[&world, &world]);
        let uncounted = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.contains("delivered")).map(str::to_owned).collect()
        };
        prop_assert_eq!(uncounted(&expected), uncounted(&twice));
    }

    #[test]
    fn nobody_is_named_without_a_claim_or_the_record_itself(world in prop::collection::vec(event(), 1..30)) {
        let register = register();
        let silent: Vec<_> = world
            .into_iter()
            .map(|mut event| {
                event.links.retain(|link| link.verb == Verb::Uses);
                event
            })
            .collect();
        let answer = answer(&register, &[&silent]);
        prop_assert!(!answer.contains(", exact by") && !answer.contains(", composite by"), "{}", answer);
    }

    #[test]
    fn an_event_survives_its_bytes(event in event(), input in any::<u32>(), line in any::<u64>()) {
        let mut dictionary = Dictionary::default();
        let mut bytes = Vec::new();
        let place = Place { input, line };
        codec::encode(&event, place, &mut dictionary, &mut bytes);
        let dictionary = Dictionary::decode(&dictionary.encode(), |text| text.to_owned().leak());
        let dictionary = dictionary.expect("a dictionary survives its bytes");
        let (back, at) = codec::decode(&bytes, &dictionary).expect("an event survives its bytes");
        prop_assert_eq!(format!("{event:?}"), format!("{back:?}"));
        prop_assert_eq!(place, at);
        for cut in 0..bytes.len() {
            prop_assert!(codec::decode(&bytes[..cut], &dictionary).is_err());
        }
    }

    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        // Whatever it is, it ends without a panic and without filling memory.
        let decoded = Dictionary::decode(&bytes, |_| "").unwrap_or_default();
        codec::decode(&bytes, &decoded).ok();
    }
}
