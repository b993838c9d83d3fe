//! The text form of a case: a register, events, and what must come out.
//!
//! ```text
//! # 1 Title
//! The situation in plain words.
//!
//! register
//!   person dora of northwind, account okta/00u1
//! rules
//!   access_key: token, exact, closed by "management events"
//! events
//!   10:00:00 e1 token_issue sts:AssumeRole in aws by person aws/dora
//!     issues access_key K1 until 11:00:00
//! expect
//!   …
//! ```
//!
//! A key or account is written `namespace/value`; without a namespace it is the event's tenant's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use countersign_model::event::{
    Delegate, DelegateRole, Event, EventKind, Link, LinkRule, Outcome, Principal, PrincipalKind,
    Verb,
};
use countersign_model::grade::Grade;
use countersign_model::id::{IdentityId, OrganizationId, PortalId, TenantId};
use countersign_model::key::KeyKind;
use countersign_model::register::{
    Account, Credential, CredentialKind, Identity, IdentityKind, OwnRule, Portal, PrivilegedRule,
    Register, Tenant,
};
use countersign_model::time::{Duration, End, Interval, NANOS_PER_SECOND, Timestamp};

pub struct Case {
    pub title: String,
    pub register: Register,
    pub events: Vec<Event<'static>>,
    /// Records that only the whole product can read: (source, text).
    pub raw: Vec<(String, String)>,
    pub expect: String,
    /// Everything before `expect`, to be written back.
    pub head: String,
}

/// Reads a case; a mistake in a case file ends the test with the line it stands in.
pub fn parse(text: &'static str) -> Case {
    let (head, expect) = text.split_once("\nexpect\n").expect("a case has an `expect` section");
    let mut case = Case {
        title: head.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned(),
        register: Register::default(),
        events: Vec::new(),
        raw: Vec::new(),
        expect: expect.trim_end().to_owned(),
        head: head.trim_end().to_owned(),
    };
    let mut rules = BTreeMap::new();
    let mut section = "";
    for line in head.lines().skip(1) {
        if line.trim().is_empty() {
            continue;
        }
        if !line.starts_with(' ') {
            section = line;
            if let Some(source) = line.strip_prefix("raw ") {
                case.raw.push((source.to_owned(), String::new()));
            }
            continue;
        }
        match section {
            "register" => fact(&mut case.register, line.trim()),
            "rules" => {
                let (name, rule) = rule(line.trim());
                rules.insert(name, rule);
            }
            "events" if line.starts_with("    ") => {
                let event = case.events.last_mut().expect("a detail follows an event");
                detail(event, line.trim(), &rules);
            }
            "events" => {
                let event = event(line.trim(), &case.register, case.events.len());
                case.events.push(event);
            }
            section if section.starts_with("raw ") => {
                let (_, text) = case.raw.last_mut().expect("a raw section was begun");
                writeln!(text, "{}", line.trim()).expect("a string takes everything");
            }
            _ => {}
        }
    }
    case
}

fn fact(register: &mut Register, line: &'static str) {
    let mut clauses = line.split(", ");
    let head: Vec<&str> = clauses.next().unwrap_or_default().split(' ').collect();
    match head[..] {
        ["tenant", id] => {
            let mut tenant = Tenant::default();
            for clause in clauses {
                match clause.split_once(' ') {
                    Some(("called", name)) => tenant.accounts.push(name.to_owned()),
                    Some(("source", name)) => tenant.source = Some(name.to_owned()),
                    Some(("complete", since)) => {
                        tenant.logs_from = since.strip_prefix("since ").map(time);
                    }
                    Some(("feeds", names)) => {
                        tenant.feeds = Some(names.split(' ').map(str::to_owned).collect());
                    }
                    _ => panic!("not a fact about a tenant: {line}"),
                }
            }
            register.tenants.insert(TenantId::from(id), tenant);
        }
        [kind @ ("person" | "service" | "agent" | "shared"), id, "of", organization] => {
            let identity = identity(kind, organization, clauses, line);
            register.identities.insert(IdentityId::from(id), identity);
        }
        ["credential", id, "of", owner] => {
            let credential = credential(owner, clauses, line);
            register.credentials.insert(id.into(), credential);
        }
        ["portal", id, "in", tenant] => {
            let mut portal = Portal {
                organization: None,
                tenant: tenant.into(),
                acts_as: Vec::new(),
                idle: None,
            };
            for clause in clauses {
                match clause.split_once(' ') {
                    Some(("idle", idle)) => portal.idle = Some(length(idle)),
                    Some(("acts", who)) => {
                        portal.acts_as.push(who.trim_start_matches("as ").into());
                    }
                    _ => panic!("not a fact about a portal: {line}"),
                }
            }
            register.portals.insert(PortalId::from(id), portal);
        }
        ["own", pattern] => {
            let (namespace, value) = pattern.split_once('/').expect("own namespace/value");
            register.own.push(OwnRule { namespace: namespace.into(), value: value.into() });
        }
        ["privileged", pattern] => register.privileged.push(PrivilegedRule {
            tenant: None,
            actions: vec![pattern.to_owned()],
            privileged: true,
        }),
        _ => panic!("not a fact: {line}"),
    }
}

