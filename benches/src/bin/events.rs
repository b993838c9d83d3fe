//! Events of the kind that `duckdb_baseline.py` makes, at any size, in a stream: sign-ins, tokens and
//! actions with duplicates, orphans, late delivery and clock skew. For inputs that are too large to
//! be sorted first.
//!
//! usage: events N | split -C 1G --additional-suffix=.ndjson.zst --filter='zstd -qo $FILE' - DIR/

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result};

const DAYS: u64 = 30;
const HOUR: u64 = 3_600_000;
/// Of a hundred events, five are sign-ins; each gives three tokens and sixteen actions.
const TOKENS: u64 = 3;
const USERS: u64 = 20_000;

fn main() -> Result<()> {
    let count: u64 = std::env::args().nth(1).context("how many events?")?.parse()?;
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let sign_ins = (count / 20).max(1);
    let mut waiting = BinaryHeap::new();
    let mut written = 0;
    for sign_in in 0..sign_ins {
        let at = sign_in * (DAYS * 24 * HOUR) / sign_ins;
        plan(sign_in, at, &mut waiting);
        while let Some(Reverse(next)) = waiting.peek().copied()
            && next.arrived <= at
            && written < count
        {
            waiting.pop();
            next.write(&mut out)?;
            written += 1;
        }
    }
    while let Some(Reverse(next)) = waiting.pop().filter(|_| written < count) {
        next.write(&mut out)?;
        written += 1;
    }
    Ok(out.flush()?)
}

/// An event that has not arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    arrived: u64,
    at: u64,
    sign_in: u64,
    token: u64,
    /// 0 is the token's own issue; `u64::MAX` the sign-in.
    action: u64,
    /// Duplicates are the same but for when they arrive.
    copy: u64,
}

const SIGN_IN: u64 = u64::MAX;

fn plan(sign_in: u64, at: u64, waiting: &mut BinaryHeap<Reverse<Planned>>) {
    let mut add = |at: u64, token: u64, action: u64, copy: u64| {
        let lag = hash("lag", sign_in ^ token.rotate_left(20) ^ action.rotate_left(40));
        let late = if lag.is_multiple_of(100) { 24 * HOUR } else { HOUR / 4 };
        let arrived = at + lag / 100 % late;
        waiting.push(Reverse(Planned { arrived, at, sign_in, token, action, copy }));
    };
    add(at, 0, SIGN_IN, 0);
    for token in sign_in * TOKENS..(sign_in + 1) * TOKENS {
        let issued = at + hash("issued", token) % (8 * HOUR);
        add(issued, token, 0, 0);
        for action in 1..=5 + u64::from(hash("actions", token).is_multiple_of(3)) {
            let drawn = hash("action", token * 16 + action);
            let early = if drawn.is_multiple_of(50) { drawn / 50 % HOUR + 1500 } else { 0 };
            let used = (issued + drawn / 5000 % HOUR).saturating_sub(early);
            add(used, token, action, 0);
            if (drawn / 50).is_multiple_of(100) {
                add(used, token, action, 1);
            }
        }
    }
}

