//! What several stories do in AWS: assume roles, chain them over accounts, act, be robbed.

use serde_json::json;

use crate::company::Machine;
use crate::feed::Feed;
use crate::records::cloudtrail::{ACTIONS, Call, Session, call};
use crate::records::kubernetes;
use crate::stage::Stage;
use crate::stories::machines;
use crate::time::{MINUTE, Millis, SECOND};
use crate::truth::{Case, Grade, Known};

pub(crate) const ISSUED_KEY: &str = "aws.issued_access_key";
const THIEF_IP: &str = "192.0.2.66";

/// A fresh role session that nobody has logged yet.
pub(crate) fn session(st: &mut Stage<'_>, account: usize, name: &str, at: Millis) -> Session {
    let at = at - at.rem_euclid(SECOND);
    let role = ["partner-access", "claims-operations", "data-reader"][account];
    let ip = format!("203.0.113.{}", st.rng.between(1, 250));
    Session {
        account,
        key: format!("ASIA{}", st.rng.base32(16)),
        role: role.to_owned(),
        role_id: format!("AROA{}", st.rng.base32(16)),
        // The caller chooses this name, and now and then chooses somebody else's.
        name: if st.rng.chance(0.1) {
            "ann.admin@aldgate.example".to_owned()
        } else {
            name.to_owned()
        },
        created: at,
        ip,
        agent: "aws-cli/2.31.0".to_owned(),
        instance: false,
    }
}

/// `AssumeRole`, signed by one session, making the next. Across accounts both log it, and only the
/// caller's record names the key that signed.
pub(crate) fn assume(
    st: &mut Stage<'_>,
    from: &Session,
    account: usize,
    at: Millis,
    case: &Case,
) -> (Session, Case) {
    let name = from.name.clone();
    let mut next = session(st, account, &name, at);
    next.ip.clone_from(&from.ip);
    if st.fault(st.plan.faults.lost) {
        let why = "The AssumeRole record that issued this key was lost.";
        return (next, case.clone().broken("issuance_not_collected", why));
    }
    let numbers = st.company.accounts.clone();
    let (caller, target) = (&numbers[from.account], &numbers[account]);
    let shared = st.rng.uuid();
    let across = from.account != account;
    let id = st.rng.uuid();
    let mut record = call(
        &mut st.rng,
        &Call {
            at: next.created,
            id: &id,
            account: caller,
            service: "sts",
            name: "AssumeRole",
            read_only: true,
            identity: from.identity(caller),
            ip: &from.ip,
            agent: &from.agent,
        },
    );
    record["requestParameters"] = next.request(target);
    record["responseElements"] = next.response(target);
    if across {
        record["sharedEventID"] = json!(shared);
        let mut copy = record.clone();
        copy["eventID"] = json!(st.rng.uuid());
        copy["recipientAccountId"] = json!(target);
        copy["userIdentity"] = json!({
            "type": "AWSAccount",
            "principalId": format!("{}:{}", from.role_id, from.name),
            "accountId": caller,
        });
        st.log(Feed::AWS[account], next.created, &copy);
    }
    st.log(Feed::AWS[from.account], next.created, &record);
    let case = if st.collects(Feed::AWS[from.account]) {
        case.clone().link(ISSUED_KEY, Grade::Exact)
    } else {
        case.clone().broken(
            "issuance_not_collected",
            "The account in which the role was assumed sends no logs; the other account's copy names no key.",
        )
    };
    (next, case)
}

/// One call of a session.
pub(crate) fn act(st: &mut Stage<'_>, session: &Session, at: Millis, case: &Case) {
    let number = st.company.accounts[session.account].clone();
    let (service, name, read_only) = *st.rng.pick(&ACTIONS);
    let id = st.rng.uuid();
    let mut record = call(
        &mut st.rng,
        &Call {
            at,
            id: &id,
            account: &number,
            service,
            name,
            read_only,
            identity: session.identity(&number),
            ip: &session.ip,
            agent: &session.agent,
        },
    );
    if st.rng.chance(0.1) {
        record["errorCode"] = json!("AccessDenied");
        record["errorMessage"] = json!("not authorized to perform this action");
    }
    st.act(Feed::AWS[session.account], at - at.rem_euclid(SECOND), &id, &record, case);
}