fn identity(
    kind: &str,
    organization: &str,
    clauses: impl Iterator<Item = &'static str>,
    line: &str,
) -> Identity {
    let mut identity = Identity {
        name: None,
        organization: OrganizationId::from(organization),
        kind: match kind {
            "person" => IdentityKind::Human,
            "service" => IdentityKind::Service,
            "agent" => IdentityKind::Agent,
            _ => IdentityKind::Shared,
        },
        owner: None,
        active: Interval::default(),
        suspended: Vec::new(),
        accounts: Vec::new(),
        networks: None,
        mandate: None,
        properties: Default::default(),
    };
    for clause in clauses {
        let words: Vec<&str> = clause.split(' ').collect();
        match words[..] {
            ["account", account, ref interval @ ..] => {
                let (namespace, value) = account.split_once('/').expect("account namespace/value");
                identity.accounts.push(Account {
                    namespace: namespace.into(),
                    value: value.into(),
                    trust_path: None,
                    active: self::interval(interval),
                });
            }
            ["network", network] => {
                identity.networks.get_or_insert_default().push(network.to_owned());
            }
            _ => panic!("not a fact about an identity: {line}"),
        }
    }
    identity
}

fn interval(words: &[&str]) -> Interval {
    let mut interval = Interval::default();
    for pair in words.chunks(2) {
        match *pair {
            ["from", at] => interval.from = Some(time(at)),
            ["until", "never"] => interval.until = Some(End::Never),
            ["until", at] => interval.until = Some(End::At(time(at))),
            _ => panic!("not an interval: {words:?}"),
        }
    }
    interval
}

fn credential(owner: &str, clauses: impl Iterator<Item = &'static str>, line: &str) -> Credential {
    let mut credential = Credential {
        identity: owner.into(),
        kind: CredentialKind::ApiKey,
        handle: String::new(),
        namespace: None,
        trust_path: None,
        issued: None,
        until: None,
        revoked: None,
        rotated: None,
        rotate_every: None,
        consumer: None,
        shared: false,
    };
    for clause in clauses {
        match clause.split_once(' ').unwrap_or((clause, "")) {
            ("handle", handle) => credential.handle = handle.to_owned(),
            ("in", namespace) => credential.namespace = Some(namespace.to_owned()),
            ("used", by) => {
                credential.consumer = Some(by.trim_start_matches("only by ").to_owned())
            }
            ("shared", _) => credential.shared = true,
            _ => panic!("not a fact about a credential: {line}"),
        }
    }
    credential
}

fn rule(line: &'static str) -> (&'static str, (KeyKind, LinkRule)) {
    let (name, rest) = line.split_once(": ").expect("name: kind, grade");
    let (rest, closed_by) = rest.split_once(", closed by ").unwrap_or((rest, ""));
    let mut clauses = rest.split(", ");
    let kind = clauses.next().and_then(KeyKind::parse).expect("a kind of key");
    let grade = clauses.next().and_then(Grade::parse).expect("a grade");
    let closed_by = closed_by.trim_matches('"');
    let mut rule =
        LinkRule { name, grade, window: None, recycled: false, long_lived: false, closed_by };
    for clause in clauses {
        match clause.split_once(' ').unwrap_or((clause, "")) {
            ("within", window) => rule.window = Some(length(window)),
            ("recycled", _) => rule.recycled = true,
            ("long-lived", _) => rule.long_lived = true,
            _ => panic!("not a property of a rule: {line}"),
        }
    }
    (name, (kind, rule))
}

fn event(line: &'static str, register: &Register, number: usize) -> Event<'static> {
    let words: Vec<&'static str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let [at, id, kind, action, "in", tenant, ref by @ ..] = words[..] else {
        panic!("not `time id kind action in tenant by …`: {line}")
    };
    let known = register.tenants.get(&TenantId::from(tenant));
    let source = known.and_then(|known| known.source.clone());
    Event {
        source: source.map_or(tenant, |source| &*source.leak()),
        feed: "main",
        id: id.into(),
        time: time(at),
        resolution: Duration(1_000_000),
        kind: EventKind::parse(kind).unwrap_or_else(|| panic!("not a kind of event: {line}")),
        tenant: tenant.into(),
        outcome: Outcome::Success,
        action: action.into(),
        resource: None,
        privileged: false,
        principal: match by {
            [] => None,
            ["by", who @ ..] => Some(principal(who, tenant)),
            _ => panic!("not `by kind account`: {line}"),
        },
        delegation: Vec::new(),
        via: None,
        ip: None,
        user_agent: None,
        assurance: Vec::new(),
        links: Vec::new(),
        session_started: None,
        shared_id: None,
        redacted: false,
        content: number as u64,
    }
}

