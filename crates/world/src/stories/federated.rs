//! Outsiders who come from their identity provider into an AWS role: SAML through Okta, OpenID
//! Connect or SAML through Keycloak.

use serde_json::{Value, json};

use crate::company::{Company, Person, Provider};
use crate::feed::Feed;
use crate::records::cloudtrail::{Call, Session, call};
use crate::records::{keycloak, okta};
use crate::stage::Stage;
use crate::stories::{aws, forge};
use crate::time::{Millis, SECOND};
use crate::truth::{Case, Grade, Known, Who};

const SAML: &str = "saml.issuer_subject_audience";
const OIDC: &str = "oidc.issuer_subject_audience";
const ASSERTION: &str = "saml.assertion_id";
const AWS_AUDIENCE: &str = "https://signin.aws.amazon.com/saml";

/// How a SAML login went, as far as it decides what can be known.
struct Login {
    at: Millis,
    subject: String,
    assertion: Option<String>,
    /// How many people's logins fit the documented key.
    fitting: u32,
}

/// `desk`: the person comes under a subject that the next person of the organization shares.
pub(crate) fn play(st: &mut Stage<'_>, person: usize, desk: bool) {
    let who = st.company.person(person);
    match st.company.organization(who.organization).provider {
        Provider::Okta => through_okta(st, person, &who, desk),
        Provider::Keycloak if st.rng.chance(0.3) => through_keycloak_saml(st, &who),
        Provider::Keycloak | Provider::Entra => {
            let client = "aws-cli";
            let token = forge::keycloak_login(st, &who, client);
            let case = Case::of(by_realm(&who), Known::As(Grade::Exact), "");
            let (session, case) = web_identity(st, &who.keycloak, client, &token, case);
            aws::play(st, session, case, token.at + SECOND);
        }
    }
}

pub(crate) fn by_realm(who: &Person) -> Who {
    Who::new(&who.id, "kc-partners", &who.keycloak)
}

fn through_okta(st: &mut Stage<'_>, person: usize, who: &Person, shared_desk: bool) {
    let twice = st.fault(st.plan.faults.twins);
    let subject = if shared_desk {
        format!("ops@{}", st.company.organization(who.organization).domain)
    } else {
        who.email.clone()
    };
    // Only some tenants add the assertion's id to their log; a desk's logins never have it.
    let assertion = (!shared_desk && st.rng.chance(0.4)).then(|| format!("_{}", st.rng.hex(40)));
    let start = st.now;
    if twice {
        let other = if shared_desk { st.company.person(person + 1) } else { who.clone() };
        let earlier = assertion.as_ref().map(|_| format!("_{}", st.rng.hex(40)));
        okta_sso(st, &other, start, &subject, earlier.as_deref());
    }
    let at = start + st.rng.between(4 * SECOND, 15 * SECOND);
    okta_sso(st, who, at, &subject, assertion.as_deref());
    let login = Login { at, subject, assertion, fitting: 1 + u32::from(twice) };
    let identity = Who::new(&who.id, "okta-main", &who.okta);
    let case = saml_case(st, identity, &login, Feed::OktaMain, shared_desk);
    let issuer = st.company.okta_issuer();
    let session = with_saml(st, &login, &issuer, "Okta");
    enter(st, session, case, at);
}

fn through_keycloak_saml(st: &mut Stage<'_>, who: &Person) {
    let at = st.now + st.rng.between(SECOND, 9 * SECOND);
    let realm_id = st.company.realm_id("partners");
    let (id, session) = (st.rng.uuid(), st.rng.base64url(18));
    let line = keycloak::json_line(&keycloak::Entry {
        at: st.clock(Feed::KcPartners, at),
        id: &id,
        kind: "LOGIN",
        realm: "partners",
        realm_id: &realm_id,
        client: "urn:amazon:webservices",
        user: &who.keycloak,
        session: Some(&session),
        ip: &who.ip,
        error: None,
        details: json!({
            "auth_method": "saml", "redirect_uri": AWS_AUDIENCE, "consent": "no_consent_required",
            "code_id": session, "username": who.email,
        }),
    });
    st.log_line(Feed::KcPartners, at, line);
    let login = Login { at, subject: who.email.clone(), assertion: None, fitting: 1 };
    let case = saml_case(st, by_realm(who), &login, Feed::KcPartners, false);
    let session = with_saml(st, &login, &Company::realm_issuer("partners"), "Keycloak");
    enter(st, session, case, at);
}

/// What the login and AWS's own record make knowable of the person in the new session.
fn saml_case(st: &Stage<'_>, who: Who, login: &Login, feed: Feed, shared_desk: bool) -> Case {
    let case = Case::of(who, Known::As(Grade::Exact), "");
    if !st.collects(feed) {
        return if shared_desk {
            case.broken("issuance_not_collected", "The provider's log is not collected, and the subject AWS saw is a desk of several people.")
        } else {
            case.link("aws.saml_subject", Grade::Declared).because(
                "The provider's log is not collected; AWS recorded the subject it asserted.",
            )
        };
    }
    if login.assertion.is_some() {
        return case
            .link(ASSERTION, Grade::Exact)
            .because("Both sides logged the id of the assertion.");
    }
    if login.fitting > 1 {
        let mut case =
            case.because("Two logins of this subject fit the window; no record tells them apart.");
        case.holder_known = Known::Not("ambiguous", login.fitting);
        case.actor_known = Known::Not("ambiguous", login.fitting);
        return case;
    }
    case.link(SAML, Grade::Composite)
        .because("One login has this issuer, subject and audience within the window.")
}