/// A request to the cluster, authenticated with the session's key.
pub(crate) fn cluster(st: &mut Stage<'_>, session: &Session, at: Millis, case: &Case) {
    let number = st.company.accounts[session.account].clone();
    let id = st.rng.uuid();
    let request = *st.rng.pick(&kubernetes::REQUESTS);
    let record = kubernetes::entry(&kubernetes::Entry {
        at: st.clock(Feed::Kubernetes, at),
        id: &id,
        request,
        name: "claims-7c9d",
        user: cluster_user(session, &number),
        ip: &session.ip,
        annotations: json!({}),
    });
    let case = case.clone().link("kubernetes.access_key", Grade::Exact);
    st.act(Feed::Kubernetes, at, &id, &record, &case);
}

pub(crate) fn cluster_user(session: &Session, number: &str) -> serde_json::Value {
    json!({
        "username": session.arn(number),
        "uid": format!("aws-iam-authenticator:{number}:{}", session.role_id),
        "groups": ["claims-operators", "system:authenticated"],
        "extra": {
            "accessKeyId": [session.key],
            "arn": [session.arn(number)],
            "canonicalArn": [format!("arn:aws:iam::{number}:role/{}", session.role)],
            "principalId": [session.role_id],
            "sessionName": [session.name],
        },
    })
}

/// An `AssumeRole` that was refused: it names no key, and makes no session.
fn refused(st: &mut Stage<'_>, session: &Session, at: Millis) {
    let number = st.company.accounts[session.account].clone();
    let id = st.rng.uuid();
    let mut record = call(
        &mut st.rng,
        &Call {
            at,
            id: &id,
            account: &number,
            service: "sts",
            name: "AssumeRole",
            read_only: true,
            identity: session.identity(&number),
            ip: &session.ip,
            agent: &session.agent,
        },
    );
    record["errorCode"] = json!("AccessDenied");
    record["errorMessage"] = json!("not authorized to perform: sts:AssumeRole");
    st.log(Feed::AWS[session.account], at, &record);
}

/// Sometimes a person in the cluster makes a service account's token and goes on under its name.
fn mint(
    st: &mut Stage<'_>,
    sessions: &[(Session, Case)],
    at: Millis,
) -> Option<(Machine, String, Case)> {
    let (session, case) = sessions.iter().rev().find(|(session, _)| session.account == 1)?;
    if !st.rng.chance(0.15) {
        return None;
    }
    let number = st.company.accounts[1].clone();
    // The fifth of every five machines is a service account.
    let machine = st.company.machine(4 + 5 * st.rng.below(st.company.machines() / 5));
    let token = st.rng.uuid();
    let user = cluster_user(session, &number);
    machines::issue(st, &machine, (at, &token), user);
    let mut case = case
        .clone()
        .link("kubernetes.access_key", Grade::Exact)
        .link(machines::TOKEN, Grade::Exact);
    case.holder = machines::by_cluster(&machine);
    case.holder_known = match case.holder_known {
        known @ Known::As(_) => known,
        // Each use names the account, whoever made its token.
        Known::Not(..) => Known::As(Grade::Declared),
    };
    let case = case
        .because_known("A person made the token for a service account; the cluster logged who.");
    Some((machine, token, case))
}

/// Chains up to three roles, acts along the way, and may be robbed of the last key.
pub(crate) fn play(st: &mut Stage<'_>, first: Session, case: Case, at: Millis) {
    let hops = st.rng.below(4);
    let mut sessions = vec![(first, case)];
    let mut clock = at;
    for _ in 0..hops {
        clock += st.rng.between(SECOND, MINUTE);
        let (from, case) = sessions[sessions.len() - 1].clone();
        let account = st.rng.below(3);
        sessions.push(assume(st, &from, account, clock, &case));
    }
    if st.fault(st.plan.faults.failed_logins) {
        refused(st, &sessions[0].0.clone(), clock);
    }
    let robbed = st.fault(st.plan.faults.stolen);
    let minted = mint(st, &sessions, clock);
    let step = 40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1);
    for n in 0..st.actions {
        clock += st.rng.between(0, step.max(1));
        let last = sessions.len() - 1;
        let which = if st.rng.chance(0.6) { last } else { st.rng.below(sessions.len()) };
        let (session, case) = sessions[which].clone();
        if robbed && which == last && n > st.actions / 2 && st.rng.chance(0.5) {
            let thief = Session {
                ip: THIEF_IP.to_owned(),
                agent: "python-requests/2.32".to_owned(),
                ..session
            };
            act(st, &thief, clock, &case.stolen());
        } else if session.account == 1 && st.rng.chance(0.25) {
            match &minted {
                Some((machine, token, case)) if st.rng.chance(0.5) => {
                    machines::as_service_account(st, machine, (clock, token), "", case);
                }
                _ => cluster(st, &session, clock, &case),
            }
        } else {
            act(st, &session, clock, &case);
        }
    }
}