fn principal(words: &[&'static str], tenant: &'static str) -> Principal<'static> {
    let (&[kind, account], named) = words.split_at(2.min(words.len())) else {
        panic!("not `kind account`: {words:?}")
    };
    let (namespace, value) = account.split_once('/').unwrap_or((tenant, account));
    let kind = match kind {
        "person" => PrincipalKind::Human,
        "service" => PrincipalKind::Service,
        "agent" => PrincipalKind::Agent,
        "provider" => PrincipalKind::ProviderService,
        "root" => PrincipalKind::Root,
        "account" => PrincipalKind::Unknown,
        _ => panic!("not a kind of principal: {kind}"),
    };
    let name = match named {
        ["named", name @ ..] => Some(Cow::Owned(name.join(" "))),
        _ => None,
    };
    Principal { namespace: namespace.into(), value: value.into(), name, kind }
}

fn detail(
    event: &mut Event<'static>,
    line: &'static str,
    rules: &BTreeMap<&str, (KeyKind, LinkRule)>,
) {
    let words: Vec<&'static str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let tenant: &'static str = match event.tenant {
        Cow::Borrowed(tenant) => tenant,
        Cow::Owned(_) => "",
    };
    match words[..] {
        [verb, key, value, ref rest @ ..] if Verb::parse(verb).is_some() => {
            let verb = Verb::parse(verb).expect("just asked");
            link(event, verb, (key, value), rest, rules);
        }
        ["actor" | "subject" | "source", ref who @ ..] => event.delegation.push(Delegate {
            role: DelegateRole::parse(words[0]).expect("one of the three"),
            principal: principal(who, tenant),
        }),
        ["via", service] => event.via = Some(service.into()),
        ["from", ip] => event.ip = Some(ip.into()),
        ["with", namespace, value] => event.assurance.push((namespace.into(), value.into())),
        ["session", "began", at] => event.session_started = Some(time(at)),
        ["shared", "id", id] => event.shared_id = Some(id.into()),
        ["content", content] => event.content = content.parse().expect("a number"),
        ["feed", feed] => event.feed = feed,
        ["clock", resolution] => event.resolution = length(resolution),
        ["privileged"] => event.privileged = true,
        ["redacted"] => event.redacted = true,
        ["failed"] => event.outcome = Outcome::Failure,
        _ => panic!("not a detail of an event: {line}"),
    }
}

fn link(
    event: &mut Event<'static>,
    verb: Verb,
    (key, value): (&'static str, &'static str),
    rest: &[&'static str],
    rules: &BTreeMap<&str, (KeyKind, LinkRule)>,
) {
    let (kind, rule) = rules.get(key).copied().unwrap_or_else(|| {
        let kind =
            KeyKind::parse(key).unwrap_or_else(|| panic!("not a kind of key or a rule: {key}"));
        (kind, plain(kind))
    });
    let tenant = event.tenant.clone();
    let (namespace, value) = match value.split_once('/') {
        Some((namespace, value)) => (Cow::Borrowed(namespace), value),
        None => (tenant.clone(), value),
    };
    // A key that is too long to be kept is written as its length: `1025*x`.
    let value = match value.split_once('*') {
        Some((times, text)) => Cow::Owned(text.repeat(times.parse().expect("a number of times"))),
        None => Cow::Borrowed(value),
    };
    let mut link =
        Link { verb, kind, namespace, value, rule, parent: None, until: None, root: None };
    let mut rest = rest;
    while let [word, more @ ..] = rest {
        rest = match (*word, more) {
            ("until", [at, more @ ..]) => {
                link.until = Some(time(at));
                more
            }
            // The key of this record that it comes from, by its place in the record.
            ("from", [parent, more @ ..]) => {
                let named = |known: &Link<'_>| known.value == *parent;
                let at = event.links.iter().position(named).expect("a key named before");
                link.parent = u8::try_from(at).ok();
                more
            }
            ("for", [kind, account, more @ ..]) => {
                let Cow::Borrowed(tenant) = tenant else { panic!("tenants of cases are borrowed") };
                link.root = Some(principal(&[kind, account], tenant));
                more
            }
            _ => panic!("not a property of a key: {rest:?}"),
        };
    }
    event.links.push(link);
}

fn plain(kind: KeyKind) -> LinkRule {
    LinkRule {
        name: kind.as_str(),
        grade: Grade::Exact,
        window: None,
        recycled: false,
        long_lived: false,
        closed_by: "",
    }
}

/// `10:00:00.5` of 2 March 2026, or of another day of that month as `05T10:00:00`.
pub fn time(text: &str) -> Timestamp {
    let (day, clock) = text.split_once('T').unwrap_or(("02", text));
    let mut seconds = 0.0;
    for part in clock.split(':') {
        seconds =
            seconds * 60.0 + part.parse::<f64>().unwrap_or_else(|_| panic!("not a time: {text}"));
    }
    let days = 20_513 + day.parse::<i64>().expect("a day of the month");
    let millis = (seconds * 1000.0).round() as i64;
    Timestamp(days * 86_400 * NANOS_PER_SECOND + millis * 1_000_000)
}

/// `5s`, `15m`, `8h`.
fn length(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: i64 = number.parse().unwrap_or_else(|_| panic!("not a length of time: {text}"));
    match unit {
        "s" => Duration::from_seconds(number),
        "m" => Duration::from_seconds(number * 60),
        "h" => Duration::from_seconds(number * 3600),
        _ => panic!("not a length of time: {text}"),
    }
}