fn okta_sso(st: &mut Stage<'_>, who: &Person, at: Millis, subject: &str, assertion: Option<&str>) {
    let (session, root) = forge::okta_login(st, who, at - 3 * SECOND);
    let app_key = st.company.okta_app_key.clone();
    let mut debug = json!({
        "initiationType": "SP_INITIATED", "signOnMode": "SAML 2.0",
        "authnRequestId": format!("id{}", st.rng.digits(16)),
        "requestId": st.rng.base62(20),
        "requestUri": format!("/app/amazon_aws/{app_key}/sso/saml"),
        "url": format!("/app/amazon_aws/{app_key}/sso/saml?"),
    });
    if let Some(assertion) = assertion {
        debug["samlAssertionId"] = json!(assertion);
    }
    let id = st.rng.uuid();
    let clock = st.clock(Feed::OktaMain, at);
    let record = okta::entry(
        &mut st.rng,
        &okta::Entry {
            at: clock,
            id: &id,
            kind: "user.authentication.sso",
            actor: (&who.okta, &who.email, &who.name),
            ip: &who.ip,
            session: Some(&session),
            root_session: Some(&root),
            success: true,
            target: json!([
                {"id": "0oa1aws", "type": "AppInstance", "alternateId": "AWS Account Federation",
                 "displayName": "AWS Account Federation", "detailEntry": {"signOnModeType": "SAML_2_0"}},
                {"id": "0ua1aws", "type": "AppUser", "alternateId": subject, "displayName": who.name,
                 "detailEntry": null},
            ]),
            debug,
        },
    );
    st.log(Feed::OktaMain, at, &record);
}

fn with_saml(st: &mut Stage<'_>, login: &Login, issuer: &str, provider: &str) -> Session {
    let at = login.at + st.rng.between(SECOND, 10 * SECOND);
    let session = aws::session(st, 0, &login.subject, at);
    let number = st.company.accounts[0].clone();
    let id = st.rng.uuid();
    let qualifier = st.rng.base62(27);
    let mut record = call(
        &mut st.rng,
        &Call {
            at: session.created,
            id: &id,
            account: &number,
            service: "sts",
            name: "AssumeRoleWithSAML",
            read_only: true,
            identity: json!({
                "type": "SAMLUser",
                "principalId": format!("{qualifier}=:{}", login.subject),
                "userName": login.subject,
                "identityProvider": format!("arn:aws:iam::{number}:saml-provider/{provider}"),
            }),
            ip: &session.ip,
            agent: &session.agent,
        },
    );
    let mut request = session.request(&number);
    let assertion = login.assertion.clone().unwrap_or_else(|| format!("_{}", st.rng.hex(40)));
    request["sAMLAssertionID"] = json!(assertion);
    request["principalArn"] = json!(format!("arn:aws:iam::{number}:saml-provider/{provider}"));
    record["requestParameters"] = request;
    let mut response = session.response(&number);
    merge(
        &mut response,
        &json!({
            "subject": login.subject, "subjectType": "persistent", "issuer": issuer,
            "nameQualifier": format!("{qualifier}="), "audience": AWS_AUDIENCE,
        }),
    );
    record["responseElements"] = response;
    st.log(Feed::AwsHub, session.created, &record);
    session
}

/// `AssumeRoleWithWebIdentity` with a token of the realm, and what is knowable after it.
pub(crate) fn web_identity(
    st: &mut Stage<'_>,
    subject: &str,
    client: &str,
    token: &forge::Token,
    case: Case,
) -> (Session, Case) {
    let at = token.at + st.rng.between(SECOND, 10 * SECOND);
    let session = aws::session(st, 0, client, at);
    let number = st.company.accounts[0].clone();
    let realm = token.feed_realm();
    let issuer = Company::realm_issuer(realm);
    let host = issuer.trim_start_matches("https://").to_owned();
    let provider = format!("arn:aws:iam::{number}:oidc-provider/{host}");
    let id = st.rng.uuid();
    let mut record = call(
        &mut st.rng,
        &Call {
            at: session.created,
            id: &id,
            account: &number,
            service: "sts",
            name: "AssumeRoleWithWebIdentity",
            read_only: true,
            identity: json!({
                "type": "WebIdentityUser",
                "principalId": format!("{provider}:{client}:{subject}"),
                "userName": subject,
                "identityProvider": provider,
            }),
            ip: &session.ip,
            agent: &session.agent,
        },
    );
    record["requestParameters"] = session.request(&number);
    let mut response = session.response(&number);
    merge(
        &mut response,
        &json!({
            "subjectFromWebIdentityToken": subject, "provider": provider, "audience": client,
        }),
    );
    record["responseElements"] = response;
    st.log(Feed::AwsHub, session.created, &record);
    let case = if st.collects(token.feed) {
        case.link(OIDC, Grade::Composite)
            .because("One token has this issuer, subject and audience within the window.")
    } else {
        case.link("aws.web_identity_subject", Grade::Declared)
            .because("The realm's log is not collected; AWS recorded the subject it asserted.")
    };
    (session.clone(), after_hub(st, case))
}

fn enter(st: &mut Stage<'_>, session: Session, case: Case, at: Millis) {
    let case = after_hub(st, case);
    aws::play(st, session, case, at + 12 * SECOND);
}

/// The first role session's key is issued in the hub's log, if that is collected.
fn after_hub(st: &Stage<'_>, case: Case) -> Case {
    if st.collects(Feed::AwsHub) {
        case.link(aws::ISSUED_KEY, Grade::Exact)
    } else {
        case.broken(
            "issuance_not_collected",
            "The account in which the first role was assumed sends no logs.",
        )
    }
}

fn merge(into: &mut Value, more: &Value) {
    if let Some(more) = more.as_object() {
        for (key, value) in more {
            into[key.as_str()] = value.clone();
        }
    }
}
