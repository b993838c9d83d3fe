//! Those who act in somebody's name: agents by token exchange, and administrators who impersonate.

use serde_json::json;

use crate::feed::Feed;
use crate::stage::Stage;
use crate::stories::{aws, federated, forge};
use crate::time::SECOND;
use crate::truth::{Case, Grade, Known, Who};

/// The agent of an organization: its register id, client and the user of its service account.
pub(crate) fn agent(seed: u64, organization: usize) -> (String, String, String) {
    let mut rng = crate::rng::Rng::of(seed, "agent", organization as u64);
    (format!("agent-{organization}"), format!("assistant-{organization}"), rng.uuid())
}

/// A person signs in to a workbench; its agent exchanges their token for one of its own audience
/// and acts on their behalf.
pub(crate) fn exchange(st: &mut Stage<'_>, person: usize) {
    let who = st.company.person(person);
    let (id, client, user) = agent(st.plan.seed, who.organization);
    let token = forge::keycloak_login(st, &who, "workbench");
    let at = token.at + st.rng.between(SECOND, 5 * SECOND);
    let details = json!({
        "token_id": format!("trrtte:{}", st.rng.uuid()),
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token_client_id": "workbench", "audience": client, "act": user,
        "client_auth_method": "client-jwt",
    });
    forge::realm_event(
        st,
        (Feed::KcPartners, at),
        "TOKEN_EXCHANGE",
        (&client, &who.keycloak, Some(&token.session)),
        details,
    );
    let mut case = Case::of(federated::by_realm(&who), Known::As(Grade::Exact), "")
        .link("keycloak.token_exchange", Grade::Exact);
    case.actor = Some(Who::new(&id, "kc-partners", &client));
    let token = forge::Token { at, ..token };
    let (mut session, case) = federated::web_identity(st, &who.keycloak, &client, &token, case);
    session.agent = "assistant/1.4".to_owned();
    let case = case.because_known("The token was exchanged: its log names the person it stands for and the agent that got it.");
    aws::play(st, session, case, at + 10 * SECOND);
}

/// An administrator of the realm steps into a person's session and goes on from there.
pub(crate) fn impersonate(st: &mut Stage<'_>, support: usize, victim: usize) {
    let (support, victim) = (st.company.person(support), st.company.person(victim));
    let at = st.now + 2 * SECOND;
    let session = st.rng.base64url(18);
    forge::realm_event(
        st,
        (Feed::KcPartners, at),
        "IMPERSONATE",
        ("security-admin-console", &victim.keycloak, Some(&session)),
        json!({
            "impersonator": support.email, "impersonator_realm": "partners", "username": victim.email,
        }),
    );
    let token = forge::code_to_token(st, &victim, "aws-cli", &session, at + 3 * SECOND);
    let mut case = Case::of(federated::by_realm(&support), Known::As(Grade::Exact), "")
        .link("keycloak.impersonation", Grade::Exact)
        .link("keycloak.session", Grade::Exact);
    case.holder = federated::by_realm(&victim);
    let (session, case) = federated::web_identity(st, &victim.keycloak, "aws-cli", &token, case);
    let case = case.because_known(
        "The session behind the token was opened by an impersonation, which names who did it.",
    );
    aws::play(st, session, case, token.at + 12 * SECOND);
}
