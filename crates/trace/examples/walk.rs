//! What one answer costs: a million events of the shape of the DuckDB baseline (sign-in, token,
//! action), gathered, frozen and answered. Prints nanoseconds for each action,
//! of the median block.
//!
//! `cargo run --release -p countersign-trace --example walk -- [events]`

use std::io::Write as _;
use std::time::Instant;

use countersign_model::event::{
    Event, EventKind, Link, LinkRule, Outcome, Principal, PrincipalKind, Verb,
};
use countersign_model::grade::Grade;
use countersign_model::key::KeyKind;
use countersign_model::register::Register;
use countersign_model::time::{Duration, Timestamp};
use countersign_trace::attribute::Attributor;
use countersign_trace::claims::Claims;
use countersign_trace::codec::Place;
use countersign_trace::collect::Rows;
use countersign_trace::directory::Directory;
use countersign_trace::hash::Secret;
use countersign_trace::index::Index;

const SESSION: LinkRule = rule("session", "sign-ins");
const TOKEN: LinkRule = rule("token", "token issuances");

/// Events are made and worked on in blocks that fit a processor's cache, as they come from a parser.
const BLOCK: usize = 500;

fn main() -> std::io::Result<()> {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let plan = plan(count);
    let register = Register::default();
    let directory = Directory::new(&register);
    let mut out = std::io::stdout().lock();
    let mut claims = Claims::new(Secret::new(b"0123456789abcdef"));
    let gather = median(&plan, |event| claims.observe(event, &directory));
    let start = Instant::now();
    let index = Index::freeze(claims);
    let freeze = start.elapsed().as_nanos() as f64 / plan.len() as f64;
    let attributor = Attributor::new(&index, &directory);
    let actions: Vec<Planned> = plan.iter().filter(|planned| planned.is_action).copied().collect();
    let mut exact = 0_usize;
    let answer = median(&actions, |event| {
        exact += usize::from(attributor.attribute(event).actor.grade == Grade::Exact);
    });
    let mut rows = Rows::default();
    let encode = median(&actions, |event| rows.push(event, Place::default(), &directory));
    let share = plan.len() as f64 / actions.len() as f64;
    writeln!(out, "gather   {:>6.0} ns for each action", gather * share)?;
    writeln!(out, "freeze   {:>6.0}", freeze * share)?;
    writeln!(out, "answer   {answer:>6.0}")?;
    writeln!(out, "together {:>6.0}", (gather + freeze) * share + answer)?;
    writeln!(
        out,
        "keeping a row beside: {encode:.0} ns, {} bytes",
        rows.size() / actions.len().max(1)
    )?;
    writeln!(out, "{exact} of {} actions exact, {} claims", actions.len(), index.len())
}

/// Nanoseconds for each event in the median block, which what else the machine does hardly moves.
fn median(plan: &[Planned], mut work: impl FnMut(&Event<'static>)) -> f64 {
    let mut blocks = Vec::new();
    for block in plan.chunks(BLOCK) {
        let events: Vec<Event<'static>> = block.iter().map(Planned::event).collect();
        let start = Instant::now();
        events.iter().for_each(&mut work);
        blocks.push(start.elapsed().as_nanos() as f64 / events.len() as f64);
    }
    blocks.sort_by(f64::total_cmp);
    blocks.get(blocks.len() / 2).copied().unwrap_or(0.0)
}

const fn rule(name: &'static str, closed_by: &'static str) -> LinkRule {
    LinkRule {
        name,
        grade: Grade::Exact,
        window: None,
        recycled: false,
        long_lived: false,
        closed_by,
    }
}

/// An event to be made: its number says what it is.
#[derive(Clone, Copy)]
struct Planned {
    /// Milliseconds since the month began.
    at: u64,
    number: u64,
    sign_ins: u64,
    tokens: u64,
    is_action: bool,
}

impl Planned {
    fn event(&self) -> Event<'static> {
        let at = Timestamp((1_767_225_600_000 + self.at as i64) * 1_000_000);
        match self.number {
            session if session < self.sign_ins => sign_in(session, at),
            token if !self.is_action => self::token(token, session_of(token, self.sign_ins), at),
            action => self::action(action, token_of(action, self), self.sign_ins, at),
        }
    }
}

fn session_of(token: u64, sign_ins: u64) -> u64 {
    mix(token) % sign_ins
}

fn token_of(action: u64, plan: &Planned) -> u64 {
    plan.sign_ins + mix(action) % plan.tokens
}

/// 5 % sign-ins, 15 % tokens, 80 % actions; 2 % of the actions use a token nobody issued, 3 % show
/// only the session, 5 % only a person.
fn plan(count: u64) -> Vec<Planned> {
    let (sign_ins, tokens) = (count / 20, count * 3 / 20);
    // Milliseconds of a month, eight hours, one hour.
    let signed_in = |session: u64| mix(session ^ 0x51) % 2_592_000_000;
    let issued =
        |token: u64| signed_in(session_of(token, sign_ins)) + mix(token ^ 0x15) % 28_800_000;
    let one = |number: u64| {
        let is_action = number >= sign_ins + tokens;
        let mut planned = Planned { at: 0, number, sign_ins, tokens, is_action };
        planned.at = match number {
            session if session < sign_ins => signed_in(session),
            token if !is_action => issued(token),
            action => issued(token_of(action, &planned)) + mix(action ^ 0xAC) % 3_600_000,
        };
        planned
    };
    let mut plan: Vec<Planned> = (0..count).map(one).collect();
    // They arrive up to a quarter of an hour late.
    plan.sort_by_key(|planned| planned.at + mix(planned.number ^ 0x1A) % 900_000);
    plan
}

fn sign_in(number: u64, time: Timestamp) -> Event<'static> {
    let user = mix(number) % 20_000;
    let person = person(user);
    Event {
        links: vec![link(Verb::Authenticates, number)],
        principal: Some(person),
        ..event("idp", EventKind::Authentication, number, time)
    }
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
        5..8 => (vec![link(Verb::Uses, session_of(token, sign_ins))], portal(number)),
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
        resource: Some(
            format!("arn:aws:s3:::bucket-{}/key/{}", number % 5000, number % 1_000_000).into(),
        ),
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
    Link {
        verb,
        kind,
        namespace: "company".into(),
        value,
        rule,
        parent: None,
        until: None,
        root: None,
    }
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
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFFF,
        b >> 48,
        b & 0xFFFF_FFFF_FFFF
    )
}

/// SplitMix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
