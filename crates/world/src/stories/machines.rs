//! Machines: instances and functions with delivered role keys, service clients of the realm,
//! service accounts of the cluster.

use serde_json::{Value, json};

use crate::company::{Machine, MachineKind};
use crate::feed::Feed;
use crate::records::cloudtrail::{Call, Session, call};
use crate::records::kubernetes;
use crate::stage::Stage;
use crate::stories::{aws, directory, federated, forge};
use crate::time::{HOUR, MINUTE, Millis, SECOND};
use crate::truth::{Case, Grade, Known, Who};

pub(crate) const TOKEN: &str = "kubernetes.token_id";

pub(crate) fn play(st: &mut Stage<'_>, machine: usize) {
    let it = st.company.machine(machine);
    match it.kind {
        MachineKind::Ec2 | MachineKind::Lambda => role(st, &it),
        MachineKind::KeycloakClient => client(st, &it),
        MachineKind::ServiceAccount => service_account(st, &it),
        MachineKind::EntraApp => directory::application(st, machine, &it),
    }
}

fn step(st: &Stage<'_>) -> i64 {
    40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1)
}

/// The name of the session in which the provider hands a machine its key.
pub(crate) fn role_arn(number: &str, it: &Machine) -> String {
    format!("arn:aws:sts::{number}:assumed-role/{}/{}", it.id, it.label)
}

fn role(st: &mut Stage<'_>, it: &Machine) {
    let number = st.company.accounts[1].clone();
    let early = st.now - st.plan.start < 2 * HOUR;
    let at = if early { st.plan.start - 20 * MINUTE } else { st.now - st.now.rem_euclid(SECOND) };
    let service = if it.kind == MachineKind::Ec2 { "ec2" } else { "lambda" };
    let session = Session {
        account: 1,
        key: format!("ASIA{}", st.rng.base32(16)),
        role: it.id.clone(),
        role_id: it.object.clone(),
        name: it.label.clone(),
        created: at,
        ip: it.ip.clone(),
        agent: "Boto3/1.40".to_owned(),
        instance: it.kind == MachineKind::Ec2,
    };
    let host = format!("{service}.amazonaws.com");
    let case = Case::of(
        Who::new(&it.id, "aws-prod", &role_arn(&number, it)),
        Known::As(Grade::Exact),
        "The provider's service issued the key to this machine's role.",
    );
    let case = if early {
        case.broken("before_coverage_start", "The service issued the key before the logs begin.")
    } else if st.fault(st.plan.faults.lost) {
        case.broken(
            "issuance_not_collected",
            "The record by which the service issued the key was lost.",
        )
    } else {
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
                identity: json!({"type": "AWSService", "invokedBy": host}),
                ip: &host,
                agent: &host,
            },
        );
        record["requestParameters"] = session.request(&number);
        record["responseElements"] = session.response(&number);
        record["sharedEventID"] = json!(st.rng.uuid());
        st.log(Feed::AwsProd, at, &record);
        case.link(aws::ISSUED_KEY, Grade::Exact)
    };
    let robbed = it.kind == MachineKind::Ec2 && st.fault(st.plan.faults.stolen);
    let mut clock = at.max(st.now) + 5 * SECOND;
    for n in 0..st.actions {
        clock += st.rng.between(0, step(st));
        if robbed && n > st.actions / 2 {
            let thief = Session {
                ip: "192.0.2.66".to_owned(),
                agent: "curl/8.16".to_owned(),
                ..session.clone()
            };
            aws::act(st, &thief, clock, &case.stolen());
        } else {
            aws::act(st, &session, clock, &case);
        }
    }
}

/// A service client gets its own token and enters AWS with it.
fn client(st: &mut Stage<'_>, it: &Machine) {
    let at = st.now + SECOND;
    let session = st.rng.base64url(18);
    let details = json!({
        "token_id": format!("trrtcc:{}", st.rng.uuid()), "grant_type": "client_credentials",
        "scope": "profile", "client_auth_method": "client-secret", "username": format!("service-account-{}", it.label),
    });
    forge::realm_event(
        st,
        (Feed::KcMachines, at),
        "CLIENT_LOGIN",
        (&it.label, &it.object, Some(&session)),
        details,
    );
    let case = Case::of(Who::new(&it.id, "kc-machines", &it.object), Known::As(Grade::Exact), "");
    let token = forge::Token { feed: Feed::KcMachines, at, session };
    let (session, case) = federated::web_identity(st, &it.object, &it.label, &token, case);
    aws::play(st, session, case, at + 12 * SECOND);
}

