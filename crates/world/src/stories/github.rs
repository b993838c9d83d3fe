//! Work in GitHub: by token, by the web pages, and with what the source struck out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::feed::Feed;
use crate::records::github::{ACTIONS, Entry, entry};
use crate::stage::Stage;
use crate::time::MINUTE;
use crate::truth::{Case, Grade, Known, Who};

const TOKEN: &str = "register.credential";

pub(crate) fn play(st: &mut Stage<'_>, person: usize) {
    let who = st.company.person(person);
    let hash = st.company.github_hash(person);
    let account = Who::new(&who.id, "github", &who.github);
    let number = format!("{}", 100_000_000 + person);
    let mut at = st.now;
    for _ in 0..st.actions {
        at += st.rng.between(0, 40 * MINUTE / i64::try_from(st.actions.max(1)).unwrap_or(1));
        let redacted = st.fault(st.plan.faults.redaction);
        let by_token = redacted || st.rng.chance(0.7);
        let hex = st.fault(st.plan.faults.encodings);
        let written = match (redacted, hex) {
            (true, _) => "REDACTED".to_owned(),
            // GitHub's own two recipes for the same hash.
            (false, true) => hash.iter().map(|byte| format!("{byte:02X}")).collect(),
            (false, false) => STANDARD.encode(hash),
        };
        let mut case =
            Case::of(account.clone(), Known::As(Grade::Declared), "The record names the account.");
        if redacted {
            case = case
                .broken("redacted_at_source", "Account and token were struck out before delivery.");
        } else if by_token {
            case = case
                .link(TOKEN, Grade::Declared)
                .because("The token is registered with one consumer.");
            if !st.company.github_consumer_known(person) {
                case.actor_known = Known::Not("shared_credential", 0);
                case = case.because("Nobody wrote down who uses the token.");
            }
        }
        let id = st.rng.base62(22);
        let action = *st.rng.pick(&ACTIONS);
        let record = entry(&Entry {
            at: st.clock(Feed::GitHub, at),
            id: &id,
            action,
            actor: if redacted { "" } else { &who.github },
            actor_id: if redacted { 0 } else { who.github_id },
            name_id: if redacted { "" } else { &who.email },
            token: by_token
                .then_some((written.as_str(), if redacted { "" } else { number.as_str() })),
            ip: &who.ip,
        });
        st.act(Feed::GitHub, at, &id, &record, &case);
    }
}
