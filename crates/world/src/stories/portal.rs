//! Shared portals: many people, one service account behind them. One portal passes its request id
//! on to the interface behind it; the other acts in AWS, which keeps no such id.

use crate::company::PEOPLE_PER_ORGANIZATION;
use crate::feed::Feed;
use crate::records::cloudtrail::{ACTIONS, Call, call, iam_user};
use crate::records::nginx::{Entry, PATHS, entry};
use crate::rng::Rng;
use crate::stage::Stage;
use crate::time::{HOUR, MINUTE, Millis, SECOND};
use crate::truth::{Case, Grade, Known, Who};

/// How long after a request its person may still be the one who acts, as the register says.
pub(crate) const IDLE_MINUTES: i64 = 15;

/// The key with which the blind portal acts in AWS.
pub(crate) fn blind_key(seed: u64) -> String {
    format!("AKIA{}", Rng::of(seed, "portal key", 0).base32(16))
}

pub(crate) fn traced(st: &mut Stage<'_>, organization: usize) {
    let first = organization * PEOPLE_PER_ORGANIZATION;
    let desk = st.company.desk(organization);
    let turning = st.company.turning_point();
    // While a desk changes hands, clocks that differ by seconds could swap its people.
    let desk = desk.filter(|_| (st.now - turning).abs() > 2 * HOUR);
    let mut at = st.now;
    for _ in 0..st.actions {
        at += st.rng.between(0, 40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1));
        let (user, person) = match &desk {
            Some((login, before, after)) if st.rng.chance(0.3) => {
                (login.clone(), if at < turning { *before } else { *after })
            }
            _ => {
                let person = first + st.rng.below(PEOPLE_PER_ORGANIZATION);
                (st.company.person(person).email, person)
            }
        };
        passed_on(st, at, &user, person);
    }
}

/// One request at the portal and the call it causes behind it.
fn passed_on(st: &mut Stage<'_>, at: Millis, user: &str, person: usize) {
    let who = st.company.person(person);
    let request = st.rng.hex(32);
    let what = *st.rng.pick(&PATHS);
    let front = entry(&Entry {
        at: st.clock(Feed::PortalTraced, at),
        request_id: &request,
        user,
        ip: &who.ip,
        host: "claims.aldgate.example",
        what,
    });
    st.log(Feed::PortalTraced, at, &front);
    let behind = at + st.rng.between(5, 900);
    let mut case = Case::of(
        Who::new(&who.id, "portal-claims", user),
        Known::As(Grade::Exact),
        "The portal's log has the request and who made it.",
    );
    case.holder = Who::new("svc-claims-portal", "claims-api", "svc-claims-portal");
    case.holder_known = Known::As(Grade::Declared);
    if st.collects(Feed::PortalTraced) {
        case.actor_known = Known::As(Grade::Composite);
        case.links.push("nginx.request_id");
    } else {
        case.actor_known = Known::Not("issuance_not_collected", 0);
        case = case.because("The portal's own log is not collected.");
    }
    let back = entry(&Entry {
        at: st.clock(Feed::Api, behind),
        request_id: &request,
        user: "svc-claims-portal",
        ip: "10.0.3.7",
        host: "claims-api.aldgate.example",
        what,
    });
    st.act(Feed::Api, behind, &request, &back, &case);
}

/// People use the portal, alone or together; it acts in AWS under its own key.
pub(crate) fn blind(st: &mut Stage<'_>, organization: usize) {
    let present = if st.rng.chance(0.5) { 1 } else { 2 + st.rng.below(3) };
    let people: Vec<usize> =
        (0..present).map(|n| organization * PEOPLE_PER_ORGANIZATION + n).collect();
    let mut visits: Vec<(Millis, usize)> = Vec::new();
    // Everybody asks for something every few minutes for half an hour.
    for &person in &people {
        let mut at = st.now + st.rng.between(0, 4 * MINUTE);
        while at < st.now + 30 * MINUTE {
            visits.push((at, person));
            at += st.rng.between(2 * MINUTE, 8 * MINUTE);
        }
    }
    visits.sort_unstable();
    for &(at, person) in &visits {
        let who = st.company.person(person);
        let what = *st.rng.pick(&PATHS);
        let record = entry(&Entry {
            at: st.clock(Feed::PortalBlind, at),
            request_id: &st.rng.hex(32),
            user: &who.email,
            ip: &who.ip,
            host: "brokers.aldgate.example",
            what,
        });
        st.log(Feed::PortalBlind, at, &record);
    }
    for _ in 0..st.actions {
        let at = st.now + st.rng.between(0, 75) * MINUTE;
        behind(st, at, &visits);
    }
}

/// Those who may have acted at `at`, by the documented rule; `None` if a visit is so close to the
/// edge of the interval that clocks decide.
fn candidates(visits: &[(Millis, usize)], at: Millis) -> Option<Vec<usize>> {
    const EDGE: Millis = 10 * SECOND;
    let from = at - IDLE_MINUTES * MINUTE;
    let unclear = |edge: Millis| visits.iter().any(|(visit, _)| (visit - edge).abs() < EDGE);
    if unclear(from) || unclear(at) {
        return None;
    }
    let mut people: Vec<usize> = visits
        .iter()
        .filter(|(visit, _)| (from..=at).contains(visit))
        .map(|&(_, person)| person)
        .collect();
    people.sort_unstable();
    people.dedup();
    Some(people)
}

fn behind(st: &mut Stage<'_>, at: Millis, visits: &[(Millis, usize)]) {
    let Some(people) = candidates(visits, at) else { return };
    let number = st.company.accounts[1].clone();
    let holder = Who::new("svc-brokers-portal", "aws-prod", &blind_arn(&number));
    let actor = people.first().map(|_| {
        let who = st.company.person(*st.rng.pick(&people));
        Who::new(&who.id, "portal-brokers", &who.email)
    });
    let mut case = Case::of(
        actor.unwrap_or_else(|| holder.clone()),
        Known::As(Grade::Inferred),
        "One person was active at the portal.",
    );
    case.holder = holder;
    case.holder_known = Known::As(Grade::Declared);
    case.links.push("portal.activity");
    if !st.collects(Feed::PortalBlind) {
        case.actor_known = Known::Not("shared_account", 0);
        case = case.because("The portal's own log is not collected.");
    } else if people.is_empty() {
        case.actor_known = Known::Not("shared_account", 0);
        case = case.because("Nobody was active at the portal; it may have acted by itself.");
    } else if people.len() > 1 {
        let n = u32::try_from(people.len()).unwrap_or(u32::MAX);
        case.actor_known = Known::Not("ambiguous", n);
        case = case.because("Several people were active at the portal.");
    }
    let (service, name, read_only) = *st.rng.pick(&ACTIONS);
    let id = st.rng.uuid();
    let key = blind_key(st.plan.seed);
    let record = call(
        &mut st.rng,
        &Call {
            at,
            id: &id,
            account: &number,
            service,
            name,
            read_only,
            identity: iam_user(&number, "svc-brokers-portal", "AIDASVCBROKERS000000", Some(&key)),
            ip: "10.0.3.8",
            agent: "Boto3/1.40",
        },
    );
    st.act(Feed::AwsProd, at - at.rem_euclid(SECOND), &id, &record, &case);
}

pub(crate) fn blind_arn(number: &str) -> String {
    format!("arn:aws:iam::{number}:user/svc-brokers-portal")
}
