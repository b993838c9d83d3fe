//! Outsiders with rights inside Okta itself, and support that steps into their sessions.

use serde_json::json;

use crate::company::Person;
use crate::feed::Feed;
use crate::records::okta;
use crate::stage::Stage;
use crate::stories::forge;
use crate::time::{MINUTE, Millis, SECOND};
use crate::truth::{Case, Grade, Known, Who};

const SESSION: &str = "okta.root_session";
const ACTIONS: [&str; 5] = [
    "application.lifecycle.update",
    "group.user_membership.add",
    "user.account.privilege.grant",
    "user.mfa.factor.reset_all",
    "system.idp.lifecycle.create",
];

fn by_okta(who: &Person) -> Who {
    Who::new(&who.id, "okta-main", &who.okta)
}

/// Signs in and acts; some events have lost their session to a sentinel.
pub(crate) fn play(st: &mut Stage<'_>, person: usize) {
    let who = st.company.person(person);
    let (session, root) = forge::okta_login(st, &who, st.now + 3 * SECOND);
    let known =
        Case::of(by_okta(&who), Known::As(Grade::Exact), "The session's login is in the log.")
            .link(SESSION, Grade::Exact);
    let named = Case::of(
        by_okta(&who),
        Known::As(Grade::Declared),
        "The event's session is a sentinel, which is no key; its actor is named.",
    );
    let mut at = st.now + 10 * SECOND;
    for _ in 0..st.actions {
        at += st.rng.between(0, step(st));
        if st.fault(st.plan.faults.sentinels) {
            act(st, &who, at, (Some("unknown"), Some("unknown")), &named);
        } else {
            act(st, &who, at, (Some(&session), Some(&root)), &known);
        }
    }
}

/// Support opens a session of somebody else's; what follows looks like the victim.
pub(crate) fn impersonate(st: &mut Stage<'_>, support: usize, victim: usize) {
    let (support, victim) = (st.company.person(support), st.company.person(victim));
    let session = format!("102{}", st.rng.base62(22));
    let root = format!("idx{}", st.rng.base62(22));
    let at = st.now + 5 * SECOND;
    let id = st.rng.uuid();
    let clock = st.clock(Feed::OktaMain, at);
    let record = okta::entry(
        &mut st.rng,
        &okta::Entry {
            at: clock,
            id: &id,
            kind: "user.session.impersonation.initiate",
            actor: (&support.okta, &support.email, &support.name),
            ip: &support.ip,
            session: Some(&session),
            root_session: Some(&root),
            success: true,
            target: json!([{"id": victim.okta, "type": "User", "alternateId": victim.email,
                        "displayName": victim.name, "detailEntry": null}]),
            debug: json!({"requestUri": "/admin/user/impersonate"}),
        },
    );
    st.log(Feed::OktaMain, at, &record);
    let mut case = Case::of(
        by_okta(&support),
        Known::As(Grade::Exact),
        "The session was opened by an impersonation, which names who did it.",
    )
    .link("okta.impersonation", Grade::Exact)
    .link(SESSION, Grade::Exact);
    case.holder = by_okta(&victim);
    let mut clock = at + 5 * SECOND;
    for _ in 0..st.actions {
        clock += st.rng.between(0, step(st));
        act(st, &victim, clock, (Some(&session), Some(&root)), &case);
    }
}

fn step(st: &Stage<'_>) -> i64 {
    40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1)
}

fn act(
    st: &mut Stage<'_>,
    who: &Person,
    at: Millis,
    (session, root): (Option<&str>, Option<&str>),
    case: &Case,
) {
    let id = st.rng.uuid();
    let kind = *st.rng.pick(&ACTIONS);
    let clock = st.clock(Feed::OktaMain, at);
    let record = okta::entry(
        &mut st.rng,
        &okta::Entry {
            at: clock,
            id: &id,
            kind,
            actor: (&who.okta, &who.email, &who.name),
            ip: &who.ip,
            session,
            root_session: root,
            success: true,
            target: json!([{"id": "00gCLAIMS", "type": "UserGroup", "alternateId": "claims",
                        "displayName": "claims", "detailEntry": null}]),
            debug: json!({"requestUri": "/api/v1/groups"}),
        },
    );
    st.act(Feed::OktaMain, at, &id, &record, case);
}
