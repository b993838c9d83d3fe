//! Long-lived access keys: personal, shared, unsaid, unknown, revoked, and born before our eyes.

use serde_json::json;

use crate::company::{KeyKeeping, LongKey, Person};
use crate::feed::Feed;
use crate::records::cloudtrail::{ACTIONS, Call, call, iam_user};
use crate::stage::Stage;
use crate::stories::console;
use crate::time::{MINUTE, Millis, SECOND};
use crate::truth::{Case, Grade, Known, Who};

const REGISTERED: &str = "register.credential";
const ISSUED: &str = "aws.created_access_key";

/// The account in which a key lives.
pub(crate) fn account_of(key: &LongKey) -> usize {
    key.owner % 3
}

pub(crate) fn play(st: &mut Stage<'_>, key: usize) {
    let key = st.company.key(key);
    let account = account_of(&key);
    let owner = st.company.person(key.owner);
    let mate = st.company.person(mate_of(key.owner));
    let mut case = Case::of(st.company.by_iam(account, &owner), Known::As(Grade::Declared), "");
    if !matches!(key.keeping, KeyKeeping::Unregistered) {
        case = case.link(REGISTERED, Grade::Declared);
    }
    case = match key.keeping {
        KeyKeeping::Personal => case.because("The key is registered with one consumer."),
        KeyKeeping::Revoked => case.because(
            "The key is registered with one consumer; a use after its end is still that owner's.",
        ),
        KeyKeeping::Shared => {
            hidden(case, "The key is registered as shared: its owner is known, who used it is not.")
        }
        KeyKeeping::Unsaid => hidden(case, "Nobody wrote down who uses the key."),
        KeyKeeping::Unregistered => {
            let arn = unregistered_arn(&st.company.accounts[account], &key);
            let mut case = hidden(case, "Neither the key nor its user is registered.");
            case.holder = Who::unregistered(Feed::AWS[account].tenant(), &arn);
            case.root = case.holder.clone();
            case
        }
    };
    let mut at = st.now;
    for _ in 0..st.actions {
        at += st.rng.between(0, 40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1));
        let mut case = case.clone();
        let in_other_hands = matches!(
            key.keeping,
            KeyKeeping::Shared | KeyKeeping::Unsaid | KeyKeeping::Unregistered
        );
        let user = if in_other_hands && st.rng.chance(0.5) { &mate } else { &owner };
        case.actor = Some(st.company.by_iam(account, user));
        let identity = identity_of(st, account, &key, &owner);
        act(st, account, (at, &user.ip.clone()), identity, &case);
    }
}

/// The colleague a shared key is shared with.
fn mate_of(owner: usize) -> usize {
    if owner.is_multiple_of(2) { owner + 1 } else { owner - 1 }
}

fn hidden(mut case: Case, why: &str) -> Case {
    case.actor_known = Known::Not("shared_credential", 0);
    case.because(why)
}

pub(crate) fn unregistered_arn(number: &str, key: &LongKey) -> String {
    format!("arn:aws:iam::{number}:user/legacy-{}", key.id)
}

fn identity_of(st: &Stage<'_>, account: usize, key: &LongKey, owner: &Person) -> serde_json::Value {
    let number = &st.company.accounts[account];
    if matches!(key.keeping, KeyKeeping::Unregistered) {
        let id = format!("AIDA{}", &key.handle[4..]);
        return iam_user(number, &format!("legacy-{}", key.id), &id, Some(&key.handle));
    }
    iam_user(number, &owner.iam_user, &owner.iam_id, Some(&key.handle))
}

fn act(
    st: &mut Stage<'_>,
    account: usize,
    (at, ip): (Millis, &str),
    identity: serde_json::Value,
    case: &Case,
) {
    let number = st.company.accounts[account].clone();
    let (service, name, read_only) = *st.rng.pick(&ACTIONS);
    let id = st.rng.uuid();
    let record = call(
        &mut st.rng,
        &Call {
            at,
            id: &id,
            account: &number,
            service,
            name,
            read_only,
            identity,
            ip,
            agent: "Boto3/1.40",
        },
    );
    st.act(Feed::AWS[account], at - at.rem_euclid(SECOND), &id, &record, case);
}

/// A key made in the window: by its owner in the console, or by an administrator of ours for them.
pub(crate) fn fresh(st: &mut Stage<'_>, person: usize) {
    let who = st.company.person(person);
    let account = person % 3;
    let number = st.company.accounts[account].clone();
    let made = st.now + 60 * SECOND;
    let made = made - made.rem_euclid(SECOND);
    let by_admin = st.rng.chance(0.4);
    let maker = if by_admin {
        iam_user(&number, "admin-ann", "AIDAADMINANN00000000", Some("AKIAADMINANN00000000"))
    } else {
        console::login(st, account, &who, made - 50 * SECOND, true);
        console::identity(st, &number, &who, made - 50 * SECOND)
    };
    let handle = format!("AKIA{}", st.rng.base32(16));
    let id = st.rng.uuid();
    let mut record = call(
        &mut st.rng,
        &Call {
            at: made,
            id: &id,
            account: &number,
            service: "iam",
            name: "CreateAccessKey",
            read_only: false,
            identity: maker,
            ip: &who.ip,
            agent: "aws-cli/2.31.0",
        },
    );
    record["requestParameters"] = json!({"userName": who.iam_user});
    record["responseElements"] = json!({"accessKey": {
        "accessKeyId": handle, "status": "Active", "userName": who.iam_user,
        "createDate": crate::time::english(made),
    }});
    st.log(Feed::AWS[account], made, &record);
    let case = Case::of(st.company.by_iam(account, &who), Known::As(Grade::Exact), "");
    let case = if by_admin {
        let mut case = hidden(
            case,
            "An administrator made the key for this user, whom every use names; who uses it is not written down.",
        );
        case.holder_known = Known::As(Grade::Declared);
        case
    } else {
        hidden(
            case.link(ISSUED, Grade::Exact).link(console::SESSION, Grade::Composite),
            "The owner made the key in the console; who uses it is not written down.",
        )
    };
    let mut at = made + 30 * SECOND;
    for _ in 0..st.actions {
        at += st.rng.between(0, 40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1));
        let identity = iam_user(&number, &who.iam_user, &who.iam_id, Some(&handle));
        act(st, account, (at, &who.ip.clone()), identity, &case);
    }
}
