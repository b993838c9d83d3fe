//! IAM users in the AWS console: sessions that no record issues, joined by name and second.

use serde_json::json;

use crate::company::Person;
use crate::feed::Feed;
use crate::records::cloudtrail::{ACTIONS, Call, call, iam_user};
use crate::stage::Stage;
use crate::time::{HOUR, MINUTE, Millis, SECOND, seconds};
use crate::truth::{Case, Grade, Known, Who};

pub(crate) const SESSION: &str = "aws.console_session";
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0.0.0";

pub(crate) fn play(st: &mut Stage<'_>, person: usize) {
    let who = st.company.person(person);
    let account = person % 3;
    let early = st.now - st.plan.start < 2 * HOUR;
    let twice = !early && st.fault(st.plan.faults.twins);
    let signed_in = if early { st.plan.start - 10 * MINUTE } else { whole(st.now + 10 * SECOND) };
    if !early {
        if st.fault(st.plan.faults.failed_logins) {
            login(st, account, &who, signed_in - 9 * SECOND, false);
        }
        login(st, account, &who, signed_in, true);
        if twice {
            login(st, account, &who, signed_in, true);
        }
    }
    let mut case = Case::of(
        st.company.by_iam(account, &who),
        Known::As(Grade::Exact),
        "One console login of this user began in the second the session states.",
    );
    if early {
        case.holder_known = Known::As(Grade::Declared);
        case.actor_known = Known::Not("before_coverage_start", 0);
        case = case.because("The session began before the logs do.");
    } else if twice {
        case.holder_known = Known::As(Grade::Declared);
        case.actor_known = Known::Not("ambiguous", 2);
        case =
            case.because("Two console logins of this user began in the second the session states.");
    } else {
        case = case.link(SESSION, Grade::Composite);
    }
    let mut at = st.now.max(signed_in) + 5 * SECOND;
    for _ in 0..st.actions {
        at += st.rng.between(0, 40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1));
        let through_service = !early && !twice && st.rng.chance(0.15);
        act(st, account, &who, (at, signed_in), through_service, &case);
    }
}

/// Somebody signs in as the root of an account; nothing says who.
pub(crate) fn root(st: &mut Stage<'_>, person: usize) {
    let who = st.company.person(person);
    let account = person % 3;
    let number = st.company.accounts[account].clone();
    let arn = format!("arn:aws:iam::{number}:root");
    let signed_in = whole(st.now + 10 * SECOND);
    let root = |key: &str| {
        json!({
            "type": "Root", "principalId": number, "arn": arn, "accountId": number, "accessKeyId": key,
            "sessionContext": {
                "sessionIssuer": {}, "webIdFederationData": {},
                "attributes": {"creationDate": seconds(signed_in), "mfaAuthenticated": "true"},
            },
        })
    };
    let id = st.rng.uuid();
    let identity = json!({"type": "Root", "principalId": number, "arn": arn, "accountId": number, "accessKeyId": ""});
    let mut record = call(
        &mut st.rng,
        &Call {
            at: signed_in,
            id: &id,
            account: &number,
            service: "signin",
            name: "ConsoleLogin",
            read_only: false,
            identity,
            ip: &who.ip,
            agent: BROWSER,
        },
    );
    record["eventType"] = json!("AwsConsoleSignIn");
    record["responseElements"] = json!({"ConsoleLogin": "Success"});
    record["additionalEventData"] = json!({"MobileVersion": "No", "MFAUsed": "Yes"});
    st.log(Feed::AWS[account], signed_in, &record);
    let mut case = Case::of(
        st.company.by_iam(account, &who),
        Known::Not("shared_root", 0),
        "The root account is everybody's who has its password; no record says whose turn it was.",
    );
    case.holder = Who::unregistered(Feed::AWS[account].tenant(), &arn);
    case.holder_known = Known::As(Grade::Declared);
    let mut at = signed_in + 5 * SECOND;
    for _ in 0..st.actions.min(4) {
        at += st.rng.between(SECOND, 5 * MINUTE);
        let (service, name, read_only) = *st.rng.pick(&ACTIONS);
        let id = st.rng.uuid();
        let identity = root(&format!("ASIA{}", st.rng.base32(16)));
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
                ip: &who.ip,
                agent: BROWSER,
            },
        );
        st.act(Feed::AWS[account], whole(at), &id, &record, &case);
    }
}

fn whole(at: Millis) -> Millis {
    at - at.rem_euclid(SECOND)
}

/// `ConsoleLogin`; a failed one hides the name that was typed.
pub(crate) fn login(st: &mut Stage<'_>, account: usize, who: &Person, at: Millis, success: bool) {
    let number = st.company.accounts[account].clone();
    let id = st.rng.uuid();
    let identity = if success {
        iam_user(&number, &who.iam_user, &who.iam_id, None)
    } else {
        json!({"type": "IAMUser", "accountId": number, "accessKeyId": "", "userName": "HIDDEN_DUE_TO_SECURITY_REASONS"})
    };
    let mut record = call(
        &mut st.rng,
        &Call {
            at,
            id: &id,
            account: &number,
            service: "signin",
            name: "ConsoleLogin",
            read_only: false,
            identity,
            ip: &who.ip,
            agent: BROWSER,
        },
    );
    record["eventType"] = json!("AwsConsoleSignIn");
    let result = if success { "Success" } else { "Failure" };
    record["responseElements"] = json!({"ConsoleLogin": result});
    record["additionalEventData"] = json!({
        "LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "Yes",
    });
    if !success {
        record["errorMessage"] = json!("Failed authentication");
    }
    st.log(Feed::AWS[account], at, &record);
}

/// A console session's `userIdentity`: every call may be signed by another key.
pub(crate) fn identity(
    st: &mut Stage<'_>,
    number: &str,
    who: &Person,
    signed_in: Millis,
) -> serde_json::Value {
    let key = format!("ASIA{}", st.rng.base32(16));
    let mut identity = iam_user(number, &who.iam_user, &who.iam_id, Some(&key));
    identity["sessionContext"] = json!({
        "sessionIssuer": {}, "webIdFederationData": {},
        "attributes": {"creationDate": seconds(signed_in), "mfaAuthenticated": "true"},
    });
    identity
}

fn act(
    st: &mut Stage<'_>,
    account: usize,
    who: &Person,
    (at, signed_in): (Millis, Millis),
    through_service: bool,
    case: &Case,
) {
    let number = st.company.accounts[account].clone();
    let (service, name, read_only) = *st.rng.pick(&ACTIONS);
    let id = st.rng.uuid();
    let mut identity = identity(st, &number, who, signed_in);
    let mut case = case.clone();
    let (mut ip, mut agent) = (who.ip.as_str(), BROWSER);
    if through_service {
        identity["invokedBy"] = json!("cloudformation.amazonaws.com");
        (ip, agent) = ("cloudformation.amazonaws.com", "cloudformation.amazonaws.com");
        case = Case::of(
            st.company.by_iam(account, who),
            Known::As(Grade::Declared),
            "A service acted on; the record names the user who called it.",
        )
        .link("aws.invoked_by", Grade::Declared);
    }
    let mut record = call(
        &mut st.rng,
        &Call { at, id: &id, account: &number, service, name, read_only, identity, ip, agent },
    );
    if !through_service {
        record["sessionCredentialFromConsole"] = json!("true");
    }
    st.act(Feed::AWS[account], whole(at), &id, &record, &case);
}
