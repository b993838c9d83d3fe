//! What one answer costs: a million events of the shape of the DuckDB baseline (sign-in, token,
//! action), gathered, frozen and answered. Prints processor nanoseconds for
//! each action.
//!
//! `cargo run --release -p countersign-trace --example walk -- [events]`

use std::io::Write as _;

use countersign_model::event::{Event, EventKind, Link, LinkRule, Outcome, Principal, PrincipalKind, Verb};
use countersign_model::grade::Grade;
use countersign_model::key::KeyKind;
use countersign_model::register::Register;
use countersign_model::time::{Duration, Timestamp};
use countersign_trace::attribute::Attributor;
use countersign_trace::claims::Claims;
use countersign_trace::collect::Rows;
use countersign_trace::codec::Place;
use countersign_trace::directory::Directory;
use countersign_trace::hash::Secret;
use countersign_trace::index::Index;

const SESSION: LinkRule = rule("session", "sign-ins");
const TOKEN: LinkRule = rule("token", "token issuances");

fn main() -> std::io::Result<()> {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let events = events(count);
    let register = Register::default();
    let directory = Directory::new(&register);
    let actions = events.iter().filter(|event| event.kind == EventKind::Action).count();
    let mut out = std::io::stdout().lock();
    let mut report = |what: &str, since: u64| {
        let nanos = (processor_nanos() - since) as f64 / actions as f64;
        writeln!(out, "{what:<10} {nanos:>7.0} ns for each action")
    };
    let start = processor_nanos();
    let mut claims = Claims::new(Secret::new(b"0123456789abcdef"));
    for event in &events {
        claims.observe(event, &directory);
    }
    report("gather", start)?;
    let then = processor_nanos();
    let index = Index::freeze(claims);
    report("freeze", then)?;
    let then = processor_nanos();
    let attributor = Attributor::new(&index, &directory);
    let mut exact = 0_usize;
    for event in events.iter().filter(|event| event.kind == EventKind::Action) {
        exact += usize::from(attributor.attribute(event).actor.grade == Grade::Exact);
    }
    report("answer", then)?;
    report("together", start)?;
    let then = processor_nanos();
    let mut rows = Rows::default();
    for event in events.iter().filter(|event| event.kind == EventKind::Action) {
        rows.push(event, Place::default(), &directory);
    }
    rows.sort();
    report("encode", then)?;
    writeln!(out, "{exact} of {actions} actions exact, {} claims, {} bytes a row", index.len(), rows.size() / actions.max(1))
}

/// Processor time of this thread, which other programs on the machine do not lengthen; 0 where the
/// system does not tell.
fn processor_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

const fn rule(name: &'static str, closed_by: &'static str) -> LinkRule {
    LinkRule { name, grade: Grade::Exact, window: None, recycled: false, long_lived: false, closed_by }
}

/// 5 % sign-ins, 15 % tokens, 80 % actions; 2 % of the actions use a token nobody issued, 3 % show
/// only the session, 5 % only a person.
fn events(count: u64) -> Vec<Event<'static>> {
    let (sign_ins, tokens) = (count / 20, count * 3 / 20);
    let session_of = |token: u64| mix(token) % sign_ins;
    let token_of = |action: u64| sign_ins + mix(action) % tokens;
    // Milliseconds of a month, eight hours, one hour.
    let signed_in = |session: u64| mix(session ^ 0x51) % 2_592_000_000;
    let issued = |token: u64| signed_in(session_of(token)) + mix(token ^ 0x15) % 28_800_000;
    let acted = |action: u64| issued(token_of(action)) + mix(action ^ 0xAC) % 3_600_000;
    let mut numbers: Vec<(u64, u64)> = (0..count)
        .map(|number| match number {
            session if session < sign_ins => (signed_in(session), session),
            token if token < sign_ins + tokens => (issued(token), token),
            action => (acted(action), action),
        })
        .collect();
    // They arrive up to a quarter of an hour late.
    numbers.sort_by_key(|(at, number)| at + mix(number ^ 0x1A) % 900_000);
    let one = |(at, number): (u64, u64)| {
        let at = Timestamp((1_767_225_600_000 + at as i64) * 1_000_000);
        match number {
            session if session < sign_ins => sign_in(session, at),
            token if token < sign_ins + tokens => self::token(token, session_of(token), at),
            action => self::action(action, token_of(action), sign_ins, at),
        }
    };
    numbers.into_iter().map(one).collect()
}

