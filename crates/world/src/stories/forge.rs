//! Logins and tokens at the identity providers, with what goes wrong there.

use serde_json::json;

use crate::company::Person;
use crate::feed::Feed;
use crate::records::{keycloak, okta};
use crate::stage::Stage;
use crate::time::{Millis, SECOND};

/// A token of one of the Keycloak realms.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) feed: Feed,
    pub(crate) at: Millis,
    pub(crate) session: String,
}

impl Token {
    pub(crate) fn feed_realm(&self) -> &'static str {
        if self.feed == Feed::KcMachines { "machines" } else { "partners" }
    }
}

/// An Okta login: (session, root session) that later events of it carry. The session id changes
/// once during it; the root session does not.
pub(crate) fn okta_login(st: &mut Stage<'_>, who: &Person, at: Millis) -> (String, String) {
    if st.fault(st.plan.faults.failed_logins) {
        okta_event(st, who, at - 20 * SECOND, "user.session.start", (Some("unknown"), None, false));
    }
    let root = format!("idx{}", st.rng.base62(22));
    let first = format!("102{}", st.rng.base62(22));
    let second = format!("102{}", st.rng.base62(22));
    okta_event(st, who, at, "user.session.start", (Some(&first), Some(&root), true));
    okta_event(st, who, at, "policy.evaluate_sign_on", (Some(&first), Some(&root), true));
    okta_event(
        st,
        who,
        at + SECOND,
        "user.authentication.auth_via_mfa",
        (Some(&second), Some(&root), true),
    );
    if st.fault(st.plan.faults.collisions) {
        okta_decoy(st, at, &second, &root);
    }
    (second, root)
}

fn okta_event(
    st: &mut Stage<'_>,
    who: &Person,
    at: Millis,
    kind: &str,
    (session, root, success): (Option<&str>, Option<&str>, bool),
) {
    let id = st.rng.uuid();
    let clock = st.clock(Feed::OktaMain, at);
    let debug = json!({"requestId": st.rng.base62(20), "dtHash": st.rng.hex(64), "requestUri": "/idp/idx/identify"});
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
            success,
            target: json!(null),
            debug,
        },
    );
    st.log(Feed::OktaMain, at, &record);
}

/// Somebody else in another Okta tenant whose session happens to have the same id.
fn okta_decoy(st: &mut Stage<'_>, at: Millis, session: &str, root: &str) {
    let id = st.rng.uuid();
    let clock = st.clock(Feed::OktaLabs, at);
    let record = okta::entry(
        &mut st.rng,
        &okta::Entry {
            at: clock,
            id: &id,
            kind: "user.session.start",
            actor: ("00uLABS00000000000001", "tess.labs@aldgate-labs.example", "Tess Labs"),
            ip: "198.51.100.251",
            session: Some(session),
            root_session: Some(root),
            success: true,
            target: json!(null),
            debug: json!({"requestUri": "/idp/idx/identify"}),
        },
    );
    st.log(Feed::OktaLabs, at, &record);
}

/// A login at the partners' realm and the code exchanged for a token of `client`.
pub(crate) fn keycloak_login(st: &mut Stage<'_>, who: &Person, client: &str) -> Token {
    let at = st.now + st.rng.between(SECOND, 5 * SECOND);
    if st.fault(st.plan.faults.failed_logins) {
        realm_event(
            st,
            (Feed::KcPartners, at - 15 * SECOND),
            "LOGIN_ERROR",
            (client, &who.keycloak, None),
            json!({"auth_method": "openid-connect", "username": who.email}),
        );
    }
    let session = st.rng.base64url(18);
    realm_event(
        st,
        (Feed::KcPartners, at),
        "LOGIN",
        (client, &who.keycloak, Some(&session)),
        json!({
            "auth_method": "openid-connect", "auth_type": "code", "consent": "no_consent_required",
            "code_id": session, "username": who.email,
        }),
    );
    if st.fault(st.plan.faults.collisions) {
        let stranger = st.rng.uuid();
        realm_event(
            st,
            (Feed::KcMachines, at),
            "LOGIN",
            ("admin-cli", &stranger, Some(&session)),
            json!({"username": "somebody-else"}),
        );
    }
    code_to_token(st, who, client, &session, at + 2 * SECOND)
}

/// The code of a session exchanged for a token.
pub(crate) fn code_to_token(
    st: &mut Stage<'_>,
    who: &Person,
    client: &str,
    session: &str,
    at: Millis,
) -> Token {
    let prefix = if st.fault(st.plan.faults.encodings) { "onrtac:" } else { "" };
    let details = json!({
        "token_id": format!("{prefix}{}", st.rng.uuid()), "grant_type": "authorization_code",
        "refresh_token_type": "Refresh", "scope": "openid email profile",
        "refresh_token_id": st.rng.uuid(), "code_id": session,
        "client_auth_method": "client-secret",
    });
    realm_event(
        st,
        (Feed::KcPartners, at),
        "CODE_TO_TOKEN",
        (client, &who.keycloak, Some(session)),
        details,
    );
    Token { feed: Feed::KcPartners, at, session: session.to_owned() }
}

/// One event of a realm, as its listener writes it.
pub(crate) fn realm_event(
    st: &mut Stage<'_>,
    (feed, at): (Feed, Millis),
    kind: &str,
    (client, user, session): (&str, &str, Option<&str>),
    details: serde_json::Value,
) {
    let realm = if feed == Feed::KcMachines { "machines" } else { "partners" };
    let realm_id = st.company.realm_id(realm);
    let id = st.rng.uuid();
    let entry = keycloak::Entry {
        at: st.clock(feed, at),
        id: &id,
        kind,
        realm,
        realm_id: &realm_id,
        client,
        user,
        session,
        ip: "172.18.0.5",
        error: kind.ends_with("_ERROR").then_some("invalid_user_credentials"),
        details,
    };
    let line = if feed == Feed::KcMachines {
        keycloak::text_line(&entry)
    } else {
        keycloak::json_line(&entry)
    };
    st.log_line(feed, at, line);
}
