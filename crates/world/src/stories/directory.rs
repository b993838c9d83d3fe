//! Microsoft: guests whose home directory is another company's, and applications, both seen at work
//! in the Graph activity log.

use serde_json::{Value, json};

use crate::company::Machine;
use crate::feed::Feed;
use crate::records::entra::{
    AUDITED, Activity, Audit, Encoding, REQUESTS, SignIn, activity, audit, sign_in, token_id,
};
use crate::stage::Stage;
use crate::time::{MINUTE, Millis, SECOND};
use crate::truth::{Case, Grade, Known, Who};

const TOKEN: &str = "entra.unique_token_identifier";

/// What stands where a session id should, now and then.
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// Who signs in, as the two logs name them.
struct Subject<'a> {
    category: &'static str,
    home_tenant: String,
    ip: &'a str,
    user: Option<&'a str>,
    service: Option<&'a str>,
    application: &'a str,
    who: Value,
}

pub(crate) fn guest(st: &mut Stage<'_>, person: usize) {
    let who = st.company.person(person);
    let home = st.company.organization(who.organization).home_tenant;
    let (name, domain) = who.email.split_once('@').unwrap_or((&who.email, "example"));
    let guest_name = format!("{name}_{domain}#EXT#@aldgate.example");
    let subject = Subject {
        category: "SignInLogs",
        ip: &who.ip,
        user: Some(&who.guest),
        service: None,
        application: "1950a258-227b-4e31-a9cf-717495945fc2",
        who: json!({
            "userId": who.guest, "userPrincipalName": guest_name, "userDisplayName": who.name,
            "userType": "guest", "crossTenantAccessType": "b2bCollaboration", "isInteractive": true,
            "appId": "1950a258-227b-4e31-a9cf-717495945fc2", "appDisplayName": "Azure PowerShell",
            "authenticationRequirement": "multiFactorAuthentication",
        }),
        home_tenant: home,
    };
    let tenant = st.company.entra_tenant.clone();
    play(st, &subject, Who::new(&who.id, &tenant, &who.guest));
}

pub(crate) fn application(st: &mut Stage<'_>, machine: usize, it: &Machine) {
    let tenant = st.company.entra_tenant.clone();
    let subject = Subject {
        category: "ServicePrincipalSignInLogs",
        ip: &it.ip,
        user: None,
        service: Some(&it.object),
        application: &it.application,
        who: json!({
            "servicePrincipalId": it.object, "servicePrincipalName": it.label, "appId": it.application,
            "servicePrincipalCredentialKeyId": st.company.client_key(machine),
            "clientCredentialType": "clientSecret",
        }),
        home_tenant: tenant.clone(),
    };
    play(st, &subject, Who::new(&it.id, &tenant, &it.object));
}

/// Signs in, perhaps renews the token, and works.
fn play(st: &mut Stage<'_>, subject: &Subject<'_>, who: Who) {
    st.unsettle(Feed::Graph);
    let session = subject.user.map(|_| {
        if st.rng.chance(st.plan.faults.sentinels) { ZERO.to_owned() } else { st.rng.uuid() }
    });
    let at = st.now + 2 * SECOND;
    let mut raw = enter(st, subject, subject.category, at, session.as_deref());
    let known = Case::of(
        who,
        Known::As(Grade::Exact),
        "The sign-in and the request carry the same token id.",
    );
    let known = if st.collects(Feed::EntraSignin) {
        known.link(TOKEN, Grade::Exact)
    } else {
        let mut case =
            known.because("The sign-in log is not collected; each request names its account.");
        case.holder_known = Known::As(Grade::Declared);
        case.actor_known = Known::Not("issuance_not_collected", 0);
        case
    };
    let robbed = st.fault(st.plan.faults.stolen);
    let mut issued = at;
    let mut clock = at + 5 * SECOND;
    for n in 0..st.actions {
        clock += st.rng.between(0, 40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1));
        if subject.user.is_some() && n == st.actions / 2 {
            raw = enter(st, subject, "NonInteractiveUserSignInLogs", clock, session.as_deref());
            issued = clock;
            clock += 2 * SECOND;
        }
        let theft = robbed && n > st.actions * 2 / 3;
        let case = if theft { known.stolen() } else { known.clone() };
        let ip = if theft { "192.0.2.66" } else { subject.ip };
        if subject.user.is_some() && !theft && st.rng.chance(0.2) {
            administer(st, subject, clock, &known);
            continue;
        }
        ask(st, subject, (clock, issued), (raw, session.as_deref(), ip), &case);
    }
}

/// A change in the directory, whose audit record names the user and no session.
fn administer(st: &mut Stage<'_>, subject: &Subject<'_>, at: Millis, case: &Case) {
    let id = format!("Directory_{}", st.rng.uuid());
    let tenant = st.company.entra_tenant.clone();
    let operation = *st.rng.pick(&AUDITED);
    let clock = st.clock(Feed::EntraAudit, at);
    let record = audit(&Audit {
        at: clock,
        id: &id,
        tenant: &tenant,
        operation,
        who: &subject.who,
        ip: subject.ip,
    });
    let case =
        Case::of(case.holder.clone(), Known::As(Grade::Declared), "The record names the user.");
    st.act(Feed::EntraAudit, at, &id, &record, &case);
}

fn enter(
    st: &mut Stage<'_>,
    subject: &Subject<'_>,
    category: &str,
    at: Millis,
    session: Option<&str>,
) -> [u8; 16] {
    let raw: [u8; 16] = st.rng.bytes();
    let encoding =
        if st.fault(st.plan.faults.encodings) { Encoding::Text } else { Encoding::Claim };
    let offset = st.fault(st.plan.faults.encodings) && st.rng.chance(0.3);
    let tenant = st.company.entra_tenant.clone();
    let record = sign_in(&SignIn {
        at: st.clock(Feed::EntraSignin, at),
        category,
        id: &token_id(raw, Encoding::Guid),
        tenant: &tenant,
        home_tenant: &subject.home_tenant,
        token: &token_id(raw, encoding),
        session,
        ip: subject.ip,
        offset,
        who: subject.who.clone(),
    });
    st.log(Feed::EntraSignin, at, &record);
    raw
}

fn ask(
    st: &mut Stage<'_>,
    subject: &Subject<'_>,
    (at, issued): (Millis, Millis),
    (raw, session, ip): ([u8; 16], Option<&str>, &str),
    case: &Case,
) {
    let id = st.rng.uuid();
    let what = *st.rng.pick(&REQUESTS);
    let tenant = st.company.entra_tenant.clone();
    let record = activity(&Activity {
        at: st.clock(Feed::Graph, at),
        request: &id,
        tenant: &tenant,
        token: &token_id(raw, Encoding::Claim),
        session,
        user: subject.user,
        service: subject.service,
        application: subject.application,
        ip,
        what,
        issued,
    });
    st.act(Feed::Graph, at, &id, &record, case);
}