fn sign_in(number: u64, time: Timestamp) -> Event<'static> {
    let user = mix(number) % 20_000;
    let person = person(user);
    Event { links: vec![link(Verb::Authenticates, number)], principal: Some(person), ..event("idp", EventKind::Authentication, number, time) }
}

fn token(number: u64, session: u64, time: Timestamp) -> Event<'static> {
    let links = vec![link(Verb::Uses, session), token_link(Verb::Issues, number)];
    let principal = Some(person(mix(session) % 20_000));
    Event { links, principal, ..event("sts", EventKind::TokenIssue, number, time) }
}

fn action(number: u64, token: u64, sign_ins: u64, time: Timestamp) -> Event<'static> {
    let share = mix(number ^ 0x5EED) % 100;
    let (links, principal) = match share {
        0..5 => (Vec::new(), person(mix(token) % 20_000)),
        5..8 => (vec![link(Verb::Uses, mix(token) % sign_ins)], portal(number)),
        8..10 => (vec![token_link(Verb::Uses, u64::MAX - number)], portal(number)),
        _ => (vec![token_link(Verb::Uses, token)], portal(number)),
    };
    Event { links, principal: Some(principal), ..event("cloud", EventKind::Action, number, time) }
}

fn event(source: &'static str, kind: EventKind, number: u64, time: Timestamp) -> Event<'static> {
    Event {
        source,
        feed: "main",
        id: guid(number).into(),
        time,
        resolution: Duration(1_000_000),
        kind,
        tenant: tenant(number).into(),
        outcome: Outcome::Success,
        action: "s3:GetObject".into(),
        resource: Some(format!("arn:aws:s3:::bucket-{}/key/{}", number % 5000, number % 1_000_000).into()),
        privileged: false,
        principal: None,
        delegation: Vec::new(),
        via: None,
        ip: Some(format!("10.{}.{}.7", number % 200, number / 256 % 256).into()),
        user_agent: Some("Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux".into()),
        assurance: Vec::new(),
        links: Vec::new(),
        session_started: None,
        shared_id: None,
        redacted: false,
        content: number,
    }
}

fn link(verb: Verb, session: u64) -> Link<'static> {
    key(verb, KeyKind::Session, SESSION, session)
}

fn token_link(verb: Verb, token: u64) -> Link<'static> {
    key(verb, KeyKind::Token, TOKEN, token)
}

fn key(verb: Verb, kind: KeyKind, rule: LinkRule, number: u64) -> Link<'static> {
    let value = guid(number ^ 0xABCD).into();
    Link { verb, kind, namespace: "company".into(), value, rule, parent: None, until: None, root: None }
}

fn person(user: u64) -> Principal<'static> {
    principal(guid(user), PrincipalKind::Human)
}

fn portal(number: u64) -> Principal<'static> {
    principal(format!("svc-portal-{}", number % 25), PrincipalKind::Service)
}

fn principal(value: String, kind: PrincipalKind) -> Principal<'static> {
    Principal { namespace: "company".into(), value: value.into(), name: None, kind }
}

fn tenant(number: u64) -> String {
    format!("T{:03}", number % 40)
}

fn guid(number: u64) -> String {
    let (a, b) = (mix(number), mix(number.rotate_left(32) ^ 1));
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xFFFF, a & 0xFFFF, b >> 48, b & 0xFFFF_FFFF_FFFF)
}

/// SplitMix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
