//! One question, one function.

use std::fmt::Write as _;

use countersign_model::judgement::{Access, Judgement, Outcome, Reason};
use countersign_model::limits::CHAIN_DEPTH_MAX;
use countersign_model::time::Timestamp;

use crate::context::Context;
use crate::exception;
use crate::facts::Facts;
use crate::grant::{self, Candidate};
use crate::guardrails::Guardrails;

/// Was, or is, this access justified at `at`?
///
/// Where several grants cover it, the answer is by the one that justifies it best; of equals, by
/// the one that explains it best.
pub fn judge<'a>(
    guardrails: &'a Guardrails,
    facts: &'a Facts,
    access: &'a Access<'a>,
    at: Timestamp,
) -> Judgement {
    // What never ends has the last instant of all as its end, so no access may be at it.
    let at = at.min(Timestamp(i64::MAX - 1));
    let mut context = Context::new(facts, access, at);
    let chain = through(guardrails, facts, access, at);
    context.through(chain.is_permitted);
    let asked = Asked { guardrails, facts, access, at, context, chain };
    let candidates = asked
        .context
        .identity
        .map_or_else(Vec::new, |(identity, _)| grant::candidates(facts, identity, access, at));
    let mut candidates = candidates.into_iter();
    let mut best = asked.answer(candidates.next());
    for candidate in candidates {
        if best.outcome == Outcome::Allow {
            break;
        }
        let other = asked.answer(Some(candidate));
        if other.outcome < best.outcome {
            best = other;
        }
    }
    best
}

struct Asked<'a> {
    guardrails: &'a Guardrails,
    facts: &'a Facts,
    access: &'a Access<'a>,
    at: Timestamp,
    context: Context<'a>,
    chain: Chain,
}

impl<'a> Asked<'a> {
    /// The answer if the access is justified by this grant, or by none.
    fn answer(&self, candidate: Option<Candidate<'a>>) -> Judgement {
        let Self { guardrails, facts, access, at, .. } = *self;
        let context = self.context.by_grant(facts, candidate, access, at);
        let mut reasons = guardrails.reasons_against(&context.values, access);
        explain(&mut reasons, &context, &self.chain);
        let mut exceptions = exception::set_aside(&mut reasons, facts, &context, access, at);
        exceptions.extend(self.chain.exceptions.iter().cloned());
        exceptions.sort();
        exceptions.dedup();
        let grant = candidate.map(|candidate| candidate.grant);
        let entitlement = candidate.map(|candidate| candidate.entitlement);
        Judgement {
            outcome: reasons.iter().map(|reason| reason.outcome).max().unwrap_or(Outcome::Allow),
            reasons,
            organization: context.identity.map(|(_, identity)| identity.organization.to_string()),
            trust_path: context.trust_path.map(|(id, _)| id.to_string()),
            grant: candidate.map(|candidate| candidate.id.to_string()),
            grant_until: grant.and_then(|grant| grant.interval.until),
            entitlement: grant.map(|grant| grant.entitlement.to_string()),
            business_process: entitlement.and_then(|known| known.business_process.clone()),
            sponsor: grant.and_then(|grant| grant.sponsor.as_ref()).map(ToString::to_string),
            required: entitlement.and_then(|known| known.required),
            accepted: context.accepted,
            accepted_by: context.accepted_by,
            exceptions,
        }
    }
}

/// Adds what only this access shows: the axes that lack, the identities that are not permitted.
fn explain(reasons: &mut [Reason], context: &Context<'_>, chain: &Chain) {
    for reason in reasons {
        match reason.code.as_str() {
            "assurance.below" => {
                reason.text = format!("{}: {}", reason.text, context.lacks.join(", "));
            }
            "through.not_permitted" | "through.unknown" => reason.text.push_str(&chain.text),
            _ => {}
        }
        // A machine cannot authenticate any better on the spot.
        if reason.outcome == Outcome::StepUp && context.is_machine() {
            reason.outcome = Outcome::Deny;
        }
    }
}

/// What there is to say of the identities it acted through.
struct Chain {
    is_permitted: Option<bool>,
    /// Which of them are not permitted, and why.
    text: String,
    exceptions: Vec<String>,
}

/// These depend on a sign-in of its own, which an identity on the way does not show.
const NOT_ASKED_ON_THE_WAY: [&str; 4] =
    ["assurance.below", "assurance.unknown", "trust_path.lapsed", "trust_path.unknown"];

/// Each identity it acted through must itself be permitted: the right is the intersection.
fn through(guardrails: &Guardrails, facts: &Facts, access: &Access<'_>, at: Timestamp) -> Chain {
    let mut chain = Chain { is_permitted: Some(true), text: String::new(), exceptions: Vec::new() };
    if access.through.len() > CHAIN_DEPTH_MAX {
        chain.is_permitted = Some(false);
        chain.text = format!(": there are more than {CHAIN_DEPTH_MAX}");
        return chain;
    }
    let mut worst = Outcome::Allow;
    for (number, id) in access.through.iter().enumerate() {
        let is_last = number + 1 == access.through.len();
        let judged = judge(guardrails, facts, &on_the_way(access, id, is_last), at);
        chain.exceptions.extend(judged.exceptions);
        let is_asked = |reason: &&Reason| match reason.code.as_str() {
            "nhi.network_unknown" => is_last,
            code => !NOT_ASKED_ON_THE_WAY.contains(&code),
        };
        let against: Vec<&Reason> = judged.reasons.iter().filter(is_asked).collect();
        let codes: Vec<&str> = against.iter().map(|reason| reason.code.as_str()).collect();
        if codes.is_empty() {
            continue;
        }
        let name = if id.is_empty() { "one that is not registered" } else { id };
        let separator = if chain.text.is_empty() { ": " } else { "; " };
        // Writing to a string cannot fail.
        let _ = write!(chain.text, "{separator}{name} ({})", codes.join(", "));
        worst = worst.max(against.iter().map(|reason| reason.outcome).max().unwrap_or(worst));
    }
    chain.is_permitted = match worst {
        Outcome::Allow => Some(true),
        Outcome::Unknown => None,
        Outcome::Deny | Outcome::StepUp => Some(false),
    };
    chain
}

/// The access as the identity on the way makes it. Only the last of them is where the address is.
fn on_the_way<'a>(access: &Access<'a>, id: &'a str, is_last: bool) -> Access<'a> {
    Access {
        identity: Some(id),
        account: None,
        through: &[],
        credential: None,
        assurance: &[],
        authenticated_at: None,
        ip: access.ip.filter(|_| is_last),
        interactive: None,
        // The application's own policies are asked once, of who asks.
        request: None,
        ..*access
    }
}