pub(crate) fn service_account_name(it: &Machine) -> String {
    format!("system:serviceaccount:claims:{}", it.label)
}

pub(crate) fn by_cluster(it: &Machine) -> Who {
    Who::new(&it.id, "kubernetes", &service_account_name(it))
}

/// The kubelet fetches a token for a pod, whose service account then acts with it.
fn service_account(st: &mut Stage<'_>, it: &Machine) {
    let token = st.rng.uuid();
    let at = st.now + SECOND;
    let node =
        format!("ip-10-0-{}-{}.eu-west-1.compute.internal", st.rng.below(250), st.rng.below(250));
    let case = Case::of(
        by_cluster(it),
        Known::As(Grade::Exact),
        "The cluster logged the id of the token when it issued it to this account's pod.",
    );
    let case = if st.fault(st.plan.faults.lost) {
        let mut case =
            case.because("The record that issued the token was lost; each use names the account.");
        case.holder_known = Known::As(Grade::Declared);
        case.actor_known = Known::Not("issuance_not_collected", 0);
        case
    } else {
        let kubelet = json!({
            "username": format!("system:node:{node}"), "groups": ["system:nodes", "system:authenticated"],
        });
        issue(st, it, (at, &token), kubelet);
        case.link(TOKEN, Grade::Exact)
    };
    let mut clock = at + 2 * SECOND;
    for _ in 0..st.actions {
        clock += st.rng.between(0, step(st));
        as_service_account(st, it, (clock, &token), &node, &case);
    }
}

/// One request under a service account's token; `node` is empty if it was made outside a pod.
pub(crate) fn as_service_account(
    st: &mut Stage<'_>,
    it: &Machine,
    (at, token): (Millis, &str),
    node: &str,
    case: &Case,
) {
    let id = st.rng.uuid();
    let request = *st.rng.pick(&kubernetes::REQUESTS);
    let mut extra = json!({"authentication.kubernetes.io/credential-id": [format!("JTI={token}")]});
    if !node.is_empty() {
        extra["authentication.kubernetes.io/node-name"] = json!([node]);
        extra["authentication.kubernetes.io/pod-name"] = json!([format!("{}-0", it.label)]);
    }
    let record = kubernetes::entry(&kubernetes::Entry {
        at: st.clock(Feed::Kubernetes, at),
        id: &id,
        request,
        name: "claims-7c9d",
        user: json!({
            "username": service_account_name(it), "uid": it.object,
            "groups": ["system:serviceaccounts", "system:serviceaccounts:claims", "system:authenticated"],
            "extra": extra,
        }),
        ip: &it.ip,
        annotations: json!({}),
    });
    st.act(Feed::Kubernetes, at, &id, &record, case);
}

/// The `TokenRequest` that makes a service account's token, asked for by `user`.
pub(crate) fn issue(st: &mut Stage<'_>, it: &Machine, (at, token): (Millis, &str), user: Value) {
    let id = st.rng.uuid();
    // The annotation was renamed in 1.30; both spellings are in the wild.
    let old = st.fault(st.plan.faults.encodings);
    let annotation = if old {
        "authentication.k8s.io/issued-credential-id"
    } else {
        "authentication.kubernetes.io/issued-credential-id"
    };
    let record = kubernetes::entry(&kubernetes::Entry {
        at: st.clock(Feed::Kubernetes, at),
        id: &id,
        request: ("create", "serviceaccounts", "token", "claims"),
        name: &it.label,
        user,
        ip: "10.0.0.9",
        annotations: json!({annotation: format!("JTI={token}")}),
    });
    st.log(Feed::Kubernetes, at, &record);
}