impl Planned {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { sign_in, token, action, at, arrived, .. } = *self;
        let user = hash("user", sign_in) % USERS;
        let tenant = hash("tenant", sign_in) % 40;
        let (kind, source, id) = match action {
            SIGN_IN => ("auth", "idp", Guid("sign-in", sign_in)),
            0 => ("token", "sts", Guid("token", token)),
            _ => ("action", "cloud", Guid("use", token * 16 + action)),
        };
        write!(
            out,
            r#"{{"event_id":"{id}","kind":"{kind}","source":"{source}","tenant_uid":"T{tenant:03}","time":"{}","ingest_time":"{}","#,
            Time(at),
            Time(arrived)
        )?;
        let (session, person) = (Guid("session", sign_in), Guid("user", user));
        let (app, grant, ip) =
            (hash("app", token) % 300, Guid("grant", user), Ip(hash("ip", user)));
        let client = format_args!(
            r#""parent_token_uid":null,"client_uid":"app{app}","grant_uid":"{grant}","#
        );
        match action {
            SIGN_IN => writeln!(
                out,
                r#""actor":{{"user_uid":"{person}","user_name":"user{user}@org{org}.example","type":"{sort}","org_uid":"ORG{org}","sponsor_uid":"{sponsor}"}},"session_uid":"{session}","token_uid":null,{client}"src_ip":"{ip}","user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)","operation":"user.session.start","resource_uid":null,"outcome":"success"}}"#,
                org = user % 500,
                sort = if user.is_multiple_of(5) { "service" } else { "human" },
                sponsor = Guid("user", user * 7 % USERS),
            ),
            0 => writeln!(
                out,
                r#""actor":{{"user_uid":"{person}","user_name":null,"type":null,"org_uid":null,"sponsor_uid":null}},"session_uid":"{session}","token_uid":"{}",{client}"src_ip":"{ip}","user_agent":"aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5","operation":"token.issue","resource_uid":null,"outcome":"success"}}"#,
                Token(token)
            ),
            _ => self.write_action(out, person, session, ip),
        }
    }

    fn write_action(
        &self,
        out: &mut impl Write,
        person: Guid,
        session: Guid,
        ip: Ip,
    ) -> io::Result<()> {
        let drawn = hash("way", self.token * 16 + self.action);
        let (way, rest) = (drawn % 100, drawn / 100);
        match way {
            0..5 => write!(out, r#""actor":{{"user_uid":"{person}","#)?,
            _ => write!(out, r#""actor":{{"user_uid":"svc-portal-{}","#, rest % 25)?,
        }
        out.write_all(br#""user_name":null,"type":"service","org_uid":null,"sponsor_uid":null},"#)?;
        match way {
            0..5 => out.write_all(br#""session_uid":null,"token_uid":null,"#)?,
            5..8 => write!(out, r#""session_uid":"{session}","token_uid":null,"#)?,
            8..10 => write!(out, r#""session_uid":null,"token_uid":"orphan{rest}","#)?,
            _ => write!(out, r#""session_uid":null,"token_uid":"{}","#, Token(self.token))?,
        }
        let operation =
            if rest.is_multiple_of(50) { "iam:AttachRolePolicy" } else { "s3:GetObject" };
        let outcome = if (rest / 50).is_multiple_of(20) { "failure" } else { "success" };
        writeln!(
            out,
            r#""parent_token_uid":null,"client_uid":null,"grant_uid":null,"src_ip":"{ip}","user_agent":"Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux","operation":"{operation}","resource_uid":"arn:aws:s3:::bucket-{}/key/{}","outcome":"{outcome}"}}"#,
            rest / 1000 % 5000,
            rest / 5_000_000 % 1_000_000
        )
    }
}

/// The finish of SplitMix64 over a name and a number.
fn hash(name: &str, number: u64) -> u64 {
    let seed = name.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(131) + u64::from(byte));
    let mut mixed = number.wrapping_add(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

#[derive(Clone, Copy)]
struct Guid(&'static str, u64);

impl std::fmt::Display for Guid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (high, low) = (hash(self.0, self.1), hash(self.0, !self.1));
        let (a, b, c) = (high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF);
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xFFFF_FFFF_FFFF)
    }
}

#[derive(Clone, Copy)]
struct Token(u64);

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (high, low) = (hash("key", self.0), hash("key", !self.0));
        write!(f, "{high:016x}{:06x}", low & 0xFF_FFFF)
    }
}

#[derive(Clone, Copy)]
struct Ip(u64);

impl std::fmt::Display for Ip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "10.{}.{}.{}", self.0 % 200, self.0 >> 8 & 0xFF, self.0 >> 16 & 0xFF)
    }
}

/// Milliseconds since the year 2026 began; all is in its first two months.
struct Time(u64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (day, of_day) = (self.0 / (24 * HOUR), self.0 % (24 * HOUR));
        let (month, day) = if day < 31 { (1, day + 1) } else { (2, day - 30) };
        let (hour, minute) = (of_day / HOUR, of_day / 60_000 % 60);
        let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
        write!(f, "2026-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}
